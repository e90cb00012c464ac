/* The log of one shard as Redis holds it, and who signs it: reads ballots in log order, takes the
 * lease, and keeps the newest signed checkpoint by compare-and-set. Builds no tree and signs
 * nothing itself.
 *
 * Key (⚑), S as in store/ledger.h:
 *
 *   S:seal   hash   epoch (from 1), size (entries of the checkpoint), checkpoint, issued, statement
 *                   (signed notes; FORMAT.md sections 3.3, 3.4, 6), holder, fence, until (the
 *                   lease: who, its number, which only grows, and its end in ms of Redis' clock),
 *                   halt (why sealing stands still; absent: it does not), late (since when a
 *                   ballot waits that should have been sealed long ago, in ms of Redis' clock;
 *                   absent: none)
 *
 * All notes lie here, so that hosts without the log's private key can publish the same ones. Every
 * write is one call of a function of the library tallyd_seal_<n> (seal.lua). Nobody signs while
 * `halt` is there; only a new epoch takes it away.
 *
 * What is read here is on disk: Redis with `appendfsync always` sends no reply before the writes
 * that it rests on, those of others included, have been synced. */
#ifndef TALLYD_STORE_SEAL_H
#define TALLYD_STORE_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "store/ledger.h"

struct redis;
struct seal;

#define SEAL_WHY_MAX     200   /* bytes of a halt's reason */
#define SEAL_BALLOTS_MAX 65536 /* asked for at once */

struct seal_options {
	const char *round;             /* contest_round(); borrowed */
	const struct contest *packing; /* as in struct ledger_options; borrowed */
	unsigned shards;
	const char *holder; /* who we are: host and process, unique; borrowed; NULL: who only reads
			     */
	unsigned lease_ms;
};

/* `redis` is borrowed. NULL: memory. */
struct seal *seal_new(struct redis *redis, const struct seal_options *options);
/* After redis_free(), which completes what is under way. */
void seal_free(struct seal *seal);

/* A shard at one moment. Text is borrowed for the callback. */
struct seal_view {
	int64_t now_ms;    /* Redis' clock */
	uint64_t log_size; /* ballots in the log */
	bool latched;      /* closed for good: log_size is final */
	uint64_t latched_size;
	uint64_t issued;         /* tokens recorded by this shard */
	uint64_t epoch;          /* of the checkpoint; 1 where nothing has been sealed yet */
	uint64_t size;           /* of the checkpoint */
	struct slice checkpoint; /* ptr NULL: none in this epoch yet */
	struct slice issued_note, statement; /* likewise */
	uint64_t fence; /* our lease's number; 0: somebody else holds it, or it was not asked for */
	struct slice halt; /* ptr NULL: none */
	/* The lease as it stood before this look took or renewed it; who only reads tells of it. */
	struct slice holder; /* ptr NULL: nobody has had it yet */
	int64_t until_ms;    /* over, where it is not above now_ms; 0 also where it lies beyond any
				lease that could have been taken */
	struct slice rules;  /* hash of the rules under which the shard was opened */
	int64_t late_ms;     /* since when a ballot has waited too long, by some host's word; 0 */
};

/* `view` NULL: `error` is -EIO (Redis), -EBADMSG (damaged), or -ENOENT (the shard has not been
 * opened). */
typedef void seal_view_cb(void *arg, int error, const struct seal_view *view);
/* `lease`: take the lease if it is free or ours, and renew it when less than two thirds of it are
 * left. Without it nothing is written. */
void seal_look(struct seal *seal, unsigned shard, bool lease, seal_view_cb *cb, void *arg);

/* Ballots from index `first` on, in order, without a gap; at most about `count` (up to
 * SEAL_BALLOTS_MAX), and none when there are no more. Borrowed for the callback. `error`: -EIO,
 * -EBADMSG (a gap, or what is no ballots). */
struct seal_ballot {
	uint64_t index;
	const uint8_t *spent; /* LEDGER_SPENT_SIZE bytes */
	const uint8_t *tag;   /* LEDGER_TAG_SIZE bytes */
	struct slice ballot; /* canonical; empty where what is stored is no ballot of the contest */
};
typedef void seal_ballots_cb(
    void *arg, int error, const struct seal_ballot *ballots, size_t n_ballots);
void seal_ballots(struct seal *seal, unsigned shard, uint64_t first, size_t count,
    seal_ballots_cb *cb, void *arg);

enum seal_outcome {
	SEAL_STORED,
	SEAL_LOST,  /* the lease is somebody else's, or has run out */
	SEAL_MOVED, /* another checkpoint stands than the one of `old_size`, or another epoch */
	SEAL_SHORT, /* the log has fewer ballots than the checkpoint says */
	SEAL_HALTED,
	SEAL_BUSY, /* certainly not stored */
	SEAL_UNKNOWN,
	SEAL_DAMAGED,
};
typedef void seal_outcome_cb(void *arg, enum seal_outcome outcome);
/* Stores a checkpoint with its issued note in place of that of `old_size` (0: none yet, or an empty
 * one), never a smaller one; the same size brings a new issued note. */
void seal_store(struct seal *seal, unsigned shard, uint64_t fence, uint64_t epoch,
    uint64_t old_size, uint64_t size, struct slice checkpoint, struct slice issued_note,
    seal_outcome_cb *cb, void *arg);
/* From now on nobody seals this shard in this epoch; the first reason stands (SEAL_HALTED).
 * SEAL_MOVED: another epoch. */
void seal_halt(struct seal *seal, unsigned shard, uint64_t epoch, const char *why,
    seal_outcome_cb *cb, void *arg);
/* Tells everybody that a ballot has waited so long to be sealed, until the next checkpoint is
 * stored; what was told first stands. */
void seal_late(
    struct seal *seal, unsigned shard, unsigned waited_ms, seal_outcome_cb *cb, void *arg);
/* Begins `epoch` with its statement: no checkpoint, no halt. SEAL_MOVED: that or a later one has
 * begun. */
void seal_begin(struct seal *seal, unsigned shard, uint64_t epoch, struct slice statement,
    seal_outcome_cb *cb, void *arg);
/* A halted shard that stands in an epoch which nobody has begun goes back to `epoch`, the record's,
 * with the halt and without what else was there, so that the next one can begin. SEAL_MOVED: it
 * stands elsewhere than in `from`, or has not halted. */
void seal_rewind(struct seal *seal, unsigned shard, uint64_t from, uint64_t epoch,
    seal_outcome_cb *cb, void *arg);
/* Gives the lease back, if it is still ours, so that nobody needs to wait for its end. */
void seal_leave(struct seal *seal, unsigned shard, uint64_t fence, seal_outcome_cb *cb, void *arg);

#endif
