/* http/server, conn, head, reply: a real server on a loopback port, asked rightly and wrongly. */
#include "http_harness.h"

#include <fcntl.h>
#include <assert.h>
#include <sys/resource.h>

#define GET(path)  "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define LAST(path) "GET " path " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

/* ---- handlers ---- */

static struct request *kept[8]; /* by handle_keep, answered by the test */
static size_t n_kept;

static void handle_echo(void *app, struct request *req)
{
	char text[512];
	(void)app;

	int n = snprintf(text, sizeof(text), "[%.*s|%.*s|%.*s|%.*s]", (int)req->path.len,
	    req->path.ptr, (int)req->query.len, req->query.len ? req->query.ptr : "",
	    (int)req->params[0].len, req->params[0].len ? req->params[0].ptr : "",
	    (int)(req->body.len < 64 ? req->body.len : 64), req->body.len ? req->body.ptr : "");
	reply_bytes(req, 200, "text/plain", slice_make(text, (size_t)n), NULL, 0);
}

static void handle_length(void *app, struct request *req)
{
	char text[32];
	uint32_t sum = 0;
	(void)app;

	for (size_t i = 0; i < req->body.len; i++)
		sum = sum * 31 + (unsigned char)req->body.ptr[i];
	int n = snprintf(text, sizeof(text), "[%zu:%u]", req->body.len, sum);
	reply_bytes(req, 200, "text/plain", slice_make(text, (size_t)n), NULL, 0);
}

static void handle_keep(void *app, struct request *req)
{
	(void)app;
	assert(n_kept < sizeof(kept) / sizeof(kept[0]));
	kept[n_kept++] = req;
}

static void handle_json(void *app, struct request *req)
{
	(void)app;
	const struct reply_header headers[] = {{"ETag", "\"7\""}, {"cache-control", "max-age=1"}};
	reply_json(req, 201, json_pack("{s:s}", "name", "\xec\x86\x8c\xeb\xa6\xac"), headers, 2);
}

static void handle_large(void *app, struct request *req)
{
	(void)app;
	char *bytes = malloc(400000);
	memset(bytes, 'x', 400000);
	reply_bytes(req, 200, "text/plain", slice_make(bytes, 400000), NULL, 0);
	free(bytes);
}

static void handle_problem(void *app, struct request *req)
{
	(void)app;
	int status = (req->params[0].ptr[0] - '0') * 100 + (req->params[0].ptr[1] - '0') * 10 +
		     (req->params[0].ptr[2] - '0');
	reply_problem(req, &(struct problem){
			       .status = status,
			       .type = "some-slug",
			       .title = "Some",
			       .detail = "of it",
			       .www_authenticate = status == 401 ? "Bearer" : NULL,
			       .members = json_pack("{s:i}", "extra", 7),
			   });
}

static const struct route routes[] = {
    {METHOD_GET | METHOD_POST | METHOD_PUT | METHOD_DELETE, "/echo", handle_echo, 0, 2048, NULL},
    {METHOD_GET, "/echo/:name", handle_echo, 0, 0, NULL},
    {METHOD_POST, "/length", handle_length, 0, 65536, NULL},
    {METHOD_POST, "/huge", handle_length, 0, 1 << 30, NULL},
    {METHOD_GET | METHOD_POST, "/keep", handle_keep, 0, 64, NULL},
    {METHOD_GET, "/json", handle_json, ROUTE_CORS_ANY, 0, NULL},
    {METHOD_GET, "/large", handle_large, 0, 0, NULL},
    {METHOD_GET, "/problem/:status", handle_problem, ROUTE_CORS_PAGES, 0, NULL},
    {METHOD_POST | METHOD_GET, "/ballots", handle_echo, ROUTE_CORS_PAGES | ROUTE_PRIVATE, 1024,
	NULL},
    {METHOD_GET, "/split", handle_echo, ROUTE_CORS_ANY, 0, NULL},
    {METHOD_PUT, "/split", handle_echo, ROUTE_CORS_PAGES, 64, NULL},
    {0, NULL, NULL, 0, 0, NULL},
};

static const char *const page_origins[] = {"https://pages.example", "https://other.example", NULL};

static struct server_options plain_options(void)
{
	return (struct server_options){
	    .routes = routes,
	    .page_origins = page_origins,
	    .limits = ample_limits,
	    .access_log_fd = -1,
	};
}

/* ---- what is refused and what is not ---- */

#define P "POST /length HTTP/1.1\r\nHost: a\r\n"
#define G "GET /echo HTTP/1.1\r\nHost: a\r\n"
#define ROW(name, status, bytes)                                                                   \
	{                                                                                          \
		name, status,                                                                      \
		{                                                                                  \
			bytes, sizeof(bytes) - 1                                                   \
		}                                                                                  \
	}

/* Each is sent whole and followed by a good request, which must never be answered where the status
 * is an error: that would be a desync. */
static const struct {
	const char *name;
	int status;
	struct slice bytes;
} judged[] = {
    ROW("plain", 200, G "\r\n"),
    ROW("1.0", 200, "GET /echo HTTP/1.0\r\n\r\n"),
    ROW("1.0 with Host", 200, "GET /echo HTTP/1.0\r\nHost: a\r\n\r\n"),
    ROW("one empty line before", 200, "\r\n" G "\r\n"),
    ROW("HEAD", 200, "HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n"),
    ROW("no value's whitespace", 200, "GET /echo HTTP/1.1\r\nHost:a\r\n\r\n"),
    ROW("tabs around a value", 200, "GET /echo HTTP/1.1\r\nHost:\ta\t\r\n\r\n"),
    ROW("empty value", 200, G "X:\r\n\r\n"),
    ROW("obs-text in a value", 200, G "User-Agent: \xed\x95\x9c\r\n\r\n"),
    ROW("Content-Length 0 on GET", 200, G "Content-Length: 0\r\n\r\n"),
    ROW("POST without length", 200, P "\r\n"),
    ROW("POST with a body", 200, P "Content-Length: 3\r\n\r\nabc"),
    ROW("leading zeros", 200, P "Content-Length: 0003\r\n\r\nabc"),
    ROW("Upgrade is ignored", 200, G "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
    ROW("h2c is ignored", 200, G "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"),
    ROW("Upgrade with a body", 200,
	P "Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\nabc"),
    ROW("Expect of 1.0 is ignored", 200, "GET /echo HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"),
    ROW("IPv6 Host", 200, "GET /echo HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"),
    ROW("several Accept", 200, G "Accept: a/b\r\nAccept: text/html\r\n\r\n"),
    ROW("unescaped query", 200, "GET /echo?a=|[]{}^\"\\ HTTP/1.1\r\nHost: a\r\n\r\n"),

    ROW("no Host", 400, "GET /echo HTTP/1.1\r\n\r\n"),
    ROW("two Hosts", 400, G "Host: a\r\n\r\n"),
    ROW("two different Hosts", 400, G "host: b\r\n\r\n"),
    ROW("empty Host", 400, "GET /echo HTTP/1.1\r\nHost:\r\n\r\n"),
    ROW("blank Host", 400, "GET /echo HTTP/1.1\r\nHost:  \r\n\r\n"),
    ROW("Host with a space", 400, "GET /echo HTTP/1.1\r\nHost: a b\r\n\r\n"),
    ROW("Host with a list", 400, "GET /echo HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    ROW("Host with a path", 400, "GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    ROW("Host with userinfo", 400, "GET /echo HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    ROW("two Hosts in 1.0", 400, "GET /echo HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"),

    ROW("chunked", 411, P "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ROW("chunked GET", 411, G "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ROW("chunked in 1.0", 411,
	"POST /length HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ROW("CL.TE", 411, P "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ROW("TE.CL", 411, P "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    ROW("TE.TE", 411,
	P "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
    ROW("xchunked", 411, P "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ROW("identity", 411, P "Transfer-Encoding: identity\r\n\r\n"),
    ROW("empty Transfer-Encoding", 411, P "Transfer-Encoding:\r\n\r\n"),
    ROW("TE with a space", 400, P "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    ROW("TE behind a tab", 400, P "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"),
    ROW("TE folded", 400, P "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    ROW("TE behind VT", 400,
	P "Transfer-Encoding:\x0b"
	  "chunked\r\n\r\n0\r\n\r\n"),
    ROW("TE behind a bare CR", 400, P "X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ROW("TE behind a bare LF", 400, P "X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),

    ROW("two lengths", 400, P "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    ROW("two equal lengths", 400, P "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
    ROW("a list of lengths", 400, P "Content-Length: 3, 3\r\n\r\nabc"),
    ROW("signed length", 400, P "Content-Length: +3\r\n\r\nabc"),
    ROW("negative length", 400, P "Content-Length: -3\r\n\r\nabc"),
    ROW("hex length", 400, P "Content-Length: 0x3\r\n\r\nabc"),
    ROW("empty length", 400, P "Content-Length:\r\n\r\nabc"),
    ROW("length with a space inside", 400, P "Content-Length: 1 3\r\n\r\nabc"),
    ROW("length of 2^64", 400, P "Content-Length: 18446744073709551616\r\n\r\nabc"),
    ROW("length of 2^64 + 3", 400, P "Content-Length: 18446744073709551619\r\n\r\nabc"),
    ROW("folded length", 400, P "Content-Length:\r\n 3\r\n\r\nabc"),
    ROW("length before a space", 400, P "Content-Length : 3\r\n\r\nabc"),
    ROW("Content_Length is another field", 200, P "Content_Length: 3\r\n\r\n"),
    ROW("body on GET", 400, G "Content-Length: 3\r\n\r\nabc"),
    ROW("body on HEAD", 400, "HEAD /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"),
    ROW("too large a body", 413, P "Content-Length: 65537\r\n\r\nabc"),
    ROW("too large for the server", 413,
	"POST /huge HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\nabc"),
    ROW("body where none is taken", 405,
	"DELETE /echo/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"),
    ROW("body for an unknown path", 404,
	"POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"),

    ROW("obs-fold", 400, G "X: a\r\n b\r\n\r\n"),
    ROW("obs-fold with a tab", 400, G "X: a\r\n\tb\r\n\r\n"),
    ROW("fold before the first field", 400, "GET /echo HTTP/1.1\r\n Host: a\r\n\r\n"),
    ROW("space before colon", 400, G "X : a\r\n\r\n"),
    ROW("empty name", 400, G ": a\r\n\r\n"),
    ROW("no colon", 400, G "X\r\n\r\n"),
    ROW("a name with a slash", 400, G "X/Y: a\r\n\r\n"),
    ROW("a name with UTF-8", 400, G "\xc3\xa9: a\r\n\r\n"),
    ROW("NUL in a name", 400, G "X\0Y: a\r\n\r\n"),
    ROW("NUL in a value", 400, G "X: a\0b\r\n\r\n"),
    ROW("NUL in the target", 400, "GET /ec\0ho HTTP/1.1\r\nHost: a\r\n\r\n"),
    ROW("control character", 400, G "X: a\x01\r\n\r\n"),
    ROW("DEL", 400, G "X: a\x7f\r\n\r\n"),
    ROW("bare LF", 400, "GET /echo HTTP/1.1\nHost: a\n\n"),
    ROW("bare LF at the end", 400, "GET /echo HTTP/1.1\r\nHost: a\r\n\n"),
    ROW("bare LF after a field", 400, "GET /echo HTTP/1.1\r\nHost: a\n\r\n"),
    ROW("bare CR", 400, "GET /echo HTTP/1.1\rHost: a\r\r"),
    ROW("CR CR LF", 400, "GET /echo HTTP/1.1\r\r\nHost: a\r\n\r\n"),
    ROW("two empty lines before", 400, "\r\n\r\n" G "\r\n"),
    ROW("LF before", 400, "\n" G "\r\n"),
    ROW("space before", 400, " " G "\r\n"),

    ROW("0.9", 400, "GET /echo\r\n\r\n"),
    ROW("version 0.9", 505, "GET /echo HTTP/0.9\r\nHost: a\r\n\r\n"),
    ROW("version 1.2", 505, "GET /echo HTTP/1.2\r\nHost: a\r\n\r\n"),
    ROW("version 2.0", 505, "GET /echo HTTP/2.0\r\nHost: a\r\n\r\n"),
    ROW("preface of HTTP/2", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ROW("version 1.10", 400, "GET /echo HTTP/1.10\r\nHost: a\r\n\r\n"),
    ROW("version 01.1", 400, "GET /echo HTTP/01.1\r\nHost: a\r\n\r\n"),
    ROW("small http", 400, "GET /echo http/1.1\r\nHost: a\r\n\r\n"),
    ROW("RTSP", 400, "GET /echo RTSP/1.0\r\nHost: a\r\n\r\n"),
    ROW("ICE", 400, "SOURCE /echo ICE/1.0\r\nHost: a\r\n\r\n"),
    ROW("two spaces", 400, "GET  /echo HTTP/1.1\r\nHost: a\r\n\r\n"),
    ROW("two spaces before the version", 400, "GET /echo  HTTP/1.1\r\nHost: a\r\n\r\n"),
    ROW("space at the end", 400, "GET /echo HTTP/1.1 \r\nHost: a\r\n\r\n"),
    ROW("tab for a space", 400, "GET\t/echo HTTP/1.1\r\nHost: a\r\n\r\n"),
    ROW("space in the target", 400, "GET /ec ho HTTP/1.1\r\nHost: a\r\n\r\n"),
    ROW("UTF-8 in the target", 400, "GET /\xed\x95\x9c HTTP/1.1\r\nHost: a\r\n\r\n"),
    ROW("UTF-8 in the query", 400, "GET /echo?\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ROW("fragment", 400, "GET /echo#x HTTP/1.1\r\nHost: a\r\n\r\n"),
    ROW("absolute form", 400, "GET http://a/echo HTTP/1.1\r\nHost: a\r\n\r\n"),
    ROW("asterisk", 400, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
    ROW("no target", 400, "GET HTTP/1.1\r\nHost: a\r\n\r\n"),
    ROW("relative", 400, "GET echo HTTP/1.1\r\nHost: a\r\n\r\n"),
    ROW("CONNECT", 501, "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ROW("TRACE", 501, "TRACE /echo HTTP/1.1\r\nHost: a\r\n\r\n"),
    ROW("PATCH", 501, "PATCH /echo HTTP/1.1\r\nHost: a\r\n\r\n"),
    ROW("small get", 501, "get /echo HTTP/1.1\r\nHost: a\r\n\r\n"),
    ROW("GETX", 501, "GETX /echo HTTP/1.1\r\nHost: a\r\n\r\n"),
    ROW("no method", 400, "/echo HTTP/1.1\r\nHost: a\r\n\r\n"),
    ROW("TLS", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    ROW("SOCKS", 400, "\x05\x01\x00"),

    ROW("another expectation", 417, P "Expect: 200-ok\r\nContent-Length: 3\r\n\r\nabc"),
    ROW("two expectations", 417, P "Expect: 100-continue, x\r\nContent-Length: 3\r\n\r\nabc"),
    ROW("two Authorizations", 400, G "Authorization: a\r\nAuthorization: a\r\n\r\n"),
    ROW("two Content-Types", 400, P "Content-Type: a/b\r\nContent-Type: a/b\r\n\r\n"),
    ROW("two If-Matches", 400, G "If-Match: \"1\"\r\nIf-Match: \"1\"\r\n\r\n"),
    ROW("two Origins", 400, G "Origin: a\r\norigin: a\r\n\r\n"),
};
#define N_JUDGED (sizeof(judged) / sizeof(judged[0]))

static void judges_requests(void **state)
{
	(void)state;
	struct rig rig;
	size_t wrong = 0;

	rig_open(&rig, plain_options());
	for (size_t i = 0; i < N_JUDGED; i++) {
		struct peer peer;
		bool good = judged[i].status == 200;
		peer_open(&rig, &peer);
		peer_send(&peer, judged[i].bytes);
		peer_say(&peer, LAST("/echo/next"));
		bool ended = peer_awaits_end(&peer);
		bool once = peer_count(&peer, "\r\nDate: ") == 1;
		bool followed = peer_got(&peer, "[/echo/next||next|]");
		bool is_1_0 = memmem(judged[i].bytes.ptr, judged[i].bytes.len, "HTTP/1.0", 8);
		bool as_wanted = ended && peer_status(&peer) == judged[i].status &&
				 (good && !is_1_0 ? followed : once && !followed);
		if (!as_wanted) {
			print_error("%s: wanted %d, got %d: %.*s\n", judged[i].name,
			    judged[i].status, peer_status(&peer), (int)peer.got.len,
			    peer.got.len ? peer.got.data : "");
			wrong++;
		}
		if (judged[i].status >= 400 && judged[i].status != 404 && judged[i].status != 405)
			assert_true(peer_got(&peer, "Content-Type: application/problem+json\r\n"));
		peer_close(&peer);
	}
	assert_int_equal(wrong, 0);
	rig_close(&rig);
}

/* The same judgement however the bytes are cut. */
static void judges_the_same_byte_by_byte(void **state)
{
	(void)state;
	struct rig rig;
	struct server_options options = plain_options();
	size_t wrong = 0;

	options.limits.head_ms = options.limits.body_ms = 60000;
	rig_open(&rig, options);
	for (size_t i = 0; i < N_JUDGED; i++) {
		struct peer peer;
		peer_open(&rig, &peer);
		for (size_t at = 0; at < judged[i].bytes.len; at++) {
			peer_send(&peer, slice_make(judged[i].bytes.ptr + at, 1));
			event_base_loop(rig.base, EVLOOP_NONBLOCK);
			server_flush(rig.server);
		}
		shutdown(peer.fd, SHUT_WR);
		if (!peer_awaits_end(&peer) || peer_status(&peer) != judged[i].status) {
			print_error("%s: wanted %d, got %d\n", judged[i].name, judged[i].status,
			    peer_status(&peer));
			wrong++;
		}
		peer_close(&peer);
	}
	assert_int_equal(wrong, 0);
	rig_close(&rig);
}

static void takes_a_request_split_anywhere(void **state)
{
	(void)state;
	static const char good[] =
	    "\r\nPOST /echo?q=1 HTTP/1.1\r\nHost: a\r\nX: y\r\n"
	    "Content-Length: 11\r\n\r\nhello world"
	    "GET /echo/second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
	struct rig rig;

	rig_open(&rig, plain_options());
	for (size_t at = 1; at < sizeof(good) - 1; at++) {
		struct peer peer;
		peer_open(&rig, &peer);
		peer_send(&peer, slice_make(good, at));
		rig_settle(&rig);
		peer_send(&peer, slice_make(good + at, sizeof(good) - 1 - at));
		assert_true(peer_awaits_end(&peer));
		assert_int_equal(peer_count(&peer, "HTTP/1.1 200 OK\r\n"), 2);
		const char *first =
		    memmem(peer.got.data, peer.got.len, "[/echo|q=1||hello world]", 24);
		const char *second =
		    memmem(peer.got.data, peer.got.len, "[/echo/second||second|]", 23);
		assert_non_null(first);
		assert_true(second > first);
		peer_close(&peer);
	}
	rig_close(&rig);
}

static void overlooks_an_empty_line_before_each_request(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peer;

	rig_open(&rig, plain_options());
	rig_ask(&rig, &peer, "\r\n" GET("/echo") "\r\n" GET("/echo") "\r\n" LAST("/echo/last"));
	assert_int_equal(peer_count(&peer, "HTTP/1.1 200 OK"), 3);
	peer_close(&peer);
	rig_close(&rig);
}

static void reads_large_bodies(void **state)
{
	(void)state;
	struct rig rig;
	char *request = malloc(70000), want[64];

	rig_open(&rig, plain_options());
	const size_t sizes[] = {1, 4000, 8000, 8192, 20000, 65535, 65536};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct peer peer;
		uint32_t sum = 0;
		int head = snprintf(request, 200, P "Content-Length: %zu\r\n\r\n", sizes[i]);
		for (size_t k = 0; k < sizes[i]; k++) {
			request[(size_t)head + k] = (char)(k * 7 + i);
			sum = sum * 31 + (unsigned char)request[(size_t)head + k];
		}
		peer_open(&rig, &peer);
		peer_send(&peer, slice_make(request, (size_t)head + sizes[i]));
		peer_say(&peer, LAST("/echo"));
		assert_true(peer_awaits_end(&peer));
		snprintf(want, sizeof(want), "[%zu:%u]", sizes[i], sum);
		assert_true(peer_got(&peer, want));
		assert_true(peer_got(&peer, "[/echo|||]"));
		peer_close(&peer);
	}
	free(request);
	rig_close(&rig);
}

static void continues_only_when_the_body_is_wanted(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peer;

	rig_open(&rig, plain_options());
	peer_open(&rig, &peer);
	peer_say(&peer, P "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	assert_true(peer_awaits(&peer, "HTTP/1.1 100 Continue\r\n\r\n", 1));
	peer_say(&peer, "abc");
	assert_true(peer_awaits(&peer, "[3:", 1));
	assert_int_equal(peer_count(&peer, "HTTP/1.1 "), 2);
	peer_forget(&peer);
	peer_say(&peer, P "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc");
	assert_true(peer_awaits(&peer, "[3:", 1));
	assert_false(peer_got(&peer, " 100 "));
	peer_close(&peer);

	peer_open(&rig, &peer);
	peer_say(&peer, P "Expect: 100-continue\r\nContent-Length: 70000\r\n\r\n");
	assert_true(peer_awaits_end(&peer));
	assert_int_equal(peer_status(&peer), 413);
	peer_close(&peer);
	rig_close(&rig);
}

static void answers_pipelined_requests_in_order(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peer;
	char text[128];

	rig_open(&rig, plain_options());
	peer_open(&rig, &peer);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "GET /echo/n%04d HTTP/1.1\r\nHost: a\r\n\r\n", i);
		peer_say(&peer, text);
	}
	assert_true(peer_awaits(&peer, "HTTP/1.1 200 OK", 1000));
	const char *at = peer.got.data;
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "[/echo/n%04d||n%04d|]", i, i);
		at = memmem(at, (size_t)(peer.got.data + peer.got.len - at), text, strlen(text));
		assert_non_null(at);
	}
	peer_close(&peer);
	rig_close(&rig);
}

static bool one_is_kept(void *arg)
{
	return n_kept >= *(size_t *)arg;
}

/* A long pipeline waits its turn: another's single request is answered early on. */
static void takes_turns(void **state)
{
	enum { MANY = 100 };
	struct rig rig;
	struct peer hog, other;
	(void)state;

	rig_open(&rig,
	    (struct server_options){.routes = routes, .limits = ample_limits, .access_log_fd = -1});
	peer_open(&rig, &hog);
	peer_open(&rig, &other);
	rig_settle(&rig);
	char many[MANY * sizeof(GET("/echo"))];
	size_t len = 0;
	for (int i = 0; i < MANY; i++) {
		memcpy(many + len, GET("/echo"), sizeof(GET("/echo")) - 1);
		len += sizeof(GET("/echo")) - 1;
	}
	peer_send(&hog, slice_make(many, len));
	peer_say(&other, GET("/echo/b"));
	while (!peer_got(&other, "/echo/b")) {
		event_base_loop(rig.base, EVLOOP_ONCE);
		server_flush(rig.server);
	}
	assert_true(rig.stats.requests < MANY / 4);
	assert_true(peer_awaits(&hog, "HTTP/1.1 200", MANY));
	peer_close(&hog);
	peer_close(&other);
	rig_close(&rig);
}

static void await_kept(struct rig *rig, size_t n)
{
	assert_true(rig_wait(rig, one_is_kept, &n));
}

static void answer_kept(size_t i, const char *text)
{
	reply_bytes(kept[i], 200, "text/plain", slice_text(text), NULL, 0);
}

static void holds_the_next_until_the_reply(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peer;

	n_kept = 0;
	rig_open(&rig, plain_options());
	peer_open(&rig, &peer);
	peer_say(&peer, GET("/keep") GET("/echo/later") GET("/keep"));
	await_kept(&rig, 1);
	rig_settle(&rig);
	assert_int_equal(peer.got.len, 0);
	assert_int_equal(n_kept, 1);
	answer_kept(0, "[first]");
	await_kept(&rig, 2);
	answer_kept(1, "[last]");
	assert_true(peer_awaits(&peer, "[last]", 1));
	const char *later = memmem(peer.got.data, peer.got.len, "[/echo/later", 12);
	assert_true(later > (const char *)memmem(peer.got.data, peer.got.len, "[first]", 7));
	peer_close(&peer);
	rig_close(&rig);
}

/* Bytes behind a request in hand must neither move its slices nor make the loop spin. */
static void keeps_the_request_still_while_more_comes(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peer;

	n_kept = 0;
	rig_open(&rig, plain_options());
	peer_open(&rig, &peer);
	peer_say(&peer, "POST /keep?query HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
	await_kept(&rig, 1);
	for (int i = 0; i < 400; i++) {
		peer_say(&peer, GET("/echo"));
		event_base_loop(rig.base, EVLOOP_NONBLOCK);
	}
	rig_settle(&rig);
	assert_true(slice_is(kept[0]->query, "query"));
	assert_true(slice_is(kept[0]->body, "body"));
	/* With the buffer full nothing is left to wake the loop. */
	assert_true(rig_turns_in(&rig, 40) < 20);
	answer_kept(0, "[kept]");
	assert_true(peer_awaits(&peer, "HTTP/1.1 200 OK", 401));
	peer_close(&peer);
	rig_close(&rig);
}

static bool all_closed(void *arg)
{
	struct rig *rig = arg;
	return rig->stats.closed == rig->stats.accepted && rig->stats.accepted > 0;
}

static void survives_peers_that_leave(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peer;
	struct linger reset = {1, 0};

	n_kept = 0;
	rig_open(&rig, plain_options());
	peer_open(&rig, &peer);
	peer_say(&peer, GET("/keep"));
	await_kept(&rig, 1);
	setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	peer_close(&peer);
	assert_true(rig_wait(&rig, all_closed, &rig)); /* noticed while in hand */
	assert_true(slice_is(kept[0]->path, "/keep"));
	answer_kept(0, "to nobody");
	server_flush(rig.server);
	assert_true(server_is_idle(rig.server));

	/* Half-closed: the reply still goes out. */
	peer_open(&rig, &peer);
	peer_say(&peer, GET("/keep"));
	shutdown(peer.fd, SHUT_WR);
	await_kept(&rig, 2);
	answer_kept(1, "[half]");
	assert_true(peer_awaits_end(&peer));
	assert_true(peer_got(&peer, "[half]"));
	peer_close(&peer);

	/* Half a head, half a body, nothing. */
	const char *const unfinished[] = {"GET /ec", P "Content-Length: 9\r\n\r\nabc", ""};
	for (size_t i = 0; i < 3; i++) {
		peer_open(&rig, &peer);
		peer_say(&peer, unfinished[i]);
		shutdown(peer.fd, SHUT_WR);
		assert_true(peer_awaits_end(&peer));
		assert_int_equal(peer.got.len, 0);
		peer_close(&peer);
	}
	assert_true(rig_wait(&rig, all_closed, &rig));
	rig_close(&rig);
}

/* ---- limits ---- */

static void keeps_deadlines(void **state)
{
	(void)state;
	static const struct {
		const char *name, *text;
		int status;
	} slow[] = {
	    {"silence", "", 0},
	    {"half a head", "GET /echo HTTP/1.1\r\nHost: a\r\n", 408},
	    {"half a body", P "Content-Length: 9\r\n\r\nabc", 408},
	    {"idle after a reply", GET("/echo"), 200},
	    {"half a second head", GET("/echo") "GET /", 200},
	};
	struct rig rig;
	struct server_options options = plain_options();

	options.limits.head_ms = options.limits.body_ms = options.limits.idle_ms = 50;
	rig_open(&rig, options);
	for (size_t i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
		struct peer peer;
		int64_t start_ms = clock_steady_ms();
		assert_int_equal(rig_ask(&rig, &peer, slow[i].text), slow[i].status);
		assert_true(clock_steady_ms() - start_ms >= 45);
		if (i == 4)
			assert_true(peer_got(&peer, "HTTP/1.1 408 "));
		peer_close(&peer);
	}
	assert_int_equal(rig.stats.timeouts, 4);
	rig_close(&rig);
}

struct drip {
	struct peer *peer;
	struct event timer;
	unsigned sent;
};

static void on_drip(evutil_socket_t fd, short what, void *arg)
{
	struct drip *drip = arg;
	(void)fd;
	(void)what;
	if (!drip->peer->ended && send(drip->peer->fd, "x", 1, MSG_NOSIGNAL) == 1)
		drip->sent++;
}

/* The deadline is absolute: a byte every few milliseconds does not move it. */
static void a_slow_drip_does_not_move_the_deadline(void **state)
{
	(void)state;
	static const char *const starts[] = {"GET /", P "Content-Length: 60000\r\n\r\n"};
	struct rig rig;
	struct server_options options = plain_options();
	struct timeval every = {0, 4000};

	options.limits.head_ms = options.limits.body_ms = 400;
	rig_open(&rig, options);
	for (size_t i = 0; i < 2; i++) {
		struct peer peer;
		peer_open(&rig, &peer);
		struct drip drip = {.peer = &peer};
		event_assign(&drip.timer, rig.base, -1, EV_PERSIST, on_drip, &drip);
		event_add(&drip.timer, &every);
		peer_say(&peer, starts[i]);
		assert_true(peer_awaits(&peer, "HTTP/1.1 408 ", 1));
		assert_true(drip.sent >= 2);
		event_del(&drip.timer);
		peer_close(&peer);
	}
	rig_close(&rig);
}

static void drops_who_does_not_read(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peer;
	struct server_options options = plain_options();

	options.limits.write_ms = 50;
	rig_open(&rig, options);
	peer_open(&rig, &peer);
	peer_stop_reading(&peer);
	for (int i = 0; i < 60; i++)
		peer_say(&peer, GET("/large"));
	assert_true(rig_wait(&rig, all_closed, &rig));
	/* Backpressure: what it did not read was not even made. */
	assert_true(rig.stats.requests < 60);
	assert_int_equal(rig.stats.timeouts, 1);
	peer_close(&peer);
	rig_close(&rig);
}

static bool has_all_large(void *arg)
{
	return ((struct peer *)arg)->got.len >= 60 * 400000;
}

static void goes_on_with_who_reads_late(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peer;

	rig_open(&rig, plain_options());
	peer_open(&rig, &peer);
	peer_stop_reading(&peer);
	for (int i = 0; i < 60; i++)
		peer_say(&peer, GET("/large"));
	rig_settle(&rig);
	assert_true(rig.stats.requests < 60);
	peer_listen(&peer);
	assert_true(rig_wait(&rig, has_all_large, &peer));
	assert_true(peer_awaits(&peer, "HTTP/1.1 200 OK", 60));
	peer_close(&peer);
	rig_close(&rig);
}

static void drops_what_exceeds_the_output_cap(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peer;
	struct server_options options = plain_options();

	options.limits.output_bytes = 300000;
	rig_open(&rig, options);
	assert_int_equal(rig_ask(&rig, &peer, GET("/large")), 0);
	peer_close(&peer);
	assert_int_equal(rig_ask(&rig, &peer, LAST("/echo")), 200);
	peer_close(&peer);
	rig_close(&rig);
}

static void caps_the_head(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peer;
	char *text = malloc(20001);

	rig_open(&rig, plain_options());
	memset(text, 'a', 20000);
	memcpy(text, "GET /", 5);
	text[20000] = '\0';
	assert_int_equal(rig_ask(&rig, &peer, text), 414);
	peer_close(&peer);
	memcpy(text, G "X: ", sizeof(G "X: ") - 1);
	assert_int_equal(rig_ask(&rig, &peer, text), 431);
	peer_close(&peer);
	/* Just fits. */
	memcpy(text + 8192 - 4, "\r\n\r\n", 5);
	peer_open(&rig, &peer);
	peer_say(&peer, text);
	assert_true(peer_awaits(&peer, "[/echo|||]", 1));
	peer_close(&peer);
	free(text);
	rig_close(&rig);
}

static void caps_requests_in_flight(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peers[3];
	struct server_options options = plain_options();

	n_kept = 0;
	options.limits.in_flight = 2;
	rig_open(&rig, options);
	for (size_t i = 0; i < 3; i++)
		peer_open(&rig, &peers[i]);
	peer_say(&peers[0], GET("/keep"));
	peer_say(&peers[1], GET("/keep"));
	await_kept(&rig, 2);
	peer_say(&peers[2], GET("/keep"));
	assert_true(peer_awaits(&peers[2], "/problems#busy", 1));
	assert_int_equal(peer_status(&peers[2]), 503);
	assert_true(peer_got(&peers[2], "Retry-After: 1\r\n"));
	answer_kept(0, "[a]");
	peer_forget(&peers[2]);
	peer_say(&peers[2], GET("/echo"));
	assert_true(peer_awaits(&peers[2], "[/echo|||]", 1));
	answer_kept(1, "[b]");
	assert_true(peer_awaits(&peers[1], "[b]", 1));
	for (size_t i = 0; i < 3; i++)
		peer_close(&peers[i]);
	rig_close(&rig);
}

static void caps_connections(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peers[4];
	struct server_options options = plain_options();

	n_kept = 0;
	options.limits.connections = 2;
	rig_open(&rig, options);
	/* Two busy ones leave no room: the third waits in the backlog, and nothing spins. */
	for (size_t i = 0; i < 3; i++) {
		peer_open(&rig, &peers[i]);
		peer_say(&peers[i], GET("/keep"));
	}
	await_kept(&rig, 2);
	rig_settle(&rig);
	assert_int_equal(n_kept, 2);
	assert_int_equal(rig.stats.accepted, 2);
	assert_true(rig_turns_in(&rig, 40) < 20);
	/* One becomes idle and makes way as soon as somebody wants in. */
	answer_kept(0, "[a]");
	assert_true(peer_awaits(&peers[0], "[a]", 1));
	await_kept(&rig, 3);
	assert_true(peer_awaits_end(&peers[0]));
	answer_kept(1, "[b]");
	assert_true(peer_awaits(&peers[1], "[b]", 1));
	answer_kept(2, "[c]");
	assert_true(peer_awaits(&peers[2], "[c]", 1));
	peer_open(&rig, &peers[3]);
	peer_say(&peers[3], GET("/echo"));
	assert_true(peer_awaits(&peers[3], "[/echo|||]", 1));
	assert_true(peer_awaits_end(&peers[1]));
	for (size_t i = 0; i < 4; i++)
		peer_close(&peers[i]);
	rig_close(&rig);
}

static void pauses_without_descriptors(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peer;
	struct rlimit before, none;
	const char *preloaded = getenv("LD_PRELOAD");

	if (preloaded && strstr(preloaded, "vgpreload")) {
		print_message(
		    "left out: valgrind accepts a connection before it finds the limit, "
		    "and ends it\n");
		skip();
	}
	rig_open(&rig, plain_options());
	peer_open(&rig, &peer);
	peer_say(&peer, LAST("/echo"));
	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = 3; /* below every descriptor in use: accept() gets EMFILE */
	setrlimit(RLIMIT_NOFILE, &none);
	rig_settle(&rig);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(rig.stats.refused, 1); /* once, not once a turn */
	assert_int_equal(rig.stats.accepted, 0);
	assert_true(peer_awaits_end(&peer));
	assert_int_equal(peer_status(&peer), 200);
	peer_close(&peer);
	rig_close(&rig);
}

static void drains(void **state)
{
	(void)state;
	struct rig rig;
	struct peer idle, busy, other;

	n_kept = 0;
	rig_open(&rig, plain_options());
	peer_open(&rig, &idle);
	peer_open(&rig, &busy);
	peer_open(&rig, &other);
	peer_say(&idle, GET("/echo"));
	peer_say(&other, GET("/echo"));
	peer_say(&busy, GET("/keep"));
	await_kept(&rig, 1);
	assert_true(peer_awaits(&idle, "[/echo|||]", 1));
	assert_true(peer_awaits(&other, "[/echo|||]", 1));
	server_drain(rig.server, DRAIN_FOR_SUCCESSOR, 60);
	peer_say(&other, GET("/echo/more"));
	assert_true(peer_awaits_end(&other));
	assert_true(peer_got(&other, "[/echo/more||more|]"));
	assert_int_equal(peer_count(&other, "Connection: close\r\n"), 1);
	assert_true(peer_awaits_end(&idle));
	assert_false(server_is_idle(rig.server));
	answer_kept(0, "[kept]");
	assert_true(peer_awaits_end(&busy));
	assert_true(peer_got(&busy, "[kept]"));
	peer_close(&idle);
	peer_close(&busy);
	peer_close(&other);
	assert_true(rig_wait(&rig, all_closed, &rig));
	assert_true(server_is_idle(rig.server));
	rig_close(&rig);
}

/* ---- replies ---- */

static const struct {
	const char *name, *request;
	int status;
	const char *has[6], *lacks[4];
} replies[] = {
    {"every reply", LAST("/echo"), 200,
	{"X-Content-Type-Options: nosniff\r\n", "Referrer-Policy: no-referrer\r\n",
	    "Cache-Control: no-store\r\n", "Cross-Origin-Resource-Policy: same-origin\r\n",
	    " GMT\r\n", "Connection: close\r\n"},
	{"Access-Control"}},
    {"HEAD has the length and no body",
	"HEAD /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200,
	{"Content-Length: 10\r\n"}, {"[/echo"}},
    {"keep-alive of 1.0", "GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" LAST("/echo/b"),
	200, {"Connection: keep-alive\r\n", "[/echo/b||b|]"}, {NULL}},
    {"close of 1.0", "GET /echo HTTP/1.0\r\n\r\n", 200, {"Connection: close\r\n"}, {"keep-alive"}},
    {"JSON", LAST("/json"), 201,
	{"HTTP/1.1 201 Created\r\n", "Content-Type: application/json\r\n", "ETag: \"7\"\r\n",
	    "cache-control: max-age=1\r\n", "{\"name\":\"\xec\x86\x8c\xeb\xa6\xac\"}",
	    "Content-Length: 17\r\n"},
	{"no-store"}},
    {"any origin", LAST("/json"), 201,
	{"Access-Control-Allow-Origin: *\r\n",
	    "Access-Control-Expose-Headers: ETag, WWW-Authenticate, Retry-After, Tallyd-Turn\r\n",
	    "Cross-Origin-Resource-Policy: cross-origin\r\n"},
	{"Vary", "Allow-Credentials"}},
    {"a page's origin",
	"GET /ballots HTTP/1.1\r\nHost: a\r\nOrigin: https://other.example\r\nConnection: "
	"close\r\n\r\n",
	200,
	{"Access-Control-Allow-Origin: https://other.example\r\n", "Vary: Origin\r\n",
	    "Cross-Origin-Resource-Policy: cross-origin\r\n"},
	{"Allow-Credentials"}},
    {"another origin",
	"GET /ballots HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.example\r\nConnection: "
	"close\r\n\r\n",
	200, {"Vary: Origin\r\n"}, {"Access-Control-Allow-Origin"}},
    {"an origin's prefix",
	"GET /ballots HTTP/1.1\r\nHost: a\r\nOrigin: https://pages.example.evil\r\nConnection: "
	"close\r\n\r\n",
	200, {"Vary: Origin\r\n"}, {"Access-Control-Allow-Origin"}},
    {"CORS on a refused request",
	"POST /ballots HTTP/1.1\r\nHost: a\r\nOrigin: https://pages.example\r\nContent-Length: "
	"9999\r\n\r\n",
	413, {"Access-Control-Allow-Origin: https://pages.example\r\n", "/problems#too-large"},
	{NULL}},
    {"CORS on a wrong method",
	"DELETE /ballots HTTP/1.1\r\nHost: a\r\nOrigin: https://pages.example\r\nConnection: "
	"close\r\n\r\n",
	405,
	{"Access-Control-Allow-Origin: https://pages.example\r\n",
	    "Allow: GET, HEAD, POST, OPTIONS\r\n"},
	{NULL}},
    {"preflight",
	"OPTIONS /ballots HTTP/1.1\r\nHost: a\r\nOrigin: https://pages.example\r\n"
	"Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n",
	204,
	{"Access-Control-Allow-Methods: GET, POST\r\n",
	    "Access-Control-Allow-Headers: Authorization, Content-Type, If-Match, Tallyd-Turn\r\n",
	    "Access-Control-Max-Age: 600\r\n", "Vary: Origin\r\n",
	    "Access-Control-Allow-Origin: https://pages.example\r\n",
	    "Allow: GET, HEAD, POST, OPTIONS\r\n"},
	{"Content-Length", "Allow-Credentials"}},
    {"preflight from elsewhere",
	"OPTIONS /ballots HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.example\r\n"
	"Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n",
	204, {"Vary: Origin\r\n"}, {"Access-Control-Allow"}},
    {"preflight where rows differ",
	"OPTIONS /split HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.example\r\n"
	"Access-Control-Request-Method: PUT\r\nConnection: close\r\n\r\n",
	204, {"Access-Control-Allow-Methods: GET\r\n"}, {"Allow-Methods: GET, PUT"}},
    {"OPTIONS without CORS", "OPTIONS /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 204,
	{"Allow: GET, HEAD, POST, PUT, OPTIONS, DELETE\r\n"}, {"Access-Control"}},
    {"OPTIONS of nothing", "OPTIONS /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404,
	{"/problems#not-found"}, {NULL}},
    {"a problem", LAST("/problem/409"), 409,
	{"Content-Type: application/problem+json\r\n",
	    "{\"type\":\"/problems#some-slug\",\"title\":\"Some\",\"status\":409,\"detail\":\"of "
	    "it\",\"extra\":7}"},
	{"Retry-After"}},
    {"401", LAST("/problem/401"), 401, {"WWW-Authenticate: Bearer\r\n"}, {NULL}},
    {"429", LAST("/problem/429"), 429, {"Retry-After: 1\r\n"}, {NULL}},
    {"503", LAST("/problem/503"), 503, {"Retry-After: 1\r\n"}, {NULL}},
    {"404", LAST("/nothing"), 404, {"/problems#not-found"}, {NULL}},
    {"404 for an empty parameter", LAST("/echo/"), 404, {"/problems#not-found"}, {NULL}},
    {"405", "PUT /json HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405,
	{"Allow: GET, HEAD, OPTIONS\r\n", "/problems#method-not-allowed"}, {NULL}},
};

static void replies_with_the_right_headers(void **state)
{
	(void)state;
	struct rig rig;
	size_t wrong = 0;

	rig_open(&rig, plain_options());
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		struct peer peer;
		int status = rig_ask(&rig, &peer, replies[i].request);
		bool good = status == replies[i].status;
		for (size_t k = 0; k < 6 && replies[i].has[k]; k++)
			good = good && peer_got(&peer, replies[i].has[k]);
		for (size_t k = 0; k < 4 && replies[i].lacks[k]; k++)
			good = good && !peer_got(&peer, replies[i].lacks[k]);
		if (!good) {
			print_error("%s:\n%.*s\n", replies[i].name, (int)peer.got.len,
			    peer.got.len ? peer.got.data : "");
			wrong++;
		}
		peer_close(&peer);
	}
	assert_int_equal(wrong, 0);
	rig_close(&rig);
}

static void logs_without_secrets(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peer;
	struct server_options options = plain_options();
	int ends[2];
	char text[4096] = "";

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	options.access_log_fd = ends[1];
	rig_open(&rig, options);
	rig_ask(&rig, &peer,
	    "GET /echo?hidden HTTP/1.1\r\nHost: a\r\nAuthorization: secret\r\n\r\n"
	    "GET /ballots?hidden HTTP/1.1\r\nHost: a\r\nAuthorization: secret\r\n\r\n"
	    "DELETE /ballots?hidden HTTP/1.1\r\nHost: a\r\n\r\n"
	    "POST /ballots?hidden HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n");
	peer_close(&peer);
	assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
	rig_close(&rig);

	assert_non_null(strstr(text, "Z GET /echo 200 "));
	assert_non_null(strstr(text, " 127.0.0.1\n"));
	assert_non_null(strstr(text, ":00Z GET /ballots 200 "));
	assert_non_null(strstr(text, "Z DELETE /ballots 405 "));
	assert_non_null(strstr(text, "Z POST /ballots 411 "));
	assert_null(strstr(text, "hidden"));
	assert_null(strstr(text, "secret"));
	size_t lines = 0, addresses = 0;
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	for (const char *at = text; (at = strstr(at, "127.0.0.1")); at++)
		addresses++;
	assert_int_equal(lines, 4);
	assert_int_equal(addresses, 1);
	close(ends[0]);
	close(ends[1]);
}

/* Frees a server with every kind of connection open; the sanitizer sees what is left. */
static void is_freed_in_the_middle(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peers[5];
	static const char *const texts[] = {
	    "", "GET /", P "Content-Length: 60000\r\n\r\nabc", GET("/keep"), GET("/echo")};

	n_kept = 0;
	rig_open(&rig, plain_options());
	for (size_t i = 0; i < 5; i++) {
		peer_open(&rig, &peers[i]);
		peer_say(&peers[i], texts[i]);
	}
	await_kept(&rig, 1);
	assert_true(peer_awaits(&peers[4], "[/echo|||]", 1));
	for (size_t i = 0; i < 5; i++)
		peer_close(&peers[i]);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(judges_requests),
	    cmocka_unit_test(judges_the_same_byte_by_byte),
	    cmocka_unit_test(takes_a_request_split_anywhere),
	    cmocka_unit_test(overlooks_an_empty_line_before_each_request),
	    cmocka_unit_test(reads_large_bodies),
	    cmocka_unit_test(continues_only_when_the_body_is_wanted),
	    cmocka_unit_test(answers_pipelined_requests_in_order),
	    cmocka_unit_test(takes_turns),
	    cmocka_unit_test(holds_the_next_until_the_reply),
	    cmocka_unit_test(keeps_the_request_still_while_more_comes),
	    cmocka_unit_test(survives_peers_that_leave),
	    cmocka_unit_test(keeps_deadlines),
	    cmocka_unit_test(a_slow_drip_does_not_move_the_deadline),
	    cmocka_unit_test(drops_who_does_not_read),
	    cmocka_unit_test(goes_on_with_who_reads_late),
	    cmocka_unit_test(drops_what_exceeds_the_output_cap),
	    cmocka_unit_test(caps_the_head),
	    cmocka_unit_test(caps_requests_in_flight),
	    cmocka_unit_test(caps_connections),
	    cmocka_unit_test(pauses_without_descriptors),
	    cmocka_unit_test(drains),
	    cmocka_unit_test(replies_with_the_right_headers),
	    cmocka_unit_test(logs_without_secrets),
	    cmocka_unit_test(is_freed_in_the_middle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
