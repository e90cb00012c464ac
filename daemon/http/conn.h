/* One connection, and what the files of this folder share about it; not for other floors.
 *
 *            bytes              head, body complete           reply queued
 *   IDLE ───────────▶ HEAD ──▶ BODY ─────────────▶ BUSY ────────────────────▶ IDLE, or
 *                                                                            WRITE while the socket
 * is full, or LINGER when it is to be closed
 *
 * Every state but BUSY and CLOSED has a deadline of fixed length, so the server keeps a list a
 * state that is ordered by deadline: whoever enters goes to the end. Only conn_set_state() moves a
 * connection.
 *
 * `in` holds a head and what came behind it; it is not moved from the parsing of a head until its
 * reply, as the request's slices point into it. A body that came with its head stays there too,
 * else it gets `body`. `out` holds queued replies, then `tail`: one body sent from memory that
 * outlives it.
 *
 * A connection is freed by conn_reap() alone, from server_flush() or at the end of its own event,
 * when its socket is closed and no handler holds its request. */
#ifndef TALLYD_HTTP_CONN_H
#define TALLYD_HTTP_CONN_H

#include <sys/queue.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/buf.h"
#include "base/net.h"
#include "http/head.h"
#include "http/request.h"
#include "http/router.h"

struct server;

enum conn_state {
	CONN_HEAD,   /* waits for the rest of a head, or for the first byte after accept */
	CONN_BODY,   /* waits for the rest of a body */
	CONN_BUSY,   /* a handler has the request */
	CONN_WRITE,  /* waits for the socket to take a reply */
	CONN_IDLE,   /* kept alive */
	CONN_LINGER, /* write side shut; drains so that the peer can read the last reply */
	CONN_CLOSED, /* no socket; waits for its handler's reply and for conn_reap() */
	CONN_STATES
};

struct conn {
	struct request req;
	struct server *server;
	const struct route *route; /* of the request in hand; NULL for pages and what is unknown */
	unsigned allow;            /* methods of the rows that know its path; 0: none does */
	unsigned path_flags;       /* flags of all those rows together, for replies without a row */
	struct head head;
	struct head_scan scan;

	int fd; /* -1: closed */
	enum conn_state state;
	TAILQ_ENTRY(conn) in_state;
	SLIST_ENTRY(conn) in_dirty;
	TAILQ_ENTRY(conn) in_resume;
	int64_t deadline_ms;
	int64_t request_us; /* steady time at which the request in hand was complete */

	struct buf in;
	size_t request_len; /* bytes of `in` that belong to the request in hand */
	struct buf body;
	struct buf out;
	size_t out_sent; /* bytes of `out` already sent */
	struct slice tail;

	bool dirty;        /* in the list for server_flush() */
	bool resuming;     /* in the list for the next turn */
	bool peer_done;    /* the peer has shut its write side */
	bool close_after;  /* no request after the one in hand */
	bool blocked;      /* the socket was full; EV_WRITE is on */
	bool held;         /* a handler has the request; it may outlive the socket */
	bool skipped_crlf; /* before this request, RFC 9112 section 2.2 */
	size_t lingered;   /* bytes thrown away while lingering */
	short watched;     /* events that `io` is added with */
	struct event io;
	union peer_address peer;
	union peer_address client; /* whom the request in hand is from; the peer, or whom a
				      trusted proxy names */
};

TAILQ_HEAD(conn_list, conn);
SLIST_HEAD(conn_stack, conn);

/* Unsent bytes, since out and tail are emptied as soon as all is sent. */
static inline bool conn_has_output(const struct conn *conn)
{
	return conn->out.len > 0 || conn->tail.len > 0;
}

static inline bool conn_is_between_requests(const struct conn *conn)
{
	return conn->state == CONN_HEAD || conn->state == CONN_IDLE;
}

static inline struct conn *conn_of(struct request *req)
{
	return (struct conn *)((char *)req - offsetof(struct conn, req));
}

/* Takes the socket over, also on failure (-ENOMEM). */
int conn_open(struct server *server, int fd, const union peer_address *peer);

void conn_set_state(struct conn *conn, enum conn_state state);

/* Parses and dispatches what is buffered, until a handler keeps a request or bytes run out. */
void conn_advance(struct conn *conn);

/* The body of the request in hand has come whole. */
void conn_take_body(struct conn *conn);

/* Listens for what the state and the buffers call for. */
void conn_watch(struct conn *conn);

/* Sends what is queued; what the socket does not take waits for EV_WRITE. */
void conn_write(struct conn *conn);

/* Closes the socket; the connection stays until conn_reap(). `reset`: throw unsent bytes away. */
void conn_close(struct conn *conn, bool reset);

/* Frees the connection if nothing needs it any more; true when it did. */
bool conn_reap(struct conn *conn);

/* A deadline has passed. */
void conn_expire(struct conn *conn);

/* Puts the connection on the list for server_flush(). */
void conn_mark_dirty(struct conn *conn);

/* Ends the request in hand after its reply was queued (or could not be: drops the connection). */
void conn_finish_request(struct conn *conn, bool queued);

/* Hands the socket over to a stream: sends what is queued, forgets the request and returns the
 * descriptor, or -1 where the peer has gone. The connection still counts as open until the stream
 * calls server_stream_closed(). */
int conn_hijack(struct conn *conn);

/* For pages: like reply_bytes(), but `body` is not copied and must live as long as the server. */
void reply_borrowed(struct request *req, int status, const char *content_type, struct slice body,
    const struct reply_header *headers, size_t n_headers);

/* Queues the head of a reply that ends with the connection, for a stream. 0 or -errno. */
__attribute__((warn_unused_result)) int reply_stream_head(struct request *req,
    const char *content_type, const struct reply_header *headers, size_t n_headers);

#endif
