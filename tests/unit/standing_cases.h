/* Cases of vectors/standing.json as the rules take them:
 * {"contest":{"entries","criteria","panels","parts",
 * "subtotals","advance"},"values":{part:{entry:"12.5"}},"disqualified":{entry:reason}}. */
#ifndef TALLYD_TESTS_STANDING_CASES_H
#define TALLYD_TESTS_STANDING_CASES_H

#include "contest/aggregate.h"
#include "contest/standing.h"

#include "contest_fixture.h"

/* Borrows the disqualifications' reasons from the case's JSON. */
struct standing_case {
	struct contest *contest;
	struct standing_input input;
	struct standing standing; /* as standing_compute() leaves it */
};

static inline const char *case_text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static inline int case_int(const json_t *object, const char *name)
{
	return (int)json_integer_value(json_object_get(object, name));
}

/* Index of a name in a list ended by NULL. */
static inline int case_index(const char *const *names, const char *name)
{
	int i = 0;

	assert(name);
	while (names[i] && strcmp(names[i], name) != 0)
		i++;
	assert(names[i]);
	return i;
}

static inline void case_panels(struct contest *contest, const json_t *panels)
{
	const json_t *item, *id;
	size_t i, k;

	json_array_foreach(panels, i, item)
	{
		struct panel *panel =
		    fixture_panel(contest, case_text(item, "id"), AGGREGATE_TRIMMED_MEAN);

		json_array_foreach(json_object_get(item, "criteria"), k, id)
		    fixture_panel_criterion(panel, json_string_value(id));
	}
}

static inline void case_parts(struct contest *contest, const json_t *parts)
{
	const json_t *item;
	size_t i;

	json_array_foreach(parts, i, item) fixture_part(contest, case_text(item, "id"),
	    (enum part_source)case_index(part_source_names, case_text(item, "source")),
	    case_text(item, "panel"), case_text(item, "subtotal"), case_int(item, "weight"),
	    (enum scale)case_index(scale_names, case_text(item, "scale")),
	    case_int(item, "out_of"));
}

static inline struct contest *case_contest(const json_t *json)
{
	const char *ids[CONTEST_ENTRIES_MAX];
	const json_t *advance = json_object_get(json, "advance");
	const json_t *item;
	struct contest *contest;
	size_t i, n = 0;

	json_array_foreach(json_object_get(json, "entries"), i, item) ids[n++] =
	    json_string_value(item);
	contest = fixture_contest("choices", ids, n);
	json_array_foreach(json_object_get(json, "criteria"), i, item)
	    fixture_criterion(contest, case_text(item, "id"), case_int(item, "min"),
		case_int(item, "max"), case_int(item, "step"), case_int(item, "weight"));
	case_panels(contest, json_object_get(json, "panels"));
	json_array_foreach(json_object_get(json, "subtotals"), i, item)
	    fixture_subtotal(contest, case_text(item, "id"));
	case_parts(contest, json_object_get(json, "parts"));
	contest->stage.advance = case_int(advance, "count");
	contest->stage.refill = json_is_true(json_object_get(advance, "refill"));
	contest->stage.ties_excluded = strcmp(case_text(advance, "ties"), "excluded") == 0;
	return contest;
}

static inline void case_values(
    const struct contest *contest, json_t *json, struct standing_input *ret)
{
	const char *part_id, *entry_id;
	json_t *of_part, *value;

	json_object_foreach(json_object_get(json, "values"), part_id, of_part)
	{
		int part = contest_part(contest, slice_text(part_id));

		assert(part >= 0);
		json_object_foreach(of_part, entry_id, value)
		{
			int entry = contest_entry(contest, slice_text(entry_id));
			int error;

			assert(entry >= 0);
			ret->value[part][entry].known = true;
			error = fixed_parse(
			    json_string_value(value), &ret->value[part][entry].value_e4);
			assert(error == 0);
			(void)error;
		}
	}
	json_object_foreach(json_object_get(json, "disqualified"), entry_id, value)
	{
		int entry = contest_entry(contest, slice_text(entry_id));

		assert(entry >= 0);
		ret->disqualified[entry] = json_string_value(value);
	}
}

static inline struct standing_case *case_new(json_t *json)
{
	struct standing_case *c = calloc(1, sizeof(*c));

	assert(c);
	c->contest = case_contest(json_object_get(json, "contest"));
	case_values(c->contest, json, &c->input);
	standing_compute(c->contest, &c->input, &c->standing);
	return c;
}

static inline void case_free(struct standing_case *c)
{
	contest_free(c->contest);
	free(c);
}

#endif
