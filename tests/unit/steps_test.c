/* One published snapshot for workers that read at different moments, over a real Redis: each is
 * given what it has read, however old, and what it shows and leaves there is looked at. */
#include "ledger_fixture.h"

#include "api/steps.h"
#include "contest/contest.h"
#include "contest/form.h"

static struct entry entries[] = {{.id = "a"}, {.id = "b"}};

struct shown {
	bool called, any;
	int64_t ballots, sequence; /* ballots -1: null */
};

static void on_shown(void *arg, json_t *snapshot)
{
	struct shown *shown = arg;
	const json_t *ballots = json_object_get(snapshot, "ballots");

	*shown = (struct shown){.called = true,
	    .any = snapshot != NULL,
	    .ballots = json_is_null(ballots) ? -1 : json_integer_value(ballots),
	    .sequence = json_integer_value(json_object_get(snapshot, "sequence"))};
	json_decref(snapshot);
}

static int64_t no_counter(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return 0;
}

struct table {
	struct fixture f;
	struct contest contest;
	struct steps *steps;
};

static void table_lay(struct table *t)
{
	memset(t, 0, sizeof(*t));
	t->contest = (struct contest){.id = "c",
	    .form = form_find(slice_text("choices")),
	    .ballot = {.choices_min = 1, .choices_max = 1},
	    .citizen = VISIBLE_ORGANISERS,
	    .publish = {.first_at = 4, .step = 4, .every_ms = 3600 * 1000},
	    .entries = entries,
	    .n_entries = 2};
	t->steps = steps_new(&t->contest);
	fixture_init(&t->f);
	fixture_open_ready(&t->f);
}

static void table_clear(struct table *t)
{
	fixture_close(&t->f);
	steps_free(t->steps);
}

static void cast_up_to(struct table *t, uint32_t n)
{
	uint8_t spent[16];

	for (uint32_t i = (uint32_t)server_integer(&t->f.server, "XLEN {c/0}:log"); i < n; i++) {
		make_spent(spent, 0, i, i);
		assert_int_equal(
		    cast_now(&t->f, spent, "choices\na\n", "a", -1).result.verdict, CAST_COUNTED);
	}
}

/* What a worker shows that has read so many ballots at this time. */
static struct shown show(struct table *t, uint64_t epoch, uint64_t ballots, int64_t now_ms)
{
	const struct tally_input input = {.counter = no_counter,
	    .ballots = ballots,
	    .log_size = ballots,
	    .version = 100,
	    .epoch = epoch,
	    .phase = PHASE_OPEN,
	    .now_ms = now_ms};
	struct shown shown = {0};

	steps_show(t->steps, t->f.ledger, &input, tally_snapshot(&t->contest, &input, false),
	    on_shown, &shown);
	assert_false(shown.called);
	wait_until(&t->f, shown.called);
	return shown;
}

static void check(struct shown shown, int64_t ballots)
{
	assert_true(shown.any);
	assert_int_equal(shown.ballots, ballots);
	assert_int_equal(shown.sequence, ballots < 0 ? 100 : 100 + ballots);
}

enum { HOUR = 3600 * 1000 };

static void test_older_readings_overwrite_nothing(void **state)
{
	struct table t;

	(void)state;
	table_lay(&t);
	cast_up_to(&t, 8);
	check(show(&t, 1, 3, 0), -1);
	check(show(&t, 1, 4, 0), 4);
	check(show(&t, 1, 8, HOUR - 1), 4);
	check(show(&t, 1, 8, HOUR), 8);
	/* A slower worker, whichever it is and however often: Redis has 8. */
	for (uint64_t ballots = 0; ballots < 8; ballots++)
		check(show(&t, 1, ballots, 9 * HOUR), 8);
	check(show(&t, 1, 8, 9 * HOUR), 8);
	table_clear(&t);
}

static void lose(struct table *t, uint32_t left)
{
	server_do(&t->f.server,
	    "DEL {c/0}:log {c/0}:count {c/0}:spent:0 {c/0}:spent:1 "
	    "{c/0}:spent:2 {c/0}:spent:3");
	/* tallyd was ended as well, or its organisers have begun a new epoch. */
	fixture_shut(&t->f);
	fixture_open(&t->f);
	wait_until(&t->f, ledger_is_ready(t->f.ledger));
	cast_up_to(t, left);
}

static void test_lost_ballots_are_not_shown_for_ever(void **state)
{
	struct table t;

	(void)state;
	table_lay(&t);
	cast_up_to(&t, 10);
	check(show(&t, 1, 10, 0), 10);
	lose(&t, 5);
	check(show(&t, 1, 5, 1), 5); /* at once, whatever `every` says */
	check(show(&t, 1, 5, 2), 5);
	cast_up_to(&t, 9);
	check(show(&t, 1, 9, 2), 5);
	check(show(&t, 1, 9, 1 + HOUR), 9);
	/* Fewer than may be shown: nothing, until there are as many. */
	lose(&t, 3);
	check(show(&t, 1, 3, 2 + HOUR), -1);
	check(show(&t, 1, 3, 3 + HOUR), -1);
	cast_up_to(&t, 4);
	check(show(&t, 1, 4, 4 + HOUR), 4);
	table_clear(&t);
}

static void test_as_long_as_anybody_knows_better_nothing_moves(void **state)
{
	struct table t;

	(void)state;
	table_lay(&t);
	cast_up_to(&t, 10);
	check(show(&t, 1, 10, 0), 10);
	server_do(&t.f.server, "DEL {c/0}:log"); /* BEHIND: this ledger has acknowledged them */
	check(show(&t, 1, 0, 1), 10);
	check(show(&t, 1, 6, 1), 10);
	assert_int_equal(totals_now(&t.f).error, -EBADMSG);
	table_clear(&t);
}

static void test_an_epoch_begins_anew(void **state)
{
	struct table t;

	(void)state;
	table_lay(&t);
	cast_up_to(&t, 10);
	check(show(&t, 1, 10, 0), 10);
	check(show(&t, 2, 3, 1), -1);
	check(show(&t, 1, 10, 2 * HOUR), 10); /* whoever does not know of it yet */
	check(show(&t, 2, 5, 1), 5);
	check(show(&t, 1, 10, 2 * HOUR), 5);
	check(show(&t, 1, 99, 2 * HOUR), 5);
	check(show(&t, 2, 9, 2 * HOUR), 9);
	table_clear(&t);
}

/* By hand, or by another version: it is as if there were none. */
static void test_what_cannot_be_read_is_replaced(void **state)
{
	static const char *const texts[] = {
	    "", "x", "1", "1 ", "1 10", "1 10 ", "1 10 {", "10 {\"ballots\":10}", "1 10x{}"};
	struct table t;

	(void)state;
	table_lay(&t);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		server_do(&t.f.server, "SET {c}:published %s", texts[i]);
		check(show(&t, 1, 3, 0), -1);
		check(show(&t, 1, 4, 0), 4);
	}
	server_do(&t.f.server, "DEL {c}:published");
	server_do(&t.f.server, "HSET {c}:published a b");
	assert_false(show(&t, 1, 4, 0).any);
	table_clear(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_older_readings_overwrite_nothing),
	    cmocka_unit_test(test_lost_ballots_are_not_shown_for_ever),
	    cmocka_unit_test(test_as_long_as_anybody_knows_better_nothing_moves),
	    cmocka_unit_test(test_an_epoch_begins_anew),
	    cmocka_unit_test(test_what_cannot_be_read_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
