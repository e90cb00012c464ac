/* Epochs of a shard's log: each in a directory of its own, begun by an act in the contest's record
 * and by nothing else. */
#include "worker/shardlog_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "worker/endings.h"

#define READINGS_SURE 2 /* of the record: one of them began after the look */

/* A host that was away while epochs began may have seen more of the last one that it knows than
 * whoever ended it. What cannot be read tells nothing: that log stays as it is. Epochs before that
 * one were looked at when it began here: an end is objected to once. */
static void read_before(struct shardlog *log, uint64_t epoch)
{
	char path[PATH_MAX], origin[ORIGIN_MAX];
	struct buf note;
	int fd;

	log->before = (struct checkpoint){0};
	log->before_epoch = epoch < 2 ? 0 : shardlog_epoch_before(log, epoch);
	if (epoch < 2 ||
	    commitment_epoch_origin(log->options.identity, log->before_epoch, origin) < 0)
		return;
	shardlog_path(log, log->before_epoch, path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	buf_init(&note, CHECKPOINT_MAX);
	if (tlog_read(fd, "checkpoint", CHECKPOINT_MAX, &note) == 0 &&
	    checkpoint_open(buf_slice(&note), origin, log->options.key, &log->before) < 0)
		log->before = (struct checkpoint){0};
	buf_release(&note);
	(void)close(fd);
}

int shardlog_open_epoch(struct shardlog *log, uint64_t epoch)
{
	struct seal_stats *stats = log->options.stats;
	char path[PATH_MAX], origin[ORIGIN_MAX];
	struct stat status;
	int r;

	if (log->epoch == epoch)
		return 0;
	logdir_close(&log->dir);
	log->epoch = 0;
	log->checkpoint.len = log->issued.len = log->statement.len = 0;
	log->head = (struct checkpoint){0};
	log->waiting_since_ms = 0;
	log->seen = 0;
	stats->waiting_since_steady_ms = 0;
	log->compare = true;
	log->aged = log->unmendable = false;
	shardlog_path(log, epoch, path);
	r = commitment_epoch_origin(log->options.identity, epoch, origin);
	if (r == 0)
		r = logdir_open(&log->dir, path, origin, log->options.key);
	if (r < 0) {
		logdir_close(&log->dir);
		memcpy(log->dir.path, path, sizeof(path)); /* for the message */
		return r;
	}
	log->epoch = epoch;
	log->issued_signed = log->dir.issued_count;
	log->later_epoch = shardlog_later_epoch(log, epoch);
	read_before(log, epoch);
	stats->epoch = epoch;
	stats->sealed = log->dir.published.size;
	stats->sealed_wall_ms = 0;
	if (fstatat(log->dir.fd, "checkpoint", &status, 0) == 0)
		stats->sealed_wall_ms =
		    status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1000000;
	return 0;
}

bool shardlog_has_epoch(const struct shardlog *log, uint64_t epoch)
{
	char path[PATH_MAX];

	shardlog_path(log, epoch, path);
	return log->epoch == epoch || access(path, F_OK) == 0;
}

bool shardlog_knows_end(struct shardlog *log)
{
	const struct endings *endings = log->options.endings;

	if (log->before.size == 0 || log->before_epoch + 1 == log->epoch ||
	    endings->epoch >= log->epoch)
		return true;
	if (endings->damaged)
		shardlog_fail(log,
		    "the audit log cannot be read, and nothing else tells how the last epoch that "
		    "this host has ended",
		    0);
	else
		shardlog_rest(log);
	return false;
}

static void on_begun(void *arg, enum seal_outcome outcome)
{
	struct shardlog *log = arg;

	if (outcome == SEAL_STORED || outcome == SEAL_MOVED)
		shardlog_look(log, false);
	else
		shardlog_rest_after_redis(log);
}

bool shardlog_denies_end(const struct checkpoint *published, const struct checkpoint *end)
{
	return published->size > end->size ||
	       (published->size == end->size && end->size > 0 &&
		   memcmp(published->root, end->root, MERKLE_SIZE) != 0);
}

/* The record is further than the shard: whoever signs carries the new epoch there. */
void shardlog_begin_epoch(struct shardlog *log)
{
	const struct sealing *sealing = log->options.sealing;
	struct logdir_note statement;
	int r;

	if (!log->options.seed || log->options.shard >= sealing->n_old) {
		shardlog_rest(log);
		return;
	}
	r = shardlog_has_epoch(log, log->view.epoch) ? shardlog_open_epoch(log, log->view.epoch)
						     : 0; /* nothing was published here */
	if (r < 0) {
		shardlog_fail(log, "cannot be opened", r);
		return;
	}
	if (log->epoch + 1 == sealing->epoch && shardlog_denies_end(&log->dir.published,
						    &sealing->old[log->options.shard].checkpoint)) {
		shardlog_fail(log,
		    "the contest's record tells of another end of the epoch before than what was "
		    "published here, and nothing is signed of it",
		    0);
		return;
	}
	r = shardlog_sign_statement(
	    log, sealing->epoch, &sealing->old[log->options.shard], &statement);
	if (r < 0) {
		shardlog_fail(log, "statement", r);
		return;
	}
	log->step = STEP_CHANGE;
	seal_begin(log->options.seal, log->options.shard, sealing->epoch,
	    slice_make(statement.text, statement.len), on_begun, log);
}

/* The record is the first to go on, so no shard is further than it, unless somebody has a hand in
 * Redis; but what is known of the record may be older than this look. */
void shardlog_meet_later_epoch(struct shardlog *log, const struct seal_view *view)
{
	const struct sealing *sealing = log->options.sealing;
	char why[SEAL_WHY_MAX];

	if (!log->ahead)
		log->ahead_since = *log->options.readings;
	log->ahead = true;
	if (view->halt.ptr)
		shardlog_meet_halt(log, view);
	if (view->halt.ptr || *log->options.readings - log->ahead_since < READINGS_SURE) {
		shardlog_rest(log);
		return;
	}
	snprintf(why, sizeof(why),
	    "Redis has this shard in epoch %llu, which by the contest's record has not begun: it "
	    "is in epoch %llu",
	    (unsigned long long)view->epoch, (unsigned long long)sealing->epoch);
	shardlog_halt(log, view->epoch, why);
}
