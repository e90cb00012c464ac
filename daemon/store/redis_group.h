/* Writes to one server that count as done only once replicas have them, on a connection of their
 * own: what gathered goes out together, behind it one small write and WAIT, and all of it is told
 * when WAIT has answered. Meanwhile the next gathers. For redis.c alone.
 *
 * WAIT counts the replicas that have everything up to the last write of the connection on which it
 * is sent (redis.io/commands/wait). A call that finds its ballot counted already writes nothing,
 * but somebody else may have just counted it; the small write (key "{<tag>}:barrier") comes after
 * both. */
#ifndef TALLYD_STORE_REDIS_GROUP_H
#define TALLYD_STORE_REDIS_GROUP_H

#include <stdbool.h>

#include "store/redis_errand.h"
#include "store/redis_node.h"

struct redis_group;

struct redis_group_options {
	struct redis_node_options node;
	unsigned replicas; /* at least so many must have a write; > 0 */
	unsigned wait_ms;  /* for them; afterwards the outcome is unknown */
	/* An errand's end: `reply` is borrowed, and set where `outcome` is REDIS_OK. */
	void (*on_done)(struct redis_errand *errand, enum redis_outcome outcome,
	    const struct redis_reply *reply);
	/* Too few had them; not more often than once a second. */
	void (*on_few)(void *arg, unsigned have, unsigned want);
	void *arg;
};

/* NULL: memory. */
struct redis_group *redis_group_new(
    struct event_base *base, const struct redis_group_options *options);
/* Ends all errands before it returns. Not from within a callback. */
void redis_group_free(struct redis_group *group);

bool redis_group_is_connected(const struct redis_group *group);
bool redis_group_is_idle(const struct redis_group *group);

/* Lent until on_done(), which comes exactly once, in a later turn. */
void redis_group_put(struct redis_group *group, struct redis_errand *errand);
/* Sends what gathered, unless an earlier group is still on its way. */
void redis_group_flush(struct redis_group *group);

#endif
