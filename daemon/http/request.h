/* One HTTP request as a handler sees it, and the one reply it must give.
 *
 * A request lives inside its connection: the head and body that its slices point into stay where
 * they are until the reply, even when the peer has gone. Every request is replied to exactly once,
 * by one of the reply_* functions or by sse_subscribe(), at once or from a later turn of the loop;
 * after that call the pointer is dead. A reply to a peer that has left is dropped in silence. */
#ifndef TALLYD_HTTP_REQUEST_H
#define TALLYD_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/slice.h"

enum method {
	METHOD_GET = 1,
	METHOD_HEAD = 2,
	METHOD_POST = 4,
	METHOD_PUT = 8,
	METHOD_OPTIONS = 16,
	METHOD_DELETE = 32,
};

#define REQUEST_PARAMS_MAX 4

struct request {
	enum method method; /* HEAD reaches handlers as HEAD; the body of the reply is withheld */
	struct slice path;  /* origin-form target before '?', as received */
	struct slice query; /* after '?', as received; empty when there is none */
	struct slice params[REQUEST_PARAMS_MAX]; /* what the route's ":name" and "*" matched */
	struct slice body;
	/* Header fields that any route reads; empty when absent. A second Authorization,
	 * Content-Type, If-Match, Origin, or Tallyd-Turn is refused before a handler runs. */
	struct slice authorization;
	struct slice content_type;
	struct slice if_match;
	struct slice if_none_match;
	struct slice origin;
	struct slice accept_encoding;
	struct slice cookie; /* only the login's callback reads one */
	struct slice turn;   /* api/turn.h */
	struct slice user_agent;
	const struct sockaddr *peer; /* the address behind the connection, or the one for which a
					trusted proxy asks (http/forwarded.h) */
	void *route_arg;             /* from the route's row */
};

/* Whether If-None-Match names this entity tag, "*" included: weak comparison against a list (RFC
 * 9110 section 13.1.2), since a proxy that compresses makes a tag weak. The answer is then 304. */
bool request_holds(const struct request *req, const char *etag);

/* Whether Accept-Encoding names this content coding (RFC 9110 section 12.5.3). A reply that depends
 * on it says "Vary: Accept-Encoding". */
bool request_takes(const struct request *req, const char *coding);

#define ETAG_SIZE 27
/* A strong, quoted entity tag for these bytes: the first 12 of their SHA-256, in hex. */
void etag_make(struct slice bytes, char ret_etag[ETAG_SIZE]);

/* The credentials of "Authorization: Bearer …" (RFC 6750 section 2.1; schemes know no case, RFC
 * 9110 section 11.1); empty where there are none of that kind. Borrowed from the request. */
struct slice request_bearer(const struct request *req);

/* The value of a cookie (RFC 6265 section 4.2.1), as it came; empty where there is none. Borrowed.
 */
struct slice request_cookie(const struct request *req, const char *name);

/* The value of a parameter of the query, decoded (application/x-www-form-urlencoded), with its NUL
 * in ret_value. 0; -ENOENT: there is none; -EINVAL: it stands there twice, is not so encoded, holds
 * a control character, or does not fit. */
__attribute__((warn_unused_result)) int request_query(
    const struct request *req, const char *name, char *ret_value, size_t cap);

struct reply_header {
	const char *name;
	const char *value;
};

/* The body is copied; so are the headers. Content-Length, Date, Connection and the security and
 * CORS headers are added by the server. Without a Cache-Control in `headers` it is "no-store". */
void reply_bytes(struct request *req, int status, const char *content_type, struct slice body,
    const struct reply_header *headers, size_t n_headers);

/* Serialises `body` compactly and drops its reference, also on failure. */
void reply_json(struct request *req, int status, json_t *body, const struct reply_header *headers,
    size_t n_headers);

/* RFC 9457. `type` is a stable slug; on the wire it is "/problems#<slug>" resolved against the API.
 */
struct problem {
	int status;
	const char *type;
	const char *title;  /* short, the same for every occurrence */
	const char *detail; /* this occurrence: what is wrong, what would be right; may be NULL */
	int retry_after_s;  /* > 0: a Retry-After; 503 and 429 without one get 1 */
	const char *www_authenticate; /* required for 401 */
	json_t *members;              /* further members, reference taken over; may be NULL */
};
void reply_problem(struct request *req, const struct problem *problem);

#endif
