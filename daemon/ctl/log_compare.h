/* Makes the entries of a shard's log again, from the ballots in Redis, and holds them against what
 * was signed. For tallyctl log new-epoch, whose log would sign whatever Redis has. */
#ifndef TALLYD_CTL_LOG_COMPARE_H
#define TALLYD_CTL_LOG_COMPARE_H

#include "ctl/sealed.h"

struct log_compared {
	bool changed; /* where a signed ballot was, another one is; those that are missing from the
			 end on do not count */
	bool located; /* this host's entries tell which */
	uint64_t n, first; /* how many, and the first index; where located */
	bool unknown; /* ballots are missing, and nothing here tells whether the others are those
			 that were signed */
};

/* `last`: what was signed last in the old epoch, of any size. Reads every ballot. 0; or the exit
 * status, told: 65 where a ballot cannot be read, 69 without Redis. */
int log_compare(struct sealed *sealed, unsigned shard, const struct checkpoint *last,
    struct log_compared *ret_compared);

#endif
