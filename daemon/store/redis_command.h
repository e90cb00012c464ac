/* Commands under way on one connection, as records: from a pool, in lists, told exactly once. For
 * redis_node.c alone. */
#ifndef TALLYD_STORE_REDIS_COMMAND_H
#define TALLYD_STORE_REDIS_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "store/redis.h"

struct redis_command {
	struct redis_command *next;
	redis_cb *cb;
	void *arg;
	int64_t deadline_ms;
	enum redis_outcome outcome; /* once it waits to be told */
	bool pooled;
};

struct redis_commands {
	struct redis_command *head, **tail;
};

void redis_commands_init(struct redis_commands *list);
void redis_commands_put(struct redis_commands *list, struct redis_command *command);
struct redis_command *redis_commands_take(struct redis_commands *list); /* NULL: empty */

struct redis_pool {
	struct redis_command *all, *unused;
	unsigned taken; /* of the pool and beside it */
};

/* 0 or -ENOMEM. */
__attribute__((warn_unused_result)) int redis_pool_init(struct redis_pool *pool, unsigned size);
void redis_pool_release(struct redis_pool *pool);
struct redis_command *redis_pool_take(struct redis_pool *pool, redis_cb *cb, void *arg);
/* Gives the record back, then calls back. */
void redis_pool_finish(struct redis_pool *pool, struct redis_command *command,
    enum redis_outcome outcome, const struct redis_reply *reply);

#endif
