/* base/buf: growth, the ceiling, and that a failure changes nothing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static void appends_and_grows(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 100000);
	assert_null(buf.data);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(buf_append(&buf, "0123456789", 10), 0);
	assert_int_equal(buf.len, 100000);
	assert_true(buf.cap <= buf.max);
	for (size_t i = 0; i < buf.len; i++)
		assert_int_equal(buf.data[i], '0' + (char)(i % 10));
	assert_int_equal(buf_append(&buf, "x", 1), -ENOBUFS);
	assert_int_equal(buf.len, 100000);
	buf_release(&buf);
	assert_null(buf.data);
	buf_release(&buf);
}

static void keeps_its_ceiling(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 10);
	assert_int_equal(buf_append_text(&buf, "12345"), 0);
	assert_int_equal(buf_append_text(&buf, "123456"), -ENOBUFS);
	assert_int_equal(buf_reserve(&buf, SIZE_MAX), -ENOBUFS);
	assert_true(slice_is(buf_slice(&buf), "12345"));
	assert_int_equal(buf_append(&buf, NULL, 0), 0);
	assert_int_equal(buf_append_slice(&buf, slice_text("67890")), 0);
	assert_true(slice_is(buf_slice(&buf), "1234567890"));
	buf_release(&buf);
}

/* The NUL of vsnprintf must neither be needed at the ceiling nor be counted. */
static void prints_at_every_size_around_the_ceiling(void **state)
{
	(void)state;
	for (int width = 0; width < 600; width++) {
		for (size_t max = 255; max <= 513; max++) {
			struct buf buf;
			buf_init(&buf, max);
			assert_int_equal(buf_append_text(&buf, "ab"), 0);
			int r = buf_printf(&buf, "%*s", width, "");
			size_t want = 2 + (size_t)width;
			assert_int_equal(r, want <= max ? 0 : -ENOBUFS);
			assert_int_equal(buf.len, want <= max ? want : 2);
			assert_memory_equal(buf.data, "ab", 2);
			buf_release(&buf);
		}
	}
}

static void consumes_from_the_front(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 100);
	assert_int_equal(buf_printf(&buf, "%s-%d", "abc", 42), 0);
	buf_consume(&buf, 2);
	assert_true(slice_is(buf_slice(&buf), "c-42"));
	buf_consume(&buf, 0);
	assert_true(slice_is(buf_slice(&buf), "c-42"));
	buf_consume(&buf, 99);
	assert_int_equal(buf.len, 0);
	assert_int_equal(buf_append_text(&buf, "again"), 0);
	buf_clear(&buf);
	assert_int_equal(buf.len, 0);
	buf_release(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(appends_and_grows),
	    cmocka_unit_test(keeps_its_ceiling),
	    cmocka_unit_test(prints_at_every_size_around_the_ceiling),
	    cmocka_unit_test(consumes_from_the_front),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
