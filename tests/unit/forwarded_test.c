/* Whose request it is: examples of RFC 7239 and of proxies' manuals, and what people write who are
 * no proxy. 10.0.0.0/8 and fd00::/8 are trusted. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/forwarded.h"

#define LINES 3

struct row {
	const char *peer;
	const char *lines[LINES];
	const char *client;
};

static void check(enum forwarded_field field, const struct row *row)
{
	struct net nets[2];
	struct forwarded_policy policy = {nets, 2, field};
	struct forwarded forwarded = {0};
	union peer_address peer, client;
	char text[INET6_ADDRSTRLEN];

	assert_true(net_read("10.0.0.0/8", &nets[0]));
	assert_true(net_read("fd00::/8", &nets[1]));
	assert_true(net_address(slice_text(row->peer), &peer));
	for (size_t i = 0; i < LINES && row->lines[i]; i++)
		forwarded_add(&forwarded, slice_text(row->lines[i]));
	forwarded_client(&policy, &forwarded, &peer, &client);
	const void *address = client.any.sa_family == AF_INET ? (void *)&client.in.sin_addr
							      : (void *)&client.in6.sin6_addr;
	assert_non_null(inet_ntop(client.any.sa_family, address, text, sizeof(text)));
	if (strcmp(text, row->client) != 0)
		fail_msg("%s from %s: %s, not %s", row->lines[0] ? row->lines[0] : "nothing",
		    row->peer, text, row->client);
}

static void test_x_forwarded_for(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"10.0.0.1", {NULL}, "10.0.0.1"},
	    {"10.0.0.1", {"192.0.2.43"}, "192.0.2.43"},
	    {"10.0.0.1", {"2001:db8:cafe::17"}, "2001:db8:cafe::17"},
	    {"fd00::1", {"192.0.2.43"}, "192.0.2.43"},
	    {"::ffff:10.0.0.1", {"192.0.2.43"}, "192.0.2.43"},
	    {"10.0.0.1", {"192.0.2.43:4711"}, "192.0.2.43"},
	    {"10.0.0.1", {"[2001:db8::1]:4711"}, "2001:db8::1"},
	    {"10.0.0.1", {"[2001:db8::1]"}, "2001:db8::1"},
	    /* Others write what they like. */
	    {"192.0.2.9", {"198.51.100.17"}, "192.0.2.9"},
	    {"192.0.2.9", {"10.0.0.7"}, "192.0.2.9"},
	    {"::ffff:192.0.2.9", {"198.51.100.17"}, "::ffff:192.0.2.9"},
	    /* The rightmost that is no proxy: what stands before it, its owner wrote. */
	    {"10.0.0.1", {"198.51.100.17, 192.0.2.43"}, "192.0.2.43"},
	    {"10.0.0.1", {"198.51.100.17,192.0.2.43,10.0.0.2"}, "192.0.2.43"},
	    {"10.0.0.1", {"10.0.0.9, 192.0.2.43, fd00::2, 10.0.0.2"}, "192.0.2.43"},
	    {"10.0.0.1", {"10.0.0.9, 10.0.0.8"}, "10.0.0.9"},
	    /* Lines are one list. */
	    {"10.0.0.1", {"198.51.100.17", "192.0.2.43"}, "192.0.2.43"},
	    {"10.0.0.1", {"198.51.100.17", "192.0.2.43", "10.0.0.2"}, "192.0.2.43"},
	    {"10.0.0.1", {"192.0.2.43", ""}, "192.0.2.43"},
	    {"10.0.0.1", {" ,192.0.2.43 , "}, "192.0.2.43"},
	    /* What is no address ends it where it stands. */
	    {"10.0.0.1", {"unknown"}, "10.0.0.1"},
	    {"10.0.0.1", {"192.0.2.43, unknown"}, "10.0.0.1"},
	    {"10.0.0.1", {"192.0.2.43, unknown, 10.0.0.2"}, "10.0.0.2"},
	    {"10.0.0.1", {"192.0.2.256"}, "10.0.0.1"},
	    {"10.0.0.1", {"192.0.2.43 198.51.100.17"}, "10.0.0.1"},
	    {"10.0.0.1", {"[192.0.2.43]"}, "10.0.0.1"},
	    {"10.0.0.1", {"192.0.2.43:"}, "10.0.0.1"},
	    {"10.0.0.1", {"for=192.0.2.43"}, "10.0.0.1"},
	    {"10.0.0.1", {"\"192.0.2.43\""}, "10.0.0.1"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(FORWARDED_FOR, &rows[i]);
}

/* RFC 7239, sections 4, 6 and 7.1, and variations. */
static void test_forwarded(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"10.0.0.1", {"for=\"_gazonk\""}, "10.0.0.1"},
	    {"10.0.0.1", {"For=\"[2001:db8:cafe::17]:4711\""}, "2001:db8:cafe::17"},
	    {"10.0.0.1", {"for=192.0.2.60;proto=http;by=203.0.113.43"}, "192.0.2.60"},
	    {"10.0.0.1", {"for=192.0.2.43, for=198.51.100.17"}, "198.51.100.17"},
	    {"10.0.0.1", {"for=192.0.2.43", "for=\"[2001:db8:cafe::17]\""}, "2001:db8:cafe::17"},
	    {"10.0.0.1", {"for=192.0.2.43,for=\"[2001:db8:cafe::17]\",for=unknown"}, "10.0.0.1"},
	    {"10.0.0.1", {"for=_hidden, for=_SEVKISEK"}, "10.0.0.1"},
	    {"10.0.0.1", {"for=\"192.0.2.43:47011\""}, "192.0.2.43"},
	    {"10.0.0.1", {"for=\"[fd00::8]\";by=_x, for=\"10.0.0.9:_port\""}, "fd00::8"},
	    {"10.0.0.1", {"for=198.51.100.17, for=192.0.2.43;by=10.0.0.2, for=10.0.0.2"},
		"192.0.2.43"},
	    {"10.0.0.1", {"for=192.0.2.43 ; proto=https"}, "192.0.2.43"},
	    {"10.0.0.1", {"by=203.0.113.43"}, "10.0.0.1"},
	    {"10.0.0.1", {"host=\"a,b;for=198.51.100.17\";for=192.0.2.43"}, "192.0.2.43"},
	    {"192.0.2.9", {"for=198.51.100.17"}, "192.0.2.9"},
	    /* Whoever opens a quote must not swallow what the proxy added. */
	    {"10.0.0.1", {"for=\"198.51.100.17, for=192.0.2.43"}, "10.0.0.1"},
	    {"10.0.0.1", {"for=192.0.2.43, for=\"198.51.100.17"}, "10.0.0.1"},
	    {"10.0.0.1", {"for=\"198.51.100.17\\", "for=192.0.2.43"}, "192.0.2.43"},
	    {"10.0.0.1", {"for=198.51.100.17;for=192.0.2.43"}, "10.0.0.1"},
	    {"10.0.0.1", {"192.0.2.43"}, "10.0.0.1"},
	    {"10.0.0.1", {"for="}, "10.0.0.1"},
	    {"10.0.0.1", {"for=\"\""}, "10.0.0.1"},
	    {"10.0.0.1", {"for=\"2001:db8:cafe::17\""}, "10.0.0.1"},
	    {"10.0.0.1", {"for=\"[2001:db8:cafe::17\""}, "10.0.0.1"},
	    {"10.0.0.1", {"for=192.0.2.43 for=198.51.100.17"}, "10.0.0.1"},
	    {"10.0.0.1", {"=192.0.2.43"}, "10.0.0.1"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(FORWARDED_RFC7239, &rows[i]);
}

/* A client's hundred lines do not push out what the proxies added behind them. */
static void test_many(void **state)
{
	(void)state;
	struct net net;
	struct forwarded_policy policy = {&net, 1, FORWARDED_FOR};
	struct forwarded forwarded = {0};
	union peer_address peer, client;
	char line[4000] = "";

	assert_true(net_read("10.0.0.0/8", &net));
	assert_true(net_address(slice_text("10.0.0.1"), &peer));
	for (size_t i = 0; i < 200; i++)
		memcpy(line + 10 * i, "1.2.3.44, ", 11);
	for (int i = 0; i < 100; i++)
		forwarded_add(&forwarded, slice_text(line));
	memcpy(line + strlen(line), "192.0.2.43", 11);
	forwarded_add(&forwarded, slice_text(line));
	forwarded_add(&forwarded, slice_text("10.0.0.2"));
	forwarded_client(&policy, &forwarded, &peer, &client);
	assert_int_equal(client.in.sin_addr.s_addr, inet_addr("192.0.2.43"));

	policy.n_proxies = 0;
	forwarded_client(&policy, &forwarded, &peer, &client);
	assert_int_equal(client.in.sin_addr.s_addr, peer.in.sin_addr.s_addr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_x_forwarded_for),
	    cmocka_unit_test(test_forwarded),
	    cmocka_unit_test(test_many),
	};
	return cmocka_run_group_tests_name("forwarded", tests, NULL, NULL);
}
