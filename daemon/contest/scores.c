/* The form "scores": a ballot gives one or more entries a score on the contest's scale.
 * {"scores":{"naver-cloud":3,"upstage":8}}. Kept and counted as whole steps from the minimum. */
#include "contest/form_rows.h"

#include <errno.h>
#include <math.h>

#include "contest/aggregate.h"

#define COUNTER_SUM "sum" /* "sum:<entry>": sum of the steps */

_Static_assert(2 * CONTEST_ENTRIES_MAX <= CONTEST_INCREMENTS_MAX, "two counters an entry must fit");

static int highest_step(const struct contest *contest)
{
	return (contest->ballot.score_max - contest->ballot.score_min) / contest->ballot.score_step;
}

/* The steps that a JSON number stands for, or -1 when it is none of the scale's points. */
static int step_of(const struct contest *contest, const json_t *number)
{
	double offset = json_number_value(number) - contest->ballot.score_min;
	double step = offset / contest->ballot.score_step;

	if (!(step >= 0 && step <= highest_step(contest)) ||
	    fmod(offset, contest->ballot.score_step) != 0)
		return -1;
	return (int)step;
}

static int refuse_score(
    const struct contest *contest, const char *entry, char ret_why[FORM_WHY_MAX])
{
	int min = contest->ballot.score_min, max = contest->ballot.score_max;

	if (contest->ballot.score_step == 1)
		return form_refuse(ret_why,
		    "the score of \"%s\" is to be a whole number from %d to %d", entry, min, max);
	return form_refuse(ret_why,
	    "the score of \"%s\" is to be a number from %d to %d in steps of %d", entry, min, max,
	    contest->ballot.score_step);
}

static int scores_parse(const struct contest *contest, const json_t *body,
    struct ballot *ret_ballot, char ret_why[FORM_WHY_MAX])
{
	json_t *scores = json_object_get(body, "scores");
	const char *id;
	json_t *score;

	if (!json_is_object(scores))
		return form_refuse(ret_why,
		    "\"scores\" is to be an object of entry ids and scores, such as {\"%s\":%d}",
		    contest->entries[0].id, contest->ballot.score_max);
	json_object_foreach(scores, id, score)
	{
		int entry = contest_entry(contest, slice_text(id));
		int step;

		if (entry < 0)
			return form_refuse_entry(contest, slice_text(id), ret_why);
		step = json_is_number(score) ? step_of(contest, score) : -1;
		if (step < 0)
			return refuse_score(contest, id, ret_why);
		ret_ballot->present[entry] = true;
		ret_ballot->value[entry] = step;
	}
	return 0;
}

static int scores_check(
    const struct contest *contest, const struct ballot *ballot, char ret_why[FORM_WHY_MAX])
{
	if (ballot_count(contest, ballot) == 0)
		return form_refuse(ret_why, "no entry has a score; score at least 1");
	return 0;
}

static int scores_print(const struct contest *contest, const struct ballot *ballot, struct buf *out)
{
	for (size_t i = 0; i < contest->n_entries; i++) {
		int error = 0;

		if (ballot->present[i])
			error =
			    buf_printf(out, "%s=%d\n", contest->entries[i].id, ballot->value[i]);
		if (error)
			return error;
	}
	return 0;
}

/* A decimal without sign and leading zero, at most `max`; else -1. */
static int read_step(struct slice text, int max)
{
	int64_t value = 0;

	if (text.len == 0 || (text.len > 1 && text.ptr[0] == '0'))
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -1;
		value = value * 10 + (text.ptr[i] - '0');
		if (value > max)
			return -1;
	}
	return (int)value;
}

static int scores_read_item(const struct contest *contest, struct slice line, struct ballot *ballot)
{
	const char *equals = line.len ? memchr(line.ptr, '=', line.len) : NULL;
	size_t id_len;
	int entry, step;

	if (!equals)
		return -EINVAL;
	id_len = (size_t)(equals - line.ptr);
	entry = contest_entry(contest, slice_make(line.ptr, id_len));
	step = read_step(slice_make(equals + 1, line.len - id_len - 1), highest_step(contest));
	if (entry < 0 || step < 0)
		return -EINVAL;
	return ballot_put_next(contest, ballot, entry, step);
}

static size_t scores_pack(
    const struct contest *contest, const struct ballot *ballot, uint8_t ret_packed[FORM_PACKED_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < contest->n_entries; i++) {
		unsigned step = (unsigned)ballot->value[i];

		if (!ballot->present[i])
			continue;
		ret_packed[n++] = (uint8_t)i;
		for (; step > 0x7f; step >>= 7)
			ret_packed[n++] = (uint8_t)(step | 0x80);
		ret_packed[n++] = (uint8_t)step;
	}
	return n;
}

/* At most `max`, in as few bytes as it takes; else -1. */
static int unpack_step(struct slice *packed, int max)
{
	uint64_t step = 0;

	for (size_t i = 0; i < packed->len && i < 5; i++) {
		uint8_t byte = (uint8_t)packed->ptr[i];

		step |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte & 0x80)
			continue;
		if ((i > 0 && byte == 0) || step > (uint64_t)max)
			return -1;
		*packed = slice_make(packed->ptr + i + 1, packed->len - i - 1);
		return (int)step;
	}
	return -1;
}

static int scores_unpack_item(
    const struct contest *contest, struct slice *packed, struct ballot *ballot)
{
	int entry = form_unpack_entry(contest, packed);
	int step = unpack_step(packed, highest_step(contest));

	if (entry < 0 || step < 0)
		return -EINVAL;
	return ballot_put_next(contest, ballot, entry, step);
}

static size_t scores_increments(const struct contest *contest, const struct ballot *ballot,
    struct form_increment *ret_increments)
{
	size_t n = 0;

	for (size_t i = 0; i < contest->n_entries; i++) {
		if (!ballot->present[i])
			continue;
		form_counter(COUNTER_VOTES, contest, i, ret_increments[n].counter);
		ret_increments[n++].by = 1;
		form_counter(COUNTER_SUM, contest, i, ret_increments[n].counter);
		ret_increments[n++].by = ballot->value[i];
	}
	return n;
}

__extension__ typedef __int128 wide; /* holds the product of two counters */

/* Of rows with votes. */
static int64_t mean_in_hundredths(const struct contest *contest, const struct tally_row *row)
{
	wide sum = (wide)contest->ballot.score_min * row->votes +
		   (wide)contest->ballot.score_step * row->sum;

	return fixed_ratio(sum, (wide)row->votes * (FIXED_ONE / 100));
}

/* Whether a's mean is higher than b's; no mean at all is the lowest. Exact: doubles could merge two
 * means that differ, or part two that do not. */
static bool is_higher(const struct tally_row *a, const struct tally_row *b)
{
	if (a->votes <= 0 || b->votes <= 0)
		return a->votes > 0 && b->votes <= 0;
	return (wide)a->sum * b->votes > (wide)b->sum * a->votes;
}

static void scores_tally(const struct contest *contest,
    int64_t (*counter)(void *arg, const char *name), void *arg, int64_t ballots,
    struct tally_row *ret_rows)
{
	(void)ballots;
	for (size_t i = 0; i < contest->n_entries; i++) {
		struct tally_row *row = &ret_rows[i];
		char name[FORM_COUNTER_MAX];

		*row = (struct tally_row){.entry = (int)i, .mean = NAN};
		form_counter(COUNTER_VOTES, contest, i, name);
		row->votes = counter(arg, name);
		form_counter(COUNTER_SUM, contest, i, name);
		row->sum = counter(arg, name);
		if (row->votes <= 0)
			continue;
		row->mean = contest->ballot.score_min +
			    contest->ballot.score_step * ((double)row->sum / (double)row->votes);
		row->shown = mean_in_hundredths(contest, row);
	}
	for (size_t i = 0; i < contest->n_entries; i++) {
		ret_rows[i].rank = 1;
		for (size_t k = 0; k < contest->n_entries; k++)
			ret_rows[i].rank += is_higher(&ret_rows[k], &ret_rows[i]);
	}
}

static void scores_describe_row(const struct tally_row *row, json_t *object)
{
	json_object_set_new(
	    object, "mean", isnan(row->mean) ? json_null() : form_number(row->shown, 100));
}

static json_t *scores_describe(const struct contest *contest)
{
	return json_pack("{s:s, s:i, s:i, s:i}", "name", "scores", "min", contest->ballot.score_min,
	    "max", contest->ballot.score_max, "step", contest->ballot.score_step);
}

const struct form form_scores = {
    .name = "scores",
    .has_mean = true,
    .parse = scores_parse,
    .check = scores_check,
    .print = scores_print,
    .read_item = scores_read_item,
    .pack = scores_pack,
    .unpack_item = scores_unpack_item,
    .increments = scores_increments,
    .tally = scores_tally,
    .describe_row = scores_describe_row,
    .describe = scores_describe,
};
