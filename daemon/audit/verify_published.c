/* published.json: what the pages read, rebuilt from the contest's file and the newest result with
 * the very functions that made it (FORMAT.md section 5.9). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/verify_impl.h"
#include "contest/form.h"
#include "contest/tally.h"
#include "office/showing.h"

#define PUBLISHED      "published.json"
#define DEFINITION_MAX ((size_t)16 << 20)
#define PAIRWISE       "pairwise"

static void want(struct verify *verify, const char *name, const json_t *is, json_t *should)
{
	(void)verify_same(verify, PUBLISHED, name, is, should);
	json_decref(should);
}

/* Null where it is not there. */
static json_t *of(const json_t *json, const char *name)
{
	json_t *member = json_object_get(json, name);

	return member ? json_incref(member) : json_null();
}

/* ---- the definition ---- */

/* Hours may be left out: a bundle does so where they were amended, which its files do not tell. */
static int64_t hour_of(const json_t *definition, const char *name, int64_t of_file)
{
	return json_is_null(json_object_get(definition, name)) ? 0 : of_file;
}

static json_t *definition_of(struct verify *verify, const json_t *definition)
{
	struct round round = {.contest = verify->contest};
	const char *kind = json_string_value(json_object_get(verify->document, "kind"));
	struct showing_now now = {
	    .opens_ms = hour_of(definition, "opens_at", verify->contest->opens_ms),
	    .closes_ms = hour_of(definition, "closes_at", verify->contest->closes_ms),
	    .epoch = verify->n_epochs,
	    .log = "ok"};
	size_t len;
	json_t *json = NULL;
	struct buf text;
	char *fixed;

	if (!kind || phase_parse(kind, &now.phase) != 0 ||
	    hex_decode(slice_text(verify->rules_hash), round.rules_hash, SHA256_SIZE, &len) != 0)
		return NULL; /* found elsewhere */
	buf_init(&text, DEFINITION_MAX);
	fixed = showing_definition(&round);
	if (fixed && showing_define(fixed, &now, &text) == 0)
		json = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json || json_object_set_new(json, "now", of(verify->document, "at")) != 0)
		verify_fail(verify, -ENOMEM, PUBLISHED);
	buf_release(&text);
	free(fixed);
	return json;
}

static void judge_definition(struct verify *verify, const json_t *definition)
{
	json_t *should = verify->n_epochs > 0 ? definition_of(verify, definition) : NULL;

	if (should)
		want(verify, "definition", definition, should);
}

/* ---- the tally ---- */

static json_t *tally_of(const struct verify *verify)
{
	const json_t *document = verify->document;
	const json_t *public = json_object_get(document, "public");

	return json_pack(
	    "{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:n, s:I, s:s, "
	    "s:{s:o, s:o}}",
	    "contest", of(document, "contest"), "rehearsal", of(document, "rehearsal"),
	    "demonstration", verify->contest->demonstration, "phase", of(document, "kind"), "as_of",
	    of(document, "at"), "sequence", of(document, "log_size"), "ballots",
	    of(document, "ballots"), "citizen", of(document, "citizen"), "experts",
	    of(public, "experts"), "standing", of(public, "standing"), "formula",
	    of(public, "formula"), "notice", "epoch", (json_int_t)verify->n_epochs, "log", "ok",
	    "result", "kind", of(document, "kind"), "version", of(document, "version"));
}

struct pairs { /* who was preferred to whom, as it is shown */
	struct verify *verify;
	const json_t *matrix;
	bool good;
};

static json_int_t pair_at(struct pairs *pairs, size_t a, size_t b)
{
	const json_t *value = json_array_get(json_array_get(pairs->matrix, a), b);
	json_int_t ballots =
	    json_integer_value(json_object_get(pairs->verify->document, "ballots"));
	json_int_t n = json_integer_value(value);

	pairs->good &= json_is_integer(value) && n >= 0 && n <= (a == b ? 0 : ballots);
	return n;
}

/* "votes:<entry>" out of the result's rows, "pair:<a>/<b>" out of the matrix. */
static int64_t shown_counter(void *arg, const char *name)
{
	struct pairs *pairs = arg;
	const struct contest *contest = pairs->verify->contest;
	struct slice rest = slice_text(strchr(name, ':') + 1);
	const char *slash = memchr(rest.ptr, '/', rest.len);

	if (!slash) {
		const json_t *rows = json_object_get(pairs->verify->document, "citizen");
		int entry = contest_entry(contest, rest);
		return json_integer_value(
		    json_object_get(json_array_get(rows, (size_t)entry), "votes"));
	}
	size_t len = (size_t)(slash - rest.ptr);
	return pair_at(pairs, (size_t)contest_entry(contest, slice_make(rest.ptr, len)),
	    (size_t)contest_entry(contest, slice_make(slash + 1, rest.len - len - 1)));
}

/* Square, and no two entries are preferred to one another by more ballots than there are. */
static void judge_shape(struct pairs *pairs)
{
	size_t n = pairs->verify->contest->n_entries;
	json_int_t ballots =
	    json_integer_value(json_object_get(pairs->verify->document, "ballots"));

	pairs->good = json_is_array(pairs->matrix) && json_array_size(pairs->matrix) == n;
	for (size_t a = 0; pairs->good && a < n; a++) {
		const json_t *row = json_array_get(pairs->matrix, a);
		pairs->good = json_is_array(row) && json_array_size(row) == n;
		for (size_t b = 0; pairs->good && b <= a; b++)
			pairs->good =
			    pair_at(pairs, a, b) <= ballots - pair_at(pairs, b, a) && pairs->good;
	}
}

/* Without openings: what was certified of each entry must follow from the pairs. */
static void judge_pairs(struct verify *verify, const json_t *tally)
{
	struct pairs pairs = {verify, json_object_get(tally, PAIRWISE), true};
	const struct tally_input input = {.counter = shown_counter,
	    .arg = &pairs,
	    .ballots = (uint64_t)json_integer_value(json_object_get(verify->document, "ballots"))};

	judge_shape(&pairs);
	if (!pairs.good) {
		verify_find(verify, VERIFY_AT(PUBLISHED),
		    "tally." PAIRWISE
		    " is not one number of ballots for each two entries, and 0 beside itself.");
		return;
	}
	json_t *rows = tally_rows(verify->contest, &input);
	(void)verify_same(verify, PUBLISHED, "what follows from tally." PAIRWISE, rows,
	    json_object_get(verify->document, "citizen"));
	json_decref(rows);
}

static void judge_tally(struct verify *verify, const json_t *tally)
{
	json_t *should = tally_of(verify);

	if (!should) {
		verify_fail(verify, -ENOMEM, PUBLISHED);
		return;
	}
	if (verify->contest->form->describe_all && verify->retally) {
		verify->contest->form->describe_all(
		    verify->contest, retally_counter, verify->retally, should);
	} else if (verify->contest->form->describe_all) {
		judge_pairs(verify, tally);
		json_object_set(should, PAIRWISE, json_object_get(tally, PAIRWISE));
	}
	want(verify, "tally", tally, should);
}

/* ---- the list of results ---- */

static void judge_results(struct verify *verify, const json_t *results)
{
	json_t *should = json_array();

	for (size_t i = 0; i < verify->n_results; i++) {
		const json_t *document = verify->results[i].document;

		(void)json_array_append_new(
		    should, json_pack("{s:o, s:o, s:s, s:o}", "at", of(document, "at"), "kind",
				of(document, "kind"), "sha256", verify->results[i].sha256,
				"version", of(document, "version")));
	}
	want(verify, "results", results, should);
}

void verify_published(struct verify *verify)
{
	json_t *published;

	published = verify_take_json(verify, PUBLISHED, JSON_OBJECT);
	if (!published || !verify->document || !verify->contest) {
		json_decref(published);
		return;
	}
	if (json_object_size(published) != 3 || !json_object_get(published, "definition") ||
	    !json_object_get(published, "results") || !json_object_get(published, "tally"))
		verify_find(verify, VERIFY_AT(PUBLISHED),
		    "has not the members definition, results, tally, or others beside them.");
	judge_tally(verify, json_object_get(published, "tally"));
	judge_definition(verify, json_object_get(published, "definition"));
	judge_results(verify, json_object_get(published, "results"));
	verify_checked(verify, "published", json_true());
	json_decref(published);
}
