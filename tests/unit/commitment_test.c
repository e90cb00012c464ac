/* contest/commitment: the promised layouts, held against another implementation's. */
#include <errno.h>
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/encode.h"
#include "contest/commitment.h"
#include "contest/contest.h"
#include "crypto/digest.h"

static void assert_hex(const uint8_t *bytes, size_t len, const char *hex)
{
	char text[256];

	(void)hex_encode(bytes, len, text);
	assert_string_equal(text, hex);
}

static void origins(void **state)
{
	(void)state;
	char id[] = "kai-stage1";
	struct contest contest = {.id = id};
	char origin[ORIGIN_MAX] = "untouched";
	char name[ORIGIN_MAX + 1];

	assert_int_equal(commitment_origin("vote.example/log", &contest, 0, origin), 0);
	assert_string_equal(origin, "vote.example/log/kai-stage1/0");
	contest.rehearsal = true;
	assert_int_equal(commitment_origin("vote.example/log", &contest, 15, origin), 0);
	assert_string_equal(origin, "vote.example/log/kai-stage1~rehearsal/15");
	memset(name, 'a', sizeof(name));
	name[ORIGIN_MAX - sizeof("/kai-stage1~rehearsal/15")] = '\0';
	assert_int_equal(commitment_origin(name, &contest, 15, origin), 0);
	assert_int_equal(strlen(origin), ORIGIN_MAX - 1);
	assert_int_equal(commitment_origin(name, &contest, 150, origin), -ENOBUFS);
}

static void origins_of_epochs(void **state)
{
	(void)state;
	char origin[ORIGIN_MAX] = "untouched", name[ORIGIN_MAX];

	assert_int_equal(commitment_epoch_origin("vote.example/c/0", 1, origin), 0);
	assert_string_equal(origin, "vote.example/c/0");
	assert_int_equal(commitment_epoch_origin("vote.example/c/0", 2, origin), 0);
	assert_string_equal(origin, "vote.example/c/0/epoch-2");
	memset(name, 'a', sizeof(name));
	name[ORIGIN_MAX - sizeof("/epoch-9")] = '\0';
	assert_int_equal(commitment_epoch_origin(name, 9, origin), 0);
	assert_int_equal(strlen(origin), ORIGIN_MAX - 1);
	assert_int_equal(commitment_epoch_origin(name, 10, origin), -ENOBUFS);
	assert_int_equal(strlen(origin), ORIGIN_MAX - 1);
}

/* Expected values computed with another implementation (Python's hashlib and hmac). */
static void known_hashes(void **state)
{
	(void)state;
	static const char origin[] = "vote.example/log/kai-stage1/0";
	uint8_t input[98], secret[32], spent[SPENT_SIZE], salt[SALT_SIZE], entry[COMMITMENT_SIZE];
	uint8_t tag[TAG_SIZE];
	struct hmac_key *key;

	for (size_t i = 0; i < sizeof(input); i++)
		input[i] = (uint8_t)i;
	memset(secret, 0x42, sizeof(secret));
	key = hmac_key_new(slice_make(secret, sizeof(secret)));
	assert_non_null(key);
	commitment_spent(slice_make(input, sizeof(input)), spent);
	assert_hex(spent, sizeof(spent), "ca03dd76b9444ae60118b74e53a04d1d");
	commitment_salt(key, origin, 258, spent, salt);
	assert_hex(
	    salt, sizeof(salt), "055b0378226f742abd38f7cecd8875a223b47a62dac770f9ef5a8fa9b319d3e2");
	commitment_entry(origin, 258, spent, salt, slice_text("choices\nupstage\n"), entry);
	assert_hex(entry, sizeof(entry),
	    "6961230d451450effa6cc1338ab2b8db56b236d92d93e9b6e2889ba0e5e959e3");
	commitment_tag(key, origin, -1, spent, slice_text("choices\nupstage\n"), tag);
	assert_hex(tag, sizeof(tag), "1852791e");
	commitment_tag(key, origin, 257, spent, slice_text("choices\nupstage\n"), tag);
	assert_hex(tag, sizeof(tag), "d4f14167");
	hmac_key_free(key);
}

/* Each part changes the entry. */
static void binds_every_part(void **state)
{
	(void)state;
	uint8_t spent[SPENT_SIZE] = {1}, salt[SALT_SIZE] = {2};
	uint8_t entry[COMMITMENT_SIZE], other[COMMITMENT_SIZE];
	struct slice ballot = slice_text("choices\nnc-ai\n");

	commitment_entry("log/a/0", 1, spent, salt, ballot, entry);
	commitment_entry("log/a/1", 1, spent, salt, ballot, other);
	assert_memory_not_equal(entry, other, sizeof(entry));
	commitment_entry("log/a/0", 2, spent, salt, ballot, other);
	assert_memory_not_equal(entry, other, sizeof(entry));
	commitment_entry("log/a/0", 1, spent, salt, slice_text("choices\nupstage\n"), other);
	assert_memory_not_equal(entry, other, sizeof(entry));
	spent[15] = 1;
	commitment_entry("log/a/0", 1, spent, salt, ballot, other);
	assert_memory_not_equal(entry, other, sizeof(entry));
	spent[15] = 0;
	salt[31] = 1;
	commitment_entry("log/a/0", 1, spent, salt, ballot, other);
	assert_memory_not_equal(entry, other, sizeof(entry));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(origins),
	    cmocka_unit_test(origins_of_epochs),
	    cmocka_unit_test(known_hashes),
	    cmocka_unit_test(binds_every_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
