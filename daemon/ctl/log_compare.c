/* Two trees grow side by side: one of the ballots in Redis, one of the entries on this host's disk.
 * The second is believed only where it comes to a root that was signed. */
#include "ctl/log_compare.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "audit/await.h"
#include "audit/frontier.h"
#include "crypto/digest.h"
#include "tlog/files.h"

#define BALLOTS_AT_ONCE 4096

struct comparing {
	struct sealed *sealed;
	unsigned shard;
	const struct checkpoint *last;
	struct await await;
	struct hmac_key *salt;
	char identity[ORIGIN_MAX]; /* of the log, in every epoch */
	struct frontier made, kept;
	bool differs;    /* from what was signed: a root says so */
	bool kept_fails; /* the entries on disk cannot be read, or are not those that were signed */
	int dir;
	uint64_t n_changed, first_changed;
	unsigned width; /* of the bundle in `entries`, the last of them; 0: none is */
	uint8_t entries[TLOG_WIDTH][TLOG_ENTRY_SIZE];
	size_t at_once;
};

static const struct sealed_shard *shard_of(const struct comparing *comparing)
{
	return &comparing->sealed->shard[comparing->shard];
}

/* Up to which size this host's disk tells of entries. */
static uint64_t kept_size(const struct comparing *comparing)
{
	const struct sealed_note *here = &shard_of(comparing)->here;

	return here->good && comparing->dir >= 0 ? here->checkpoint.size : 0;
}

static bool has_root(const struct frontier *frontier, const struct checkpoint *checkpoint)
{
	uint8_t root[MERKLE_SIZE];

	frontier_root(frontier, root);
	return memcmp(root, checkpoint->root, sizeof(root)) == 0;
}

/* ---- this host's disk ---- */

/* The entry at the index that comes next. NULL: none. */
static const uint8_t *next_kept(struct comparing *comparing)
{
	uint64_t index = comparing->kept.size, size = kept_size(comparing);
	uint8_t leaf[MERKLE_SIZE];

	if (index >= size || comparing->kept_fails)
		return NULL;
	if (index % TLOG_WIDTH == 0) {
		uint64_t left = size - index;
		unsigned width = left < TLOG_WIDTH ? (unsigned)left : TLOG_WIDTH;
		if (tlog_read_entries(
			comparing->dir, index / TLOG_WIDTH, width, comparing->entries) != 0) {
			comparing->kept_fails = true;
			return NULL;
		}
	}
	const uint8_t *entry = comparing->entries[index % TLOG_WIDTH];
	merkle_leaf(slice_make(entry, TLOG_ENTRY_SIZE), leaf);
	frontier_add(&comparing->kept, leaf);
	if (comparing->kept.size == size &&
	    !has_root(&comparing->kept, &shard_of(comparing)->here.checkpoint))
		comparing->kept_fails = true;
	return entry;
}

/* ---- ballots ---- */

/* At every size of which a root was signed: what was signed last, and this host's. */
static void compare_roots(struct comparing *comparing)
{
	const struct sealed_note *here = &shard_of(comparing)->here;
	const struct checkpoint *last = comparing->last;
	uint64_t size = comparing->made.size;

	if ((size == last->size && !has_root(&comparing->made, last)) ||
	    (here->good && size == here->checkpoint.size &&
		!has_root(&comparing->made, &here->checkpoint)))
		comparing->differs = true;
}

static void take(struct comparing *comparing, const struct seal_ballot *ballot)
{
	uint8_t salt[SALT_SIZE], entry[COMMITMENT_SIZE], leaf[MERKLE_SIZE];
	const uint8_t *kept = next_kept(comparing);

	commitment_salt(comparing->salt, comparing->identity, ballot->index, ballot->spent, salt);
	commitment_entry(
	    comparing->identity, ballot->index, ballot->spent, salt, ballot->ballot, entry);
	if (kept && memcmp(kept, entry, sizeof(entry)) != 0 && comparing->n_changed++ == 0)
		comparing->first_changed = ballot->index;
	merkle_leaf(slice_make(entry, sizeof(entry)), leaf);
	frontier_add(&comparing->made, leaf);
	compare_roots(comparing);
}

static void read_on(struct comparing *comparing);

static void on_ballots(void *arg, int error, const struct seal_ballot *ballots, size_t n_ballots)
{
	struct comparing *comparing = arg;
	uint64_t end = shard_of(comparing)->ballots;

	if (error == -EBADMSG && comparing->at_once > 1) { /* up to the very ballot */
		comparing->at_once /= 2;
		read_on(comparing);
		return;
	}
	if (error == 0 && n_ballots == 0)
		error = -EBADMSG;
	for (size_t i = 0; i < n_ballots && error == 0 && ballots[i].index < end; i++)
		take(comparing, &ballots[i]);
	if (error)
		await_done(&comparing->await, error);
	else
		read_on(comparing);
}

static void read_on(struct comparing *comparing)
{
	uint64_t left = shard_of(comparing)->ballots - comparing->made.size;

	if (left == 0)
		await_done(&comparing->await, 0);
	else
		seal_ballots(comparing->sealed->seal, comparing->shard, comparing->made.size,
		    left < comparing->at_once ? (size_t)left : comparing->at_once, on_ballots,
		    comparing);
}

/* ---- the whole ---- */

/* Entries that Redis has no ballots for: the root that was signed is above them, too. */
static void finish_kept(struct comparing *comparing)
{
	while (next_kept(comparing))
		;
}

static void judge(struct comparing *comparing, struct log_compared *ret)
{
	bool kept = comparing->kept.size > 0 && !comparing->kept_fails;

	*ret = (struct log_compared){
	    .changed = comparing->differs || (kept && comparing->n_changed > 0),
	    .unknown = comparing->made.size > 0 && comparing->made.size < comparing->last->size &&
		       (!kept || comparing->kept.size < comparing->made.size),
	};
	ret->located = ret->changed && kept && comparing->n_changed > 0;
	ret->n = ret->located ? comparing->n_changed : 0;
	ret->first = ret->located ? comparing->first_changed : 0;
}

static int read_all(struct comparing *comparing)
{
	int r;

	read_on(comparing);
	r = await(&comparing->await);
	if (r == -EBADMSG)
		return ctl_fail(EX_DATAERR,
		    "shard %u: the ballots cannot be read from index %" PRIu64 " on: entry %" PRIu64
		    "-0 of the shard's log in Redis is damaged, or missing. The new log would halt "
		    "there as well, so no epoch was begun; bring it back first (ops/runbook.md, "
		    "\"Sealing has halted\").",
		    comparing->shard, comparing->made.size, comparing->made.size + 1);
	return r == 0 ? EX_OK
		      : ctl_fail(EX_UNAVAILABLE, "Redis does not answer; no epoch has been begun.");
}

int log_compare(struct sealed *sealed, unsigned shard, const struct checkpoint *last,
    struct log_compared *ret_compared)
{
	const struct session *session = sealed->session;
	const struct round *round = session->round;
	struct comparing comparing = {.sealed = sealed,
	    .shard = shard,
	    .last = last,
	    .await = {.base = session->base},
	    .at_once = BALLOTS_AT_ONCE,
	    .dir = sealed_open_log(sealed, shard)};
	int status = EX_OK;

	comparing.salt = hmac_key_new(slice_make(round->keys.salt, sizeof(round->keys.salt)));
	if (!comparing.salt)
		status = ctl_fail(EX_OSERR, "there is not enough memory.");
	else if (commitment_origin(session->ctl->settings.log_name, round->contest, shard,
		     comparing.identity) < 0)
		status = ctl_fail(EX_CONFIG, "log_name is too long.");
	if (status == EX_OK)
		status = read_all(&comparing);
	if (status == EX_OK) {
		finish_kept(&comparing);
		judge(&comparing, ret_compared);
	}
	hmac_key_free(comparing.salt);
	if (comparing.dir >= 0)
		close(comparing.dir);
	return status;
}
