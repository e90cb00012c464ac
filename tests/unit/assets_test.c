/* http/assets: files on disk, as the server gives them. */
#include "http_harness.h"

#include <sys/stat.h>

#include <brotli/decode.h>
#include <zlib.h>

#include "http/assets.h"

static char dir[] = "/tmp/assets_test_XXXXXX";
static char long_text[5000];

static void put(const char *path, const void *bytes, size_t len)
{
	char file[512];
	snprintf(file, sizeof(file), "%s%s", dir, path);
	FILE *out = fopen(file, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
}

static void put_dir(const char *path)
{
	char file[512];
	snprintf(file, sizeof(file), "%s%s", dir, path);
	assert_int_equal(mkdir(file, 0700), 0);
}

static int make_files(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < sizeof(long_text) - 1; i++)
		long_text[i] = "tally "[i % 6];
	put_dir("/en");
	put_dir("/js");
	put("/index.html", "<p>ko</p>", 9);
	put("/404.html", "<p>none ko</p>", 14);
	put("/en/index.html", "<p>en</p>", 9);
	put("/en/404.html", "<p>none en</p>", 14);
	put("/js/app.js", long_text, sizeof(long_text) - 1);
	put("/style.css", "a{}", 3);
	put("/mark.svg", "<svg/>", 6);
	put("/mark.png", long_text, sizeof(long_text) - 1);
	put("/site.json", "{}", 2);
	put("/empty.txt", "", 0);
	put("/odd.bin", "x", 1);
	put("/.hidden", "x", 1);
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	static const char *const paths[] = {"/en/index.html", "/en/404.html", "/js/app.js", "/en",
	    "/js", "/index.html", "/404.html", "/style.css", "/mark.svg", "/mark.png", "/site.json",
	    "/empty.txt", "/odd.bin", "/.hidden", ""};
	char file[512];
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(file, sizeof(file), "%s%s", dir, paths[i]);
		assert_int_equal(remove(file), 0);
	}
	return 0;
}

static const struct route no_routes[] = {{0, NULL, NULL, 0, 0, NULL}};

static void open_with_assets(struct rig *rig, struct assets **ret)
{
	const char *why;
	*ret = assets_load(dir, &why);
	assert_non_null(*ret);
	rig_open(rig, (struct server_options){
			  .routes = no_routes,
			  .assets = *ret,
			  .connect = "https://api.example https://issuer.example",
			  .limits = ample_limits,
			  .access_log_fd = -1,
		      });
}

#define ASK(method, path, fields)                                                                  \
	method " " path " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" fields "\r\n"

static const struct {
	const char *request;
	int status;
	const char *has[6], *lacks[3];
} rows[] = {
    {ASK("GET", "/", ""), 200,
	{"\r\n\r\n<p>ko</p>", "Content-Type: text/html; charset=utf-8\r\n",
	    "Cache-Control: no-cache\r\n", "ETag: \"", "Vary: Accept-Encoding\r\n",
	    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
	    "img-src 'self' data:; font-src 'self'; manifest-src 'self'; connect-src 'self' "
	    "https://api.example https://issuer.example; base-uri 'none'; form-action 'none'; "
	    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'\r\n"},
	{"Access-Control", "Content-Encoding"}},
    {ASK("GET", "/en/", ""), 200,
	{"\r\n\r\n<p>en</p>", "X-Frame-Options: DENY\r\n",
	    "Cross-Origin-Opener-Policy: same-origin\r\n", "Permissions-Policy: ",
	    "X-Content-Type-Options: nosniff\r\n", "Cross-Origin-Resource-Policy: same-origin\r\n"},
	{NULL}},
    {ASK("HEAD", "/en/index.html", ""), 200, {"Content-Length: 9\r\n"}, {"<p>"}},
    {ASK("GET", "/en?a=b", ""), 308, {"Location: /en/?a=b\r\n"}, {NULL}},
    {ASK("GET", "/js", ""), 404, {"/problems#not-found"}, {NULL}},
    {ASK("GET", "/js/", ""), 404, {"/problems#not-found"}, {NULL}},
    {ASK("POST", "/", ""), 405, {"Allow: GET, HEAD, OPTIONS\r\n"}, {NULL}},
    {ASK("GET", "/style.css?v=1", ""), 200,
	{"Content-Type: text/css; charset=utf-8\r\n", "Cache-Control: public, max-age=300\r\n",
	    "\r\n\r\na{}"},
	{"Content-Security-Policy"}},
    {ASK("GET", "/mark.svg", ""), 200, {"Content-Type: image/svg+xml\r\n"}, {NULL}},
    {ASK("GET", "/mark.png", "Accept-Encoding: gzip, br\r\n"), 200,
	{"Content-Type: image/png\r\n", "Content-Length: 4999\r\n"}, {"Content-Encoding", "Vary"}},
    {ASK("GET", "/site.json", ""), 200,
	{"Content-Type: application/json\r\n", "Cache-Control: no-cache\r\n"}, {NULL}},
    {ASK("GET", "/empty.txt", "Accept-Encoding: gzip\r\n"), 200, {"Content-Length: 0\r\n"},
	{"Content-Encoding"}},
    {ASK("GET", "/odd.bin", ""), 200, {"Content-Type: application/octet-stream\r\n"}, {NULL}},
    {ASK("GET", "/.hidden", ""), 404, {"/problems#not-found"}, {NULL}},
    {ASK("GET", "/en/../index.html", ""), 404, {"/problems#not-found"}, {NULL}},
    {ASK("GET", "/../../etc/passwd", ""), 404, {"/problems#not-found"}, {NULL}},
    {ASK("GET", "/x", "Accept: text/html,*/*\r\n"), 404, {"<p>none ko</p>"}, {"problems"}},
    {ASK("GET", "/en/x/y", "Accept: text/html\r\n"), 404, {"<p>none en</p>"}, {"problems"}},
    {ASK("GET", "/en/x/y", "Accept: application/json\r\n"), 404, {"/problems#not-found"}, {NULL}},
    {ASK("GET", "/js/app.js", "Accept-Encoding: gzip\r\n"), 200,
	{"Content-Encoding: gzip\r\n", "Vary: Accept-Encoding\r\n", "-gzip\"\r\n",
	    "Content-Type: text/javascript; charset=utf-8\r\n"},
	{NULL}},
    {ASK("GET", "/js/app.js", "Accept-Encoding: gzip, deflate, br\r\n"), 200,
	{"Content-Encoding: br\r\n", "-br\"\r\n"}, {NULL}},
    {ASK("GET", "/js/app.js", "Accept-Encoding: gzip;q=1.0, BR;q=0\r\n"), 200,
	{"Content-Encoding: gzip\r\n"}, {NULL}},
    {ASK("GET", "/js/app.js", "Accept-Encoding: br;q=0.001\r\n"), 200, {"Content-Encoding: br\r\n"},
	{NULL}},
    {ASK("GET", "/js/app.js", "Accept-Encoding: gzip;q=0.000, bro, identity\r\n"), 200,
	{"Content-Length: 4999\r\n", "Vary: Accept-Encoding\r\n"}, {"Content-Encoding"}},
    {ASK("GET", "/js/app.js", ""), 200, {"Content-Length: 4999\r\n"}, {"Content-Encoding"}},
};

static void serves(void **state)
{
	(void)state;
	struct rig rig;
	struct assets *assets;
	size_t wrong = 0;

	open_with_assets(&rig, &assets);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct peer peer;
		bool good = rig_ask(&rig, &peer, rows[i].request) == rows[i].status;
		for (size_t k = 0; k < 6 && rows[i].has[k]; k++)
			good = good && peer_got(&peer, rows[i].has[k]);
		for (size_t k = 0; k < 3 && rows[i].lacks[k]; k++)
			good = good && !peer_got(&peer, rows[i].lacks[k]);
		if (!good) {
			print_error(
			    "%s\n%.*s\n", rows[i].request, (int)peer.got.len, peer.got.data);
			wrong++;
		}
		peer_close(&peer);
	}
	assert_int_equal(wrong, 0);
	rig_close(&rig);
	assets_free(assets);
}

static struct slice body_of(const struct peer *peer)
{
	const char *end = memmem(peer->got.data, peer->got.len, "\r\n\r\n", 4);
	assert_non_null(end);
	return slice_make(end + 4, (size_t)(peer->got.data + peer->got.len - end - 4));
}

static void compresses_without_loss(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peer;
	struct assets *assets;
	char text[10000];

	open_with_assets(&rig, &assets);
	rig_ask(&rig, &peer, ASK("GET", "/js/app.js", "Accept-Encoding: br\r\n"));
	struct slice body = body_of(&peer);
	size_t len = sizeof(text);
	assert_int_equal(
	    BrotliDecoderDecompress(body.len, (const uint8_t *)body.ptr, &len, (uint8_t *)text),
	    BROTLI_DECODER_RESULT_SUCCESS);
	assert_true(slice_equal(slice_make(text, len), slice_text(long_text)));
	peer_close(&peer);

	rig_ask(&rig, &peer, ASK("GET", "/js/app.js", "Accept-Encoding: gzip\r\n"));
	body = body_of(&peer);
	z_stream stream = {.next_in = (Bytef *)(uintptr_t)body.ptr,
	    .avail_in = (uInt)body.len,
	    .next_out = (Bytef *)text,
	    .avail_out = sizeof(text)};
	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	assert_true(slice_equal(slice_make(text, stream.total_out), slice_text(long_text)));
	inflateEnd(&stream);
	peer_close(&peer);
	rig_close(&rig);
	assets_free(assets);
}

static void etag_of(const struct peer *peer, char *ret_etag, size_t size)
{
	const char *at = memmem(peer->got.data, peer->got.len, "ETag: ", 6);
	assert_non_null(at);
	const char *end = strstr(at, "\r\n");
	snprintf(ret_etag, size, "%.*s", (int)(end - at - 6), at + 6);
}

static void answers_304(void **state)
{
	(void)state;
	struct rig rig;
	struct peer peer;
	struct assets *assets;
	char etag[64], request[512];
	static const char *const codings[] = {"identity", "gzip", "br"};
	static const char *const around[] = {"", "W/", "\"x\", "};

	open_with_assets(&rig, &assets);
	for (size_t i = 0; i < 3; i++) {
		snprintf(request, sizeof(request),
		    ASK("GET", "/js/app.js", "Accept-Encoding: %s\r\n"), codings[i]);
		rig_ask(&rig, &peer, request);
		etag_of(&peer, etag, sizeof(etag));
		peer_close(&peer);
		for (size_t k = 0; k < 3; k++) {
			snprintf(request, sizeof(request),
			    ASK("GET", "/js/app.js",
				"Accept-Encoding: %s\r\nIf-None-Match: %s%s\r\n"),
			    codings[i], around[k], etag);
			assert_int_equal(rig_ask(&rig, &peer, request), 304);
			assert_true(peer_got(&peer, etag));
			assert_true(peer_got(&peer, "Vary: Accept-Encoding\r\n"));
			assert_false(peer_got(&peer, "Content-Length"));
			assert_int_equal(body_of(&peer).len, 0);
			peer_close(&peer);
		}
	}
	assert_int_equal(rig_ask(&rig, &peer, ASK("GET", "/", "If-None-Match: *\r\n")), 304);
	peer_close(&peer);
	/* Another file's tag, another coding's tag. */
	snprintf(request, sizeof(request), ASK("GET", "/js/app.js", "If-None-Match: %s\r\n"), etag);
	assert_int_equal(rig_ask(&rig, &peer, request), 200);
	peer_close(&peer);
	rig_close(&rig);
	assets_free(assets);
}

static void refuses_to_load(void **state)
{
	(void)state;
	const char *why = NULL;
	char file[512];

	assert_null(assets_load("/nonexistent", &why));
	assert_int_equal(errno, ENOENT);
	assert_string_equal(why, "/nonexistent");

	put("/large.txt", "x", 1);
	snprintf(file, sizeof(file), "%s/large.txt", dir);
	assert_int_equal(truncate(file, 4 * 1024 * 1024 + 1), 0);
	assert_null(assets_load(dir, &why));
	assert_int_equal(errno, EFBIG);
	assert_string_equal(why, file);
	assert_int_equal(truncate(file, 4 * 1024 * 1024), 0);
	struct assets *assets = assets_load(dir, &why);
	assert_non_null(assets);
	assets_free(assets);
	assert_int_equal(remove(file), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(serves),
	    cmocka_unit_test(compresses_without_loss),
	    cmocka_unit_test(answers_304),
	    cmocka_unit_test(refuses_to_load),
	};
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
