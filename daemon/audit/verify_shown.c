/* What a result shows of the standing, held against itself: also where the bundle has not what it
 * was computed from. */
#include <math.h>
#include <string.h>

#include "audit/verify_stage.h"

struct shown { /* a row */
	const json_t *json;
	const char *entry;
	int e; /* in the contest */
};

static struct shown shown_at(const struct stage *stage, const json_t *rows, size_t i)
{
	struct shown row = {.json = json_array_get(rows, i)};

	row.entry = json_string_value(json_object_get(row.json, "entry"));
	row.e = contest_entry(stage->contest, slice_text(row.entry));
	return row;
}

static int64_t fixed(const json_t *number)
{
	double value = json_number_value(number);

	return fabs(value) < 1e11 ? llround(value * FIXED_ONE) : 0;
}

static bool is_out(const struct shown *row)
{
	return json_object_get(row->json, "disqualified") != NULL;
}

#define AT(row) ((struct verify_place){path, -1, -1, (row)->entry})

/* ---- one row ---- */

/* Points are the sum of the parts' where all of them are shown. */
static void judge_sum(struct stage *stage, const char *path, const struct shown *row)
{
	json_t *parts = json_object_get(row->json, "parts"), *part;
	const json_t *points = json_object_get(row->json, "points");
	int64_t sum = 0;
	const char *id;

	if (!json_is_object(parts) || !json_is_number(points))
		return;
	json_object_foreach(parts, id, part)
	{
		int p = contest_part(stage->contest, slice_text(id));
		const json_t *its = json_object_get(part, "points");

		if (p >= 0 && stage->contest->stage.parts[p].weight != 0 && !json_is_number(its))
			return; /* kept */
		sum += fixed(its);
	}
	if (sum != fixed(points))
		verify_find(stage->verify, AT(row),
		    "the points of its parts add up to %.4f, not to %.4f.", (double)sum / FIXED_ONE,
		    (double)fixed(points) / FIXED_ONE);
}

static void judge_row(struct stage *stage, const char *path, const struct shown *row)
{
	const json_t *rank = json_object_get(row->json, "rank");

	judge_sum(stage, path, row);
	if (is_out(row) &&
	    (!json_is_null(rank) || json_is_true(json_object_get(row->json, "tied")) ||
		json_is_true(json_object_get(row->json, "advanced"))))
		verify_find(stage->verify, AT(row), "is disqualified, and yet placed.");
}

/* ---- rows among themselves ---- */

/* Who is better among those that are shown, by points. */
static void judge_ranks(struct stage *stage, const char *path, const json_t *rows)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		struct shown row = shown_at(stage, rows, i);
		const json_t *rank = json_object_get(row.json, "rank");
		json_int_t above = 0, beside = 0;

		if (!json_is_integer(rank))
			continue;
		for (size_t k = 0; k < json_array_size(rows); k++) {
			struct shown other = shown_at(stage, rows, k);
			const json_t *points = json_object_get(other.json, "points");

			if (!json_is_number(points))
				return; /* kept */
			if (stage->contest->stage.refill && is_out(&other))
				continue;
			above += fixed(points) > fixed(json_object_get(row.json, "points"));
			beside += fixed(points) == fixed(json_object_get(row.json, "points"));
		}
		if (json_integer_value(rank) != above + 1 ||
		    json_is_true(json_object_get(row.json, "tied")) != (beside > 1))
			verify_find(stage->verify, AT(&row),
			    "is rank %lld, by the points shown it is %lld%s.",
			    (long long)json_integer_value(rank), (long long)above + 1,
			    beside > 1 ? ", tied" : "");
	}
}

static bool is_listed(const json_t *ids, const char *id)
{
	for (size_t i = 0; i < json_array_size(ids); i++) {
		const char *one = json_string_value(json_array_get(ids, i));

		if (one && strcmp(one, id) == 0)
			return true;
	}
	return false;
}

/* Rows and the list of who advances say the same. */
static void judge_advanced(
    struct stage *stage, const char *path, const json_t *rows, const json_t *advanced)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		struct shown row = shown_at(stage, rows, i);
		bool yes = json_is_true(json_object_get(row.json, "advanced"));

		if (row.entry && yes != is_listed(advanced, row.entry))
			verify_find(stage->verify, AT(&row), "%s by its row, and %s by the list.",
			    yes ? "advances" : "does not advance", yes ? "does not" : "does");
	}
}

/* Entries of the contest, in its order, each once. */
static void judge_order(struct stage *stage, const char *path, const char *name, const json_t *list)
{
	int last = -1;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		const char *id = json_is_string(item)
				     ? json_string_value(item)
				     : json_string_value(json_object_get(item, "entry"));
		int e = contest_entry(stage->contest, slice_text(id));

		if (e <= last)
			verify_find(stage->verify, (struct verify_place){path, -1, -1, id},
			    "%s[%zu] is %s: no entry, or not in the contest's order.", name, i,
			    id ? id : "nobody");
		else
			last = e;
	}
}

/* What follows compares each with each. */
static bool is_long(struct stage *stage, const char *path, const char *name, const json_t *list)
{
	if (json_array_size(list) <= stage->contest->n_entries)
		return false;
	verify_find(stage->verify, VERIFY_AT(path),
	    "%s has %zu items, the contest has %zu entries.", name, json_array_size(list),
	    stage->contest->n_entries);
	return true;
}

void stage_shown(struct stage *stage, const char *path, const json_t *document)
{
	const json_t *public = json_object_get(document, "public");
	const json_t *rows = json_object_get(public, "standing");
	const json_t *advanced = json_object_get(document, "advanced");

	if (is_long(stage, path, "public.standing", rows) ||
	    is_long(stage, path, "advanced", advanced))
		return;
	judge_order(stage, path, "public.standing", rows);
	judge_order(stage, path, "advanced", advanced);
	if (stage->contest->stage.n_parts == 0)
		return;
	for (size_t i = 0; i < json_array_size(rows); i++) {
		struct shown row = shown_at(stage, rows, i);
		judge_row(stage, path, &row);
	}
	if (stage->contest->stage.publish == STANDING_FULL) {
		if (json_array_size(rows) != stage->contest->n_entries)
			verify_find(stage->verify, VERIFY_AT(path),
			    "public.standing has %zu rows, should have %zu.", json_array_size(rows),
			    stage->contest->n_entries);
		judge_ranks(stage, path, rows);
	}
	if (stage->contest->stage.publish == STANDING_ADVANCERS &&
	    json_array_size(rows) != json_array_size(advanced))
		verify_find(stage->verify, VERIFY_AT(path),
		    "public.standing has %zu rows, advanced has %zu.", json_array_size(rows),
		    json_array_size(advanced));
	judge_advanced(stage, path, rows, advanced);
}
