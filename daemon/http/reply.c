/* Replies: status line, the headers that every reply carries, CORS, JSON and problems. Whatever is
 * queued goes into the connection's output; a reply that does not fit drops the connection. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/encode.h"
#include "crypto/digest.h"
#include "http/server_internal.h"

struct reply {
	int status;
	const char *content_type;
	struct slice body;
	bool borrowed; /* the body need not be copied */
	bool stream;   /* no Content-Length, ends with the connection */
	const struct reply_header *headers;
	size_t n_headers;
};

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} reasons[] = {
	    {200, "OK"},
	    {201, "Created"},
	    {202, "Accepted"},
	    {204, "No Content"},
	    {302, "Found"},
	    {303, "See Other"},
	    {304, "Not Modified"},
	    {307, "Temporary Redirect"},
	    {308, "Permanent Redirect"},
	    {400, "Bad Request"},
	    {401, "Unauthorized"},
	    {403, "Forbidden"},
	    {404, "Not Found"},
	    {405, "Method Not Allowed"},
	    {406, "Not Acceptable"},
	    {408, "Request Timeout"},
	    {409, "Conflict"},
	    {410, "Gone"},
	    {411, "Length Required"},
	    {412, "Precondition Failed"},
	    {413, "Content Too Large"},
	    {414, "URI Too Long"},
	    {415, "Unsupported Media Type"},
	    {417, "Expectation Failed"},
	    {422, "Unprocessable Content"},
	    {428, "Precondition Required"},
	    {429, "Too Many Requests"},
	    {431, "Request Header Fields Too Large"},
	    {500, "Internal Server Error"},
	    {501, "Not Implemented"},
	    {503, "Service Unavailable"},
	    {505, "HTTP Version Not Supported"},
	};
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "";
}

/* Appending, with one check at the end instead of one a call. */
struct sink {
	struct buf *buf;
	int error;
};

static void put(struct sink *sink, struct slice text)
{
	if (sink->error == 0)
		sink->error = buf_append_slice(sink->buf, text);
}

static void put_text(struct sink *sink, const char *text)
{
	put(sink, slice_text(text));
}

#define PUT_LITERAL(sink, text) put((sink), slice_make(text, sizeof(text) - 1))

static void put_number(struct sink *sink, uint64_t number)
{
	char text[DECIMAL_SIZE];

	put(sink, slice_make(text, decimal_encode(number, text)));
}

static void put_header(struct sink *sink, const char *name, struct slice value)
{
	/* A value with a line end would be two headers. */
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.ptr[i] < 0x20 && value.ptr[i] != '\t')
			return;
	put_text(sink, name);
	PUT_LITERAL(sink, ": ");
	put(sink, value);
	PUT_LITERAL(sink, "\r\n");
}

/* ---- headers of every reply ---- */

static void put_date(struct sink *sink, struct server *server)
{
	int64_t now_s = clock_wall_ms() / 1000;

	if (now_s != server->date_s) {
		/* Not strftime's %a and %b: those follow the locale. */
		static const char days[] = "SunMonTueWedThuFriSat";
		static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
		time_t time = (time_t)now_s;
		struct tm tm;
		gmtime_r(&time, &tm);
		snprintf(server->date_line, sizeof(server->date_line),
		    "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n", days + 3 * tm.tm_wday,
		    tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
		    tm.tm_sec);
		server->date_s = now_s;
	}
	put_text(sink, server->date_line);
}

static bool is_page_origin(const struct server *server, struct slice origin)
{
	if (origin.len == 0 || !server->options.page_origins)
		return false;
	for (const char *const *row = server->options.page_origins; *row; row++)
		if (slice_is(origin, *row))
			return true;
	return false;
}

/* Who may read a reply of a row with `flags`: "*", the request's own origin, or nobody (NULL). */
static struct slice allowed_origin(const struct conn *conn, unsigned flags)
{
	if (flags & ROUTE_CORS_ANY)
		return slice_text("*");
	if ((flags & ROUTE_CORS_PAGES) && is_page_origin(conn->server, conn->req.origin))
		return conn->req.origin;
	return slice_make(NULL, 0);
}

static void put_security(struct sink *sink, unsigned flags)
{
	PUT_LITERAL(sink, "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n");
	if (flags & (ROUTE_CORS_ANY | ROUTE_CORS_PAGES))
		PUT_LITERAL(sink, "Cross-Origin-Resource-Policy: cross-origin\r\n");
	else
		PUT_LITERAL(sink, "Cross-Origin-Resource-Policy: same-origin\r\n");
}

static void put_cors(struct sink *sink, const struct conn *conn, unsigned flags)
{
	struct slice origin = allowed_origin(conn, flags);

	if (origin.len > 0) {
		put_header(sink, "Access-Control-Allow-Origin", origin);
		PUT_LITERAL(sink,
		    "Access-Control-Expose-Headers: ETag, WWW-Authenticate, Retry-After, "
		    "Tallyd-Turn\r\n");
	}
	if ((flags & ROUTE_CORS_PAGES) && !(flags & ROUTE_CORS_ANY))
		PUT_LITERAL(sink, "Vary: Origin\r\n");
}

static void put_connection(struct sink *sink, const struct conn *conn)
{
	if (conn->close_after)
		PUT_LITERAL(sink, "Connection: close\r\n");
	else if (conn->head.http_1_0)
		PUT_LITERAL(sink, "Connection: keep-alive\r\n");
}

static bool has_header(const struct reply *reply, const char *name)
{
	for (size_t i = 0; i < reply->n_headers; i++)
		if (strcasecmp(reply->headers[i].name, name) == 0)
			return true;
	return false;
}

static void put_content(struct sink *sink, const struct reply *reply)
{
	if (reply->content_type)
		put_header(sink, "Content-Type", slice_text(reply->content_type));
	if (reply->stream || reply->status == 204 || reply->status == 304)
		return;
	PUT_LITERAL(sink, "Content-Length: ");
	put_number(sink, reply->body.len);
	PUT_LITERAL(sink, "\r\n");
}

static void put_own_headers(struct sink *sink, const struct reply *reply)
{
	for (size_t i = 0; i < reply->n_headers; i++)
		put_header(sink, reply->headers[i].name, slice_text(reply->headers[i].value));
	if (!has_header(reply, "Cache-Control"))
		PUT_LITERAL(sink, "Cache-Control: no-store\r\n");
	if ((reply->status == 503 || reply->status == 429) && !has_header(reply, "Retry-After"))
		PUT_LITERAL(sink, "Retry-After: 1\r\n");
	assert(reply->status != 401 || has_header(reply, "WWW-Authenticate"));
}

static void put_head(struct sink *sink, struct conn *conn, const struct reply *reply)
{
	unsigned flags = conn->route ? conn->route->flags : conn->path_flags;

	PUT_LITERAL(sink, "HTTP/1.1 ");
	put_number(sink, (uint64_t)reply->status);
	PUT_LITERAL(sink, " ");
	put_text(sink, reason(reply->status));
	PUT_LITERAL(sink, "\r\n");
	put_date(sink, conn->server);
	put_connection(sink, conn);
	put_content(sink, reply);
	put_security(sink, flags);
	put_cors(sink, conn, flags);
	put_own_headers(sink, reply);
	PUT_LITERAL(sink, "\r\n");
}

static void send_reply(struct request *req, const struct reply *reply)
{
	struct conn *conn = conn_of(req);
	struct sink sink = {.buf = &conn->out};
	bool with_body = req->method != METHOD_HEAD && reply->status != 204 && reply->status != 304;
	size_t body_len = with_body ? reply->body.len : 0;

	server_log_reply(conn->server, conn, reply->status, body_len);
	if (conn->server->draining || !conn->server->accepting) /* somebody waits for the place */
		conn->close_after = true;
	if (conn->state != CONN_CLOSED) {
		put_head(&sink, conn, reply);
		if (with_body && reply->borrowed)
			conn->tail = reply->body;
		else if (with_body)
			put(&sink, reply->body);
	}
	conn_finish_request(conn, sink.error == 0);
}

/* ---- the replies ---- */

void reply_bytes(struct request *req, int status, const char *content_type, struct slice body,
    const struct reply_header *headers, size_t n_headers)
{
	send_reply(req, &(struct reply){
			    .status = status,
			    .content_type = content_type,
			    .body = body,
			    .headers = headers,
			    .n_headers = n_headers,
			});
}

void reply_borrowed(struct request *req, int status, const char *content_type, struct slice body,
    const struct reply_header *headers, size_t n_headers)
{
	send_reply(req, &(struct reply){
			    .status = status,
			    .content_type = content_type,
			    .body = body,
			    .borrowed = true,
			    .headers = headers,
			    .n_headers = n_headers,
			});
}

int reply_stream_head(struct request *req, const char *content_type,
    const struct reply_header *headers, size_t n_headers)
{
	struct conn *conn = conn_of(req);
	struct sink sink = {.buf = &conn->out};
	const struct reply reply = {
	    .status = 200,
	    .content_type = content_type,
	    .stream = true,
	    .headers = headers,
	    .n_headers = n_headers,
	};

	conn->close_after = true;
	server_log_reply(conn->server, conn, reply.status, 0);
	put_head(&sink, conn, &reply);
	return sink.error;
}

/* Into the server's scratch buffer, which grows to the largest document and stays. */
static int serialise(struct server *server, const json_t *body, struct slice *ret_text)
{
	struct buf *scratch = &server->json;

	for (;;) {
		size_t len = json_dumpb(
		    body, scratch->data, scratch->cap, JSON_COMPACT | JSON_REAL_PRECISION(15));
		if (len == 0)
			return -ENOMEM;
		if (len <= scratch->cap) {
			*ret_text = slice_make(scratch->data, len);
			return 0;
		}
		buf_clear(scratch);
		int r = buf_reserve(scratch, len);
		if (r < 0)
			return r;
	}
}

static void reply_document(struct request *req, int status, const char *content_type,
    const json_t *body, const struct reply_header *headers, size_t n_headers)
{
	struct slice text;

	if (!body || serialise(conn_of(req)->server, body, &text) < 0) {
		static const char sorry[] = "{\"type\":\"about:blank\",\"status\":500}";
		reply_bytes(req, 500, "application/problem+json",
		    slice_make(sorry, sizeof(sorry) - 1), NULL, 0);
		return;
	}
	reply_bytes(req, status, content_type, text, headers, n_headers);
}

void reply_json(struct request *req, int status, json_t *body, const struct reply_header *headers,
    size_t n_headers)
{
	reply_document(req, status, "application/json", body, headers, n_headers);
	json_decref(body);
}

static json_t *problem_document(const struct problem *problem)
{
	json_t *body = json_object();

	json_object_set_new(body, "type", json_sprintf("/problems#%s", problem->type));
	json_object_set_new(body, "title", json_string(problem->title));
	json_object_set_new(body, "status", json_integer(problem->status));
	if (problem->detail)
		json_object_set_new(body, "detail", json_string(problem->detail));
	if (problem->members)
		json_object_update_missing(body, problem->members);
	return body;
}

static void reply_problem_with(
    struct request *req, const struct problem *problem, const struct reply_header *header)
{
	struct reply_header headers[3];
	size_t n = 0;
	char seconds[16];

	if (problem->retry_after_s > 0) {
		snprintf(seconds, sizeof(seconds), "%d", problem->retry_after_s);
		headers[n++] = (struct reply_header){"Retry-After", seconds};
	}
	if (problem->www_authenticate)
		headers[n++] = (struct reply_header){"WWW-Authenticate", problem->www_authenticate};
	if (header)
		headers[n++] = *header;
	json_t *body = problem_document(problem);
	reply_document(req, problem->status, "application/problem+json", body, headers, n);
	json_decref(body);
	json_decref(problem->members);
}

void reply_problem(struct request *req, const struct problem *problem)
{
	reply_problem_with(req, problem, NULL);
}

/* ---- methods ---- */

#define METHODS_TEXT_SIZE 48 /* all six with their commas */

static char *methods_text(unsigned methods, char ret_text[METHODS_TEXT_SIZE])
{
	size_t len = 0;

	ret_text[0] = '\0';
	for (unsigned bit = 1; bit <= METHOD_DELETE; bit <<= 1)
		if (methods & bit)
			len += (size_t)snprintf(ret_text + len, METHODS_TEXT_SIZE - len, "%s%s",
			    len ? ", " : "", method_name((enum method)bit));
	return ret_text;
}

void reply_method_not_allowed(struct request *req, unsigned allow)
{
	static const struct problem not_allowed = {
	    .status = 405,
	    .type = "method-not-allowed",
	    .title = "Method not allowed",
	    .detail = "This path does not take this method; Allow names those it takes.",
	};
	char text[METHODS_TEXT_SIZE];
	const struct reply_header header = {"Allow", methods_text(allow | METHOD_OPTIONS, text)};

	reply_problem_with(req, &not_allowed, &header);
}

/* Answers OPTIONS. A preflight (Fetch, section 4.8) learns the methods of those rows of the path
 * that its origin may call; put_cors() adds the origin itself. */
void reply_options(struct request *req)
{
	struct conn *conn = conn_of(req);
	const struct route *routes = conn->server->options.routes;
	unsigned methods = 0;

	for (const struct route *row = NULL; (row = router_next(routes, row, req->path));)
		if (allowed_origin(conn, row->flags).len > 0)
			methods |= row->methods;

	char allow[METHODS_TEXT_SIZE], allow_cors[METHODS_TEXT_SIZE];
	const struct reply_header headers[] = {
	    {"Allow", methods_text(conn->allow | METHOD_OPTIONS, allow)},
	    {"Access-Control-Allow-Methods", methods_text(methods, allow_cors)},
	    {"Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match, Tallyd-Turn"},
	    {"Access-Control-Max-Age", "600"},
	};
	size_t n = methods ? sizeof(headers) / sizeof(headers[0]) : 1;
	reply_bytes(req, 204, NULL, slice_make(NULL, 0), headers, n);
}
