/* Points, totals, ranks and the cut line. What is shown of them, and to whom, is in
 * contest/standing_json.c. */
#include "contest/standing.h"

#include <string.h>

#include "contest/aggregate.h"

__extension__ typedef __int128 wide;

/* ---- scales ---- */

/* The value that gives no points and the one that gives all; nothing to tell apart: `flat` gives
 * none or all. */
struct range {
	wide none, all;
	bool flat_is_full;
};

/* Over all entries with a value. False: there is none. */
static bool extremes(
    const struct standing_value *values, size_t n, wide *ret_least, wide *ret_greatest)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		wide value = values[i].value_e4;

		if (!values[i].known)
			continue;
		if (!any || value < *ret_least)
			*ret_least = value;
		if (!any || value > *ret_greatest)
			*ret_greatest = value;
		any = true;
	}
	return any;
}

/* A part without out_of is measured by the most that one sheet of its panel can give. */
static wide full_points(const struct contest *contest, const struct part *part)
{
	int panel;

	if (part->out_of || part->source != PART_PANEL)
		return part->out_of;
	panel = contest_panel(contest, slice_text(part->panel));
	return panel < 0 ? 0 : panel_greatest(contest, &contest->panels[panel]);
}

static struct range range_of(
    const struct contest *contest, const struct part *part, const struct standing_value *values)
{
	struct range range = {0};
	wide least = 0, greatest = 0;

	if (part->scale != SCALE_POINTS)
		(void)extremes(values, contest->n_entries, &least, &greatest);
	switch (part->scale) {
	case SCALE_POINTS:
		range.all = full_points(contest, part) * FIXED_ONE;
		break;
	case SCALE_SHARE:
		range.all = greatest;
		break;
	case SCALE_MIN_MAX:
		range = (struct range){least, greatest, true};
		break;
	}
	return range;
}

static int64_t points(int weight, const struct range *range, wide value)
{
	if (range->all <= range->none)
		return range->flat_is_full ? (int64_t)weight * FIXED_ONE : 0;
	if (value <= range->none)
		return 0;
	if (value >= range->all)
		return (int64_t)weight * FIXED_ONE;
	return fixed_ratio(weight * (value - range->none), range->all - range->none);
}

/* ---- totals ---- */

static int subtotal_of(const struct contest *contest, const struct part *part)
{
	for (size_t i = 0; part->subtotal && i < contest->stage.n_subtotals; i++)
		if (strcmp(contest->stage.subtotals[i].id, part->subtotal) == 0)
			return (int)i;
	return -1;
}

static void add_part(const struct contest *contest, size_t p, const struct standing_value *values,
    struct standing *standing)
{
	const struct part *part = &contest->stage.parts[p];
	const struct range range = range_of(contest, part, values);
	int subtotal = subtotal_of(contest, part);

	for (size_t i = 0; i < contest->n_entries; i++) {
		struct standing_row *row = &standing->row[i];

		if (!values[i].known) {
			row->complete = row->complete && part->weight == 0;
			continue;
		}
		row->points_e4[p] = points(part->weight, &range, values[i].value_e4);
		row->total_e4 += row->points_e4[p];
		if (subtotal >= 0)
			row->subtotal_e4[subtotal] += row->points_e4[p];
	}
}

/* ---- places ---- */

/* Whether an entry takes a place from those behind it. */
static bool takes_place(const struct contest *contest, const struct standing_input *input,
    const struct standing *standing, size_t entry)
{
	return standing->row[entry].complete &&
	       (!input->disqualified[entry] || !contest->stage.refill);
}

/* Places `first` to `last` are those of all that have this entry's total. */
static void place(const struct contest *contest, const struct standing_input *input,
    const struct standing *standing, size_t entry, int *ret_first, int *ret_last)
{
	int64_t total = standing->row[entry].total_e4;
	int above = 0, beside = 0;

	for (size_t i = 0; i < contest->n_entries; i++) {
		if (!takes_place(contest, input, standing, i))
			continue;
		above += standing->row[i].total_e4 > total;
		beside += standing->row[i].total_e4 == total;
	}
	*ret_first = above + 1;
	*ret_last = above + beside;
}

static void rank(const struct contest *contest, const struct standing_input *input, size_t entry,
    struct standing *standing)
{
	struct standing_row *row = &standing->row[entry];
	int first, last;

	place(contest, input, standing, entry, &first, &last);
	row->rank = first;
	row->tied = last > first;
	if (contest->stage.advance > 0)
		row->advance =
		    (contest->stage.ties_excluded ? last : first) <= contest->stage.advance
			? ADVANCE_YES
			: ADVANCE_NO;
}

void standing_compute(const struct contest *contest, const struct standing_input *input,
    struct standing *ret_standing)
{
	*ret_standing = (struct standing){0};
	if (contest->stage.n_parts == 0)
		return;
	for (size_t i = 0; i < contest->n_entries; i++)
		ret_standing->row[i].complete = true;
	for (size_t p = 0; p < contest->stage.n_parts; p++)
		add_part(contest, p, input->value[p], ret_standing);
	ret_standing->complete = true;
	for (size_t i = 0; i < contest->n_entries; i++)
		if (!ret_standing->row[i].complete && !input->disqualified[i])
			ret_standing->complete = false;
	for (size_t i = 0; i < contest->n_entries; i++) {
		if (input->disqualified[i] && contest->stage.advance > 0)
			ret_standing->row[i].advance = ADVANCE_NO;
		else if (!input->disqualified[i] && ret_standing->complete)
			rank(contest, input, i, ret_standing);
	}
}
