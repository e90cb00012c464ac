/* The head of a request: request line by hand, fields by llhttp, meaning by hand again. */
#include "http/head.h"

#include <errno.h>
#include <stdint.h>
#include <strings.h>

#include <llhttp.h>

#define BAD_REQUEST(text)                                                                          \
	{                                                                                          \
		.status = 400, .type = "bad-request", .title = "Bad request", .detail = text       \
	}

const struct problem PROBLEM_BAD_LINE_END = BAD_REQUEST(
    "Lines of a request's head end with CRLF and hold neither a lone CR or LF nor a NUL.");

static const struct problem bad_request_line =
    BAD_REQUEST("The request line is not \"METHOD SP target SP HTTP/1.1\".");
static const struct problem bad_target = BAD_REQUEST(
    "The request target must be a path that begins with \"/\", in ASCII, without \"#\".");
static const struct problem bad_field =
    BAD_REQUEST("A header field is not \"Name: value\", or its line is folded.");
static const struct problem bad_host =
    BAD_REQUEST("A request of HTTP/1.1 needs exactly one valid Host.");
static const struct problem bad_content_length =
    BAD_REQUEST("Content-Length must be given once, as a decimal number.");
static const struct problem repeated_field = BAD_REQUEST(
    "Authorization, Content-Type, If-Match, Origin and Tallyd-Turn may each be given once.");
static const struct problem body_not_expected = BAD_REQUEST("GET and HEAD take no body.");
static const struct problem bad_syntax = BAD_REQUEST("The head is not well-formed HTTP/1.1.");
static const struct problem wrong_version = {
    .status = 505,
    .type = "http-version-not-supported",
    .title = "HTTP version not supported",
    .detail = "This server speaks HTTP/1.1 and HTTP/1.0.",
};
static const struct problem unknown_method = {
    .status = 501,
    .type = "method-not-implemented",
    .title = "Method not implemented",
    .detail = "This server knows GET, HEAD, POST, PUT, DELETE and OPTIONS.",
};
static const struct problem length_required = {
    .status = 411,
    .type = "length-required",
    .title = "Length required",
    .detail = "Transfer-Encoding is not accepted; send the body with a Content-Length.",
};
static const struct problem expectation_failed = {
    .status = 417,
    .type = "expectation-failed",
    .title = "Expectation failed",
    .detail = "The only expectation this server can meet is 100-continue.",
};

static const struct {
	const char *name;
	enum method method;
} methods[] = {
    {"GET", METHOD_GET},
    {"HEAD", METHOD_HEAD},
    {"POST", METHOD_POST},
    {"PUT", METHOD_PUT},
    {"DELETE", METHOD_DELETE},
    {"OPTIONS", METHOD_OPTIONS},
};
#define N_METHODS (sizeof(methods) / sizeof(methods[0]))

const char *method_name(enum method method)
{
	for (size_t i = 0; i < N_METHODS; i++)
		if (methods[i].method == method)
			return methods[i].name;
	return "-";
}

/* RFC 9110, section 5.6.2. */
static bool is_token_char(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_token(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!is_token_char(text.ptr[i]))
			return false;
	return text.len > 0;
}

static bool is_text(struct slice a, const char *lower)
{
	return a.len == strlen(lower) && strncasecmp(a.ptr, lower, a.len) == 0;
}

int head_scan(struct head_scan *scan, struct slice bytes, size_t *ret_len)
{
	/* Whoever does not begin with a method (a TLS hello, say) need not be waited for. */
	if (bytes.len > 0 && !is_token_char(bytes.ptr[0]))
		return -EBADMSG;

	while (scan->searched < bytes.len) {
		const char *from = bytes.ptr + scan->searched;
		size_t left = bytes.len - scan->searched;
		const char *cr = memchr(from, '\r', left);
		size_t plain = cr ? (size_t)(cr - from) : left;
		if (memchr(from, '\n', plain) || memchr(from, '\0', plain))
			return -EBADMSG;
		scan->searched += plain;
		if (!cr || scan->searched + 1 == bytes.len)
			return 0;
		if (cr[1] != '\n')
			return -EBADMSG;
		bool empty = scan->line_start == scan->searched;
		scan->searched += 2;
		scan->line_start = scan->searched;
		if (empty) {
			*ret_len = scan->searched;
			return 1;
		}
	}
	return 0;
}

/* Cuts `text` at the first `c`; false when there is none. */
static bool cut(struct slice text, char c, struct slice *ret_before, struct slice *ret_after)
{
	const char *at = text.len ? memchr(text.ptr, c, text.len) : NULL;
	if (!at)
		return false;
	size_t n = (size_t)(at - text.ptr);
	*ret_before = slice_make(text.ptr, n);
	*ret_after = slice_make(at + 1, text.len - n - 1);
	return true;
}

static struct slice take_line(struct slice *bytes)
{
	const char *lf = memchr(bytes->ptr, '\n', bytes->len);
	size_t n = (size_t)(lf - bytes->ptr);
	struct slice line = slice_make(bytes->ptr, n - 1);
	*bytes = slice_make(lf + 1, bytes->len - n - 1);
	return line;
}

static const struct problem *parse_version(struct slice text, bool *ret_http_1_0)
{
	if (slice_is(text, "HTTP/1.1") || slice_is(text, "HTTP/1.0")) {
		*ret_http_1_0 = text.ptr[7] == '0';
		return NULL;
	}
	bool other = text.len == 8 && slice_starts(text, "HTTP/") && text.ptr[6] == '.' &&
		     text.ptr[5] >= '0' && text.ptr[5] <= '9' && text.ptr[7] >= '0' &&
		     text.ptr[7] <= '9';
	return other ? &wrong_version : &bad_request_line;
}

/* Origin form only (RFC 9112, section 3.2.1). Browsers leave some characters unescaped that RFC
 * 3986 would escape, so everything printable passes but the fragment's sign. */
static const struct problem *parse_target(struct slice target, struct request *req)
{
	if (target.len == 0 || target.ptr[0] != '/')
		return &bad_target;
	for (size_t i = 0; i < target.len; i++) {
		unsigned char c = (unsigned char)target.ptr[i];
		if (c <= 0x20 || c >= 0x7f || c == '#')
			return &bad_target;
	}
	if (!cut(target, '?', &req->path, &req->query))
		req->path = target;
	return NULL;
}

static const struct problem *parse_request_line(
    struct slice line, struct head *head, struct request *req)
{
	struct slice method, target, version, rest;

	if (!cut(line, ' ', &method, &rest) || !is_token(method) ||
	    !cut(rest, ' ', &target, &version))
		return &bad_request_line;
	const struct problem *problem = parse_version(version, &head->http_1_0);
	if (problem)
		return problem;
	for (size_t i = 0; i < N_METHODS; i++)
		if (slice_is(method, methods[i].name))
			req->method = methods[i].method;
	if (!req->method)
		return &unknown_method;
	return parse_target(target, req);
}

/* Without a way out before the end: a token is long, and mostly there is none. */
static bool has_control(struct slice text)
{
	unsigned found = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		found |= (unsigned)(c < 0x20) & (unsigned)(c != '\t');
		found |= (unsigned)(c == 0x7f);
	}
	return found != 0;
}

/* llhttp lets some of this through, depending on how it was built: a space before the colon, a
 * folded line, control characters (RFC 9112, sections 5.1 and 5.2). */
static const struct problem *check_field_lines(struct slice lines)
{
	for (;;) {
		struct slice line = take_line(&lines), name, value;
		if (line.len == 0)
			return NULL;
		if (!cut(line, ':', &name, &value) || !is_token(name) || has_control(value))
			return &bad_field;
	}
}

enum field {
	FIELD_OTHER,
	FIELD_ACCEPT,
	FIELD_ACCEPT_ENCODING,
	FIELD_AUTHORIZATION,
	FIELD_CONTENT_LENGTH,
	FIELD_CONTENT_TYPE,
	FIELD_COOKIE,
	FIELD_EXPECT,
	FIELD_FORWARDED,
	FIELD_HOST,
	FIELD_IF_MATCH,
	FIELD_IF_NONE_MATCH,
	FIELD_ORIGIN,
	FIELD_TALLYD_TURN,
	FIELD_TRANSFER_ENCODING,
	FIELD_USER_AGENT,
	FIELD_X_FORWARDED_FOR,
};

static const struct {
	const char *name;
	size_t len;
} field_names[] = {
    [FIELD_OTHER] = {"", 0},
    [FIELD_ACCEPT] = {"accept", 6},
    [FIELD_ACCEPT_ENCODING] = {"accept-encoding", 15},
    [FIELD_AUTHORIZATION] = {"authorization", 13},
    [FIELD_CONTENT_LENGTH] = {"content-length", 14},
    [FIELD_CONTENT_TYPE] = {"content-type", 12},
    [FIELD_COOKIE] = {"cookie", 6},
    [FIELD_EXPECT] = {"expect", 6},
    [FIELD_FORWARDED] = {"forwarded", 9},
    [FIELD_HOST] = {"host", 4},
    [FIELD_IF_MATCH] = {"if-match", 8},
    [FIELD_IF_NONE_MATCH] = {"if-none-match", 13},
    [FIELD_ORIGIN] = {"origin", 6},
    [FIELD_TALLYD_TURN] = {"tallyd-turn", 11},
    [FIELD_TRANSFER_ENCODING] = {"transfer-encoding", 17},
    [FIELD_USER_AGENT] = {"user-agent", 10},
    [FIELD_X_FORWARDED_FOR] = {"x-forwarded-for", 15},
};

static enum field field_of(struct slice name)
{
	for (size_t i = 1; i < sizeof(field_names) / sizeof(field_names[0]); i++)
		if (field_names[i].len == name.len &&
		    strncasecmp(field_names[i].name, name.ptr, name.len) == 0)
			return (enum field)i;
	return FIELD_OTHER;
}

/* What llhttp's callbacks gather. The whole head lies in one piece, so each span comes whole. */
struct gather {
	struct head *head;
	struct request *req;
	const struct problem *problem; /* the first one */
	enum field field;
	unsigned seen; /* bit per field */
	bool complete;
};

/* RFC 9112 section 3.2; the characters of RFC 3986's host and port but for the comma, which would
 * make a list of it, and something there. */
static bool is_host(struct slice value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] == '#' || value.ptr[i] == '^' || value.ptr[i] == '`' ||
		    value.ptr[i] == '|' ||
		    (!is_token_char(value.ptr[i]) && !strchr("[]:()=;", value.ptr[i])))
			return false;
	return value.len > 0;
}

static bool parse_content_length(struct slice value, size_t *ret_length)
{
	size_t length = 0;
	if (value.len == 0 || value.len > 15)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] < '0' || value.ptr[i] > '9')
			return false;
		length = length * 10 + (size_t)(value.ptr[i] - '0');
	}
	*ret_length = length;
	return true;
}

static struct slice trim(struct slice value)
{
	while (value.len > 0 && (value.ptr[0] == ' ' || value.ptr[0] == '\t'))
		value = slice_make(value.ptr + 1, value.len - 1);
	while (
	    value.len > 0 && (value.ptr[value.len - 1] == ' ' || value.ptr[value.len - 1] == '\t'))
		value.len--;
	return value;
}

static const struct problem *take_field(
    struct gather *gather, enum field field, struct slice value, bool again)
{
	struct request *req = gather->req;
	struct head *head = gather->head;

	switch (field) {
	case FIELD_HOST:
		return again || !is_host(value) ? &bad_host : NULL;
	case FIELD_CONTENT_LENGTH:
		return again || !parse_content_length(value, &head->content_length)
			   ? &bad_content_length
			   : NULL;
	case FIELD_TRANSFER_ENCODING:
		return &length_required;
	case FIELD_EXPECT:
		if (!is_text(value, "100-continue"))
			return &expectation_failed;
		head->expects_continue = !head->http_1_0; /* RFC 9110, section 10.1.1 */
		return NULL;
	case FIELD_AUTHORIZATION:
		req->authorization = value;
		return again ? &repeated_field : NULL;
	case FIELD_CONTENT_TYPE:
		req->content_type = value;
		return again ? &repeated_field : NULL;
	case FIELD_COOKIE:
		if (!again)
			req->cookie = value;
		return NULL;
	case FIELD_IF_MATCH:
		req->if_match = value;
		return again ? &repeated_field : NULL;
	case FIELD_TALLYD_TURN:
		req->turn = value;
		return again ? &repeated_field : NULL;
	case FIELD_ORIGIN:
		req->origin = value;
		return again ? &repeated_field : NULL;
	case FIELD_ACCEPT:
		head->accepts_html |=
		    value.len >= 9 && memmem(value.ptr, value.len, "text/html", 9) != NULL;
		return NULL;
	case FIELD_ACCEPT_ENCODING:
		if (!again)
			req->accept_encoding = value;
		return NULL;
	case FIELD_IF_NONE_MATCH:
		if (!again)
			req->if_none_match = value;
		return NULL;
	case FIELD_USER_AGENT:
		if (!again)
			req->user_agent = value;
		return NULL;
	case FIELD_FORWARDED:
		forwarded_add(&head->forwarded, value);
		return NULL;
	case FIELD_X_FORWARDED_FOR:
		forwarded_add(&head->x_forwarded_for, value);
		return NULL;
	case FIELD_OTHER:
		break;
	}
	return NULL;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
	struct gather *gather = parser->data;
	gather->field = field_of(slice_make(at, len));
	return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
	struct gather *gather = parser->data;
	unsigned bit = 1u << gather->field;
	const struct problem *problem =
	    take_field(gather, gather->field, trim(slice_make(at, len)), (gather->seen & bit) != 0);
	gather->seen |= bit;
	if (!gather->problem)
		gather->problem = problem;
	return 0;
}

/* The body is the connection's business: its length is known, and Upgrade is ignored. */
static int on_headers_complete(llhttp_t *parser)
{
	struct gather *gather = parser->data;
	gather->complete = true;
	gather->head->keep_alive = llhttp_should_keep_alive(parser) != 0;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
};

static const struct problem *check_meaning(const struct gather *gather)
{
	if (gather->problem)
		return gather->problem;
	if (!gather->complete)
		return &bad_syntax;
	if (!(gather->seen & (1u << FIELD_HOST)) && !gather->head->http_1_0)
		return &bad_host;
	if (gather->head->content_length > 0 &&
	    (gather->req->method == METHOD_GET || gather->req->method == METHOD_HEAD))
		return &body_not_expected;
	return NULL;
}

const struct problem *head_parse(struct slice bytes, struct head *head, struct request *req)
{
	struct slice fields = bytes;
	const struct problem *problem = parse_request_line(take_line(&fields), head, req);
	if (!problem)
		problem = check_field_lines(fields);
	if (problem)
		return problem;

	struct gather gather = {.head = head, .req = req};
	llhttp_t parser;
	llhttp_init(&parser, HTTP_REQUEST, &settings);
	parser.data = &gather;
	llhttp_execute(&parser, bytes.ptr, bytes.len);
	return check_meaning(&gather);
}
