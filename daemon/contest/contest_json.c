/* Pieces of JSON that a contest's outside views share. */
#include "contest/contest_json.h"

json_t *contest_text_json(const struct text *text)
{
	if (!text->ko)
		return json_null();
	return json_pack("{s:s, s:s}", "ko", text->ko, "en", text->en);
}

json_t *contest_array_json(size_t n, json_t *(*item)(const void *arg, size_t i), const void *arg)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++) {
		if (json_array_append_new(array, item(arg, i)) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

json_t *contest_panel_criteria_json(const struct contest *contest, const struct panel *panel)
{
	size_t criteria[CONTEST_CRITERIA_MAX];
	size_t n = panel_criteria(contest, panel, criteria);
	json_t *ids = json_array();

	for (size_t i = 0; i < n; i++) {
		if (json_array_append_new(ids, json_string(contest->criteria[criteria[i]].id)) <
		    0) {
			json_decref(ids);
			return NULL;
		}
	}
	return ids;
}

/* What gets full points: as the file says, or the greatest total that the panel's sheets allow. */
static json_int_t full_points_at(const struct contest *contest, const struct part *part)
{
	int panel = part->panel ? contest_panel(contest, slice_text(part->panel)) : -1;

	if (part->out_of || panel < 0)
		return part->out_of;
	return panel_greatest(contest, &contest->panels[panel]);
}

json_t *contest_part_json(const struct contest *contest, const struct part *part)
{
	json_t *json = json_pack("{s:s, s:s, s:s*, s:s*, s:i, s:s}", "id", part->id, "source",
	    part_source_names[part->source], "panel", part->panel, "subtotal", part->subtotal,
	    "weight", part->weight, "scale", scale_names[part->scale]);

	if (!json || part->scale != SCALE_POINTS)
		return json;
	if (json_object_set_new(json, "out_of", json_integer(full_points_at(contest, part))) == 0)
		return json;
	json_decref(json);
	return NULL;
}

json_t *contest_advance_json(const struct contest *contest)
{
	return json_pack("{s:i, s:b, s:s}", "count", contest->stage.advance, "refill",
	    contest->stage.refill, "ties", contest->stage.ties_excluded ? "excluded" : "included");
}
