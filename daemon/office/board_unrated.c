/* What experts have left open that only they can give, and only before the close. */
#include "office/board.h"

static json_t *entries_without(const struct contest *contest, const struct board *board, size_t p)
{
	json_t *entries = json_array();

	for (size_t e = 0; e < contest->n_entries; e++)
		if (!board->panel[p][e].result.any && !board->input.disqualified[e])
			json_array_append_new(entries, json_string(contest->entries[e].id));
	return entries;
}

json_t *board_unrated(const struct contest *contest, const struct board *board)
{
	json_t *unrated = json_array();

	for (size_t i = 0; i < contest->stage.n_parts; i++) {
		const struct part *part = &contest->stage.parts[i];
		int p = part->source == PART_PANEL && part->weight > 0
			    ? contest_panel(contest, slice_text(part->panel))
			    : -1;
		json_t *entries = p >= 0 ? entries_without(contest, board, (size_t)p) : NULL;

		if (json_array_size(entries) > 0)
			json_array_append_new(
			    unrated, json_pack("{s:s, s:i, s:b, s:O}", "panel", part->panel,
					 "weight", part->weight, "rated", board->submitted[p] > 0,
					 "entries", entries));
		json_decref(entries);
	}
	return unrated;
}
