/* One connection to one Redis server, on a libevent loop: commands on their way, deadlines,
 * reconnection with backoff and jitter. With redis_link.c the only place that knows hiredis; for
 * the files of redis.h alone. */
#ifndef TALLYD_STORE_REDIS_NODE_H
#define TALLYD_STORE_REDIS_NODE_H

#include <stdbool.h>

#include "base/slice.h"
#include "store/redis.h"

struct event_base;
struct redis_node;

struct redis_node_options {          /* text is copied */
	const char *host;            /* or the path of a socket */
	int port;                    /* 0: a socket */
	const char *user, *password; /* AUTH; NULL for none */
	unsigned deadline_ms;        /* for a command, from sending to reply */
	unsigned in_flight_max;
	unsigned backoff_max_ms;
	/* Told at every change of state; may be NULL. Commands may be sent from within. */
	void (*on_state)(void *arg, bool connected, const char *why);
	void *arg;
};

/* Begins to connect; NULL with errno set: memory. */
struct redis_node *redis_node_new(
    struct event_base *base, const struct redis_node_options *options);
/* Completes everything in flight before it returns. Not from within a callback. */
void redis_node_free(struct redis_node *node);

bool redis_node_is_connected(const struct redis_node *node);
bool redis_node_is_idle(const struct redis_node *node); /* nothing under way */

/* `wire` (redis_wire.h) is copied. `cb` comes exactly once, in a later turn or in
 * redis_node_free(). */
void redis_node_send(struct redis_node *node, redis_cb *cb, void *arg, struct slice wire);
/* Before a command that another server has sent here with ASK. */
void redis_node_send_asking(struct redis_node *node);
/* Writes what was queued to the socket now rather than in the next turn. */
void redis_node_flush(struct redis_node *node);

#endif
