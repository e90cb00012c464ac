/* Text forms of bytes and numbers. Strict both ways, since these texts are compared, signed and
 * hashed: there is exactly one text for given bytes. */
#include "base/encode.h"

#include <errno.h>
#include <stdbool.h>

static const char hex_digits[] = "0123456789abcdef";
static const char std_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* A digit's value + 1, so that zero means "no digit". Tables, because a token of 472 digits is read
 * for every vote. */
#define ALPHANUMERIC_VALUES                                                                        \
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,    \
	['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15,         \
	['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22,        \
	['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29,        \
	['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,        \
	['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43,        \
	['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50,        \
	['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57,        \
	['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62
static const uint8_t std_values[256] = {ALPHANUMERIC_VALUES, ['+'] = 63, ['/'] = 64};
static const uint8_t url_values[256] = {ALPHANUMERIC_VALUES, ['-'] = 63, ['_'] = 64};

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

/* The last two or three digits as one or two bytes. Bits past the last whole byte must be zero (RFC
 * 4648 section 3.5): else two texts would stand for the same bytes. */
static int decode_rest(const uint8_t *in, size_t rest, const uint8_t *values, uint8_t *ret_bytes)
{
	uint32_t v = 0;

	for (size_t i = 0; i < rest; i++) {
		if (values[in[i]] == 0)
			return -EINVAL;
		v = v << 6 | (values[in[i]] - 1u);
	}
	v <<= 6 * (4 - rest);
	if (v & (rest == 2 ? 0xffffu : 0xffu))
		return -EINVAL;
	ret_bytes[0] = (uint8_t)(v >> 16);
	if (rest == 3)
		ret_bytes[1] = (uint8_t)(v >> 8);
	return 0;
}

static int decode64(struct slice text, enum padding padding, const uint8_t *values,
    uint8_t *ret_bytes, size_t cap, size_t *ret_len)
{
	const uint8_t *in = (const uint8_t *)text.ptr;
	uint8_t *out = ret_bytes;
	size_t rest;

	if (strip_padding(&text, padding) < 0 || text.len % 4 == 1)
		return -EINVAL;
	rest = text.len % 4;
	if (text.len / 4 * 3 + (rest ? rest - 1 : 0) > cap)
		return -ENOBUFS;
	for (size_t i = 0; i + 4 <= text.len; i += 4, in += 4, out += 3) {
		uint32_t a = values[in[0]], b = values[in[1]], c = values[in[2]], d = values[in[3]];
		uint32_t v;

		if (a == 0 || b == 0 || c == 0 || d == 0)
			return -EINVAL;
		v = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
		out[0] = (uint8_t)(v >> 16);
		out[1] = (uint8_t)(v >> 8);
		out[2] = (uint8_t)v;
	}
	if (rest > 0) {
		if (decode_rest(in, rest, values, out) < 0)
			return -EINVAL;
		out += rest - 1;
	}
	*ret_len = (size_t)(out - ret_bytes);
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

size_t decimal_encode(uint64_t number, char ret_text[DECIMAL_SIZE])
{
	char backwards[DECIMAL_SIZE];
	size_t len = 0;

	do {
		backwards[len++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	for (size_t i = 0; i < len; i++)
		ret_text[i] = backwards[len - 1 - i];
	ret_text[len] = '\0';
	return len;
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
	return decode64(text, PADDING_REQUIRED, std_values, ret_bytes, cap, ret_len);
}

int base64url_decode(struct slice text, void *ret_bytes, size_t cap, size_t *ret_len)
{
	return decode64(text, PADDING_OPTIONAL, url_values, ret_bytes, cap, ret_len);
}
