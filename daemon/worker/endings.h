/* How the older epochs of a contest's logs ended, as the audit log tells. Redis has the statement
 * of the last epoch only; a host that was away for several has nothing else of those between. */
#ifndef TALLYD_WORKER_ENDINGS_H
#define TALLYD_WORKER_ENDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/checkpoint.h"

struct desk;
struct sealing;

struct endings { /* embedded, all 0 at first */
	struct sealing *begun;
	size_t n_begun;
	uint64_t after; /* entries of the audit log that were looked through */
	uint64_t epoch; /* all there is up to the beginning of this one is known; 0: not yet */
	uint64_t wanted;
	struct desk *desk; /* while a question is under way, else NULL */
	bool damaged;      /* the audit log cannot be read */
};

/* Finds out whatever the audit log has up to the beginning of `epoch`, unless that is known or
 * under way; what fails is asked for with the next call. After redis_free() of the desk's
 * connection, endings_forget(). */
void endings_learn(struct endings *endings, struct desk *desk, uint64_t epoch);
/* Redis may be another one now, or nobody asks any more. */
void endings_forget(struct endings *endings);
/* What was signed last of this shard in `epoch`, whose successor has begun; NULL: the audit log
 * does not tell. Borrowed until the next call of another function. */
const struct checkpoint *endings_of(const struct endings *endings, uint64_t epoch, unsigned shard);

#endif
