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
	uint64_t version;  /* of the contest's record */
	uint64_t epoch;    /* of the public log; for tally_step() alone */
	enum phase phase;
	int64_t now_ms;
};

/* Grows with every accepted ballot and every act that the public sees; pages ignore what is older.
 */
static inline uint64_t tally_sequence(const struct tally_input *input)
{
	return input->log_size + input->version;
}

/* Whether the public may see what has this visibility in this phase. */
bool visibility_is_public(enum visibility visibility, enum phase phase);
/* Whether counts per entry may be shown to the public in this phase. */
bool tally_is_public(const struct contest *contest, enum phase phase);

/* What the public saw last, while its numbers move in steps. */
struct tally_published {
	bool any;
	uint64_t epoch, log_size; /* of the counters that it shows */
	uint64_t ballots; /* not entries of the log: replacing one's ballot must not end a step */
	int64_t at_ms;
};

/* Whether the public's numbers still move in steps: while a vote could be timed by them. */
bool tally_moves_in_steps(const struct contest *contest, enum phase phase);

/* What the public sees by the contest's publish: steps. What was published in an epoch before
 * counts for nothing: its ballots were given up. */
enum tally_step {
	TALLY_STANDS,  /* what was published last */
	TALLY_DUE,     /* a new snapshot */
	TALLY_TOO_FEW, /* no numbers yet */
	/* Fewer ballots, or entries, than in what was published: `input` was read before that, or
	 * some were lost. Whoever reads them again knows which. */
	TALLY_LESS,
};
enum tally_step tally_step(const struct contest *contest, const struct tally_published *last,
    const struct tally_input *input);

/* The rows of all entries, in the contest's order, whatever the public may see. NULL: memory. */
json_t *tally_rows(const struct contest *contest, const struct tally_input *input);

/* Counts are withheld under embargo, and from everyone while `too_few` have voted; then the number
 * of participants is withheld as well, and null, and the sequence counts acts alone. What is no
 * matter of counting (epoch, log, notice…) whoever shows it adds. NULL: memory. */
json_t *tally_snapshot(
    const struct contest *contest, const struct tally_input *input, bool too_few);

#endif
