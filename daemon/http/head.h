/* The head of a request (request line and header fields), RFC 9112 sections 2 to 5, read strictly:
 * what two parsers could understand differently is refused. llhttp splits the fields; this module
 * judges what llhttp leaves open. No sockets, no state between requests. */
#ifndef TALLYD_HTTP_HEAD_H
#define TALLYD_HTTP_HEAD_H

#include <stdbool.h>

#include "http/forwarded.h"
#include "http/request.h"

/* Where the search for the end of the head has come to; zero it for each new head. */
struct head_scan {
	size_t searched;   /* bytes known to hold no further line end */
	size_t line_start; /* first byte of the unfinished line */
};

/* Looks for the empty line in `bytes`, which begin with the head and may have grown since the last
 * call. 1: the head ends at *ret_len; 0: more bytes are needed; -EBADMSG: it is no head, for lines
 * end with CRLF and nothing else and hold no NUL. */
int head_scan(struct head_scan *scan, struct slice bytes, size_t *ret_len);

struct head {
	bool keep_alive;
	bool expects_continue;
	bool accepts_html;
	bool http_1_0;
	size_t content_length; /* 0 when absent */
	struct forwarded forwarded, x_forwarded_for;
};

/* Parses a whole head, up to and including its empty line. Fills `head` and the request's method,
 * path, query and fields with slices into `bytes`. NULL, or the problem to answer with before
 * closing the connection; what was understood before the problem (method, path) is filled. */
const struct problem *head_parse(struct slice bytes, struct head *head, struct request *req);

/* The token's name, for Allow and the log. */
const char *method_name(enum method method);

extern const struct problem PROBLEM_BAD_LINE_END;

#endif
