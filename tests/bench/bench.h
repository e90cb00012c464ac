/* What the benchmarks share: the round with its private key, tokens minted offline, requests ready
 * to send, processes' CPU time and memory. One file a program: all functions are inline. */
#ifndef TALLYD_TESTS_BENCH_H
#define TALLYD_TESTS_BENCH_H

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "base/encode.h"
#include "config/round.h"
#include "config/settings.h"
#include "contest/form.h"

__attribute__((format(printf, 1, 2), noreturn)) static inline void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
	exit(EX_SOFTWARE);
}

static inline int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static inline int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Of values sorted with by_size(). */
static inline double percentile(const uint32_t *sorted, size_t n, double p)
{
	size_t at = (size_t)((double)n * p);

	return n ? sorted[at < n ? at : n - 1] : 0;
}

static inline long number_argument(const char *text, const char *name)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (end == text || *end != '\0' || number < 1)
		die("%s takes a number from 1, not \"%s\"", name, text);
	return number;
}

struct bench_option { /* a number from 1 */
	const char *name;
	long *value;
};

#define BENCH_OPTIONS_MAX 8

/* Reads -c FILE and the options, which end with a row without a name. Returns FILE; ends with the
 * usage where it or a value that is still 0 is missing. */
static inline const char *bench_arguments(
    int argc, char **argv, const char *usage, const struct bench_option *options)
{
	struct option all[BENCH_OPTIONS_MAX + 2] = {{"config", required_argument, NULL, 'c'}};
	const char *config = NULL;
	bool wrong = false;
	int option, n = 0, which = 0;

	for (; options[n].name; n++)
		all[n + 1] = (struct option){options[n].name, required_argument, &which, n};
	while ((option = getopt_long(argc, argv, "c:", all, NULL)) != -1) {
		if (option == 'c')
			config = optarg;
		else if (option == 0)
			*options[which].value = number_argument(optarg, options[which].name);
		else
			wrong = true;
	}
	for (int i = 0; i < n; i++)
		wrong |= *options[i].value == 0;
	if (wrong || !config || optind != argc) {
		(void)fputs(usage, stderr);
		exit(EX_USAGE);
	}
	return config;
}

/* ---- the contest ---- */

struct bench {
	struct settings settings;
	struct round *round;
	struct blindrsa_private *key;
	uint16_t port;
};

/* `port`: where the daemon serves. */
static inline void bench_load(struct bench *bench, const char *config, long port)
{
	struct config_errors errors = {0};
	char why[ROUND_WHY_MAX];

	if (settings_load(config, &bench->settings, &errors) < 0) {
		config_errors_print(&errors, stderr);
		exit(EX_CONFIG);
	}
	config_errors_release(&errors);
	if (round_load(&bench->settings, bench->settings.contests[0], &bench->round, why) < 0 ||
	    keyring_load_token_private(bench->settings.keys, bench->round->name, &bench->key, why) <
		0)
		die("%s", why);
	bench->port = (uint16_t)port;
}

static inline void bench_release(struct bench *bench)
{
	blindrsa_private_free(bench->key);
	round_free(bench->round);
	settings_release(&bench->settings);
}

#define BENCH_REQUEST_MAX 1200

struct bench_request {
	size_t len;
	char text[BENCH_REQUEST_MAX];
};

/* A whole request that casts a ballot for one entry with a fresh token. */
static inline void bench_mint(const struct bench *bench, size_t entry, struct bench_request *ret)
{
	const struct round *round = bench->round;
	uint8_t nonce[PP_NONCE_SIZE], token[PP_TOKEN_SIZE];
	char text[BASE64_SIZE(PP_TOKEN_SIZE)], body[256];
	int len;

	if (RAND_bytes(nonce, sizeof(nonce)) <= 0)
		die("no randomness");
	pp_token_input(nonce, round->challenge_digest, round->keys.token_key_id, token);
	if (blindrsa_sign_message(bench->key, slice_make(token, PP_TOKEN_INPUT_SIZE),
		token + PP_TOKEN_INPUT_SIZE) < 0)
		die("a token could not be signed");
	(void)base64url_encode_padded(token, sizeof(token), text);
	entry %= round->contest->n_entries;
	(void)snprintf(body, sizeof(body),
	    strcmp(round->contest->form->name, "scores") == 0 ? "{\"scores\":{\"%s\":%d}}"
							      : "{\"choices\":[\"%s\"]}",
	    round->contest->entries[entry].id, round->contest->ballot.score_max);
	len = snprintf(ret->text, sizeof(ret->text),
	    "POST /v1/contests/%s/ballots HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
	    "Authorization: PrivateToken token=\"%s\"\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    round->contest->id, bench->port, text, strlen(body), body);
	if (len < 0 || (size_t)len >= sizeof(ret->text))
		die("the request is too long");
	ret->len = (size_t)len;
}

/* ---- processes ---- */

#define PROCESSES_MAX 64

enum process_kind { PROCESS_WORKER, PROCESS_REDIS, PROCESS_OTHER, PROCESS_KINDS };

struct processes { /* a supervisor and its children */
	size_t n;
	pid_t pid[PROCESSES_MAX];
	enum process_kind kind[PROCESSES_MAX];
};

static inline enum process_kind process_kind(pid_t pid)
{
	char path[64], name[64] = "";
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file = fopen(path, "r");
	if (file != NULL) {
		if (fgets(name, sizeof(name), file) == NULL)
			name[0] = '\0';
		(void)fclose(file);
	}
	if (strncmp(name, "worker", 6) == 0 || strncmp(name, "nginx", 5) == 0 ||
	    strncmp(name, "node", 4) == 0) /* these are peers' */
		return PROCESS_WORKER;
	return strncmp(name, "redis", 5) == 0 ? PROCESS_REDIS : PROCESS_OTHER;
}

static inline void processes_add(struct processes *all, pid_t pid)
{
	if (all->n == PROCESSES_MAX)
		die("too many processes");
	all->pid[all->n] = pid;
	all->kind[all->n++] = process_kind(pid);
}

static inline void processes_find(struct processes *all, pid_t supervisor)
{
	char path[64];
	int child;
	FILE *file;

	processes_add(all, supervisor);
	(void)snprintf(
	    path, sizeof(path), "/proc/%d/task/%d/children", (int)supervisor, (int)supervisor);
	file = fopen(path, "r");
	if (file == NULL)
		die("%s: %s", path, strerror(errno));
	while (fscanf(file, "%d", &child) == 1)
		processes_add(all, child);
	(void)fclose(file);
}

/* utime and stime of all threads, from /proc/PID/stat, in microseconds (10 ms fine). */
static inline double process_cpu_us(pid_t pid)
{
	char path[64], line[1024];
	const char *rest;
	unsigned long user, system;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (file == NULL || fgets(line, sizeof(line), file) == NULL)
		die("%s: the process is gone", path);
	(void)fclose(file);
	rest = strrchr(line, ')'); /* the name may hold anything */
	if (rest == NULL || sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
				&user, &system) != 2)
		die("%s: cannot be read", path);
	return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static inline double cpu_us(const struct processes *all, enum process_kind kind)
{
	double sum = 0;

	for (size_t i = 0; i < all->n; i++)
		if (all->kind[i] == kind)
			sum += process_cpu_us(all->pid[i]);
	return sum;
}

/* VmRSS in bytes. */
static inline double rss_bytes(const struct processes *all, enum process_kind kind)
{
	double sum = 0;

	for (size_t i = 0; i < all->n; i++) {
		char path[64], line[256];
		long kb;
		FILE *file;

		if (all->kind[i] != kind)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)all->pid[i]);
		file = fopen(path, "r");
		if (file == NULL)
			die("%s: %s", path, strerror(errno));
		while (fgets(line, sizeof(line), file) != NULL)
			if (sscanf(line, "VmRSS: %ld kB", &kb) == 1)
				sum += (double)kb * 1024;
		(void)fclose(file);
	}
	return sum;
}

/* ---- connections ---- */

static inline int connect_to(const struct bench *bench)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons(bench->port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("127.0.0.1:%u: %s", bench->port, strerror(errno));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

#define BENCH_REPLY_MAX 4096

struct bench_client { /* a keep-alive connection, one request in flight */
	int fd;
	size_t len; /* of the reply so far */
	char reply[BENCH_REPLY_MAX];
};

static inline void client_send(struct bench_client *client, const char *text, size_t len)
{
	client->len = 0;
	if (send(client->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		die("send: %s", strerror(errno));
}

/* Length of the whole reply, or 0 while it is not all there. */
static inline size_t client_reply_length(struct bench_client *client)
{
	const char *end, *length;
	size_t total;

	client->reply[client->len] = '\0';
	end = strstr(client->reply, "\r\n\r\n");
	if (end == NULL)
		return 0;
	length = strcasestr(client->reply, "\r\ncontent-length:");
	if (length == NULL || length > end)
		die("a reply without a length: %.300s", client->reply);
	total = (size_t)(end + 4 - client->reply) + strtoul(length + 17, NULL, 10);
	if (total >= BENCH_REPLY_MAX)
		die("a reply of %zu bytes", total);
	return client->len >= total ? total : 0;
}

/* Reads what has come. True once the reply is whole. */
static inline bool client_receive(struct bench_client *client)
{
	ssize_t n =
	    recv(client->fd, client->reply + client->len, BENCH_REPLY_MAX - 1 - client->len, 0);

	if (n <= 0)
		die("the daemon closed a connection: %s", n < 0 ? strerror(errno) : "end");
	client->len += (size_t)n;
	return client_reply_length(client) > 0;
}

static inline bool client_has_status(const struct bench_client *client, const char *status)
{
	return strncmp(client->reply, "HTTP/1.1 ", 9) == 0 &&
	       strncmp(client->reply + 9, status, 3) == 0;
}

static inline void raise_descriptors(size_t wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("getrlimit: %s", strerror(errno));
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < wanted)
		die("%zu descriptors are needed, and the limit is %lu: raise it (ulimit -n)",
		    wanted, (unsigned long)limit.rlim_cur);
}

#endif
