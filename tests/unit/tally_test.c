/* Snapshots: what they show, what they withhold, and when the public may see a new one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "contest/form.h"
#include "contest/tally.h"

static struct entry entries[] = {{.id = "a"}, {.id = "b"}, {.id = "c"}};

static struct contest make_contest(const char *form)
{
	return (struct contest){
	    .id = "test",
	    .rehearsal = true,
	    .form = form_find(slice_text(form)),
	    .ballot = {.choices_min = 1, .choices_max = 1, .score_max = 10, .score_step = 1},
	    .citizen = VISIBLE_LIVE,
	    .publish = {.first_at = 1, .step = 1},
	    .entries = entries,
	    .n_entries = 3,
	};
}

/* Votes for a, b, c out of six ballots. */
static int64_t choices_counter(void *arg, const char *name)
{
	const int64_t *votes = arg;
	for (int i = 0; i < 3; i++) {
		struct contest contest = make_contest("choices");
		struct ballot ballot = {0};
		ballot.present[i] = true;
		ballot.value[i] = 1;
		struct form_increment increments[CONTEST_INCREMENTS_MAX];
		size_t n = ballot_increments(&contest, &ballot, NULL, increments);
		for (size_t k = 0; k < n; k++)
			if (strcmp(increments[k].counter, name) == 0)
				return votes[i];
	}
	return 0;
}

static char *snapshot_text(const struct contest *contest, const struct tally_input *input, bool few)
{
	json_t *snapshot = tally_snapshot(contest, input, few);
	assert_non_null(snapshot);
	char *text = json_dumps(snapshot, JSON_COMPACT | JSON_REAL_PRECISION(9));
	json_decref(snapshot);
	return text;
}

static struct tally_input make_input(int64_t *votes, enum phase phase)
{
	return (struct tally_input){
	    .counter = choices_counter,
	    .arg = votes,
	    .ballots = 6,
	    .log_size = 7,
	    .version = 2,
	    .phase = phase,
	    .now_ms = 1000,
	};
}

static void test_shows_counts_shares_and_ranks(void **state)
{
	(void)state;
	struct contest contest = make_contest("choices");
	int64_t votes[] = {2, 2, 1};
	struct tally_input input = make_input(votes, PHASE_OPEN);
	char *text = snapshot_text(&contest, &input, false);
	assert_string_equal(text,
	    "{\"contest\":\"test\",\"rehearsal\":true,\"demonstration\":false,\"phase\":\"open\","
	    "\"as_of\":\"1970-01-01T00:00:01.000Z\",\"sequence\":9,\"ballots\":6,"
	    "\"citizen\":[{\"entry\":\"a\",\"votes\":2,\"share\":0.3333,\"rank\":1},"
	    "{\"entry\":\"b\",\"votes\":2,\"share\":0.3333,\"rank\":1},"
	    "{\"entry\":\"c\",\"votes\":1,\"share\":0.1667,\"rank\":3}],"
	    "\"experts\":{},\"standing\":[]}");
	free(text);
}

static void test_embargo_withholds_counts_until_the_close(void **state)
{
	(void)state;
	struct contest contest = make_contest("choices");
	int64_t votes[] = {1, 4, 1}, others[] = {4, 1, 1};
	static const struct {
		enum visibility visibility;
		enum phase phase;
		bool shown;
	} rows[] = {
	    {VISIBLE_LIVE, PHASE_OPEN, true},
	    {VISIBLE_ORGANISERS, PHASE_OPEN, false},
	    {VISIBLE_ORGANISERS, PHASE_PAUSED, false},
	    {VISIBLE_ORGANISERS, PHASE_CLOSED, true},
	    {VISIBLE_ON_PUBLISH, PHASE_CLOSED, false},
	    {VISIBLE_ON_PUBLISH, PHASE_PROVISIONAL, true},
	    {VISIBLE_ON_PUBLISH, PHASE_CERTIFIED, true},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		contest.citizen = rows[i].visibility;
		struct tally_input one = make_input(votes, rows[i].phase),
				   two = make_input(others, rows[i].phase);
		char *a = snapshot_text(&contest, &one, false);
		char *b = snapshot_text(&contest, &two, false);
		/* Withheld: the same bytes whatever the votes, but the number of participants is
		 * told. */
		assert_int_equal(strcmp(a, b) != 0, rows[i].shown);
		assert_int_equal(strstr(a, "\"votes\"") != NULL, rows[i].shown);
		assert_int_equal(strstr(a, "\"withheld\":\"embargo\"") == NULL, rows[i].shown);
		assert_non_null(strstr(a, "\"ballots\":6"));
		free(a);
		free(b);
	}
}

static void test_too_few_withholds_the_number_as_well(void **state)
{
	(void)state;
	struct contest contest = make_contest("choices");
	int64_t votes[] = {1, 4, 1};
	struct tally_input input = make_input(votes, PHASE_OPEN);
	char *text = snapshot_text(&contest, &input, true);
	assert_non_null(strstr(text, "\"sequence\":2,\"ballots\":null"));
	assert_non_null(strstr(text, "\"withheld\":\"too-few\""));
	assert_null(strstr(text, "votes"));
	free(text);
}

static void test_steps(void **state)
{
	(void)state;
	struct contest contest = make_contest("choices");
	contest.publish = (struct publish_steps){.first_at = 20, .step = 10, .every_ms = 5000};
	assert_true(tally_moves_in_steps(&contest, PHASE_PAUSED));
	assert_false(tally_moves_in_steps(&contest, PHASE_CLOSED));
	static const struct {
		struct tally_published last;
		uint64_t ballots; /* of a log with 9 replaced ones */
		int64_t now_ms;
		enum phase phase;
		enum tally_step step;
	} rows[] = {
	    {{0}, 19, 0, PHASE_OPEN, TALLY_TOO_FEW},
	    {{0}, 20, 0, PHASE_OPEN, TALLY_DUE},
	    {{true, 3, 29, 20, 10000}, 29, 60000, PHASE_OPEN, TALLY_STANDS},
	    {{true, 3, 29, 20, 10000}, 30, 60000, PHASE_OPEN, TALLY_DUE},
	    {{true, 3, 29, 20, 10000}, 30, 14999, PHASE_OPEN, TALLY_STANDS},
	    {{true, 3, 29, 20, 10000}, 30, 15000, PHASE_OPEN, TALLY_DUE},
	    {{true, 3, 29, 20, 10000}, 30, 15000, PHASE_PAUSED, TALLY_DUE},
	    {{true, 3, 29, 20, 10000}, 21, 60000, PHASE_PAUSED, TALLY_STANDS},
	    /* Less than was published: of ballots, or of the log, since ballots can be replaced. */
	    {{true, 3, 59, 50, 10000}, 49, 60000, PHASE_OPEN, TALLY_LESS},
	    {{true, 3, 59, 50, 10000}, 49, 10001, PHASE_OPEN, TALLY_LESS},
	    {{true, 3, 59, 50, 10000}, 3, 60000, PHASE_OPEN, TALLY_LESS},
	    {{true, 3, 30, 31, 10000}, 30, 60000, PHASE_OPEN, TALLY_LESS},
	    {{true, 3, 60, 50, 10000}, 50, 60000, PHASE_OPEN, TALLY_LESS},
	    {{true, 3, 70, 50, 10000}, 60, 60000, PHASE_OPEN, TALLY_LESS},
	    /* What was published in the epoch before counts for nothing, neither as a number nor
	     * as a time, */
	    {{true, 2, 59, 50, 10000}, 49, 10001, PHASE_OPEN, TALLY_DUE},
	    {{true, 2, 59, 50, 10000}, 51, 10001, PHASE_OPEN, TALLY_DUE},
	    {{true, 2, 59, 50, 10000}, 19, 60000, PHASE_OPEN, TALLY_TOO_FEW},
	    {{true, 2, 59, 50, 10000}, 0, 60000, PHASE_OPEN, TALLY_TOO_FEW},
	    /* and whoever does not know of the next one yet overwrites nothing of it. */
	    {{true, 4, 29, 20, 10000}, 90, 60000, PHASE_OPEN, TALLY_STANDS},
	    {{true, 4, 29, 20, 10000}, 10, 60000, PHASE_OPEN, TALLY_STANDS},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tally_input input = {
		    .epoch = 3,
		    .ballots = rows[i].ballots,
		    .log_size = rows[i].ballots + 9,
		    .phase = rows[i].phase,
		    .now_ms = rows[i].now_ms,
		};
		if (tally_step(&contest, &rows[i].last, &input) != rows[i].step)
			fail_msg("row %zu", i);
	}
	contest.publish = (struct publish_steps){.first_at = 1, .step = 1};
	assert_false(tally_moves_in_steps(&contest, PHASE_OPEN));
}

static void test_phases(void **state)
{
	(void)state;
	struct contest contest = {.opens_ms = 100, .closes_ms = 200};
	assert_int_equal(phase_by_hours(&contest, 99), PHASE_ANNOUNCED);
	assert_int_equal(phase_by_hours(&contest, 100), PHASE_OPEN);
	assert_int_equal(phase_by_hours(&contest, 199), PHASE_OPEN);
	assert_int_equal(phase_by_hours(&contest, 200), PHASE_CLOSED);
	contest = (struct contest){0};
	assert_int_equal(phase_by_hours(&contest, 1), PHASE_OPEN);

	enum phase phase;
	for (int p = PHASE_ANNOUNCED; p <= PHASE_CORRECTED; p++) {
		assert_int_equal(phase_parse(phase_name((enum phase)p), &phase), 0);
		assert_int_equal(phase, p);
	}
	assert_int_not_equal(phase_parse("opened", &phase), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_shows_counts_shares_and_ranks),
	    cmocka_unit_test(test_embargo_withholds_counts_until_the_close),
	    cmocka_unit_test(test_too_few_withholds_the_number_as_well),
	    cmocka_unit_test(test_steps),
	    cmocka_unit_test(test_phases),
	};
	return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
