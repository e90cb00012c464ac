/* The processes of tallyd that are started again when they die: the signer, the sealer on a host
 * that keeps a log, the workers; what each inherits, and what runs in it. Knows neither when they
 * start nor when they end: that is the supervisor's. */
#ifndef TALLYD_WORKER_PROCESSES_H
#define TALLYD_WORKER_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "worker/child.h"
#include "worker/listen.h"
#include "worker/supervisor.h"

struct slot { /* a worker, and what its successors inherit */
	struct child child;
	int listen_fd;
	int signer_fds[2]; /* worker's end, signer's end */
};

struct processes { /* embedded; the first fields are set by the owner, the others by processes_* */
	const struct supervisor_options *options;
	struct event_base *base;
	/* In the parent: one has reported; `why` as in struct child. */
	void (*on_report)(void *arg, const char *why);
	/* In a new process: lets go of everything that is the parent's alone, the loop included,
	 * and calls processes_leave(). */
	void (*leave)(void *arg);
	void *arg;

	struct assets *assets;
	struct rate_table *rates;
	uint8_t host_secret[32]; /* of turns and rates; as long as the supervisor lives */
	struct stats *stats;     /* shared by all workers */
	struct seal_stats
	    *seals; /* of all shards, the rounds' one after another; NULL: no sealer */
	bool signs; /* this host issues: there is a signer */
	struct child signer;
	struct child sealer; /* unless seals is NULL */
	struct slot *slots;
	size_t n_slots;
	int admin_fd, access_log_fd;
	char url[LISTEN_URL_MAX]; /* where workers listen */
};

/* Opens the sockets and whatever else they inherit; starts nothing. 0, or the exit status, told in
 * the log. processes_release() is right after either. */
__attribute__((warn_unused_result)) int processes_init(struct processes *processes);
/* Frees the events. */
void processes_leave(struct processes *processes);
/* Frees the rest. Sockets and shared memory go with the process. */
void processes_release(struct processes *processes);

void processes_start(struct processes *processes);
bool processes_are_ready(const struct processes *processes);
/* Whose process this is, or was until now; NULL: none of these. */
struct child *processes_find(struct processes *processes, pid_t pid);

bool processes_workers_run(const struct processes *processes);
/* Workers drain; nothing is started again. */
void processes_end_workers(struct processes *processes);
/* The signer and the sealer. Whether one of them still ran. */
bool processes_end_others(struct processes *processes);
void processes_kill(struct processes *processes);

#endif
