/* A borrowed run of bytes: pointer and length. Owns nothing, is never kept past the call that
 * passed it unless the header that stores it says who owns the bytes. Not NUL-terminated. */
#ifndef TALLYD_BASE_SLICE_H
#define TALLYD_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *ptr;
	size_t len;
};

static inline struct slice slice_make(const void *ptr, size_t len)
{
	return (struct slice){(const char *)ptr, len};
}

/* A string literal or other NUL-terminated text, without its NUL. NULL gives the empty slice. */
static inline struct slice slice_text(const char *text)
{
	return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
	return slice_equal(a, slice_text(text));
}

static inline bool slice_starts(struct slice a, const char *prefix)
{
	size_t n = strlen(prefix);
	return a.len >= n && memcmp(a.ptr, prefix, n) == 0;
}

#endif
