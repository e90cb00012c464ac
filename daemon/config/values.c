/* Texts of single values. Does not know where in a file they stand. */
#include "config/values.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/net.h"

/* ---- numbers with and without units ---- */

struct unit {
	const char *suffix;
	int64_t factor;
};

static const struct unit durations[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit sizes[] = {{"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Reads digits, returns what follows them; NULL when there is no such number. */
static const char *take_number(const char *text, int64_t *ret_value)
{
	int64_t value = 0;
	const char *c = text;

	for (; *c >= '0' && *c <= '9'; c++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *c - '0', &value))
			return NULL;
	if (c == text || (*text == '0' && c > text + 1))
		return NULL;
	*ret_value = value;
	return c;
}

int value_number(const char *text, int64_t *ret_value)
{
	bool negative = *text == '-';
	int64_t value;
	const char *end = take_number(text + negative, &value);

	if (!end || *end)
		return -EINVAL;
	*ret_value = negative ? -value : value;
	return 0;
}

static int with_unit(const char *text, const struct unit *units, size_t n, int64_t *ret_value)
{
	int64_t number, value;
	const char *suffix = take_number(text, &number);

	for (size_t i = 0; suffix && i < n; i++) {
		if (strcmp(suffix, units[i].suffix) != 0)
			continue;
		if (__builtin_mul_overflow(number, units[i].factor, &value))
			return -EINVAL;
		*ret_value = value;
		return 0;
	}
	return -EINVAL;
}

static void format_unit(
    int64_t value, const struct unit *units, size_t n, char *ret_text, size_t cap)
{
	size_t i = 0;

	while (i + 1 < n && (value % units[i].factor != 0 || value < units[i].factor))
		i++;
	(void)snprintf(ret_text, cap, "%" PRId64 "%s", value / units[i].factor, units[i].suffix);
}

int value_duration(const char *text, int64_t *ret_ms)
{
	return with_unit(text, durations, COUNT(durations), ret_ms);
}

int value_size(const char *text, int64_t *ret_bytes)
{
	return with_unit(text, sizes, COUNT(sizes), ret_bytes);
}

void value_format_duration(int64_t ms, char *ret_text, size_t cap)
{
	if (ms == 0)
		(void)snprintf(ret_text, cap, "0s");
	else
		format_unit(ms, durations, COUNT(durations), ret_text, cap);
}

void value_format_size(int64_t bytes, char *ret_text, size_t cap)
{
	format_unit(bytes, sizes, COUNT(sizes), ret_text, cap);
}

/* ---- formats of texts ---- */

#define LOWER      "abcdefghijklmnopqrstuvwxyz"
#define UPPER      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS     "0123456789"
#define HOST_CHARS LOWER UPPER DIGITS ".-"
#define URL_CHARS  LOWER UPPER DIGITS "-._~:/?#@!$&'*+,;=%"

#define ID_MAX       40
#define URL_MAX      300
#define NAME_MAX_LEN 80

static bool only(const char *text, size_t len, const char *allowed)
{
	return len > 0 && strspn(text, allowed) >= len;
}

static bool is_port(const char *text, bool zero)
{
	int64_t port;

	return value_number(text, &port) == 0 && port >= (zero ? 0 : 1) && port <= 65535;
}

/* "host" or "[v6]", and after it ":port" where `port` is asked for. */
static bool is_host_port(const char *text, bool port_needed, bool port_zero)
{
	const char *end;

	if (*text == '[') {
		end = strchr(text, ']');
		if (!end || !only(text + 1, (size_t)(end - text - 1), DIGITS "abcdefABCDEF:."))
			return false;
		end++;
	} else {
		end = text + strspn(text, HOST_CHARS);
		if (end == text)
			return false;
	}
	return *end == ':' ? is_port(end + 1, port_zero) : *end == '\0' && !port_needed;
}

static bool is_id(const char *text)
{
	size_t len = strlen(text);

	return len <= ID_MAX && strspn(text, LOWER) > 0 && only(text, len, LOWER DIGITS "-");
}

static bool is_url(const char *text)
{
	size_t len = strlen(text);

	return len <= URL_MAX && strncmp(text, "https://", 8) == 0 &&
	       strspn(text + 8, HOST_CHARS) > 0 && text[8] != '.' && text[8] != '-' &&
	       only(text, len, URL_CHARS);
}

static bool is_issuer(const char *text)
{
	static const char *const loopback[] = {
	    "http://127.0.0.1:", "http://localhost:", "http://[::1]:"};

	if (strpbrk(text, "?#"))
		return false;
	for (size_t i = 0; i < COUNT(loopback); i++)
		if (strncmp(text, loopback[i], strlen(loopback[i])) == 0)
			return only(text, strlen(text), URL_CHARS "[]");
	return is_url(text);
}

/* It is put into a command line, too. */
static bool is_place(const char *text)
{
	size_t len = strlen(text), host;

	if (len > URL_MAX || strncmp(text, "https://", 8) != 0)
		return false;
	host = strcspn(text + 8, "/");
	return host > 0 && host <= NAME_MAX_LEN && text[8] != '.' && text[8] != '-' &&
	       only(text + 8, host, LOWER DIGITS ".-:") &&
	       strspn(text + 8 + host, LOWER UPPER DIGITS "-._~/%") == len - 8 - host;
}

static bool is_origin(const char *text)
{
	const char *host = NULL;

	if (strncmp(text, "https://", 8) == 0)
		host = text + 8;
	else if (strncmp(text, "http://", 7) == 0)
		host = text + 7;
	/* A browser sends the host in lower case; an origin is compared as bytes (RFC 6454
	 * section 6.2). */
	return host && strpbrk(text, UPPER) == NULL && is_host_port(host, false, false);
}

static bool is_listen(const char *text)
{
	if (strncmp(text, "*:", 2) == 0)
		return is_port(text + 2, true);
	return is_host_port(text, true, true);
}

static bool is_redis(const char *text)
{
	if (strncmp(text, "unix:", 5) == 0)
		return text[5] != '\0';
	return strncmp(text, "tcp:", 4) == 0 && is_host_port(text + 4, true, false);
}

static bool is_contact(const char *text)
{
	const char *at = strchr(text, '@');

	if (strncmp(text, "https://", 8) == 0)
		return is_url(text);
	return at && at > text && !strpbrk(text, " <>\"'()") &&
	       only(at + 1, strlen(at + 1), HOST_CHARS);
}

/* Held against the system's time zone database, where there is one. */
static bool is_in_zone_database(const char *name)
{
	static const char directory[] = "/usr/share/zoneinfo";
	char path[sizeof(directory) + NAME_MAX_LEN + 1];

	if (access(directory, R_OK) != 0)
		return true;
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return access(path, R_OK) == 0;
}

static bool is_time_zone(const char *text)
{
	size_t len = strlen(text);

	return len <= NAME_MAX_LEN && strspn(text, UPPER) > 0 &&
	       only(text, len, LOWER UPPER DIGITS "_+-/") && is_in_zone_database(text);
}

static bool is_server_name(const char *text)
{
	size_t len = strlen(text);

	return len <= NAME_MAX_LEN && only(text, len, LOWER DIGITS ".-:") && text[0] != '.';
}

static bool is_claim(const char *text)
{
	return *text && only(text, strlen(text), LOWER UPPER DIGITS "_-.:/");
}

/* Any time of a day that there is would do. */
static bool is_date(const char *text)
{
	char time[32];
	int64_t ms;

	return strlen(text) == 10 && strncmp(text, "0000", 4) != 0 &&
	       snprintf(time, sizeof(time), "%sT00:00:00Z", text) > 0 &&
	       clock_parse(slice_text(time), &ms) == 0;
}

static bool is_net(const char *text)
{
	struct net net;

	return net_read(text, &net);
}

const struct text_format format_id = {
    is_id, "an id of at most 40 characters a-z, 0-9 and -, beginning with a letter, such as nc-ai"};
const struct text_format format_claim = {
    is_claim, "a claim's name of letters, digits, _, -, ., : and /, such as birthdate"};
const struct text_format format_date = {is_date, "a date such as 2008-12-31"};
const struct text_format format_url = {is_url, "an https:// address"};
const struct text_format format_issuer = {is_issuer,
    "an https:// address without ? and # (http:// only on loopback), such as https://id.example"};
const struct text_format format_place = {is_place,
    "an https:// address with a host name in lower case and without ? and #, such as "
    "https://count.example/"};
const struct text_format format_origin = {
    is_origin, "an origin in lower case without a path, such as https://vote.example"};
const struct text_format format_listen = {
    is_listen, "an address and a port, such as 127.0.0.1:8080, [::1]:8080 or *:8080"};
const struct text_format format_redis = {
    is_redis, "unix:/path/to/socket or tcp:host:port, such as tcp:127.0.0.1:6379"};
const struct text_format format_net = {is_net,
    "an address or a prefix without bits behind it, such as 10.0.0.0/8, 192.0.2.7 or fd00::/8"};
const struct text_format format_contact = {is_contact, "a mail address or an https:// address"};
const struct text_format format_time_zone = {
    is_time_zone, "the name of a time zone, such as Asia/Seoul"};
const struct text_format format_server_name = {
    is_server_name, "a host name in lower case of at most 80 characters, such as vote.example"};

/* ---- words ---- */

size_t value_characters(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xC0) != 0x80;
	return count;
}

#define WORD_MAX 40

static int least(int a, int b, int c)
{
	int least_of_two = a < b ? a : b;

	return least_of_two < c ? least_of_two : c;
}

/* Edits (insert, delete, change, swap of neighbours) from a to b; both at most WORD_MAX long. */
static int distance(const char *a, const char *b)
{
	int rows[3][WORD_MAX + 1];
	int *before = rows[0], *last = rows[1], *now = rows[2];
	int len_a = (int)strlen(a), len_b = (int)strlen(b);

	for (int k = 0; k <= len_b; k++)
		last[k] = k;
	for (int i = 1; i <= len_a; i++) {
		int *spare = before;

		now[0] = i;
		for (int k = 1; k <= len_b; k++) {
			now[k] = least(
			    last[k] + 1, now[k - 1] + 1, last[k - 1] + (a[i - 1] != b[k - 1]));
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] &&
			    before[k - 2] + 1 < now[k])
				now[k] = before[k - 2] + 1;
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[len_b];
}

const char *value_nearest(const char *word, const char *const *candidates, size_t n)
{
	size_t len = strlen(word);
	int allowed = len < 4 ? 1 : len < 8 ? 2 : 3;
	const char *nearest = NULL;

	if (len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		int edits;

		if (!candidates[i] || strlen(candidates[i]) > WORD_MAX)
			continue;
		edits = distance(word, candidates[i]);
		if (edits > allowed)
			continue;
		nearest = candidates[i];
		allowed = edits - 1;
	}
	return nearest;
}
