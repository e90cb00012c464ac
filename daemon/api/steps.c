/* ask -> on_published -> (less is counted than that: on_again) -> stand, or withhold, or
 *                        publish -> on_stands */
#include "api/steps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/ledger.h"

struct steps {
	const struct contest *contest;
	struct ledger *ledger;
	struct tally_input input;
	json_t *draft;
	steps_cb *cb;
	void *arg;

	char *text;                  /* what stands in Redis; "": nothing */
	struct tally_published last; /* what it says of itself, */
	json_t *published;           /* and shows; NULL: it cannot be read */
};

static void finish(struct steps *steps, json_t *snapshot)
{
	json_decref(steps->draft);
	json_decref(steps->published);
	free(steps->text);
	steps->draft = steps->published = NULL;
	steps->text = NULL;
	steps->cb(steps->arg, snapshot);
}

/* Takes over what stands in Redis: "<epoch> <size of the log> <json>", the epoch that of the log.
 */
static void read_text(struct steps *steps, struct slice text)
{
	char *at;

	free(steps->text);
	json_decref(steps->published);
	steps->published = NULL;
	steps->last = (struct tally_published){0};
	steps->text = strndup(text.len ? text.ptr : "", text.len);
	if (!steps->text)
		return;
	steps->last.epoch = strtoull(steps->text, &at, 10);
	if (*at == ' ')
		steps->last.log_size = strtoull(at + 1, &at, 10);
	if (*at == ' ')
		steps->published = json_loads(at + 1, 0, NULL);
	if (!steps->published)
		return;
	json_int_t ballots = json_integer_value(json_object_get(steps->published, "ballots"));
	const char *as_of = json_string_value(json_object_get(steps->published, "as_of"));
	steps->last.any = true;
	steps->last.ballots = ballots > 0 ? (uint64_t)ballots : 0;
	if (!as_of || clock_parse(slice_text(as_of), &steps->last.at_ms) != 0)
		steps->last.at_ms = 0;
}

/* The published numbers, with the acts of now. */
static void stand(struct steps *steps)
{
	json_t *published = steps->published;
	uint64_t sequence = steps->last.log_size + steps->input.version;

	steps->published = NULL;
	json_object_set_new(published, "sequence", json_integer((json_int_t)sequence));
	finish(steps, published);
}

static void on_stands(void *arg, int error, struct slice text)
{
	struct steps *steps = arg;

	if (error == 0)
		read_text(steps, text);
	if (error == 0 && steps->published)
		stand(steps);
	else
		finish(steps, NULL);
}

static void publish(struct steps *steps)
{
	char *json = json_dumps(steps->draft, JSON_COMPACT | JSON_REAL_PRECISION(15)), *text = NULL;

	if (json && asprintf(&text, "%" PRIu64 " %" PRIu64 " %s", steps->input.epoch,
			steps->input.log_size, json) > 0)
		ledger_publish(
		    steps->ledger, slice_text(text), slice_text(steps->text), on_stands, steps);
	else
		finish(steps, NULL);
	free(text);
	free(json);
}

static enum tally_step step_of(const struct steps *steps)
{
	return tally_step(steps->contest, &steps->last, &steps->input);
}

/* Read after what is published: where it is still less, ballots were lost, and what was published
 * with them is worth nothing. Where Redis lacks what this host has acknowledged, or counters are
 * damaged, nobody knows, and what was said last stays. */
static void on_again(void *arg, int error, const struct ledger_totals *totals)
{
	struct steps *steps = arg;
	struct tally_input now = steps->input;

	if (error == -EIO) {
		finish(steps, NULL);
		return;
	}
	if (error == 0) {
		now.log_size = totals->log_size;
		now.ballots = totals->ballots;
	}
	if (error != 0 || tally_step(steps->contest, &steps->last, &now) != TALLY_LESS) {
		stand(steps);
		return;
	}
	steps->last.any = false;
	if (step_of(steps) == TALLY_DUE)
		publish(steps);
	else
		finish(steps, tally_snapshot(steps->contest, &steps->input, true));
}

static void on_published(void *arg, int error, struct slice text)
{
	struct steps *steps = arg;

	if (error == 0)
		read_text(steps, text);
	if (error != 0 || !steps->text) {
		finish(steps, NULL);
		return;
	}
	switch (step_of(steps)) {
	case TALLY_STANDS:
		stand(steps);
		break;
	case TALLY_DUE:
		publish(steps);
		break;
	case TALLY_TOO_FEW:
		finish(steps, tally_snapshot(steps->contest, &steps->input, true));
		break;
	case TALLY_LESS:
		ledger_totals(steps->ledger, on_again, steps);
		break;
	}
}

void steps_show(struct steps *steps, struct ledger *ledger, const struct tally_input *input,
    json_t *draft, steps_cb *cb, void *arg)
{
	steps->ledger = ledger;
	steps->input = *input;
	steps->draft = draft;
	steps->cb = cb;
	steps->arg = arg;
	ledger_published(ledger, on_published, steps);
}

struct steps *steps_new(const struct contest *contest)
{
	struct steps *steps = calloc(1, sizeof(*steps));

	if (steps)
		steps->contest = contest;
	return steps;
}

void steps_free(struct steps *steps)
{
	free(steps);
}
