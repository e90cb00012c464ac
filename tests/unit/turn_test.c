/* Turns: who is when, at which pace, and that a word is good for one request alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "api/turn.h"
#include "crypto/digest.h"

#define NOW 1795000000000 /* on a full second */

static void test_one_after_the_other_at_the_pace(void **state)
{
	(void)state;
	struct turns turns = {.pace = 100};

	assert_true(turns_are_over(&turns, NOW));
	assert_false(turns_are_pressed(&turns, NOW));
	int64_t first = turns_give(&turns, NOW), last = 0;
	assert_int_equal(first, NOW + 1000); /* nobody comes sooner */
	for (int i = 0; i < 100; i++)
		last = turns_give(&turns, NOW + 1);
	/* A little more than the pace needs, so that whoever comes late finds room. */
	assert_in_range(last - first, 1000, 1100);
	assert_true(turns_are_pressed(&turns, NOW + 999));
	assert_false(turns_are_pressed(&turns, NOW + 1000));
	assert_false(turns_are_over(&turns, last));
	assert_true(turns_are_over(&turns, last + 12));
}

static void test_who_came_in_vain_comes_at_the_pace_again(void **state)
{
	(void)state;
	struct turns turns = {.pace = 100};
	int64_t last = 0;

	for (int i = 0; i < 101; i++)
		last = turns_put_off(&turns, NOW);
	assert_in_range(last - NOW, 2000, 2100);
	assert_true(turns_are_over(&turns, NOW)); /* the line of the others is another one */
	assert_int_equal(turns_give(&turns, NOW), NOW + 1000);
}

static void test_the_pace_follows_what_is_served(void **state)
{
	(void)state;
	struct turns turns = {.pace = 1000};

	for (int second = 0; second < 10; second++) {
		(void)turns_give(&turns, NOW + second * 1000);
		for (int i = 0; i < 40; i++)
			turns_served(&turns, NOW + second * 1000 + i);
	}
	assert_in_range(turns.pace, 40, 42);
	/* Where nobody is turned away it says nothing of how many could be served. */
	turns_served(&turns, NOW + 10000);
	turns_served(&turns, NOW + 11000);
	turns_served(&turns, NOW + 12000);
	assert_in_range(turns.pace, 40, 42);
}

static void test_nobody_is_sent_away_for_longer_than_the_longest(void **state)
{
	(void)state;
	struct turns turns = {.pace = 0};
	int64_t last = 0;

	for (int i = 0; i < 2000; i++)
		last = turns_give(&turns, NOW);
	assert_int_equal(last, NOW + TURN_LONGEST_MS);
	assert_int_equal(turns_give(&turns, NOW + 500), NOW + 500 + TURN_LONGEST_MS);
}

static void test_what_stands_still_is_no_pace(void **state)
{
	(void)state;
	struct turns turns = {.pace = 1000};

	for (int second = 0; second < 60; second++)
		(void)turns_give(&turns, NOW + second * 1000);
	assert_in_range(turns.pace, 1000, 1000);
}

static void test_the_clock_is_set_back(void **state)
{
	(void)state;
	struct hmac_key *key = hmac_key_new(slice_text("secret"));
	struct turns turns = {.pace = 100};
	struct slice request = slice_text("request");
	const int64_t then = NOW - 3600000;
	char word[TURN_SIZE];

	turn_print(key, turns_give(&turns, NOW), request, word);
	(void)turns_put_off(&turns, NOW);
	assert_true(turns_are_over(&turns, then));
	assert_int_equal(turns_give(&turns, then), then + 1000);
	assert_int_equal(turns_put_off(&turns, then), then + 1000);
	assert_int_equal(turn_read(key, slice_text(word), request, then), 0);
	assert_int_equal(turn_read(key, slice_text(word), request, NOW), NOW + 1000);
	hmac_key_free(key);
}

static void test_a_word_is_for_one_request(void **state)
{
	(void)state;
	struct hmac_key *key = hmac_key_new(slice_text("secret")),
			*other = hmac_key_new(slice_text("other"));
	char request[259] = {0, 2, 7}, word[TURN_SIZE], changed[TURN_SIZE];
	struct slice whole = slice_make(request, sizeof(request));

	turn_print(key, NOW + 5, whole, word);
	assert_int_equal(turn_read(key, slice_text(word), whole, NOW), NOW + 5);
	assert_int_equal(turn_read(other, slice_text(word), whole, NOW), 0);
	for (size_t i = 0; word[i]; i++) {
		memcpy(changed, word, sizeof(word));
		changed[i] ^= 1;
		assert_int_equal(turn_read(key, slice_text(changed), whole, NOW), 0);
	}
	assert_int_equal(turn_read(key, slice_make(word, strlen(word) - 1), whole, NOW), 0);
	assert_int_equal(turn_read(key, slice_text(""), whole, NOW), 0);
	request[20] ^= 1;
	assert_int_equal(turn_read(key, slice_text(word), whole, NOW), 0);
	turn_print(key, NOW, slice_text(""), word);
	assert_int_equal(turn_read(key, slice_text(word), slice_text(""), NOW), NOW);
	hmac_key_free(key);
	hmac_key_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_after_the_other_at_the_pace),
	    cmocka_unit_test(test_who_came_in_vain_comes_at_the_pace_again),
	    cmocka_unit_test(test_the_pace_follows_what_is_served),
	    cmocka_unit_test(test_nobody_is_sent_away_for_longer_than_the_longest),
	    cmocka_unit_test(test_what_stands_still_is_no_pace),
	    cmocka_unit_test(test_the_clock_is_set_back),
	    cmocka_unit_test(test_a_word_is_for_one_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
