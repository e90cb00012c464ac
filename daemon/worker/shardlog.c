/* The flow of one shard's log. Every way through it begins with a look at Redis and ends at rest,
 * or with another look; what to do next follows from that look and this host's files alone. */
#include "worker/shardlog_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/digest.h"

#define SEAL_MAX         32768 /* entries in one step of sealing: well within a lease */
#define BACKOFF_FIRST_MS 250
#define BACKOFF_LAST_MS  5000
#define STRANGE_MAX      20 /* looks */

/* ---- life ---- */

struct shardlog *shardlog_new(const struct shardlog_options *options)
{
	struct shardlog *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	log->options = *options;
	logdir_init(&log->dir);
	log->options.stats->state = SEAL_STARTING;
	log->options.stats->late_after_ms = options->late_after_ms;
	return log;
}

void shardlog_free(struct shardlog *log)
{
	if (!log)
		return;
	logdir_close(&log->dir);
	free(log);
}

/* ---- resting ---- */

static void on_left(void *arg, enum seal_outcome outcome)
{
	struct shardlog *log = arg;

	(void)outcome; /* else it runs out by itself */
	log->step = STEP_REST;
	log->finished = log->finishing;
}

/* Others need not wait for the end of a lease that we have no use for. */
static void leave(struct shardlog *log)
{
	uint64_t fence = log->fence;

	log->fence = 0;
	log->step = STEP_CHANGE;
	seal_leave(log->options.seal, log->options.shard, fence, on_left, log);
}

void shardlog_rest(struct shardlog *log)
{
	log->step = STEP_REST;
	if (!log->finishing)
		return;
	if (!log->finish_looked)
		shardlog_look(log, false);
	else if (log->fence)
		leave(log);
	else
		log->finished = true;
}

void shardlog_back_off(struct shardlog *log)
{
	log->backoff_ms = log->backoff_ms ? 2 * log->backoff_ms : BACKOFF_FIRST_MS;
	if (log->backoff_ms > BACKOFF_LAST_MS)
		log->backoff_ms = BACKOFF_LAST_MS;
	log->rest_until_ms = clock_steady_ms() + log->backoff_ms;
}

/* Told once, until something else fails or nothing does. */
void shardlog_fail(struct shardlog *log, const char *what, int error)
{
	char trouble[SEAL_WHY_MAX];

	log->options.stats->failures++;
	snprintf(trouble, sizeof(trouble), "%s%s%s", what, error ? ": " : "",
	    error == 0        ? ""
	    : error == -EBUSY ? "another process has it"
			      : strerror(-error));
	if (strcmp(trouble, log->trouble) != 0)
		log_error("%s: %s. Votes are taken; they are sealed once this is mended",
		    log->dir.path[0] ? log->dir.path : log->options.path, trouble);
	memcpy(log->trouble, trouble, sizeof(trouble));
	shardlog_back_off(log);
	if (log->fence && !log->finishing)
		leave(log);
	else
		shardlog_rest(log);
}

void shardlog_fail_anew(struct shardlog *log, const char *what, int error)
{
	log->epoch = 0;
	shardlog_fail(log, what, error);
}

void shardlog_all_is_well(struct shardlog *log)
{
	if (log->trouble[0])
		log_info("%s: sealing goes on", log->dir.path);
	log->trouble[0] = '\0';
	log->backoff_ms = 0;
}

/* Redis does not answer, or not as it should just now: others tell of that. */
void shardlog_rest_after_redis(struct shardlog *log)
{
	log->options.stats->failures++;
	shardlog_rest(log);
}

/* ---- halting ---- */

const char *shardlog_halted(const struct shardlog *log, uint64_t epoch)
{
	return log->halt_why[0] && log->halt_epoch >= epoch ? log->halt_why : NULL;
}

static bool take_halt(struct shardlog *log, uint64_t epoch, struct slice why)
{
	char text[SEAL_WHY_MAX];
	bool known;

	/* An epoch that only Redis tells of is not the record's next one. */
	if (log->options.sealing->epoch && epoch > log->options.sealing->epoch)
		epoch = log->options.sealing->epoch;
	snprintf(text, sizeof(text), "%.*s", (int)(why.len < sizeof(text) ? why.len : sizeof(text)),
	    why.ptr);
	known = log->halt_epoch == epoch && strcmp(text, log->halt_why) == 0;
	memcpy(log->halt_why, text, sizeof(text));
	log->halt_epoch = epoch;
	log->options.stats->state = SEAL_HALTING;
	return !known;
}

void shardlog_meet_halt(struct shardlog *log, const struct seal_view *view)
{
	if (take_halt(log, view->epoch, view->halt))
		log_warn("%s: sealing has halted: %s", log->options.identity, log->halt_why);
}

static void on_halted(void *arg, enum seal_outcome outcome)
{
	struct shardlog *log = arg;

	if (outcome == SEAL_BUSY || outcome == SEAL_UNKNOWN)
		shardlog_rest_after_redis(log);
	else
		shardlog_rest(log);
}

void shardlog_halt(struct shardlog *log, uint64_t epoch, const char *why)
{
	if (take_halt(log, epoch, slice_text(why)))
		log_error(
		    "%s: sealing halts: %s. Nothing more is signed, and what was published stays. "
		    "See "
		    "\"Sealing has halted\" in ops/runbook.md",
		    log->options.identity, why);
	log->step = STEP_CHANGE;
	seal_halt(log->options.seal, log->options.shard, epoch, why, on_halted, log);
}

/* ---- looking ---- */

static bool is_due(struct shardlog *log)
{
	const struct shardlog_options *o = &log->options;
	uint64_t unsealed = log->view.log_size - log->view.size;

	if (unsealed == 0)
		log->waiting_since_ms = 0;
	else if (log->waiting_since_ms == 0)
		log->waiting_since_ms = clock_steady_ms();
	if (!o->seed)
		return false;
	if (log->checkpoint.len == 0) /* the log begins with the checkpoint of no entries */
		return true;
	if (log->view.latched && !shardlog_issued_is_current(log))
		return true;
	return unsealed > 0 && (unsealed >= o->min_entries || log->view.latched || log->finishing ||
				   clock_steady_ms() - log->waiting_since_ms >= o->max_wait_ms);
}

/* Whether what stands in Redis is published here, so that we may go on from it; else the way there
 * has begun. */
static bool follow(struct shardlog *log)
{
	int r;

	if (log->head.size > log->dir.published.size) {
		shardlog_reach(log, GOAL_FOLLOW, log->dir.published.size, log->head.size);
		return false;
	}
	r = log->checkpoint.len > 0 ? shardlog_publish(log) : 0;
	if (r < 0)
		shardlog_fail(log, "cannot be written", r);
	return r == 0;
}

static void seal(struct shardlog *log)
{
	uint64_t size = log->dir.published.size, all = log->view.log_size;
	uint64_t most = log->view.size + SEAL_MAX, target = all < most ? all : most;

	if (target < log->dir.witnessed) /* as much may have been signed once */
		target = log->dir.witnessed;
	if (!is_due(log)) {
		shardlog_all_is_well(log);
		if (log->options.stats->state == SEAL_STARTING ||
		    log->options.stats->state == SEAL_HALTING)
			log->options.stats->state =
			    log->options.seed ? SEAL_SIGNING : SEAL_FOLLOWING;
		shardlog_rest(log);
	} else if (!log->lease_asked) {
		shardlog_look(log, true);
	} else if (!log->fence) {
		log->options.stats->state = SEAL_FOLLOWING;
		shardlog_rest(log);
	} else {
		shardlog_reach(log, GOAL_SEAL, size, target > size ? target : size);
	}
}

/* Ballots that no checkpoint covers may be lost without a contradiction to anything signed, but
 * their voters were told that they are counted. */
static void watch_size(struct shardlog *log)
{
	if (log->view.log_size < log->seen)
		log_error(
		    "%s: Redis has %llu ballots, and had %llu: those were not sealed yet, and are "
		    "lost. See \"Ballots were lost before they were sealed\" in ops/runbook.md",
		    log->options.identity, (unsigned long long)log->view.log_size,
		    (unsigned long long)log->seen);
	log->seen = log->view.log_size;
}

/* Whether the tree is what is published, and nothing else. What was appended on a way that did not
 * end there was read from a Redis that may be another one now. */
static bool is_sure(struct shardlog *log)
{
	int r = logdir_is_back(&log->dir) ? 0 : logdir_step_back(&log->dir);

	if (r < 0)
		shardlog_fail_anew(log, "cannot be read", r);
	return r == 0;
}

static void go_on(struct shardlog *log)
{
	int r;

	if (log->unmendable) {
		shardlog_halt(log, log->epoch, log->halt_why);
		return;
	}
	log->halt_why[0] = '\0';
	watch_size(log);
	if (!is_sure(log))
		return;
	if (log->dir.mending) {
		shardlog_reach(log, GOAL_MEND, 0, log->dir.published.size);
		return;
	}
	if (log->compare && shardlog_known(log) > 0) {
		shardlog_reach(log, GOAL_COMPARE, 0, shardlog_known(log));
		return;
	}
	log->compare = false;
	r = log->statement.len > 0
		? logdir_put_statement(&log->dir, logdir_note_slice(&log->statement))
		: 0;
	if (r < 0) {
		shardlog_fail(log, "cannot be written", r);
		return;
	}
	if (follow(log))
		seal(log);
}

/* Workers refuse to take votes then, and tell of it. Rules that nobody has voted under are replaced
 * by a worker's start, so a few looks are let pass. */
static bool has_other_rules(struct shardlog *log, const struct seal_view *view)
{
	if (slice_equal(view->rules, slice_make(log->options.rules_hash, SHA256_SIZE))) {
		log->strange = 0;
		return false;
	}
	if (++log->strange == STRANGE_MAX)
		log_error(
		    "%s: Redis holds this shard under other rules or keys than this host's: it is "
		    "not sealed here. Make configuration and keys those of the other hosts",
		    log->options.identity);
	return true;
}

/* Of this shard, or in the record for another one. */
static void meet_halt(struct shardlog *log, const struct seal_view *view)
{
	if (view->halt.ptr)
		shardlog_meet_halt(log, view);
	else
		log->options.stats->state = SEAL_HALTING;
	shardlog_rest(log);
}

static void on_view(struct shardlog *log, const struct seal_view *view)
{
	const struct sealing *sealing = log->options.sealing;
	char why[SEAL_WHY_MAX];
	int r;

	log->options.stats->size = view->log_size;
	log->view = *view;
	if (log->lease_asked)
		log->fence = view->fence;
	/* Asked for before other servers had the keys: their record is to be read first. */
	if (has_other_rules(log, view) || sealing->epoch == 0) {
		shardlog_rest(log);
		return;
	}
	if (sealing->epoch > view->epoch) {
		shardlog_begin_epoch(log);
		return;
	}
	if (view->epoch > sealing->epoch) {
		shardlog_meet_later_epoch(log, view);
		return;
	}
	log->ahead = false;
	if ((view->halt.ptr || sealing->halted) && !shardlog_has_epoch(log, view->epoch)) {
		meet_halt(log, view);
		return;
	}
	r = shardlog_open_epoch(log, view->epoch);
	if (r < 0) {
		shardlog_fail(log, "cannot be opened", r);
		return;
	}
	shardlog_watch(log);
	if (view->halt.ptr || sealing->halted) {
		meet_halt(log, view);
		return;
	}
	if (!shardlog_knows_end(log))
		return;
	if (shardlog_check(log, view, why) < 0)
		shardlog_halt(log, view->epoch, why);
	else
		go_on(log);
}

static void on_look(void *arg, int error, const struct seal_view *view)
{
	struct shardlog *log = arg;
	uint64_t epoch = log->epoch ? log->epoch : log->options.sealing->epoch;

	switch (error) {
	case 0:
		on_view(log, view);
		break;
	case -ENOENT: /* not opened yet */
		shardlog_rest(log);
		break;
	case -EBADMSG:
		shardlog_halt(log, epoch, "what Redis holds of this shard is damaged");
		break;
	default:
		shardlog_rest_after_redis(log);
		break;
	}
}

void shardlog_look(struct shardlog *log, bool lease)
{
	log->step = STEP_LOOK;
	log->lease_asked = lease;
	log->finish_looked = log->finishing;
	seal_look(log->options.seal, log->options.shard, lease, on_look, log);
}

/* ---- for the sealer ---- */

void shardlog_tick(struct shardlog *log)
{
	if (log->step != STEP_REST || log->finished || log->options.sealing->epoch == 0 ||
	    clock_steady_ms() < log->rest_until_ms)
		return;
	if (!shardlog_tell_late(log))
		shardlog_look(log, false);
}

void shardlog_reconnected(struct shardlog *log)
{
	log->compare = log->aged = true;
	log->unmendable = false;
	/* Found anew, or not: the record of this Redis is told only then. */
	log->halt_why[0] = '\0';
	if (!log->trouble[0])
		log->rest_until_ms = 0;
}

void shardlog_finish(struct shardlog *log)
{
	log->finishing = true;
	if (log->step != STEP_REST)
		return;
	if (log->options.sealing->epoch == 0 || log->trouble[0])
		log->finished = true;
	else
		shardlog_look(log, false);
}

bool shardlog_is_finished(const struct shardlog *log)
{
	return log->finished;
}
