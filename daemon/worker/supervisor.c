/* When processes start, are started again, and end; which there are is worker/processes.
 *
 *   start:  sockets -> Redis is up -> signer, sealer -> workers -> all have reported -> "ready";
 *           who ends before that, ends the start
 *   end:    workers drain -> signer, sealer -> Redis -> the loop is left */
#include "worker/supervisor.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <sysexits.h>

#include <event2/event.h>

#include "base/log.h"
#include "config/round.h"
#include "config/settings.h"
#include "worker/processes.h"
#include "worker/redisd.h"

#define KILL_AFTER_MS 2000 /* beyond the workers' own drain time */

struct supervisor {
	const struct supervisor_options *options;
	struct event_base *base;
	struct event *on_signal[4];
	struct event *on_kill;
	struct redisd *redisd; /* NULL: Redis is somebody else's */
	struct processes processes;
	bool children_started, announced, stopping;
	int status; /* to exit with */
};

static const int signals[4] = {SIGTERM, SIGINT, SIGCHLD, SIGHUP};

static void stop(struct supervisor *supervisor, int status);

/* ---- deaths ---- */

static void on_child_died(struct supervisor *supervisor, struct child *child, int status)
{
	child->pid = 0;
	if (supervisor->stopping)
		return;
	if (!supervisor->announced && WIFEXITED(status) && WEXITSTATUS(status) != EX_OK)
		stop(supervisor, WEXITSTATUS(status)); /* it has said why; a retry will not help */
	else
		child_start_again(child, status);
}

/* ---- the end ---- */

/* One step further down whenever something has ended. */
static void go_on_stopping(struct supervisor *supervisor)
{
	if (processes_workers_run(&supervisor->processes))
		return;
	/* The sealer after the workers, so that it finds all ballots. */
	if (processes_end_others(&supervisor->processes))
		return;
	if (supervisor->redisd)
		redisd_stop(supervisor->redisd); /* then on_redis_stopped() */
	else
		event_base_loopbreak(supervisor->base);
}

static void on_redis_stopped(void *arg)
{
	struct supervisor *supervisor = arg;
	event_base_loopbreak(supervisor->base);
}

static void on_kill(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct supervisor *supervisor = arg;
	processes_kill(&supervisor->processes);
}

static void stop(struct supervisor *supervisor, int status)
{
	if (supervisor->stopping)
		return;
	supervisor->stopping = true;
	supervisor->status = status;
	log_info("stopping");
	processes_end_workers(&supervisor->processes);
	int64_t patience_ms = supervisor->options->settings->limits.drain_ms + KILL_AFTER_MS;
	struct timeval patience = {patience_ms / 1000, (patience_ms % 1000) * 1000};
	event_add(supervisor->on_kill, &patience);
	go_on_stopping(supervisor);
}

/* ---- signals ---- */

static void reap(struct supervisor *supervisor)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (supervisor->redisd && redisd_reaped(supervisor->redisd, pid, status))
			continue;
		struct child *child = processes_find(&supervisor->processes, pid);
		if (child)
			on_child_died(supervisor, child, status);
		if (supervisor->stopping)
			go_on_stopping(supervisor);
	}
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	(void)what;
	struct supervisor *supervisor = arg;
	switch (number) {
	case SIGCHLD:
		reap(supervisor);
		break;
	case SIGHUP:
		log_warn("SIGHUP: the configuration is read at start only; restart to change it");
		break;
	default:
		stop(supervisor, EX_OK);
		break;
	}
}

/* ---- the start ---- */

static void announce(struct supervisor *supervisor)
{
	const struct supervisor_options *options = supervisor->options;
	const char *url = supervisor->processes.url;
	supervisor->announced = true;
	printf("ready %s\n", url);
	if (options->settings->pages && (options->settings->serves & SETTINGS_PAGES))
		printf(
		    "  vote       %svote/\n"
		    "  results    %sresults/\n"
		    "  receipts   %sverify/ checks what a voter has kept\n"
		    "  projector  %sprojector/\n"
		    "  English    %sen/\n",
		    url, url, url, url, url);
	if (options->settings->ballot_log.dir)
		for (size_t i = 0; i < options->n_rounds; i++)
			printf("  the log    %slog/%s/0/checkpoint, in %s/%s\n", url,
			    options->rounds[i]->contest->id, options->settings->ballot_log.dir,
			    options->rounds[i]->name);
	for (size_t i = 0; i < options->n_rounds; i++)
		if (options->rounds[i]->contest->rehearsal)
			printf(
			    "  %s is served as a rehearsal: open now, kept apart from the real "
			    "contest\n",
			    options->rounds[i]->contest->id);
	printf("  Ctrl-C ends it\n");
	fflush(stdout);
}

static void on_report(void *arg, const char *why)
{
	struct supervisor *supervisor = arg;
	if (supervisor->announced || supervisor->stopping)
		return;
	if (why) {
		log_error("%s", why);
		stop(supervisor, EX_CONFIG);
	} else if (processes_are_ready(&supervisor->processes)) {
		announce(supervisor);
	}
}

static void start_children(struct supervisor *supervisor)
{
	supervisor->children_started = true;
	processes_start(&supervisor->processes);
}

static void on_redis_up(void *arg)
{
	struct supervisor *supervisor = arg;
	if (!supervisor->children_started && !supervisor->stopping)
		start_children(supervisor);
}

static void on_redis_failed(void *arg, const char *why)
{
	struct supervisor *supervisor = arg;
	log_error("%s", why);
	stop(supervisor, EX_UNAVAILABLE);
}

/* ---- life ---- */

/* What a child must not keep of its parent: the loop and its events. */
static void release_parent(void *arg)
{
	struct supervisor *supervisor = arg;
	for (size_t i = 0; i < 4; i++)
		if (supervisor->on_signal[i])
			event_free(supervisor->on_signal[i]);
	processes_leave(&supervisor->processes);
	if (supervisor->on_kill)
		event_free(supervisor->on_kill);
	redisd_free(supervisor->redisd);
	event_base_free(supervisor->base);
}

static int prepare(struct supervisor *supervisor)
{
	supervisor->base = event_base_new();
	if (!supervisor->base ||
	    !(supervisor->on_kill = evtimer_new(supervisor->base, on_kill, supervisor)))
		return EX_OSERR;
	for (size_t i = 0; i < 4; i++) {
		supervisor->on_signal[i] =
		    evsignal_new(supervisor->base, signals[i], on_signal, supervisor);
		if (!supervisor->on_signal[i] || event_add(supervisor->on_signal[i], NULL) != 0)
			return EX_OSERR;
	}
	supervisor->processes = (struct processes){
	    .options = supervisor->options,
	    .base = supervisor->base,
	    .on_report = on_report,
	    .leave = release_parent,
	    .arg = supervisor,
	};
	return processes_init(&supervisor->processes);
}

int supervisor_run(const struct supervisor_options *options)
{
	struct supervisor supervisor = {.options = options};
	const struct settings *settings = options->settings;
	int status = prepare(&supervisor);
	if (status == EX_OK && settings->redis.server.enabled) {
		supervisor.redisd =
		    redisd_new(supervisor.base, &(struct redisd_options){
						    .binary = settings->redis.server.binary,
						    .config = settings->redis.server.config,
						    .dir = settings->redis.server.dir,
						    .on_up = on_redis_up,
						    .on_failed = on_redis_failed,
						    .on_stopped = on_redis_stopped,
						    .arg = &supervisor,
						});
		if (!supervisor.redisd)
			status = EX_OSERR;
	} else if (status == EX_OK) {
		start_children(&supervisor);
	}
	if (status == EX_OK) {
		event_base_dispatch(supervisor.base);
		status = supervisor.status;
		log_info("stopped");
	}
	release_parent(&supervisor);
	processes_release(&supervisor.processes);
	return status;
}
