/* Opens, describes, takes over. Knows no process. */
#include "worker/holdings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "api/app.h"
#include "base/log.h"
#include "base/rate.h"
#include "config/settings.h"
#include "store/marks.h"

#define RATE_SLOTS  262144 /* 4 MiB */
#define LAYOUT_MAX  64
#define SECRET_SIZE 32

/* ---- the shared memory ---- */

/* At the beginning of the memory; the stats follow, and then, aligned, the marks and the rate
 * table. */
struct shared {
	char layout[LAYOUT_MAX]; /* which program's, and for how many workers */
	uint8_t host_secret[SECRET_SIZE];
	int64_t full_told_ms;
	struct stats stats[];
};

static size_t aligned(size_t size)
{
	return (size + 63) & ~(size_t)63;
}

static size_t marks_offset(const struct holdings *holdings)
{
	return aligned(sizeof(struct shared) + 2 * holdings->n_slots * sizeof(struct stats));
}

static size_t rates_offset(const struct holdings *holdings)
{
	return aligned(marks_offset(holdings) + marks_size());
}

static size_t shared_size(const struct holdings *holdings)
{
	return rates_offset(holdings) + rate_table_size(RATE_SLOTS);
}

static void print_layout(const struct holdings *holdings, char ret[LAYOUT_MAX])
{
	(void)snprintf(ret, LAYOUT_MAX, "tallyd %s, %zu of %zu bytes, %zu, %d", TALLYD_VERSION,
	    holdings->n_slots, sizeof(struct stats), marks_size(), RATE_SLOTS);
}

/* NULL with errno set. */
static struct shared *map_shared(struct holdings *holdings, int fd)
{
	struct shared *shared =
	    mmap(NULL, shared_size(holdings), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (shared == MAP_FAILED)
		return NULL;
	holdings->shared_fd = fd;
	holdings->host_secret = slice_make(shared->host_secret, SECRET_SIZE);
	holdings->full_told_ms = &shared->full_told_ms;
	holdings->stats = shared->stats;
	holdings->marks = marks_in((char *)shared + marks_offset(holdings));
	holdings->rates = rate_table_in((char *)shared + rates_offset(holdings), RATE_SLOTS);
	return shared;
}

static int make_shared(struct holdings *holdings)
{
	int fd = memfd_create("tallyd", MFD_CLOEXEC), error;
	struct shared *shared = NULL;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)shared_size(holdings)) == 0)
		shared = map_shared(holdings, fd);
	if (shared && getrandom(shared->host_secret, SECRET_SIZE, 0) == (ssize_t)SECRET_SIZE) {
		print_layout(holdings, shared->layout);
		return 0;
	}
	error = errno;
	close(fd);
	holdings->shared_fd = -1;
	return -error;
}

/* What another program left, where it has the same form. */
static int take_shared(struct holdings *holdings, int fd)
{
	char theirs[LAYOUT_MAX] = "", ours[LAYOUT_MAX];
	struct stat status;

	print_layout(holdings, ours);
	if (fstat(fd, &status) == 0 && (size_t)status.st_size == shared_size(holdings) &&
	    pread(fd, theirs, sizeof(theirs), 0) == (ssize_t)sizeof(theirs) &&
	    strncmp(theirs, ours, sizeof(ours)) == 0 && map_shared(holdings, fd))
		return 0;
	close(fd);
	log_info("counters and allowances begin anew: this program has them in another form");
	return make_shared(holdings);
}

/* ---- settings that stay ---- */

enum kind { TEXT, NUMBER, TRUTH };

static const struct kept {
	const char *name;
	enum kind kind;
	size_t offset; /* in struct settings */
} kept[] = {
    {"listen", TEXT, offsetof(struct settings, listen)},
    {"admin_listen", TEXT, offsetof(struct settings, admin_listen)},
    {"workers", NUMBER, offsetof(struct settings, workers)},
    /* Two servers at once would each count the same token. */
    {"redis.address", TEXT, offsetof(struct settings, redis.address)},
    {"redis.server.enabled", TRUTH, offsetof(struct settings, redis.server.enabled)},
    {"redis.server.binary", TEXT, offsetof(struct settings, redis.server.binary)},
    {"redis.server.config", TEXT, offsetof(struct settings, redis.server.config)},
    {"redis.server.dir", TEXT, offsetof(struct settings, redis.server.dir)},
};

#define KEPT (sizeof(kept) / sizeof(kept[0]))

static json_t *kept_value(const struct kept *row, const struct settings *settings)
{
	const void *at = (const char *)settings + row->offset;
	const char *text;

	switch (row->kind) {
	case TEXT:
		text = *(char *const *)at;
		return text ? json_string(text) : json_null();
	case NUMBER:
		return json_integer(*(const int *)at);
	case TRUTH:
	default:
		return json_boolean(*(const bool *)at);
	}
}

static int put_back(const struct kept *row, const json_t *value, struct settings *settings)
{
	void *at = (char *)settings + row->offset;
	char *text = NULL;

	switch (row->kind) {
	case TEXT:
		if (json_is_string(value) && !(text = strdup(json_string_value(value))))
			return -ENOMEM;
		free(*(char **)at);
		*(char **)at = text;
		return 0;
	case NUMBER:
		*(int *)at = (int)json_integer_value(value);
		return 0;
	case TRUTH:
	default:
		*(bool *)at = json_is_true(value);
		return 0;
	}
}

static int keep(struct holdings *holdings, const struct settings *settings)
{
	holdings->kept = json_object();
	for (size_t i = 0; i < KEPT; i++)
		if (json_object_set_new(
			holdings->kept, kept[i].name, kept_value(&kept[i], settings)) != 0)
			return -ENOMEM;
	return 0;
}

int holdings_keep(const struct holdings *holdings, struct settings *settings)
{
	int r = 0;

	for (size_t i = 0; i < KEPT && r == 0; i++) {
		const json_t *stays = json_object_get(holdings->kept, kept[i].name);
		json_t *wanted = kept_value(&kept[i], settings);

		if (!wanted)
			return -ENOMEM;
		if (stays && !json_equal(stays, wanted)) {
			log_warn("%s stays as it was: restart to change it", kept[i].name);
			r = put_back(&kept[i], stays, settings);
		}
		json_decref(wanted);
	}
	return r;
}

int holdings_settings(const struct holdings *holdings, struct settings *settings)
{
	int r = 0;

	for (size_t i = 0; i < KEPT && r == 0; i++)
		r = put_back(&kept[i], json_object_get(holdings->kept, kept[i].name), settings);
	return r;
}

/* ---- life ---- */

static void clear(struct holdings *holdings)
{
	*holdings = (struct holdings){.admin_fd = -1, .shared_fd = -1};
	for (size_t i = 0; i < WORKERS_MAX; i++)
		holdings->listen_fds[i] = -1;
}

static size_t count_workers(const struct settings *settings)
{
	long n = settings->workers > 0 ? settings->workers : sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (size_t)n;
}

static int open_sockets(struct holdings *holdings, const struct settings *settings)
{
	char why[LISTEN_WHY_MAX], admin_url[LISTEN_URL_MAX];

	if (listen_open(settings->listen, holdings->n_slots, holdings->listen_fds, holdings->url,
		why) == 0 &&
	    (!settings->admin_listen ||
		listen_open(settings->admin_listen, 1, &holdings->admin_fd, admin_url, why) == 0))
		return EX_OK;
	log_error("%s", why);
	return EX_UNAVAILABLE;
}

/* Sockets first: a port in use is told before anything has been started. */
int holdings_open(struct holdings *holdings, const struct settings *settings)
{
	int status;

	clear(holdings);
	holdings->n_slots = count_workers(settings);
	status = open_sockets(holdings, settings);
	if (status == EX_OK && (make_shared(holdings) != 0 || keep(holdings, settings) != 0))
		status = EX_OSERR;
	return status;
}

/* Sockets and memory go with the process. */
void holdings_release(struct holdings *holdings)
{
	json_decref(holdings->kept);
	holdings->kept = NULL;
}

void holdings_shut(const struct holdings *holdings)
{
	for (size_t i = 0; i < holdings->n_slots; i++) {
		int r = listen_shut(holdings->listen_fds[i]);
		if (r < 0)
			log_warn("connections that come now may be cut: %s", strerror(-r));
	}
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void holdings_leave(const struct holdings *holdings, size_t slot)
{
	for (size_t i = 0; i < holdings->n_slots; i++)
		if (i != slot)
			close_if_open(holdings->listen_fds[i]);
	if (slot != 0)
		close_if_open(holdings->admin_fd);
	close_if_open(holdings->shared_fd);
}

/* ---- from one program to the next ---- */

static void pass_on(int fd, bool over_exec)
{
	if (fd >= 0)
		(void)fcntl(fd, F_SETFD, over_exec ? 0 : FD_CLOEXEC);
}

void holdings_pass_on(const struct holdings *holdings, bool over_exec)
{
	for (size_t i = 0; i < holdings->n_slots; i++)
		pass_on(holdings->listen_fds[i], over_exec);
	pass_on(holdings->admin_fd, over_exec);
	pass_on(holdings->shared_fd, over_exec);
}

json_t *holdings_describe(const struct holdings *holdings)
{
	json_t *listen = json_array();

	for (size_t i = 0; i < holdings->n_slots; i++)
		json_array_append_new(listen, json_integer(holdings->listen_fds[i]));
	return json_pack("{s:o, s:i, s:i, s:s, s:O}", "listen", listen, "admin", holdings->admin_fd,
	    "shared", holdings->shared_fd, "url", holdings->url, "kept", holdings->kept);
}

static bool is_open(int fd)
{
	return fd >= 0 && fcntl(fd, F_GETFD) >= 0;
}

static int take_sockets(struct holdings *holdings, const json_t *listen)
{
	holdings->n_slots = json_array_size(listen);
	if (holdings->n_slots < 1 || holdings->n_slots > WORKERS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < holdings->n_slots; i++) {
		holdings->listen_fds[i] = (int)json_integer_value(json_array_get(listen, i));
		if (!is_open(holdings->listen_fds[i]))
			return -EINVAL;
	}
	return 0;
}

int holdings_take(struct holdings *holdings, const json_t *described)
{
	const char *url;
	int shared, r;
	json_t *listen;

	clear(holdings);
	if (json_unpack((json_t *)(uintptr_t)described, "{s:o, s:i, s:i, s:s, s:O}", "listen",
		&listen, "admin", &holdings->admin_fd, "shared", &shared, "url", &url, "kept",
		&holdings->kept) != 0)
		return -EINVAL;
	(void)snprintf(holdings->url, sizeof(holdings->url), "%s", url);
	r = take_sockets(holdings, listen);
	if (r == 0 &&
	    (!is_open(shared) || (holdings->admin_fd >= 0 && !is_open(holdings->admin_fd))))
		r = -EINVAL;
	if (r == 0)
		r = take_shared(holdings, shared);
	holdings_pass_on(holdings, false);
	return r;
}
