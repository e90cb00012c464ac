/* http/sse: subscribers through a real server. */
#include "http_harness.h"

#include "http/sse.h"

#define SUBSCRIBE "GET /stream HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 7\r\n\r\n"

static struct sse_hub *hub;
static size_t watched_calls;
static size_t watched_last;

static void handle_stream(void *app, struct request *req)
{
	(void)app;
	sse_subscribe(hub, req);
}

static void handle_hello(void *app, struct request *req)
{
	(void)app;
	reply_bytes(req, 200, "text/plain", slice_text("[hello]"), NULL, 0);
}

static const struct route routes[] = {
    {METHOD_GET, "/stream", handle_stream, ROUTE_CORS_ANY, 0, NULL},
    {METHOD_GET, "/hello", handle_hello, 0, 0, NULL},
    {0, NULL, NULL, 0, 0, NULL},
};

static void on_watched(void *arg, size_t subscribers)
{
	(void)arg;
	watched_calls++;
	watched_last = subscribers;
}

static void open_hub(struct rig *rig, struct sse_options options)
{
	struct server_limits limits = ample_limits;

	limits.connections = 1000;
	rig_open(
	    rig, (struct server_options){.routes = routes, .limits = limits, .access_log_fd = -1});
	options.on_watched = on_watched;
	options.retry_ms = 2000;
	watched_calls = 0;
	hub = sse_hub_new(rig->base, &options);
	assert_non_null(hub);
}

static void close_hub(struct rig *rig)
{
	sse_hub_free(hub);
	rig_close(rig);
}

static const struct sse_options calm = {
    .max_subscribers = 1000, .heartbeat_ms = 15000, .stall_ms = 30000};

static void subscribe(struct rig *rig, struct peer *peer)
{
	peer_open(rig, peer);
	peer_say(peer, SUBSCRIBE);
	assert_true(peer_awaits(peer, "retry: 2000\n\n", 1));
}

static bool hub_has(void *arg)
{
	return sse_subscribers(hub) == *(size_t *)arg;
}

static void await_subscribers(struct rig *rig, size_t n)
{
	assert_true(rig_wait(rig, hub_has, &n));
}

static void streams_the_state(void **state)
{
	(void)state;
	struct rig rig;
	struct peer early, late;

	open_hub(&rig, calm);
	subscribe(&rig, &early);
	assert_int_equal(watched_calls, 1);
	assert_int_equal(watched_last, 1);
	assert_int_equal(peer_status(&early), 200);
	assert_true(peer_got(&early, "Content-Type: text/event-stream\r\n"));
	assert_true(peer_got(&early, "Cache-Control: no-cache\r\n"));
	assert_true(peer_got(&early, "X-Accel-Buffering: no\r\n"));
	assert_true(peer_got(&early, "Connection: close\r\n"));
	assert_true(peer_got(&early, "Access-Control-Allow-Origin: *\r\n"));
	assert_false(peer_got(&early, "Content-Length"));
	assert_false(peer_got(&early, "data:"));

	sse_publish(hub, "tally", "1", slice_text("{\"n\":1}"));
	assert_true(peer_awaits(&early, "event: tally\nid: 1\ndata: {\"n\":1}\n\n", 1));
	subscribe(&rig, &late);
	assert_true(
	    peer_awaits(&late, "retry: 2000\n\nevent: tally\nid: 1\ndata: {\"n\":1}\n\n", 1));
	assert_int_equal(watched_calls, 1);

	/* The same again says nothing. */
	sse_publish(hub, "tally", "1", slice_text("{\"n\":1}"));
	sse_publish(hub, "tally", "2", slice_text(""));
	assert_true(peer_awaits(&early, "id: 2\ndata: \n\n", 1));
	assert_true(peer_awaits(&late, "id: 2\ndata: \n\n", 1));
	assert_int_equal(peer_count(&early, "id: 1\n"), 1);
	assert_int_equal(peer_count(&late, "id: 1\n"), 1);
	assert_int_equal(sse_deliveries(hub), 4);

	peer_close(&early);
	await_subscribers(&rig, 1);
	assert_int_equal(watched_calls, 1);
	shutdown(late.fd, SHUT_WR);
	assert_true(peer_awaits_end(&late));
	assert_int_equal(sse_subscribers(hub), 0);
	assert_int_equal(watched_calls, 2);
	assert_int_equal(watched_last, 0);
	assert_true(server_is_idle(rig.server));
	assert_int_equal(rig.stats.accepted, rig.stats.closed);
	peer_close(&late);
	close_hub(&rig);
}

static void heads_and_refuses(void **state)
{
	(void)state;
	struct rig rig;
	struct peer first, peer;
	struct sse_options one = calm;

	one.max_subscribers = 1;
	open_hub(&rig, one);
	assert_int_equal(
	    rig_ask(&rig, &peer, "HEAD /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
	    200);
	assert_true(peer_got(&peer, "Content-Type: text/event-stream\r\n"));
	assert_false(peer_got(&peer, "retry:"));
	peer_close(&peer);
	assert_int_equal(sse_subscribers(hub), 0);

	subscribe(&rig, &first);
	peer_open(&rig, &peer);
	peer_say(&peer, SUBSCRIBE "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_true(peer_awaits(&peer, "[hello]", 1));
	assert_int_equal(peer_status(&peer), 503);
	assert_true(peer_got(&peer, "Retry-After: 5\r\n"));
	peer_close(&peer);
	peer_close(&first);
	close_hub(&rig);
}

static void follows_a_pipelined_reply(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peer;

	open_hub(&rig, calm);
	peer_open(&rig, &peer);
	peer_say(&peer, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n" SUBSCRIBE);
	assert_true(peer_awaits(&peer, "retry: 2000\n\n", 1));
	assert_int_equal(peer_count(&peer, "HTTP/1.1 200 OK"), 2);
	peer_close(&peer);
	close_hub(&rig);
}

static void sends_heartbeats(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peer;
	struct sse_options quick = calm;

	quick.heartbeat_ms = 30;
	open_hub(&rig, quick);
	sse_publish(hub, "tally", "1", slice_text("x"));
	int64_t start_ms = clock_steady_ms();
	subscribe(&rig, &peer);
	assert_true(peer_awaits(&peer, "\n\n:\n\n:\n\n:\n\n", 1));
	assert_true(clock_steady_ms() - start_ms >= 85);
	assert_int_equal(peer_count(&peer, "id: 1"), 1);
	peer_close(&peer);
	close_hub(&rig);
}

#define CROWD 300

/* Frames reach everybody in order, also those behind the first slice, while some leave and others
 * come. */
static void keeps_order_for_a_moving_crowd(void **state)
{
	(void)state;
	struct rig rig;
	static struct peer peers[CROWD];
	char id[16];

	open_hub(&rig, calm);
	for (size_t i = 0; i < CROWD; i++)
		subscribe(&rig, &peers[i]);
	for (int n = 1; n <= 50; n++) {
		snprintf(id, sizeof(id), "%d", n);
		sse_publish(hub, "tally", id, slice_text("data"));
		if (n % 10 == 0) { /* in the midst of a round */
			size_t i = (size_t)(n * 7) % CROWD;
			peer_close(&peers[i]);
			peer_open(&rig, &peers[i]);
			peer_say(&peers[i], SUBSCRIBE);
		}
		if (n % 3 == 0)
			rig_settle(&rig);
	}
	for (size_t i = 0; i < CROWD; i++) {
		assert_true(peer_awaits(&peers[i], "id: 50\n", 1));
		long last = 0;
		for (const char *at = peers[i].got.data;
		     (at = memmem(
			  at, (size_t)(peers[i].got.data + peers[i].got.len - at), "\nid: ", 5));
		     at += 5) {
			long now = strtol(at + 5, NULL, 10);
			assert_true(now > last);
			last = now;
		}
		assert_int_equal(last, 50);
	}
	await_subscribers(&rig, CROWD);
	for (size_t i = 0; i < CROWD; i++)
		peer_close(&peers[i]);
	close_hub(&rig);
}

static char *large_state(size_t len, int n)
{
	char *text = malloc(len + 1);
	memset(text, 'a' + n % 26, len);
	text[len] = '\0';
	return text;
}

/* Who reads nothing for a while gets what was begun, and then the newest, never those between. */
static void gives_laggards_only_the_newest(void **state)
{
	(void)state;
	struct rig rig;
	struct peer slow, quick;
	char id[16], text[64];
	const size_t len = 20000;
	const int last = 400;

	open_hub(&rig, calm);
	subscribe(&rig, &slow);
	subscribe(&rig, &quick);
	peer_stop_reading(&slow);
	for (int n = 1; n <= last; n++) {
		char *data = large_state(len, n);
		snprintf(id, sizeof(id), "%d", n);
		sse_publish(hub, "tally", id, slice_make(data, len));
		free(data);
		snprintf(text, sizeof(text), "id: %d\n", n);
		assert_true(peer_awaits(&quick, text, 1));
	}
	assert_int_equal(sse_subscribers(hub), 2);
	peer_listen(&slow);
	assert_true(peer_awaits(&slow, "id: 400\n", 1));
	rig_settle(&rig);
	assert_true(peer_count(&slow, "id: ") < 350);
	assert_int_equal(peer_count(&slow, "id: 400\n"), 1);
	/* No frame is torn: between two heads lie exactly `len` bytes of one letter. */
	const char *at = slow.got.data, *end = at + slow.got.len;
	long before = 0;
	while ((at = memmem(at, (size_t)(end - at), "\nid: ", 5))) {
		long n = strtol(at + 5, NULL, 10);
		const char *data = strstr(at, "data: ") + 6;
		assert_true(n > before);
		assert_true((size_t)(end - data) >= len + 2);
		for (size_t i = 0; i < len; i++)
			if (data[i] != 'a' + (char)(n % 26))
				fail_msg("frame %ld is torn at %zu", n, i);
		assert_memory_equal(data + len, "\n\n", 2);
		before = n;
		at = data + len;
	}
	assert_int_equal(before, last);
	/* And it takes part again. */
	sse_publish(hub, "tally", "401", slice_text("z"));
	assert_true(peer_awaits(&slow, "id: 401\n", 1));
	peer_close(&slow);
	peer_close(&quick);
	close_hub(&rig);
}

static void drops_who_takes_nothing(void **state)
{
	(void)state;
	struct rig rig;
	struct peer slow, quick;
	struct sse_options strict = calm;
	char id[16];
	const size_t len = 60000;

	strict.stall_ms = 1000;
	open_hub(&rig, strict);
	subscribe(&rig, &slow);
	subscribe(&rig, &quick);
	peer_stop_reading(&slow);
	for (int n = 1; n <= 200 && sse_subscribers(hub) == 2; n++) {
		char *data = large_state(len, n);
		snprintf(id, sizeof(id), "%d", n);
		sse_publish(hub, "tally", id, slice_make(data, len));
		free(data);
		rig_settle(&rig);
	}
	await_subscribers(&rig, 1);
	sse_publish(hub, "tally", "999", slice_text("z"));
	assert_true(peer_awaits(&quick, "id: 999\n", 1));
	peer_close(&slow);
	peer_close(&quick);
	close_hub(&rig);
}

static void says_goodbye(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peer;

	open_hub(&rig, calm);
	subscribe(&rig, &peer);
	sse_hub_free(hub);
	assert_true(peer_awaits_end(&peer));
	assert_int_equal(peer_count(&peer, "retry: 2000\n\n"), 2);
	assert_int_equal(watched_calls, 2);
	assert_true(server_is_idle(rig.server));
	peer_close(&peer);
	rig_close(&rig);
}

/* An EventSource takes a refusal for the last word. */
static void serves_who_comes_after_the_end(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peer;

	open_hub(&rig, calm);
	sse_publish(hub, "tally", "1", slice_text("{\"n\":1}"));
	sse_end(hub);
	peer_open(&rig, &peer);
	peer_say(&peer, SUBSCRIBE);
	assert_true(peer_awaits_end(&peer));
	assert_int_equal(peer_status(&peer), 200);
	assert_true(peer_got(&peer, "data: {\"n\":1}\n\nretry: 2000\n\n"));
	assert_int_equal(sse_subscribers(hub), 0);
	peer_close(&peer);
	close_hub(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(streams_the_state),
	    cmocka_unit_test(heads_and_refuses),
	    cmocka_unit_test(follows_a_pipelined_reply),
	    cmocka_unit_test(sends_heartbeats),
	    cmocka_unit_test(keeps_order_for_a_moving_crowd),
	    cmocka_unit_test(gives_laggards_only_the_newest),
	    cmocka_unit_test(drops_who_takes_nothing),
	    cmocka_unit_test(says_goodbye),
	    cmocka_unit_test(serves_who_comes_after_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
