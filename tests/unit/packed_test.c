/* http/packed: what zlib's own reader makes of a member that was put together from parts. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "http/packed.h"

#define PLAIN_MAX (300 * 1000)

/* Decodes one gzip member and nothing behind it; inflate() holds it against its CRC and length. */
static size_t unpack(struct slice member, char *ret_plain)
{
	z_stream stream = {
	    .next_in = (Bytef *)member.ptr,
	    .avail_in = (uInt)member.len,
	    .next_out = (Bytef *)ret_plain,
	    .avail_out = PLAIN_MAX,
	};
	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	assert_int_equal(stream.avail_in, 0);
	size_t len = stream.total_out;
	inflateEnd(&stream);
	return len;
}

/* Compressible and incompressible bytes in turns. */
static void fill(char *text, size_t len)
{
	unsigned state = 7;

	for (size_t i = 0; i < len; i++) {
		state = state * 1103515245u + 12345u;
		text[i] = i / 500 % 2 ? (char)(state >> 16) : (char)('a' + i % 7);
	}
}

static void decodes_to_both_parts(void **state)
{
	static const size_t lengths[] = {0, 1, 3, 300, 511, 512, 513, 14000, 65535, 65536, 140000};
	enum { N = sizeof(lengths) / sizeof(lengths[0]) };
	char *text = malloc(PLAIN_MAX), *plain = malloc(PLAIN_MAX);
	(void)state;

	assert_non_null(text);
	assert_non_null(plain);
	fill(text, PLAIN_MAX);
	for (size_t i = 0; i < N; i++) {
		struct packed *packed = packed_new(slice_make(text, lengths[i]));
		assert_non_null(packed);
		for (size_t k = 0; k < N; k++) {
			struct buf out;
			buf_init(&out, PLAIN_MAX + 1000);
			assert_int_equal(buf_append_text(&out, "before"), 0);
			assert_int_equal(
			    packed_append(packed, slice_make(text + lengths[i], lengths[k]), &out),
			    0);
			struct slice member = slice_make(out.data + 6, out.len - 6);
			assert_memory_equal(out.data, "before", 6);
			assert_int_equal(unpack(member, plain), lengths[i] + lengths[k]);
			assert_memory_equal(plain, text, lengths[i] + lengths[k]);
			buf_release(&out);
		}
		packed_free(packed);
	}
	free(text);
	free(plain);
}

static void leaves_a_buffer_that_is_too_small_as_it_was(void **state)
{
	struct packed *packed = packed_new(slice_text("{\"name\":\"contest\""));
	(void)state;

	assert_non_null(packed);
	for (size_t max = 7; max < 60; max++) {
		struct buf out;
		buf_init(&out, max);
		assert_int_equal(buf_append_text(&out, "before"), 0);
		int rc = packed_append(packed, slice_text(",\"now\":\"12:00\"}"), &out);
		assert_true(rc == 0 || rc == -ENOBUFS);
		if (rc != 0)
			assert_int_equal(out.len, 6);
		buf_release(&out);
	}
	packed_free(packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decodes_to_both_parts),
	    cmocka_unit_test(leaves_a_buffer_that_is_too_small_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
