/* HTTP/1.1 server on a libevent loop: accepts, limits, times out, parses (llhttp), routes, writes.
 * One request in flight a connection; the parser rests until the reply is queued. Replies queued in
 * one turn of the loop leave together in server_flush(). RFC 9110, RFC 9112. */
#ifndef TALLYD_HTTP_SERVER_H
#define TALLYD_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "http/forwarded.h"
#include "http/router.h"

struct event_base;
struct server;
struct assets;

struct server_limits {
	unsigned connections; /* open at once, streams included */
	unsigned in_flight;   /* requests handed to handlers and not replied to; above it 503 */
	size_t head_bytes;    /* request line and headers */
	size_t body_bytes;    /* ceiling over every route's body_max */
	size_t output_bytes;  /* unsent bytes a connection may hold before it is dropped */
	unsigned head_ms;     /* absolute, from the first byte (or accept) to the end of the head */
	unsigned body_ms;     /* absolute, from the end of the head to the end of the body */
	unsigned idle_ms;     /* keep-alive between requests */
	unsigned write_ms;    /* a reply not taken by the peer for so long is dropped */
};

/* Counters for metrics and tests; plain increments, one writer. */
struct server_stats {
	uint64_t accepted, closed, refused, requests, bad_requests, timeouts;
	uint64_t unbelieved; /* named whom they are from, and were not believed */
	uint64_t replies[6]; /* by status class, [2] = 2xx */
};

struct server_options {
	const struct route *routes; /* borrowed; ended by a row with path NULL */
	void *app;                  /* handed to every handler */
	/* Asked before each handler with its route's gate; false: it has replied. May be NULL. */
	bool (*admit)(void *app, struct request *req, unsigned gate);
	struct assets *assets; /* static pages for what no route knows; may be NULL; borrowed */
	const char *const
	    *page_origins; /* NULL-ended list of origins for ROUTE_CORS_PAGES; borrowed */
	const char
	    *connect; /* policy_connect(): what pages may call beside their origin; or NULL */
	struct server_limits limits;
	struct forwarded_policy forwarded; /* whom requests are from; the proxies are borrowed */
	int access_log_fd;                 /* -1: none */
	bool *unbelieved_told;             /* set once the log says so; NULL: it never does */
	struct server_stats *stats; /* borrowed, zeroed by the caller; may lie in shared memory */
	/* When it was last told that no more can be accepted (steady; 0: never); borrowed, may be
	 * shared by several servers, which then tell it once a second together. NULL: its own. */
	int64_t *full_told_ms;
};

/* NULL with errno set on failure. */
struct server *server_new(struct event_base *base, const struct server_options *options);
/* Closes every connection; in-flight requests must have been replied to or never will be. */
void server_free(struct server *server);

/* Serves on a listening, non-blocking socket, which stays the caller's to close. 0 or -errno. */
__attribute__((warn_unused_result)) int server_listen(struct server *server, int listen_fd);

/* Writes what this turn of the loop queued. Call after each event_base_loop(EVLOOP_ONCE). */
void server_flush(struct server *server);

/* Closes idle connections within `idle_ms`, answers the rest "Connection: close". What waits to be
 * accepted is left to a successor on the same socket; where there is none, it goes on being
 * accepted, and the caller has seen to it that no more comes. */
enum server_drain { DRAIN_FOR_SUCCESSOR, DRAIN_TO_THE_LAST };
void server_drain(struct server *server, enum server_drain how, unsigned idle_ms);
bool server_is_idle(const struct server *server);

#endif
