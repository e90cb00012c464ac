/* client/call: what goes out and what comes back, every way in which it fails, and a loop that goes
 * on meanwhile. The other side is in the same loop, so a call that blocked would never end. */
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <setjmp.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <zlib.h>

#include "base/clock.h"
#include "client/call.h"
#include "peer_fixture.h"

#define N(rows)     (sizeof(rows) / sizeof((rows)[0]))
#define GENEROUS_MS 30000

/* ---- a resolver that can hang ---- */

static sem_t resolver_goes_on, resolver_hangs;

/* Stands before the C library's for the whole program, libcurl included. */
int getaddrinfo(
    const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret_list)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

	if (node && strcmp(node, "hangs.test") == 0) {
		(void)sem_post(&resolver_hangs);
		(void)sem_wait(&resolver_goes_on);
		return EAI_NONAME;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real(node, service, hints, ret_list);
}

/* ---- both sides ---- */

struct outcome {
	unsigned n;
	int error, status;
	long max_age_s;
	char body[2000];
	char why[300];
	bool within; /* called back before calls_start() returned */
};

static bool starting;

struct world {
	struct event_base *base;
	struct calls *calls;
	struct evhttp *http;
	unsigned port;
	unsigned requests, held;
	struct evhttp_request *hold[64];
	char seen[4000]; /* method, path, headers and body of the last request */
	struct outcome outcome;
};

static void see(struct world *world, struct evhttp_request *req)
{
	static const char *const names[] = {
	    "Authorization", "Accept", "Content-Type", "Cookie", "User-Agent", "Host"};
	const struct evkeyvalq *heads = evhttp_request_get_input_headers(req);
	char body[1000], *at = world->seen;
	size_t room = sizeof(world->seen);

	peer_body(req, body, sizeof(body));
	at += snprintf(at, room, "%s %s\n",
	    evhttp_request_get_command(req) == EVHTTP_REQ_POST ? "POST" : "GET",
	    evhttp_request_get_uri(req));
	for (size_t i = 0; i < N(names); i++) {
		const char *value = evhttp_find_header(heads, names[i]);
		if (value)
			at += snprintf(
			    at, room - (size_t)(at - world->seen), "%s: %s\n", names[i], value);
	}
	(void)snprintf(at, room - (size_t)(at - world->seen), "\n%s", body);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct world *world = arg;
	const char *path = evhttp_request_get_uri(req);
	struct evkeyvalq *heads = evhttp_request_get_output_headers(req);

	world->requests++;
	see(world, req);
	if (strcmp(path, "/slow") == 0) {
		world->hold[world->held++] = req;
		return;
	}
	if (strncmp(path, "/cache?", 7) == 0) {
		char *value = evhttp_uridecode(path + 7, 0, NULL);
		(void)evhttp_add_header(heads, "cache-control", value);
		free(value);
	}
	if (strcmp(path, "/redirect") == 0) {
		(void)evhttp_add_header(heads, "Location", "/elsewhere");
		(void)evhttp_add_header(heads, "Set-Cookie", "a=b");
		peer_reply(req, 302, "text/plain", "moved");
	} else if (strcmp(path, "/missing") == 0) {
		peer_reply(req, 404, "text/plain", "none");
	} else if (strcmp(path, "/thousand") == 0) {
		char body[1001];
		memset(body, 'x', 1000);
		body[1000] = '\0';
		peer_reply(req, 200, "text/plain", body);
	} else {
		peer_reply(req, 200, "application/json", "{\"a\":1}");
	}
}

static int open_world(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	world->base = event_base_new();
	world->http = peer_http(world->base, on_request, world, &world->port);
	assert_int_equal(calls_new(world->base, 32, &world->calls), 0);
	*state = world;
	return 0;
}

static int close_world(void **state)
{
	struct world *world = *state;

	calls_free(world->calls);
	evhttp_free(world->http);
	event_base_free(world->base);
	free(world);
	return 0;
}

static void on_done(void *arg, int error, const struct call_answer *answer)
{
	struct outcome *outcome = arg;

	outcome->n++;
	outcome->within = starting;
	outcome->error = error;
	outcome->status = answer->status;
	outcome->max_age_s = answer->max_age_s;
	(void)snprintf(outcome->body, sizeof(outcome->body), "%.*s", (int)answer->body.len,
	    answer->body.len ? answer->body.ptr : "");
	(void)snprintf(outcome->why, sizeof(outcome->why), "%s", answer->why);
}

static int start(struct world *world, struct call *call, struct outcome *outcome)
{
	*outcome = (struct outcome){0};
	call->body_max = call->body_max ? call->body_max : 1999;
	call->deadline_ms = call->deadline_ms ? call->deadline_ms : GENEROUS_MS;
	starting = true;
	int r = calls_start(world->calls, call, on_done, outcome);
	starting = false;
	return r;
}

/* Of this path at the peer, and to the end. */
static const struct outcome *call_out(struct world *world, const char *path, struct call call)
{
	char url[200];

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", world->port, path);
	call.url = url;
	assert_int_equal(start(world, &call, &world->outcome), 0);
	memset(url, 'x', sizeof(url)); /* it was copied */
	peer_wait(world->base, &world->outcome.n, 1);
	assert_false(world->outcome.within);
	return &world->outcome;
}

/* ---- what goes out, what comes back ---- */

static void get_and_post(void **state)
{
	struct world *world = *state;
	const struct outcome *outcome =
	    call_out(world, "/x?y=z", (struct call){.accept = "application/json"});

	assert_int_equal(outcome->error, 0);
	assert_int_equal(outcome->status, 200);
	assert_int_equal(outcome->max_age_s, -1);
	assert_string_equal(outcome->body, "{\"a\":1}");
	assert_string_equal(outcome->why, "");
	assert_non_null(strstr(world->seen, "GET /x?y=z\nAccept: application/json\n"));
	assert_non_null(strstr(world->seen, "User-Agent: tallyd/"));
	assert_null(strstr(world->seen, "Authorization"));

	outcome = call_out(world, "/form",
	    (struct call){.form = slice_text("a=b&c=%20"), .user = "me", .password = "p:w"});
	assert_int_equal(outcome->error, 0);
	assert_non_null(strstr(world->seen, "POST /form\nAuthorization: Basic bWU6cDp3\n"));
	assert_non_null(strstr(world->seen, "Content-Type: application/x-www-form-urlencoded\n"));
	assert_non_null(strstr(world->seen, "\n\na=b&c=%20"));

	outcome = call_out(world, "/bearer", (struct call){.bearer = "a-b.c~/+=="});
	assert_int_equal(outcome->error, 0);
	assert_non_null(strstr(world->seen, "GET /bearer\nAuthorization: Bearer a-b.c~/+==\n"));
}

static void every_status_is_an_answer(void **state)
{
	struct world *world = *state;
	const struct outcome *outcome = call_out(world, "/missing", (struct call){0});

	assert_int_equal(outcome->error, 0);
	assert_int_equal(outcome->status, 404);
	assert_string_equal(outcome->body, "none");

	outcome = call_out(world, "/redirect", (struct call){.bearer = "secret"});
	assert_int_equal(outcome->error, 0);
	assert_int_equal(outcome->status, 302);
	assert_string_equal(outcome->body, "moved");
	assert_int_equal(world->requests, 2); /* nobody went elsewhere */
	outcome = call_out(world, "/after", (struct call){0});
	assert_int_equal(outcome->status, 200);
	assert_null(strstr(world->seen, "Cookie"));
	assert_null(strstr(world->seen, "Authorization"));
}

static void cache_control(void **state)
{
	static const struct {
		const char *value;
		long max_age_s;
	} rows[] = {
	    {"max-age=600", 600},
	    {"public,%20Max-Age=7,must-revalidate", 7},
	    {"max-age=0", 0},
	    {"no-store", 0},
	    {"max-age=600,%20no-cache", 0},
	    {"NO-STORE,%20max-age=600", 0},
	    {"private", -1},
	    {"max-age=", -1},
	    {"max-age=x", -1},
	    {"max-age=-5", -1},
	    {"max-age=5x", -1},
	    {"s-maxage=5", -1},
	    {",,", -1},
	};

	for (size_t i = 0; i < N(rows); i++) {
		char path[200];
		(void)snprintf(path, sizeof(path), "/cache?%s", rows[i].value);
		const struct outcome *outcome = call_out(*state, path, (struct call){0});
		if (outcome->error != 0 || outcome->max_age_s != rows[i].max_age_s)
			fail_msg("%s: %ld", rows[i].value, outcome->max_age_s);
	}
	assert_true(
	    call_out(*state, "/cache?max-age=99999999999999999999", (struct call){0})->max_age_s >
	    1000000);
}

static void nothing_from_the_environment(void **state)
{
	(void)setenv("http_proxy", "http://127.0.0.1:1/", 1);
	(void)setenv("all_proxy", "http://127.0.0.1:1/", 1);
	const struct outcome *outcome = call_out(*state, "/x", (struct call){0});
	(void)unsetenv("http_proxy");
	(void)unsetenv("all_proxy");
	assert_int_equal(outcome->error, 0);
}

static void where_calls_may_go(void **state)
{
	static const struct {
		const char *url;
		bool may, plain;
	} rows[] = {
	    {"https://op.example", true, true},
	    {"https://op.example:8443/a?b=c", true, true},
	    {"HTTPS://op.example/", true, true},
	    {"http://op.example/", false, true},
	    {"http://localhost/", true, true},
	    {"http://LOCALHOST:80/", true, true},
	    {"http://127.0.0.1:8080/a", true, true},
	    {"http://127.255.0.1/", true, true},
	    {"http://[::1]:80/", true, true},
	    {"http://128.0.0.1/", false, true},
	    {"http://localhost.example/", false, true},
	    {"http://127.0.0.1.example/", false, true},
	    {"http://127.0.0.1@op.example/", false, false},
	    {"https://user@op.example/", false, false},
	    {"https://user:password@op.example/", false, false},
	    {"https://op.example/#part", false, false},
	    {"https://", false, false},
	    {"https:///path", false, false},
	    {"https:/op.example/", false, false},
	    {"https:op.example/", false, false},
	    {"http://op.example\\@127.0.0.1/", false, false},
	    {"https://op.example\\", false, false},
	    {"//op.example/", false, false},
	    {"/path", false, false},
	    {"op.example", false, false},
	    {"", false, false},
	    {"ftp://op.example/", false, false},
	    {"file:///etc/passwd", false, false},
	    {"javascript:alert(1)", false, false},
	    {"https://op.example/a b", false, false},
	    {"https://op.example/\r\nX: y", false, false},
	    {"https://op.example/\xc3\xa4", false, false},
	};
	char longest[CALL_URL_MAX + 2] = "https://op.example/";

	(void)state;
	for (size_t i = 0; i < N(rows); i++)
		if (call_may_go(rows[i].url, false) != rows[i].may ||
		    call_may_go(rows[i].url, true) != rows[i].plain)
			fail_msg("%s", rows[i].url);
	memset(longest + 19, 'a', CALL_URL_MAX - 19);
	assert_true(call_may_go(longest, false));
	longest[CALL_URL_MAX] = 'a';
	assert_false(call_may_go(longest, false));
}

static void what_is_not_started(void **state)
{
	struct world *world = *state;
	static const char *const bearers[] = {"", "a b", "a\r\nX: y", "a,b", "\xc3\xa4"};
	struct call call = {.url = "http://op.example/"};

	assert_int_equal(start(world, &call, &world->outcome), -EINVAL);
	call.url = "http://127.0.0.1:1/";
	for (size_t i = 0; i < N(bearers); i++) {
		call.bearer = bearers[i];
		assert_int_equal(start(world, &call, &world->outcome), -EINVAL);
	}
	call.bearer = NULL;
	call.form = (struct slice){NULL, CALL_FORM_MAX + 1};
	assert_int_equal(start(world, &call, &world->outcome), -EINVAL);
	assert_int_equal(world->outcome.n, 0);
}

/* ---- many ---- */

static void many_at_once(void **state)
{
	struct world *world = *state;
	struct outcome outcomes[33];
	char url[100];
	struct call call = {.url = url};

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/slow", world->port);
	for (size_t i = 0; i < 32; i++)
		assert_int_equal(start(world, &call, &outcomes[i]), 0);
	assert_int_equal(start(world, &call, &outcomes[32]), -EBUSY);
	peer_wait(world->base, &world->held, 32); /* all of them are there before any answer */
	for (size_t i = 0; i < 32; i++)
		peer_reply(world->hold[31 - i], 200, "text/plain", "at last");
	for (size_t i = 0; i < 32; i++) {
		peer_wait(world->base, &outcomes[i].n, 1);
		assert_int_equal(outcomes[i].error, 0);
		assert_string_equal(outcomes[i].body, "at last");
	}
	assert_int_equal(outcomes[32].n, 0);
	assert_int_equal(call_out(world, "/again", (struct call){0})->error, 0);
}

static unsigned connections_seen;
static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
	(void)arg;
	connections_seen++;
	return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
}

static void connections_are_kept(void **state)
{
	struct world *world = *state;

	connections_seen = 0;
	evhttp_set_bevcb(world->http, on_connection, NULL);
	for (int i = 0; i < 5; i++)
		assert_int_equal(call_out(world, "/x", (struct call){0})->error, 0);
	assert_int_equal(connections_seen, 1);
}

/* ---- failures ---- */

static void deadline_while_the_loop_goes_on(void **state)
{
	struct world *world = *state;
	struct outcome slow;
	char url[100];
	struct call call = {.url = url, .deadline_ms = 300};
	int64_t began_ms = clock_steady_ms();
	unsigned others = 0;

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/slow", world->port);
	assert_int_equal(start(world, &call, &slow), 0);
	while (slow.n == 0) { /* calls come and go in the meantime */
		assert_int_equal(call_out(world, "/x", (struct call){0})->error, 0);
		others++;
	}
	assert_int_equal(slow.error, -ETIMEDOUT);
	assert_int_equal(slow.status, 0);
	assert_string_equal(slow.body, "");
	assert_true(slow.why[0] != '\0');
	assert_true(clock_steady_ms() - began_ms >= 299);
	assert_true(others > 0);
}

static void resolver_that_hangs(void **state)
{
	struct world *world = *state;
	struct outcome outcome;
	struct call call = {.url = "https://hangs.test/", .deadline_ms = 300};

	assert_int_equal(start(world, &call, &outcome), 0);
	peer_wait(world->base, &outcome.n, 1); /* though the resolver has not come back */
	assert_int_equal(outcome.error, -ETIMEDOUT);
	assert_int_equal(call_out(world, "/x", (struct call){0})->error, 0);

	/* and dropped, and at the end of all */
	call.deadline_ms = GENEROUS_MS;
	assert_int_equal(start(world, &call, &outcome), 0);
	peer_settle(world->base, 20);
	calls_drop(world->calls, &outcome);
	assert_int_equal(start(world, &call, &outcome), 0);
	peer_settle(world->base, 20);
	calls_free(world->calls);
	world->calls = NULL;
	assert_int_equal(outcome.error, -ECANCELED);
	for (int i = 0; i < 3; i++) {
		(void)sem_wait(&resolver_hangs);
		(void)sem_post(&resolver_goes_on);
	}
}

static void nobody_there(void **state)
{
	struct world *world = *state;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char url[100];
	struct call call = {.url = url};

	assert_int_equal(
	    bind(fd, (struct sockaddr *)&at, sizeof(at)), 0); /* taken, not listening */
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", peer_port_of(fd));
	assert_int_equal(start(world, &call, &world->outcome), 0);
	assert_int_equal(world->outcome.n, 0);
	peer_wait(world->base, &world->outcome.n, 1);
	assert_int_equal(world->outcome.error, -EHOSTUNREACH);
	assert_true(world->outcome.why[0] != '\0');
	(void)close(fd);
}

static void longest_body(void **state)
{
	const struct outcome *outcome =
	    call_out(*state, "/thousand", (struct call){.body_max = 1000});

	assert_int_equal(outcome->error, 0);
	assert_int_equal(strlen(outcome->body), 1000);
	outcome = call_out(*state, "/thousand", (struct call){.body_max = 999});
	assert_int_equal(outcome->error, -E2BIG);
	assert_int_equal(outcome->status, 0);
	assert_string_equal(outcome->body, "");
}

/* What a raw server answers with, and what becomes of it. */
static int raw_call(struct world *world, const char *bytes, size_t len)
{
	struct peer_raw raw;
	unsigned port;
	char url[100];
	struct call call = {.url = url};

	peer_raw_open(world->base, &raw, bytes, len, &port);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
	assert_int_equal(start(world, &call, &world->outcome), 0);
	peer_wait(world->base, &world->outcome.n, 1);
	assert_int_equal(raw.asked, 1);
	evconnlistener_free(raw.listener);
	return world->outcome.error;
}

static void broken_answers(void **state)
{
	static const struct {
		const char *bytes;
		int error;
	} rows[] = {
	    {"", -EHOSTUNREACH},
	    {"HTTP/1.1 200 OK\r\n", -EHOSTUNREACH},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", -EHOSTUNREACH},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", -EHOSTUNREACH},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", -EHOSTUNREACH},
	    {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
		-EHOSTUNREACH},
	    {"no HTTP at all", -EHOSTUNREACH},
	    {"HTTP/1.1 100 Continue\r\nCache-Control: max-age=5\r\n\r\n"
	     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		0},
	};

	for (size_t i = 0; i < N(rows); i++) {
		int error = raw_call(*state, rows[i].bytes, strlen(rows[i].bytes));
		if (error != rows[i].error)
			fail_msg("row %zu: %d", i, error);
	}
	assert_int_equal(((struct world *)*state)->outcome.max_age_s, -1);
}

static void flood_of_headers(void **state)
{
	static const char line[] =
	    "X-Flood: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";
	size_t len = 20, cap = CALL_HEADS_MAX + 1000;
	char *bytes = malloc(cap);

	memcpy(bytes, "HTTP/1.1 200 OK\r\n\r\n ", len);
	for (len = 17; len + sizeof(line) < cap; len += sizeof(line) - 1)
		memcpy(bytes + len, line, sizeof(line));
	assert_int_equal(raw_call(*state, bytes, len), -E2BIG);
	free(bytes);
}

/* A megabyte of zeros in a kilobyte: what is unpacked counts. */
static void packed_answers(void **state)
{
	static const char plain[] = "{\"packed\":true}";
	static uint8_t zeros[1 << 20];
	char *bytes = malloc(20000);

	for (int bomb = 0; bomb < 2; bomb++) {
		z_stream stream = {0};
		uint8_t packed[8000];
		assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 31, 9, 0), Z_OK);
		stream.next_in = bomb ? zeros : (Bytef *)plain;
		stream.avail_in = bomb ? sizeof(zeros) : sizeof(plain) - 1;
		stream.next_out = packed;
		stream.avail_out = sizeof(packed);
		assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
		int head = snprintf(bytes, 20000,
		    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %lu\r\n\r\n",
		    stream.total_out);
		memcpy(bytes + head, packed, stream.total_out);
		int error = raw_call(*state, bytes, (size_t)head + stream.total_out);
		assert_int_equal(error, bomb ? -E2BIG : 0);
		if (!bomb)
			assert_string_equal(((struct world *)*state)->outcome.body, plain);
		(void)deflateEnd(&stream);
	}
	free(bytes);
}

/* ---- trust ---- */

struct tls_peer {
	int fd;
	bool shaken; /* the handshake was finished: the certificate was taken */
};

static void *serve_tls(void *arg)
{
	struct tls_peer *peer = arg;
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);
	char got[1000];

	(void)X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
	(void)X509_set_issuer_name(certificate, name);
	(void)X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	(void)X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	(void)X509_set_pubkey(certificate, pkey);
	(void)X509_sign(certificate, pkey, EVP_sha256());
	(void)SSL_CTX_use_certificate(context, certificate);
	(void)SSL_CTX_use_PrivateKey(context, pkey);
	int fd = accept(peer->fd, NULL, NULL);
	SSL *ssl = SSL_new(context);
	(void)SSL_set_fd(ssl, fd);
	peer->shaken = SSL_accept(ssl) == 1 && SSL_read(ssl, got, sizeof(got)) > 0 &&
		       SSL_write(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 38) == 38;
	SSL_free(ssl);
	(void)close(fd);
	SSL_CTX_free(context);
	X509_free(certificate);
	EVP_PKEY_free(pkey);
	return NULL;
}

static void nobody_vouches_for_it(void **state)
{
	struct world *world = *state;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct tls_peer peer = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
	char url[100];
	struct call call = {.url = url};
	pthread_t thread;

	assert_int_equal(bind(peer.fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(peer.fd, 4), 0);
	(void)snprintf(url, sizeof(url), "https://localhost:%u/", peer_port_of(peer.fd));
	assert_int_equal(pthread_create(&thread, NULL, serve_tls, &peer), 0);
	assert_int_equal(start(world, &call, &world->outcome), 0);
	peer_wait(world->base, &world->outcome.n, 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(world->outcome.error, -EHOSTUNREACH);
	assert_non_null(strstr(world->outcome.why, "certificate"));
	assert_false(peer.shaken);
	(void)close(peer.fd);
}

/* ---- ends ---- */

static void freed_while_under_way(void **state)
{
	struct world *world = *state;
	struct outcome outcomes[3];
	char url[100];
	struct call call = {.url = url};

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/slow", world->port);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(start(world, &call, &outcomes[i]), 0);
	peer_wait(world->base, &world->held, 2);
	assert_int_equal(start(world, &call, &outcomes[2]), 0); /* this one has not even begun */
	calls_free(world->calls);
	world->calls = NULL;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(outcomes[i].n, 1);
		assert_int_equal(outcomes[i].error, -ECANCELED);
	}
	peer_settle(world->base, 20);
}

static void dropped_while_under_way(void **state)
{
	struct world *world = *state;
	struct outcome dropped, kept;
	char url[100];
	struct call call = {.url = url};

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/slow", world->port);
	assert_int_equal(start(world, &call, &dropped), 0);
	assert_int_equal(start(world, &call, &kept), 0);
	peer_wait(world->base, &world->held, 2);
	calls_drop(world->calls, &dropped);
	for (unsigned i = 0; i < world->held; i++)
		peer_reply(world->hold[i], 200, "text/plain", "x");
	peer_wait(world->base, &kept.n, 1);
	peer_settle(world->base, 20);
	assert_int_equal(kept.error, 0);
	assert_int_equal(dropped.n, 0);
}

/* A callback starts the next call, and drops another. */
struct chain {
	struct world *world;
	struct outcome other, next;
	unsigned n;
	int r;
	char url[100];
};

static void on_chain(void *arg, int error, const struct call_answer *answer)
{
	struct chain *chain = arg;
	struct call call = {.url = chain->url};

	(void)answer;
	chain->r = error;
	calls_drop(chain->world->calls, &chain->other);
	if (chain->r == 0)
		chain->r = start(chain->world, &call, &chain->next);
	chain->n++;
}

static void callbacks_start_and_drop(void **state)
{
	struct chain chain = {.world = *state};
	struct world *world = *state;
	char slow[100];
	struct call call = {.url = slow};

	(void)snprintf(chain.url, sizeof(chain.url), "http://127.0.0.1:%u/next", world->port);
	(void)snprintf(slow, sizeof(slow), "http://127.0.0.1:%u/slow", world->port);
	assert_int_equal(start(world, &call, &chain.other), 0);
	call = (struct call){.url = chain.url, .body_max = 100, .deadline_ms = GENEROUS_MS};
	assert_int_equal(calls_start(world->calls, &call, on_chain, &chain), 0);
	peer_wait(world->base, &chain.n, 1);
	assert_int_equal(chain.r, 0);
	peer_wait(world->base, &chain.next.n, 1);
	assert_int_equal(chain.next.error, 0);
	assert_int_equal(chain.other.n, 0);
}

int main(void)
{
	(void)sem_init(&resolver_goes_on, 0, 0);
	(void)sem_init(&resolver_hangs, 0, 0);

#define ROW(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)
	const struct CMUnitTest tests[] = {
	    ROW(get_and_post),
	    ROW(every_status_is_an_answer),
	    ROW(cache_control),
	    ROW(nothing_from_the_environment),
	    ROW(where_calls_may_go),
	    ROW(what_is_not_started),
	    ROW(many_at_once),
	    ROW(connections_are_kept),
	    ROW(deadline_while_the_loop_goes_on),
	    ROW(resolver_that_hangs),
	    ROW(nobody_there),
	    ROW(longest_body),
	    ROW(broken_answers),
	    ROW(flood_of_headers),
	    ROW(packed_answers),
	    ROW(nobody_vouches_for_it),
	    ROW(freed_while_under_way),
	    ROW(dropped_while_under_way),
	    ROW(callbacks_start_and_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
