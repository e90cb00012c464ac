/* A connection's life: reads, cuts the bytes into requests, waits for replies, writes, closes. What
 * a request means is the router's and the handlers' business. */
#include "http/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/server_internal.h"

#define READ_STEP        4096
#define LINGER_BYTES_MAX (256 * 1024) /* read and thrown away before a close */
#define CROWD            1024         /* connections above which idle ones keep no buffers */

static void on_io(evutil_socket_t fd, short what, void *arg);

void conn_mark_dirty(struct conn *conn)
{
	if (conn->dirty)
		return;
	conn->dirty = true;
	SLIST_INSERT_HEAD(&conn->server->dirty, conn, in_dirty);
}

void conn_set_state(struct conn *conn, enum conn_state state)
{
	struct server *server = conn->server;

	TAILQ_REMOVE(&server->by_state[conn->state], conn, in_state);
	conn->state = state;
	conn->deadline_ms = clock_steady_ms() + server->state_ms[state];
	TAILQ_INSERT_TAIL(&server->by_state[state], conn, in_state);
}

/* While a handler holds slices into `in`, only room that is already there may be filled. */
static size_t read_room(const struct conn *conn)
{
	return (conn->held ? conn->in.cap : conn->in.max) - conn->in.len;
}

void conn_watch(struct conn *conn)
{
	short want = 0;

	if (conn->state == CONN_CLOSED)
		return;
	if (!conn->peer_done &&
	    (conn->state == CONN_LINGER || conn->state == CONN_BODY || read_room(conn) > 0))
		want |= EV_READ;
	if (conn->blocked)
		want |= EV_WRITE;
	if (want == conn->watched)
		return;
	if (conn->watched)
		event_del(&conn->io);
	conn->watched = want;
	if (!want)
		return;
	event_assign(
	    &conn->io, conn->server->base, conn->fd, (short)(want | EV_PERSIST), on_io, conn);
	if (event_add(&conn->io, NULL) < 0) {
		conn->watched = 0;
		conn_close(conn, true);
		conn_mark_dirty(conn);
	}
}

int conn_open(struct server *server, int fd, const union peer_address *peer)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	if (!conn) {
		close(fd);
		return -ENOMEM;
	}
	const struct server_limits *limits = &server->options.limits;
	conn->server = server;
	conn->fd = fd;
	conn->peer = conn->client = *peer;
	conn->req.peer = &conn->client.any;
	buf_init(&conn->in, limits->head_bytes);
	buf_init(&conn->body, limits->body_bytes);
	buf_init(&conn->out, limits->output_bytes);
	server_connection_opened(server);
	conn->state = CONN_HEAD;
	TAILQ_INSERT_TAIL(&server->by_state[CONN_HEAD], conn, in_state);
	conn_set_state(conn, CONN_HEAD);
	conn_watch(conn);
	return 0;
}

static void detach(struct conn *conn)
{
	if (conn->watched)
		event_del(&conn->io);
	conn->watched = 0;
	conn->fd = -1;
	conn->blocked = false;
	conn_set_state(conn, CONN_CLOSED);
}

void conn_close(struct conn *conn, bool reset)
{
	if (conn->state == CONN_CLOSED)
		return;
	int fd = conn->fd;
	if (reset) {
		struct linger now = {.l_onoff = 1, .l_linger = 0};
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	}
	detach(conn);
	close(fd);
	server_connection_closed(conn->server);
}

bool conn_reap(struct conn *conn)
{
	if (conn->state != CONN_CLOSED || conn->held || conn->dirty || conn->resuming)
		return false;
	TAILQ_REMOVE(&conn->server->by_state[CONN_CLOSED], conn, in_state);
	buf_release(&conn->in);
	buf_release(&conn->body);
	buf_release(&conn->out);
	free(conn);
	return true;
}

/* ---- output ---- */

static void linger(struct conn *conn)
{
	/* A close with unread bytes in the socket would send a reset, and the reset could overtake
	 * the reply (RFC 9112, section 9.6). */
	if (conn->peer_done || shutdown(conn->fd, SHUT_WR) < 0) {
		conn_close(conn, false);
		return;
	}
	buf_release(&conn->in);
	buf_release(&conn->out);
	conn_set_state(conn, CONN_LINGER);
}

static void on_all_sent(struct conn *conn)
{
	buf_clear(&conn->out);
	conn->out_sent = 0;
	conn->blocked = false;
	if (conn->state == CONN_WRITE)
		conn_set_state(conn, conn->in.len > 0 ? CONN_HEAD : CONN_IDLE);
	if (conn->state == CONN_BODY && conn->peer_done)
		server_resume_later(conn->server, conn);
	if (!conn_is_between_requests(conn))
		return;
	if (conn->close_after) {
		linger(conn);
	} else if (conn->in.len > 0 || conn->peer_done) {
		server_resume_later(conn->server, conn);
	} else if (conn->server->open > CROWD) {
		buf_release(&conn->in);
		buf_release(&conn->out);
	}
}

/* 1: everything is sent; 0: the socket is full; -errno. */
static int send_output(struct conn *conn)
{
	while (conn_has_output(conn)) {
		struct iovec parts[2] = {{NULL, 0}};
		size_t n_parts = 0;
		size_t rest = conn->out.len - conn->out_sent;
		if (rest > 0)
			parts[n_parts++] = (struct iovec){conn->out.data + conn->out_sent, rest};
		if (conn->tail.len > 0)
			parts[n_parts++] =
			    (struct iovec){(void *)(uintptr_t)conn->tail.ptr, conn->tail.len};
		struct msghdr message = {.msg_iov = parts, .msg_iovlen = n_parts};
		ssize_t n = n_parts > 1
				? sendmsg(conn->fd, &message, MSG_NOSIGNAL)
				: send(conn->fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
		size_t sent = (size_t)n;
		size_t of_out = sent < rest ? sent : rest;
		conn->out_sent += of_out;
		conn->tail =
		    slice_make(conn->tail.ptr + (sent - of_out), conn->tail.len - (sent - of_out));
		if (conn->out_sent == conn->out.len) {
			buf_clear(&conn->out);
			conn->out_sent = 0;
		}
	}
	return 1;
}

void conn_write(struct conn *conn)
{
	if (conn->state == CONN_CLOSED || conn->state == CONN_LINGER)
		return;
	int r = send_output(conn);
	if (r < 0) {
		conn_close(conn, false);
		return;
	}
	if (r > 0) {
		on_all_sent(conn);
	} else {
		conn->blocked = true;
		if (conn_is_between_requests(conn))
			conn_set_state(conn, CONN_WRITE);
	}
	conn_watch(conn);
}

int conn_hijack(struct conn *conn)
{
	int fd = -1;

	if (conn->state != CONN_CLOSED && !conn->peer_done && send_output(conn) > 0) {
		fd = conn->fd;
		detach(conn);
	} else {
		conn_close(conn, false);
	}
	buf_clear(&conn->out);
	conn_finish_request(conn, true);
	return fd;
}

/* ---- input ---- */

static void read_and_discard(struct conn *conn)
{
	char bytes[4096];
	ssize_t n = recv(conn->fd, bytes, sizeof(bytes), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		conn->lingered += (size_t)n;
	if (n <= 0 || conn->lingered > LINGER_BYTES_MAX)
		conn_close(conn, false);
}

/* Reads up to `room` bytes behind `buf`'s. True when there are some. */
static bool read_into(struct conn *conn, struct buf *buf, size_t room)
{
	ssize_t n = recv(conn->fd, buf->data + buf->len, room, 0);

	if (n > 0) {
		buf->len += (size_t)n;
		return true;
	}
	if (n == 0)
		conn->peer_done = true;
	else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		conn_close(conn, false);
	return false;
}

static void read_body(struct conn *conn)
{
	size_t len = conn->head.content_length;

	if (!read_into(conn, &conn->body, len - conn->body.len) || conn->body.len < len)
		return;
	conn_take_body(conn);
}

static void read_more(struct conn *conn)
{
	size_t room = read_room(conn);

	if (room == 0)
		return;
	if (conn->in.len == conn->in.cap &&
	    buf_reserve(&conn->in, room < READ_STEP ? room : READ_STEP) < 0) {
		conn_close(conn, true);
		return;
	}
	read_into(conn, &conn->in, conn->in.cap - conn->in.len);
}

static void on_io(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;
	(void)fd;

	if (what & EV_WRITE)
		conn_write(conn);
	if ((what & EV_READ) && conn->state != CONN_CLOSED) {
		if (conn->state == CONN_LINGER)
			read_and_discard(conn);
		else if (conn->state == CONN_BODY)
			read_body(conn);
		else
			read_more(conn);
		conn_advance(conn);
	}
	conn_reap(conn);
}
