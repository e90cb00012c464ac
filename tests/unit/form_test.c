/* Properties that hold for every form, over random contests and ballots with a printed seed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/encode.h"
#include "contest_fixture.h"

#define ROUNDS  200
#define BALLOTS 60

static const char *const form_list[] = {"choices", "scores", "ranking"};

#define N_FORMS (sizeof(form_list) / sizeof(form_list[0]))

static struct contest *random_contest(const char *form)
{
	static char ids[CONTEST_ENTRIES_MAX][CONTEST_ID_MAX + 1];
	const char *list[CONTEST_ENTRIES_MAX];
	bool ranking = strcmp(form, "ranking") == 0;
	size_t n = 1 + (size_t)below(ranking ? CONTEST_RANKING_MAX : CONTEST_ENTRIES_MAX);
	struct contest *contest;

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(ids[i], sizeof(ids[i]), "e%d-%zu", below(100), i);
		list[i] = ids[i];
	}
	contest = fixture_contest(form, list, n);
	contest->ballot.choices_min = 1 + below((int)n);
	contest->ballot.choices_max =
	    contest->ballot.choices_min + below((int)n - contest->ballot.choices_min + 1);
	contest->ballot.ranking_min = contest->ballot.choices_min;
	contest->ballot.ranking_max = contest->ballot.choices_max;
	contest->ballot.score_min = below(21) - 10;
	contest->ballot.score_step = 1 + below(5);
	contest->ballot.score_max =
	    contest->ballot.score_min + contest->ballot.score_step * (1 + below(100));
	return contest;
}

/* A valid request's body, its items in random order. */
static json_t *random_body(const struct contest *contest)
{
	int n = (int)contest->n_entries;
	bool scores = strcmp(contest->form->name, "scores") == 0;
	int min = scores ? 1 : contest->ballot.choices_min;
	int max = scores ? n : contest->ballot.choices_max;
	int steps =
	    (contest->ballot.score_max - contest->ballot.score_min) / contest->ballot.score_step;
	int wanted = min + below(max - min + 1);
	json_t *items = scores ? json_object() : json_array();
	bool taken[CONTEST_ENTRIES_MAX] = {false};

	while (wanted > 0) {
		int entry = below(n);
		const char *id = contest->entries[entry].id;

		if (taken[entry])
			continue;
		taken[entry] = true;
		wanted--;
		if (scores)
			json_object_set_new(items, id,
			    json_integer(contest->ballot.score_min +
					 contest->ballot.score_step * below(steps + 1)));
		else
			json_array_append_new(items, json_string(id));
	}
	return json_pack("{s:o}", contest->form->name, items);
}

static struct ballot random_ballot(const struct contest *contest)
{
	json_t *body = random_body(contest);
	struct ballot ballot;
	char why[FORM_WHY_MAX] = "";

	if (ballot_parse(contest, body, &ballot, why) < 0)
		fail_msg("%s", why);
	json_decref(body);
	return ballot;
}

static void test_table(void **state)
{
	char names[100] = "";

	(void)state;
	for (size_t i = 0; i < N_FORMS; i++) {
		assert_non_null(form_find(slice_text(form_list[i])));
		assert_string_equal(form_find(slice_text(form_list[i]))->name, form_list[i]);
		(void)snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
		    i ? ", " : "", form_list[i]);
	}
	assert_string_equal(form_names(), names);
	assert_null(form_find(slice_text("rankings")));
	assert_null(form_find(slice_text("")));
	assert_null(form_find(slice_make("choicesx", 6)));
}

static void test_print_then_read_is_identity(void **state)
{
	(void)state;
	fixture_seed();
	for (int round = 0; round < ROUNDS; round++) {
		struct contest *contest = random_contest(form_list[(size_t)round % N_FORMS]);
		struct ballot ballot = random_ballot(contest), again;
		struct buf text;

		buf_init(&text, 8192);
		assert_int_equal(ballot_print(contest, &ballot, &text), 0);
		assert_int_equal(ballot_read(contest, buf_slice(&text), &again), 0);
		assert_memory_equal(&ballot, &again, sizeof(ballot));
		/* Any byte more or less is another text. */
		assert_int_equal(
		    ballot_read(contest, slice_make(text.data, text.len - 1), &again), -EINVAL);
		buf_release(&text);
		contest_free(contest);
	}
}

static void test_pack_then_unpack_is_identity(void **state)
{
	(void)state;
	fixture_seed();
	for (int round = 0; round < ROUNDS; round++) {
		struct contest *contest = random_contest(form_list[(size_t)round % N_FORMS]);
		struct ballot ballot = random_ballot(contest);
		uint8_t packed[FORM_PACKED_MAX];
		struct buf text, again;
		size_t len;

		buf_init(&text, 8192);
		buf_init(&again, 8192);
		assert_int_equal(ballot_print(contest, &ballot, &text), 0);
		assert_int_equal(ballot_pack(contest, buf_slice(&text), packed, &len), 0);
		assert_true(len < text.len);
		assert_int_equal(ballot_unpack(contest, slice_make(packed, len), &again), 0);
		assert_true(slice_equal(buf_slice(&text), buf_slice(&again)));
		/* What is no ballot's text has no packed form. */
		assert_int_equal(
		    ballot_pack(contest, slice_make(text.data, text.len - 1), packed, &len),
		    -EINVAL);
		buf_release(&text);
		buf_release(&again);
		contest_free(contest);
	}
}

/* Whatever bytes unpack at all are those that their ballot packs to: none has two forms. */
static void test_unpack_takes_only_what_pack_writes(void **state)
{
	int taken = 0;

	(void)state;
	fixture_seed();
	for (int round = 0; round < ROUNDS; round++) {
		struct contest *contest = random_contest(form_list[(size_t)round % N_FORMS]);
		struct buf text;

		buf_init(&text, 8192);
		for (int i = 0; i < 500; i++) {
			uint8_t bytes[8], packed[FORM_PACKED_MAX];
			size_t n = (size_t)below(sizeof(bytes) + 1), len;

			for (size_t k = 0; k < n; k++) /* mostly small ones, as entries are */
				bytes[k] =
				    (uint8_t)below(below(4) ? (int)contest->n_entries + 1 : 256);
			buf_clear(&text);
			if (ballot_unpack(contest, slice_make(bytes, n), &text) < 0) {
				assert_int_equal(text.len, 0);
				continue;
			}
			taken++;
			assert_int_equal(ballot_pack(contest, buf_slice(&text), packed, &len), 0);
			assert_int_equal(len, n);
			assert_memory_equal(packed, bytes, n);
		}
		buf_release(&text);
		contest_free(contest);
	}
	assert_true(taken > ROUNDS);
}

/* Written down, because logs are kept: forms must not come to pack otherwise. */
static void test_packed_forms_stay(void **state)
{
	static const char *const ids[] = {"naver-cloud", "upstage", "sk-telecom"};
	static const struct {
		const char *text, *packed;
	} table[] = {
	    {"choices\nupstage\n", "01"},
	    {"choices\nnaver-cloud\nsk-telecom\n", "0002"},
	    {"scores\nnaver-cloud=3\nupstage=8\n", "00030108"},
	    {"scores\nupstage=127\nsk-telecom=300\n", "017f02ac02"},
	    {"ranking\nupstage\nnaver-cloud\n", "0100"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		char form[16], hex[HEX_SIZE(FORM_PACKED_MAX)];
		uint8_t packed[FORM_PACKED_MAX];
		struct contest *contest;
		size_t len;

		(void)snprintf(
		    form, sizeof(form), "%.*s", (int)strcspn(table[i].text, "\n"), table[i].text);
		contest = fixture_contest(form, ids, 3);
		contest->ballot.choices_min = contest->ballot.ranking_min = 1;
		contest->ballot.choices_max = contest->ballot.ranking_max = 3;
		contest->ballot.score_min = 0;
		contest->ballot.score_max = 1000;
		contest->ballot.score_step = 1;
		assert_int_equal(ballot_pack(contest, slice_text(table[i].text), packed, &len), 0);
		hex_encode(packed, len, hex);
		assert_string_equal(hex, table[i].packed);
		contest_free(contest);
	}
}

static void test_tally_does_not_depend_on_order_and_adds_up(void **state)
{
	(void)state;
	fixture_seed();
	for (int round = 0; round < ROUNDS; round++) {
		struct contest *contest = random_contest(form_list[(size_t)round % N_FORMS]);
		struct tally_row rows[2][CONTEST_ENTRIES_MAX];
		struct ballot ballots[BALLOTS];
		struct counters counters[2] = {0};
		int64_t named = 0, counted = 0;

		for (int i = 0; i < BALLOTS; i++)
			ballots[i] = random_ballot(contest);
		for (int i = 0; i < BALLOTS; i++) {
			struct form_increment increments[CONTEST_INCREMENTS_MAX];
			size_t n = ballot_increments(contest, &ballots[i], NULL, increments);

			assert_true(n <= CONTEST_INCREMENTS_MAX);
			counters_add(&counters[0], increments, n);
			n = ballot_increments(contest, &ballots[BALLOTS - 1 - i], NULL, increments);
			counters_add(&counters[1], increments, n);
			for (size_t k = 0; k < contest->n_entries; k++)
				named += ballots[i].present[k];
		}
		for (int i = 0; i < 2; i++)
			contest->form->tally(contest, counters_get, &counters[i], BALLOTS, rows[i]);
		for (size_t k = 0; k < contest->n_entries; k++) {
			assert_int_equal(rows[0][k].votes, rows[1][k].votes);
			assert_int_equal(rows[0][k].sum, rows[1][k].sum);
			assert_int_equal(rows[0][k].rank, rows[1][k].rank);
			counted += rows[0][k].votes;
		}
		assert_int_equal(counted, named);
		contest_free(contest);
	}
}

static void test_one_choice_votes_sum_to_the_ballots(void **state)
{
	struct contest *contest = fixture_contest("choices", three, 3);
	struct counters counters = {0};
	struct tally_row rows[3];
	int64_t sum = 0;

	(void)state;
	fixture_seed();
	contest->ballot.choices_max = 1;
	for (int i = 0; i < 1000; i++) {
		struct form_increment increments[CONTEST_INCREMENTS_MAX];
		struct ballot ballot = random_ballot(contest);

		counters_add(
		    &counters, increments, ballot_increments(contest, &ballot, NULL, increments));
	}
	contest->form->tally(contest, counters_get, &counters, 1000, rows);
	for (int i = 0; i < 3; i++)
		sum += rows[i].votes;
	assert_int_equal(sum, 1000);
	contest_free(contest);
}

static void test_replacing_leaves_only_the_new_ballot(void **state)
{
	(void)state;
	fixture_seed();
	for (int round = 0; round < ROUNDS; round++) {
		struct contest *contest = random_contest(form_list[(size_t)round % N_FORMS]);
		struct ballot old = random_ballot(contest), new = random_ballot(contest);
		struct form_increment increments[CONTEST_INCREMENTS_MAX];
		struct counters replaced = {0}, alone = {0};
		size_t n;

		counters_add(
		    &replaced, increments, ballot_increments(contest, &old, NULL, increments));
		n = ballot_increments(contest, &new, &old, increments);
		for (size_t i = 0; i < n; i++)
			assert_int_not_equal(increments[i].by, 0);
		counters_add(&replaced, increments, n);
		counters_add(
		    &alone, increments, ballot_increments(contest, &new, NULL, increments));
		for (size_t i = 0; i < replaced.n; i++)
			assert_int_equal(
			    replaced.list[i].by, counters_get(&alone, replaced.list[i].counter));
		for (size_t i = 0; i < alone.n; i++)
			assert_int_equal(
			    alone.list[i].by, counters_get(&replaced, alone.list[i].counter));
		assert_int_equal(ballot_increments(contest, &new, &new, increments), 0);
		contest_free(contest);
	}
}

static void test_print_leaves_a_full_buffer_alone(void **state)
{
	struct contest *contest = fixture_contest("choices", three, 3);
	struct ballot ballot = {.present = {true, true, true}, .value = {1, 1, 1}};
	struct buf out;

	(void)state;
	buf_init(&out, 20);
	assert_int_equal(ballot_print(contest, &ballot, &out), -ENOBUFS);
	assert_int_equal(out.len, 0);
	buf_release(&out);
	contest_free(contest);
}

static void test_a_long_list_ends_in_an_ellipsis(void **state)
{
	static char ids[CONTEST_ENTRIES_MAX][CONTEST_ID_MAX + 1];
	const char *list[CONTEST_ENTRIES_MAX];
	struct contest *contest;
	struct ballot ballot;
	char why[FORM_WHY_MAX];

	(void)state;
	for (int i = 0; i < CONTEST_ENTRIES_MAX; i++) {
		(void)snprintf(ids[i], sizeof(ids[i]), "a-long-entry-id-number-%d", i);
		list[i] = ids[i];
	}
	contest = fixture_contest("choices", list, CONTEST_ENTRIES_MAX);
	assert_int_equal(fixture_parse(contest, "{\"choices\":[\"x\"]}", &ballot, why), -EINVAL);
	assert_true(strlen(why) < FORM_WHY_MAX);
	assert_string_equal(why + strlen(why) - strlen("…"), "…");
	contest_free(contest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_print_then_read_is_identity),
	    cmocka_unit_test(test_pack_then_unpack_is_identity),
	    cmocka_unit_test(test_unpack_takes_only_what_pack_writes),
	    cmocka_unit_test(test_packed_forms_stay),
	    cmocka_unit_test(test_tally_does_not_depend_on_order_and_adds_up),
	    cmocka_unit_test(test_one_choice_votes_sum_to_the_ballots),
	    cmocka_unit_test(test_replacing_leaves_only_the_new_ballot),
	    cmocka_unit_test(test_print_leaves_a_full_buffer_alone),
	    cmocka_unit_test(test_a_long_list_ends_in_an_ellipsis),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
