/* Holds many event streams open while votes come in, and says what delivering a tally costs.
 * Delivery time is from a frame's as_of (when the daemon made it, in milliseconds) to its last byte
 * here. */
#include <fcntl.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "bench.h"
#include "floor.h"

static const char usage[] =
    "Usage: fanout -c FILE --port PORT --supervisor PID [--subscribers N] [--seconds N] [--votes "
    "N] [--peer BYTES]\n"
    "\n"
    "Subscribes N streams (1000) to the tally of the daemon that runs with FILE and is the "
    "process\n"
    "PID, casts N votes a second (20), and measures for N seconds (10).\n"
    "With --peer the server is another one: it serves /stream, and instead of votes frames of so "
    "many\n"
    "bytes are posted to /publish.\n";

#define TALLYD     1 /* as --peer: no peer */
#define FRAME_MAX  8192
#define SETTLE_NS  1500000000LL
#define BURST      256 /* connections opened before their replies are read */
#define BYTES_LEFT (FRAME_MAX - 1 - subscriber->len)

struct subscriber {
	int fd;
	bool in_stream; /* past the reply's head */
	unsigned frames;
	size_t len;
	char *pending; /* a frame of which a part has come; NULL mostly */
};

struct shown { /* a frame */
	int64_t made_ms;
	uint32_t last_ms; /* how late the last reader got it */
};

struct fan {
	struct bench bench;
	struct subscriber *subscribers;
	size_t n, subscribed;
	int epoll;
	bool measuring;
	uint32_t *latency_ms;
	size_t deliveries, room;
	struct shown *shown; /* in the order of their times */
	size_t n_shown, room_shown;
	size_t frame_bytes;
	struct bench_request *requests;
	size_t n_requests, cast;
	int caster;
	long peer_bytes; /* 0: the server is tallyd */
};

static char shared[FRAME_MAX]; /* where frames are read that come whole */

/* ---- one subscriber ---- */

static void subscribe(struct fan *fan, struct subscriber *subscriber)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = subscriber};
	char request[256], path[128] = "/stream";
	int len;

	if (fan->peer_bytes == 0)
		(void)snprintf(path, sizeof(path), "/v1/contests/%s/tally/stream",
		    fan->bench.round->contest->id);
	len = snprintf(request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAccept: text/event-stream\r\n\r\n", path,
	    fan->bench.port);

	subscriber->fd = connect_to(&fan->bench);
	if (send(subscriber->fd, request, (size_t)len, MSG_NOSIGNAL) != len)
		die("send: %s", strerror(errno));
	if (fcntl(subscriber->fd, F_SETFL, O_NONBLOCK) < 0 ||
	    epoll_ctl(fan->epoll, EPOLL_CTL_ADD, subscriber->fd, &event) < 0)
		die("epoll: %s", strerror(errno));
}

/* Frames come nearly in order, so the one wanted is among the last. */
static void note_last(struct fan *fan, int64_t made_ms, uint32_t late_ms)
{
	struct shown *shown = fan->shown + fan->n_shown;

	while (shown > fan->shown && shown[-1].made_ms > made_ms)
		shown--;
	if (shown > fan->shown && shown[-1].made_ms == made_ms) {
		if (shown[-1].last_ms < late_ms)
			shown[-1].last_ms = late_ms;
	} else if (shown == fan->shown + fan->n_shown && fan->n_shown < fan->room_shown) {
		*shown = (struct shown){made_ms, late_ms};
		fan->n_shown++;
	}
}

static void take_frame(
    struct fan *fan, struct subscriber *subscriber, const char *frame, size_t len)
{
	static const char member[] = "\"as_of\":\"";
	const char *as_of = memmem(frame, len, member, sizeof(member) - 1);
	int64_t made_ms;

	if (as_of == NULL)
		return; /* a comment, or the stream's retry */
	as_of += sizeof(member) - 1;
	if (clock_parse(slice_make(as_of, strcspn(as_of, "\"")), &made_ms) < 0)
		die("a frame without a time: %.200s", frame);
	subscriber->frames++;
	if (!fan->measuring)
		return;
	fan->frame_bytes = len;
	if (fan->deliveries < fan->room) {
		int64_t late = clock_wall_ms() - made_ms;
		fan->latency_ms[fan->deliveries++] = late > 0 ? (uint32_t)late : 0;
		note_last(fan, made_ms, late > 0 ? (uint32_t)late : 0);
	}
}

/* Takes every whole frame off the buffer's front; returns what is left. */
static size_t take_frames(struct fan *fan, struct subscriber *subscriber, char *buffer, size_t len)
{
	char *at = buffer;
	char *end;

	buffer[len] = '\0';
	if (!subscriber->in_stream) {
		end = strstr(at, "\r\n\r\n");
		if (end == NULL)
			return len;
		if (strncmp(at, "HTTP/1.1 200", 12) != 0)
			die("a subscription was refused: %.300s", at);
		subscriber->in_stream = true;
		fan->subscribed++;
		at = end + 4;
	}
	while ((end = strstr(at, "\n\n")) != NULL) {
		take_frame(fan, subscriber, at, (size_t)(end + 2 - at));
		at = end + 2;
	}
	len -= (size_t)(at - buffer);
	memmove(buffer, at, len);
	return len;
}

/* A frame mostly comes whole and is read into one buffer for all, so that memory and caches of this
 * program stay small beside the daemon's. */
static void on_readable(struct fan *fan, struct subscriber *subscriber)
{
	char *buffer = subscriber->pending ? subscriber->pending : shared;
	ssize_t n = recv(subscriber->fd, buffer + subscriber->len, BYTES_LEFT, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		die("the daemon closed a stream: %s", n < 0 ? strerror(errno) : "end");
	subscriber->len = take_frames(fan, subscriber, buffer, subscriber->len + (size_t)n);
	if (subscriber->len > 0 && subscriber->pending == NULL) {
		subscriber->pending = malloc(FRAME_MAX);
		if (subscriber->pending == NULL)
			die("not enough memory");
		memcpy(subscriber->pending, shared, subscriber->len);
	} else if (subscriber->len == 0 && subscriber->pending != NULL) {
		free(subscriber->pending);
		subscriber->pending = NULL;
	}
}

/* ---- the run ---- */

/* A frame as tallyd's are, of a peer: its time, and bytes. */
static void publish(const struct fan *fan)
{
	char text[CLOCK_TEXT_SIZE], message[FRAME_MAX];
	int len = snprintf(message, sizeof(message), "{\"as_of\":\"%s\",\"pad\":\"%0*d\"}",
	    clock_format(clock_wall_ms(), 1, text), (int)fan->peer_bytes - 64, 0);
	char request[FRAME_MAX + 256];

	len = snprintf(request, sizeof(request),
	    "POST /publish HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n"
	    "Content-Length: %d\r\n\r\n%s",
	    len, message);
	if (send(fan->caster, request, (size_t)len, MSG_NOSIGNAL) != len)
		die("send: %s", strerror(errno));
}

/* Sends the next vote; its reply is read and thrown away. */
static void cast_vote(struct fan *fan)
{
	const struct bench_request *request = fan->requests + fan->cast;
	char reply[4096];

	while (recv(fan->caster, reply, sizeof(reply), MSG_DONTWAIT) > 0)
		;
	if (fan->peer_bytes > 0) {
		publish(fan);
		return;
	}
	if (fan->cast == fan->n_requests)
		return;
	if (send(fan->caster, request->text, request->len, MSG_NOSIGNAL) != (ssize_t)request->len)
		die("send: %s", strerror(errno));
	fan->cast++;
}

static void turn(struct fan *fan, int wait_ms)
{
	struct epoll_event events[256];
	int n = epoll_wait(fan->epoll, events, 256, wait_ms);

	for (int i = 0; i < n; i++)
		on_readable(fan, events[i].data.ptr);
}

static void subscribe_all(struct fan *fan)
{
	int64_t deadline = now_ns() + 60 * 1000000000LL;

	for (size_t i = 0; i < fan->n; i++) {
		subscribe(fan, &fan->subscribers[i]);
		while (i + 1 - fan->subscribed >= BURST && now_ns() < deadline)
			turn(fan, 10);
	}
	while (fan->subscribed < fan->n) {
		turn(fan, 100);
		if (now_ns() > deadline)
			die("only %zu of %zu streams opened in 60 s", fan->subscribed, fan->n);
	}
}

static void run_for(struct fan *fan, int64_t duration_ns, long votes_a_second)
{
	int64_t began = now_ns();
	int64_t gap = 1000000000LL / votes_a_second;
	int64_t next = began;

	while (now_ns() - began < duration_ns) {
		if (now_ns() >= next) {
			cast_vote(fan);
			next += gap;
		}
		turn(fan, 5);
	}
}

static void release(struct fan *fan)
{
	for (size_t i = 0; i < fan->n; i++) {
		free(fan->subscribers[i].pending);
		(void)close(fan->subscribers[i].fd);
	}
	free(fan->subscribers);
	free(fan->latency_ms);
	free(fan->requests);
	free(fan->shown);
	(void)close(fan->caster);
	(void)close(fan->epoll);
	bench_release(&fan->bench);
}

int main(int argc, char **argv)
{
	long port = 0, supervisor = 0, subscribers = 1000, seconds = 10, votes = 20, peer = TALLYD;
	struct fan fan = {0};
	struct processes all = {0};
	double rss, cpu, deliveries;
	const struct bench_option options[] = {{"port", &port}, {"supervisor", &supervisor},
	    {"subscribers", &subscribers}, {"seconds", &seconds}, {"votes", &votes},
	    {"peer", &peer}, {NULL, NULL}};
	const char *config = bench_arguments(argc, argv, usage, options);

	fan.peer_bytes = peer == TALLYD ? 0 : peer;
	fan.n = (size_t)subscribers;
	raise_descriptors(fan.n + 32);
	bench_load(&fan.bench, config, port);
	fan.n_requests = (size_t)((seconds + 5) * votes);
	fan.room = fan.n * (size_t)seconds * 8;
	fan.subscribers = calloc(fan.n, sizeof(*fan.subscribers));
	fan.latency_ms = calloc(fan.room, sizeof(*fan.latency_ms));
	fan.requests = calloc(fan.n_requests, sizeof(*fan.requests));
	fan.room_shown = (size_t)seconds * 100;
	fan.shown = calloc(fan.room_shown, sizeof(*fan.shown));
	fan.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (fan.subscribers == NULL || fan.latency_ms == NULL || fan.requests == NULL ||
	    fan.shown == NULL || fan.epoll < 0)
		die("not enough memory");
	for (size_t i = 0; i < fan.n_requests && fan.peer_bytes == 0; i++)
		bench_mint(&fan.bench, i * i, &fan.requests[i]);
	fan.caster = connect_to(&fan.bench);

	processes_find(&all, (pid_t)supervisor);
	rss = rss_bytes(&all, PROCESS_WORKER);
	subscribe_all(&fan);
	(void)printf("subscribers           %10zu\n", fan.n);
	(void)fflush(stdout); /* somebody may wait for it */
	run_for(&fan, SETTLE_NS, votes);
	fan.measuring = true;
	cpu = cpu_us(&all, PROCESS_WORKER);
	run_for(&fan, seconds * 1000000000LL, votes);
	cpu = cpu_us(&all, PROCESS_WORKER) - cpu;
	rss = rss_bytes(&all, PROCESS_WORKER) - rss;
	deliveries = (double)fan.deliveries;

	qsort(fan.latency_ms, fan.deliveries, sizeof(uint32_t), by_size);
	(void)printf("frames a second       %10.2f of %zu bytes, %ld votes a second meanwhile\n",
	    deliveries / (double)fan.n / (double)seconds, fan.frame_bytes, votes);
	(void)printf(
	    "delivery p50          %10.0f ms\n", percentile(fan.latency_ms, fan.deliveries, 0.50));
	(void)printf(
	    "delivery p99          %10.0f ms\n", percentile(fan.latency_ms, fan.deliveries, 0.99));
	for (size_t i = 0; i < fan.n_shown; i++)
		fan.latency_ms[i] = fan.shown[i].last_ms;
	qsort(fan.latency_ms, fan.n_shown, sizeof(uint32_t), by_size);
	(void)printf(
	    "last reader p99       %10.0f ms\n", percentile(fan.latency_ms, fan.n_shown, 0.99));
	(void)printf(
	    "workers' CPU          %10.2f us a delivery, votes included\n", cpu / deliveries);
	(void)printf("workers' RSS          %10.0f bytes a subscriber\n", rss / (double)fan.n);
	release(&fan); /* first, or the daemon would go on sending meanwhile */
	(void)printf("send() alone          %10.2f us (the same frames to as many sockets)\n",
	    kernel_floor_us(&(struct kernel_floor){
		.sockets = fan.n, .reply = fan.frame_bytes, .replies = 12, .gap_ms = 250}));
	return EX_OK;
}
