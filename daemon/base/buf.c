/* A growing byte buffer with a ceiling. Capacities double, so appending is linear in the total;
 * consuming moves the rest to the front, so callers consume in large steps. */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST_CAP 256

void buf_init(struct buf *buf, size_t max)
{
	*buf = (struct buf){.max = max};
}

void buf_release(struct buf *buf)
{
	free(buf->data);
	buf->data = NULL;
	buf->len = 0;
	buf->cap = 0;
}

int buf_reserve(struct buf *buf, size_t len)
{
	if (len > buf->max || buf->len > buf->max - len)
		return -ENOBUFS;
	size_t need = buf->len + len;
	if (need <= buf->cap)
		return 0;

	size_t cap = buf->cap ? buf->cap : BUF_FIRST_CAP;
	while (cap < need && cap <= buf->max / 2)
		cap *= 2;
	if (cap < need || cap > buf->max)
		cap = buf->max;
	char *data = realloc(buf->data, cap);
	if (!data)
		return -ENOMEM;
	buf->data = data;
	buf->cap = cap;
	return 0;
}

int buf_append(struct buf *buf, const void *bytes, size_t len)
{
	if (len == 0)
		return 0;
	int r = buf_reserve(buf, len);
	if (r < 0)
		return r;
	memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	return 0;
}

int buf_append_slice(struct buf *buf, struct slice bytes)
{
	return buf_append(buf, bytes.ptr, bytes.len);
}

int buf_append_text(struct buf *buf, const char *text)
{
	return buf_append(buf, text, strlen(text));
}

/* vsnprintf writes a NUL too. Where that last byte would pass `max`, the text takes a detour. */
static int append_without_room_for_nul(
    struct buf *buf, size_t len, const char *format, va_list args)
{
	char *text = malloc(len + 1);
	if (!text)
		return -ENOMEM;
	vsnprintf(text, len + 1, format, args);
	int r = buf_append(buf, text, len);
	free(text);
	return r;
}

int buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;

	size_t room = buf->cap - buf->len;
	va_start(args, format);
	int n = vsnprintf(room ? buf->data + buf->len : NULL, room, format, args);
	va_end(args);
	if (n < 0)
		return -ENOMEM;
	size_t len = (size_t)n;
	if (len < room) {
		buf->len += len;
		return 0;
	}

	int r = buf_reserve(buf, len + 1);
	if (r == -ENOMEM)
		return r;
	va_start(args, format);
	if (r == 0) {
		vsnprintf(buf->data + buf->len, len + 1, format, args);
		buf->len += len;
	} else {
		r = append_without_room_for_nul(buf, len, format, args);
	}
	va_end(args);
	return r;
}

void buf_consume(struct buf *buf, size_t len)
{
	if (len >= buf->len) {
		buf->len = 0;
		return;
	}
	buf->len -= len;
	memmove(buf->data, buf->data + len, buf->len);
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
}
