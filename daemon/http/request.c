/* What handlers ask of a request's header fields. */
#include "http/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/encode.h"
#include "crypto/digest.h"

struct slice request_bearer(const struct request *req)
{
	static const char scheme[] = "Bearer ";
	const size_t len = sizeof(scheme) - 1;
	struct slice header = req->authorization;

	if (header.len <= len || strncasecmp(header.ptr, scheme, len) != 0)
		return slice_make(NULL, 0);
	header = slice_make(header.ptr + len, header.len - len);
	while (header.len > 0 && *header.ptr == ' ')
		header = slice_make(header.ptr + 1, header.len - 1);
	return header;
}

void etag_make(struct slice bytes, char ret_etag[ETAG_SIZE])
{
	uint8_t digest[SHA256_SIZE];
	char hex[HEX_SIZE((ETAG_SIZE - 3) / 2)];

	sha256(bytes, digest);
	hex_encode(digest, (ETAG_SIZE - 3) / 2, hex);
	(void)snprintf(ret_etag, ETAG_SIZE, "\"%s\"", hex);
}

/* Tags are quoted and hold no quote, so one inside the list is one of its members. */
bool request_holds(const struct request *req, const char *etag)
{
	struct slice tags = req->if_none_match;

	return slice_is(tags, "*") ||
	       (tags.len > 0 && memmem(tags.ptr, tags.len, etag, strlen(etag)) != NULL);
}

/* Whether a list member names `coding` with a weight that is not 0. */
bool request_takes(const struct request *req, const char *coding)
{
	struct slice field = req->accept_encoding;
	const char *at = field.ptr, *end = field.ptr + field.len;
	size_t n = strlen(coding);

	while (at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		const char *stop = comma ? comma : end;
		while (at < stop && (*at == ' ' || *at == '\t'))
			at++;
		const char *after = at + n;
		if ((size_t)(stop - at) >= n && strncasecmp(at, coding, n) == 0 &&
		    (after == stop || *after == ' ' || *after == ';')) {
			const char *q = memmem(after, (size_t)(stop - after), "q=", 2);
			for (q = q ? q + 2 : NULL; q && q < stop && (*q == '0' || *q == '.'); q++)
				;
			return !q || (q < stop && *q >= '1' && *q <= '9');
		}
		at = comma ? comma + 1 : end;
	}
	return false;
}

/* ---- lists of pairs ---- */

/* Cuts "name=value" from the front of a list; false at its end. */
static bool take_pair(
    struct slice *list, char separator, struct slice *ret_name, struct slice *ret_value)
{
	if (list->len == 0)
		return false;
	const char *stop = memchr(list->ptr, separator, list->len);
	size_t len = stop ? (size_t)(stop - list->ptr) : list->len;
	const char *equals = memchr(list->ptr, '=', len);
	size_t name_len = equals ? (size_t)(equals - list->ptr) : len;

	*ret_name = slice_make(list->ptr, name_len);
	*ret_value = equals ? slice_make(equals + 1, len - name_len - 1) : slice_make(NULL, 0);
	len += stop ? 1 : 0;
	*list = slice_make(list->ptr + len, list->len - len);
	return true;
}

struct slice request_cookie(const struct request *req, const char *name)
{
	struct slice list = req->cookie, key, value;

	while (take_pair(&list, ';', &key, &value)) {
		while (key.len > 0 && *key.ptr == ' ')
			key = slice_make(key.ptr + 1, key.len - 1);
		if (slice_is(key, name))
			return value;
	}
	return slice_make(NULL, 0);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int decode(struct slice text, char *ret_value, size_t cap)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		int c = text.ptr[i] == '+' ? ' ' : (unsigned char)text.ptr[i];
		if (c == '%') {
			if (i + 2 >= text.len || hex_digit(text.ptr[i + 1]) < 0 ||
			    hex_digit(text.ptr[i + 2]) < 0)
				return -EINVAL;
			c = hex_digit(text.ptr[i + 1]) << 4 | hex_digit(text.ptr[i + 2]);
			i += 2;
		}
		if (c < 0x20 || c == 0x7f || len + 1 >= cap)
			return -EINVAL;
		ret_value[len++] = (char)c;
	}
	ret_value[len] = '\0';
	return 0;
}

int request_query(const struct request *req, const char *name, char *ret_value, size_t cap)
{
	struct slice list = req->query, key, value;
	int rc = -ENOENT;

	while (take_pair(&list, '&', &key, &value)) {
		if (!slice_is(key, name))
			continue;
		if (rc != -ENOENT)
			return -EINVAL;
		rc = decode(value, ret_value, cap);
		if (rc < 0)
			return rc;
	}
	return rc;
}
