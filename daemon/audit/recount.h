/* Counts a round anew and holds everything that is stored against everything else:
 *
 *   - ballots from the log alone (audit/retally), against the counters in Redis;
 *   - each token's bucket against the log's last ballot of that token, both ways;
 *   - tokens issued: the sum of them against identities recorded, and against ballots; once the
 *     audit log says that identities are deleted, against that entry, and that none is there;
 *   - invitation codes by batch: the records against the counters, and against the acts;
 *   - every entry of the transparency log made again, with its salt, up to the root: against the
 *     signed checkpoint in Redis, and against checkpoint and entries on this host's disk;
 *   - the desk against its audit log (audit/redesk).
 *
 * Where a shard's log cannot be read to its end, that is one finding, and what rests on the whole
 * of it (counters, tokens, the size of checkpoints) is not compared: all of it would only repeat
 * that.
 *
 * Reads only. Each shard is read by itself and in pieces, so memory is that of one shard's tokens
 * (audit/retally.h). While ballots come in, each shard is counted up to a size that one reading of
 * its counters gave; what comes later is followed only as far as buckets speak of it. */
#ifndef TALLYD_AUDIT_RECOUNT_H
#define TALLYD_AUDIT_RECOUNT_H

#include "audit/findings.h"
#include "audit/redesk.h"
#include "contest/commitment.h"
#include "contest/phase.h"
#include "crypto/checkpoint.h"
#include "office/office.h"

struct event_base;
struct redis;

struct recount_options { /* all borrowed */
	struct office *office;
	struct event_base *base;
	struct redis *redis;
	const char *log_name;
	const char *log_dir;   /* this host's log; NULL: none */
	unsigned seal_wait_ms; /* so long a closed shard is given to be sealed to its full size */
	/* How far it is; may be NULL. */
	void (*progress)(void *arg, const char *what, uint64_t done, uint64_t total);
	void *arg;
};

struct recount_shard {
	uint64_t size;                        /* of the log, as far as it was counted */
	uint64_t ballots, superseded, issued; /* of them */
	uint64_t recorded;                    /* identities in the buckets */
	uint64_t said, said_after;            /* tokens issued, before and behind looking there */
	bool said_any;                        /* it was told both times */
	bool latched;                         /* closed for good */
	bool unread;                          /* not to its end: those are no numbers */
	uint64_t epoch;                       /* of the checkpoint */
	char origin[ORIGIN_MAX];              /* its first line */
	bool sealed;                          /* there is a checkpoint, and its signature holds */
	struct checkpoint checkpoint;         /* as signed; size 0 where there is none */
	bool on_disk;                         /* this host has this shard's log, too */
};

struct recount {
	struct findings findings;
	struct recount_shard *shards;
	unsigned n_shards;
	uint64_t log_size, ballots, superseded, issued; /* sums */
	json_t *rows;                                   /* the result: citizen (FORMAT.md 5.5) */
	bool unread;                                    /* a shard: there is no result */
	enum phase phase;                               /* of the shard that is furthest behind */
	int64_t now_ms;
	bool latched; /* all shards: no number moves any more */
	bool sealed;  /* all shards, each to its full size, and nothing has halted */
	struct redesk desk;
};

/* Turns the loop until it is done. 0, whatever was found; -EIO (Redis); -ENOMEM. */
__attribute__((warn_unused_result)) int recount_make(
    const struct recount_options *options, struct recount **ret_recount);
void recount_free(struct recount *recount);

/* The result document's member `log` (FORMAT.md section 5.4). NULL: memory. */
json_t *recount_log(const struct recount *recount);

#endif
