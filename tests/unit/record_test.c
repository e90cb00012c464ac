/* Amended hours, the clock, and what was latched become one phase: each of them, and records that
 * cannot be believed. */
#include "office/record.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "contest_fixture.h"
/* A view by hand: what record_read() asks of it is the desk's own business otherwise. */
#include "store/desk_impl.h"

#define FIELDS_MAX 6
#define OPENS      INT64_C(1000)
#define CLOSES     INT64_C(2000)

struct stored {
	const char *name, *value;
};

static int by_name(const void *a, const void *b)
{
	const struct stored *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int read_at(const struct stored given[FIELDS_MAX], int64_t opens_ms, int64_t closes_ms,
    int64_t now_ms, struct record *ret_record)
{
	static const char *const ids[] = {"e0", "e1"};
	struct contest *contest = fixture_contest("choices", ids, 2);
	struct stored sorted[FIELDS_MAX];
	struct view_field fields[FIELDS_MAX];
	struct desk_view view = {.now_ms = now_ms, .size = 7, .version = 3};
	size_t n = 0;
	int r;

	while (n < FIELDS_MAX && given[n].name) {
		sorted[n] = given[n];
		n++;
	}
	if (n > 0)
		qsort(sorted, n, sizeof(sorted[0]), by_name);
	for (size_t i = 0; i < n; i++)
		fields[i] =
		    (struct view_field){slice_text(sorted[i].name), slice_text(sorted[i].value)};
	view.columns[DESK_RECORD] = (struct view_column){fields, n};
	contest->opens_ms = opens_ms;
	contest->closes_ms = closes_ms;
	r = record_read(contest, &view, ret_record);
	contest_free(contest);
	return r;
}

static void test_phases(void **state)
{
	static const struct {
		struct stored fields[FIELDS_MAX];
		int64_t now_ms;
		enum phase phase;
		const char *latched;
		int64_t opens_ms, closes_ms;
	} cases[] = {
	    {{{0}}, 999, PHASE_ANNOUNCED, "", OPENS, CLOSES},
	    {{{0}}, 1000, PHASE_OPEN, "", OPENS, CLOSES},
	    {{{0}}, 1999, PHASE_OPEN, "", OPENS, CLOSES},
	    {{{0}}, 2000, PHASE_CLOSED, "", OPENS, CLOSES},
	    {{{"phase", ""}}, 1500, PHASE_OPEN, "", OPENS, CLOSES},
	    /* Opened early, extended. */
	    {{{"opens", "500"}}, 500, PHASE_OPEN, "", 500, CLOSES},
	    {{{"opens", "500"}}, 499, PHASE_ANNOUNCED, "", 500, CLOSES},
	    {{{"closes", "3000"}}, 2500, PHASE_OPEN, "", OPENS, 3000},
	    {{{"closes", "3000"}}, 3000, PHASE_CLOSED, "", OPENS, 3000},
	    /* A pause ends with the hours, as they are amended. */
	    {{{"phase", "paused"}}, 1500, PHASE_PAUSED, "paused", OPENS, CLOSES},
	    {{{"phase", "paused"}}, 2000, PHASE_CLOSED, "paused", OPENS, CLOSES},
	    {{{"phase", "paused"}, {"closes", "3000"}}, 2000, PHASE_PAUSED, "paused", OPENS, 3000},
	    /* What is behind the close stays, whatever the hours say. */
	    {{{"phase", "closed"}}, 500, PHASE_CLOSED, "closed", OPENS, CLOSES},
	    {{{"phase", "closed"}, {"closes", "9000"}}, 1500, PHASE_CLOSED, "closed", OPENS, 9000},
	    {{{"phase", "provisional"}}, 1500, PHASE_PROVISIONAL, "provisional", OPENS, CLOSES},
	    {{{"phase", "certified"}}, 5000, PHASE_CERTIFIED, "certified", OPENS, CLOSES},
	    {{{"phase", "corrected"}}, 5000, PHASE_CORRECTED, "corrected", OPENS, CLOSES},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record record;

		assert_int_equal(
		    read_at(cases[i].fields, OPENS, CLOSES, cases[i].now_ms, &record), 0);
		assert_int_equal(record.phase, cases[i].phase);
		assert_string_equal(record.latched, cases[i].latched);
		assert_int_equal(record.opens_ms, cases[i].opens_ms);
		assert_int_equal(record.closes_ms, cases[i].closes_ms);
		assert_int_equal(record.version, 3);
	}
}

static void test_rehearsal(void **state)
{
	static const struct stored none[FIELDS_MAX] = {{0}},
				   paused[FIELDS_MAX] = {{"phase", "paused"}};
	struct record record;

	(void)state;
	assert_int_equal(read_at(none, 0, 0, INT64_C(1800000000000), &record), 0);
	assert_int_equal(record.phase, PHASE_OPEN);
	assert_int_equal(record.closes_ms, 0);
	assert_int_equal(read_at(paused, 0, 0, INT64_C(1800000000000), &record), 0);
	assert_int_equal(record.phase, PHASE_PAUSED);
}

static void test_rest(void **state)
{
	static const struct stored all[FIELDS_MAX] = {{"opened", "1001"}, {"closed", "2002"},
	    {"notice", "{\"ko\":\"가\",\"en\":\"a\"}"}, {"phase", "closed"}},
				   none[FIELDS_MAX] = {{0}};
	struct record record;

	(void)state;
	assert_int_equal(read_at(all, OPENS, CLOSES, 2100, &record), 0);
	assert_int_equal(record.opened_ms, 1001);
	assert_int_equal(record.closed_ms, 2002);
	assert_true(slice_starts(record.notice, "{\"ko\""));
	assert_int_equal(read_at(none, OPENS, CLOSES, 2100, &record), 0);
	assert_int_equal(record.opened_ms, 0);
	assert_int_equal(record.closed_ms, 0);
	assert_null(record.notice.ptr);
}

static void test_damaged(void **state)
{
	static const struct stored cases[][FIELDS_MAX] = {
	    {{"phase", "open"}},
	    {{"phase", "announced"}},
	    {{"phase", "Paused"}},
	    {{"phase", "closed "}},
	    {{"opens", ""}},
	    {{"opens", "soon"}},
	    {{"closes", "-1"}},
	    {{"closes", "01"}},
	    {{"closes", "1e3"}},
	    {{"opened", "1.5"}},
	    {{"closed", "1234567890123456"}},
	};
	struct record record = {.version = 42};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(read_at(cases[i], OPENS, CLOSES, 1500, &record), -EBADMSG);
		assert_int_equal(record.version, 42);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_phases),
	    cmocka_unit_test(test_rehearsal),
	    cmocka_unit_test(test_rest),
	    cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
