/* Text forms of bytes. Strict both ways, since these texts are compared, signed and hashed: there
 * is exactly one text for given bytes. */
#include "base/encode.h"

#include <errno.h>
#include <stdbool.h>

static const char hex_digits[] = "0123456789abcdef";
static const char std_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

enum padding { PADDING_REQUIRED, PADDING_OPTIONAL };

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Value of a base64 digit whose last two digits are c62 and c63, or -1. */
static int base64_value(char c, char c62, char c63)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == c62)
		return 62;
	return c == c63 ? 63 : -1;
}

static size_t encode64(
    const uint8_t *bytes, size_t len, const char *digits, bool padded, char *ret_text)
{
	char *out = ret_text;

	while (len >= 3) {
		uint32_t v = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		*out++ = digits[v >> 6 & 63];
		*out++ = digits[v & 63];
		bytes += 3;
		len -= 3;
	}
	if (len > 0) {
		uint32_t v = (uint32_t)bytes[0] << 16 | (len == 2 ? (uint32_t)bytes[1] << 8 : 0);
		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		if (len == 2)
			*out++ = digits[v >> 6 & 63];
		else if (padded)
			*out++ = '=';
		if (padded)
			*out++ = '=';
	}
	*out = '\0';
	return (size_t)(out - ret_text);
}

/* Takes the padding off the text. 0, or -EINVAL where it is not what `padding` allows. */
static int strip_padding(struct slice *text, enum padding padding)
{
	size_t pads = 0;

	while (pads < 2 && text->len > pads && text->ptr[text->len - 1 - pads] == '=')
		pads++;
	if (pads > 0 && text->len % 4 != 0)
		return -EINVAL;
	if (padding == PADDING_REQUIRED && text->len % 4 != 0)
		return -EINVAL;
	text->len -= pads;
	return 0;
}

static int decode64(struct slice text, enum padding padding, const char *digits, uint8_t *ret_bytes,
    size_t cap, size_t *ret_len)
{
	uint32_t v = 0;
	size_t len = 0;
	size_t rest;

	if (strip_padding(&text, padding) < 0 || text.len % 4 == 1)
		return -EINVAL;
	rest = text.len % 4;
	if (text.len / 4 * 3 + (rest ? rest - 1 : 0) > cap)
		return -ENOBUFS;
	for (size_t i = 0; i < text.len; i++) {
		int digit = base64_value(text.ptr[i], digits[62], digits[63]);
		if (digit < 0)
			return -EINVAL;
		v = v << 6 | (uint32_t)digit;
		if (i % 4 == 3) {
			ret_bytes[len++] = (uint8_t)(v >> 16);
			ret_bytes[len++] = (uint8_t)(v >> 8);
			ret_bytes[len++] = (uint8_t)v;
			v = 0;
		}
	}
	/* Bits past the last whole byte must be zero (RFC 4648 section 3.5): else two texts would
	 * stand for the same bytes. */
	if ((rest == 2 && (v & 0xf)) || (rest == 3 && (v & 3)))
		return -EINVAL;
	if (rest == 2)
		ret_bytes[len++] = (uint8_t)(v >> 4);
	if (rest == 3) {
		ret_bytes[len++] = (uint8_t)(v >> 10);
		ret_bytes[len++] = (uint8_t)(v >> 2);
	}
	*ret_len = len;
	return 0;
}

size_t hex_encode(const void *bytes, size_t len, char *ret_text)
{
	const uint8_t *in = bytes;

	for (size_t i = 0; i < len; i++) {
		ret_text[2 * i] = hex_digits[in[i] >> 4];
		ret_text[2 * i + 1] = hex_digits[in[i] & 15];
	}
	ret_text[2 * len] = '\0';
	return 2 * len;
}

size_t base64_encode(const void *bytes, size_t len, char *ret_text)
{
	return encode64(bytes, len, std_digits, true, ret_text);
}

size_t base64url_encode(const void *bytes, size_t len, char *ret_text)
{
	return encode64(bytes, len, url_digits, false, ret_text);
}

size_t base64url_encode_padded(const void *bytes, size_t len, char *ret_text)
{
	return encode64(bytes, len, url_digits, true, ret_text);
}

int hex_decode(struct slice text, void *ret_bytes, size_t cap, size_t *ret_len)
{
	uint8_t *out = ret_bytes;

	if (text.len % 2 != 0)
		return -EINVAL;
	if (text.len / 2 > cap)
		return -ENOBUFS;
	for (size_t i = 0; i < text.len; i += 2) {
		int high = hex_value(text.ptr[i]);
		int low = hex_value(text.ptr[i + 1]);
		if (high < 0 || low < 0)
			return -EINVAL;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	*ret_len = text.len / 2;
	return 0;
}

int base64_decode(struct slice text, void *ret_bytes, size_t cap, size_t *ret_len)
{
	return decode64(text, PADDING_REQUIRED, std_digits, ret_bytes, cap, ret_len);
}

int base64url_decode(struct slice text, void *ret_bytes, size_t cap, size_t *ret_len)
{
	return decode64(text, PADDING_OPTIONAL, url_digits, ret_bytes, cap, ret_len);
}
