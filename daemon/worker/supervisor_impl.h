/* Between supervisor.c, which starts, watches and ends, and supervisor_reload.c, where others take
 * over. */
#ifndef TALLYD_WORKER_SUPERVISOR_IMPL_H
#define TALLYD_WORKER_SUPERVISOR_IMPL_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <event2/event.h>

#include "worker/edition.h"
#include "worker/holdings.h"
#include "worker/processes.h"
#include "worker/redisd.h"

#define SUPERVISOR_KILL_AFTER_MS 2000 /* beyond the workers' own drain time */

#define SIGNALS     5
#define GENERATIONS 3

struct supervisor {
	const char *config;
	char **argv;
	struct event_base *base;
	struct event *on_signal[SIGNALS];
	struct event *on_kill, *on_late;
	struct holdings holdings;
	struct redisd *redisd;      /* NULL: Redis is somebody else's */
	struct processes *current;  /* who serves */
	struct processes *next;     /* who is to serve, and is not ready yet; or NULL */
	struct processes *previous; /* who drains, or was given up; or NULL */
	pid_t checker;              /* of another program; 0: none */
	bool children_started, announced, stopping;
	bool reload_wanted, upgrade_wanted;
	int status; /* to exit with */
};

extern const int supervisor_signals[SIGNALS];

/* ---- supervisor.c ---- */

/* Those of the three that are there; the others are NULL. */
void supervisor_generations(
    const struct supervisor *supervisor, struct processes *ret[GENERATIONS]);
void supervisor_arm(struct event *timer, int64_t ms);
/* Whatever can be done now that something has changed: the next step of an end, a reload or upgrade
 * that was wanted meanwhile. */
void supervisor_go_on(struct supervisor *supervisor);
/* `edition` NULL: of the program before. */
struct processes_options supervisor_options_for(
    struct supervisor *supervisor, struct edition *edition, unsigned generation);
struct redisd_options supervisor_redisd_options(
    struct supervisor *supervisor, const struct settings *settings);

/* ---- supervisor_reload.c ---- */

/* The configuration as it is on the disk now, what is wrong with it in the log. NULL: it cannot
 * serve. */
struct edition *supervisor_read_edition(const struct supervisor *supervisor);

/* Starts supervisor->next; who serves goes on until those are ready. */
void supervisor_reload(struct supervisor *supervisor);
/* They are: the others make way. */
void supervisor_succeed(struct supervisor *supervisor);
/* They will not be. */
void supervisor_give_up(struct supervisor *supervisor, const char *why);

/* Asks the program on the disk whether it would take over; supervisor_checked() when it has ended.
 */
void supervisor_upgrade(struct supervisor *supervisor);
/* Does not come back where that program takes over. */
void supervisor_checked(struct supervisor *supervisor, int status);
/* In the program that does. 0, -EINVAL, -ENOMEM. */
int supervisor_take_over(struct supervisor *supervisor, const json_t *handover);
/* SIG_BLOCK or SIG_UNBLOCK: all that the supervisor listens to. */
void supervisor_block_signals(int how);

#endif
