/* What is shown of a standing: all of it to organisers, by stage.publish to the public, its own row
 * to an entry. Computes nothing but the mean. */
#include "contest/standing.h"

#include "contest/aggregate.h"
#include "contest/contest_json.h"

/* Sets a member of an object that may be NULL already, as it is returned when one could not be set.
 */
static json_t *set(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) == 0)
		return object;
	json_decref(object);
	return NULL;
}

/* The same for an array. */
static json_t *append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) == 0)
		return array;
	json_decref(array);
	return NULL;
}

/* ---- the formula ---- */

static json_t *part_json(const void *arg, size_t i)
{
	const struct contest *contest = arg;
	const struct part *part = &contest->stage.parts[i];

	return set(contest_part_json(contest, part), "name", contest_text_json(&part->name));
}

static json_t *subtotal_json(const void *arg, size_t i)
{
	const struct subtotal *subtotal = &((const struct contest *)arg)->stage.subtotals[i];

	return json_pack(
	    "{s:s, s:o}", "id", subtotal->id, "name", contest_text_json(&subtotal->name));
}

static json_t *formula_json(const struct contest *contest, bool complete, json_t *missing)
{
	json_t *json = json_object();

	json = set(json, "complete", json_boolean(complete));
	json = set(json, "parts", contest_array_json(contest->stage.n_parts, part_json, contest));
	json = set(json, "subtotals",
	    contest_array_json(contest->stage.n_subtotals, subtotal_json, contest));
	json = set(json, "advance", contest_advance_json(contest));
	return set(json, "missing", missing);
}

/* ---- what is missing ---- */

static bool is_missing(
    const struct contest *contest, const struct standing_input *input, size_t part, size_t entry)
{
	return contest->stage.parts[part].weight != 0 && !input->value[part][entry].known;
}

static json_t *missing_of(const struct contest *contest, const struct standing_input *input,
    size_t entry, json_t *missing)
{
	for (size_t p = 0; p < contest->stage.n_parts; p++)
		if (is_missing(contest, input, p, entry))
			missing = append(
			    missing, json_pack("{s:s, s:s}", "part", contest->stage.parts[p].id,
					 "entry", contest->entries[entry].id));
	return missing;
}

static json_t *missing_json(const struct contest *contest, const struct standing_input *input)
{
	json_t *missing = json_array();

	for (size_t i = 0; i < contest->n_entries; i++)
		if (!input->disqualified[i])
			missing = missing_of(contest, input, i, missing);
	return missing;
}

/* ---- rows ---- */

static json_t *parts_of_row(const struct contest *contest, const struct standing_input *input,
    const struct standing_row *row, size_t entry)
{
	json_t *parts = json_object();

	for (size_t p = 0; p < contest->stage.n_parts; p++) {
		const struct standing_value *value = &input->value[p][entry];

		parts = set(parts, contest->stage.parts[p].id,
		    json_pack("{s:o, s:o}", "value",
			value->known ? fixed_json(value->value_e4) : json_null(), "points",
			value->known ? fixed_json(row->points_e4[p]) : json_null()));
	}
	return parts;
}

static bool subtotal_is_complete(const struct contest *contest, const struct standing_input *input,
    const char *subtotal, size_t entry)
{
	for (size_t p = 0; p < contest->stage.n_parts; p++) {
		const char *of = contest->stage.parts[p].subtotal;

		if (of && slice_is(slice_text(of), subtotal) &&
		    is_missing(contest, input, p, entry))
			return false;
	}
	return true;
}

static json_t *subtotals_of_row(const struct contest *contest, const struct standing_input *input,
    const struct standing_row *row, size_t entry)
{
	json_t *subtotals = json_object();

	for (size_t i = 0; i < contest->stage.n_subtotals; i++) {
		const char *id = contest->stage.subtotals[i].id;

		subtotals = set(subtotals, id,
		    subtotal_is_complete(contest, input, id, entry)
			? fixed_json(row->subtotal_e4[i])
			: json_null());
	}
	return subtotals;
}

static json_t *advanced_json(enum advance advance)
{
	return advance == ADVANCE_OPEN ? json_null() : json_boolean(advance == ADVANCE_YES);
}

static json_t *row_json(const struct contest *contest, const struct standing_input *input,
    const struct standing *standing, size_t entry, bool with_parts)
{
	const struct standing_row *row = &standing->row[entry];
	json_t *json = json_object();

	json = set(json, "entry", json_string(contest->entries[entry].id));
	json = set(json, "rank", row->rank ? json_integer(row->rank) : json_null());
	json = set(json, "tied", json_boolean(row->tied));
	json = set(json, "points", row->complete ? fixed_json(row->total_e4) : json_null());
	if (with_parts) {
		json = set(json, "parts", parts_of_row(contest, input, row, entry));
		json = set(json, "subtotals", subtotals_of_row(contest, input, row, entry));
	}
	if (input->disqualified[entry])
		json = set(json, "disqualified", json_string(input->disqualified[entry]));
	return set(json, "advanced", advanced_json(row->advance));
}

static json_t *all_rows(const struct contest *contest, const struct standing_input *input,
    const struct standing *standing)
{
	json_t *rows = json_array();

	for (size_t i = 0; contest->stage.n_parts && i < contest->n_entries; i++)
		rows = append(rows, row_json(contest, input, standing, i, true));
	return rows;
}

/* Of the best rank that is given: where the first place stays empty, it is not the first. */
static json_t *top_rows(const struct contest *contest, const struct standing_input *input,
    const struct standing *standing)
{
	json_t *rows = json_array();
	int best = 0;

	for (size_t i = 0; i < contest->n_entries; i++) {
		int rank = standing->row[i].rank;

		if (rank && (!best || rank < best))
			best = rank;
	}
	for (size_t i = 0; best && i < contest->n_entries; i++)
		if (standing->row[i].rank == best)
			rows = append(rows, row_json(contest, input, standing, i, false));
	return rows;
}

static json_t *advancing_rows(const struct contest *contest, const struct standing *standing)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < contest->n_entries; i++)
		if (standing->row[i].advance == ADVANCE_YES)
			rows = append(rows, json_pack("{s:s, s:b}", "entry", contest->entries[i].id,
						"advanced", 1));
	return rows;
}

/* The decision alone: who advances; null while it is open. */
static json_t *advanced_ids(const struct contest *contest, const struct standing *standing)
{
	json_t *ids;

	if (!standing->complete || contest->stage.advance <= 0)
		return json_null();
	ids = json_array();
	for (size_t i = 0; i < contest->n_entries; i++)
		if (standing->row[i].advance == ADVANCE_YES)
			ids = append(ids, json_string(contest->entries[i].id));
	return ids;
}

/* Nothing before the standing is complete: the mean of a single total would be that total. */
static json_t *mean_json(const struct contest *contest, const struct standing *standing)
{
	int64_t sum = 0, n = 0;

	for (size_t i = 0; i < contest->n_entries; i++) {
		if (!standing->row[i].complete)
			continue;
		sum += standing->row[i].total_e4;
		n++;
	}
	if (!standing->complete || n == 0)
		return json_null();
	return fixed_json(fixed_ratio(sum, n * FIXED_ONE));
}

/* ---- views ---- */

json_t *standing_json(const struct contest *contest, const struct standing_input *input,
    const struct standing *standing)
{
	json_t *json = formula_json(contest, standing->complete, missing_json(contest, input));

	return set(json, "rows", all_rows(contest, input, standing));
}

json_t *standing_public_json(const struct contest *contest, const struct standing_input *input,
    const struct standing *standing)
{
	enum standing_publish publish = contest->stage.publish;
	json_t *json = formula_json(contest, standing->complete, missing_json(contest, input));

	json = set(json, "publish", json_string(standing_publish_names[publish]));
	switch (publish) {
	case STANDING_FULL:
		return set(json, "rows", all_rows(contest, input, standing));
	case STANDING_TOP_AND_MEAN:
		json = set(json, "mean", mean_json(contest, standing));
		json = set(json, "advanced", advanced_ids(contest, standing));
		return set(json, "rows", top_rows(contest, input, standing));
	case STANDING_ADVANCERS:
		break;
	}
	return set(json, "rows", advancing_rows(contest, standing));
}

json_t *standing_report_json(const struct contest *contest, const struct standing_input *input,
    const struct standing *standing, size_t entry)
{
	json_t *json = formula_json(contest, standing->row[entry].complete,
	    missing_of(contest, input, entry, json_array()));

	json = set(json, "entries", json_integer((json_int_t)contest->n_entries));
	return set(json, "row", row_json(contest, input, standing, entry, true));
}
