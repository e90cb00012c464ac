/* Measured values: metrics.json, and the annex' list of the same. */
#include <stdio.h>
#include <string.h>

#include "audit/verify_stage.h"

#define METRICS "metrics.json"
#define ANNEX   "annex.json"

enum { ANNEX_MEMBERS = 9 }; /* of a metric there: "at", "version" and "who" beside those here */

static const char *text(const json_t *row, const char *name)
{
	const char *value = json_string_value(json_object_get(row, name));

	return value ? value : "";
}

/* The place of part and entry in the rules' order, or -1; *ret_value. */
static long place_of(const struct stage *stage, const json_t *row, int64_t *ret_value_e4)
{
	const struct contest *contest = stage->contest;
	int part = contest_part(contest, slice_text(text(row, "part")));
	int entry = contest_entry(contest, slice_text(text(row, "entry")));

	if (part < 0 || entry < 0 || contest->stage.parts[part].source != PART_METRIC ||
	    fixed_parse(text(row, "value"), ret_value_e4) != 0)
		return -1;
	return (long)part * CONTEST_ENTRIES_MAX + entry;
}

static void put(struct stage *stage, long place, int64_t value_e4)
{
	stage->board->input.value[place / CONTEST_ENTRIES_MAX][place % CONTEST_ENTRIES_MAX] =
	    (struct standing_value){true, value_e4};
}

static const char *const members[] = {"as_of", "entry", "method", "part", "source", "value"};

static bool is_metric(const json_t *row)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (!json_is_string(json_object_get(row, members[i])))
			return false;
	return true;
}

static void read_file(struct stage *stage, const json_t *rows)
{
	long last = -1;
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		int64_t value_e4 = 0;
		long place = is_metric(row) && json_object_size(row) == 6
				 ? place_of(stage, row, &value_e4)
				 : -1;

		if (place < 0)
			verify_find(stage->verify, VERIFY_AT(METRICS),
			    "row %zu is no metric of the contest.", i);
		else if (place <= last)
			verify_find(stage->verify,
			    (struct verify_place){METRICS, -1, -1, text(row, "entry")},
			    "row %zu stands not in order, or twice: %s.", i, text(row, "part"));
		else
			put(stage, last = place, value_e4);
	}
}

/* ---- the annex ---- */

static const json_t *find_row(const json_t *rows, const json_t *of)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (strcmp(text(row, "part"), text(of, "part")) == 0 &&
		    strcmp(text(row, "entry"), text(of, "entry")) == 0)
			return row;
	}
	return NULL;
}

/* Both lists have the same rows; the annex also who brought them, and when. */
static void compare_lists(struct stage *stage, const json_t *file, const json_t *annex)
{
	const json_t *row;
	size_t i;

	if (json_array_size(file) != json_array_size(annex))
		verify_find(stage->verify, VERIFY_AT(METRICS), "has %zu values, the annex has %zu.",
		    json_array_size(file), json_array_size(annex));
	json_array_foreach(file, i, row)
	{
		const json_t *other = find_row(annex, row);
		const char *entry = text(row, "entry");

		for (size_t m = 0; m < sizeof(members) / sizeof(members[0]); m++)
			if (!other || strcmp(text(row, members[m]), text(other, members[m])) != 0)
				verify_find(stage->verify,
				    (struct verify_place){METRICS, -1, -1, entry},
				    "%s of %s is \"%s\", the annex has \"%s\".", members[m],
				    text(row, "part"), text(row, members[m]),
				    other ? text(other, members[m]) : "no such row");
	}
}

/* `fill`: there is no metrics.json. */
static void read_annex(struct stage *stage, const json_t *rows, bool fill)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		int64_t value_e4 = 0;
		long place = is_metric(row) && json_object_size(row) == ANNEX_MEMBERS
				 ? place_of(stage, row, &value_e4)
				 : -1;

		if (place < 0)
			verify_find(stage->verify, VERIFY_AT(ANNEX),
			    "metrics[%zu] is no metric of the contest.", i);
		else if (fill)
			put(stage, place, value_e4);
	}
}

/* Comparing looks for each row in the other list. */
static bool is_long(struct stage *stage, const char *path, const json_t *rows)
{
	size_t most = stage->contest->stage.n_parts * stage->contest->n_entries;

	if (json_array_size(rows) <= most)
		return false;
	verify_find(stage->verify, VERIFY_AT(path), "has %zu metrics, there can be %zu.",
	    json_array_size(rows), most);
	return true;
}

void stage_metrics(struct stage *stage)
{
	const json_t *annex = json_object_get(stage->annex, "metrics");
	json_t *file = verify_listed(stage->verify, slice_text(METRICS))
			   ? verify_take_json(stage->verify, METRICS, JSON_ARRAY)
			   : NULL;

	if (stage->annex && !json_is_array(annex))
		verify_find(stage->verify, VERIFY_AT(ANNEX), "metrics is no list.");
	if (file)
		read_file(stage, file);
	read_annex(stage, annex, !file);
	if (file && json_is_array(annex) && !is_long(stage, METRICS, file) &&
	    !is_long(stage, ANNEX, annex))
		compare_lists(stage, file, annex);
	stage->metrics = file || json_is_array(annex);
	if (stage->metrics)
		verify_checked(stage->verify, "metrics",
		    json_integer((json_int_t)json_array_size(file ? file : annex)));
	json_decref(file);
}
