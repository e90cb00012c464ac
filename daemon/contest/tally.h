/* The snapshot that everybody sees: counts, shares and ranks, or what of them may be shown. Pure
 * rules; knows nothing of Redis or HTTP. */
#ifndef TALLYD_CONTEST_TALLY_H
#define TALLYD_CONTEST_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "contest/contest.h"
#include "contest/phase.h"

struct tally_input {
	int64_t (*counter)(void *arg, const char *name); /* 0 for one that does not exist */
	void *arg;
	uint64_t ballots;  /* tokens counted */
	uint64_t log_size; /* entries of all logs */
	uint64_t version;  /* of the phase */
	enum phase phase;
	int64_t now_ms;
};

/* Grows with every accepted ballot and every act on the phase; pages ignore what is older. */
static inline uint64_t tally_sequence(const struct tally_input *input)
{
	return input->log_size + input->version;
}

/* Whether counts per entry may be shown to the public in this phase. */
bool tally_is_public(const struct contest *contest, enum phase phase);

/* Whether the public's numbers move ballot by ballot, rather than in steps. */
bool tally_moves_freely(const struct contest *contest);

/* What the public saw last, while its numbers move in steps. */
struct tally_published {
	bool any;
	uint64_t sequence;
	int64_t at_ms;
};

/* Whether a new snapshot is due for the public by the contest's publish: steps. */
bool tally_is_due(const struct contest *contest, const struct tally_published *last,
    const struct tally_input *input);

/* Counts are withheld under embargo, and from everyone while `too_few` have voted; then the number
 * of participants is withheld as well, and null. NULL: memory. */
json_t *tally_snapshot(
    const struct contest *contest, const struct tally_input *input, bool too_few);

#endif
