/* The form "ranking": places, refusals, canonical text, pairs, Borda points and Schulze's ranks. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "contest_fixture.h"

static const char *const letters[] = {"a", "b", "c", "d", "e"};

/* "acbed" ranks a first. */
static struct ballot ballot_of(const struct contest *contest, const char *order)
{
	json_t *list = json_array();
	struct ballot ballot;
	char why[FORM_WHY_MAX] = "";

	for (; *order; order++)
		json_array_append_new(list, json_stringn(order, 1));
	json_t *body = json_pack("{s:o}", "ranking", list);
	if (ballot_parse(contest, body, &ballot, why) < 0)
		fail_msg("%s", why);
	json_decref(body);
	return ballot;
}

static void cast(
    const struct contest *contest, struct counters *counters, const char *order, int times)
{
	struct ballot ballot = ballot_of(contest, order);
	struct form_increment list[CONTEST_INCREMENTS_MAX];

	size_t n = ballot_increments(contest, &ballot, NULL, list);

	while (times-- > 0)
		counters_add(counters, list, n);
}

static void test_takes(void **state)
{
	static const struct {
		const char *json, *canonical;
	} table[] = {
	    {"{\"ranking\":[\"c\",\"a\"]}", "ranking\nc\na\n"},
	    {"{\"ranking\":[\"b\"]}", "ranking\nb\n"},
	    {"{\"ranking\":[\"e\",\"d\",\"c\",\"b\",\"a\"]}", "ranking\ne\nd\nc\nb\na\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct contest *contest = fixture_contest("ranking", letters, 5);
		struct ballot ballot;
		char why[FORM_WHY_MAX] = "";
		struct buf out;

		buf_init(&out, 4096);
		assert_int_equal(fixture_parse(contest, table[i].json, &ballot, why), 0);
		assert_int_equal(ballot_print(contest, &ballot, &out), 0);
		assert_int_equal(out.len, strlen(table[i].canonical));
		assert_memory_equal(out.data, table[i].canonical, out.len);
		buf_release(&out);
		contest_free(contest);
	}
}

static void test_refuses(void **state)
{
	static const struct {
		const char *json, *why;
	} table[] = {
	    {"{\"ranking\":\"a\"}",
		"\"ranking\" is to be a list of entry ids, the best first, such as [\"a\"]"},
	    {"{\"ranking\":[1]}",
		"item 1 of \"ranking\" is to be an entry id in quotes, such as \"a\""},
	    {"{\"ranking\":[\"a\",\"f\"]}",
		"there is no entry \"f\"; the entries are: a, b, c, d, e"},
	    {"{\"ranking\":[\"a\",\"b\",\"a\"]}", "\"a\" is ranked twice; rank each entry once"},
	    {"{\"ranking\":[]}", "too few entries are ranked (0); rank at least 2"},
	    {"{\"ranking\":[\"a\"]}", "too few entries are ranked (1); rank at least 2"},
	    {"{\"ranking\":[\"a\",\"b\",\"c\",\"d\"]}",
		"too many entries are ranked (4); rank at most 3"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct contest *contest = fixture_contest("ranking", letters, 5);
		struct ballot ballot;
		char why[FORM_WHY_MAX] = "";

		contest->ballot.ranking_min = 2;
		contest->ballot.ranking_max = 3;
		assert_int_equal(fixture_parse(contest, table[i].json, &ballot, why), -EINVAL);
		assert_string_equal(why, table[i].why);
		contest_free(contest);
	}
}

static void test_reads_no_other_text(void **state)
{
	static const char *const table[] = {"ranking\na\na\n", "ranking\nf\n", "ranking\n\n",
	    "ranking\n", "choices\na\n", "ranking\na", "ranking\na\nb\nc\nd\ne\na\n"};
	struct contest *contest = fixture_contest("ranking", letters, 5);
	struct ballot ballot;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(ballot_read(contest, slice_text(table[i]), &ballot), -EINVAL);
	contest_free(contest);
}

/* The example of five candidates and 45 voters that Schulze's method is usually explained with. */
static void cast_example(const struct contest *contest, struct counters *counters)
{
	static const struct {
		int voters;
		const char *order;
	} ballots[] = {{5, "acbed"}, {5, "adecb"}, {8, "bedac"}, {3, "cabed"}, {7, "caebd"},
	    {2, "cbade"}, {7, "dceba"}, {8, "ebadc"}};

	for (size_t i = 0; i < sizeof(ballots) / sizeof(ballots[0]); i++)
		cast(contest, counters, ballots[i].order, ballots[i].voters);
}

static void test_schulze_and_borda(void **state)
{
	static const int64_t prefer[5][5] = {{0, 20, 26, 30, 22}, {25, 0, 16, 33, 18},
	    {19, 29, 0, 17, 24}, {15, 12, 28, 0, 14}, {23, 27, 21, 31, 0}};
	static const int schulze[] = {2, 4, 3, 5, 1};         /* e > a > c > b > d */
	static const int64_t borda[] = {98, 92, 89, 69, 102}; /* row sums */
	static const int by_borda[] = {2, 3, 4, 5, 1};
	struct contest *contest = fixture_contest("ranking", letters, 5);
	struct counters counters = {.n = 0};
	struct tally_row rows[CONTEST_ENTRIES_MAX];

	(void)state;
	cast_example(contest, &counters);
	for (size_t a = 0; a < 5; a++) {
		for (size_t b = 0; b < 5; b++) {
			char name[FORM_COUNTER_MAX];

			(void)snprintf(name, sizeof(name), "pair:%s/%s", letters[a], letters[b]);
			assert_int_equal(counters_get(&counters, name), prefer[a][b]);
		}
	}
	contest->form->tally(contest, counters_get, &counters, 45, rows);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(rows[i].votes, 45);
		assert_int_equal(rows[i].sum, borda[i]);
		assert_int_equal(rows[i].schulze, schulze[i]);
		assert_int_equal(rows[i].rank, schulze[i]);
	}
	contest->ballot.ranking_method = RANKING_BORDA;
	contest->form->tally(contest, counters_get, &counters, 45, rows);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(rows[i].rank, by_borda[i]);
	contest_free(contest);
}

static void test_entries_left_out_stand_below(void **state)
{
	struct contest *contest = fixture_contest("ranking", letters, 5);
	struct counters counters = {.n = 0};
	struct tally_row rows[CONTEST_ENTRIES_MAX];

	(void)state;
	cast(contest, &counters, "ba", 1);
	assert_int_equal(counters_get(&counters, "pair:b/a"), 1);
	assert_int_equal(counters_get(&counters, "pair:a/c"), 1);
	assert_int_equal(counters_get(&counters, "pair:a/b"), 0);
	assert_int_equal(counters_get(&counters, "pair:c/d"), 0);
	assert_int_equal(counters_get(&counters, "votes:c"), 0);
	contest->form->tally(contest, counters_get, &counters, 1, rows);
	static const int64_t borda[] = {3, 4, 0, 0, 0};
	static const int rank[] = {2, 1, 3, 3, 3};
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(rows[i].sum, borda[i]);
		assert_int_equal(rows[i].rank, rank[i]);
	}
	contest_free(contest);
}

static void test_nobody_voted(void **state)
{
	struct contest *contest = fixture_contest("ranking", letters, 5);
	struct counters none = {.n = 0};
	struct tally_row rows[CONTEST_ENTRIES_MAX];

	(void)state;
	contest->form->tally(contest, counters_get, &none, 0, rows);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(rows[i].rank, 1);
	contest_free(contest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_takes),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_reads_no_other_text),
	    cmocka_unit_test(test_schulze_and_borda),
	    cmocka_unit_test(test_entries_left_out_stand_below),
	    cmocka_unit_test(test_nobody_voted),
	};
	return cmocka_run_group_tests_name("ranking", tests, NULL, NULL);
}
