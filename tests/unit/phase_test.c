/* Phases and acts: every pair of them, and names both ways. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "contest/phase.h"

#include "contest_fixture.h"

#define PHASES (PHASE_CORRECTED + 1)
#define ACTS   (ACT_CORRECT + 1)

/* What each act leads to, from announced, open, paused, closed, provisional, certified, corrected.
 * A dash: not possible. */
static const char *const after[ACTS][PHASES] = {
    [ACT_OPEN] = {"open", "-", "-", "-", "-", "-", "-"},
    [ACT_PAUSE] = {"-", "paused", "-", "-", "-", "-", "-"},
    [ACT_RESUME] = {"-", "-", "open", "-", "-", "-", "-"},
    [ACT_EXTEND] = {"announced", "open", "paused", "-", "-", "-", "-"},
    [ACT_CLOSE] = {"closed", "closed", "closed", "-", "-", "-", "-"},
    [ACT_PUBLISH] = {"-", "-", "-", "provisional", "-", "-", "-"},
    [ACT_CERTIFY] = {"-", "-", "-", "-", "certified", "-", "-"},
    [ACT_CORRECT] = {"-", "-", "-", "-", "-", "corrected", "corrected"},
};

static void test_every_act_in_every_phase(void **state)
{
	(void)state;
	for (size_t act = 0; act < ACTS; act++)
		for (size_t from = 0; from < PHASES; from++) {
			enum phase to = PHASE_ANNOUNCED;
			int error = phase_after((enum phase)from, (enum phase_act)act, &to);

			if (after[act][from][0] == '-') {
				assert_int_equal(error, -EPERM);
				assert_int_equal(to, PHASE_ANNOUNCED);
				continue;
			}
			assert_int_equal(error, 0);
			assert_string_equal(phase_name(to), after[act][from]);
		}
}

/* Whatever is done: once closed, never again open to ballots. */
static void test_nothing_reopens(void **state)
{
	(void)state;
	for (size_t act = 0; act < ACTS; act++)
		for (size_t from = PHASE_CLOSED; from < PHASES; from++) {
			enum phase to;

			if (phase_after((enum phase)from, (enum phase_act)act, &to) == 0)
				assert_true(to >= from);
		}
}

static void test_names(void **state)
{
	static const char *const phases[] = {
	    "announced", "open", "paused", "closed", "provisional", "certified", "corrected"};
	static const char *const acts[] = {
	    "open", "pause", "resume", "extend", "close", "publish", "certify", "correct"};
	static const char *const none[] = {"", "Open", "opened", "open ", "opening"};
	enum phase phase;
	enum phase_act act;

	(void)state;
	for (size_t i = 0; i < PHASES; i++) {
		assert_string_equal(phase_name((enum phase)i), phases[i]);
		assert_int_equal(phase_parse(phases[i], &phase), 0);
		assert_int_equal(phase, i);
	}
	for (size_t i = 0; i < ACTS; i++) {
		assert_string_equal(phase_act_name((enum phase_act)i), acts[i]);
		assert_int_equal(phase_act_parse(acts[i], &act), 0);
		assert_int_equal(act, i);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_int_equal(phase_parse(none[i], &phase), -EINVAL);
		assert_int_equal(phase_act_parse(none[i], &act), -EINVAL);
	}
}

static void test_hours(void **state)
{
	static const struct {
		int64_t opens, closes, now;
		enum phase phase;
	} table[] = {
	    {1000, 2000, 999, PHASE_ANNOUNCED},
	    {1000, 2000, 1000, PHASE_OPEN},
	    {1000, 2000, 1999, PHASE_OPEN},
	    {1000, 2000, 2000, PHASE_CLOSED},
	    {0, 0, 5, PHASE_OPEN},
	};
	struct contest *contest = fixture_contest("choices", three, 3);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		contest->opens_ms = table[i].opens;
		contest->closes_ms = table[i].closes;
		assert_int_equal(phase_by_hours(contest, table[i].now), table[i].phase);
	}
	contest_free(contest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_act_in_every_phase),
	    cmocka_unit_test(test_nothing_reopens),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_hours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
