/* The standing against hand-checked numbers, against itself under random changes, and what of it is
 * shown to whom. With --compute it is the other side of tests/unit/js/standing.test.mjs: reads
 * cases (as in vectors/standing.json) from standard input and prints their results. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "contest/standing.h"

#include "standing_cases.h"
#include "vectors.h"

/* ---- hand-checked ---- */

#define VALUES_MAX 256

static json_t *aggregate_json(const json_t *json)
{
	int64_t values[VALUES_MAX];
	struct aggregated result;
	const json_t *value;
	size_t i, n = 0;

	assert(json_array_size(json_object_get(json, "values")) <= VALUES_MAX);
	json_array_foreach(json_object_get(json, "values"), i, value) values[n++] =
	    json_integer_value(value);
	aggregate((enum aggregate_kind)case_index(aggregate_names, case_text(json, "kind")), values,
	    n, &result);
	return json_pack("{s:I, s:I, s:o, s:o}", "n", (json_int_t)result.n, "left_out",
	    (json_int_t)result.left_out, "value",
	    result.any ? fixed_json(result.value_e4) : json_null(), "spread",
	    result.has_spread ? json_real(result.spread) : json_null());
}

/* Whether `actual` says all that `expected` says; objects may say more. */
static bool says(const json_t *actual, const json_t *expected)
{
	const char *name;
	json_t *value;
	size_t i;

	if (json_is_number(expected))
		return json_is_number(actual) &&
		       json_number_value(actual) == json_number_value(expected);
	if (json_is_array(expected)) {
		if (json_array_size(actual) != json_array_size(expected))
			return false;
		json_array_foreach(
		    expected, i, value) if (!says(json_array_get(actual, i), value)) return false;
		return json_is_array(actual);
	}
	if (!json_is_object(expected))
		return json_equal(actual, expected);
	json_object_foreach((json_t *)expected, name,
	    value) if (!says(json_object_get(actual, name), value)) return false;
	return json_is_object(actual);
}

static void show_difference(const json_t *json, const json_t *actual)
{
	char *expected = json_dumps(json_object_get(json, "expect"), JSON_REAL_PRECISION(15));
	char *found = json_dumps(actual, JSON_REAL_PRECISION(15));

	print_error("%s\nexpected: %s\nfound:    %s\n", case_text(json, "name"), expected, found);
	free(expected);
	free(found);
}

static void test_aggregates(void **state)
{
	json_t *vectors = vectors_load("standing.json"), *json;
	size_t i;

	(void)state;
	assert_true(json_array_size(json_object_get(vectors, "aggregates")) >= 20);
	json_array_foreach(json_object_get(vectors, "aggregates"), i, json)
	{
		json_t *expect = json_object_get(json, "expect");
		json_t *actual = aggregate_json(json);
		double spread = json_number_value(json_object_get(expect, "spread"));
		bool same_spread =
		    json_is_null(json_object_get(actual, "spread")) ==
			json_is_null(json_object_get(expect, "spread")) &&
		    fabs(json_number_value(json_object_get(actual, "spread")) - spread) < 1e-9;

		json_object_del(expect, "spread");
		if (!same_spread || !says(actual, expect)) {
			show_difference(json, actual);
			fail();
		}
		json_decref(actual);
	}
	json_decref(vectors);
}

static void test_standings(void **state)
{
	json_t *vectors = vectors_load("standing.json"), *json;
	size_t i;

	(void)state;
	assert_true(json_array_size(json_object_get(vectors, "standings")) >= 30);
	json_array_foreach(json_object_get(vectors, "standings"), i, json)
	{
		struct standing_case *c = case_new(json);
		json_t *actual = standing_json(c->contest, &c->input, &c->standing);

		if (!says(actual, json_object_get(json, "expect"))) {
			show_difference(json, actual);
			fail();
		}
		json_decref(actual);
		case_free(c);
	}
	json_decref(vectors);
}

/* ---- properties ---- */

/* A contest of few different values, so that ties and missing ones are frequent. */
static struct standing_case *random_case(void)
{
	static const char *const ids[] = {"a", "b", "c", "d", "e", "f", "g"};
	static const char *const parts[] = {"p", "q", "r"};
	struct standing_case *c = calloc(1, sizeof(*c));
	size_t n = 2 + (size_t)below(6), n_parts = 1 + (size_t)below(3);
	bool gaps = below(4) == 0;

	assert(c);
	c->contest = fixture_contest("choices", ids, n);
	c->contest->stage.advance = below((int)n + 1);
	c->contest->stage.refill = below(2);
	c->contest->stage.ties_excluded = below(2);
	for (size_t p = 0; p < n_parts; p++) {
		fixture_part(c->contest, parts[p], PART_METRIC, NULL, NULL, below(4) * 10,
		    (enum scale)below(3), 1 + below(6));
		for (size_t i = 0; i < n; i++)
			c->input.value[p][i] = (struct standing_value){
			    .known = !gaps || below(5) > 0, .value_e4 = (below(7) - 1) * 7500};
	}
	for (size_t i = 0; i < n; i++)
		c->input.disqualified[i] = below(5) == 0 ? "a reason" : NULL;
	standing_compute(c->contest, &c->input, &c->standing);
	return c;
}

#define ROUNDS 4000

static void test_ranks_follow_totals(void **state)
{
	(void)state;
	(void)fixture_seed();
	for (int round = 0; round < ROUNDS; round++) {
		struct standing_case *c = random_case();

		for (size_t i = 0; i < c->contest->n_entries; i++) {
			const struct standing_row *a = &c->standing.row[i];

			assert_int_equal(
			    a->rank > 0, c->standing.complete && !c->input.disqualified[i]);
			for (size_t k = 0; k < c->contest->n_entries; k++) {
				const struct standing_row *b = &c->standing.row[k];

				if (!a->rank || !b->rank)
					continue;
				assert_int_equal(a->rank<b->rank, a->total_e4> b->total_e4);
				assert_int_equal(a->rank == b->rank, a->total_e4 == b->total_e4);
				/* Whoever is ahead of one that goes on goes on, too. */
				if (a->rank <= b->rank && b->advance == ADVANCE_YES)
					assert_int_equal(a->advance, ADVANCE_YES);
			}
		}
		case_free(c);
	}
}

/* With ties excluded never more than the places go on, and with refill and ties included never
 * fewer while there are entries left. */
static void test_as_many_advance_as_there_are_places(void **state)
{
	(void)state;
	(void)fixture_seed();
	for (int round = 0; round < ROUNDS; round++) {
		struct standing_case *c = random_case();
		int advance = c->contest->stage.advance, ranked = 0, go_on = 0;

		for (size_t i = 0; i < c->contest->n_entries; i++) {
			ranked += c->standing.row[i].rank > 0;
			go_on += c->standing.row[i].advance == ADVANCE_YES;
			if (c->input.disqualified[i] || !c->standing.complete || !advance)
				assert_int_not_equal(c->standing.row[i].advance, ADVANCE_YES);
		}
		if (c->contest->stage.ties_excluded)
			assert_true(go_on <= advance);
		else if (c->contest->stage.refill)
			assert_true(go_on >= (advance < ranked ? advance : ranked));
		case_free(c);
	}
}

static void test_disqualifying_changes_no_points(void **state)
{
	(void)state;
	(void)fixture_seed();
	for (int round = 0; round < ROUNDS; round++) {
		struct standing_case *c = random_case();
		size_t out = (size_t)below((int)c->contest->n_entries);
		struct standing *before = malloc(sizeof(*before));
		struct standing_row *was = before->row, *is = c->standing.row;

		c->input.disqualified[out] = NULL;
		standing_compute(c->contest, &c->input, before);
		c->input.disqualified[out] = "a reason";
		standing_compute(c->contest, &c->input, &c->standing);
		for (size_t i = 0; i < c->contest->n_entries; i++) {
			assert_int_equal(is[i].complete, was[i].complete);
			assert_true(is[i].total_e4 == was[i].total_e4);
			assert_memory_equal(
			    is[i].points_e4, was[i].points_e4, sizeof(was[i].points_e4));
			/* Without refill nobody moves at all. */
			if (i != out && !c->contest->stage.refill && before->complete) {
				assert_int_equal(is[i].rank, was[i].rank);
				assert_int_equal(is[i].tied, was[i].tied);
				assert_int_equal(is[i].advance, was[i].advance);
			}
		}
		free(before);
		case_free(c);
	}
}

/* ---- the other side of the comparison ---- */

static int compute(void)
{
	json_t *cases = json_loadf(stdin, JSON_REJECT_DUPLICATES, NULL);
	json_t *aggregates = json_array(), *standings = json_array();
	json_t *results = json_pack("{s:o, s:o}", "aggregates", aggregates, "standings", standings);
	json_t *json;
	size_t i;
	int error = !cases;

	json_array_foreach(json_object_get(cases, "aggregates"), i, json) error |=
	    json_array_append_new(aggregates, aggregate_json(json));
	json_array_foreach(json_object_get(cases, "standings"), i, json)
	{
		struct standing_case *c = case_new(json);

		error |= json_array_append_new(
		    standings, standing_json(c->contest, &c->input, &c->standing));
		case_free(c);
	}
	error |= json_dumpf(results, stdout, JSON_COMPACT);
	json_decref(results);
	json_decref(cases);
	return error ? 1 : 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_aggregates),
	    cmocka_unit_test(test_standings),
	    cmocka_unit_test(test_ranks_follow_totals),
	    cmocka_unit_test(test_as_many_advance_as_there_are_places),
	    cmocka_unit_test(test_disqualifying_changes_no_points),
	};

	if (argc == 2 && strcmp(argv[1], "--compute") == 0)
		return compute();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
