/* The processes of one edition of the configuration, which are started again when they die: the
 * signer, the sealer on a host that keeps a log, the workers; what each inherits, and what runs in
 * it. Knows neither when they start nor when they end, nor that there are other editions: that is
 * the supervisor's. */
#ifndef TALLYD_WORKER_PROCESSES_H
#define TALLYD_WORKER_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "worker/child.h"

struct edition;
struct event_base;
struct holdings;
struct processes;

struct processes_options {
	const struct holdings *holdings; /* borrowed */
	struct edition *edition;         /* taken over; NULL: another program's, see below */
	unsigned generation;             /* neighbours count in different places */
	bool successor;                  /* others serve until all of these are ready */
	struct event_base *base;
	/* In the parent: one has reported; `why` as in struct child. */
	void (*on_report)(void *arg, struct processes *processes, const char *why);
	/* In a new process of `processes`: lets go of everything that is the parent's alone, the
	 * loop included, calls processes_leave() for these and all others, and closes what of the
	 * holdings is not `slot`'s (SIZE_MAX: all). */
	void (*leave)(void *arg, struct processes *processes, size_t slot);
	void *arg;
};

struct slot { /* a worker, and what its successors inherit */
	struct child child;
	int signer_fds[2]; /* worker's end, signer's end; -1: closed */
};

struct processes {
	struct processes_options options;
	struct seal_stats
	    *seals; /* of all shards, the rounds' one after another; NULL: no sealer */
	size_t n_seals;
	bool signs; /* this host issues: there is a signer */
	struct child signer;
	struct child sealer; /* unless `seals` is NULL, and these are not another program's */
	bool sealer_begun;
	int begin_fds[2]; /* the sealer reads from it, and begins when it is closed here */
	struct slot *slots;
	size_t n_slots;
	int access_log_fd;
	bool somebody_died;
	int64_t drain_ms;
};

/* Makes ready whatever they inherit; starts nothing. NULL, and the edition stays the caller's:
 * memory or descriptors. */
struct processes *processes_new(const struct processes_options *options);
/* None of them may run any more. */
void processes_free(struct processes *processes);
/* In a new process: frees the events, and closes what of these is not the child's (NULL: all). */
void processes_leave(struct processes *processes, const struct child *child);

/* The sealer reads its keys and reports, and waits. */
void processes_start(struct processes *processes);
/* No other sealer of this host runs any more. */
void processes_begin_sealing(struct processes *processes);
bool processes_are_ready(const struct processes *processes);
/* Whose process this is, or was until now; NULL: none of these. */
struct child *processes_find(struct processes *processes, pid_t pid);
/* It has ended, and was reaped. */
void processes_died(struct processes *processes, struct child *child);

bool processes_workers_run(const struct processes *processes);
/* Workers drain; nothing is started again. `handed_over`: others take what waits to be accepted. */
void processes_end_workers(struct processes *processes, bool handed_over);
/* The signer and the sealer. Whether one of them still ran. */
bool processes_end_others(struct processes *processes);
void processes_kill(struct processes *processes);

/* ---- from one program to the next ---- */

/* Which of them run, as JSON. NULL: memory. */
json_t *processes_describe(const struct processes *processes);
/* Those of another program in this process, before exec(): they run, and none of them can be
 * started again. NULL: memory, or nonsense. */
struct processes *processes_take(const struct processes_options *options, const json_t *described);

#endif
