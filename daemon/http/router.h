/* The route table: which handler answers which path and method. Paths are matched segment by
 * segment; a segment ":name" matches one non-empty segment and lands in request.params in order; a
 * final segment "*" matches all that is left, slashes and empty segments included, as long as it is
 * not nothing, and lands there too. A path that no row knows is 404, a known path with another
 * method 405 with Allow. OPTIONS is answered by the server itself (CORS preflight where the row
 * allows origins). */
#ifndef TALLYD_HTTP_ROUTER_H
#define TALLYD_HTTP_ROUTER_H

#include "http/request.h"

enum route_flags {
	ROUTE_CORS_PAGES = 1, /* the configured page origins may call it */
	ROUTE_CORS_ANY = 2,   /* any origin may read it */
	ROUTE_PRIVATE = 4,    /* carries a ballot, token or receipt: no address in the access log */
	ROUTE_GATE_SHIFT = 8, /* above: what server_options.admit is asked for */
};
#define ROUTE_GATE(gate) ((unsigned)(gate) << ROUTE_GATE_SHIFT)

struct route {
	unsigned methods; /* of enum method; GET implies HEAD */
	const char *path; /* "/v1/contests/:contest/tally" */
	void (*handle)(void *app, struct request *req);
	unsigned flags;
	size_t body_max; /* 0: a body is refused */
	void *arg;       /* handed on as request.route_arg */
};

/* For the server. The row for `method` and `path`, with the parameters filled in; or NULL, and then
 * *ret_allow has the methods of the rows that know the path (0: none does). */
const struct route *router_match(const struct route *routes, enum method method, struct slice path,
    struct slice ret_params[REQUEST_PARAMS_MAX], unsigned *ret_allow);

/* The next row after `row` (NULL: the first) that knows the path, whatever its methods. */
const struct route *router_next(
    const struct route *routes, const struct route *row, struct slice path);

#endif
