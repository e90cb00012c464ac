/* Redis on a libevent loop: one server, or a Redis Cluster. Every command goes to the server that
 * has its key and completes exactly once, never before the call has returned; each has a deadline;
 * connections come back with backoff and jitter; what is in flight has a cap. In a cluster keys are
 * followed where they go (MOVED, ASK; redis.io, "Redis cluster specification"), and a master that
 * is away, or that is just being replaced, costs its own keys alone. Writes can be told only once
 * replicas have them. */
#ifndef TALLYD_STORE_REDIS_H
#define TALLYD_STORE_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct event_base;
struct redis;
struct redis_reply; /* borrowed for the time of the callback */

enum redis_kind { REDIS_NIL, REDIS_INTEGER, REDIS_TEXT, REDIS_STATUS, REDIS_ERROR, REDIS_ARRAY };

enum redis_kind redis_reply_kind(const struct redis_reply *reply);
int64_t redis_reply_integer(const struct redis_reply *reply); /* 0 unless an integer */
struct slice redis_reply_text(
    const struct redis_reply *reply);                      /* text, status, error; else empty */
size_t redis_reply_count(const struct redis_reply *reply); /* elements of an array; else 0 */
const struct redis_reply *redis_reply_at(const struct redis_reply *reply, size_t index);

enum redis_outcome {
	REDIS_OK,       /* `reply` is set; it may be of kind REDIS_ERROR: the server refused */
	REDIS_NOT_SENT, /* not connected or too much in flight: certainly not carried out */
	REDIS_UNKNOWN,  /* sent, no answer (deadline, connection lost): may have been carried out */
};

typedef void redis_cb(void *arg, enum redis_outcome outcome, const struct redis_reply *reply);

struct redis_options {
	const char *address; /* "unix:/path" or "tcp:host:port"; not with `nodes` */
	/* Some of a cluster's nodes, "tcp:host:port"; the others are found by asking them. Borrowed
	 * for the call. */
	const char *const *nodes;
	size_t n_nodes;
	const char *user, *password; /* AUTH; NULL for none */
	unsigned deadline_ms;        /* for a command, from call to reply */
	unsigned in_flight_max;
	unsigned backoff_max_ms;
	/* redis_vote() goes to those servers only that redis_admit() has let in; and a cluster is
	 * connected, too, where some of its masters stay away. */
	bool judged;
	unsigned replicas; /* redis_write(): so many must have it, each master's; 0: none */
	unsigned wait_ms;  /* for them, less than the deadline */
	/* Told at every change of state; may be NULL. Commands may be issued from within.
	 * Connected: to every server that has keys. Told again, without a break, whenever other
	 * servers have them, or one came back: what was known of a server need not hold of the one
	 * in its place. Not connected: none of them is there. */
	void (*on_state)(void *arg, bool connected, const char *why);
	void *arg;
};

/* Begins to connect; NULL with errno set only when memory is short or the address is malformed. */
struct redis *redis_new(struct event_base *base, const struct redis_options *options);
/* Completes everything in flight (REDIS_UNKNOWN or REDIS_NOT_SENT) before it returns. Not from
 * within a callback. */
void redis_free(struct redis *redis);

bool redis_is_connected(const struct redis *redis);

/* Arguments are copied; all keys among them have one hash tag. `cb` is called exactly once, in a
 * later turn of the loop or in redis_free(). What is about no key goes to any one server. */
void redis_call(
    struct redis *redis, redis_cb *cb, void *arg, size_t argc, const struct slice *argv);
/* The same for what writes, or what tells that something has been written, and is to last: where
 * there are replicas to have it, REDIS_OK comes once they have all that stood there when it was
 * carried out; too few of them in time make it REDIS_UNKNOWN. A key "{<tag>}:barrier" is used. */
void redis_write(
    struct redis *redis, redis_cb *cb, void *arg, size_t argc, const struct slice *argv);

/* The same for what counts, or lets somebody count: REDIS_NOT_SENT where the server has not been
 * let in since its connection was made. */
void redis_vote(
    struct redis *redis, redis_cb *cb, void *arg, size_t argc, const struct slice *argv);

/* Who is connected is going to be judged: redis_admit() is about them, as far as they still are. */
void redis_judge(struct redis *redis);
void redis_admit(struct redis *redis);

bool redis_is_cluster(const struct redis *redis);
unsigned redis_replicas(const struct redis *redis); /* as the options said */
/* How many servers have keys; each can be asked, by a number below that. Both may change in every
 * turn of the loop, and then on_state is told. */
unsigned redis_masters(const struct redis *redis);
/* "host:port", or a socket's path; "" for a number that is none. */
void redis_master_name(const struct redis *redis, unsigned n, char *ret_name, size_t cap);
bool redis_master_is_connected(const struct redis *redis, unsigned n);
void redis_call_master(struct redis *redis, unsigned n, redis_cb *cb, void *arg, size_t argc,
    const struct slice *argv);

/* Writes what was queued to the socket now rather than in the next turn. */
void redis_flush(struct redis *redis);

#endif
