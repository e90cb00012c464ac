/* Text forms of bytes: hex, base64 (RFC 4648 section 4, padded), base64url (section 5); and of
 * numbers, where a vote's price would feel printf.
 * Decoders are strict: no white space, no stray bits, canonical padding. */
#ifndef TALLYD_BASE_ENCODE_H
#define TALLYD_BASE_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define HEX_SIZE(n)    (2 * (n) + 1)             /* with the NUL */
#define DECIMAL_SIZE   21                        /* of a uint64_t, with the NUL */
#define BASE64_SIZE(n) (4 * (((n) + 2) / 3) + 1) /* with the NUL */

/* Each writes a NUL-terminated text into `ret_text`, which holds *_SIZE(len) bytes, and returns the
 * length without the NUL. */
size_t hex_encode(const void *bytes, size_t len, char *ret_text);
size_t base64_encode(const void *bytes, size_t len, char *ret_text);
size_t base64url_encode(const void *bytes, size_t len, char *ret_text);        /* unpadded */
size_t base64url_encode_padded(const void *bytes, size_t len, char *ret_text); /* RFC 9577 */
size_t decimal_encode(uint64_t number, char ret_text[DECIMAL_SIZE]);

/* Each writes at most `cap` bytes and sets *ret_len. 0, or -EINVAL (not such a text), or -ENOBUFS.
 */
__attribute__((warn_unused_result)) int hex_decode(
    struct slice text, void *ret_bytes, size_t cap, size_t *ret_len);
__attribute__((warn_unused_result)) int base64_decode(
    struct slice text, void *ret_bytes, size_t cap, size_t *ret_len);
/* Takes padded and unpadded text alike; padding, where there is any, must be right. */
__attribute__((warn_unused_result)) int base64url_decode(
    struct slice text, void *ret_bytes, size_t cap, size_t *ret_len);

static inline void put_u16be(uint8_t *out, uint16_t v)
{
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
}

static inline void put_u64be(uint8_t *out, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(v >> (56 - 8 * i));
}

static inline uint16_t get_u16be(const uint8_t *in)
{
	return (uint16_t)((in[0] << 8) | in[1]);
}

static inline uint32_t get_u32be(const uint8_t *in)
{
	return ((uint32_t)in[0] << 24) | ((uint32_t)in[1] << 16) | ((uint32_t)in[2] << 8) | in[3];
}

#endif
