/* The form "choices": a ballot names from min to max entries, all alike. {"choices":["upstage"]}.
 */
#include "contest/form_rows.h"

#include <errno.h>

#include "contest/aggregate.h"

static int choices_parse(const struct contest *contest, const json_t *body,
    struct ballot *ret_ballot, char ret_why[FORM_WHY_MAX])
{
	static const struct form_list list = {
	    .name = "choices",
	    .items = "entry ids",
	    .twice = "is chosen twice; name each entry once",
	};

	return form_read_list(&list, contest, body, ret_ballot, ret_why);
}

static int choices_check(
    const struct contest *contest, const struct ballot *ballot, char ret_why[FORM_WHY_MAX])
{
	int count = (int)ballot_count(contest, ballot);
	int min = contest->ballot.choices_min, max = contest->ballot.choices_max;

	if (count >= min && count <= max)
		return 0;
	return form_refuse(ret_why, "too %s entries are chosen (%d); choose %s %d",
	    count > max ? "many" : "few", count,
	    min == max    ? "exactly"
	    : count > max ? "at most"
			  : "at least",
	    count > max ? max : min);
}

static int choices_print(
    const struct contest *contest, const struct ballot *ballot, struct buf *out)
{
	for (size_t i = 0; i < contest->n_entries; i++) {
		int error =
		    ballot->present[i] ? buf_printf(out, "%s\n", contest->entries[i].id) : 0;

		if (error)
			return error;
	}
	return 0;
}

static int choices_read_item(
    const struct contest *contest, struct slice line, struct ballot *ballot)
{
	int entry = contest_entry(contest, line);

	return entry < 0 ? -EINVAL : ballot_put_next(contest, ballot, entry, 1);
}

static size_t choices_pack(
    const struct contest *contest, const struct ballot *ballot, uint8_t ret_packed[FORM_PACKED_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < contest->n_entries; i++)
		if (ballot->present[i])
			ret_packed[n++] = (uint8_t)i;
	return n;
}

static int choices_unpack_item(
    const struct contest *contest, struct slice *packed, struct ballot *ballot)
{
	int entry = form_unpack_entry(contest, packed);

	return entry < 0 ? -EINVAL : ballot_put_next(contest, ballot, entry, 1);
}

static size_t choices_increments(const struct contest *contest, const struct ballot *ballot,
    struct form_increment *ret_increments)
{
	size_t n = 0;

	for (size_t i = 0; i < contest->n_entries; i++) {
		if (!ballot->present[i])
			continue;
		form_counter(COUNTER_VOTES, contest, i, ret_increments[n].counter);
		ret_increments[n++].by = 1;
	}
	return n;
}

static void choices_tally(const struct contest *contest,
    int64_t (*counter)(void *arg, const char *name), void *arg, int64_t ballots,
    struct tally_row *ret_rows)
{
	for (size_t i = 0; i < contest->n_entries; i++) {
		struct tally_row *row = &ret_rows[i];
		char name[FORM_COUNTER_MAX];

		form_counter(COUNTER_VOTES, contest, i, name);
		*row = (struct tally_row){.entry = (int)i, .votes = counter(arg, name)};
		row->sum = row->votes;
		row->share = ballots > 0 ? (double)row->votes / (double)ballots : 0;
		row->shown = ballots > 0 ? fixed_ratio(row->votes, ballots) : 0;
	}
	for (size_t i = 0; i < contest->n_entries; i++) {
		ret_rows[i].rank = 1;
		for (size_t k = 0; k < contest->n_entries; k++)
			ret_rows[i].rank += ret_rows[k].votes > ret_rows[i].votes;
	}
}

static void choices_describe_row(const struct tally_row *row, json_t *object)
{
	json_object_set_new(object, "share", form_number(row->shown, FIXED_ONE));
}

static json_t *choices_describe(const struct contest *contest)
{
	return json_pack("{s:s, s:i, s:i}", "name", "choices", "min", contest->ballot.choices_min,
	    "max", contest->ballot.choices_max);
}

const struct form form_choices = {
    .name = "choices",
    .parse = choices_parse,
    .check = choices_check,
    .print = choices_print,
    .read_item = choices_read_item,
    .pack = choices_pack,
    .unpack_item = choices_unpack_item,
    .increments = choices_increments,
    .tally = choices_tally,
    .describe_row = choices_describe_row,
    .describe = choices_describe,
};
