/* What organisers see of a board, put together: the server's …/progress and tallyctl's status show
 * the same. */
#include "office/board.h"

#include "base/clock.h"
#include "contest/tally.h"

static json_t *time_json(int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	return wall_ms ? json_string(clock_format(wall_ms, 1, text)) : json_null();
}

static json_t *tally_json(const struct contest *contest, const struct count *count)
{
	return json_pack("{s:I, s:I, s:o}", "ballots", (json_int_t)count->totals.ballots, "issued",
	    (json_int_t)count->totals.issued, "citizen", tally_rows(contest, &count->input));
}

static json_t *warnings_json(const struct contest *contest, const struct board *board)
{
	json_t *warnings = json_array();

	for (size_t p = 0; p < contest->n_panels; p++)
		for (size_t e = 0; e < contest->n_entries; e++)
			if (board->panel[p][e].too_few && board->of[p] > 0)
				json_array_append_new(warnings,
				    json_pack("{s:s, s:s, s:s}", "kind", "too-few-experts", "panel",
					contest->panels[p].id, "entry", contest->entries[e].id));
	for (size_t i = 0; i < board->n_experts; i++)
		if (board->experts[i].damaged)
			json_array_append_new(
			    warnings, json_pack("{s:s, s:s}", "kind", "damaged-sheet", "person",
					  board->experts[i].person.id));
	return warnings;
}

static json_t *results_json(const struct board *board)
{
	json_t *list = json_array(), *stored;
	size_t i;

	json_array_foreach(board->results, i, stored)
	{
		json_t *document =
		    json_loads(json_string_value(json_object_get(stored, "document")), 0, NULL);

		json_array_append_new(list,
		    json_pack("{s:O, s:O, s:O}", "version", json_object_get(document, "version"),
			"kind", json_object_get(document, "kind"), "at",
			json_object_get(document, "at")));
		json_decref(document);
	}
	return list;
}

static json_t *notice_json(const struct board *board)
{
	struct slice notice = board->record.notice;

	return notice.ptr ? json_loadb(notice.ptr, notice.len, 0, NULL) : json_null();
}

json_t *board_overview(
    const struct contest *contest, const struct board *board, const struct count *count)
{
	uint64_t sequence = count->totals.log_size + board->record.version;
	bool visible = board_sheets_visible(contest, board) && contest->stage.n_parts > 0;

	return json_pack(
	    "{s:s, s:b, s:s, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, "
	    "s:O, s:O, s:O, s:o, s:O}",
	    "contest", contest->id, "rehearsal", contest->rehearsal, "phase",
	    phase_name(board->record.phase), "opens_at", time_json(board->record.opens_ms),
	    "closes_at", time_json(board->record.closes_ms), "version",
	    (json_int_t)board->record.version, "sequence", (json_int_t)sequence, "notice",
	    notice_json(board), "tally", tally_json(contest, count), "experts",
	    board_experts(contest, board), "standing",
	    visible ? standing_json(contest, &board->input, &board->standing) : json_null(),
	    "warnings", warnings_json(contest, board), "requests", board->requests, "rulings",
	    board->rulings, "metrics", board->metrics, "results", results_json(board), "people",
	    board->people);
}
