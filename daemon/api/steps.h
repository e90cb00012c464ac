/* The public's numbers while they move in steps (contest/tally.h): one published snapshot for all
 * workers and hosts, kept in Redis beside the contest's record and not beside its ballots. So it
 * can outlive ballots that were lost, and does not stand against what is counted then. */
#ifndef TALLYD_API_STEPS_H
#define TALLYD_API_STEPS_H

#include "contest/tally.h"

struct ledger;
struct steps;

/* `contest` is borrowed. NULL: memory. */
struct steps *steps_new(const struct contest *contest);
/* After ledger_free(), which completes what is under way. */
void steps_free(struct steps *steps);

/* `draft`, which it takes over, is the snapshot of these counters; of `input` its `counter` is not
 * called. Calls back once, in a later turn, with what the public is to see now, for whoever is
 * called to release: the draft, once it stands in Redis; the one that stands there, with the acts
 * of now in its sequence; or one that says "too-few". NULL: Redis did not answer, or memory. One at
 * a time. */
typedef void steps_cb(void *arg, json_t *snapshot);
void steps_show(struct steps *steps, struct ledger *ledger, const struct tally_input *input,
    json_t *draft, steps_cb *cb, void *arg);

#endif
