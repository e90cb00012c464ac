/* The standing, computed again from the ballots, the panels and the metrics of the bundle. */
#include "audit/verify_stage.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contest/form.h"

#define DISQUALIFIED "disqualified/"

/* ---- values ---- */

/* The row as the form would count it: what is shown of scores is rounded, and of no use. */
static bool row_as_told(const struct stage *stage, size_t e, struct tally_row *ret_row)
{
	const json_t *row = json_array_get(json_object_get(stage->verify->document, "citizen"), e);
	const json_t *borda = json_object_get(row, "borda");

	*ret_row = (struct tally_row){
	    .entry = (int)e, .votes = json_integer_value(json_object_get(row, "votes"))};
	ret_row->sum = borda ? json_integer_value(borda) : ret_row->votes;
	return row && !stage->contest->form->has_mean;
}

/* False: the bundle does not say. */
static bool fill_citizens(struct stage *stage, size_t part)
{
	struct retally *retally = stage->verify->retally;
	struct tally_row rows[CONTEST_ENTRIES_MAX];

	if (retally)
		stage->contest->form->tally(stage->contest, retally_counter, retally,
		    (int64_t)retally_ballots(retally), rows);
	for (size_t e = 0; e < stage->contest->n_entries; e++) {
		if (!retally && !row_as_told(stage, e, &rows[e]))
			return false;
		stage->board->input.value[part][e] = board_citizens_value(stage->contest, &rows[e]);
	}
	return true;
}

static bool fill_panel(struct stage *stage, size_t part)
{
	int p = contest_panel(stage->contest, slice_text(stage->contest->stage.parts[part].panel));

	for (size_t e = 0; p >= 0 && e < stage->contest->n_entries; e++) {
		const struct aggregated *result = &stage->board->panel[p][e].result;

		if (!stage->panel_known[p][e])
			return false;
		stage->board->input.value[part][e] =
		    (struct standing_value){result->any, result->value_e4};
	}
	return p >= 0;
}

/* Whether every part's values are known, those of metrics from before. */
static bool fill(struct stage *stage)
{
	bool known = true;

	for (size_t i = 0; i < stage->contest->stage.n_parts; i++)
		switch (stage->contest->stage.parts[i].source) {
		case PART_CITIZENS:
			known &= fill_citizens(stage, i);
			break;
		case PART_PANEL:
			known &= fill_panel(stage, i);
			break;
		case PART_METRIC:
			known &= stage->metrics;
			break;
		}
	return known;
}

/* ---- the disqualified ---- */

static int disqualify(struct stage *stage, const json_t *row)
{
	const char *id = json_string_value(json_object_get(row, "entry"));
	json_t *reason = json_object_get(row, "reason");
	const char *ko = json_string_value(json_object_get(reason, "ko"));
	int e = contest_entry(stage->contest, slice_text(id));

	if (e < 0 || !ko || !json_is_string(json_object_get(reason, "en")) ||
	    json_object_size(reason) != 2 || stage->board->reasons[e]) {
		verify_find(stage->verify, VERIFY_AT(stage->path),
		    "public.formula.disqualified names %s, which is no entry, twice, or without a "
		    "reason.",
		    id ? id : "nobody");
		return 0;
	}
	stage->board->reasons[e] = strdup(ko);
	stage->board->input.disqualified[e] = stage->board->reasons[e];
	json_t *ruling =
	    json_pack("{s:o, s:O}", "id", json_sprintf(DISQUALIFIED "%s", id), "why", reason);
	if (!stage->board->reasons[e] || json_array_append_new(stage->board->rulings, ruling) != 0)
		return -ENOMEM;
	return 0;
}

/* As the result tells them; rulings of the annex and the audit log must say the same. */
static int read_disqualified(struct stage *stage)
{
	const json_t *formula =
	    json_object_get(json_object_get(stage->verify->document, "public"), "formula");
	const json_t *row;
	size_t i;
	int rc = 0;

	stage->board->rulings = json_array();
	if (!stage->board->rulings)
		return -ENOMEM;
	json_array_foreach(json_object_get(formula, "disqualified"), i, row)
	{
		if (rc == 0)
			rc = disqualify(stage, row);
	}
	return rc;
}

/* The reason that the result tells for an entry's disqualification, or NULL. */
static const json_t *reason_of(const struct stage *stage, const char *entry)
{
	const json_t *row;
	size_t i;

	json_array_foreach(stage->board->rulings, i, row)
	{
		const char *id = json_string_value(json_object_get(row, "id"));

		if (id && strcmp(id + strlen(DISQUALIFIED), entry) == 0)
			return json_object_get(row, "why");
	}
	return NULL;
}

static void judge_rulings(struct stage *stage)
{
	const json_t *ruling;
	size_t i, n = 0;

	json_array_foreach(json_object_get(stage->annex, "rulings"), i, ruling)
	{
		const char *id = json_string_value(json_object_get(ruling, "id"));
		const json_t *reason;

		if (!id || strncmp(id, DISQUALIFIED, strlen(DISQUALIFIED)) != 0)
			continue;
		n++;
		id += strlen(DISQUALIFIED);
		reason = reason_of(stage, id);
		if (!reason || !json_equal(reason, json_object_get(ruling, "why")))
			verify_find(stage->verify, (struct verify_place){"annex.json", -1, -1, id},
			    "the disqualification of %s, or its reason, is not that of %s.", id,
			    stage->path);
	}
	if (n != json_array_size(stage->board->rulings))
		verify_find(stage->verify, VERIFY_AT("annex.json"),
		    "disqualifies %zu entries, %s %zu.", n, stage->path,
		    json_array_size(stage->board->rulings));
}

/* ---- the standing ---- */

static json_t *advanced_json(const struct stage *stage)
{
	json_t *list = json_array();

	for (size_t e = 0; e < stage->contest->n_entries; e++)
		if (stage->board->standing.row[e].advance == ADVANCE_YES)
			(void)json_array_append_new(
			    list, json_string(stage->contest->entries[e].id));
	return list;
}

static void compare(
    struct stage *stage, const char *path, const char *name, const json_t *is, json_t *should)
{
	(void)verify_same(stage->verify, path, name, is, should);
	json_decref(should);
}

static void judge_standing(struct stage *stage)
{
	const json_t *document = stage->verify->document;
	const json_t *public = json_object_get(document, "public");
	json_t *formula = NULL, *rows;

	standing_compute(stage->contest, &stage->board->input, &stage->board->standing);
	if (!stage->board->standing.complete)
		verify_find(stage->verify, VERIFY_AT(stage->path),
		    "the standing is not complete: nobody may certify it.");
	rows = board_public_standing(stage->contest, stage->board, &formula);
	compare(stage, stage->path, "public.standing", json_object_get(public, "standing"), rows);
	compare(stage, stage->path, "public.formula", json_object_get(public, "formula"), formula);
	compare(stage, stage->path, "advanced", json_object_get(document, "advanced"),
	    advanced_json(stage));
	if (stage->annex)
		compare(stage, "annex.json", "standing", json_object_get(stage->annex, "standing"),
		    standing_json(stage->contest, &stage->board->input, &stage->board->standing));
	verify_checked(stage->verify, "standing", json_true());
}

static void judge_no_stage(struct stage *stage)
{
	const json_t *public = json_object_get(stage->verify->document, "public");

	compare(stage, stage->path, "public.standing", json_object_get(public, "standing"),
	    json_array());
	compare(
	    stage, stage->path, "public.formula", json_object_get(public, "formula"), json_null());
	compare(stage, stage->path, "advanced",
	    json_object_get(stage->verify->document, "advanced"), json_array());
}

static int judge(struct stage *stage)
{
	int rc = stage_experts(stage);

	if (rc != 0)
		return rc;
	stage_metrics(stage);
	if (stage->contest->stage.n_parts == 0) {
		judge_no_stage(stage);
		return 0;
	}
	rc = read_disqualified(stage);
	if (rc != 0)
		return rc;
	if (stage->annex)
		judge_rulings(stage);
	if (fill(stage))
		judge_standing(stage);
	else
		verify_leave(stage->verify,
		    "the standing as a whole: values that go into it are kept from the public; "
		    "what "
		    "is shown was held against itself");
	return 0;
}

void verify_stage(struct verify *verify)
{
	struct stage stage = {.verify = verify, .contest = verify->contest};
	int rc = 0;

	if (!verify->contest)
		return;
	for (size_t v = 0; v < verify->n_results; v++) {
		(void)snprintf(stage.path, sizeof(stage.path), "results/%zu.json", v + 1);
		if (verify->results[v].document)
			stage_shown(&stage, stage.path, verify->results[v].document);
	}
	if (!verify->document)
		return;
	stage.board = calloc(1, sizeof(*stage.board));
	if (stage.board) {
		stage.board->record.phase = PHASE_PROVISIONAL; /* when it was signed */
		rc = judge(&stage);
	}
	if (rc != 0 || !stage.board)
		verify_fail(verify, -ENOMEM, stage.path);
	board_free(stage.board);
	json_decref(stage.annex);
}
