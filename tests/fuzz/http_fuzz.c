/* The head of a request: however its bytes come, it ends where it ends and means the same; what is
 * taken has one Host, one length, no field that begins another line, and a path of one meaning; and
 * the reader never looks behind the head. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same search by bytes: the end of the head, 0: it is not there yet, -EBADMSG. */
static long plain_scan(struct slice bytes)
{
	size_t line = 0;

	for (size_t i = 0; i < bytes.len; i++) {
		char c = bytes.ptr[i];
		if (c == '\0' || (c == '\n' && (i == 0 || bytes.ptr[i - 1] != '\r')))
			return -EBADMSG;
		if (c == '\r' && i + 1 < bytes.len && bytes.ptr[i + 1] != '\n')
			return -EBADMSG;
		if (c != '\n')
			continue;
		if (i == line + 1)
			return (long)i + 1;
		line = i + 1;
	}
	return 0;
}

/* As the bytes of a connection come: in pieces, each of a length that the input says. */
static int scan_in_pieces(struct slice bytes, size_t *ret_len)
{
	struct head_scan scan = {0};
	int r = 0;

	for (size_t have = 0; r == 0 && have < bytes.len;) {
		size_t step = 1 + ((uint8_t)bytes.ptr[have] & 15);
		have = have + step < bytes.len ? have + step : bytes.len;
		r = head_scan(&scan, slice_make(bytes.ptr, have), ret_len);
	}
	return r;
}

static bool lies_in(struct slice part, struct slice whole)
{
	return part.len == 0 ||
	       (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_slice(struct slice part, struct slice whole)
{
	assert(lies_in(part, whole));
	for (size_t i = 0; i < part.len; i++)
		assert(part.ptr[i] != '\r' && part.ptr[i] != '\n' && part.ptr[i] != '\0');
}

/* How often a field stands in the head. */
static unsigned count_field(struct slice head, const char *name)
{
	unsigned n = 0;
	size_t len = strlen(name);

	for (size_t i = 0; i + 2 + len < head.len; i++)
		n += head.ptr[i] == '\r' && head.ptr[i + 1] == '\n' &&
		     strncasecmp(head.ptr + i + 2, name, len) == 0 && head.ptr[i + 2 + len] == ':';
	return n;
}

static void check_request(struct slice bytes, const struct head *head, const struct request *req)
{
	const struct slice parts[] = {req->path, req->query, req->authorization, req->content_type,
	    req->if_match, req->if_none_match, req->origin, req->accept_encoding, req->cookie,
	    req->turn, req->user_agent};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		check_slice(parts[i], bytes);
	assert(head->forwarded.n <= FORWARDED_LINES_MAX);
	assert(head->x_forwarded_for.n <= FORWARDED_LINES_MAX);
	for (size_t i = 0; i < head->forwarded.n; i++)
		check_slice(head->forwarded.lines[i], bytes);
	for (size_t i = 0; i < head->x_forwarded_for.n; i++)
		check_slice(head->x_forwarded_for.lines[i], bytes);
}

static void check_taken(struct slice bytes, const struct head *head, const struct request *req)
{
	assert(req->method && req->path.len > 0 && req->path.ptr[0] == '/');
	assert(!memchr(req->path.ptr, '?', req->path.len));
	assert(!memchr(req->path.ptr, '#', req->path.len));
	assert(
	    count_field(bytes, "Host") == 1 || (head->http_1_0 && count_field(bytes, "Host") == 0));
	assert(count_field(bytes, "Transfer-Encoding") == 0);
	assert(count_field(bytes, "Content-Length") <= 1);
	assert(count_field(bytes, "Content-Length") == 1 || head->content_length == 0);
	assert(
	    head->content_length == 0 || (req->method != METHOD_GET && req->method != METHOD_HEAD));
	assert(count_field(bytes, "Authorization") <= 1);
	assert(count_field(bytes, "Content-Type") <= 1);
	assert(count_field(bytes, "If-Match") <= 1);
	assert(!head->http_1_0 || !head->expects_continue);
}

static void one_head(struct slice bytes)
{
	/* Of exactly this length, for the sanitizer. */
	char *copy = malloc(bytes.len);
	struct head head = {0}, again = {0};
	struct request req = {0}, req_again = {0};
	const struct problem *problem;

	assert(copy);
	memcpy(copy, bytes.ptr, bytes.len);
	bytes = slice_make(copy, bytes.len);
	problem = head_parse(bytes, &head, &req);
	assert(problem == head_parse(bytes, &again, &req_again));
	assert(head.content_length == again.content_length && head.keep_alive == again.keep_alive);
	check_request(bytes, &head, &req);
	if (problem)
		assert(problem->status >= 400 && problem->status < 600);
	else
		check_taken(bytes, &head, &req);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = slice_make(data, size);
	struct head_scan scan = {0};
	size_t len = 0, len_in_pieces = 0;
	long plain = plain_scan(bytes);
	int r = head_scan(&scan, bytes, &len);

	if (size == 0)
		return 0;
	assert(r == scan_in_pieces(bytes, &len_in_pieces) && len == len_in_pieces);
	/* Another one is only that whoever does not begin with a method is not waited for. */
	assert(r == (plain > 0 ? 1 : (int)plain) || r == -EBADMSG);
	assert(r != 1 || len == (size_t)plain);
	if (r == 1)
		one_head(slice_make(data, len));
	return 0;
}
