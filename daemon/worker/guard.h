/* Stands between a connection to Redis and the ledgers: asks how durable that Redis is, at the
 * start and after each reconnection, and lets no votes be taken on one that would lose or double
 * them. A rehearsal, and who wrote redis.unsafe: true, are warned instead. Judges nothing itself
 * (store/durability.h). */
#ifndef TALLYD_WORKER_GUARD_H
#define TALLYD_WORKER_GUARD_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct guard;
struct redis;

struct guard_options {
	bool lenient;    /* warn of what loses or doubles votes, and go on */
	bool tells;      /* this worker writes the log; the others keep silent */
	uint64_t voters; /* expected in all contests */
	/* Votes may be taken: NULL; or why not. */
	void (*on_verdict)(void *arg, const char *why);
	void *arg;
};

/* NULL: out of memory. Freed after redis_free(). */
struct guard *guard_new(struct event_base *base, const struct guard_options *options);
void guard_free(struct guard *guard);

/* To be told of every change. Connected, it asks, and again now and then while it refuses. */
void guard_on_redis(struct guard *guard, struct redis *redis, bool connected);

/* Whether such a reason is a guard's. */
bool guard_says(const char *why);

#endif
