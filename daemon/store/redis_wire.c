/* Formatting, and Redis Cluster's key hashing: see redis_wire.h. */
#include "store/redis_wire.h"

#include <stdint.h>
#include <string.h>

#include "base/encode.h"

/* ---- the command ---- */

static int put_number(struct buf *buf, char mark, size_t n)
{
	char text[DECIMAL_SIZE + 3];
	size_t len;

	text[0] = mark;
	len = 1 + decimal_encode(n, text + 1);
	text[len++] = '\r';
	text[len++] = '\n';
	return buf_append(buf, text, len);
}

int redis_wire(size_t argc, const struct slice *argv, struct buf *ret)
{
	int r = put_number(ret, '*', argc);

	for (size_t i = 0; r == 0 && i < argc; i++) {
		r = put_number(ret, '$', argv[i].len);
		if (r == 0)
			r = buf_append_slice(ret, argv[i]);
		if (r == 0)
			r = buf_append(ret, "\r\n", 2);
	}
	if (r == 0)
		r = buf_append(ret, "", 1);
	if (r == 0)
		ret->len--;
	return r;
}

/* ---- its key ---- */

bool redis_wire_key(size_t argc, const struct slice *argv, struct slice *ret_key)
{
	static const struct {
		const char *name;
		size_t key; /* which argument; 0: none */
	} commands[] = {
	    {"FCALL", 3},
	    {"XINFO", 2},
	    {"MEMORY", 2},
	    {"ACL", 0},
	    {"CLUSTER", 0},
	    {"CONFIG", 0},
	    {"FUNCTION", 0},
	    {"INFO", 0},
	    {"PING", 0},
	    {"TIME", 0},
	};
	size_t at = 1;

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (slice_is(argv[0], commands[i].name))
			at = commands[i].key;
	if (at == 0 || at >= argc)
		return false;
	*ret_key = argv[at];
	return true;
}

/* ---- its slot ---- */

struct slice redis_hash_tag(struct slice key)
{
	const char *open = key.len > 0 ? memchr(key.ptr, '{', key.len) : NULL;
	const char *close;

	if (!open)
		return key;
	close = memchr(open, '}', key.len - (size_t)(open - key.ptr));
	if (!close || close == open + 1)
		return key;
	return slice_make(open + 1, (size_t)(close - open - 1));
}

/* Polynomial 0x1021, start 0, nothing reflected. Four bits at a time: a tag is some twenty bytes.
 */
static unsigned crc16(struct slice bytes)
{
	static const uint16_t nibbles[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6,
	    0x70e7, 0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef};
	unsigned crc = 0;

	for (size_t i = 0; i < bytes.len; i++) {
		unsigned byte = (uint8_t)bytes.ptr[i];

		crc = (crc << 4 & 0xffff) ^ nibbles[(crc >> 12 ^ byte >> 4) & 15];
		crc = (crc << 4 & 0xffff) ^ nibbles[(crc >> 12 ^ byte) & 15];
	}
	return crc;
}

unsigned redis_slot(struct slice key)
{
	return crc16(redis_hash_tag(key)) % REDIS_SLOTS;
}
