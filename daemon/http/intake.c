/* Cuts a connection's bytes into requests, hands them on one at a time, and refuses what is none.
 */
#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "http/server_internal.h"

#define PIPELINE_OUTPUT_MAX 65536 /* queued replies above which the next request waits */
#define PIPELINE_TURN_MAX   4     /* pipelined requests of one connection in one turn of the loop */

static const struct problem target_too_long = {
    .status = 414,
    .type = "head-too-large",
    .title = "Request target too long",
    .detail = "The request line is longer than this server reads.",
};
static const struct problem head_too_large = {
    .status = 431,
    .type = "head-too-large",
    .title = "Request header fields too large",
    .detail = "The request's head is longer than this server reads.",
};
static const struct problem body_too_large = {
    .status = 413,
    .type = "too-large",
    .title = "Content too large",
    .detail = "The body is larger than this resource takes.",
};
static const struct problem too_slow = {
    .status = 408,
    .type = "timeout",
    .title = "Request timeout",
    .detail = "The request did not arrive in time.",
};
static const struct problem out_of_memory = {
    .status = 503,
    .type = "unavailable",
    .title = "Unavailable",
    .detail = "The server is short of memory. Nothing was done.",
    .retry_after_s = 2,
};

static void hold(struct conn *conn)
{
	conn_set_state(conn, CONN_BUSY);
	conn->held = true;
	conn->server->in_flight++;
	conn->request_us = clock_steady_us();
}

static void dispatch(struct conn *conn)
{
	conn->server->options.stats->requests++;
	hold(conn);
	server_dispatch(conn->server, conn);
}

/* Answers and closes: after this problem it is not known, or not worth knowing, where the next
 * request would begin. */
static void refuse(struct conn *conn, const struct problem *problem)
{
	conn->server->options.stats->bad_requests++;
	conn->close_after = true;
	hold(conn);
	conn->request_len = conn->in.len;
	reply_problem(&conn->req, problem);
}

void conn_finish_request(struct conn *conn, bool queued)
{
	assert(conn->held);
	conn->held = false;
	conn->server->in_flight--;
	buf_consume(&conn->in, conn->request_len);
	buf_release(&conn->body);
	conn->request_len = 0;
	conn->scan = (struct head_scan){0};
	conn->head = (struct head){0};
	conn->client = conn->peer;
	conn->req = (struct request){.peer = &conn->client.any};
	conn->route = NULL;
	conn->allow = conn->path_flags = 0;
	conn->skipped_crlf = false;
	conn_mark_dirty(conn);
	if (conn->state == CONN_CLOSED)
		return;
	conn_set_state(conn, conn->in.len > 0 ? CONN_HEAD : CONN_IDLE);
	if (!queued)
		conn_close(conn, true);
}

/* Reads the rest of a body into a buffer of its own, so that the head need not move. */
static void await_body(struct conn *conn, size_t have)
{
	size_t len = conn->head.content_length;

	if (buf_reserve(&conn->body, len) < 0 ||
	    buf_append(&conn->body, conn->in.data + conn->request_len, have) < 0) {
		refuse(conn, &out_of_memory);
		return;
	}
	conn->in.len = conn->request_len;
	conn_set_state(conn, CONN_BODY);
	if (conn->head.expects_continue) {
		if (buf_append_text(&conn->out, "HTTP/1.1 100 Continue\r\n\r\n") < 0)
			conn_close(conn, true);
		conn_mark_dirty(conn);
	}
}

/* conn->client is the peer until a trusted proxy says otherwise. */
static void find_client(struct conn *conn)
{
	const struct forwarded_policy *policy = &conn->server->options.forwarded;

	if (policy->n_proxies > 0)
		forwarded_client(policy,
		    policy->field == FORWARDED_FOR ? &conn->head.x_forwarded_for
						   : &conn->head.forwarded,
		    &conn->peer, &conn->client);
	server_note_unbelieved(conn);
}

static void begin_request(struct conn *conn, size_t head_len)
{
	struct slice head = slice_make(conn->in.data, head_len);
	const struct problem *problem = head_parse(head, &conn->head, &conn->req);
	size_t body_len = conn->head.content_length;

	conn->request_len = head_len;
	find_client(conn);
	if (!conn->head.keep_alive)
		conn->close_after = true;
	if (conn->req.path.len > 0)
		server_find_route(conn->server, conn);
	if (problem) {
		refuse(conn, problem);
		return;
	}
	if (body_len == 0) {
		dispatch(conn);
		return;
	}
	if (!conn->route) { /* answered without its body, hence the last */
		conn->close_after = true;
		conn->request_len = conn->in.len;
		dispatch(conn);
		return;
	}
	if (body_len > conn->route->body_max || body_len > conn->body.max) {
		refuse(conn, &body_too_large);
		return;
	}
	size_t have = conn->in.len - head_len;
	if (have < body_len) {
		await_body(conn, have);
		return;
	}
	conn->req.body = slice_make(conn->in.data + head_len, body_len);
	conn->request_len += body_len;
	dispatch(conn);
}

void conn_take_body(struct conn *conn)
{
	conn->req.body = buf_slice(&conn->body);
	dispatch(conn);
}

/* RFC 9112, section 2.2: one empty line before a request line is overlooked. False: more is needed.
 */
static bool skip_crlf(struct conn *conn)
{
	if (conn->skipped_crlf || conn->in.data[0] != '\r')
		return true;
	if (conn->in.len < 2)
		return false;
	if (conn->in.data[1] == '\n') {
		buf_consume(&conn->in, 2);
		conn->skipped_crlf = true;
	}
	return conn->in.len > 0;
}

static bool take_request(struct conn *conn)
{
	size_t head_len;

	if (conn->state == CONN_IDLE)
		conn_set_state(conn, CONN_HEAD);
	if (!skip_crlf(conn))
		return false;
	int r = head_scan(&conn->scan, buf_slice(&conn->in), &head_len);
	if (r > 0)
		begin_request(conn, head_len);
	else if (r < 0)
		refuse(conn, &PROBLEM_BAD_LINE_END);
	else if (conn->in.len == conn->in.max)
		refuse(conn, conn->scan.line_start == 0 ? &target_too_long : &head_too_large);
	else
		return false;
	return true;
}

static bool can_take(const struct conn *conn)
{
	return conn_is_between_requests(conn) && !conn->blocked && !conn->close_after &&
	       conn->in.len > 0 && conn->out.len < PIPELINE_OUTPUT_MAX && conn->tail.len == 0;
}

/* A few requests a turn, so that one connection's pipeline does not hold up all the others. */
void conn_advance(struct conn *conn)
{
	int taken = 0;
	bool more = true;
	while (more && taken++ < PIPELINE_TURN_MAX && can_take(conn))
		more = take_request(conn);
	if (more && can_take(conn))
		server_resume_later(conn->server, conn);
	/* What a peer that has shut its write side left unfinished will never be finished. */
	if (conn->peer_done && !conn_has_output(conn) &&
	    (conn_is_between_requests(conn) || conn->state == CONN_BODY))
		conn_close(conn, false);
	conn_watch(conn);
}

/* A request that has come this moment is not to be lost in a close. */
static bool has_unread(const struct conn *conn)
{
	char byte;

	return recv(conn->fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) > 0;
}

void conn_expire(struct conn *conn)
{
	switch (conn->state) {
	case CONN_HEAD:
	case CONN_BODY:
		conn->server->options.stats->timeouts++;
		if (conn->in.len > 0)
			refuse(conn, &too_slow);
		else
			conn_close(conn, false);
		break;
	case CONN_WRITE:
		conn->server->options.stats->timeouts++;
		conn_close(conn, true);
		break;
	case CONN_IDLE:
		if (has_unread(conn))
			conn_set_state(conn, CONN_HEAD); /* it is read in this turn or the next */
		else
			conn_close(conn, false);
		break;
	case CONN_LINGER:
		conn_close(conn, false);
		break;
	case CONN_BUSY:
	case CONN_CLOSED:
	case CONN_STATES:
		break;
	}
}
