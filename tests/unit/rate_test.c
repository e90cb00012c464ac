/* Rate limits: the burst, the steady rate, independence of keys, address prefixes. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <stdbool.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rate.h"

static void test_burst_then_steady_rate(void **state)
{
	(void)state;
	struct rate_table *table = rate_table_new(64);
	struct rate_limit limit = {.per_minute = 60, .burst = 5};
	for (int i = 0; i < 5; i++)
		assert_int_equal(rate_take(table, 7, &limit, 1000), 0);
	assert_int_equal(rate_take(table, 7, &limit, 1000), 1);
	assert_int_equal(rate_take(table, 7, &limit, 1999), 1);
	assert_int_equal(rate_take(table, 7, &limit, 2000), 0);
	assert_int_equal(rate_take(table, 7, &limit, 2000), 1);
	/* After a long rest the burst is whole again, and no larger. */
	for (int i = 0; i < 5; i++)
		assert_int_equal(rate_take(table, 7, &limit, 9000000), 0);
	assert_int_not_equal(rate_take(table, 7, &limit, 9000000), 0);
	rate_table_free(table);
}

static void test_keys_are_independent(void **state)
{
	(void)state;
	struct rate_table *table = rate_table_new(1024);
	struct rate_limit limit = {.per_minute = 1, .burst = 1};
	for (uint64_t key = 1; key <= 50; key++)
		assert_int_equal(rate_take(table, key, &limit, 1000), 0);
	int limited = 0;
	for (uint64_t key = 1; key <= 50; key++)
		limited += rate_take(table, key, &limit, 1000) != 0;
	assert_true(limited >= 45); /* a crowded set may forget a key; never the other way round */
	rate_table_free(table);
}

static void test_no_limit(void **state)
{
	(void)state;
	struct rate_table *table = rate_table_new(4);
	struct rate_limit limit = {.per_minute = 0, .burst = 0};
	for (int i = 0; i < 100; i++)
		assert_int_equal(rate_take(table, 1, &limit, 0), 0);
	rate_table_free(table);
}

static void test_what_is_given_back_counts_no_more(void **state)
{
	(void)state;
	struct rate_table *table = rate_table_new(64);
	struct rate_limit limit = {.per_minute = 60, .burst = 2};
	for (int i = 0; i < 10; i++) {
		assert_int_equal(rate_take(table, 7, &limit, 1000), 0);
		rate_give_back(table, 7, &limit);
	}
	rate_give_back(table, 8, &limit); /* of whom nothing is known */
	for (int i = 0; i < 2; i++)
		assert_int_equal(rate_take(table, 7, &limit, 1000), 0);
	assert_int_not_equal(rate_take(table, 7, &limit, 1000), 0);
	rate_give_back(table, 7, &limit);
	assert_int_equal(rate_take(table, 7, &limit, 1000), 0);
	assert_int_not_equal(rate_take(table, 7, &limit, 1000), 0);
	rate_table_free(table);
}

static uint64_t key_of(const char *address, uint32_t purpose)
{
	struct sockaddr_storage peer = {0};
	if (inet_pton(AF_INET, address, &((struct sockaddr_in *)&peer)->sin_addr) == 1)
		peer.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, address, &((struct sockaddr_in6 *)&peer)->sin6_addr) == 1)
		peer.ss_family = AF_INET6;
	else
		fail_msg("not an address: %s", address);
	return rate_key((struct sockaddr *)&peer, purpose);
}

static void test_addresses(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
	    {"192.0.2.1", "192.0.2.1", true}, {"192.0.2.1", "192.0.2.2", false},
	    {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
	    {"2001:db8:1:2::1", "2001:db8:1:3::1", false}, {"::ffff:192.0.2.1", "192.0.2.1", true},
	    {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
	    {"2001:db8::1", "32.1.13.184", false}, /* the same four bytes */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(key_of(rows[i].a, 1) == key_of(rows[i].b, 1), rows[i].same);
	assert_true(key_of("192.0.2.1", 1) != key_of("192.0.2.1", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_burst_then_steady_rate),
	    cmocka_unit_test(test_keys_are_independent),
	    cmocka_unit_test(test_no_limit),
	    cmocka_unit_test(test_what_is_given_back_counts_no_more),
	    cmocka_unit_test(test_addresses),
	};
	return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
