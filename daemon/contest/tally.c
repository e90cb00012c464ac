/* Builds snapshots and decides when the public may see a new one. */
#include "contest/tally.h"

#include "base/clock.h"
#include "contest/form.h"

bool visibility_is_public(enum visibility visibility, enum phase phase)
{
	switch (visibility) {
	case VISIBLE_LIVE:
		return true;
	case VISIBLE_ORGANISERS:
		return phase >= PHASE_CLOSED;
	case VISIBLE_ON_PUBLISH:
		break;
	}
	return phase >= PHASE_PROVISIONAL;
}

bool tally_is_public(const struct contest *contest, enum phase phase)
{
	return visibility_is_public(contest->citizen, phase);
}

bool tally_moves_in_steps(const struct contest *contest, enum phase phase)
{
	const struct publish_steps *steps = &contest->publish;
	return phase < PHASE_CLOSED &&
	       (steps->first_at > 1 || steps->step > 1 || steps->every_ms > 0);
}

static uint64_t at_least_one(int64_t n)
{
	return n > 1 ? (uint64_t)n : 1;
}

enum tally_step tally_step(const struct contest *contest, const struct tally_published *last,
    const struct tally_input *input)
{
	const struct publish_steps *steps = &contest->publish;
	if (!last->any || last->epoch < input->epoch)
		return input->ballots >= at_least_one(steps->first_at) ? TALLY_DUE : TALLY_TOO_FEW;
	if (last->epoch == input->epoch &&
	    (input->ballots < last->ballots || input->log_size < last->log_size))
		return TALLY_LESS;
	return last->epoch == input->epoch &&
		       input->ballots >= last->ballots + at_least_one(steps->step) &&
		       input->now_ms >= last->at_ms + steps->every_ms
		   ? TALLY_DUE
		   : TALLY_STANDS;
}

static json_t *describe_row(const struct contest *contest, const struct tally_row *row)
{
	json_t *object = json_pack("{s:s, s:I}", "entry", contest->entries[row->entry].id, "votes",
	    (json_int_t)row->votes);
	contest->form->describe_row(row, object);
	json_object_set_new(object, "rank", json_integer(row->rank));
	return object;
}

json_t *tally_rows(const struct contest *contest, const struct tally_input *input)
{
	struct tally_row rows[CONTEST_ENTRIES_MAX];
	contest->form->tally(contest, input->counter, input->arg, (int64_t)input->ballots, rows);
	json_t *list = json_array();
	for (size_t i = 0; i < contest->n_entries; i++)
		json_array_append_new(list, describe_row(contest, &rows[i]));
	return list;
}

/* The entries alone, in the contest's order, which says nothing of their counts. */
static json_t *describe_entries(const struct contest *contest)
{
	json_t *list = json_array();
	for (size_t i = 0; i < contest->n_entries; i++)
		json_array_append_new(list, json_pack("{s:s}", "entry", contest->entries[i].id));
	return list;
}

json_t *tally_snapshot(const struct contest *contest, const struct tally_input *input, bool too_few)
{
	char as_of[CLOCK_TEXT_SIZE];
	bool embargo = !tally_is_public(contest, input->phase);
	json_t *snapshot = json_pack("{s:s, s:b, s:b, s:s, s:s, s:I, s:o, s:o, s:{}, s:[]}",
	    "contest", contest->id, "rehearsal", contest->rehearsal, "demonstration",
	    contest->demonstration, "phase", phase_name(input->phase), "as_of",
	    clock_format(input->now_ms, 1, as_of), "sequence",
	    (json_int_t)(too_few ? input->version : tally_sequence(input)), "ballots",
	    too_few ? json_null() : json_integer((json_int_t)input->ballots), "citizen",
	    embargo || too_few ? describe_entries(contest) : tally_rows(contest, input), "experts",
	    "standing");
	if (snapshot && !embargo && !too_few && contest->form->describe_all)
		contest->form->describe_all(contest, input->counter, input->arg, snapshot);
	if (snapshot && (embargo || too_few))
		json_object_set_new(
		    snapshot, "withheld", json_string(embargo ? "embargo" : "too-few"));
	return snapshot;
}
