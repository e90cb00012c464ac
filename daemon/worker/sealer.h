/* The sealer process: turns the ballots in Redis into every shard's log on this host's disk, and
 * signs it together with the sealers of other hosts (worker/shardlog.h). It alone reads the log's
 * private keys. It serves nobody, so it may wait for the disk. */
#ifndef TALLYD_WORKER_SEALER_H
#define TALLYD_WORKER_SEALER_H

#include <stddef.h>

struct round;
struct seal_stats;
struct settings;

struct sealer_options { /* all borrowed; made before the fork */
	const struct settings *settings;
	struct round *const *rounds;
	size_t n_rounds;
	struct seal_stats *seals; /* of all shards, the rounds' one after another */
	int begin_fd;             /* once it ends, no other sealer runs on this host any more */
	int report_fd;            /* to the supervisor: one line, "ready" or "refused WHY" */
};

/* Reads its keys, reports, and waits for `begin_fd`. Then seals until SIGQUIT (SIGTERM is ignored),
 * then what is left, if that is quick. Returns the process' exit status. */
int sealer_process(const struct sealer_options *options);

#endif
