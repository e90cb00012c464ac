/* A command on its way through a cluster, or one that is told only once replicas have it: kept
 * until then, so that it can be sent again elsewhere. For redis.c and redis_group.c alone. */
#ifndef TALLYD_STORE_REDIS_ERRAND_H
#define TALLYD_STORE_REDIS_ERRAND_H

#include <stdbool.h>

#include "base/slice.h"
#include "store/redis.h"

struct redis_errand {
	struct redis_errand *next;
	struct redis *redis;
	redis_cb *cb; /* whom to tell in the end */
	void *arg;
	bool write;  /* goes through a group, where there are any */
	bool vote;   /* to servers only that have been let in */
	bool asking; /* ASKING goes before it */
	unsigned moves;
	const void *server; /* redis.c's: whom it was sent to */
	/* While a group has it: */
	struct redis_group *group;
	struct redis_reply *reply; /* its own; NULL: none came */
	enum redis_outcome outcome;
	bool answered, alone; /* the answer is there; the group waits for it no more */

	struct slice tag; /* hash tag of its key, within the wire; empty: it is about no key */
	size_t len;
	char wire[]; /* redis_wire.h */
};

static inline struct slice redis_errand_wire(const struct redis_errand *errand)
{
	return slice_make(errand->wire, errand->len);
}

#endif
