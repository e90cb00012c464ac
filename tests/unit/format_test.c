/* FORMAT.md's examples, computed by our own code: the document and the code cannot drift apart.
 * What they say is held against other implementations in tests/unit/js/format.test.mjs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/encode.h"
#include "contest/aggregate.h"
#include "contest/commitment.h"
#include "contest/standing.h"
#include "contest/tally.h"
#include "contest_fixture.h"
#include "crypto/checkpoint.h"
#include "crypto/digest.h"
#include "crypto/merkle.h"
#include "crypto/note.h"
#include "store/desk.h"

#define DOCUMENT "daemon/FORMAT.md"
#define TEXT_MAX 2048

/* ---- reading the document ---- */

static char *document; /* of the whole run */

static int read_document(void **state)
{
	FILE *file = fopen(DOCUMENT, "re");
	char *text = NULL;
	size_t cap = 0;

	(void)state;
	if (!file || getdelim(&text, &cap, '\0', file) < 0)
		fail_msg("%s cannot be read (run in the repository's root)", DOCUMENT);
	(void)fclose(file);
	document = strstr(text, "## 8. Examples");
	assert_non_null(document);
	document = strdup(document);
	free(text);
	return 0;
}

static int forget_document(void **state)
{
	(void)state;
	free(document);
	return 0;
}

struct example {
	char text[TEXT_MAX]; /* with LF for the sign that stands for it */
	uint8_t bytes[TEXT_MAX];
	size_t n_bytes; /* where the text is hex */
};

/* The line "    <name>  <value>", the `nth` of that name. */
static struct example example_of(const char *name, int nth)
{
	static const char lf[] = "⏎";
	struct example example = {.n_bytes = 0};
	char line[200];
	const char *at = document;
	size_t len = 0;

	(void)snprintf(line, sizeof(line), "\n    %s  ", name);
	for (; nth > 0 && at; nth--) {
		at = strstr(at, line);
		at = at ? at + strlen(line) : NULL;
	}
	if (!at)
		fail_msg("there is no example \"%s\"", name);
	at += strspn(at, " ");
	while (*at != '\n') {
		bool ends = strncmp(at, lf, sizeof(lf) - 1) == 0;

		assert_true(len < TEXT_MAX - 1);
		example.text[len++] = ends ? '\n' : *at;
		at += ends ? sizeof(lf) - 1 : 1;
	}
	if (hex_decode(slice_text(example.text), example.bytes, TEXT_MAX, &example.n_bytes) != 0)
		example.n_bytes = 0;
	return example;
}

static void assert_example(const char *name, int nth, const void *bytes, size_t n)
{
	struct example example = example_of(name, nth);

	assert_int_equal(example.n_bytes, n);
	assert_memory_equal(example.bytes, bytes, n);
}

/* ---- the log ---- */

struct ballot_example {
	struct example spent, salt, ballot;
	uint8_t entry[COMMITMENT_SIZE], leaf[MERKLE_SIZE];
};

static void check_entry(const char *of, uint64_t index, struct ballot_example *ret)
{
	char name[40];

	(void)snprintf(name, sizeof(name), "%sspent", of);
	ret->spent = example_of(name, 1);
	(void)snprintf(name, sizeof(name), "%ssalt", of);
	ret->salt = example_of(name, 1);
	(void)snprintf(name, sizeof(name), "%sballot", of);
	ret->ballot = example_of(name, 1);
	commitment_entry(example_of("log identity", 1).text, index, ret->spent.bytes,
	    ret->salt.bytes, slice_text(ret->ballot.text), ret->entry);
	(void)snprintf(name, sizeof(name), "%sentry", of);
	assert_example(name, 1, ret->entry, sizeof(ret->entry));
	merkle_leaf(slice_make(ret->entry, sizeof(ret->entry)), ret->leaf);
}

static void make_seed(uint8_t first, uint8_t ret_seed[32])
{
	for (int i = 0; i < 32; i++)
		ret_seed[i] = (uint8_t)(first + i);
}

static void test_log(void **state)
{
	struct ballot_example one, other;
	struct checkpoint checkpoint = {.size = 2};
	const char *identity = "vote.example/kai-stage1/0";
	uint8_t seed[32], key[32];
	struct buf note;

	(void)state;
	check_entry("", 0, &one);
	check_entry("second ", 1, &other);
	assert_example("leaf", 1, one.leaf, sizeof(one.leaf));
	merkle_node(one.leaf, other.leaf, checkpoint.root);
	assert_example("root of both", 1, checkpoint.root, sizeof(checkpoint.root));

	assert_string_equal(example_of("log identity", 1).text, identity);
	make_seed(0, seed);
	assert_int_equal(note_public(seed, key), 0);
	assert_example("log key", 1, key, sizeof(key));
	buf_init(&note, TEXT_MAX);
	assert_int_equal(checkpoint_sign(&checkpoint, identity, seed, &note), 0);
	struct example said = example_of("checkpoint of both", 1);
	assert_int_equal(note.len, strlen(said.text));
	assert_memory_equal(note.data, said.text, note.len);
	buf_release(&note);
	make_seed(32, seed);
	assert_int_equal(note_public(seed, key), 0);
	assert_example("result key", 1, key, sizeof(key));
}

static void test_desk(void **state)
{
	struct example entry = example_of("audit entry", 1), sheet = example_of("sheet", 1);
	uint8_t hash[32];

	(void)state;
	desk_genesis(example_of("round", 1).text, hash);
	assert_example("first prev", 1, hash, sizeof(hash));
	desk_entry_hash(slice_text(entry.text), hash);
	assert_example("its hash", 1, hash, sizeof(hash));
	desk_commitment(example_of("sheet salt", 1).bytes, slice_text(sheet.text), hash);
	assert_example("commitment", 1, hash, sizeof(hash));
}

/* ---- counts, panels, places: the lines of the block of JSON ---- */

/* Calls `check` for every line with this member; there must be `n`. */
static void each_line(const char *member, void (*check)(const json_t *line), int n)
{
	char *at = strstr(document, "```json\n");

	assert_non_null(at);
	for (at += strlen("```json\n"); strncmp(at, "```", 3) != 0; at = strchr(at, '\n') + 1) {
		json_error_t error;
		json_t *line = json_loadb(at, strcspn(at, "\n"), JSON_REJECT_DUPLICATES, &error);

		if (!line)
			fail_msg("%s: %.60s", error.text, at);
		if (json_object_get(line, member)) {
			check(line);
			n--;
		}
		json_decref(line);
	}
	assert_int_equal(n, 0);
}

static int int_of(const json_t *object, const char *name)
{
	return (int)json_integer_value(json_object_get(object, name));
}

static struct contest *contest_of(const json_t *line)
{
	const json_t *form = json_object_get(line, "form"),
		     *entries = json_object_get(line, "entries");
	const char *ids[CONTEST_ENTRIES_MAX],
	    *name = json_string_value(json_object_get(form, "name"));
	const char *method = json_string_value(json_object_get(form, "method"));
	size_t n = json_array_size(entries);

	for (size_t i = 0; i < n; i++)
		ids[i] = json_string_value(json_array_get(entries, i));
	struct contest *contest = fixture_contest(name, ids, n);
	contest->ballot.score_min = int_of(form, "min");
	contest->ballot.score_max = int_of(form, "max");
	contest->ballot.score_step = int_of(form, "step");
	contest->ballot.ranking_method =
	    method && strcmp(method, "borda") == 0 ? RANKING_BORDA : RANKING_SCHULZE;
	return contest;
}

static void count_ballot(const struct contest *contest, const char *text, struct counters *counters)
{
	struct form_increment list[CONTEST_INCREMENTS_MAX];
	struct ballot ballot;
	char canonical[200];
	size_t len = 0;

	for (; *text; text += strncmp(text, "⏎", 3) == 0 ? 3 : 1)
		canonical[len++] = strncmp(text, "⏎", 3) == 0 ? '\n' : *text;
	assert_int_equal(ballot_read(contest, slice_make(canonical, len), &ballot), 0);
	counters_add(counters, list, ballot_increments(contest, &ballot, NULL, list));
}

/* The same values, whether written with a decimal point or without. */
static void assert_same(const json_t *is, const json_t *said)
{
	const char *name;
	json_t *member;
	size_t i;

	if (json_is_number(said)) {
		assert_true(json_is_number(is));
		assert_true(json_number_value(is) == json_number_value(said));
		return;
	}
	if (json_is_array(said)) {
		assert_int_equal(json_array_size(is), json_array_size(said));
		json_array_foreach(said, i, member)
		{
			assert_same(json_array_get(is, i), member);
		}
		return;
	}
	if (!json_is_object(said)) {
		assert_true(json_equal((json_t *)(uintptr_t)is, (json_t *)(uintptr_t)said));
		return;
	}
	assert_int_equal(json_object_size(is), json_object_size(said));
	json_object_foreach((json_t *)(uintptr_t)said, name, member)
	{
		assert_same(json_object_get(is, name), member);
	}
}

static void check_count(const json_t *line)
{
	struct contest *contest = contest_of(line);
	const json_t *ballots = json_object_get(line, "ballots");
	struct counters counters = {.n = 0};

	for (size_t i = 0; i < json_array_size(ballots); i++)
		count_ballot(contest, json_string_value(json_array_get(ballots, i)), &counters);
	const struct tally_input input = {.counter = counters_get,
	    .arg = &counters,
	    .ballots = json_array_size(ballots),
	    .phase = PHASE_CERTIFIED};
	json_t *snapshot = tally_snapshot(contest, &input, false);
	assert_same(json_object_get(snapshot, "citizen"), json_object_get(line, "citizen"));
	if (json_object_get(line, "pairwise"))
		assert_same(
		    json_object_get(snapshot, "pairwise"), json_object_get(line, "pairwise"));
	json_decref(snapshot);
	contest_free(contest);
}

static void test_counts(void **state)
{
	(void)state;
	each_line("ballots", check_count, 3);
}

static void check_panel(const json_t *line)
{
	const char *name = json_string_value(json_object_get(line, "aggregate"));
	const json_t *totals = json_object_get(line, "totals"),
		     *spread = json_object_get(line, "spread");
	size_t n = json_array_size(totals);
	int64_t values[16];
	struct aggregated result;
	int kind = 0;

	while (strcmp(aggregate_names[kind], name) != 0)
		kind++;
	for (size_t i = 0; i < n; i++)
		values[i] = json_integer_value(json_array_get(totals, i));
	aggregate((enum aggregate_kind)kind, values, n, &result);
	assert_int_equal(result.left_out, int_of(line, "left_out"));
	assert_int_equal(result.value_e4,
	    llround(json_number_value(json_object_get(line, "value")) * FIXED_ONE));
	assert_int_equal(result.has_spread, !json_is_null(spread));
	if (result.has_spread)
		assert_true(
		    round(result.spread * FIXED_ONE) / FIXED_ONE == json_number_value(spread));
}

static void test_panels(void **state)
{
	(void)state;
	each_line("totals", check_panel, 5);
}

static int named(const char *const *names, const json_t *object, const char *member)
{
	const char *name = json_string_value(json_object_get(object, member));
	int i = 0;

	while (strcmp(names[i], name) != 0)
		i++;
	return i;
}

static void check_places(const json_t *line)
{
	static const char *const ids[] = {"a", "b", "c", "d"};
	const json_t *stage = json_object_get(line, "stage"),
		     *parts = json_object_get(stage, "parts"),
		     *advance = json_object_get(stage, "advance"),
		     *out = json_object_get(line, "disqualified"), *part;
	struct contest *contest = fixture_contest("choices", ids, 4);
	struct standing_input input = {0};
	struct standing standing;
	size_t p;

	json_array_foreach(parts, p, part)
	{
		const char *id = json_string_value(json_object_get(part, "id"));
		const json_t *values = json_object_get(json_object_get(line, "values"), id);

		fixture_part(contest, id,
		    (enum part_source)named(part_source_names, part, "source"), NULL, NULL,
		    int_of(part, "weight"), (enum scale)named(scale_names, part, "scale"),
		    int_of(part, "out_of"));
		for (size_t e = 0; e < 4; e++)
			input.value[p][e] = (struct standing_value){true,
			    llround(
				json_number_value(json_object_get(values, ids[e])) * FIXED_ONE)};
	}
	contest->stage.advance = int_of(advance, "count");
	contest->stage.refill = json_is_true(json_object_get(advance, "refill"));
	for (size_t e = 0; e < 4; e++)
		for (size_t i = 0; i < json_array_size(out); i++)
			if (strcmp(ids[e], json_string_value(json_array_get(out, i))) == 0)
				input.disqualified[e] = "out";
	standing_compute(contest, &input, &standing);
	json_t *made = standing_json(contest, &input, &standing), *row;
	json_array_foreach(json_object_get(made, "rows"), p, row)
	{
		json_object_del(row, "subtotals");
		json_object_del(row, "disqualified");
	}
	assert_same(json_object_get(made, "rows"), json_object_get(line, "rows"));
	json_decref(made);
	contest_free(contest);
}

static void test_places(void **state)
{
	(void)state;
	each_line("values", check_places, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_log),
	    cmocka_unit_test(test_desk),
	    cmocka_unit_test(test_counts),
	    cmocka_unit_test(test_panels),
	    cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, read_document, forget_document);
}
