/* A worker process: one event loop that serves HTTP, casts and reads through Redis. */
#ifndef TALLYD_WORKER_WORKER_H
#define TALLYD_WORKER_WORKER_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct assets;
struct rate_table;
struct round;
struct seal_stats;
struct settings;
struct stats;

struct worker_options { /* all borrowed; made before the fork */
	const struct settings *settings;
	struct round *const *rounds; /* in the configuration's order, as the signer numbers them */
	size_t n_rounds;
	struct assets *assets; /* NULL: no pages */
	struct marks *marks;
	struct rate_table *rates;
	struct slice host_secret;       /* of this host's workers */
	struct stats *stats;            /* of all workers (api/app.h) */
	struct stats *own_stats;        /* those of this one */
	int64_t *full_told_ms;          /* of all workers, for server_options */
	const struct seal_stats *seals; /* of all shards, the rounds' one after another; NULL: no
					   sealer on this host */
	size_t n_workers;
	int listen_fd;
	int admin_fd; /* -1: another worker serves it */
	int signer_fd;
	bool tells;        /* of all workers this one logs what they all find */
	bool again;        /* started anew, after one of this slot had been ready */
	bool successor;    /* others serve until it is ready: accepts nothing before */
	int report_fd;     /* to the supervisor: one line, "ready" or "refused WHY" */
	int access_log_fd; /* -1: none */
};

/* How a worker is told to end: its socket has a successor, or nobody comes after it. */
#define WORKER_SUCCEEDED SIGUSR1
#define WORKER_LAST      SIGTERM

/* Serves until one of these signals, then drains. Returns the process' exit status. */
int worker_process(const struct worker_options *options);

#endif
