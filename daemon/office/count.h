/* The ballots' counters of one moment, kept beyond the ledger's callback, as contest/tally.h wants
 * them. */
#ifndef TALLYD_OFFICE_COUNT_H
#define TALLYD_OFFICE_COUNT_H

#include "contest/tally.h"
#include "office/office.h"

struct count {
	struct ledger_totals totals; /* a copy that owns its counters */
	struct tally_input input;    /* over the same */
};

/* NULL: memory, or a phase that this program does not know. */
struct count *count_new(const struct ledger_totals *totals);
void count_free(struct count *count);

#endif
