/* The texts that stand for values in a configuration file: numbers, durations, sizes, ids,
 * addresses. Pure: text in, value out. */
#ifndef TALLYD_CONFIG_VALUES_H
#define TALLYD_CONFIG_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each: 0 or -EINVAL. Whole decimal numbers without leading zeros; a duration is such a number and
 * ms, s, m, h or d; a size is one of bytes, or with KiB or MiB. */
__attribute__((warn_unused_result)) int value_number(const char *text, int64_t *ret_value);
__attribute__((warn_unused_result)) int value_duration(const char *text, int64_t *ret_ms);
__attribute__((warn_unused_result)) int value_size(const char *text, int64_t *ret_bytes);

/* In the largest unit that it is a whole number of. */
void value_format_duration(int64_t ms, char *ret_text, size_t cap);
void value_format_size(int64_t bytes, char *ret_text, size_t cap);

/* A rule for texts, and the words that describe what it takes. */
struct text_format {
	bool (*matches)(const char *text);
	const char *expected;
};

extern const struct text_format format_id;        /* at most 40 of [a-z0-9-], letter first */
extern const struct text_format format_claim;     /* a claim's name in a JSON Web Token */
extern const struct text_format format_date;      /* 2008-12-31 */
extern const struct text_format format_url;       /* https */
extern const struct text_format format_issuer;    /* of tokens: https, or http on loopback */
extern const struct text_format format_place;     /* of files: https, without ? and # */
extern const struct text_format format_origin;    /* of pages: scheme, host, port */
extern const struct text_format format_listen;    /* address:port */
extern const struct text_format format_redis;     /* unix:/path, tcp:host:port */
extern const struct text_format format_net;       /* address or prefix */
extern const struct text_format format_contact;   /* mail address or URL */
extern const struct text_format format_time_zone; /* IANA name */
extern const struct text_format
    format_server_name; /* host name as RFC 9577 and logs name servers */

/* Characters (code points) of a UTF-8 text. */
size_t value_characters(const char *text);

/* What of `candidates` was probably meant, or NULL when nothing is near. */
const char *value_nearest(const char *word, const char *const *candidates, size_t n);

#endif
