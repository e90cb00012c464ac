/* How a shard's log grows: ballots are read up to where they are wanted, and then compared, mended
 * with, published, or signed. Where to is decided in shardlog.c. */
#include "worker/shardlog_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define READ_MAX 4096 /* ballots in one reading */

/* ---- publishing ---- */

/* What stands in Redis, whose files are flushed. The issued note goes first: whoever reads the
 * checkpoint and then the note finds at least as many voting rights as ballots. */
int shardlog_publish(struct shardlog *log)
{
	struct seal_stats *stats = log->options.stats;
	bool grows = log->head.size > log->dir.published.size || log->dir.checkpoint.len == 0;
	int r = 0;

	if (log->issued.len > 0)
		r = logdir_put_issued(&log->dir, logdir_note_slice(&log->issued));
	if (r == 0)
		r = logdir_publish(&log->dir, &log->head, logdir_note_slice(&log->checkpoint));
	if (r == 0 && grows) {
		stats->sealed = log->head.size;
		stats->sealed_wall_ms = clock_wall_ms();
		shardlog_watch(log);
	}
	return r;
}

/* Our tree has come to the size of the checkpoint in Redis: publishes it, if it is the same. */
static void publish_standing(struct shardlog *log)
{
	uint8_t root[MERKLE_SIZE];
	char why[SEAL_WHY_MAX];
	int r;

	tree_root(log->dir.tree, root);
	if (memcmp(root, log->head.root, sizeof(root)) != 0) {
		snprintf(why, sizeof(why),
		    "the ballots in Redis come to another root than the signed one of %llu "
		    "entries",
		    (unsigned long long)log->head.size);
		shardlog_halt(log, log->epoch, why);
		return;
	}
	if (!slice_equal(
		logdir_note_slice(&log->checkpoint), logdir_note_slice(&log->new_checkpoint)))
		log->options.stats->state = SEAL_FOLLOWING; /* else it was ours after all */
	r = tree_flush(log->dir.tree);
	if (r == 0)
		r = shardlog_publish(log);
	if (r < 0) {
		shardlog_fail(log, "cannot be written", r);
		return;
	}
	shardlog_all_is_well(log);
	shardlog_look(log, false);
}

/* ---- sealing ---- */

static void on_stored(void *arg, enum seal_outcome outcome)
{
	struct shardlog *log = arg;
	int r;

	switch (outcome) {
	case SEAL_STORED:
		break;
	case SEAL_BUSY:
	case SEAL_UNKNOWN:              /* the next look tells what stands */
		shardlog_back_off(log); /* each try reads the files anew */
		shardlog_rest_after_redis(log);
		return;
	default:
		shardlog_rest(log);
		return;
	}
	/* Only what is stored is ever published: before, another host might still sign another
	 * size. */
	log->checkpoint = log->new_checkpoint;
	log->issued = log->new_issued;
	log->issued_signed = log->view.issued;
	log->head = log->new_head;
	log->waiting_since_ms = 0;
	log->options.stats->state = SEAL_SIGNING;
	r = shardlog_publish(log);
	if (r < 0) {
		shardlog_fail(log, "cannot be written", r);
		return;
	}
	shardlog_all_is_well(log);
	if (log->head.size < log->view.log_size || log->finishing)
		shardlog_look(log, false);
	else
		shardlog_rest(log);
}

/* The tree has come to the size that we sign. All of it was read from Redis, so it is as durable as
 * what voters were told (store/seal.h). */
static void sign(struct shardlog *log)
{
	int r = tree_flush(log->dir.tree);

	if (r == 0)
		r = shardlog_sign_head(log);
	if (r < 0) {
		shardlog_fail(log, "cannot be written", r);
		return;
	}
	log->step = STEP_CHANGE;
	seal_store(log->options.seal, log->options.shard, log->fence, log->epoch, log->view.size,
	    log->new_head.size, logdir_note_slice(&log->new_checkpoint),
	    logdir_note_slice(&log->new_issued), on_stored, log);
}

/* ---- reading ballots ---- */

static void read_ballots(struct shardlog *log);

void shardlog_reach(struct shardlog *log, enum shardlog_goal goal, uint64_t first, uint64_t target)
{
	log->goal = goal;
	log->next = first;
	log->target = target;
	read_ballots(log);
}

static void mend(struct shardlog *log)
{
	int r = logdir_mend(&log->dir);

	log->compare = log->compare && r < 0; /* it came from this Redis, entry for entry */
	log->unmendable = r == -EBADMSG;
	if (log->unmendable)
		shardlog_halt(log, log->epoch,
		    "this host's damaged files cannot be mended: Redis' ballots come to another "
		    "root");
	else if (r < 0)
		shardlog_fail_anew(log, "cannot be written", r);
	else
		shardlog_look(log, false);
}

static void reached(struct shardlog *log)
{
	switch (log->goal) {
	case GOAL_COMPARE:
		log->compare = false;
		shardlog_look(log, false);
		break;
	case GOAL_MEND:
		mend(log);
		break;
	case GOAL_FOLLOW:
		publish_standing(log);
		break;
	case GOAL_SEAL:
		sign(log);
		break;
	}
}

static int append(struct shardlog *log, const struct seal_ballot *ballots, size_t n_ballots)
{
	for (size_t i = 0; i < n_ballots && log->next < log->target; i++) {
		uint8_t entry[COMMITMENT_SIZE];
		int r;

		shardlog_entry(log, &ballots[i], entry);
		/* Files that are there already tell nothing by being written again. */
		r = logdir_append(
		    &log->dir, entry, log->goal != GOAL_SEAL || log->next < log->dir.witnessed);
		if (r < 0)
			return r;
		log->next++;
	}
	return 0;
}

static void compare(struct shardlog *log, const struct seal_ballot *ballots, size_t n_ballots)
{
	char why[SEAL_WHY_MAX];
	uint64_t index;
	int r = shardlog_compare(log, ballots, n_ballots, &index);

	if (r < 0 && log->aged) { /* it may be our files: opened again, they are mended */
		log->epoch = 0;
		shardlog_look(log, false);
		return;
	}
	if (r == -EBADMSG) {
		snprintf(why, sizeof(why),
		    "the ballot at %llu in Redis is not the one that was sealed",
		    (unsigned long long)index);
		shardlog_halt(log, log->epoch, why);
		return;
	}
	if (r < 0) {
		shardlog_fail_anew(log, "cannot be read", r);
		return;
	}
	log->next += n_ballots;
	read_ballots(log);
}

static void on_ballots(void *arg, int error, const struct seal_ballot *ballots, size_t n_ballots)
{
	struct shardlog *log = arg;
	char why[SEAL_WHY_MAX];
	int r;

	if (error == -EBADMSG) {
		snprintf(why, sizeof(why), "the ballots in Redis are damaged at %llu or behind",
		    (unsigned long long)log->next);
		shardlog_halt(log, log->epoch, why);
		return;
	}
	if (error || n_ballots == 0) { /* none: the log is shorter now, as the next look finds */
		shardlog_rest_after_redis(log);
		return;
	}
	if (log->goal == GOAL_COMPARE) {
		compare(log, ballots, n_ballots);
		return;
	}
	r = append(log, ballots, n_ballots);
	if (r < 0)
		shardlog_fail(log, "cannot be written", r);
	else
		read_ballots(log);
}

static void read_ballots(struct shardlog *log)
{
	uint64_t left = log->target > log->next ? log->target - log->next : 0;

	if (left == 0) {
		reached(log);
		return;
	}
	log->step = STEP_READ;
	seal_ballots(log->options.seal, log->options.shard, log->next,
	    left < READ_MAX ? (size_t)left : READ_MAX, on_ballots, log);
}
