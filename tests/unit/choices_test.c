/* The form "choices": what it takes, what it refuses and how it says so, and its tally. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "contest_fixture.h"

static void test_takes(void **state)
{
	static const struct {
		const char *json, *canonical;
	} table[] = {
	    {"{\"choices\":[\"upstage\"]}", "choices\nupstage\n"},
	    {"{\"choices\":[\"nc-ai\",\"upstage\"]}", "choices\nnc-ai\nupstage\n"},
	    {"{\"choices\":[\"upstage\",\"nc-ai\"]}", "choices\nnc-ai\nupstage\n"},
	};
	struct contest *contest = fixture_contest("choices", three, 3);

	(void)state;
	contest->ballot.choices_max = 2;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ballot ballot;
		char why[FORM_WHY_MAX] = "";
		struct buf out;

		buf_init(&out, 4096);
		assert_int_equal(fixture_parse(contest, table[i].json, &ballot, why), 0);
		assert_int_equal(ballot_print(contest, &ballot, &out), 0);
		assert_int_equal(out.len, strlen(table[i].canonical));
		assert_memory_equal(out.data, table[i].canonical, out.len);
		buf_release(&out);
	}
	contest_free(contest);
}

static void test_refuses(void **state)
{
	static const struct {
		int min, max;
		const char *json, *why;
	} table[] = {
	    {1, 1, "[]", "a ballot is a JSON object with the member \"choices\""},
	    {1, 1, "{}", "the member \"choices\" is missing"},
	    {1, 1, "{\"choices\":[\"upstage\"],\"note\":1}",
		"unknown member \"note\"; a ballot has the member \"choices\" and no other"},
	    {1, 1, "{\"scores\":{\"upstage\":1}}",
		"unknown member \"scores\"; a ballot has the member \"choices\" and no other"},
	    {1, 1, "{\"choices\":\"upstage\"}",
		"\"choices\" is to be a list of entry ids, such as [\"nc-ai\"]"},
	    {1, 1, "{\"choices\":null}",
		"\"choices\" is to be a list of entry ids, such as [\"nc-ai\"]"},
	    {1, 2, "{\"choices\":[\"upstage\",7]}",
		"item 2 of \"choices\" is to be an entry id in quotes, such as \"nc-ai\""},
	    {1, 1, "{\"choices\":[\"kakao\"]}",
		"there is no entry \"kakao\"; the entries are: nc-ai, naver-cloud, upstage"},
	    {1, 1, "{\"choices\":[\"업스테이지업스테이지업스테이지업스테이지\"]}",
		"there is no entry \"업스테이지업스테이지업스테…\"; the entries are: nc-ai, "
		"naver-cloud, upstage"},
	    {1, 2, "{\"choices\":[\"upstage\",\"upstage\"]}",
		"\"upstage\" is chosen twice; name each entry once"},
	    {1, 1, "{\"choices\":[]}", "too few entries are chosen (0); choose exactly 1"},
	    {1, 1, "{\"choices\":[\"upstage\",\"nc-ai\"]}",
		"too many entries are chosen (2); choose exactly 1"},
	    {1, 2, "{\"choices\":[\"upstage\",\"nc-ai\",\"naver-cloud\"]}",
		"too many entries are chosen (3); choose at most 2"},
	    {2, 3, "{\"choices\":[\"upstage\"]}",
		"too few entries are chosen (1); choose at least 2"},
	};
	struct contest *contest = fixture_contest("choices", three, 3);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ballot ballot, untouched;
		char why[FORM_WHY_MAX] = "";

		memset(&ballot, 0x5A, sizeof(ballot));
		memset(&untouched, 0x5A, sizeof(untouched));
		contest->ballot.choices_min = table[i].min;
		contest->ballot.choices_max = table[i].max;
		assert_int_equal(fixture_parse(contest, table[i].json, &ballot, why), -EINVAL);
		assert_string_equal(why, table[i].why);
		assert_memory_equal(&ballot, &untouched, sizeof(ballot));
	}
	contest_free(contest);
}

static void test_reads_back_only_canonical_text(void **state)
{
	static const char *const bad[] = {"", "choices", "choices\n", "choices\nupstage",
	    "choices\nupstage\n\n", "choices\nkakao\n", "choices\nupstage\nnc-ai\n",
	    "choices\nupstage\nupstage\n", "choices\r\nupstage\n", "choices\n upstage\n",
	    "Choices\nupstage\n", "scores\nupstage=1\n", "choices\nnc-ai\nnaver-cloud\nupstage\n"};
	struct contest *contest = fixture_contest("choices", three, 3);
	struct ballot ballot;

	(void)state;
	contest->ballot.choices_max = 2;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ballot_read(contest, slice_text(bad[i]), &ballot), -EINVAL);
	assert_int_equal(ballot_read(contest, slice_text("choices\nnc-ai\nupstage\n"), &ballot), 0);
	assert_true(ballot.present[0] && !ballot.present[1] && ballot.present[2]);
	contest_free(contest);
}

static void test_tally(void **state)
{
	static const struct {
		int64_t votes[3], ballots;
		double share[3];
		int rank[3];
	} table[] = {
	    {{0, 0, 0}, 0, {0, 0, 0}, {1, 1, 1}},
	    {{1, 2, 1}, 4, {0.25, 0.5, 0.25}, {2, 1, 2}},
	    {{5, 5, 0}, 5, {1, 1, 0}, {1, 1, 3}},
	    {{3, 2, 1}, 8, {0.375, 0.25, 0.125}, {1, 2, 3}},
	};
	struct contest *contest = fixture_contest("choices", three, 3);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct counters counters = {0};
		struct tally_row rows[3];

		for (int k = 0; k < 3; k++) {
			struct form_increment *counter = &counters.list[counters.n++];

			(void)snprintf(counter->counter, FORM_COUNTER_MAX, "votes:%s", three[k]);
			counter->by = table[i].votes[k];
		}
		contest->form->tally(contest, counters_get, &counters, table[i].ballots, rows);
		for (int k = 0; k < 3; k++) {
			assert_int_equal(rows[k].entry, k);
			assert_int_equal(rows[k].votes, table[i].votes[k]);
			assert_int_equal(rows[k].sum, table[i].votes[k]);
			assert_true(rows[k].share == table[i].share[k]);
			assert_int_equal(rows[k].rank, table[i].rank[k]);
		}
	}
	contest_free(contest);
}

/* Halves that a quotient in doubles puts on their wrong side: 57 / 800 is 0.07125. */
static void test_shares_are_rounded_exactly(void **state)
{
	static const int64_t votes[] = {57, 69, 163}, shown[] = {713, 863, 2038};
	struct contest *contest = fixture_contest("choices", three, 3);
	struct counters counters = {.n = 3};
	struct tally_row rows[3];

	(void)state;
	for (int k = 0; k < 3; k++) {
		(void)snprintf(counters.list[k].counter, FORM_COUNTER_MAX, "votes:%s", three[k]);
		counters.list[k].by = votes[k];
	}
	contest->form->tally(contest, counters_get, &counters, 800, rows);
	for (int k = 0; k < 3; k++) {
		json_t *object = json_object();

		contest->form->describe_row(&rows[k], object);
		assert_true(
		    json_real_value(json_object_get(object, "share")) == (double)shown[k] / 10000);
		json_decref(object);
	}
	contest_free(contest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_takes),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_reads_back_only_canonical_text),
	    cmocka_unit_test(test_tally),
	    cmocka_unit_test(test_shares_are_rounded_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
