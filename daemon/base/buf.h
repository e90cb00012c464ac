/* A growing byte buffer with a ceiling. Whoever embeds it owns the bytes.
 * Every function that can fail returns 0, -ENOMEM, or -ENOBUFS when `max` would be passed, and then
 * has changed nothing. */
#ifndef TALLYD_BASE_BUF_H
#define TALLYD_BASE_BUF_H

#include <stddef.h>

#include "base/slice.h"

struct buf {
	char *data; /* NULL until something is put in */
	size_t len;
	size_t cap;
	size_t max;
};

void buf_init(struct buf *buf, size_t max);
void buf_release(struct buf *buf);

__attribute__((warn_unused_result)) int buf_append(struct buf *buf, const void *bytes, size_t len);
__attribute__((warn_unused_result)) int buf_append_slice(struct buf *buf, struct slice bytes);
__attribute__((warn_unused_result)) int buf_append_text(struct buf *buf, const char *text);
__attribute__((warn_unused_result, format(printf, 2, 3))) int buf_printf(
    struct buf *buf, const char *format, ...);

/* Makes room for `len` more bytes at data + len, for a read(2) straight into the buffer. */
__attribute__((warn_unused_result)) int buf_reserve(struct buf *buf, size_t len);

/* Drops `len` bytes from the front. */
void buf_consume(struct buf *buf, size_t len);
void buf_clear(struct buf *buf);

static inline struct slice buf_slice(const struct buf *buf)
{
	return slice_make(buf->data, buf->len);
}

#endif
