/* Transfers over libcurl's multi interface, on a loop of its own.
 *
 *   fetch_files -> start … on_bytes … finish -> (again | next) */
#include "client/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>

enum {
	REDIRECTIONS = 5,
	CONNECT_S = 20,
	STALLED_S = 30, /* below STALLED_BYTES a second for so long */
	STALLED_BYTES = 100,
	WHOLE_S = 900,
	WAIT_MS = 1000,
	PATH_BYTES = 4096,
};

struct transfer { /* one slot: a file on its way */
	struct fetch *fetch;
	CURL *easy;
	struct fetch_file *file; /* NULL: the slot is free */
	int fd;
	int error; /* -errno of writing, or -E2BIG */
	unsigned tries;
	uint64_t bytes;
	char why[CURL_ERROR_SIZE];
};

struct fetch {
	const struct fetch_options *options;
	char *base; /* ends in "/" */
	CURLM *multi;
	struct transfer transfers[FETCH_AT_ONCE];
	uint64_t bytes; /* of all files */
	char *ret_why;
	int error; /* ends it all */
};

__attribute__((format(printf, 3, 4))) static void fail(
    struct fetch *fetch, int error, const char *format, ...)
{
	va_list args;

	if (fetch->error != 0)
		return;
	fetch->error = error;
	va_start(args, format);
	(void)vsnprintf(fetch->ret_why, FETCH_WHY_MAX, format, args);
	va_end(args);
}

/* ---- where the bytes go ---- */

static int open_file(const struct fetch *fetch, const char *path)
{
	char above[PATH_BYTES];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		(void)snprintf(above, sizeof(above), "%.*s", (int)(slash - path), path);
		if (mkdirat(fetch->options->dir, above, 0700) != 0 && errno != EEXIST)
			return -1;
	}
	return openat(
	    fetch->options->dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *transfer = arg;
	size_t len = size * n;

	if (len > transfer->file->max - transfer->bytes ||
	    len > transfer->fetch->options->bytes_max - transfer->fetch->bytes) {
		transfer->error = -E2BIG;
		return 0;
	}
	for (size_t at = 0; at < len;) {
		ssize_t done = write(transfer->fd, bytes + at, len - at);

		if (done < 0 && errno != EINTR) {
			transfer->error = -errno;
			return 0;
		}
		at += done > 0 ? (size_t)done : 0;
	}
	transfer->bytes += len;
	transfer->fetch->bytes += len;
	return len;
}

/* ---- one transfer ---- */

/* Each name of the path as it stands in an address (RFC 3986 section 3.3). */
static char *address_of(const struct fetch *fetch, const char *path)
{
	static const char plain[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
	char *address = malloc(strlen(fetch->base) + 3 * strlen(path) + 1), *at = address;

	if (!address)
		return NULL;
	at = stpcpy(at, fetch->base);
	for (; *path; path++)
		if (strchr(plain, *path))
			*at++ = *path;
		else
			at += snprintf(at, 4, "%%%02X", (unsigned char)*path);
	*at = '\0';
	return address;
}

/* Sets the handle up for `address`; false: memory. */
static bool prepare(struct transfer *transfer, const char *address)
{
	const bool secure = strncmp(transfer->fetch->base, "https:", 6) == 0;
	CURL *easy = transfer->easy;

	curl_easy_reset(easy);
	CURLcode rc = curl_easy_setopt(easy, CURLOPT_URL, address);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	if (rc == CURLE_OK) /* from a secure site nothing leads to an insecure one */
		rc = curl_easy_setopt(
		    easy, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(easy, CURLOPT_USERAGENT, "tallyctl/" TALLYD_VERSION);
	if (rc != CURLE_OK)
		return false;
	(void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTIONS);
	(void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	(void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)STALLED_BYTES);
	(void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)STALLED_S);
	(void)curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)WHOLE_S);
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->why);
	(void)curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	return true;
}

static void start(struct transfer *transfer)
{
	struct fetch *fetch = transfer->fetch;
	char *address = address_of(fetch, transfer->file->path);

	transfer->tries++;
	transfer->bytes = 0;
	transfer->error = 0;
	transfer->why[0] = '\0';
	transfer->fd = open_file(fetch, transfer->file->path);
	if (transfer->fd < 0)
		fail(fetch, -errno, "%s cannot be written: %s.", transfer->file->path,
		    strerror(errno));
	else if (!address || !prepare(transfer, address) ||
		 curl_multi_add_handle(fetch->multi, transfer->easy) != CURLM_OK)
		fail(fetch, -ENOMEM, "memory is short.");
	free(address);
}

static void close_file(struct transfer *transfer)
{
	if (transfer->fd >= 0 && close(transfer->fd) != 0 && transfer->error == 0)
		transfer->error = -errno;
	transfer->fd = -1;
}

/* The server's word on a file: it is there, it is not, or ask again. */
enum word { WORD_THERE, WORD_MISSING, WORD_AGAIN };

static enum word judge(CURLcode result, long status)
{
	if (result != CURLE_OK)
		return WORD_AGAIN;
	if (status == 404 || status == 410)
		return WORD_MISSING;
	return status == 200 ? WORD_THERE : WORD_AGAIN;
}

static void tell(struct transfer *transfer, CURLcode result, long status)
{
	struct fetch *fetch = transfer->fetch;
	const char *path = transfer->file->path;

	if (transfer->error == -E2BIG)
		fail(fetch, -E2BIG, "%s%s has more bytes than such a file may have.", fetch->base,
		    path);
	else if (transfer->error != 0)
		fail(fetch, transfer->error, "%s cannot be written: %s.", path,
		    strerror(-transfer->error));
	else if (result == CURLE_OK)
		fail(fetch, -EHOSTUNREACH, "%s%s: the server answers %ld.", fetch->base, path,
		    status);
	else
		fail(fetch, -EHOSTUNREACH, "%s%s: %s.", fetch->base, path,
		    transfer->why[0] ? transfer->why : curl_easy_strerror(result));
}

/* True: the file is done with. */
static bool finish(struct transfer *transfer, CURLcode result)
{
	long status = 0;

	(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_multi_remove_handle(transfer->fetch->multi, transfer->easy);
	close_file(transfer);
	enum word word = transfer->error == 0 ? judge(result, status) : WORD_AGAIN;
	if (word == WORD_AGAIN && transfer->error == 0 && transfer->tries < FETCH_TRIES) {
		transfer->fetch->bytes -= transfer->bytes;
		start(transfer);
		return false;
	}
	if (word == WORD_MISSING) {
		transfer->file->missing = 1;
		(void)unlinkat(transfer->fetch->options->dir, transfer->file->path, 0);
	}
	if (word == WORD_AGAIN)
		tell(transfer, result, status);
	transfer->file = NULL;
	return true;
}

/* ---- all of them ---- */

/* Gives free slots the next files. */
static void fill(struct fetch *fetch, struct fetch_file *files, size_t n, size_t *next)
{
	for (size_t i = 0; i < FETCH_AT_ONCE && *next < n && fetch->error == 0; i++) {
		struct transfer *transfer = &fetch->transfers[i];

		if (transfer->file)
			continue;
		transfer->file = &files[(*next)++];
		transfer->file->missing = 0;
		transfer->tries = 0;
		start(transfer);
	}
}

static size_t collect(struct fetch *fetch)
{
	CURLMsg *message;
	size_t done = 0;
	int left;

	while (fetch->error == 0 && (message = curl_multi_info_read(fetch->multi, &left))) {
		struct transfer *transfer = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode result = message->data.result;
		(void)curl_easy_getinfo(
		    message->easy_handle, CURLINFO_PRIVATE, (char **)(void *)&transfer);
		done += finish(transfer, result);
	}
	return done;
}

/* One turn of the loop: what libcurl has to do, and then to wait for something. */
static void turn(struct fetch *fetch)
{
	struct curl_waitfd stop = {.fd = fetch->options->stop_fd, .events = CURL_WAIT_POLLIN};
	int running;

	if (curl_multi_perform(fetch->multi, &running) != CURLM_OK ||
	    curl_multi_poll(fetch->multi, &stop, fetch->options->stop_fd >= 0, WAIT_MS, NULL) !=
		CURLM_OK)
		fail(fetch, -EIO, "transfers cannot go on.");
	else if (stop.revents & CURL_WAIT_POLLIN)
		fail(fetch, -EINTR, "stopped.");
}

/* What is still on its way after a failure. */
static void drop(struct fetch *fetch)
{
	for (size_t i = 0; i < FETCH_AT_ONCE; i++) {
		struct transfer *transfer = &fetch->transfers[i];

		if (!transfer->file)
			continue;
		(void)curl_multi_remove_handle(fetch->multi, transfer->easy);
		close_file(transfer);
		transfer->file = NULL;
	}
}

int fetch_files(
    struct fetch *fetch, struct fetch_file *files, size_t n, char ret_why[FETCH_WHY_MAX])
{
	size_t next = 0, done = 0;

	fetch->error = 0;
	fetch->ret_why = ret_why;
	while (done < n && fetch->error == 0) {
		fill(fetch, files, n, &next);
		if (fetch->error == 0)
			turn(fetch);
		done += collect(fetch);
		if (fetch->options->progress)
			fetch->options->progress(fetch->options->arg, done, n);
	}
	drop(fetch);
	return fetch->error;
}

/* ---- life ---- */

/* The address of a directory, without what follows "?" or "#". NULL: memory. */
static char *base_of(const char *address)
{
	size_t len = strcspn(address, "?#");
	char *base = malloc(len + 2);

	if (!base)
		return NULL;
	memcpy(base, address, len);
	if (len == 0 || base[len - 1] != '/')
		base[len++] = '/';
	base[len] = '\0';
	return base;
}

int fetch_new(const struct fetch_options *options, struct fetch **ret_fetch)
{
	struct fetch *fetch;

	if (strncmp(options->base, "http://", 7) != 0 && strncmp(options->base, "https://", 8) != 0)
		return -EINVAL;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	fetch = calloc(1, sizeof(*fetch));
	if (!fetch) {
		curl_global_cleanup();
		return -ENOMEM;
	}
	fetch->options = options;
	fetch->base = base_of(options->base);
	fetch->multi = curl_multi_init();
	bool good = fetch->base && fetch->multi;
	for (size_t i = 0; i < FETCH_AT_ONCE; i++) {
		fetch->transfers[i] =
		    (struct transfer){.fetch = fetch, .easy = curl_easy_init(), .fd = -1};
		good = good && fetch->transfers[i].easy;
	}
	if (!good) {
		fetch_free(fetch);
		return -ENOMEM;
	}
	*ret_fetch = fetch;
	return 0;
}

void fetch_free(struct fetch *fetch)
{
	if (!fetch)
		return;
	for (size_t i = 0; i < FETCH_AT_ONCE; i++)
		curl_easy_cleanup(fetch->transfers[i].easy);
	if (fetch->multi)
		(void)curl_multi_cleanup(fetch->multi);
	free(fetch->base);
	free(fetch);
	curl_global_cleanup();
}
