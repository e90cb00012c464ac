/* Somebody else's server, within the test and on its loop: libevent's HTTP server, or bytes as they
 * are. On loopback, at a port that the system chooses. */
#ifndef TALLYD_TESTS_PEER_FIXTURE_H
#define TALLYD_TESTS_PEER_FIXTURE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#define PEER_GUARD_S 60 /* a test that waits longer hangs */

static inline unsigned peer_port_of(evutil_socket_t fd)
{
	struct sockaddr_in at;
	socklen_t len = sizeof(at);

	if (getsockname(fd, (struct sockaddr *)&at, &len) != 0)
		abort();
	return ntohs(at.sin_port);
}

/* `on_request` replies with evhttp_send_reply(), at once or later. */
static inline struct evhttp *peer_http(struct event_base *base,
    void (*on_request)(struct evhttp_request *req, void *arg), void *arg, unsigned *ret_port)
{
	struct evhttp *http = evhttp_new(base);
	struct evhttp_bound_socket *bound =
	    http ? evhttp_bind_socket_with_handle(http, "127.0.0.1", 0) : NULL;

	if (!bound)
		abort();
	evhttp_set_gencb(http, on_request, arg);
	*ret_port = peer_port_of(evhttp_bound_socket_get_fd(bound));
	return http;
}

static inline void peer_reply(
    struct evhttp_request *req, int status, const char *type, const char *body)
{
	struct evbuffer *out = evbuffer_new();

	(void)evbuffer_add(out, body, strlen(body));
	(void)evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", type);
	evhttp_send_reply(req, status, NULL, out);
	evbuffer_free(out);
}

/* What came with a request, NUL-terminated. */
static inline void peer_body(struct evhttp_request *req, char *ret_text, size_t cap)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	size_t len = evbuffer_get_length(in);

	len = len < cap ? len : cap - 1;
	(void)evbuffer_copyout(in, ret_text, len);
	ret_text[len] = '\0';
}

/* ---- bytes as they are ---- */

struct peer_raw {
	struct evconnlistener *listener;
	const char *bytes; /* to whoever sends anything; then the end */
	size_t len;
	unsigned asked;
};

static inline void peer_on_sent(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_free(bev);
}

static inline void peer_on_asked(struct bufferevent *bev, void *arg)
{
	struct peer_raw *raw = arg;

	raw->asked++;
	if (raw->len == 0) {
		bufferevent_free(bev);
		return;
	}
	bufferevent_setcb(bev, NULL, peer_on_sent, NULL, NULL);
	(void)bufferevent_disable(bev, EV_READ);
	(void)bufferevent_write(bev, raw->bytes, raw->len);
}

static inline void peer_on_gone(struct bufferevent *bev, short what, void *arg)
{
	(void)what;
	(void)arg;
	bufferevent_free(bev);
}

static inline void peer_on_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *address, int len, void *arg)
{
	struct bufferevent *bev =
	    bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);

	(void)address;
	(void)len;
	bufferevent_setcb(bev, peer_on_asked, NULL, peer_on_gone, arg);
	(void)bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static inline void peer_raw_open(struct event_base *base, struct peer_raw *raw, const char *bytes,
    size_t len, unsigned *ret_port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	*raw = (struct peer_raw){.bytes = bytes, .len = len};
	raw->listener = evconnlistener_new_bind(base, peer_on_accept, raw,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 16, (struct sockaddr *)&at, sizeof(at));
	if (!raw->listener)
		abort();
	*ret_port = peer_port_of(evconnlistener_get_fd(raw->listener));
}

/* ---- waiting ---- */

static inline void peer_on_guard(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	(void)fprintf(stderr, "the test waits for what does not come\n");
	abort();
}

/* Turns the loop until *count is n. */
static inline void peer_wait(struct event_base *base, const unsigned *count, unsigned n)
{
	struct event *guard = evtimer_new(base, peer_on_guard, NULL);
	struct timeval in = {PEER_GUARD_S, 0};

	(void)event_add(guard, &in);
	while (*count < n)
		(void)event_base_loop(base, EVLOOP_ONCE);
	event_free(guard);
}

/* Turns it as long as something is ready, and for `ms` at least. */
static inline void peer_on_settled(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(unsigned *)arg = 1;
}
static inline void peer_settle(struct event_base *base, unsigned ms)
{
	unsigned settled = 0;
	struct event *event = evtimer_new(base, peer_on_settled, &settled);
	struct timeval in = {ms / 1000, (suseconds_t)(ms % 1000 * 1000)};

	(void)event_add(event, &in);
	peer_wait(base, &settled, 1);
	event_free(event);
}

#endif
