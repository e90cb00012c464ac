/* Fixed-point numbers, and what is the same for every set of values: vectors/standing.json has
 * those with hand-checked results (tests/unit/standing_test.c). */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "contest/aggregate.h"

#include "contest_fixture.h"

#define N_MAX 40

static void test_ratio_rounds_once_half_away(void **state)
{
	static const struct {
		int64_t numerator, denominator, value_e4;
	} table[] = {
	    {0, 1, 0},
	    {1, 3, 3333},
	    {2, 3, 6667},
	    {-2, 3, -6667},
	    {1, 32, 313}, /* 0.03125 */
	    {-1, 32, -313},
	    {3, 32, 938},  /* 0.09375: to even would be the same */
	    {5, 32, 1563}, /* 0.15625: to even would be 1562 */
	    {1, 20000, 1},
	    {-1, 20000, -1},
	    {1, 20001, 0},
	    {-1, 20001, 0},
	    {245, 3, 816667},
	    {INT64_C(900000000000000), 1, INT64_C(9000000000000000000)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_true(
		    fixed_ratio(table[i].numerator, table[i].denominator) == table[i].value_e4);
	/* Wider than 64 bits on the way. */
	assert_true(fixed_ratio((__int128)INT64_MAX * 35, (__int128)INT64_MAX * 70) == 5000);
}

static void test_text(void **state)
{
	static const struct {
		int64_t value_e4;
		const char *text;
	} table[] = {
	    {0, "0"},
	    {1, "0.0001"},
	    {-1, "-0.0001"},
	    {10, "0.001"},
	    {832500, "83.25"},
	    {-10001, "-1.0001"},
	    {10000, "1"},
	    {1000000, "100"},
	    {-50000, "-5"},
	    {INT64_MAX, "922337203685477.5807"},
	    {INT64_MIN, "-922337203685477.5808"},
	};
	char text[24];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_string_equal(fixed_text(table[i].value_e4, text), table[i].text);
}

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int64_t value_e4;
	} good[] = {
	    {"0", 0},
	    {"-0", 0},
	    {"83.25", 832500},
	    {"83.2500", 832500},
	    {"-1.0001", -10001},
	    {"0.0001", 1},
	    {"100000000000", INT64_C(1000000000000000)},
	    {"-100000000000.0000", -INT64_C(1000000000000000)},
	    {"99999999999.9999", INT64_C(999999999999999)},
	};
	static const char *const bad[] = {"", "-", "+1", " 1", "1 ", "1.", ".5", "-.5", "1.23456",
	    "1e3", "0x10", "007", "00", "1,000", "1.2.3", "--1", "nan", "inf", "100000000000.0001",
	    "100000000001", "99999999999999999999999999999999", "１"};
	int64_t value = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(fixed_parse(good[i].text, &value), 0);
		assert_true(value == good[i].value_e4);
	}
	value = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(fixed_parse(bad[i], &value), -EINVAL);
		assert_true(value == 7);
	}
}

static int64_t random_fixed(void)
{
	int64_t magnitude = ((int64_t)random() << 20 ^ random()) % INT64_C(1000000000000000);

	return random() % 2 ? magnitude : -magnitude;
}

/* As text and as JSON with 15 digits a number reads the same, and comes back. */
static void test_numbers_come_back(void **state)
{
	(void)state;
	(void)fixture_seed();
	for (int i = 0; i < 20000; i++) {
		int64_t value = random_fixed() / (i % 3 ? 1 : 10000), back;
		json_t *json = fixed_json(value);
		char text[24];
		char *dumped = json_dumps(json, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

		assert_int_equal(fixed_parse(fixed_text(value, text), &back), 0);
		assert_true(back == value);
		assert_string_equal(dumped, text);
		free(dumped);
		json_decref(json);
	}
}

/* ---- aggregates of random values ---- */

static size_t random_values(int64_t *values)
{
	size_t n = (size_t)below(N_MAX);
	int range = 1 + below(100000);

	for (size_t i = 0; i < n; i++)
		values[i] = below(range) - range / 4;
	return n;
}

static void shuffle(int64_t *values, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = (size_t)below((int)i);
		int64_t kept = values[i - 1];

		values[i - 1] = values[k];
		values[k] = kept;
	}
}

static bool same(const struct aggregated *a, const struct aggregated *b)
{
	return a->any == b->any && a->n == b->n && a->left_out == b->left_out &&
	       a->value_e4 == b->value_e4 && a->has_spread == b->has_spread &&
	       a->spread == b->spread;
}

static void test_order_does_not_matter(void **state)
{
	int64_t values[N_MAX];

	(void)state;
	(void)fixture_seed();
	for (int round = 0; round < 3000; round++) {
		size_t n = random_values(values);
		enum aggregate_kind kind = (enum aggregate_kind)below(3);
		struct aggregated first, again;

		aggregate(kind, values, n, &first);
		shuffle(values, n);
		aggregate(kind, values, n, &again);
		assert_true(same(&first, &again));
	}
}

static void test_between_least_and_greatest(void **state)
{
	int64_t values[N_MAX];

	(void)state;
	(void)fixture_seed();
	for (int round = 0; round < 3000; round++) {
		size_t n = random_values(values);
		int64_t least = INT64_MAX, greatest = INT64_MIN;
		struct aggregated result;

		for (size_t i = 0; i < n; i++) {
			least = values[i] < least ? values[i] : least;
			greatest = values[i] > greatest ? values[i] : greatest;
		}
		for (int kind = AGGREGATE_MEAN; kind <= AGGREGATE_MEDIAN; kind++) {
			aggregate((enum aggregate_kind)kind, values, n, &result);
			assert_int_equal(result.any, n > 0);
			assert_int_equal(result.n, n);
			assert_int_equal(
			    result.left_out, kind == AGGREGATE_TRIMMED_MEAN && n >= 3 ? 2 : 0);
			assert_int_equal(result.has_spread, n >= 2);
			if (n == 0)
				continue;
			assert_true(result.value_e4 >= least * FIXED_ONE);
			assert_true(result.value_e4 <= greatest * FIXED_ONE);
			assert_true(result.spread >= 0);
			assert_true(n < 2 || (result.spread == 0) == (least == greatest));
		}
	}
}

/* Whoever is highest may go as high as they like: the trimmed mean does not move. */
static void test_trimming_stops_an_outlier(void **state)
{
	int64_t values[] = {70, 80, 95, 85}, outlier[] = {70, 80, 1000000, 85};
	struct aggregated fair, pushed;

	(void)state;
	aggregate(AGGREGATE_TRIMMED_MEAN, values, 4, &fair);
	aggregate(AGGREGATE_TRIMMED_MEAN, outlier, 4, &pushed);
	assert_true(fair.value_e4 == 825000);
	assert_true(pushed.value_e4 == fair.value_e4);
	assert_true(pushed.spread > fair.spread);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ratio_rounds_once_half_away),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_numbers_come_back),
	    cmocka_unit_test(test_order_does_not_matter),
	    cmocka_unit_test(test_between_least_and_greatest),
	    cmocka_unit_test(test_trimming_stops_an_outlier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
