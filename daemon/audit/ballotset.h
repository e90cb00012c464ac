/* The distinct ballots of a count, each kept once, with how many tokens it stands for; out of them
 * come the counters. Part of audit/retally. */
#ifndef TALLYD_AUDIT_BALLOTSET_H
#define TALLYD_AUDIT_BALLOTSET_H

#include <stddef.h>
#include <stdint.h>

#include "audit/retally.h"

struct ballotset;

/* `contest` is borrowed. NULL: memory. */
struct ballotset *ballotset_new(const struct contest *contest);
void ballotset_free(struct ballotset *set);

/* The number of this canonical ballot, which stands for no token yet when it is new. 0; -EBADMSG:
 * it is none of the contest's form; -ENOMEM. */
__attribute__((warn_unused_result)) int ballotset_put(
    struct ballotset *set, struct slice ballot, uint32_t *ret_id);
/* Stands for one token more, or less. */
void ballotset_stand(struct ballotset *set, uint32_t id);
void ballotset_fall(struct ballotset *set, uint32_t id);
/* Its text, borrowed until the next ballotset_put(). */
struct slice ballotset_text(const struct ballotset *set, uint32_t id);

/* As retally_count() and retally_counters(). */
__attribute__((warn_unused_result)) int ballotset_count(struct ballotset *set);
const struct retally_counter *ballotset_counters(const struct ballotset *set, size_t *ret_n);

#endif
