/* Addresses and prefixes: what is one, and what it holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/net.h"

static void test_texts(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
	    {"10.0.0.0/8", true},
	    {"192.0.2.7", true},
	    {"192.0.2.7/32", true},
	    {"fd00::/8", true},
	    {"2001:db8:cafe::17", true},
	    {"::1/128", true},
	    {"192.0.2.128/25", true},
	    {"10.1.2.3/8", false},
	    {"192.0.2.129/25", false},
	    {"2001:db8::1/64", false},
	    {"0.0.0.0/0", false},
	    {"::/0", false},
	    {"10.0.0.0/33", false},
	    {"fd00::/129", false},
	    {"10.0.0.0/", false},
	    {"10.0.0.0/08", false},
	    {"10.0.0.0/+8", false},
	    {"10.0.0.0/8 ", false},
	    {"10.0.0.0/99999999999999999999", false},
	    {"10.0.0/8", false},
	    {"010.0.0.0/8", false},
	    {"fe80::1%eth0", false},
	    {"[::1]", false},
	    {"vote.example", false},
	    {"", false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct net net;
		if (net_read(rows[i].text, &net) != rows[i].good)
			fail_msg("%s", rows[i].text);
	}
}

static void test_what_a_prefix_holds(void **state)
{
	(void)state;
	static const struct {
		const char *net, *address;
		bool holds;
	} rows[] = {
	    {"10.0.0.0/8", "10.255.0.1", true},
	    {"10.0.0.0/8", "11.0.0.1", false},
	    {"10.0.0.0/8", "::ffff:10.1.2.3", true},
	    {"::ffff:10.0.0.0/104", "10.1.2.3", true},
	    {"10.0.0.0/8", "a00::1", false},
	    {"192.0.2.128/25", "192.0.2.200", true},
	    {"192.0.2.128/25", "192.0.2.127", false},
	    {"192.0.2.7", "192.0.2.7", true},
	    {"192.0.2.7", "192.0.2.6", false},
	    {"fd00::/8", "fdff::1", true},
	    {"fd00::/8", "fc00::1", false},
	    {"2001:db8:1:2::/64", "2001:db8:1:2:ffff::9", true},
	    {"2001:db8:1:2::/64", "2001:db8:1:3::", false},
	    {"::1", "::1", true},
	    {"::1", "127.0.0.1", false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		union peer_address address;
		struct net net;
		assert_true(net_read(rows[i].net, &net));
		assert_true(net_address(slice_text(rows[i].address), &address));
		if (net_holds(&net, &address.any) != rows[i].holds)
			fail_msg("%s in %s", rows[i].address, rows[i].net);
	}
	struct net all = {.bits = 1};
	assert_false(net_holds(&all, &(struct sockaddr){.sa_family = AF_UNIX}));
	assert_false(net_holds(&all, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_texts),
	    cmocka_unit_test(test_what_a_prefix_holds),
	};
	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
