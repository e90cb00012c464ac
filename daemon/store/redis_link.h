/* What redis_node.c needs around hiredis: a context's libevent hooks; replies, and addresses. With
 * redis_node.c the only place that knows hiredis; for the files of redis.h alone. */
#ifndef TALLYD_STORE_REDIS_LINK_H
#define TALLYD_STORE_REDIS_LINK_H

#include <stdbool.h>

#include <event2/event_struct.h>

struct redisAsyncContext;
struct redis_reply;

/* A connection: hiredis' context and its libevent hooks. Freed by hiredis, with the context. */
struct redis_link {
	struct redisAsyncContext *ac;
	struct event readable, writable;
	bool connecting;
	/* There is output; called with the context's `data`, and not when that is NULL. */
	void (*on_output)(void *owner);
};

/* NULL: memory. */
struct redis_link *redis_link_new(
    struct event_base *base, struct redisAsyncContext *ac, void (*on_output)(void *owner));
/* Watches for room in the socket, or for answers; does nothing where it already does. */
void redis_link_watch_output(struct redis_link *link);
void redis_link_watch_input(struct redis_link *link);

/* A copy of a reply, to be kept; NULL: memory. */
struct redis_reply *redis_reply_copy(const struct redis_reply *reply);
void redis_reply_free(struct redis_reply *reply);

/* "unix:/path" (port 0) or "tcp:host:port". 0, -EINVAL or -ENOMEM; the host is the caller's. */
__attribute__((warn_unused_result)) int redis_address_parse(
    const char *address, char **ret_host, int *ret_port);

#endif
