/* What the parts of a shard's log share: shardlog.c (the flow), shardlog_grow.c (ballots into
 * files), shardlog_check.c (what must fit together), shardlog_notes.c (what is signed),
 * shardlog_late.c (what waits too long), shardlog_epoch.c (epochs). For no one else. */
#ifndef TALLYD_WORKER_SHARDLOG_IMPL_H
#define TALLYD_WORKER_SHARDLOG_IMPL_H

#include "api/app.h"
#include "office/sealing.h"
#include "store/seal.h"
#include "worker/logdir.h"
#include "worker/shardlog.h"

enum shardlog_step { STEP_REST, STEP_LOOK, STEP_READ, STEP_CHANGE };

enum shardlog_goal {
	GOAL_COMPARE, /* what is published, or else what the files have, with Redis' */
	GOAL_MEND,    /* the files of the published checkpoint */
	GOAL_FOLLOW,  /* up to the checkpoint in Redis */
	GOAL_SEAL,    /* up to a size that we sign */
};

struct shardlog {
	struct shardlog_options options;
	enum shardlog_step step;
	struct logdir dir;
	uint64_t epoch;           /* whose directory is open; 0: none */
	uint64_t later_epoch;     /* that the disk has beside it; 0: none */
	struct checkpoint before; /* of the newest epoch before that is here; size 0: none */
	uint64_t before_epoch;    /* which that is */
	bool lease_asked;         /* by the look under way */
	uint64_t fence;           /* our lease's number, when it was asked for last; 0: not ours */
	bool compare;             /* nothing has been compared since the last connection */
	bool aged; /* the directory was opened, and its files looked through, before that one */
	bool unmendable; /* Redis' ballots do not come to the published root */
	int64_t
	    waiting_since_ms;  /* when the oldest ballot not yet sealed was first seen; 0: none */
	uint64_t seen;         /* ballots that Redis had when it was looked at before */
	uint64_t waiting_size; /* a checkpoint of so many entries here covers all that have waited
				  since stats->waiting_since_steady_ms */
	bool late_told, late_put; /* in the log; in Redis */

	bool ahead;           /* the shard is in a later epoch than the record, */
	unsigned ahead_since; /* since the record had been read so often */
	unsigned strange;     /* looks in a row that met other rules than ours */

	/* The last look. Notes are those that were found good. */
	struct seal_view view; /* without its texts */
	struct logdir_note checkpoint, issued, statement;
	struct checkpoint head; /* of `checkpoint` */
	uint64_t issued_signed; /* the most tokens that a note was seen to tell of in this epoch */

	enum shardlog_goal goal;
	uint64_t next, target; /* ballots to be read */
	struct logdir_note new_checkpoint, new_issued;
	struct checkpoint new_head;

	uint64_t halt_epoch;
	char halt_why[SEAL_WHY_MAX]; /* "": not halted */
	char trouble[SEAL_WHY_MAX];  /* what fails just now, told once; "": nothing */
	unsigned backoff_ms;
	int64_t rest_until_ms;
	bool finishing, finish_looked, finished;
};

/* ---- shardlog.c: each ends what is under way ---- */

/* Looks at Redis, and goes on from there. */
void shardlog_look(struct shardlog *log, bool lease);
/* Until the next tick. */
void shardlog_rest(struct shardlog *log);
/* Redis does not answer, or not as it should just now: others tell of that. */
void shardlog_rest_after_redis(struct shardlog *log);
/* The next look is later than the next tick: later each time, until all is well. */
void shardlog_back_off(struct shardlog *log);
/* Something of this host has failed: rests for longer and longer. `error`: -errno, or 0 where
 * `what` says it all. */
void shardlog_fail(struct shardlog *log, const char *what, int error);
/* Likewise, and the directory is opened anew: what it has in memory is no longer sure. */
void shardlog_fail_anew(struct shardlog *log, const char *what, int error);
/* What has failed does no more. */
void shardlog_all_is_well(struct shardlog *log);
void shardlog_halt(struct shardlog *log, uint64_t epoch, const char *why);
/* Somebody has halted this shard. */
void shardlog_meet_halt(struct shardlog *log, const struct seal_view *view);

/* ---- shardlog_epoch.c ---- */

/* Opens the epoch's directory, if it is not open. 0 or -errno. */
__attribute__((warn_unused_result)) int shardlog_open_epoch(struct shardlog *log, uint64_t epoch);
/* A halted epoch is not begun on this disk: that its directory is there says that this host has
 * held how the one before ended against what it had of that. */
bool shardlog_has_epoch(const struct shardlog *log, uint64_t epoch);
/* Whether it is known how the newest older epoch here ended. Else this ends what is under way. */
bool shardlog_knows_end(struct shardlog *log);
/* The record is further than the shard: whoever signs carries the new epoch there. Ends what is
 * under way. */
void shardlog_begin_epoch(struct shardlog *log);
/* Whether a log that this was published of cannot have ended so. */
bool shardlog_denies_end(const struct checkpoint *published, const struct checkpoint *end);
/* The shard is further than the record. Ends what is under way. */
void shardlog_meet_later_epoch(struct shardlog *log, const struct seal_view *view);

/* ---- shardlog_grow.c ---- */

/* Reads the ballots from `first` up to `target`, and does what they are for. Ends what is under
 * way. */
void shardlog_reach(struct shardlog *log, enum shardlog_goal goal, uint64_t first, uint64_t target);
/* Publishes what stands in Redis and whose files are flushed, unless it is published. 0 or -errno.
 */
__attribute__((warn_unused_result)) int shardlog_publish(struct shardlog *log);

/* ---- shardlog_late.c ---- */

/* After each look and whatever is published: what waits, and since when. */
void shardlog_watch(struct shardlog *log);
/* At rest: tells what waits too long. Whether it has begun a step for that, which ends in a look.
 */
bool shardlog_tell_late(struct shardlog *log);

/* ---- shardlog_check.c ---- */

/* What must hold between Redis and this host. 0, or -EBADMSG with the reason for a halt. Takes over
 * good notes of `view` into log->checkpoint, ->issued, ->statement, ->head. */
__attribute__((warn_unused_result)) int shardlog_check(
    struct shardlog *log, const struct seal_view *view, char ret_why[SEAL_WHY_MAX]);
/* The latest epoch above this one whose log this host has; 0: none. */
uint64_t shardlog_later_epoch(const struct shardlog *log, uint64_t epoch);
/* The latest epoch below this one that has a directory here; 1, where there is no other. */
uint64_t shardlog_epoch_before(const struct shardlog *log, uint64_t epoch);
/* The epoch's directory. */
void shardlog_path(const struct shardlog *log, uint64_t epoch, char ret_path[PATH_MAX]);
/* How many entries are to be compared: those published, or without a checkpoint all that the files
 * have. */
uint64_t shardlog_known(const struct shardlog *log);
/* Whether these are the entries that this host has so far. 0; -EBADMSG: *ret_index is the first
 * that differs; -errno. */
__attribute__((warn_unused_result)) int shardlog_compare(
    struct shardlog *log, const struct seal_ballot *ballots, size_t n_ballots, uint64_t *ret_index);

/* ---- shardlog_notes.c ---- */

/* The entry of a ballot (FORMAT.md section 3.1). */
void shardlog_entry(const struct shardlog *log, const struct seal_ballot *ballot,
    uint8_t ret_entry[COMMITMENT_SIZE]);
/* Each signs; 0 or -errno. */
__attribute__((warn_unused_result)) int shardlog_sign_head(struct shardlog *log);
__attribute__((warn_unused_result)) int shardlog_sign_statement(const struct shardlog *log,
    uint64_t epoch, const struct sealing_old *old, struct logdir_note *ret_note);
/* Whether the issued note in Redis tells the number of the last look. */
bool shardlog_issued_is_current(const struct shardlog *log);

#endif
