/* Records of commands: see redis_command.h. */
#include "store/redis_command.h"

#include <errno.h>
#include <stdlib.h>

void redis_commands_init(struct redis_commands *list)
{
	list->head = NULL;
	list->tail = &list->head;
}

void redis_commands_put(struct redis_commands *list, struct redis_command *command)
{
	command->next = NULL;
	*list->tail = command;
	list->tail = &command->next;
}

struct redis_command *redis_commands_take(struct redis_commands *list)
{
	struct redis_command *command = list->head;

	if (command) {
		list->head = command->next;
		if (!list->head)
			list->tail = &list->head;
	}
	return command;
}

int redis_pool_init(struct redis_pool *pool, unsigned size)
{
	pool->all = calloc(size ? size : 1, sizeof(*pool->all));
	if (!pool->all)
		return -ENOMEM;
	for (unsigned i = 0; i < size; i++) {
		pool->all[i].pooled = true;
		pool->all[i].next = pool->unused;
		pool->unused = &pool->all[i];
	}
	return 0;
}

void redis_pool_release(struct redis_pool *pool)
{
	free(pool->all);
}

/* The pool holds as many as may be in flight; only what is refused above that costs an allocation.
 * Without a record the promise to call back cannot be kept, so there is nothing left but to stop.
 */
struct redis_command *redis_pool_take(struct redis_pool *pool, redis_cb *cb, void *arg)
{
	struct redis_command *command = pool->unused;

	if (command)
		pool->unused = command->next;
	else
		command = calloc(1, sizeof(*command));
	if (!command)
		abort();
	command->cb = cb;
	command->arg = arg;
	pool->taken++;
	return command;
}

void redis_pool_finish(struct redis_pool *pool, struct redis_command *command,
    enum redis_outcome outcome, const struct redis_reply *reply)
{
	redis_cb *cb = command->cb;
	void *arg = command->arg;

	pool->taken--;
	if (command->pooled) {
		command->next = pool->unused;
		pool->unused = command;
	} else {
		free(command);
	}
	cb(arg, outcome, reply);
}
