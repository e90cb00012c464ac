/* The store's connection against a real Redis and against peers that misbehave: every command
 * completes exactly once, never before redis_call() has returned, and is told apart. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/clock.h"
#include "store/redis.h"

/* After store/redis.h: hiredis has a macro REDIS_OK. */
#include "redis_server.h"

struct fixture {
	struct redis_server server;
	struct event_base *base;
	struct event *patience;
	struct redis *redis;
	struct redis_options options;
	int up, down;
	char why[200];
	bool call_when_down, out_of_patience;
	struct record *extra;
};

struct record {
	struct fixture *f;
	unsigned calls;
	enum redis_outcome outcome;
	enum redis_kind kind;
	int64_t integer;
	char text[64];
	struct record *then; /* issue this one from within the callback */
};

static void call(struct fixture *f, struct record *r, const char *a, const char *b, const char *c);

static void on_reply(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct record *r = arg;

	r->calls++;
	r->outcome = outcome;
	if (reply) {
		struct slice text = redis_reply_text(reply);

		r->kind = redis_reply_kind(reply);
		r->integer = redis_reply_integer(reply);
		snprintf(r->text, sizeof(r->text), "%.*s", (int)text.len, text.ptr);
	}
	if (r->then)
		call(r->f, r->then, "PING", NULL, NULL);
}

static void call(struct fixture *f, struct record *r, const char *a, const char *b, const char *c)
{
	struct slice argv[] = {slice_text(a), slice_text(b), slice_text(c)};
	unsigned before = r->calls;

	r->f = f;
	redis_call(f->redis, on_reply, r, 1u + (b != NULL) + (c != NULL), argv);
	if (r->calls != before)
		abort(); /* told before the call returned; no assert within callbacks */
}

static void on_state(void *arg, bool connected, const char *why)
{
	struct fixture *f = arg;

	snprintf(f->why, sizeof(f->why), "%s", why);
	f->up += connected;
	f->down += !connected;
	if (!connected && f->call_when_down)
		call(f, f->extra, "PING", NULL, NULL);
}

static void on_patience(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	((struct fixture *)arg)->out_of_patience = true;
}

static void init(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	server_dir(&f->server);
	f->base = event_base_new();
	f->patience = evtimer_new(f->base, on_patience, f);
	event_add(f->patience, &(struct timeval){30, 0});
	f->options = (struct redis_options){
	    .address = f->server.address,
	    .deadline_ms = 20000,
	    .in_flight_max = 100,
	    .backoff_max_ms = 50,
	    .on_state = on_state,
	    .arg = f,
	};
}

#define wait_until(f, condition)                                                                   \
	do {                                                                                       \
		while (!(condition) && !(f)->out_of_patience)                                      \
			event_base_loop((f)->base, EVLOOP_ONCE);                                   \
		assert_false((f)->out_of_patience);                                                \
	} while (0)

static void open_redis(struct fixture *f)
{
	f->redis = redis_new(f->base, &f->options);
	assert_non_null(f->redis);
	assert_int_equal(f->up + f->down, 0);
}

static void open_connected(struct fixture *f)
{
	server_start(&f->server, false);
	open_redis(f);
	wait_until(f, f->up == 1);
	assert_true(redis_is_connected(f->redis));
}

static void finish(struct fixture *f)
{
	redis_free(f->redis);
	event_free(f->patience);
	event_base_free(f->base);
	server_remove(&f->server);
}

/* ---- a peer of our own, for what Redis does not do ---- */

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

/* Takes the connection and answers the greeting. */
static int greet_peer(struct fixture *f, int listener)
{
	int fd = -1;

	wait_until(f, (fd = accept(listener, NULL, NULL)) >= 0);
	assert_int_equal(write(fd, "+PONG\r\n", 7), 7);
	wait_until(f, redis_is_connected(f->redis));
	return fd;
}

/* ---- tests ---- */

static void test_replies(void **state)
{
	struct fixture f;
	struct record r[5] = {{0}};

	(void)state;
	init(&f);
	open_connected(&f);
	call(&f, &r[0], "SET", "k", "12");
	call(&f, &r[1], "INCR", "k", NULL);
	call(&f, &r[2], "GET", "k", NULL);
	call(&f, &r[3], "GET", "none", NULL);
	call(&f, &r[4], "LPUSH", "k", "x");
	redis_flush(f.redis);
	wait_until(&f, r[4].calls);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(r[i].calls, 1);
		assert_int_equal(r[i].outcome, REDIS_OK);
	}
	assert_int_equal(r[0].kind, REDIS_STATUS);
	assert_string_equal(r[0].text, "OK");
	assert_int_equal(r[1].kind, REDIS_INTEGER);
	assert_int_equal(r[1].integer, 13);
	assert_int_equal(r[2].kind, REDIS_TEXT);
	assert_string_equal(r[2].text, "13");
	assert_int_equal(r[3].kind, REDIS_NIL);
	assert_int_equal(r[4].kind, REDIS_ERROR);
	assert_memory_equal(r[4].text, "WRONGTYPE", 9);
	finish(&f);
}

static void test_large_commands(void **state)
{
	enum { SIZE = 8 << 20 };
	struct fixture f;
	struct record r[2] = {{0}};
	char *large = malloc(SIZE + 1);

	(void)state;
	memset(large, 'x', SIZE);
	large[SIZE] = '\0';
	init(&f);
	open_connected(&f);
	call(&f, &r[0], "SET", "k", large); /* more than a socket takes at once */
	call(&f, &r[1], "STRLEN", "k", NULL);
	redis_flush(f.redis);
	wait_until(&f, r[1].calls);
	assert_int_equal(r[1].integer, SIZE);
	finish(&f);
	free(large);
}

static void test_refused_and_later(void **state)
{
	struct fixture f;
	struct record r = {0};
	int fd;

	(void)state;
	init(&f);
	fd = listen_at(f.server.socket); /* there, but nobody listens any more */
	close(fd);
	open_redis(&f);
	wait_until(&f, f.down == 1);
	assert_non_null(strstr(f.why, "Connection refused"));
	call(&f, &r, "PING", NULL, NULL);
	wait_until(&f, r.calls);
	assert_int_equal(r.outcome, REDIS_NOT_SENT);
	server_start(&f.server, false);
	wait_until(&f, f.up == 1);
	assert_int_equal(f.down, 1); /* told once, however often it was tried */
	call(&f, &r, "PING", NULL, NULL);
	wait_until(&f, r.calls == 2);
	assert_int_equal(r.outcome, REDIS_OK);
	finish(&f);
}

static void test_tcp_refused(void **state)
{
	struct fixture f;

	(void)state;
	init(&f);
	f.options.address = "tcp:127.0.0.1:1"; /* refused in a later turn, unlike a unix socket */
	open_redis(&f);
	wait_until(&f, f.down == 1);
	assert_non_null(strstr(f.why, "refused"));
	for (int i = 0; i < 20; i++)
		event_base_loop(f.base, EVLOOP_ONCE);
	finish(&f);
}

/* Stopped: the deadline passes, everything in flight is unknown, and it comes back. */
static void test_deadline(void **state)
{
	struct fixture f;
	struct record r[3] = {{0}}, inside = {0};
	int64_t start;

	(void)state;
	init(&f);
	f.options.deadline_ms = 1000;
	open_connected(&f);
	kill(f.server.pid, SIGSTOP);
	r[0].then = &inside;
	start = clock_steady_ms();
	for (int i = 0; i < 3; i++)
		call(&f, &r[i], "PING", NULL, NULL);
	wait_until(&f, inside.calls && r[2].calls);
	assert_true(clock_steady_ms() - start >= 1000);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(r[i].calls, 1);
		assert_int_equal(r[i].outcome, REDIS_UNKNOWN);
	}
	assert_int_equal(inside.calls, 1); /* issued from within a callback of a lost connection */
	assert_int_equal(inside.outcome, REDIS_NOT_SENT);
	assert_int_equal(f.down, 1);
	kill(f.server.pid, SIGCONT);
	wait_until(&f, f.up == 2);
	finish(&f);
}

static void test_killed(void **state)
{
	struct fixture f;
	struct record r[50] = {{0}}, extra = {0};

	(void)state;
	init(&f);
	open_connected(&f);
	f.extra = &extra;
	f.call_when_down = true;
	for (int i = 0; i < 50; i++)
		call(&f, &r[i], "BLPOP", "none", "0");
	redis_flush(f.redis);
	server_end(&f.server, SIGKILL);
	wait_until(&f, f.down == 1 && extra.calls && r[49].calls);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(r[i].calls, 1);
		assert_int_equal(r[i].outcome, REDIS_UNKNOWN);
	}
	assert_int_equal(extra.outcome, REDIS_NOT_SENT);
	f.call_when_down = false;
	server_start(&f.server, false);
	wait_until(&f, f.up == 2);
	finish(&f);
}

/* A half answer and then the end; an answer that is no Redis protocol. */
static void test_bad_peers(void **state)
{
	static const char *const answers[] = {"$5\r\nab", "HTTP/1.1 400\r\n\r\n", ""};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		struct fixture f;
		struct record r = {0};
		int listener, fd;

		init(&f);
		listener = listen_at(f.server.socket);
		open_redis(&f);
		fd = greet_peer(&f, listener);
		call(&f, &r, "GET", "k", NULL);
		redis_flush(f.redis);
		assert_int_equal(
		    write(fd, answers[i], strlen(answers[i])), (ssize_t)strlen(answers[i]));
		close(fd);
		wait_until(&f, r.calls);
		assert_int_equal(r.calls, 1);
		assert_int_equal(r.outcome, REDIS_UNKNOWN);
		close(listener);
		finish(&f);
	}
}

static void test_loading(void **state)
{
	struct fixture f;
	int listener, fd = -1;

	(void)state;
	init(&f);
	listener = listen_at(f.server.socket);
	open_redis(&f);
	wait_until(&f, (fd = accept(listener, NULL, NULL)) >= 0);
	assert_int_equal(write(fd, "-LOADING soon\r\n", 15), 15);
	wait_until(&f, f.down == 1);
	assert_string_equal(f.why, "LOADING soon");
	close(fd);
	fd = greet_peer(&f, listener);
	assert_int_equal(f.up, 1);
	close(fd);
	close(listener);
	finish(&f);
}

static void test_password(void **state)
{
	struct fixture f;
	struct record r = {0};

	(void)state;
	init(&f);
	server_start(&f.server, false);
	server_do(&f.server, "ACL SETUSER tally on >secret ~* +@all");
	server_do(&f.server, "CONFIG SET requirepass other");
	f.options.user = "tally";
	f.options.password = "wrong";
	open_redis(&f);
	wait_until(&f, f.down == 1);
	assert_non_null(strstr(f.why, "WRONGPASS"));
	redis_free(f.redis);
	f.options.password = "secret";
	f.down = 0;
	open_redis(&f);
	wait_until(&f, f.up == 1);
	call(&f, &r, "GET", "k", NULL);
	wait_until(&f, r.calls);
	assert_int_equal(r.kind, REDIS_NIL);
	redis_free(f.redis);
	f.options.user = NULL;
	f.options.password = "other";
	f.up = 0;
	open_redis(&f);
	wait_until(&f, f.up == 1);
	finish(&f);
}

static void test_cap(void **state)
{
	struct fixture f;
	struct record r[120] = {{0}};

	(void)state;
	init(&f);
	open_connected(&f);
	for (int i = 0; i < 120; i++)
		call(&f, &r[i], "PING", NULL, NULL);
	redis_flush(f.redis);
	wait_until(&f, r[99].calls && r[119].calls);
	for (int i = 0; i < 120; i++) {
		assert_int_equal(r[i].calls, 1);
		assert_int_equal(r[i].outcome, i < 100 ? REDIS_OK : REDIS_NOT_SENT);
	}
	finish(&f);
}

static void test_free_with_pending(void **state)
{
	struct fixture f;
	struct record r[120] = {{0}};

	(void)state;
	init(&f);
	open_connected(&f);
	for (int i = 0; i < 120; i++)
		call(&f, &r[i], "PING", NULL, NULL);
	redis_free(f.redis);
	for (int i = 0; i < 120; i++) {
		assert_int_equal(r[i].calls, 1);
		assert_int_equal(r[i].outcome, i < 100 ? REDIS_UNKNOWN : REDIS_NOT_SENT);
	}
	/* While connecting. */
	f.up = 0;
	open_redis(&f);
	event_base_loop(f.base, EVLOOP_ONCE);
	finish(&f);
}

static void test_addresses(void **state)
{
	static const struct {
		const char *address;
		int error;
	} rows[] = {
	    {"unix:/tmp/x", 0},
	    {"tcp:localhost:6379", 0},
	    {"tcp:[::1]:6379", 0},
	    {"", EINVAL},
	    {"unix:", EINVAL},
	    {"tcp:", EINVAL},
	    {"tcp::6379", EINVAL},
	    {"tcp:host", EINVAL},
	    {"tcp:host:", EINVAL},
	    {"tcp:host:0", EINVAL},
	    {"tcp:host:65536", EINVAL},
	    {"tcp:host:6379x", EINVAL},
	    {"redis://host", EINVAL},
	};
	struct event_base *base = event_base_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct redis_options options = {.address = rows[i].address};
		struct redis *redis;

		errno = 0;
		redis = redis_new(base, &options);
		assert_int_equal(redis == NULL, rows[i].error != 0);
		if (!redis)
			assert_int_equal(errno, rows[i].error);
		redis_free(redis);
	}
	event_base_free(base);
}

/* ---- replicas ---- */

static void write_to(struct fixture *f, struct record *r, const char *key, const char *value)
{
	r->f = f;
	redis_write(f->redis, on_reply, r, 3,
	    (struct slice[]){slice_text("SET"), slice_text(key), slice_text(value)});
}

/* What no replica has may be lost: it was carried out, and is not known to last. What Redis refuses
 * is known to be refused. */
static void test_replicas_missing(void **state)
{
	struct fixture f;
	struct record written = {0}, later = {0}, refused = {0}, read = {0};

	(void)state;
	init(&f);
	f.options.replicas = 1;
	f.options.wait_ms = 50;
	server_start(&f.server, false);
	open_redis(&f);
	wait_until(&f, f.up);
	server_do(&f.server, "LPUSH {l}:list x");
	write_to(&f, &written, "{a}:k", "1");
	redis_flush(f.redis);
	write_to(&f, &later, "{b}:k", "2"); /* gathers until the first is through */
	refused.f = &f;
	redis_write(f.redis, on_reply, &refused, 2,
	    (struct slice[]){slice_text("INCR"), slice_text("{l}:list")});
	call(&f, &read, "GET", "{a}:k", NULL); /* does not wait */
	wait_until(&f, read.calls);
	assert_int_equal(written.calls + later.calls + refused.calls, 0);
	wait_until(&f, written.calls && later.calls && refused.calls);
	assert_int_equal(written.outcome, REDIS_UNKNOWN);
	assert_int_equal(later.outcome, REDIS_UNKNOWN);
	assert_int_equal(refused.outcome, REDIS_OK);
	assert_int_equal(refused.kind, REDIS_ERROR);
	assert_string_equal(read.text, "1");
	assert_int_equal(server_integer(&f.server, "GET {b}:k"), 2);
	assert_int_equal(server_integer(&f.server, "EXISTS {l}:barrier"), 1);
	finish(&f);
}

/* Each is told once, also when the connection goes, or everything ends, in the midst of it. */
static void test_replicas_and_the_end(void **state)
{
	enum { N = 20 };
	struct fixture f;
	struct record r[2][N] = {0};

	(void)state;
	for (int closing = 0; closing < 2; closing++) {
		memset(r, 0, sizeof(r));
		init(&f);
		f.options.replicas = 1;
		f.options.wait_ms = 10000;
		server_start(&f.server, false);
		open_redis(&f);
		wait_until(&f, f.up);
		for (int i = 0; i < N; i++)
			write_to(&f, &r[0][i], "{a}:k", "1");
		redis_flush(f.redis);
		for (int i = 0; i < N; i++)
			write_to(&f, &r[1][i], "{a}:k", "1");
		if (closing) {
			redis_free(f.redis);
			f.redis = NULL;
		} else {
			server_end(&f.server, SIGKILL);
			wait_until(&f, r[1][N - 1].calls);
		}
		for (int i = 0; i < N; i++) {
			assert_int_equal(r[0][i].calls, 1);
			assert_int_equal(r[0][i].outcome, REDIS_UNKNOWN);
			assert_int_equal(r[1][i].calls, 1);
			assert_int_equal(r[1][i].outcome, REDIS_NOT_SENT);
		}
		finish(&f);
	}
}

/* What counts goes to nobody who was not let in, and each connection is another. */
static void test_votes_where_let_in(void **state)
{
	(void)state;
	for (unsigned replicas = 0; replicas < 2; replicas++) {
		struct fixture f;
		struct record r[4] = {0};
		const struct slice argv[] = {slice_text("INCR"), slice_text("{a}:k")};

		init(&f);
		f.options.judged = true;
		f.options.replicas = replicas;
		f.options.wait_ms = 50;
		open_connected(&f);
		redis_admit(f.redis); /* of nobody who was judged */
		redis_vote(f.redis, on_reply, &r[0], 2, argv);
		assert_int_equal(r[0].calls, 0);
		wait_until(&f, r[0].calls);
		assert_int_equal(r[0].outcome, REDIS_NOT_SENT);
		redis_judge(f.redis);
		redis_vote(f.redis, on_reply, &r[1], 2, argv);
		wait_until(&f, r[1].calls);
		assert_int_equal(r[1].outcome, REDIS_NOT_SENT);
		redis_admit(f.redis);
		redis_vote(f.redis, on_reply, &r[2], 2, argv);
		redis_flush(f.redis);
		wait_until(&f, r[2].calls);
		assert_int_equal(r[2].outcome, replicas ? REDIS_UNKNOWN : REDIS_OK);
		assert_int_equal(server_integer(&f.server, "GET {a}:k"), 1);
		redis_judge(f.redis); /* and it goes, and comes back as somebody else */
		server_end(&f.server, SIGKILL);
		wait_until(&f, f.down);
		server_start(&f.server, false);
		wait_until(&f, f.up == 2);
		redis_admit(f.redis);
		redis_vote(f.redis, on_reply, &r[3], 2, argv);
		wait_until(&f, r[3].calls);
		assert_int_equal(r[3].outcome, REDIS_NOT_SENT);
		finish(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_replies),
	    cmocka_unit_test(test_votes_where_let_in),
	    cmocka_unit_test(test_large_commands),
	    cmocka_unit_test(test_refused_and_later),
	    cmocka_unit_test(test_tcp_refused),
	    cmocka_unit_test(test_deadline),
	    cmocka_unit_test(test_killed),
	    cmocka_unit_test(test_bad_peers),
	    cmocka_unit_test(test_loading),
	    cmocka_unit_test(test_password),
	    cmocka_unit_test(test_cap),
	    cmocka_unit_test(test_free_with_pending),
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_replicas_missing),
	    cmocka_unit_test(test_replicas_and_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
