/* The openings of a shard's entries: each ballot is read from Redis, its salt made again, and both
 * held against the entry that was sealed. */
#include "audit/bundle_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/await.h"
#include "audit/bundle_impl.h"
#include "audit/retally.h"
#include "base/encode.h"
#include "crypto/digest.h"
#include "store/seal.h"
#include "tlog/files.h"

#define OPENING_MAX (2 + SPENT_SIZE + SALT_SIZE + LEDGER_BALLOT_MAX)
#define AT_ONCE     8192 /* ballots of one reading */

struct opening {
	struct bundle *bundle;
	const struct bundle_log *log;
	struct hmac_key *salt_key;
	struct retally *retally;
	struct await await;
	int entries_dir;                              /* the copy of the log */
	uint8_t entries[TLOG_WIDTH][TLOG_ENTRY_SIZE]; /* of the file that is being written */
	struct buf file;
	uint64_t next;
	bool told; /* `why` says what is wrong */
	char *why;
};

static int tell(struct opening *it, int error)
{
	it->told = true;
	return error;
}

/* ---- one ballot ---- */

/* The entries of the file that `next` begins. */
static int read_entries(struct opening *it)
{
	uint64_t rest = it->log->certified.size - it->next;

	return tlog_read_entries(it->entries_dir, it->next / TLOG_WIDTH,
	    rest < TLOG_WIDTH ? (unsigned)rest : TLOG_WIDTH, it->entries);
}

static int write_file(struct opening *it)
{
	char under[40], path[TLOG_PATH_MAX];
	uint64_t n = (it->next - 1) / TLOG_WIDTH;
	int r;

	(void)snprintf(under, sizeof(under), "openings/%u", it->log->shard);
	(void)tlog_bundle_path(under, n, (unsigned)(it->next - n * TLOG_WIDTH), path);
	r = bundle_put(it->bundle, path, buf_slice(&it->file), it->why);
	buf_clear(&it->file);
	return r < 0 ? tell(it, r) : 0;
}

static int append_opening(
    struct opening *it, const struct seal_ballot *ballot, const uint8_t salt[SALT_SIZE])
{
	uint8_t length[2];
	int r;

	put_u16be(length, (uint16_t)(SPENT_SIZE + SALT_SIZE + ballot->ballot.len));
	r = buf_append(&it->file, length, sizeof(length));
	if (r == 0)
		r = buf_append(&it->file, ballot->spent, SPENT_SIZE);
	if (r == 0)
		r = buf_append(&it->file, salt, SALT_SIZE);
	return r == 0 ? buf_append_slice(&it->file, ballot->ballot) : r;
}

/* The ballot opens the entry that was sealed, and may be where it is. */
static int check(
    struct opening *it, const struct seal_ballot *ballot, const uint8_t salt[SALT_SIZE])
{
	const struct bundle_log *log = it->log;
	uint8_t entry[COMMITMENT_SIZE];
	char why[RETALLY_WHY_MAX];
	int r;

	commitment_entry(log->identity, ballot->index, ballot->spent, salt, ballot->ballot, entry);
	if (memcmp(entry, it->entries[ballot->index % TLOG_WIDTH], sizeof(entry)) != 0)
		return tell(it, bundle_fail(-EBADMSG, it->why,
				    "Shard %u, index %" PRIu64
				    ": the ballot in Redis is not the one that was sealed; see "
				    "tallyctl recount.",
				    log->shard, ballot->index));
	r = retally_add(it->retally, log->shard, ballot->index, ballot->spent, ballot->ballot, why);
	if (r == -EBADMSG)
		return tell(it, bundle_fail(r, it->why, "%s.", why));
	return r;
}

static int take(struct opening *it, const struct seal_ballot *ballot)
{
	uint8_t salt[SALT_SIZE];
	int r = it->next % TLOG_WIDTH == 0 ? read_entries(it) : 0;

	commitment_salt(it->salt_key, it->log->identity, ballot->index, ballot->spent, salt);
	if (r == 0)
		r = check(it, ballot, salt);
	if (r == 0)
		r = append_opening(it, ballot, salt);
	if (r < 0)
		return r;
	it->next++;
	return it->next % TLOG_WIDTH == 0 || it->next == it->log->certified.size ? write_file(it)
										 : 0;
}

/* ---- all of them ---- */

static void on_ballots(void *arg, int error, const struct seal_ballot *ballots, size_t n_ballots)
{
	struct opening *it = arg;
	uint64_t size = it->log->certified.size;

	if (error == 0 && n_ballots == 0)
		error = tell(it, bundle_fail(-EBADMSG, it->why,
				     "Shard %u: Redis has %" PRIu64 " ballots, and %" PRIu64
				     " were sealed; see tallyctl recount.",
				     it->log->shard, it->next, size));
	for (size_t i = 0; error == 0 && i < n_ballots && it->next < size; i++)
		error = take(it, &ballots[i]);
	await_done(&it->await, error);
}

static int open_all(struct opening *it, struct seal *seal)
{
	const struct bundle_log *log = it->log;
	char what[40];
	int r = 0;

	(void)snprintf(what, sizeof(what), "ballots of shard %u", log->shard);
	while (r == 0 && it->next < log->certified.size) {
		r = bundle_log_show(log, what, it->next, log->certified.size, it->why);
		if (r < 0)
			return r;
		seal_ballots(seal, log->shard, it->next, AT_ONCE, on_ballots, it);
		r = await(&it->await);
	}
	if (r < 0 && !it->told)
		(void)bundle_fail(r, it->why,
		    "Shard %u: the ballots from index %" PRIu64 " on cannot be read: %s.",
		    log->shard, it->next,
		    r == -EIO       ? "Redis does not answer"
		    : r == -EBADMSG ? "they are damaged; see tallyctl recount"
				    : strerror(-r));
	return r;
}

int bundle_openings(struct bundle *bundle, struct event_base *base, struct seal *seal,
    struct hmac_key *salt_key, const struct bundle_log *log, struct retally *retally,
    char ret_why[BUNDLE_WHY_MAX])
{
	struct opening it = {.bundle = bundle,
	    .log = log,
	    .salt_key = salt_key,
	    .retally = retally,
	    .await = {.base = base},
	    .why = ret_why};
	char path[BUNDLE_PATH_MAX];
	int r;

	(void)snprintf(path, sizeof(path), "log/%s/%u", log->contest, log->shard);
	if (log->epoch > 1)
		(void)snprintf(path, sizeof(path), "log/%s/%u/epoch-%" PRIu64, log->contest,
		    log->shard, log->epoch);
	it.entries_dir = openat(bundle_fd(bundle), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (it.entries_dir < 0)
		return bundle_fail(
		    -errno, ret_why, "%s: cannot be read: %s.", path, strerror(errno));
	buf_init(&it.file, (size_t)TLOG_WIDTH * OPENING_MAX);
	r = open_all(&it, seal);
	buf_release(&it.file);
	(void)close(it.entries_dir);
	return r;
}
