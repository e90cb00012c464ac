/* One Redis server over hiredis' asynchronous client, on a libevent loop. The only module that
 * knows hiredis. What it adds: every command completes exactly once and never before redis_call()
 * has returned; a deadline for each; reconnection with backoff and jitter; a cap on what is in
 * flight. Cluster slots will live here too. */
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
	const char *address;         /* "unix:/path" or "tcp:host:port" */
	const char *user, *password; /* AUTH; NULL for none */
	unsigned deadline_ms;        /* for a command, from call to reply */
	unsigned in_flight_max;
	unsigned backoff_max_ms;
	/* Told at every change of state; may be NULL. Commands may be issued from within. */
	void (*on_state)(void *arg, bool connected, const char *why);
	void *arg;
};

/* Begins to connect; NULL with errno set only when memory is short or the address is malformed. */
struct redis *redis_new(struct event_base *base, const struct redis_options *options);
/* Completes everything in flight (REDIS_UNKNOWN or REDIS_NOT_SENT) before it returns. Not from
 * within a callback. */
void redis_free(struct redis *redis);

bool redis_is_connected(const struct redis *redis);

/* Arguments are copied. `cb` is called exactly once, in a later turn of the loop or in
 * redis_free().*/
void redis_call(
    struct redis *redis, redis_cb *cb, void *arg, size_t argc, const struct slice *argv);

/* Writes what was queued to the socket now rather than in the next turn. */
void redis_flush(struct redis *redis);

#endif
