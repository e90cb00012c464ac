/* base/clock: RFC 3339 both ways, against known instants and against gmtime over the whole range.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

static const struct {
	const char *text;
	int64_t wall_ms;
} instants[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"1969-12-31T23:59:59.999Z", -1},
    {"2026-12-21T09:00:00+09:00", 1797811200000},
    {"2026-12-21T00:00:00.000Z", 1797811200000},
    {"2026-12-20T19:00:00-05:00", 1797811200000},
    {"2026-12-21t00:00:00z", 1797811200000},
    {"2026-12-21T00:00:00.5Z", 1797811200500},
    {"2026-12-21T00:00:00.123456789Z", 1797811200123},
    {"2000-02-29T12:00:00Z", 951825600000},
    {"2024-02-29T00:00:00+00:30", 1709163000000},
    {"0000-01-01T00:00:00Z", -62167219200000},
    {"9999-12-31T23:59:59.999Z", 253402300799999},
};

static const char *const refused[] = {
    "",
    "2026-12-21",
    "2026-12-21T09:00:00",
    "2026-12-21 09:00:00Z",
    "2026-12-21T09:00Z",
    "2026-02-29T00:00:00Z",
    "2100-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2026-01-00T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T00:60:00Z",
    "2026-01-01T00:00:60Z",
    "2026-01-01T00:00:00+24:00",
    "2026-01-01T00:00:00+09:60",
    "2026-01-01T00:00:00+0900",
    "2026-01-01T00:00:00+9:00",
    "2026-01-01T00:00:00.Z",
    "2026-01-01T00:00:00.1234567890Z",
    "2026-01-01T00:00:00ZZ",
    "2026-01-01T00:00:00Z ",
    " 2026-01-01T00:00:00Z",
    "26-01-01T00:00:00Z",
    "+2026-01-01T00:00:00Z",
    "2026-1-01T00:00:00Z",
    "2026-01-01T00:00:00\xe2\x88\x92"
    "09:00",
};

static void parses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(instants) / sizeof(instants[0]); i++) {
		int64_t wall_ms = 7;
		assert_int_equal(clock_parse(slice_text(instants[i].text), &wall_ms), 0);
		assert_int_equal(wall_ms, instants[i].wall_ms);
	}
}

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		int64_t wall_ms = 7;
		int r = clock_parse(slice_text(refused[i]), &wall_ms);
		if (r != -EINVAL)
			print_error("row %zu: %s\n", i, refused[i]);
		assert_int_equal(r, -EINVAL);
		assert_int_equal(wall_ms, 7);
	}
	int64_t wall_ms;
	assert_int_equal(clock_parse(slice_make("2026-12-21T00:00:00\0", 20), &wall_ms), -EINVAL);
}

static void formats_and_parses_back(void **state)
{
	(void)state;
	char text[CLOCK_TEXT_SIZE], longer[CLOCK_TEXT_SIZE];
	const int64_t first = -62167219200000, last = 253402300799999;
	for (int64_t t = first; t <= last; t += 86399999 * 7LL) {
		int64_t back = 0;
		assert_int_equal(clock_parse(slice_text(clock_format(t, 1, text)), &back), 0);
		assert_int_equal(back, t);
		assert_int_equal(strlen(text), 24);
		clock_format(t, 0, longer);
		assert_int_equal(strlen(longer), 20);
		assert_memory_equal(longer, text, 19);
	}
	assert_string_equal(clock_format(1797811200007, 1, text), "2026-12-21T00:00:00.007Z");
	assert_string_equal(clock_format(INT64_MAX, 1, text), "9999-12-31T23:59:59.999Z");
	assert_string_equal(clock_format(INT64_MIN, 1, text), "0000-01-01T00:00:00.000Z");
}

static void clocks_run(void **state)
{
	(void)state;
	int64_t before = clock_steady_ms();
	assert_true(clock_steady_ms() >= before);
	assert_true(clock_wall_ms() > 1700000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parses),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(formats_and_parses_back),
	    cmocka_unit_test(clocks_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
