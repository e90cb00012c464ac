/* Where keys of a Redis Cluster are: commands on the wire, slots, and what servers say of them.
 * Slots are those of Redis' own documentation (CLUSTER KEYSLOT; cluster specification, appendix A).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/redis_map.h"
#include "store/redis_wire.h"

/* After the store's headers: hiredis has macros named as two of their constants. */
#include <hiredis/hiredis.h>

static void test_slots(void **state)
{
	static const struct {
		const char *key;
		unsigned slot;
	} cases[] = {
	    {"123456789", 0x31c3},
	    {"somekey", 11058},
	    {"foo{hash_tag}", 2515},
	    {"{hash_tag}", 2515},
	    {"foo", 12182},
	    {"{foo}:bar", 12182},
	    {"{foo}{bar}", 12182},
	    {"", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(redis_slot(slice_text(cases[i].key)), cases[i].slot);
	/* An empty tag is none, nor is one that does not end. */
	assert_true(slice_is(redis_hash_tag(slice_text("{}foo")), "{}foo"));
	assert_true(slice_is(redis_hash_tag(slice_text("foo{bar")), "foo{bar"));
	assert_true(slice_is(redis_hash_tag(slice_text("foo{{bar}}zap")), "{bar"));
}

static void test_wire(void **state)
{
	static const char expected[] =
	    "*4\r\n$5\r\nFCALL\r\n$6\r\ncast_1\r\n$1\r\n1\r\n$5\r\n{a}\0b\r\n";
	struct slice argv[] = {
	    slice_text("FCALL"), slice_text("cast_1"), slice_text("1"), slice_make("{a}\0b", 5)};
	struct slice key;
	struct buf wire;

	(void)state;
	buf_init(&wire, 100);
	assert_int_equal(redis_wire(4, argv, &wire), 0);
	assert_true(slice_equal(buf_slice(&wire), slice_make(expected, sizeof(expected) - 1)));
	assert_true(redis_wire_key(4, argv, &key) && slice_equal(key, argv[3]));
	assert_true(redis_wire_key(2, (struct slice[]){slice_text("GET"), slice_text("k")}, &key));
	assert_true(slice_is(key, "k"));
	assert_false(redis_wire_key(1, (struct slice[]){slice_text("INFO")}, &key));
	assert_int_equal(redis_wire(4, argv, &wire), 0);
	assert_int_equal(redis_wire(4, argv, &wire), -ENOBUFS);
	buf_release(&wire);
}

/* A reply as hiredis reads it. */
static redisReply *reply_of(const char *text)
{
	redisReader *reader = redisReaderCreate();
	void *reply = NULL;

	assert_int_equal(redisReaderFeed(reader, text, strlen(text)), REDIS_OK);
	assert_int_equal(redisReaderGetReply(reader, &reply), 0);
	assert_non_null(reply);
	redisReaderFree(reader);
	return reply;
}

static int read_map(const char *text, struct redis_map *ret)
{
	const struct redis_place asked = {"10.0.0.9", 7009};
	redisReply *reply = reply_of(text);
	int r = redis_map_read((struct redis_reply *)(void *)reply, &asked, ret);

	freeReplyObject(reply);
	return r;
}

static void test_map(void **state)
{
	static struct redis_map map;

	(void)state;
	/* Two masters, one of them with two ranges and a replica; the other is the one that was
	 * asked. */
	assert_int_equal(
	    read_map("*3\r\n"
		     "*4\r\n:0\r\n:99\r\n*3\r\n$8\r\n10.0.0.1\r\n:7001\r\n$2\r\nid\r\n"
		     "*3\r\n$8\r\n10.0.0.2\r\n:7002\r\n$2\r\nid\r\n"
		     "*3\r\n:100\r\n:16000\r\n*3\r\n$0\r\n\r\n:7009\r\n$2\r\nid\r\n"
		     "*3\r\n:16001\r\n:16383\r\n*3\r\n$8\r\n10.0.0.1\r\n:7001\r\n$2\r\nid\r\n",
		&map),
	    0);
	assert_int_equal(map.n, 2);
	assert_true(map.whole);
	assert_int_equal(map.of[0], 0);
	assert_int_equal(map.of[99], 0);
	assert_int_equal(map.of[100], 1);
	assert_int_equal(map.of[16383], 0);
	assert_string_equal(map.masters[1].host, "10.0.0.9");
	assert_int_equal(map.masters[1].port, 7009);

	assert_int_equal(
	    read_map("*1\r\n*3\r\n:1\r\n:16383\r\n*3\r\n$1\r\na\r\n:1\r\n$2\r\nid\r\n", &map), 0);
	assert_false(map.whole);
	assert_int_equal(map.of[0], REDIS_NOBODY);
}

static void test_map_refused(void **state)
{
	static struct redis_map map;
	static const char *const replies[] = {
	    "-ERR This instance has cluster support disabled\r\n",
	    ":1\r\n",
	    "*1\r\n:1\r\n",
	    "*1\r\n*2\r\n:0\r\n:1\r\n",
	    "*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n",
	    "*1\r\n*3\r\n:5\r\n:4\r\n*2\r\n$1\r\na\r\n:1\r\n",
	    "*1\r\n*3\r\n:-1\r\n:4\r\n*2\r\n$1\r\na\r\n:1\r\n",
	    "*1\r\n*3\r\n:0\r\n:4\r\n*1\r\n$1\r\na\r\n",
	    "*1\r\n*3\r\n:0\r\n:4\r\n*2\r\n$1\r\na\r\n:0\r\n",
	    "*1\r\n*3\r\n:0\r\n:4\r\n*2\r\n$1\r\na\r\n:65536\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(*replies); i++)
		assert_int_equal(read_map(replies[i], &map), -EBADMSG);
}

static void test_moves(void **state)
{
	static const struct {
		const char *error;
		enum redis_move move;
		unsigned slot;
		const char *host;
		int port;
	} cases[] = {
	    {"MOVED 3999 127.0.0.1:6381", REDIS_MOVED, 3999, "127.0.0.1", 6381},
	    {"ASK 0 redis.example:1", REDIS_ASK, 0, "redis.example", 1},
	    {"MOVED 16383 ::1:6381", REDIS_MOVED, 16383, "::1", 6381},
	    {"MOVED 1 :6381", REDIS_MOVED, 1, "10.0.0.9", 6381},
	    {"MOVED 16384 127.0.0.1:6381", REDIS_STAYS, 0, "", 0},
	    {"MOVED 1 127.0.0.1", REDIS_STAYS, 0, "", 0},
	    {"MOVED 1 127.0.0.1:0", REDIS_STAYS, 0, "", 0},
	    {"MOVED 1 127.0.0.1:65536", REDIS_STAYS, 0, "", 0},
	    {"MOVED", REDIS_STAYS, 0, "", 0},
	    {"MOVED ", REDIS_STAYS, 0, "", 0},
	    {"ASKING 1 a:1", REDIS_STAYS, 0, "", 0},
	    {"TRYAGAIN Multiple keys request during rehashing of slot", REDIS_STAYS, 0, "", 0},
	};
	const struct redis_place asked = {"10.0.0.9", 7009};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct redis_place place = {"", 0};
		unsigned slot = 0;

		assert_int_equal(redis_map_move(slice_text(cases[i].error), &asked, &slot, &place),
		    cases[i].move);
		if (cases[i].move == REDIS_STAYS)
			continue;
		assert_int_equal(slot, cases[i].slot);
		assert_string_equal(place.host, cases[i].host);
		assert_int_equal(place.port, cases[i].port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_slots),
	    cmocka_unit_test(test_wire),
	    cmocka_unit_test(test_map),
	    cmocka_unit_test(test_map_refused),
	    cmocka_unit_test(test_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
