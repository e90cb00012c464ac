/* One frame to very many: the newest state, once built, is sent to every subscriber with plain
 * send().
 *
 * A round brings `hub->frame` to all, SLICE subscribers a turn, and goes on where it stopped.
 * Rounds are numbered; `subscriber.round` is the last one it has taken part in, so nobody is served
 * twice and nobody is left out, however the array shifts when somebody leaves. A newer frame in the
 * midst of a round begins the next round at the same place. Whoever's socket is full waits for it
 * in the list `blocked`, finishes the frame begun, and then gets the newest, never those between.
 */
#include "http/sse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/server_internal.h"

#define SLICE             16
#define SEND_BUFFER_BYTES 8192 /* the kernel doubles it; a laggard must show early */
#define TICK_MS_MAX       1000
#define TICK_MS_MIN       5

struct frame {
	unsigned refs;
	size_t len;
	char bytes[];
};

struct subscriber {
	struct sse_hub *hub;
	struct server *server;
	struct event io;
	TAILQ_ENTRY(subscriber) in_blocked;
	struct frame *unsent; /* what the socket has not taken whole; NULL unless blocked */
	size_t sent;          /* of it */
	uint64_t round;
	int64_t blocked_ms; /* since when the socket takes nothing; 0: it does */
	unsigned index;     /* in hub->all */
	int fd;
};

TAILQ_HEAD(subscriber_list, subscriber);

struct sse_hub {
	struct event_base *base;
	struct sse_options options;

	struct subscriber **all; /* dense */
	size_t count;
	size_t cap;
	struct subscriber_list blocked; /* the longest first */

	struct frame *state;     /* the newest "event, id, data"; NULL before the first */
	struct frame *heartbeat; /* a comment */
	struct frame *frame;     /* what the round brings: one of the two; no reference */
	uint64_t round;
	uint64_t state_round; /* the last that brought a state */
	size_t cursor;        /* next in `all` */
	size_t to_visit;      /* how many are still to be looked at; 0: no round goes on */
	struct event next_slice;
	struct event tick;
	int64_t sent_ms; /* when the last round began */
	uint64_t deliveries;
	bool ended;
};

static void on_subscriber(evutil_socket_t fd, short what, void *arg);

static struct frame *frame_new(size_t len)
{
	struct frame *frame = malloc(sizeof(*frame) + len);
	if (!frame)
		return NULL;
	frame->refs = 1;
	frame->len = len;
	return frame;
}

static void frame_drop(struct frame *frame)
{
	if (frame && --frame->refs == 0)
		free(frame);
}

static struct frame *frame_of_text(const char *text)
{
	struct frame *frame = frame_new(strlen(text));
	if (frame)
		memcpy(frame->bytes, text, frame->len);
	return frame;
}

static void add_timer(struct event *timer, unsigned ms)
{
	struct timeval after = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000) * 1000};
	event_add(timer, &after);
}

static void tell_watched(struct sse_hub *hub)
{
	if (hub->options.on_watched)
		hub->options.on_watched(hub->options.arg, hub->count);
}

/* ---- one subscriber ---- */

static void watch(struct subscriber *sub, short what)
{
	if (event_initialized(&sub->io))
		event_del(&sub->io);
	event_assign(
	    &sub->io, sub->hub->base, sub->fd, (short)(what | EV_PERSIST), on_subscriber, sub);
	event_add(&sub->io, NULL);
}

static void leave_blocked(struct subscriber *sub)
{
	if (sub->blocked_ms == 0)
		return;
	TAILQ_REMOVE(&sub->hub->blocked, sub, in_blocked);
	sub->blocked_ms = 0;
}

static void enter_blocked(struct subscriber *sub)
{
	sub->blocked_ms = clock_steady_ms();
	TAILQ_INSERT_TAIL(&sub->hub->blocked, sub, in_blocked);
}

/* The last in the array takes the free place; a round that goes on looks at all once more. */
static void leave_array(struct subscriber *sub)
{
	struct sse_hub *hub = sub->hub;
	struct subscriber *last = hub->all[--hub->count];

	hub->all[sub->index] = last;
	last->index = sub->index;
	if (hub->to_visit > 0)
		hub->to_visit = hub->count;
	if (hub->cursor >= hub->count)
		hub->cursor = 0;
}

static void subscriber_drop(struct subscriber *sub, bool reset)
{
	struct sse_hub *hub = sub->hub;

	leave_blocked(sub);
	leave_array(sub);
	event_del(&sub->io);
	if (reset) {
		struct linger now = {.l_onoff = 1, .l_linger = 0};
		setsockopt(sub->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	}
	close(sub->fd);
	server_stream_closed(sub->server);
	frame_drop(sub->unsent);
	free(sub);
	if (hub->count == 0)
		tell_watched(hub);
}

/* Bytes taken by the socket, 0 where it is full, or -errno. */
static ssize_t send_some(int fd, const char *bytes, size_t len)
{
	ssize_t n;

	do
		n = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
	return n;
}

/* Begins a frame to somebody who is not blocked. False: the subscriber is gone. */
static bool send_frame(struct subscriber *sub, struct frame *frame)
{
	ssize_t n = send_some(sub->fd, frame->bytes, frame->len);

	if (n < 0) {
		subscriber_drop(sub, false);
		return false;
	}
	if (n > 0)
		sub->round = sub->hub->round;
	if ((size_t)n == frame->len) {
		sub->hub->deliveries++;
		return true;
	}
	enter_blocked(sub);
	watch(sub, EV_READ | EV_WRITE);
	if (n > 0) {
		frame->refs++;
		sub->unsent = frame;
		sub->sent = (size_t)n;
	}
	return true;
}

/* The socket takes bytes again: ends the frame begun, then goes to the newest. */
static void continue_frame(struct subscriber *sub)
{
	struct sse_hub *hub = sub->hub;
	struct frame *frame = sub->unsent;

	if (frame) {
		ssize_t n = send_some(sub->fd, frame->bytes + sub->sent, frame->len - sub->sent);
		if (n < 0) {
			subscriber_drop(sub, false);
			return;
		}
		sub->sent += (size_t)n;
		if (sub->sent < frame->len) {
			if (n > 0) {
				leave_blocked(sub);
				enter_blocked(sub);
			}
			return;
		}
		hub->deliveries++;
		sub->unsent = NULL;
		frame_drop(frame);
	}
	leave_blocked(sub);
	watch(sub, EV_READ);
	if (hub->state && sub->round < hub->state_round)
		send_frame(sub, hub->state);
}

static void on_subscriber(evutil_socket_t fd, short what, void *arg)
{
	struct subscriber *sub = arg;

	if (what & EV_READ) {
		char bytes[256];
		/* A stream's client has nothing to say: only its leaving matters. */
		ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n >= 0 || (errno != EAGAIN && errno != EINTR)) {
			subscriber_drop(sub, n > 0);
			return;
		}
	}
	if (what & EV_WRITE)
		continue_frame(sub);
}

/* ---- rounds ---- */

static void run_slice(struct sse_hub *hub)
{
	for (int i = 0; i < SLICE && hub->to_visit > 0; i++) {
		struct subscriber *sub = hub->all[hub->cursor];
		hub->to_visit--;
		if (sub->blocked_ms == 0 && sub->round < hub->round) {
			if (!send_frame(sub, hub->frame))
				continue; /* another stands at the cursor now */
		}
		if (++hub->cursor >= hub->count)
			hub->cursor = 0;
	}
	if (hub->to_visit > 0)
		add_timer(&hub->next_slice, 0);
}

static void on_next_slice(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	run_slice(arg);
}

static void begin_round(struct sse_hub *hub, struct frame *frame)
{
	hub->frame = frame;
	hub->round++;
	if (frame == hub->state)
		hub->state_round = hub->round;
	hub->sent_ms = clock_steady_ms();
	bool going_on = hub->to_visit > 0;
	hub->to_visit = hub->count;
	if (hub->count > 0 && !going_on)
		add_timer(&hub->next_slice, 0);
}

static unsigned tick_ms(const struct sse_hub *hub)
{
	unsigned shortest = hub->options.heartbeat_ms < hub->options.stall_ms
				? hub->options.heartbeat_ms
				: hub->options.stall_ms;
	unsigned ms = shortest / 8;
	return ms > TICK_MS_MAX ? TICK_MS_MAX : ms < TICK_MS_MIN ? TICK_MS_MIN : ms;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct sse_hub *hub = arg;
	int64_t now_ms = clock_steady_ms();
	struct subscriber *longest;
	(void)fd;
	(void)what;

	while ((longest = TAILQ_FIRST(&hub->blocked)) &&
	       longest->blocked_ms + hub->options.stall_ms <= now_ms)
		subscriber_drop(longest, true);
	if (hub->count == 0)
		return;
	if (hub->to_visit == 0 && hub->sent_ms + hub->options.heartbeat_ms <= now_ms)
		begin_round(hub, hub->heartbeat);
	add_timer(&hub->tick, tick_ms(hub));
}

/* ---- public ---- */

struct sse_hub *sse_hub_new(struct event_base *base, const struct sse_options *options)
{
	struct sse_hub *hub = calloc(1, sizeof(*hub));
	if (!hub)
		return NULL;
	hub->base = base;
	hub->options = *options;
	TAILQ_INIT(&hub->blocked);
	hub->heartbeat = frame_of_text(":\n\n");
	if (!hub->heartbeat) {
		free(hub);
		return NULL;
	}
	evtimer_assign(&hub->next_slice, base, on_next_slice, hub);
	evtimer_assign(&hub->tick, base, on_tick, hub);
	return hub;
}

/* Each is told another time to come back, from one to three times the usual one: all at once would
 * be a rush. */
static void say_goodbye(const struct subscriber *sub)
{
	const struct sse_hub *hub = sub->hub;
	unsigned later_ms = (unsigned)(2ull * hub->options.retry_ms * sub->index / hub->cap);
	char goodbye[32];
	int len =
	    snprintf(goodbye, sizeof(goodbye), "retry: %u\n\n", hub->options.retry_ms + later_ms);

	if (sub->blocked_ms == 0)
		(void)send_some(sub->fd, goodbye, (size_t)len);
}

void sse_end(struct sse_hub *hub)
{
	while (hub->count > 0) {
		struct subscriber *sub = hub->all[hub->count - 1];
		say_goodbye(sub);
		subscriber_drop(sub, false);
	}
	hub->ended = true;
}

void sse_hub_free(struct sse_hub *hub)
{
	if (!hub)
		return;
	sse_end(hub);
	event_del(&hub->next_slice);
	event_del(&hub->tick);
	frame_drop(hub->state);
	frame_drop(hub->heartbeat);
	free(hub->all);
	free(hub);
}

static int make_place(struct sse_hub *hub)
{
	if (hub->count >= hub->options.max_subscribers)
		return -ENOSPC;
	if (hub->count < hub->cap)
		return 0;
	size_t cap = hub->cap ? 2 * hub->cap : 64;
	struct subscriber **all = realloc(hub->all, cap * sizeof(*all));
	if (!all)
		return -ENOMEM;
	hub->all = all;
	hub->cap = cap;
	return 0;
}

static void admit(struct sse_hub *hub, struct subscriber *sub)
{
	char retry[32];
	int bytes = SEND_BUFFER_BYTES;

	setsockopt(sub->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	sub->hub = hub;
	sub->index = (unsigned)hub->count;
	hub->all[hub->count++] = sub;
	if (hub->to_visit > 0)
		hub->to_visit++;
	watch(sub, EV_READ);
	if (hub->count == 1) {
		hub->sent_ms = clock_steady_ms();
		add_timer(&hub->tick, tick_ms(hub));
		tell_watched(hub);
	}
	int len = snprintf(retry, sizeof(retry), "retry: %u\n\n", hub->options.retry_ms);
	if (send_some(sub->fd, retry, (size_t)len) != len) {
		subscriber_drop(sub, true);
		return;
	}
	if (hub->state && !send_frame(sub, hub->state))
		return;
	if (hub->ended) {
		say_goodbye(sub);
		subscriber_drop(sub, false);
	}
}

void sse_subscribe(struct sse_hub *hub, struct request *req)
{
	static const struct problem full = {
	    .status = 503,
	    .type = "busy",
	    .title = "Busy",
	    .detail =
		"Too many streams are open; the same address without /stream answers single "
		"requests.",
	    .retry_after_s = 5,
	};
	static const struct problem no_memory = {
	    .status = 503,
	    .type = "unavailable",
	    .title = "Unavailable",
	    .detail = "The server is short of memory.",
	    .retry_after_s = 5,
	};
	static const struct reply_header headers[] = {
	    {"Cache-Control", "no-cache"},
	    {"X-Accel-Buffering", "no"},
	};
	struct conn *conn = conn_of(req);

	if (req->method == METHOD_HEAD) {
		reply_bytes(req, 200, "text/event-stream", slice_make(NULL, 0), headers, 2);
		return;
	}
	int r = make_place(hub);
	if (r < 0) {
		reply_problem(req, r == -ENOSPC ? &full : &no_memory);
		return;
	}
	struct subscriber *sub = calloc(1, sizeof(*sub));
	if (!sub) {
		reply_problem(req, &no_memory);
		return;
	}
	sub->server = conn->server;
	if (reply_stream_head(req, "text/event-stream", headers, 2) < 0)
		conn_close(conn, true);
	sub->fd = conn_hijack(conn);
	if (sub->fd < 0)
		free(sub);
	else
		admit(hub, sub);
}

static struct frame *build_frame(const char *event, const char *id, struct slice data)
{
	static const char format[] = "event: %s\nid: %s\ndata: ";
	int head = snprintf(NULL, 0, format, event, id);
	struct frame *frame = frame_new((size_t)head + data.len + 2 + 1);

	if (!frame)
		return NULL;
	snprintf(frame->bytes, (size_t)head + 1, format, event, id);
	if (data.len > 0)
		memcpy(frame->bytes + head, data.ptr, data.len);
	memcpy(frame->bytes + (size_t)head + data.len, "\n\n", 2);
	frame->len--; /* snprintf's NUL, where data is empty */
	return frame;
}

void sse_publish(struct sse_hub *hub, const char *event, const char *id, struct slice data)
{
	struct frame *frame = build_frame(event, id, data);

	if (!frame)
		return; /* the next change brings what this one should have */
	if (hub->state && hub->state->len == frame->len &&
	    memcmp(hub->state->bytes, frame->bytes, frame->len) == 0) {
		frame_drop(frame);
		return;
	}
	frame_drop(hub->state);
	hub->state = frame;
	begin_round(hub, frame);
}

size_t sse_subscribers(const struct sse_hub *hub)
{
	return hub->count;
}

uint64_t sse_deliveries(const struct sse_hub *hub)
{
	return hub->deliveries;
}
