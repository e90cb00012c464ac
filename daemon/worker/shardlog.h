/* One shard's log on this host: a small state machine that brings Redis' ballots into the tree,
 * signs (under the lease) or follows what other hosts have signed, publishes, and halts where what
 * it finds does not fit together. At most one question to Redis is under way. Writes files and
 * waits for them: for a process that serves nobody.
 *
 * What stands where, and in which order it comes to be:
 *
 *   ballots in Redis -> tree in memory -> its files -> signed checkpoint in Redis -> checkpoint
 * here
 *
 * A crash anywhere leaves a beginning of that row, and the next look goes on from there: nothing is
 * remembered about steps. Files grow only together with a checkpoint, so at its pace: a tile says
 * no more of when a vote came in than the checkpoint that follows within the same step. */
#ifndef TALLYD_WORKER_SHARDLOG_H
#define TALLYD_WORKER_SHARDLOG_H

#include <stdbool.h>
#include <stdint.h>

struct endings;
struct hmac_key;
struct seal;
struct seal_stats;
struct sealing;
struct shardlog;

struct shardlog_options { /* all borrowed */
	struct seal *seal;
	unsigned shard;
	const char *identity; /* log identity, the origin in epoch 1 */
	const char *path;     /* <ballot_log.dir>/<round>/<shard> */
	const uint8_t *key;   /* the log's public key */
	const uint8_t *seed;  /* its private one; NULL: follow only */
	struct hmac_key *salt_key;
	const uint8_t *rules_hash; /* a shard of other rules is let alone: it is another's */
	unsigned min_entries, max_wait_ms; /* contest: seal */
	unsigned late_after_ms; /* a ballot that waits longer is told of: max_wait_ms and a lease */
	const struct sealing
	    *sealing;             /* the contest's record as it was read last; epoch 0: not yet */
	const unsigned *readings; /* of the record, how many so far */
	const struct endings *endings; /* of older epochs than Redis has a statement of */
	struct seal_stats *stats;
};

struct shardlog *shardlog_new(const struct shardlog_options *options); /* NULL: memory */
/* After redis_free(). */
void shardlog_free(struct shardlog *log);

/* Does what is due, if nothing is under way. */
void shardlog_tick(struct shardlog *log);
/* Redis may be another one now, or the same from a backup: everything is held against it anew. */
void shardlog_reconnected(struct shardlog *log);

/* Why sealing stands still in this epoch, by this host's finding or another's; NULL: it does not.
 */
const char *shardlog_halted(const struct shardlog *log, uint64_t epoch);

/* From now on whatever there is gets sealed without waiting for more. */
void shardlog_finish(struct shardlog *log);
/* After shardlog_finish(): nothing is left to do, or nothing can be done; the lease has been given
 * back. */
bool shardlog_is_finished(const struct shardlog *log);

#endif
