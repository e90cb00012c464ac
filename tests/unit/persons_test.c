/* When what is kept of persons is deleted without anybody asking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "office/persons.h"

static void test_due(void **state)
{
	static const struct {
		enum admission_kind admission;
		bool issues;
		enum phase phase;
		int64_t closed_ms, forgotten_ms, now_ms;
		bool due;
	} cases[] = {
	    {ADMISSION_OIDC, true, PHASE_CLOSED, 500, 0, 1000, true},
	    {ADMISSION_ASSERTION, true, PHASE_CERTIFIED, 500, 0, 2000, true},
	    {ADMISSION_OIDC, true, PHASE_CLOSED, 500, 0, 999, false},     /* before the day */
	    {ADMISSION_OIDC, true, PHASE_CLOSED, 500, 700, 999, true},    /* but by an act */
	    {ADMISSION_OIDC, true, PHASE_OPEN, 0, 0, 2000, false},        /* open */
	    {ADMISSION_OIDC, true, PHASE_PAUSED, 0, 0, 2000, false},      /* paused */
	    {ADMISSION_OIDC, true, PHASE_CLOSED, 0, 0, 2000, false},      /* not yet recorded */
	    {ADMISSION_OIDC, false, PHASE_CLOSED, 500, 0, 2000, false},   /* kept elsewhere */
	    {ADMISSION_OIDC, false, PHASE_CLOSED, 500, 700, 2000, false}, /* likewise */
	    {ADMISSION_CODES, true, PHASE_CLOSED, 500, 0, 2000, false},   /* no persons */
	    {ADMISSION_OPEN, true, PHASE_CLOSED, 500, 0, 2000, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct contest contest = {
		    .admission = cases[i].admission, .identity.delete_ms = 1000};
		const struct round round = {.contest = &contest, .issues = cases[i].issues};
		const struct record record = {.phase = cases[i].phase,
		    .closed_ms = cases[i].closed_ms,
		    .forgotten_ms = cases[i].forgotten_ms};

		assert_int_equal(persons_are_due(&round, &record, cases[i].now_ms), cases[i].due);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_due)};

	return cmocka_run_group_tests_name("persons", tests, NULL, NULL);
}
