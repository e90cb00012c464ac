/* Counts ballots anew, from the log's ballots alone: of each token the last one, as FORMAT.md
 * section 5.5 says, and says of each ballot that may not be there why. Pure: knows nothing of Redis
 * or files, so the organisers' recount and everybody's verification count with the same lines.
 *
 * Holds some 50 bytes a token and every distinct ballot once: one million tokens in 50 MB. */
#ifndef TALLYD_AUDIT_RETALLY_H
#define TALLYD_AUDIT_RETALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/slice.h"
#include "contest/commitment.h"
#include "contest/contest.h"

#define RETALLY_WHY_MAX      256
#define RETALLY_REPLACEMENTS 10 /* of one token, where ballots may be replaced */

struct retally;

/* Of the contest are used: form and its parameters, entries' ids, revote, shards; borrowed.
 * `expected` ballots: room is made at once (0: it grows by itself). NULL: memory. */
struct retally *retally_new(const struct contest *contest, size_t expected);
void retally_free(struct retally *retally);

/* The ballot at `index` of the shard's log, the token's 16 bytes, the canonical text. Each shard's
 * ballots come in the order of its log, from 0 on; shards in any order, or mixed.
 * 0: it counts, in place of the token's earlier one; -EBADMSG: it does not count, and ret_why says
 * where it stands and what is wrong ("shard 0, index 17: …"); the next one can follow; -ENOMEM. */
__attribute__((warn_unused_result)) int retally_add(struct retally *retally, unsigned shard,
    uint64_t index, const uint8_t spent[SPENT_SIZE], struct slice ballot,
    char ret_why[RETALLY_WHY_MAX]);

uint64_t retally_ballots(const struct retally *retally);    /* tokens that count */
uint64_t retally_superseded(const struct retally *retally); /* ballots replaced by their voter */
uint64_t retally_size(const struct retally *retally, unsigned shard); /* of the shard's log */
uint64_t retally_log_size(const struct retally *retally);             /* of all logs */

/* ---- one token ---- */

struct retally_token {
	uint64_t index; /* of its last ballot, in its shard's log */
	unsigned replacements;
	bool marked;
	struct slice ballot; /* borrowed from the retally until the next retally_add() */
};
/* The shard that a token belongs to. */
unsigned retally_shard_of(const struct retally *retally, const uint8_t spent[SPENT_SIZE]);
/* 0, or -ENOENT: no ballot of this token counts. */
__attribute__((warn_unused_result)) int retally_find(const struct retally *retally,
    const uint8_t spent[SPENT_SIZE], struct retally_token *ret_token);
/* Notes of a token that it was met elsewhere; nothing where it is unknown. */
void retally_mark(struct retally *retally, const uint8_t spent[SPENT_SIZE]);
/* Every token once, in no order; `each` returns 0 to go on. Returns what it returned last. */
typedef int retally_each_cb(
    void *arg, const uint8_t spent[SPENT_SIZE], const struct retally_token *token);
int retally_each(const struct retally *retally, retally_each_cb *each, void *arg);

/* ---- the count ---- */

struct retally_counter {
	const char *name;
	int64_t value;
};

/* Adds up the counters of the ballots that stand; call it after the last retally_add(), and before
 * what follows. 0 or -ENOMEM. */
__attribute__((warn_unused_result)) int retally_count(struct retally *retally);
/* Sorted by name; those that are 0 are left out. Borrowed until the next retally_count(). */
const struct retally_counter *retally_counters(const struct retally *retally, size_t *ret_n);
/* One of them, 0 where it is not there: `counter` of struct tally_input, `arg` the retally. */
int64_t retally_counter(void *retally, const char *name);
/* The rows of a result: `citizen` (FORMAT.md section 5.5). NULL: memory. */
json_t *retally_rows(struct retally *retally);

#endif
