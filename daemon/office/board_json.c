/* What of a board is shown to whom: the public, organisers, the signed result. */
#include "office/board.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* ---- pieces ---- */

static json_t *text_json(const struct text *text)
{
	return json_pack("{s:s, s:s}", "ko", text->ko, "en", text->en);
}

static json_t *time_json(int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	return wall_ms ? json_string(clock_format(wall_ms, 1, text)) : json_null();
}

/* While experts still rate, the public's numbers move in steps. */
static const struct aggregated *public_result(const struct board *board, size_t p, size_t e)
{
	const struct board_panel_entry *cell = &board->panel[p][e];

	return board->record.phase < PHASE_CLOSED ? &cell->stepped : &cell->result;
}

/* "7 of 9 experts, 2 recused". */
static json_t *denominators(
    const struct contest *contest, const struct board *board, size_t p, size_t e)
{
	const struct board_panel_entry *cell = &board->panel[p][e];

	return json_pack("{s:s, s:I, s:I, s:I}", "entry", contest->entries[e].id, "n",
	    (json_int_t)cell->result.n, "of", (json_int_t)cell->of, "recused",
	    (json_int_t)cell->recused);
}

static void add_aggregate(json_t *row, const struct aggregated *result)
{
	json_object_set_new(row, "value", result->any ? fixed_json(result->value_e4) : json_null());
	json_object_set_new(row, "left_out", json_integer((json_int_t)result->left_out));
	json_object_set_new(row, "spread",
	    result->has_spread ? json_real(round(result->spread * FIXED_ONE) / FIXED_ONE)
			       : json_null());
}

static json_t *panel_head(const struct contest *contest, const struct board *board, size_t p)
{
	const struct panel *panel = &contest->panels[p];

	return json_pack("{s:s, s:o, s:s, s:I, s:I, s:I}", "id", panel->id, "name",
	    text_json(&panel->name), "aggregate", aggregate_names[panel->aggregate], "max",
	    (json_int_t)panel_greatest(contest, panel), "of", (json_int_t)board->of[p], "submitted",
	    (json_int_t)board->submitted[p]);
}

enum shown { SHOWN_ALL, SHOWN_FROM_MINIMUM, SHOWN_DENOMINATORS };

static json_t *panel_entries(
    const struct contest *contest, const struct board *board, size_t p, enum shown shown)
{
	json_t *rows = json_array();

	for (size_t e = 0; e < contest->n_entries; e++) {
		const struct aggregated *result = shown == SHOWN_FROM_MINIMUM
						      ? public_result(board, p, e)
						      : &board->panel[p][e].result;
		json_t *row = denominators(contest, board, p, e);

		if (shown == SHOWN_FROM_MINIMUM && result->n < BOARD_PUBLIC_EXPERTS)
			json_object_set_new(row, "withheld", json_string("too-few"));
		else if (shown != SHOWN_DENOMINATORS)
			add_aggregate(row, result);
		if (shown == SHOWN_FROM_MINIMUM && result->n != board->panel[p][e].result.n)
			json_object_set_new(row, "counted", json_integer((json_int_t)result->n));
		json_array_append_new(rows, row);
	}
	return rows;
}

/* ---- the public ---- */

static json_t *certified(const struct board *board, const char *member)
{
	json_t *public = json_object_get(board->result, "public");

	return board->record.phase >= PHASE_CERTIFIED ? json_object_get(public, member) : NULL;
}

static bool panel_is_public(
    const struct contest *contest, const struct board *board, const char *panel)
{
	int p = contest_panel(contest, slice_text(panel));

	if (p < 0 || !visibility_is_public(contest->experts, board->record.phase))
		return false;
	for (size_t e = 0; e < contest->n_entries; e++)
		if (public_result(board, (size_t)p, e)->n < BOARD_PUBLIC_EXPERTS)
			return false;
	return true;
}

json_t *board_public_experts(const struct contest *contest, const struct board *board)
{
	json_t *signed_one = certified(board, "experts");

	if (signed_one)
		return json_incref(signed_one);
	if (contest->n_panels == 0)
		return json_object();
	if (!visibility_is_public(contest->experts, board->record.phase))
		return json_pack("{s:s}", "withheld", "embargo");
	json_t *panels = json_array();
	for (size_t p = 0; p < contest->n_panels; p++) {
		json_t *panel = panel_head(contest, board, p);

		json_object_set_new(
		    panel, "entries", panel_entries(contest, board, p, SHOWN_FROM_MINIMUM));
		json_array_append_new(panels, panel);
	}
	return json_pack("{s:o}", "panels", panels);
}

/* A sum must not tell what its parts keep: no standing before everything in it is public. While it
 * moves with every vote or sheet it would also tell single ones apart. */
static bool standing_is_public(const struct contest *contest, const struct board *board)
{
	enum phase phase = board->record.phase;

	if (!visibility_is_public(contest->standing, phase))
		return false;
	if (phase >= PHASE_PROVISIONAL)
		return true;
	for (size_t i = 0; i < contest->stage.n_parts; i++) {
		const struct part *part = &contest->stage.parts[i];

		if (part->source == PART_CITIZENS &&
		    (!tally_is_public(contest, phase) || tally_moves_in_steps(contest, phase)))
			return false;
		if (part->source == PART_PANEL && !panel_is_public(contest, board, part->panel))
			return false;
	}
	return true;
}

/* The reason in both languages, borrowed; NULL: not disqualified. */
static json_t *reason_of(const struct board *board, const char *entry)
{
	char id[DESK_FIELD_MAX];
	json_t *ruling;
	size_t i;

	(void)snprintf(id, sizeof(id), "disqualified/%s", entry);
	json_array_foreach(board->rulings, i, ruling)
	{
		const char *of = json_string_value(json_object_get(ruling, "id"));

		if (of && strcmp(of, id) == 0)
			return json_object_get(ruling, "why");
	}
	return NULL;
}

/* The standing's rows name a disqualification in Korean; pages want it in either language. */
static void tell_reasons(const struct board *board, json_t *rows)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *entry = json_string_value(json_object_get(row, "entry"));

		if (json_object_get(row, "disqualified"))
			json_object_set(row, "disqualified", reason_of(board, entry));
	}
}

/* Whoever is out by a named reason is told, also where most rows are not shown. */
static json_t *disqualified_json(const struct contest *contest, const struct board *board)
{
	json_t *list = json_array();

	for (size_t e = 0; e < contest->n_entries; e++) {
		json_t *reason = reason_of(board, contest->entries[e].id);

		if (reason)
			json_array_append_new(list, json_pack("{s:s, s:O}", "entry",
							contest->entries[e].id, "reason", reason));
	}
	return list;
}

/* Whether the panel behind a part is too small for the public, of this entry, or of any. */
static bool part_is_kept(
    const struct contest *contest, const struct board *board, const struct part *part, size_t entry)
{
	int p = part->source == PART_PANEL ? contest_panel(contest, slice_text(part->panel)) : -1;

	for (size_t e = 0; p >= 0 && e < contest->n_entries; e++) {
		const struct aggregated *result = public_result(board, (size_t)p, e);

		/* Scaled by another entry's value, points would tell that value. */
		if ((e == entry || part->scale != SCALE_POINTS) && result->any &&
		    result->n < BOARD_PUBLIC_EXPERTS)
			return true;
	}
	return false;
}

static void keep_points(json_t *row, const char *member, const char *of)
{
	json_t *values = member ? json_object_get(row, member) : row;

	if (values && of && json_object_get(values, of))
		json_object_set_new(values, of, json_null());
}

/* Takes what too few experts say of one entry out of its row, and every sum that it could be taken
 * out of; true when there was such. `row` may be NULL: for an entry that is not shown. */
static bool keep_few_of_row(
    const struct contest *contest, const struct board *board, size_t entry, json_t *row)
{
	bool kept = false;

	for (size_t p = 0; p < contest->stage.n_parts; p++) {
		const struct part *part = &contest->stage.parts[p];
		json_t *value = json_object_get(json_object_get(row, "parts"), part->id);

		if (!part_is_kept(contest, board, part, entry))
			continue;
		keep_points(value, NULL, "value");
		keep_points(value, NULL, "points");
		if (part->weight == 0)
			continue;
		keep_points(row, "subtotals", part->subtotal);
		keep_points(row, NULL, "points");
		kept = true;
	}
	return kept;
}

/* Ranks and who advances are told in any case: they are the result. */
static void keep_few(const struct contest *contest, const struct board *board, json_t *standing)
{
	json_t *rows = json_object_get(standing, "rows"), *row;
	bool kept = false;
	size_t i;

	for (size_t e = 0; e < contest->n_entries; e++)
		kept |= keep_few_of_row(contest, board, e, NULL);
	json_array_foreach(rows, i, row)
	{
		int e = contest_entry(
		    contest, slice_text(json_string_value(json_object_get(row, "entry"))));

		if (e >= 0)
			(void)keep_few_of_row(contest, board, (size_t)e, row);
	}
	if (kept)
		keep_points(standing, NULL, "mean");
}

/* The standing out of what the public sees of the panels. */
static json_t *public_sums(const struct contest *contest, const struct board *board)
{
	struct standing_input input = board->input;
	struct standing standing;

	for (size_t i = 0; i < contest->stage.n_parts; i++) {
		const struct part *part = &contest->stage.parts[i];
		int p = part->source == PART_PANEL ? contest_panel(contest, slice_text(part->panel))
						   : -1;

		for (size_t e = 0; p >= 0 && e < contest->n_entries; e++) {
			const struct aggregated *result = public_result(board, (size_t)p, e);
			input.value[i][e] = (struct standing_value){result->any, result->value_e4};
		}
	}
	standing_compute(contest, &input, &standing);
	return standing_public_json(contest, &input, &standing);
}

json_t *board_public_standing(
    const struct contest *contest, const struct board *board, json_t **ret_formula)
{
	json_t *rows = certified(board, "standing");

	*ret_formula = NULL;
	if (rows) {
		*ret_formula = json_incref(certified(board, "formula"));
		return json_incref(rows);
	}
	if (contest->stage.n_parts == 0 || !standing_is_public(contest, board))
		return json_array();
	json_t *standing = public_sums(contest, board);
	keep_few(contest, board, standing);
	rows = json_incref(json_object_get(standing, "rows"));
	json_object_del(standing, "rows");
	tell_reasons(board, rows);
	json_object_set_new(standing, "disqualified", disqualified_json(contest, board));
	*ret_formula = standing;
	return rows ? rows : json_array();
}

/* ---- organisers ---- */

bool board_sheets_visible(const struct contest *contest, const struct board *board)
{
	return contest->sheets_seen == SHEETS_ALWAYS || board->record.phase >= PHASE_CLOSED;
}

json_t *board_all_experts(const struct contest *contest, const struct board *board)
{
	json_t *panels = json_array();

	for (size_t p = 0; p < contest->n_panels; p++) {
		json_t *panel = panel_head(contest, board, p);

		json_object_set_new(panel, "entries", panel_entries(contest, board, p, SHOWN_ALL));
		json_array_append_new(panels, panel);
	}
	return json_pack("{s:o}", "panels", panels);
}

static const char *state_of(const struct board_expert *expert)
{
	return !expert->sheet ? "none" : expert->sheet->submitted ? "submitted" : "draft";
}

/* One expert's completion. `with_own`: recusals that a draft speaks of are its author's until the
 * close. */
static json_t *completion(
    const struct contest *contest, const struct board_expert *expert, bool with_own)
{
	json_t *conflicts = json_object(), *recused = json_object(), *ruled = json_array();
	bool shown = with_own || (expert->sheet && expert->sheet->submitted);

	for (size_t e = 0; e < contest->n_entries; e++) {
		const char *entry = contest->entries[e].id;

		if (expert->conflict[e])
			json_object_set_new(conflicts, entry, json_string(expert->conflict[e]));
		if (expert->ruled[e])
			json_array_append_new(ruled, json_string(entry));
		if (shown && expert->sheet && expert->sheet->recused[e])
			json_object_set_new(recused, entry, json_string(expert->sheet->recused[e]));
	}
	size_t missing = expert->missing < expert->wanted ? expert->missing : expert->wanted;
	return json_pack("{s:s, s:s, s:s?, s:s, s:I, s:o, s:I, s:I, s:o, s:o, s:o}", "id",
	    expert->person.id, "name", expert->person.name, "affiliation",
	    expert->person.affiliation, "state", state_of(expert), "revision",
	    (json_int_t)expert->revision, "saved_at", time_json(expert->saved_ms), "filled",
	    (json_int_t)(expert->wanted - missing), "wanted", (json_int_t)expert->wanted,
	    "conflicts", conflicts, "recused", recused, "ruled", ruled);
}

static json_t *people_of(const struct contest *contest, const struct board *board, size_t p)
{
	json_t *people = json_array();

	for (size_t i = 0; i < board->n_experts; i++)
		if (board->experts[i].panel == p)
			json_array_append_new(people, completion(contest, &board->experts[i],
							  board_sheets_visible(contest, board)));
	return people;
}

static void add_warnings(json_t *rows, const struct board *board, size_t p)
{
	size_t e;
	json_t *row;

	json_array_foreach(rows, e, row)
	{
		json_object_set_new(row, "too_few", json_boolean(board->panel[p][e].too_few));
	}
}

json_t *board_experts(const struct contest *contest, const struct board *board)
{
	bool visible = board_sheets_visible(contest, board);
	json_t *panels = json_array();

	for (size_t p = 0; p < contest->n_panels; p++) {
		json_t *panel = panel_head(contest, board, p);
		json_t *rows =
		    panel_entries(contest, board, p, visible ? SHOWN_ALL : SHOWN_DENOMINATORS);

		add_warnings(rows, board, p);
		json_object_set_new(panel, "people", people_of(contest, board, p));
		json_object_set_new(panel, "entries", rows);
		json_array_append_new(panels, panel);
	}
	return json_pack("{s:o, s:b}", "panels", panels, "visible", visible);
}
