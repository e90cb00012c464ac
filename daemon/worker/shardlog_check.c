/* What must fit together before anything is signed or published, and the words for what does not.
 */
#include "worker/shardlog_impl.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/endings.h"

__attribute__((format(printf, 2, 3))) static int why(
    char ret_why[SEAL_WHY_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(ret_why, SEAL_WHY_MAX, format, args);
	va_end(args);
	return -EBADMSG;
}

/* ---- epochs on this host's disk ---- */

void shardlog_path(const struct shardlog *log, uint64_t epoch, char ret_path[PATH_MAX])
{
	if (epoch < 2)
		snprintf(ret_path, PATH_MAX, "%s", log->options.path);
	else
		snprintf(ret_path, PATH_MAX, "%s/epoch-%llu", log->options.path,
		    (unsigned long long)epoch);
}

/* Whether anything of a log was ever put there; its checkpoint may be gone. */
static bool has_begun(const char *path)
{
	static const char *const names[] = {"checkpoint", "statement", "issued", "tile"};
	char name[PATH_MAX + sizeof("/checkpoint")];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(name, sizeof(name), "%s/%s", path, names[i]);
		if (access(name, F_OK) == 0)
			return true;
	}
	return false;
}

uint64_t shardlog_later_epoch(const struct shardlog *log, uint64_t epoch)
{
	DIR *entries = opendir(log->options.path);
	const struct dirent *entry;
	uint64_t latest = epoch;

	while (entries && (entry = readdir(entries))) {
		char path[PATH_MAX], *end;
		unsigned long long n;

		if (strncmp(entry->d_name, "epoch-", 6) != 0)
			continue;
		n = strtoull(entry->d_name + 6, &end, 10);
		shardlog_path(log, n, path);
		if (*end == '\0' && n > latest && has_begun(path))
			latest = n;
	}
	if (entries)
		closedir(entries);
	return latest > epoch ? latest : 0;
}

uint64_t shardlog_epoch_before(const struct shardlog *log, uint64_t epoch)
{
	DIR *entries = opendir(log->options.path);
	const struct dirent *entry;
	uint64_t latest = 1;

	while (entries && (entry = readdir(entries))) {
		char *end;
		unsigned long long n;

		if (strncmp(entry->d_name, "epoch-", 6) != 0)
			continue;
		n = strtoull(entry->d_name + 6, &end, 10);
		if (*end == '\0' && n > latest && n < epoch)
			latest = n;
	}
	if (entries)
		closedir(entries);
	return latest;
}

/* ---- the notes in Redis ---- */

static bool is_kept(const struct logdir_note *note, struct slice text)
{
	return slice_equal(slice_make(note->text, note->len), text);
}

static void keep(struct logdir_note *note, struct slice text)
{
	if (text.len > 0)
		memcpy(note->text, text.ptr, text.len);
	note->len = text.len;
}

/* A signature is checked once, not with every look. */
static int check_checkpoint(
    struct shardlog *log, const struct seal_view *view, char ret_why[SEAL_WHY_MAX])
{
	struct checkpoint head = {0};

	if (is_kept(&log->checkpoint, view->checkpoint) && log->head.size == view->size)
		return 0;
	if (view->checkpoint.len > 0 &&
	    (view->checkpoint.len > LOGDIR_NOTE_MAX ||
		checkpoint_open(view->checkpoint, log->dir.origin, log->options.key, &head) < 0))
		return why(ret_why, "the checkpoint in Redis is not signed by this log's key");
	if (head.size != view->size)
		return why(ret_why, "the checkpoint in Redis is of %llu entries, not %llu as noted",
		    (unsigned long long)head.size, (unsigned long long)view->size);
	keep(&log->checkpoint, view->checkpoint);
	log->head = head;
	return 0;
}

static int check_issued_note(
    struct shardlog *log, const struct seal_view *view, char ret_why[SEAL_WHY_MAX])
{
	struct slice text = view->issued_note;
	uint64_t size, issued = 0;

	if (is_kept(&log->issued, text))
		return 0;
	if (text.len > 0 &&
	    (text.len > LOGDIR_NOTE_MAX ||
		issued_open(text, log->dir.origin, log->options.key, &size, &issued) < 0))
		return why(ret_why, "the issued note in Redis is not signed by this log's key");
	keep(&log->issued, text);
	if (issued > log->issued_signed)
		log->issued_signed = issued;
	return 0;
}

/* A note is never followed by one of fewer tokens: who was forgotten gets another one, and the note
 * is what tells. */
static int check_issued(
    struct shardlog *log, const struct seal_view *view, char ret_why[SEAL_WHY_MAX])
{
	if (check_issued_note(log, view, ret_why) < 0)
		return -EBADMSG;
	if (view->issued < log->issued_signed)
		return why(ret_why,
		    "Redis has %llu issued tokens, fewer than the %llu that were signed",
		    (unsigned long long)view->issued, (unsigned long long)log->issued_signed);
	return 0;
}

/* Who was away when an epoch ended may have seen more of it signed than its end tells. `end`: of
 * the epoch before this one. */
static int check_end(const struct shardlog *log, const struct seal_view *view,
    const struct checkpoint *end, char ret_why[SEAL_WHY_MAX])
{
	bool is_last = log->before_epoch + 1 == view->epoch;
	const struct checkpoint *told =
	    is_last ? end : endings_of(log->options.endings, log->before_epoch, log->options.shard);

	if (!told || !shardlog_denies_end(&log->before, told))
		return 0;
	return why(ret_why,
	    "the %s of epoch %llu says that %llu entries were signed in the epoch before, and this "
	    "host has a signed checkpoint of %s%llu",
	    is_last ? "statement" : "audit log's act", (unsigned long long)log->before_epoch + 1,
	    (unsigned long long)told->size,
	    log->before.size == told->size ? "another tree of " : "",
	    (unsigned long long)log->before.size);
}

/* The statement tells everybody how much of the old log was signed. */
static int check_statement(
    struct shardlog *log, const struct seal_view *view, char ret_why[SEAL_WHY_MAX])
{
	struct slice text = view->statement;
	char old_origin[ORIGIN_MAX];
	struct checkpoint end;

	if (is_kept(&log->statement, text))
		return 0;
	if (view->epoch < 2 || text.len > LOGDIR_NOTE_MAX ||
	    commitment_epoch_origin(log->options.identity, view->epoch - 1, old_origin) < 0 ||
	    statement_open(text, log->dir.origin, old_origin, log->options.key, &end) < 0)
		return why(
		    ret_why, "the statement in Redis is not one by this log's key of this epoch");
	if (check_end(log, view, &end, ret_why) < 0)
		return -EBADMSG;
	keep(&log->statement, text);
	return 0;
}

/* ---- Redis against this host ---- */

static int check_sizes(
    const struct shardlog *log, const struct seal_view *view, char ret_why[SEAL_WHY_MAX])
{
	const struct checkpoint *published = &log->dir.published;
	const struct logdir *dir = &log->dir;

	if (view->log_size < published->size || view->log_size < view->size)
		return why(ret_why, "Redis has %llu ballots, fewer than the %llu that were sealed",
		    (unsigned long long)view->log_size,
		    (unsigned long long)(published->size > view->size ? published->size
								      : view->size));
	if (view->log_size < dir->witnessed)
		return why(ret_why,
		    "Redis has %llu ballots, fewer than the %llu that this host's files have, "
		    "whose checkpoint is gone",
		    (unsigned long long)view->log_size, (unsigned long long)dir->witnessed);
	if (view->size < published->size)
		return why(ret_why,
		    "Redis has a checkpoint of %llu entries, older than the published one of %llu",
		    (unsigned long long)view->size, (unsigned long long)published->size);
	if (view->size < dir->issued_size)
		return why(ret_why,
		    "Redis has a checkpoint of %llu entries, older than this host's issued note of "
		    "%llu",
		    (unsigned long long)view->size, (unsigned long long)dir->issued_size);
	if (view->latched && view->latched_size != view->log_size)
		return why(ret_why, "Redis has %llu ballots, not the %llu of the close",
		    (unsigned long long)view->log_size, (unsigned long long)view->latched_size);
	return 0;
}

int shardlog_check(struct shardlog *log, const struct seal_view *view, char ret_why[SEAL_WHY_MAX])
{
	const struct checkpoint *published = &log->dir.published;
	int r;

	if (log->later_epoch)
		return why(ret_why, "Redis is in epoch %llu, this host has the log of epoch %llu",
		    (unsigned long long)view->epoch, (unsigned long long)log->later_epoch);
	if (view->epoch > 1 && view->statement.len == 0)
		return why(ret_why, "epoch %llu has no statement of how the one before ended",
		    (unsigned long long)view->epoch);
	r = check_sizes(log, view, ret_why);
	if (r == 0)
		r = check_checkpoint(log, view, ret_why);
	if (r == 0)
		r = check_issued(log, view, ret_why);
	if (r == 0)
		r = check_statement(log, view, ret_why);
	if (r < 0)
		return r;
	if (log->dir.checkpoint.len > 0 && log->checkpoint.len > 0 &&
	    view->size == published->size &&
	    memcmp(log->head.root, published->root, MERKLE_SIZE) != 0)
		return why(ret_why,
		    "the checkpoint in Redis has another root than the published one of the same "
		    "%llu entries",
		    (unsigned long long)view->size);
	return 0;
}

uint64_t shardlog_known(const struct shardlog *log)
{
	const struct logdir *dir = &log->dir;

	return dir->witnessed > dir->published.size ? dir->witnessed : dir->published.size;
}

/* Of what is published every file was good when the directory was opened, or was mended. */
static int read_known(const struct shardlog *log, uint64_t n, struct logdir_witness *ret_known)
{
	uint64_t left = log->dir.published.size - n * TLOG_WIDTH;

	if (log->dir.witnessed > 0)
		return logdir_witness(&log->dir, n, ret_known);
	ret_known->n_leaves = 0;
	ret_known->n_entries = left < TLOG_WIDTH ? (unsigned)left : TLOG_WIDTH;
	return tlog_read_entries(log->dir.fd, n, ret_known->n_entries, ret_known->entries);
}

int shardlog_compare(
    struct shardlog *log, const struct seal_ballot *ballots, size_t n_ballots, uint64_t *ret_index)
{
	struct logdir_witness known;
	uint64_t size = shardlog_known(log), read = UINT64_MAX;

	for (size_t i = 0; i < n_ballots && ballots[i].index < size; i++) {
		uint64_t index = ballots[i].index, n = index / TLOG_WIDTH;
		uint8_t entry[COMMITMENT_SIZE];

		if (n != read) {
			int r = read_known(log, n, &known);

			if (r < 0) /* of this host's files: says nothing of Redis' ballots */
				return r == -EBADMSG ? -EIO : r;
			read = n;
		}
		shardlog_entry(log, &ballots[i], entry);
		if (logdir_denies(&known, index % TLOG_WIDTH, entry)) {
			*ret_index = index;
			return -EBADMSG;
		}
	}
	return 0;
}
