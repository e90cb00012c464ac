/* A real server on a loopback port and its clients, all on one event loop of this process, so that
 * a test waits for what happens and never for a time. Everything fails after GUARD_MS instead of
 * hanging. */
#ifndef TALLYD_TESTS_HTTP_HARNESS_H
#define TALLYD_TESTS_HTTP_HARNESS_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>

#include <cmocka.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/buf.h"
#include "base/clock.h"
#include "http/server.h"

#define GUARD_MS 20000

struct rig {
	struct event_base *base;
	struct server *server;
	struct server_stats stats;
	int listen_fd;
	struct sockaddr_in address;
};

struct peer {
	struct rig *rig;
	struct event io;
	int fd;
	bool ended; /* the server has closed or reset */
	bool deaf;  /* does not read */
	struct buf got;
};

static const struct server_limits ample_limits = {
    .connections = 100,
    .in_flight = 10,
    .head_bytes = 8192,
    .body_bytes = 65536,
    .output_bytes = 1 << 20,
    .head_ms = 10000,
    .body_ms = 10000,
    .idle_ms = 10000,
    .write_ms = 10000,
};

static inline void rig_open(struct rig *rig, struct server_options options)
{
	socklen_t len = sizeof(rig->address);

	*rig = (struct rig){.address = {.sin_family = AF_INET}};
	rig->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	rig->base = event_base_new();
	rig->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(rig->listen_fd, (struct sockaddr *)&rig->address, len), 0);
	assert_int_equal(listen(rig->listen_fd, 128), 0);
	assert_int_equal(getsockname(rig->listen_fd, (struct sockaddr *)&rig->address, &len), 0);
	options.stats = &rig->stats;
	rig->server = server_new(rig->base, &options);
	assert_non_null(rig->server);
	assert_int_equal(server_listen(rig->server, rig->listen_fd), 0);
}

static inline void rig_close(struct rig *rig)
{
	server_free(rig->server);
	close(rig->listen_fd);
	event_base_free(rig->base);
}

static inline void rig_on_guard(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

/* Turns the loop until `done` says so. False when that never came. */
static inline bool rig_wait(struct rig *rig, bool (*done)(void *arg), void *arg)
{
	bool late = false;
	struct timeval guard_time = {GUARD_MS / 1000, 0};
	struct event guard;

	evtimer_assign(&guard, rig->base, rig_on_guard, &late);
	event_add(&guard, &guard_time);
	while (!done(arg) && !late) {
		event_base_loop(rig->base, EVLOOP_ONCE);
		server_flush(rig->server);
	}
	event_del(&guard);
	return !late;
}

/* All that can happen without waiting. */
static inline void rig_settle(struct rig *rig)
{
	for (int i = 0; i < 20; i++) {
		event_base_loop(rig->base, EVLOOP_NONBLOCK);
		server_flush(rig->server);
	}
}

/* How often the loop wakes in `ms`: few times, unless something spins. */
static inline unsigned rig_turns_in(struct rig *rig, unsigned ms)
{
	bool over = false;
	struct timeval time = {0, (suseconds_t)ms * 1000};
	struct event timer;
	unsigned turns = 0;

	evtimer_assign(&timer, rig->base, rig_on_guard, &over);
	event_add(&timer, &time);
	for (; !over; turns++) {
		event_base_loop(rig->base, EVLOOP_ONCE);
		server_flush(rig->server);
	}
	return turns;
}

static inline void peer_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct peer *peer = arg;
	char bytes[65536];
	(void)what;

	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n > 0) {
		if (buf_append(&peer->got, bytes, (size_t)n) < 0 || buf_reserve(&peer->got, 1) < 0)
			abort();
		peer->got.data[peer->got.len] = '\0'; /* so that text functions may look at it */
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		peer->ended = true;
		event_del(&peer->io);
	}
}

static inline void peer_listen(struct peer *peer)
{
	peer->deaf = false;
	event_assign(
	    &peer->io, peer->rig->base, peer->fd, EV_READ | EV_PERSIST, peer_on_readable, peer);
	event_add(&peer->io, NULL);
}

static inline void peer_open(struct rig *rig, struct peer *peer)
{
	*peer = (struct peer){.rig = rig};
	buf_init(&peer->got, 64 << 20);
	peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    connect(peer->fd, (struct sockaddr *)&rig->address, sizeof(rig->address)), 0);
	peer_listen(peer);
}

static inline void peer_stop_reading(struct peer *peer)
{
	event_del(&peer->io);
	peer->deaf = true;
}

static inline void peer_close(struct peer *peer)
{
	if (!peer->ended && !peer->deaf)
		event_del(&peer->io);
	close(peer->fd);
	buf_release(&peer->got);
}

/* Sends all, or as much as the server lets; the loop turns when the socket is full. */
static inline void peer_send(struct peer *peer, struct slice bytes)
{
	while (bytes.len > 0 && !peer->ended) {
		ssize_t n = send(peer->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			return;
		if (n > 0)
			bytes = slice_make(bytes.ptr + n, bytes.len - (size_t)n);
		else
			rig_settle(peer->rig);
	}
}

static inline void peer_say(struct peer *peer, const char *text)
{
	peer_send(peer, slice_text(text));
}

static inline bool peer_has_ended(void *arg)
{
	return ((struct peer *)arg)->ended;
}

static inline size_t peer_count(const struct peer *peer, const char *text)
{
	size_t n = 0, len = strlen(text);
	const char *at = peer->got.data, *end = at + peer->got.len;

	while (at && at < end && (at = memmem(at, (size_t)(end - at), text, len))) {
		at += len;
		n++;
	}
	return n;
}

struct peer_wait {
	struct peer *peer;
	const char *text;
	size_t times;
};

static inline bool peer_wait_is_over(void *arg)
{
	struct peer_wait *wait = arg;
	return peer_count(wait->peer, wait->text) >= wait->times;
}

/* True once `text` has come `times` times. */
static inline bool peer_awaits(struct peer *peer, const char *text, size_t times)
{
	struct peer_wait wait = {peer, text, times};
	return rig_wait(peer->rig, peer_wait_is_over, &wait);
}

static inline bool peer_awaits_end(struct peer *peer)
{
	return rig_wait(peer->rig, peer_has_ended, peer);
}

static inline bool peer_got(const struct peer *peer, const char *text)
{
	return peer_count(peer, text) > 0;
}

/* The status of the first reply; 0 when none came. */
static inline int peer_status(const struct peer *peer)
{
	if (peer->got.len < 12 || memcmp(peer->got.data, "HTTP/1.1 ", 9) != 0)
		return 0;
	return (peer->got.data[9] - '0') * 100 + (peer->got.data[10] - '0') * 10 +
	       (peer->got.data[11] - '0');
}

static inline void peer_forget(struct peer *peer)
{
	buf_clear(&peer->got);
}

/* One request on a connection of its own; the reply, up to the server's close, stays in `peer`. */
static inline int rig_ask(struct rig *rig, struct peer *peer, const char *text)
{
	peer_open(rig, peer);
	peer_say(peer, text);
	assert_true(peer_awaits_end(peer));
	return peer_status(peer);
}

#endif
