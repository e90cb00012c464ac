/* A gzip member is a header, DEFLATE blocks, and a trailer with the CRC and length of the plain
 * text. Blocks may be put behind each other where the first ends at a byte (Z_FULL_FLUSH), and the
 * CRCs of two texts give that of both. */
#include "http/packed.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include <zlib.h>

#define TRAILER_SIZE 8

/* Of DEFLATE; a window below 0 stands for blocks alone, without a wrapper. */
struct effort {
	int level, window, memory;
};
static const struct effort once = {Z_BEST_COMPRESSION, -15, 9};
static const struct effort each_time = {Z_BEST_SPEED, -9, 1}; /* an end is a few hundred bytes */

struct packed {
	struct buf blocks; /* the member's header and the beginning's blocks */
	uLong crc;
	size_t plain_len;
};

static int compress_blocks(
    struct slice text, const struct effort *effort, int flush, struct buf *out)
{
	z_stream stream = {0};
	int rc;

	if (deflateInit2(&stream, effort->level, Z_DEFLATED, effort->window, effort->memory,
		Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	/* The bound is that of a text with an end; a flush ends it with an empty block of 5 bytes.
	 */
	size_t max = deflateBound(&stream, text.len) + 8;
	rc = buf_reserve(out, max);
	if (rc == 0) {
		stream.next_in = (Bytef *)text.ptr;
		stream.avail_in = (uInt)text.len;
		stream.next_out = (Bytef *)out->data + out->len;
		stream.avail_out = (uInt)max;
		int ended = deflate(&stream, flush);
		if (ended != (flush == Z_FINISH ? Z_STREAM_END : Z_OK) || stream.avail_in > 0)
			rc = -ENOBUFS;
		else
			out->len += stream.total_out;
	}
	deflateEnd(&stream);
	return rc;
}

struct packed *packed_new(struct slice beginning)
{
	/* Section 2.3.1: DEFLATE, no name, no time, of no system in particular. */
	static const uint8_t header[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255};
	struct packed *packed = calloc(1, sizeof(*packed));

	if (!packed)
		return NULL;
	buf_init(&packed->blocks, SIZE_MAX);
	packed->plain_len = beginning.len;
	packed->crc = crc32_z(0, (const Bytef *)beginning.ptr, beginning.len);
	if (buf_append(&packed->blocks, header, sizeof(header)) != 0 ||
	    compress_blocks(beginning, &once, Z_FULL_FLUSH, &packed->blocks) != 0) {
		packed_free(packed);
		return NULL;
	}
	return packed;
}

void packed_free(struct packed *packed)
{
	if (!packed)
		return;
	buf_release(&packed->blocks);
	free(packed);
}

static void put_le32(uint8_t *at, uint32_t number)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(number >> (8 * i));
}

int packed_append(const struct packed *packed, struct slice end, struct buf *out)
{
	uint8_t trailer[TRAILER_SIZE];
	size_t before = out->len;
	uLong crc = crc32_z(0, (const Bytef *)end.ptr, end.len);

	put_le32(trailer, (uint32_t)crc32_combine(packed->crc, crc, (z_off_t)end.len));
	put_le32(trailer + 4, (uint32_t)(packed->plain_len + end.len));

	int rc = buf_append_slice(out, buf_slice(&packed->blocks));
	if (rc == 0)
		rc = compress_blocks(end, &each_time, Z_FINISH, out);
	if (rc == 0)
		rc = buf_append(out, trailer, sizeof(trailer));
	if (rc != 0)
		out->len = before;
	return rc;
}
