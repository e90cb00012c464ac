/* What the supervisor holds for all its processes, whatever their edition of the configuration: the
 * listening sockets, memory that all of them share, and the settings that cannot change while it
 * runs. It survives the supervisor's program: another one takes it over by descriptor. */
#ifndef TALLYD_WORKER_HOLDINGS_H
#define TALLYD_WORKER_HOLDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/slice.h"
#include "worker/listen.h"

struct settings;

#define WORKERS_MAX 256

struct holdings {
	size_t n_slots;              /* places for workers, as the settings had it at the start */
	int listen_fds[WORKERS_MAX]; /* one a slot, for ever */
	int admin_fd;                /* -1: none */
	char url[LISTEN_URL_MAX];    /* where workers listen */
	int shared_fd;               /* a memfd; the rest points into it */
	struct slice host_secret;    /* of turns and rates */
	struct marks *marks;         /* of what was acknowledged, likewise */
	struct rate_table *rates;    /* likewise */
	struct stats *stats;         /* of all workers, two for each slot (api/app.h) */
	int64_t *full_told_ms;       /* for server_options */
	json_t *kept;                /* the settings that stay, by name */
};

/* Opens the sockets and makes the memory. 0, or the exit status, told in the log.
 * holdings_release() is right after either. */
__attribute__((warn_unused_result)) int holdings_open(
    struct holdings *holdings, const struct settings *settings);
void holdings_release(struct holdings *holdings);

/* Puts back into newly read settings what cannot change any more, and tells each by name. -ENOMEM
 * or 0. */
__attribute__((warn_unused_result)) int holdings_keep(
    const struct holdings *holdings, struct settings *settings);

/* The same without a word, into settings that are otherwise empty. */
__attribute__((warn_unused_result)) int holdings_settings(
    const struct holdings *holdings, struct settings *settings);

/* Nobody new gets in by the listening sockets (listen_shut()). */
void holdings_shut(const struct holdings *holdings);
/* In a new process: closes all sockets but those of `slot`; SIZE_MAX: of all. */
void holdings_leave(const struct holdings *holdings, size_t slot);

/* ---- from one program to the next ---- */

/* As JSON, with descriptors by number. NULL: memory. */
json_t *holdings_describe(const struct holdings *holdings);
/* Whether descriptors stay open over exec(). */
void holdings_pass_on(const struct holdings *holdings, bool over_exec);
/* Takes over what another program described. Counters and allowances begin anew where that program
 * had them in another form. 0 or -errno: -EINVAL for what no program of ours describes so. */
__attribute__((warn_unused_result)) int holdings_take(
    struct holdings *holdings, const json_t *described);

#endif
