/* Counting ballots anew: what counts, what is refused and with which words, and that the sums are
 * those which the store keeps while ballots come in. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "audit/retally.h"
#include "contest/tally.h"
#include "contest_fixture.h"

#define ROUNDS  60
#define BALLOTS 300
#define TOKENS  120
#define SHARDS  3

/* A token of this shard (of SHARDS). */
static void token_of(unsigned shard, unsigned number, uint8_t ret_spent[SPENT_SIZE])
{
	memset(ret_spent, 0x5A, SPENT_SIZE);
	unsigned first = number * SHARDS + shard;
	for (int i = 0; i < 4; i++)
		ret_spent[i] = (uint8_t)(first >> (24 - 8 * i));
}

static int add(struct retally *retally, unsigned shard, uint64_t index, unsigned number,
    const char *ballot, char why[RETALLY_WHY_MAX])
{
	uint8_t spent[SPENT_SIZE];
	token_of(shard, number, spent);
	return retally_add(retally, shard, index, spent, slice_text(ballot), why);
}

static void put(struct retally *retally, uint64_t index, unsigned number, const char *ballot)
{
	char why[RETALLY_WHY_MAX] = "";
	if (add(retally, 0, index, number, ballot, why) != 0)
		fail_msg("%s", why);
}

static struct contest *make_contest(const char *form, enum revote revote)
{
	struct contest *contest = fixture_contest(form, three, 3);
	contest->revote = revote;
	contest->shards = SHARDS;
	return contest;
}

/* ---- by hand ---- */

static void expect_rows(struct retally *retally, const char *expected)
{
	assert_int_equal(retally_count(retally), 0);
	json_t *rows = retally_rows(retally);
	char *text = json_dumps(rows, JSON_COMPACT | JSON_REAL_PRECISION(9));
	assert_string_equal(text, expected);
	free(text);
	json_decref(rows);
}

static void test_choices_by_hand(void **state)
{
	(void)state;
	struct contest *contest = make_contest("choices", REVOTE_REPLACE);
	struct retally *retally = retally_new(contest, 0);
	put(retally, 0, 1, "choices\nupstage\n");
	put(retally, 1, 2, "choices\nnc-ai\nupstage\n");
	put(retally, 2, 1, "choices\nnaver-cloud\n"); /* in place of the first */
	assert_int_equal(retally_ballots(retally), 2);
	assert_int_equal(retally_superseded(retally), 1);
	assert_int_equal(retally_size(retally, 0), 3);
	assert_int_equal(retally_size(retally, 1), 0);
	assert_int_equal(retally_log_size(retally), 3);
	expect_rows(retally,
	    "[{\"entry\":\"nc-ai\",\"votes\":1,\"share\":0.5,\"rank\":1},"
	    "{\"entry\":\"naver-cloud\",\"votes\":1,\"share\":0.5,\"rank\":1},"
	    "{\"entry\":\"upstage\",\"votes\":1,\"share\":0.5,\"rank\":1}]");
	retally_free(retally);
	contest_free(contest);
}

static void test_scores_by_hand(void **state)
{
	(void)state;
	struct contest *contest = make_contest("scores", REVOTE_REFUSE);
	contest->ballot.score_min = 1;
	struct retally *retally = retally_new(contest, 0);
	put(retally, 0, 1, "scores\nnc-ai=2\nupstage=0\n");
	put(retally, 1, 2, "scores\nnc-ai=3\n");
	put(retally, 2, 3, "scores\nnc-ai=3\n");
	expect_rows(retally,
	    "[{\"entry\":\"nc-ai\",\"votes\":3,\"mean\":3.67,\"rank\":1},"
	    "{\"entry\":\"naver-cloud\",\"votes\":0,\"mean\":null,\"rank\":3},"
	    "{\"entry\":\"upstage\",\"votes\":1,\"mean\":1.0,\"rank\":2}]");
	retally_free(retally);
	contest_free(contest);
}

static void test_ranking_by_hand(void **state)
{
	(void)state;
	struct contest *contest = make_contest("ranking", REVOTE_REPLACE);
	struct retally *retally = retally_new(contest, 0);
	put(retally, 0, 1, "ranking\nnc-ai\n");
	put(retally, 1, 2, "ranking\nupstage\nnaver-cloud\nnc-ai\n");
	put(retally, 2, 1, "ranking\nupstage\nnc-ai\n");
	expect_rows(retally,
	    "[{\"entry\":\"nc-ai\",\"votes\":2,\"borda\":1,\"schulze\":2,\"rank\":2},"
	    "{\"entry\":\"naver-cloud\",\"votes\":1,\"borda\":1,\"schulze\":2,\"rank\":2},"
	    "{\"entry\":\"upstage\",\"votes\":2,\"borda\":4,\"schulze\":1,\"rank\":1}]");
	size_t n;
	const struct retally_counter *counters = retally_counters(retally, &n);
	assert_int_equal(n, 7);
	assert_string_equal(counters[0].name, "pair:naver-cloud/nc-ai");
	assert_int_equal(retally_counter(retally, "pair:upstage/nc-ai"), 2);
	assert_int_equal(retally_counter(retally, "pair:nc-ai/upstage"), 0);
	retally_free(retally);
	contest_free(contest);
}

static void test_no_ballots(void **state)
{
	(void)state;
	struct contest *contest = make_contest("choices", REVOTE_REFUSE);
	struct retally *retally = retally_new(contest, 0);
	expect_rows(retally,
	    "[{\"entry\":\"nc-ai\",\"votes\":0,\"share\":0.0,\"rank\":1},"
	    "{\"entry\":\"naver-cloud\",\"votes\":0,\"share\":0.0,\"rank\":1},"
	    "{\"entry\":\"upstage\",\"votes\":0,\"share\":0.0,\"rank\":1}]");
	retally_free(retally);
	contest_free(contest);
	retally_free(NULL);
}

/* ---- refusals ---- */

static void expect_refused(struct retally *retally, unsigned shard, uint64_t index, unsigned number,
    const char *ballot, const char *expected)
{
	char why[RETALLY_WHY_MAX] = "";
	assert_int_equal(add(retally, shard, index, number, ballot, why), -EBADMSG);
	assert_string_equal(why, expected);
}

static void test_names_what_is_wrong(void **state)
{
	(void)state;
	struct contest *contest = make_contest("choices", REVOTE_REFUSE);
	contest->ballot.choices_max = 1;
	struct retally *retally = retally_new(contest, 0);
	uint8_t spent[SPENT_SIZE];
	char why[RETALLY_WHY_MAX] = "";

	expect_refused(retally, 3, 0, 1, "choices\nupstage\n",
	    "shard 3, index 0: there are shards 0 to 2 only");
	put(retally, 0, 1, "choices\nupstage\n");
	expect_refused(retally, 0, 1, 1, "choices\nnc-ai\n",
	    "shard 0, index 1: this token's ballot stands at index 0, and ballots are not "
	    "replaced here");
	token_of(2, 9, spent);
	assert_int_equal(
	    retally_add(retally, 0, 2, spent, slice_text("choices\nnc-ai\n"), why), -EBADMSG);
	assert_string_equal(why, "shard 0, index 2: this token belongs to shard 2");
	expect_refused(
	    retally, 0, 2, 4, "choices\nnc-ai\n", "shard 0, index 2: it stands behind index 2");
	expect_refused(retally, 0, 5, 4, "choices\nnc-ai\n",
	    "shard 0, index 5: index 3 was to come next: ballots are missing");
	expect_refused(retally, 0, 6, 4, "choices\nnobody\n",
	    "shard 0, index 6: it is no ballot of the form choices");
	expect_refused(retally, 1, 0, 4, "choices\nnc-ai\nupstage\n",
	    "shard 1, index 0: it is no ballot of the form choices");
	expect_refused(
	    retally, 1, 1, 4, "", "shard 1, index 1: it is no ballot of the form choices");
	/* What was refused does not count; the next one does. */
	put(retally, 7, 4, "choices\nnc-ai\n");
	assert_int_equal(retally_ballots(retally), 2);
	assert_int_equal(retally_superseded(retally), 0);
	assert_int_equal(retally_log_size(retally), 8 + 2);
	assert_int_equal(retally_count(retally), 0);
	assert_int_equal(retally_counter(retally, "votes:nc-ai"), 1);
	assert_int_equal(retally_counter(retally, "votes:upstage"), 1);
	retally_free(retally);
	contest_free(contest);
}

static void test_eleven_ballots_of_a_token_and_no_more(void **state)
{
	(void)state;
	struct contest *contest = make_contest("choices", REVOTE_REPLACE);
	struct retally *retally = retally_new(contest, 0);
	struct retally_token token;
	uint8_t spent[SPENT_SIZE];
	for (uint64_t i = 0; i < 11; i++)
		put(retally, i, 1, i % 2 ? "choices\nnc-ai\n" : "choices\nupstage\n");
	expect_refused(retally, 0, 11, 1, "choices\nnc-ai\n",
	    "shard 0, index 11: this token has replaced its ballot 10 times before, and once more "
	    "is too often");
	token_of(0, 1, spent);
	assert_int_equal(retally_find(retally, spent, &token), 0);
	assert_int_equal(token.index, 10);
	assert_int_equal(token.replacements, 10);
	assert_true(slice_is(token.ballot, "choices\nupstage\n"));
	token_of(0, 2, spent);
	assert_int_equal(retally_find(retally, spent, &token), -ENOENT);
	retally_free(retally);
	contest_free(contest);
}

/* An index beyond 32 bits is kept whole. */
static void test_far_index(void **state)
{
	(void)state;
	struct contest *contest = make_contest("choices", REVOTE_REPLACE);
	struct retally *retally = retally_new(contest, 0);
	struct retally_token token;
	uint8_t spent[SPENT_SIZE];
	char why[RETALLY_WHY_MAX];
	uint64_t far = (UINT64_C(7) << 40) + 3;
	assert_int_equal(add(retally, 0, far, 1, "choices\nnc-ai\n", why), -EBADMSG);
	put(retally, far + 1, 1, "choices\nnc-ai\n");
	token_of(0, 1, spent);
	assert_int_equal(retally_find(retally, spent, &token), 0);
	assert_int_equal(token.index, far + 1);
	retally_free(retally);
	contest_free(contest);
}

/* ---- properties ---- */

struct cast {
	unsigned shard, number;
	uint64_t index;
	char text[400];
};

static void random_text(const struct contest *contest, struct ballot *ret, char text[400])
{
	static const char *const names[] = {"choices", "scores", "ranking"};
	struct ballot ballot = {0};
	struct buf out;
	int place = 0;

	while (place == 0)
		for (size_t i = 0; i < contest->n_entries; i++) {
			if (below(2) == 0 || ballot.present[i])
				continue;
			ballot.present[i] = true;
			place++;
			ballot.value[i] = contest->form == form_find(slice_text(names[0])) ? 1
					  : contest->form == form_find(slice_text(names[1]))
					      ? below(11)
					      : place;
		}
	buf_init(&out, 400);
	assert_int_equal(ballot_print(contest, &ballot, &out), 0);
	memcpy(text, out.data, out.len);
	text[out.len] = '\0';
	buf_release(&out);
	*ret = ballot;
}

/* Ballots as they come in, and counters as the store keeps them: an increment a ballot, the
 * difference for one that replaces another. */
static size_t cast_ballots(
    const struct contest *contest, struct cast *casts, struct counters *counters)
{
	static struct ballot standing[SHARDS][TOKENS];
	unsigned times[SHARDS][TOKENS] = {0};
	uint64_t sizes[SHARDS] = {0};
	size_t n = 0;

	while (n < BALLOTS) {
		struct cast *cast = &casts[n];
		struct form_increment list[CONTEST_INCREMENTS_MAX];
		struct ballot ballot;
		cast->shard = (unsigned)below(SHARDS);
		cast->number = (unsigned)below(TOKENS);
		unsigned *so_often = &times[cast->shard][cast->number];
		if (*so_often > (contest->revote == REVOTE_REPLACE ? 10U : 0U))
			continue;
		random_text(contest, &ballot, cast->text);
		struct ballot *old = &standing[cast->shard][cast->number];
		counters_add(counters, list,
		    ballot_increments(contest, &ballot, *so_often ? old : NULL, list));
		*old = ballot;
		(*so_often)++;
		cast->index = sizes[cast->shard]++;
		n++;
	}
	return n;
}

static struct retally *recounted(
    const struct contest *contest, const struct cast *casts, bool shard_by_shard)
{
	struct retally *retally = retally_new(contest, shard_by_shard ? BALLOTS : 0);
	char why[RETALLY_WHY_MAX];

	for (unsigned shard = 0; shard < (shard_by_shard ? SHARDS : 1); shard++)
		for (size_t i = 0; i < BALLOTS; i++)
			if ((!shard_by_shard || casts[i].shard == SHARDS - 1 - shard) &&
			    add(retally, casts[i].shard, casts[i].index, casts[i].number,
				casts[i].text, why) != 0)
				fail_msg("%s", why);
	assert_int_equal(retally_count(retally), 0);
	return retally;
}

static int count_token(void *arg, const uint8_t *spent, const struct retally_token *token)
{
	uint64_t *sums = arg;
	(void)spent;
	sums[0]++;
	sums[1] += token->replacements;
	sums[2] += token->marked;
	return 0;
}

static void expect_the_same(struct retally *retally, const struct contest *contest,
    const struct counters *counters, size_t ballots)
{
	const struct tally_input input = {.counter = counters_get,
	    .arg = (void *)(uintptr_t)counters,
	    .ballots = retally_ballots(retally)};
	json_t *expected = tally_rows(contest, &input), *rows = retally_rows(retally);
	uint64_t sums[3] = {0};

	assert_true(json_equal(expected, rows));
	json_decref(expected);
	json_decref(rows);
	for (size_t i = 0; i < counters->n; i++)
		assert_int_equal(
		    retally_counter(retally, counters->list[i].counter), counters->list[i].by);
	assert_int_equal(retally_ballots(retally) + retally_superseded(retally), ballots);
	assert_int_equal(retally_each(retally, count_token, sums), 0);
	assert_int_equal(sums[0], retally_ballots(retally));
	assert_int_equal(sums[1], retally_superseded(retally));
}

static void test_counts_as_the_store_does_in_any_order_of_shards(void **state)
{
	static const char *const forms[] = {"choices", "scores", "ranking"};

	(void)state;
	(void)fixture_seed();
	for (int round = 0; round < ROUNDS; round++) {
		static struct cast casts[BALLOTS];
		struct counters counters = {.n = 0};
		struct contest *contest =
		    make_contest(forms[round % 3], round % 2 ? REVOTE_REPLACE : REVOTE_REFUSE);
		size_t n = cast_ballots(contest, casts, &counters);
		for (int order = 0; order < 2; order++) {
			struct retally *retally = recounted(contest, casts, order == 1);
			expect_the_same(retally, contest, &counters, n);
			retally_free(retally);
		}
		contest_free(contest);
	}
}

static void test_many_tokens_grow_and_can_be_marked(void **state)
{
	(void)state;
	struct contest *contest = make_contest("choices", REVOTE_REFUSE);
	struct retally *retally = retally_new(contest, 0);
	uint64_t sums[3] = {0};
	uint8_t spent[SPENT_SIZE];
	for (unsigned i = 0; i < 50000; i++)
		put(retally, i, i, i % 3 ? "choices\nnc-ai\n" : "choices\nupstage\n");
	for (unsigned i = 0; i < 50000; i++) {
		struct retally_token token;
		token_of(0, i, spent);
		assert_int_equal(retally_find(retally, spent, &token), 0);
		assert_int_equal(token.index, i);
		assert_int_equal(retally_shard_of(retally, spent), 0);
		if (i % 5 == 0)
			retally_mark(retally, spent);
	}
	token_of(1, 1, spent);
	retally_mark(retally, spent); /* unknown: nothing */
	assert_int_equal(retally_each(retally, count_token, sums), 0);
	assert_int_equal(sums[0], 50000);
	assert_int_equal(sums[2], 10000);
	assert_int_equal(retally_count(retally), 0);
	assert_int_equal(retally_counter(retally, "votes:upstage"), 16667);
	retally_free(retally);
	contest_free(contest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_choices_by_hand),
	    cmocka_unit_test(test_scores_by_hand),
	    cmocka_unit_test(test_ranking_by_hand),
	    cmocka_unit_test(test_no_ballots),
	    cmocka_unit_test(test_names_what_is_wrong),
	    cmocka_unit_test(test_eleven_ballots_of_a_token_and_no_more),
	    cmocka_unit_test(test_far_index),
	    cmocka_unit_test(test_counts_as_the_store_does_in_any_order_of_shards),
	    cmocka_unit_test(test_many_tokens_grow_and_can_be_marked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
