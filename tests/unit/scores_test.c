/* The form "scores": points of the scale, refusals, canonical text, means and ranks. */
#include <math.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "contest_fixture.h"

static struct contest *scale(int min, int max, int step)
{
	struct contest *contest = fixture_contest("scores", three, 3);

	contest->ballot.score_min = min;
	contest->ballot.score_max = max;
	contest->ballot.score_step = step;
	return contest;
}

static void test_takes(void **state)
{
	static const struct {
		int min, max, step;
		const char *json, *canonical;
	} table[] = {
	    {0, 10, 1, "{\"scores\":{\"upstage\":8,\"naver-cloud\":3}}",
		"scores\nnaver-cloud=3\nupstage=8\n"},
	    {0, 10, 1, "{\"scores\":{\"nc-ai\":0}}", "scores\nnc-ai=0\n"},
	    {0, 10, 1, "{\"scores\":{\"nc-ai\":10.0}}", "scores\nnc-ai=10\n"},
	    {-5, 5, 5, "{\"scores\":{\"nc-ai\":-5,\"upstage\":5}}", "scores\nnc-ai=0\nupstage=2\n"},
	    {1, 5, 2, "{\"scores\":{\"nc-ai\":3}}", "scores\nnc-ai=1\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct contest *contest = scale(table[i].min, table[i].max, table[i].step);
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
		int step;
		const char *json, *why;
	} table[] = {
	    {1, "{\"scores\":[8]}",
		"\"scores\" is to be an object of entry ids and scores, such as {\"nc-ai\":10}"},
	    {1, "{\"scores\":{}}", "no entry has a score; score at least 1"},
	    {1, "{\"scores\":{\"kakao\":1}}",
		"there is no entry \"kakao\"; the entries are: nc-ai, naver-cloud, upstage"},
	    {1, "{\"scores\":{\"nc-ai\":7.5}}",
		"the score of \"nc-ai\" is to be a whole number from 0 to 10"},
	    {1, "{\"scores\":{\"nc-ai\":11}}",
		"the score of \"nc-ai\" is to be a whole number from 0 to 10"},
	    {1, "{\"scores\":{\"nc-ai\":-1}}",
		"the score of \"nc-ai\" is to be a whole number from 0 to 10"},
	    {1, "{\"scores\":{\"nc-ai\":1e300}}",
		"the score of \"nc-ai\" is to be a whole number from 0 to 10"},
	    {1, "{\"scores\":{\"nc-ai\":\"8\"}}",
		"the score of \"nc-ai\" is to be a whole number from 0 to 10"},
	    {1, "{\"scores\":{\"nc-ai\":true}}",
		"the score of \"nc-ai\" is to be a whole number from 0 to 10"},
	    {5, "{\"scores\":{\"nc-ai\":3}}",
		"the score of \"nc-ai\" is to be a number from 0 to 10 in steps of 5"},
	    {1, "{\"scores\":{\"nc-ai\":1},\"choices\":[]}",
		"unknown member \"choices\"; a ballot has the member \"scores\" and no other"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct contest *contest = scale(0, 10, table[i].step);
		struct ballot ballot;
		char why[FORM_WHY_MAX] = "";

		assert_int_equal(fixture_parse(contest, table[i].json, &ballot, why), -EINVAL);
		assert_string_equal(why, table[i].why);
		contest_free(contest);
	}
}

static void test_reads_back_only_canonical_text(void **state)
{
	static const char *const bad[] = {"scores\n", "scores\nupstage\n", "scores\nupstage=\n",
	    "scores\nupstage=08\n", "scores\nupstage=+8\n", "scores\nupstage=-1\n",
	    "scores\nupstage=11\n", "scores\nupstage=99999999999999999999\n", "scores\nupstage=8",
	    "scores\nupstage=8 \n", "scores\n=8\n", "scores\nupstage=8\nnc-ai=1\n",
	    "scores\nupstage=8\nupstage=8\n", "choices\nupstage\n"};
	struct contest *contest = scale(0, 10, 1);
	struct ballot ballot;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ballot_read(contest, slice_text(bad[i]), &ballot), -EINVAL);
	assert_int_equal(ballot_read(contest, slice_text("scores\nupstage=10\n"), &ballot), 0);
	assert_true(ballot.present[2] && ballot.value[2] == 10);
	contest_free(contest);
}

static void test_tally(void **state)
{
	static const struct {
		int64_t votes[3], sum[3];
		double mean[3]; /* -1: none */
		int rank[3];
	} table[] = {
	    {{0, 0, 0}, {0, 0, 0}, {-1, -1, -1}, {1, 1, 1}},
	    {{2, 0, 4}, {0, 0, 2}, {1, -1, 2},
		{2, 3, 1}}, /* scale 1, 3, 5, …: mean 1 + 2 · sum/votes */
	    {{3, 6, 1}, {1, 2, 2}, {1 + 2 * (1 / 3.0), 1 + 2 * (2 / 6.0), 5}, {2, 2, 1}},
	    /* Means that doubles do not tell apart. */
	    {{4000000000000000000, 3999999999999999999, 1},
		{4000000000000000000, 3999999999999999998, 1}, {3, 3, 3}, {1, 3, 1}},
	};
	struct contest *contest = scale(1, 11, 2);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct counters counters = {0};
		struct tally_row rows[3];

		for (int k = 0; k < 3; k++) {
			struct form_increment *votes = &counters.list[counters.n++];
			struct form_increment *sum = &counters.list[counters.n++];

			(void)snprintf(votes->counter, FORM_COUNTER_MAX, "votes:%s", three[k]);
			votes->by = table[i].votes[k];
			(void)snprintf(sum->counter, FORM_COUNTER_MAX, "sum:%s", three[k]);
			sum->by = table[i].sum[k];
		}
		contest->form->tally(contest, counters_get, &counters, 6, rows);
		for (int k = 0; k < 3; k++) {
			assert_int_equal(rows[k].votes, table[i].votes[k]);
			assert_int_equal(rows[k].sum, table[i].sum[k]);
			assert_int_equal(rows[k].rank, table[i].rank[k]);
			if (table[i].mean[k] < 0)
				assert_true(isnan(rows[k].mean));
			else
				assert_true(rows[k].mean == table[i].mean[k]);
		}
	}
	contest_free(contest);
}

/* Halves that doubles put on their wrong side, away from zero also below it. */
static void test_means_are_rounded_exactly(void **state)
{
	static const struct {
		int min;
		int64_t sum;
		double shown;
	} table[] = {{0, 189, 4.73}, {-5, 21, -4.48}, {-5, 133, -1.68}, {-5, 217, 0.43}};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct contest *contest = scale(table[i].min, 10, 1);
		struct counters counters = {.n = 2};
		struct tally_row rows[3];
		json_t *object = json_object();

		(void)snprintf(counters.list[0].counter, FORM_COUNTER_MAX, "votes:%s", three[0]);
		counters.list[0].by = 40;
		(void)snprintf(counters.list[1].counter, FORM_COUNTER_MAX, "sum:%s", three[0]);
		counters.list[1].by = table[i].sum;
		contest->form->tally(contest, counters_get, &counters, 40, rows);
		contest->form->describe_row(&rows[0], object);
		assert_true(json_real_value(json_object_get(object, "mean")) == table[i].shown);
		json_decref(object);
		contest_free(contest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_takes),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_reads_back_only_canonical_text),
	    cmocka_unit_test(test_tally),
	    cmocka_unit_test(test_means_are_rounded_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
