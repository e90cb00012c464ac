/* Walks through a file of commands: see aof_scan.h. Understands their form, and of their meaning
 * only MULTI and EXEC. */
#include "store/aof_scan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
	WINDOW = 64 << 10,
	DIGITS_MAX = 18,
};

static const long long ARGS_MAX = 1 << 20, BULK_MAX = 512LL << 20; /* those of Redis' protocol */
static const long long SECONDS_MAX = 1LL << 40;

struct scan {
	int fd;
	uint64_t at; /* offset in the file of window[pos] */
	size_t pos, len;
	char window[WINDOW];
};

/* What a step of reading came to; below 0 it is -errno. */
enum { STEP_OK = 0, STEP_END = AOF_SCAN_UNFINISHED, STEP_BAD = AOF_SCAN_BAD };

static int fill(struct scan *scan)
{
	ssize_t n;

	do
		n = read(scan->fd, scan->window, sizeof(scan->window));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	scan->pos = 0;
	scan->len = (size_t)n;
	return n == 0 ? STEP_END : STEP_OK;
}

static int peek(struct scan *scan, char *ret)
{
	if (scan->pos == scan->len) {
		int step = fill(scan);

		if (step != STEP_OK)
			return step;
	}
	*ret = scan->window[scan->pos];
	return STEP_OK;
}

static void advance(struct scan *scan, size_t n)
{
	scan->pos += n;
	scan->at += n;
}

/* Reads `len` bytes; the first `cap` of them into `ret`. */
static int read_bulk(struct scan *scan, uint64_t len, char *ret, size_t cap)
{
	uint64_t done = 0;

	while (done < len) {
		size_t have;
		char c;
		int step = peek(scan, &c);

		if (step != STEP_OK)
			return step;
		have = scan->len - scan->pos;
		if (have > len - done)
			have = (size_t)(len - done);
		if (done < cap)
			memcpy(ret + done, scan->window + scan->pos,
			    have < cap - done ? have : (size_t)(cap - done));
		advance(scan, have);
		done += have;
	}
	return STEP_OK;
}

static int read_crlf(struct scan *scan)
{
	char crlf[2] = {0};
	int step = read_bulk(scan, 1, crlf, 1);

	if (step == STEP_OK && crlf[0] != '\r')
		return STEP_BAD;
	if (step == STEP_OK)
		step = read_bulk(scan, 1, crlf + 1, 1);
	if (step == STEP_OK && crlf[1] != '\n')
		return STEP_BAD;
	return step;
}

/* "<mark><decimal>" up to `max`. Every byte is judged as it comes: a file that ends within
 * something that is no number is damaged, not unfinished. */
static int read_count(struct scan *scan, char mark, long long max, long long *ret)
{
	long long value = 0;
	size_t digits = 0;
	char c;
	int step = read_bulk(scan, 1, &c, 1);

	if (step != STEP_OK)
		return step;
	if (c != mark)
		return STEP_BAD;
	while ((step = peek(scan, &c)) == STEP_OK && c >= '0' && c <= '9') {
		value = value * 10 + (c - '0');
		if (++digits > DIGITS_MAX || value > max)
			return STEP_BAD;
		advance(scan, 1);
	}
	if (step == STEP_OK && digits == 0)
		return STEP_BAD;
	if (step == STEP_OK)
		step = read_crlf(scan);
	if (step == STEP_OK)
		*ret = value;
	return step;
}

/* "#TS:<seconds>", an annotation between commands. */
static int read_annotation(struct scan *scan)
{
	long long seconds;

	for (const char *p = "#TS"; *p; p++) {
		char c;
		int step = read_bulk(scan, 1, &c, 1);

		if (step != STEP_OK)
			return step;
		if (c != *p)
			return STEP_BAD;
	}
	return read_count(scan, ':', SECONDS_MAX, &seconds);
}

enum command { COMMAND_OTHER, COMMAND_MULTI, COMMAND_EXEC };

static int read_command(struct scan *scan, enum command *ret)
{
	char name[8] = {0};
	long long argc, len, name_len = 0;
	int step = read_count(scan, '*', ARGS_MAX, &argc);

	if (step == STEP_OK && argc < 1)
		return STEP_BAD;
	for (long long i = 0; step == STEP_OK && i < argc; i++) {
		step = read_count(scan, '$', BULK_MAX, &len);
		if (step == STEP_OK)
			step = read_bulk(scan, (uint64_t)len, name, i == 0 ? sizeof(name) - 1 : 0);
		if (step == STEP_OK)
			step = read_crlf(scan);
		if (i == 0)
			name_len = step == STEP_OK ? len : 0;
	}
	if (step != STEP_OK)
		return step;
	*ret = COMMAND_OTHER;
	if (argc == 1 && name_len == 5 && strcasecmp(name, "MULTI") == 0)
		*ret = COMMAND_MULTI;
	else if (argc == 1 && name_len == 4 && strcasecmp(name, "EXEC") == 0)
		*ret = COMMAND_EXEC;
	return STEP_OK;
}

/* Walks to the end. STEP_OK: whole. STEP_END: the command or transaction that begins at *ret_from
 * is not. STEP_BAD: no command, at *ret_from. */
static int walk(struct scan *scan, uint64_t *ret_from, uint64_t *commands)
{
	bool in_multi = false;
	uint64_t multi_at = 0;

	for (;;) {
		uint64_t start = scan->at;
		enum command command = COMMAND_OTHER;
		char c;
		int step = peek(scan, &c);

		if (step == STEP_END) {
			*ret_from = multi_at;
			return in_multi ? STEP_END : STEP_OK;
		}
		if (step == STEP_OK && c == '#') {
			step = read_annotation(scan);
		} else if (step == STEP_OK) {
			step = read_command(scan, &command);
			*commands += step == STEP_OK;
		}
		if (step == STEP_OK && command == (in_multi ? COMMAND_MULTI : COMMAND_EXEC))
			step = STEP_BAD;
		if (step != STEP_OK) {
			*ret_from = step == STEP_END && in_multi ? multi_at : start;
			return step;
		}
		if (command == COMMAND_MULTI)
			multi_at = start;
		if (command != COMMAND_OTHER)
			in_multi = command == COMMAND_MULTI;
	}
}

int aof_scan(int fd, uint64_t *ret_from, uint64_t *ret_end, uint64_t *commands)
{
	struct scan *scan = calloc(1, sizeof(*scan));
	int step;

	if (!scan)
		return -ENOMEM;
	scan->fd = fd;
	step = walk(scan, ret_from, commands);
	*ret_end = scan->at;
	free(scan);
	return step;
}
