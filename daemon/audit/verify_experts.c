/* Panels: from sheets, from the annex, or from what the public is shown. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/verify_stage.h"

#define SHEETS "sheets.json"
#define ANNEX  "annex.json"

/* ---- sheets ---- */

static int compare_experts(const char *a_panel, const char *b_panel, const struct contest *contest,
    const char *a, const char *b)
{
	int first = contest_panel(contest, slice_text(a_panel));
	int second = contest_panel(contest, slice_text(b_panel));

	return first != second ? (first > second) - (first < second) : strcmp(a, b);
}

/* expert-1, expert-2…, or by the panels' order and the person's id. */
static void judge_order(struct stage *stage, const json_t *rows, bool pseudonyms)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i), *before = json_array_get(rows, i - 1);
		const char *is = json_string_value(json_object_get(row, "expert"));
		char should[32];

		(void)snprintf(should, sizeof(should), "expert-%zu", i + 1);
		if (!is || (pseudonyms && strcmp(is, should) != 0))
			verify_find(stage->verify, VERIFY_AT(SHEETS),
			    "experts[%zu] is %s, should be %s.", i, is ? is : "nobody", should);
		if (i == 0 || !is || pseudonyms)
			continue;
		if (compare_experts(json_string_value(json_object_get(before, "panel")),
			json_string_value(json_object_get(row, "panel")), stage->contest,
			json_string_value(json_object_get(before, "expert")), is) >= 0)
			verify_find(stage->verify, VERIFY_AT(SHEETS),
			    "experts[%zu], %s, does not stand in order, or twice.", i, is);
	}
}

static bool has_texts(const json_t *rows)
{
	for (size_t i = 0; i < json_array_size(rows); i++)
		if (!json_is_string(json_object_get(json_array_get(rows, i), "panel")) ||
		    !json_is_string(json_object_get(json_array_get(rows, i), "expert")))
			return false;
	return json_is_array(rows);
}

static int read_experts(struct stage *stage, const json_t *rows, bool pseudonyms)
{
	struct board *board = stage->board;
	bool good = true;

	board->experts = calloc(json_array_size(rows) + 1, sizeof(*board->experts));
	if (!board->experts)
		return -ENOMEM;
	for (size_t i = 0; i < json_array_size(rows); i++)
		good &= stage_expert(stage, json_array_get(rows, i), i, pseudonyms,
		    &board->experts[board->n_experts++]);
	if (!good)
		return 0; /* told; sums over the others would only repeat it */
	int rc = board_judge_panels(stage->contest, board);
	stage->sheets = rc == 0;
	memset(stage->panel_known, stage->sheets, sizeof(stage->panel_known));
	verify_checked(stage->verify, "sheets", json_integer((json_int_t)board->n_experts));
	return rc;
}

static int read_sheets(struct stage *stage)
{
	json_t *sheets = verify_take_json(stage->verify, SHEETS, JSON_OBJECT);
	const json_t *rows = json_object_get(sheets, "experts");
	const json_t *pseudonyms = json_object_get(sheets, "pseudonyms");
	json_t *version = json_integer((json_int_t)stage->verify->version);
	int rc = 0;

	if (sheets)
		(void)verify_same(
		    stage->verify, SHEETS, "version", json_object_get(sheets, "version"), version);
	if (sheets &&
	    (json_object_size(sheets) != 3 || !json_is_boolean(pseudonyms) || !has_texts(rows))) {
		verify_find(stage->verify, VERIFY_AT(SHEETS),
		    "is no list of experts with pseudonyms and version.");
	} else if (sheets) {
		judge_order(stage, rows, json_is_true(pseudonyms));
		rc = read_experts(stage, rows, json_is_true(pseudonyms));
	}
	json_decref(version);
	json_decref(sheets);
	return rc;
}

/* ---- panels as they are told ---- */

static size_t whole(const json_t *row, const char *name)
{
	json_int_t number = json_integer_value(json_object_get(row, name));

	return number > 0 ? (size_t)number : 0;
}

static void read_cell(struct stage *stage, size_t p, size_t e, const json_t *row)
{
	struct board_panel_entry *cell = &stage->board->panel[p][e];
	const json_t *value = json_object_get(row, "value");
	const json_t *spread = json_object_get(row, "spread");

	cell->of = whole(row, "of");
	cell->recused = whole(row, "recused");
	cell->result = (struct aggregated){.any = json_is_number(value),
	    .n = whole(row, "n"),
	    .left_out = whole(row, "left_out"),
	    .has_spread = json_is_number(spread)};
	if (fabs(json_number_value(value)) < 1e11)
		cell->result.value_e4 = llround(json_number_value(value) * FIXED_ONE);
	cell->result.spread = json_number_value(spread);
	if (cell->result.n + cell->recused > cell->of || cell->of > stage->board->of[p])
		verify_find(stage->verify,
		    (struct verify_place){stage->path, -1, -1, stage->contest->entries[e].id},
		    "panel %s has %zu experts, of whom %zu are recused and %zu rate.",
		    stage->contest->panels[p].id, cell->of, cell->recused, cell->result.n);
	stage->panel_known[p][e] = value || cell->result.n == 0;
}

/* Fills the panels from {"panels":[…]}; what is not of this shape shows when they are compared. */
static void read_told(struct stage *stage, const json_t *experts)
{
	const json_t *panels = json_object_get(experts, "panels");

	for (size_t p = 0; p < stage->contest->n_panels; p++) {
		const json_t *panel = json_array_get(panels, p);
		const json_t *rows = json_object_get(panel, "entries");

		stage->board->of[p] = whole(panel, "of");
		stage->board->submitted[p] = whole(panel, "submitted");
		for (size_t e = 0; e < stage->contest->n_entries; e++)
			read_cell(stage, p, e, json_array_get(rows, e));
	}
}

/* ---- the annex ---- */

static void read_annex(struct stage *stage)
{
	struct verify *verify = stage->verify;
	char hex[HEX_SIZE(SHA256_SIZE)];
	uint8_t hash[SHA256_SIZE];
	struct slice text;

	if (!verify_take(verify, ANNEX, VERIFY_JSON_MAX, &text))
		return;
	sha256(text, hash);
	hex_encode(hash, sizeof(hash), hex);
	json_t *is = json_string(hex);
	if (!json_equal(is, json_object_get(verify->document, "annex_sha256")))
		verify_find(verify, VERIFY_AT(ANNEX),
		    "has the SHA-256 %s, %s says annex_sha256 %s.", hex, stage->path,
		    json_string_value(json_object_get(verify->document, "annex_sha256")));
	json_decref(is);
	stage->annex = verify_parse(verify, ANNEX, JSON_OBJECT, text);
	json_t *version = json_integer((json_int_t)verify->version);
	if (stage->annex && json_unpack_ex(stage->annex, NULL, JSON_VALIDATE_ONLY | JSON_STRICT,
				"{s:o, s:o, s:o, s:s, s:o, s:I}", "experts", "metrics", "rulings",
				"salt", "standing", "version") != 0)
		verify_find(verify, VERIFY_AT(ANNEX),
		    "has not the members experts, metrics, rulings, salt, standing and version, or "
		    "others.");
	if (stage->annex)
		(void)verify_same(
		    verify, ANNEX, "version", json_object_get(stage->annex, "version"), version);
	json_decref(version);
}

/* ---- all of it ---- */

static void compare(
    struct stage *stage, const char *path, const char *name, const json_t *is, json_t *should)
{
	(void)verify_same(stage->verify, path, name, is, should);
	json_decref(should);
}

int stage_experts(struct stage *stage)
{
	const json_t *shown =
	    json_object_get(json_object_get(stage->verify->document, "public"), "experts");
	int rc = 0;

	if (verify_listed(stage->verify, slice_text(ANNEX)))
		read_annex(stage);
	else
		verify_leave(stage->verify,
		    "annex.json: what the result keeps from the public is not in the bundle");
	if (verify_listed(stage->verify, slice_text(SHEETS)))
		rc = read_sheets(stage);
	else if (stage->contest->n_panels > 0)
		verify_leave(stage->verify,
		    "what panels say: experts' sheets are not in the bundle; their aggregates are "
		    "the "
		    "signature's word");
	if (rc != 0)
		return rc;
	if (!stage->sheets)
		read_told(stage, stage->annex ? json_object_get(stage->annex, "experts") : shown);
	if (stage->annex)
		compare(stage, ANNEX, "experts", json_object_get(stage->annex, "experts"),
		    board_all_experts(stage->contest, stage->board));
	compare(stage, stage->path, "public.experts", shown,
	    board_public_experts(stage->contest, stage->board));
	verify_checked(stage->verify, "panels", json_integer((json_int_t)stage->contest->n_panels));
	return 0;
}
