/* libcurl says which descriptors it waits for and until when (its "multi_socket" interface); each
 * becomes an event, and each event a turn of libcurl's. Callbacks are called between its turns
 * only, so they may start and drop calls.
 *
 *   calls_start -> on_socket_wanted, on_time_wanted -> on_event | on_time -> collect -> finish */
#include "client/call.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>
#include <event2/event.h>
#include <event2/util.h>
#include <openssl/crypto.h>

#include "base/buf.h"

enum { BEARER_MAX = 16 * 1024 };

struct transfer { /* a call under way */
	struct calls *calls;
	struct transfer *next;
	CURL *easy;
	struct curl_slist *heads;
	struct buf form, body;
	size_t heads_len;
	bool heads_ended; /* libcurl takes it for an answer when they break off */
	bool too_big;
	struct call_answer answer;
	char why[CURL_ERROR_SIZE];
	call_cb *cb;
	void *arg;
};

struct calls {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
	unsigned at_most, n;
	bool ending;
	bool in_callback;
	struct transfer *transfers;
};

/* RFC 6750 section 2.1: b64token; nothing that could end the header's line. */
static bool is_bearer(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= BEARER_MAX &&
	       strspn(text,
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
		   "-._~+/=") == len;
}

/* ---- the answer ---- */

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *transfer = arg;
	int r = buf_append(&transfer->body, bytes, size * n);

	transfer->too_big = r == -ENOBUFS;
	return r == 0 ? size * n : 0;
}

/* One directive of Cache-Control. */
static void read_directive(struct slice text, long *max_age_s)
{
	static const char name[] = "max-age=";
	long age = 0;

	if ((text.len == 8 && strncasecmp(text.ptr, "no-store", 8) == 0) ||
	    (text.len == 8 && strncasecmp(text.ptr, "no-cache", 8) == 0))
		*max_age_s = 0;
	if (text.len < sizeof(name) || strncasecmp(text.ptr, name, sizeof(name) - 1) != 0 ||
	    *max_age_s == 0)
		return;
	for (size_t i = sizeof(name) - 1; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return;
		age = age > INT32_MAX / 10 - 1 ? age : 10 * age + (text.ptr[i] - '0');
	}
	*max_age_s = age;
}

static void read_cache_control(struct slice value, long *max_age_s)
{
	while (value.len > 0) {
		const char *comma = memchr(value.ptr, ',', value.len);
		size_t len = comma ? (size_t)(comma - value.ptr) : value.len;
		struct slice directive = {value.ptr, len};
		while (directive.len > 0 && strchr(" \t\r\n", directive.ptr[0]))
			directive = slice_make(directive.ptr + 1, directive.len - 1);
		while (directive.len > 0 && strchr(" \t\r\n", directive.ptr[directive.len - 1]))
			directive.len--;
		read_directive(directive, max_age_s);
		len += comma != NULL;
		value = slice_make(value.ptr + len, value.len - len);
	}
}

static size_t on_head(char *line, size_t size, size_t n, void *arg)
{
	static const char name[] = "Cache-Control:";
	struct transfer *transfer = arg;
	size_t len = size * n;

	transfer->heads_len += len;
	if (transfer->heads_len > CALL_HEADS_MAX) {
		transfer->too_big = true;
		return 0;
	}
	if (len > 5 && strncmp(line, "HTTP/", 5) == 0) { /* an answer, perhaps after a 1xx */
		transfer->answer.max_age_s = -1;
		transfer->heads_ended = false;
	}
	if (len <= 2 && (line[0] == '\r' || line[0] == '\n'))
		transfer->heads_ended = true;
	if (len >= sizeof(name) && strncasecmp(line, name, sizeof(name) - 1) == 0)
		read_cache_control(slice_make(line + sizeof(name) - 1, len - (sizeof(name) - 1)),
		    &transfer->answer.max_age_s);
	return len;
}

/* ---- one call ---- */

static void transfer_free(struct transfer *transfer)
{
	if (transfer->easy)
		curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->heads);
	if (transfer->form.data)
		OPENSSL_cleanse(transfer->form.data, transfer->form.cap);
	if (transfer->body.data)
		OPENSSL_cleanse(transfer->body.data, transfer->body.cap);
	buf_release(&transfer->form);
	buf_release(&transfer->body);
	free(transfer);
}

static void unlink_transfer(struct transfer *transfer)
{
	struct transfer **at = &transfer->calls->transfers;

	while (*at != transfer)
		at = &(*at)->next;
	*at = transfer->next;
	transfer->calls->n--;
	(void)curl_multi_remove_handle(transfer->calls->multi, transfer->easy);
}

static void finish(struct transfer *transfer, int error)
{
	struct calls *calls = transfer->calls;

	unlink_transfer(transfer);
	transfer->answer.why = transfer->why;
	if (error == 0)
		transfer->answer.body = buf_slice(&transfer->body);
	calls->in_callback = true;
	transfer->cb(transfer->arg, error, &transfer->answer);
	calls->in_callback = false;
	transfer_free(transfer);
}

static int error_of(const struct transfer *transfer, CURLcode result)
{
	switch (result) {
	case CURLE_OK:
		return transfer->heads_ended ? 0 : -EHOSTUNREACH;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_WRITE_ERROR: /* the answer was not taken: too long, no memory, or not gzip */
		return transfer->too_big ? -E2BIG : -EHOSTUNREACH;
	default:
		return -EHOSTUNREACH;
	}
}

static void conclude(struct transfer *transfer, CURLcode result)
{
	int error = error_of(transfer, result);
	long status = 0;

	if (error == 0)
		(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	transfer->answer.status = (int)status;
	if (error != 0 && transfer->why[0] == '\0')
		(void)snprintf(transfer->why, sizeof(transfer->why), "%s",
		    result == CURLE_OK ? "The answer breaks off" : curl_easy_strerror(result));
	finish(transfer, error);
}

/* What libcurl has done with. */
static void collect(struct calls *calls)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(calls->multi, &left))) {
		struct transfer *transfer = NULL;
		CURLcode result = message->data.result;
		if (message->msg == CURLMSG_DONE &&
		    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
			(char **)(void *)&transfer) == CURLE_OK)
			conclude(transfer, result);
	}
}

/* ---- libcurl and the loop ---- */

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct calls *calls = arg;
	int flags =
	    (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
	int running;

	(void)curl_multi_socket_action(calls->multi, fd, flags, &running);
	collect(calls);
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct calls *calls = arg;
	int running;

	(void)fd;
	(void)what;
	(void)curl_multi_socket_action(calls->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(calls);
}

/* `known` is the event that this descriptor has, NULL at first. -1 makes every call fail. */
static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct calls *calls = arg;
	short events = (short)((what & CURL_POLL_IN ? EV_READ : 0) |
			       (what & CURL_POLL_OUT ? EV_WRITE : 0) | EV_PERSIST);
	struct event *event;

	(void)easy;
	if (known)
		event_free(known);
	(void)curl_multi_assign(calls->multi, fd, NULL);
	if (what == CURL_POLL_REMOVE)
		return 0;
	event = event_new(calls->base, fd, events, on_event, calls);
	if (!event || event_add(event, NULL) != 0 ||
	    curl_multi_assign(calls->multi, fd, event) != CURLM_OK) {
		if (event)
			event_free(event);
		return -1;
	}
	return 0;
}

static int on_time_wanted(CURLM *multi, long ms, void *arg)
{
	struct calls *calls = arg;
	struct timeval in = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	(void)multi;
	if (ms < 0)
		return event_del(calls->timer);
	return event_add(calls->timer, &in);
}

/* ---- starting ---- */

#define SET(option, value) (rc = rc == CURLE_OK ? curl_easy_setopt(easy, option, value) : rc)

static CURLcode set_limits(struct transfer *transfer, const struct call *call)
{
	CURL *easy = transfer->easy;
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_URL, call->url);
	SET(CURLOPT_PROTOCOLS_STR, strncasecmp(call->url, "https:", 6) == 0 ? "https" : "http");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, ""); /* none, whatever the environment says */
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_TIMEOUT_MS, (long)call->deadline_ms);
	/* Else libcurl waits at the deadline, and with it the loop, until a resolver that hangs
	 * has ended. */
	SET(CURLOPT_QUICK_EXIT, 1L);
	return rc;
}

static CURLcode set_request(struct transfer *transfer, const struct call *call)
{
	CURL *easy = transfer->easy;
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_USERAGENT, "tallyd/" TALLYD_VERSION);
	SET(CURLOPT_ACCEPT_ENCODING, "gzip");
	SET(CURLOPT_HTTPHEADER, transfer->heads);
	if (transfer->form.len > 0) {
		SET(CURLOPT_POSTFIELDS, transfer->form.data);
		SET(CURLOPT_POSTFIELDSIZE, (long)transfer->form.len);
	} else {
		SET(CURLOPT_HTTPGET, 1L);
	}
	if (call->user) {
		SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		SET(CURLOPT_USERNAME, call->user);
		SET(CURLOPT_PASSWORD, call->password ? call->password : "");
	} else if (call->bearer) {
		SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		SET(CURLOPT_XOAUTH2_BEARER, call->bearer);
	}
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, transfer);
	SET(CURLOPT_HEADERFUNCTION, on_head);
	SET(CURLOPT_HEADERDATA, transfer);
	SET(CURLOPT_ERRORBUFFER, transfer->why);
	SET(CURLOPT_PRIVATE, transfer);
	return rc;
}

static int add_accept(struct transfer *transfer, const char *type)
{
	char line[200];
	int len = type ? snprintf(line, sizeof(line), "Accept: %s", type) : 0;

	if (!type)
		return 0;
	if (len < 0 || (size_t)len >= sizeof(line) || strpbrk(type, "\r\n"))
		return -EINVAL;
	transfer->heads = curl_slist_append(NULL, line);
	return transfer->heads ? 0 : -ENOMEM;
}

static int prepare(struct transfer *transfer, const struct call *call)
{
	int r = buf_append_slice(&transfer->form, call->form);

	if (r == 0)
		r = add_accept(transfer, call->accept);
	if (r != 0)
		return r;
	transfer->easy = curl_easy_init();
	if (!transfer->easy || set_limits(transfer, call) != CURLE_OK ||
	    set_request(transfer, call) != CURLE_OK)
		return -ENOMEM;
	return 0;
}

int calls_start(struct calls *calls, const struct call *call, call_cb *cb, void *arg)
{
	struct transfer *transfer;
	int r;

	assert(call->deadline_ms > 0);
	if (calls->ending)
		return -ECANCELED;
	if (!call_may_go(call->url, call->plain_http) || call->form.len > CALL_FORM_MAX ||
	    (call->bearer && !is_bearer(call->bearer)))
		return -EINVAL;
	if (calls->n >= calls->at_most)
		return -EBUSY;
	transfer = calloc(1, sizeof(*transfer));
	if (!transfer)
		return -ENOMEM;
	*transfer = (struct transfer){
	    .calls = calls, .answer = {.max_age_s = -1, .why = ""}, .cb = cb, .arg = arg};
	buf_init(&transfer->form, CALL_FORM_MAX);
	buf_init(&transfer->body, call->body_max);
	r = prepare(transfer, call);
	/* It goes on in a later turn, when the time comes that libcurl now asks for. */
	if (r == 0 && curl_multi_add_handle(calls->multi, transfer->easy) != CURLM_OK)
		r = -ENOMEM;
	if (r != 0) {
		transfer_free(transfer);
		return r;
	}
	transfer->next = calls->transfers;
	calls->transfers = transfer;
	calls->n++;
	return 0;
}

void calls_drop(struct calls *calls, const void *arg)
{
	struct transfer *next;

	for (struct transfer *transfer = calls->transfers; transfer; transfer = next) {
		next = transfer->next;
		if (transfer->arg != arg)
			continue;
		unlink_transfer(transfer);
		transfer_free(transfer);
	}
}

/* ---- life ---- */

int calls_new(struct event_base *base, unsigned at_most, struct calls **ret_calls)
{
	struct calls *calls;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	calls = calloc(1, sizeof(*calls));
	if (!calls) {
		curl_global_cleanup();
		return -ENOMEM;
	}
	calls->base = base;
	calls->at_most = at_most;
	calls->multi = curl_multi_init();
	calls->timer = evtimer_new(base, on_time, calls);
	if (!calls->multi || !calls->timer) {
		calls_free(calls);
		return -ENOMEM;
	}
	(void)curl_multi_setopt(calls->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
	(void)curl_multi_setopt(calls->multi, CURLMOPT_SOCKETDATA, calls);
	(void)curl_multi_setopt(calls->multi, CURLMOPT_TIMERFUNCTION, on_time_wanted);
	(void)curl_multi_setopt(calls->multi, CURLMOPT_TIMERDATA, calls);
	(void)curl_multi_setopt(calls->multi, CURLMOPT_MAXCONNECTS, (long)at_most);
	*ret_calls = calls;
	return 0;
}

void calls_free(struct calls *calls)
{
	if (!calls)
		return;
	assert(!calls->in_callback);
	calls->ending = true;
	while (calls->transfers)
		finish(calls->transfers, -ECANCELED);
	if (calls->multi)
		(void)curl_multi_cleanup(calls->multi);
	if (calls->timer)
		event_free(calls->timer);
	free(calls);
	curl_global_cleanup();
}
