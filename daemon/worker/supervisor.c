/* When processes start, are started again, make way for others, and end; which there are is
 * worker/processes.
 *
 *   start:    sockets -> Redis is up -> signer, sealer -> workers -> all have reported -> "ready";
 *             who ends before that, ends the start
 *   reload:   the new edition is checked -> the new signer, sealer and workers start -> all have
 *             reported, and the workers accept -> the old sealer ends, and the new one begins,
 *             since two would write the same files; the old workers drain -> the old signer ends.
 *             What goes wrong before the old ones are told to end ends the new ones
 *   upgrade:  the program on the disk says that it would take over -> exec(), in this process ->
 *             a reload, where the old processes are those of the program before, and cannot be
 *             started again
 *   end:      nobody new gets in -> workers drain -> signer, sealer -> Redis -> the loop is left
 */
#include "worker/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "base/log.h"
#include "config/round.h"
#include "worker/handover.h"
#include "worker/supervisor_impl.h"

const int supervisor_signals[SIGNALS] = {SIGTERM, SIGINT, SIGCHLD, SIGHUP, SIGUSR2};

static void stop(struct supervisor *supervisor, int status);

/* ---- all generations ---- */

void supervisor_generations(const struct supervisor *supervisor, struct processes *ret[GENERATIONS])
{
	ret[0] = supervisor->current;
	ret[1] = supervisor->next;
	ret[2] = supervisor->previous;
}

void supervisor_arm(struct event *timer, int64_t ms)
{
	struct timeval after = {ms / 1000, (ms % 1000) * 1000};
	event_add(timer, &after);
}

/* One at a time: two would write the same files. */
static void begin_sealing(struct supervisor *supervisor)
{
	struct processes *all[GENERATIONS];
	supervisor_generations(supervisor, all);
	for (size_t i = 0; i < GENERATIONS; i++)
		if (all[i] && all[i] != supervisor->current && all[i]->sealer_begun &&
		    all[i]->sealer.pid)
			return;
	processes_begin_sealing(supervisor->current);
}

/* ---- deaths ---- */

static void want_reload(struct supervisor *supervisor)
{
	supervisor->reload_wanted = true;
	supervisor_go_on(supervisor);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct supervisor *supervisor = arg;
	if (supervisor->checker)
		kill(supervisor->checker, SIGKILL);
	else if (supervisor->next)
		supervisor_give_up(supervisor, "the new processes are not ready within 30 s");
	else
		want_reload(supervisor);
}

static void on_child_died(
    struct supervisor *supervisor, struct processes *processes, struct child *child, int status)
{
	bool refuses = !supervisor->announced && WIFEXITED(status) && WEXITSTATUS(status) != EX_OK;
	processes_died(processes, child);
	if (supervisor->stopping || child->ending)
		return;
	if (refuses) {
		stop(supervisor, WEXITSTATUS(status)); /* it has said why; a retry will not help */
	} else if (processes == supervisor->next && !child->ready) {
		supervisor_give_up(supervisor, "a new process ended before it was ready");
	} else if (processes->options.edition) {
		child_start_again(child, status);
	} else { /* the program that could start it again is gone: this one's are to follow */
		log_error("%s of the program before has ended", child->name);
		supervisor->reload_wanted |= !supervisor->next;
	}
}

/* ---- the end ---- */

static void on_kill(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct supervisor *supervisor = arg;
	struct processes *all[GENERATIONS];
	supervisor_generations(supervisor, all);
	for (size_t i = 0; i < GENERATIONS; i++)
		if (all[i] && (supervisor->stopping || all[i] == supervisor->previous))
			processes_kill(all[i]);
}

/* One step further down whenever something has ended. */
static void go_on_stopping(struct supervisor *supervisor)
{
	struct processes *all[GENERATIONS];
	bool others_run = false;
	supervisor_generations(supervisor, all);
	for (size_t i = 0; i < GENERATIONS; i++)
		if (all[i] && processes_workers_run(all[i]))
			return;
	/* The sealer after the workers, so that it finds all ballots. */
	for (size_t i = 0; i < GENERATIONS; i++)
		others_run |= all[i] && processes_end_others(all[i]);
	if (others_run)
		return;
	if (supervisor->redisd)
		redisd_stop(supervisor->redisd); /* then on_redis_stopped() */
	else
		event_base_loopbreak(supervisor->base);
}

static bool is_busy(const struct supervisor *supervisor)
{
	return !supervisor->announced || supervisor->next || supervisor->previous ||
	       supervisor->checker;
}

/* Likewise for those who make way, and then for what was wanted meanwhile. */
void supervisor_go_on(struct supervisor *supervisor)
{
	struct processes *previous = supervisor->previous;
	if (supervisor->stopping) {
		go_on_stopping(supervisor);
		return;
	}
	if (previous && !processes_workers_run(previous) && !processes_end_others(previous)) {
		event_del(supervisor->on_kill);
		supervisor->previous = NULL;
		processes_free(previous);
	}
	begin_sealing(supervisor);
	if (is_busy(supervisor))
		return;
	if (supervisor->upgrade_wanted)
		supervisor_upgrade(supervisor);
	else if (supervisor->reload_wanted)
		supervisor_reload(supervisor);
}

static void stop(struct supervisor *supervisor, int status)
{
	struct processes *all[GENERATIONS];
	int64_t drain_ms = 0;
	if (supervisor->stopping)
		return;
	supervisor->stopping = true;
	supervisor->status = status;
	log_info("stopping");
	holdings_shut(&supervisor->holdings);
	supervisor_generations(supervisor, all);
	for (size_t i = 0; i < GENERATIONS; i++) {
		if (!all[i])
			continue;
		processes_end_workers(all[i], false);
		if (all[i]->drain_ms > drain_ms)
			drain_ms = all[i]->drain_ms;
	}
	supervisor_arm(supervisor->on_kill, drain_ms + SUPERVISOR_KILL_AFTER_MS);
	supervisor_go_on(supervisor);
}

static void on_redis_stopped(void *arg)
{
	struct supervisor *supervisor = arg;
	event_base_loopbreak(supervisor->base);
}

/* ---- signals ---- */

static void on_reaped(struct supervisor *supervisor, pid_t pid, int status)
{
	struct processes *all[GENERATIONS];
	struct child *child = NULL;
	if (supervisor->redisd && redisd_reaped(supervisor->redisd, pid, status))
		return;
	if (pid == supervisor->checker) {
		supervisor_checked(supervisor, status);
		return;
	}
	supervisor_generations(supervisor, all);
	for (size_t i = 0; i < GENERATIONS && !child; i++)
		if (all[i] && (child = processes_find(all[i], pid)))
			on_child_died(supervisor, all[i], child, status);
}

static void reap(struct supervisor *supervisor)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		on_reaped(supervisor, pid, status);
		supervisor_go_on(supervisor);
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
		want_reload(supervisor);
		break;
	case SIGUSR2:
		supervisor->upgrade_wanted = true;
		supervisor_go_on(supervisor);
		break;
	default:
		stop(supervisor, EX_OK);
		break;
	}
}

/* ---- the start ---- */

static void announce(struct supervisor *supervisor)
{
	const struct edition *edition = supervisor->current->options.edition;
	const struct settings *settings = &edition->settings;
	const char *url = supervisor->holdings.url;
	supervisor->announced = true;
	printf("ready %s\n", url);
	if (settings->pages && (settings->serves & SETTINGS_PAGES))
		printf(
		    "  vote       %svote/\n"
		    "  results    %sresults/\n"
		    "  receipts   %sverify/ checks what a voter has kept\n"
		    "  projector  %sprojector/\n"
		    "  English    %sen/\n",
		    url, url, url, url, url);
	if (settings->ballot_log.dir)
		for (size_t i = 0; i < edition->n_rounds; i++)
			printf("  the log    %slog/%s/0/checkpoint, in %s/%s\n", url,
			    edition->rounds[i]->contest->id, settings->ballot_log.dir,
			    edition->rounds[i]->name);
	for (size_t i = 0; i < edition->n_rounds; i++)
		if (edition->rounds[i]->contest->rehearsal)
			printf(
			    "  %s is served as a rehearsal: open now, kept apart from the real "
			    "contest\n",
			    edition->rounds[i]->contest->id);
	printf("  Ctrl-C ends it\n");
	fflush(stdout);
	supervisor_go_on(supervisor);
}

static void on_report(void *arg, struct processes *processes, const char *why)
{
	struct supervisor *supervisor = arg;
	bool ready = processes_are_ready(processes);
	if (supervisor->stopping)
		return;
	if (processes == supervisor->next) {
		if (why)
			supervisor_give_up(supervisor, why);
		else if (ready)
			supervisor_succeed(supervisor);
	} else if (!supervisor->announced && why) {
		log_error("%s", why);
		stop(supervisor, EX_CONFIG);
	} else if (!supervisor->announced && ready) {
		announce(supervisor);
	}
}

static void on_redis_up(void *arg)
{
	struct supervisor *supervisor = arg;
	if (supervisor->children_started || supervisor->stopping)
		return;
	supervisor->children_started = true;
	processes_start(supervisor->current);
	begin_sealing(supervisor);
}

static void on_redis_failed(void *arg, const char *why)
{
	struct supervisor *supervisor = arg;
	log_error("%s", why);
	stop(supervisor, EX_UNAVAILABLE);
}

struct redisd_options supervisor_redisd_options(
    struct supervisor *supervisor, const struct settings *settings)
{
	return (struct redisd_options){
	    .binary = settings->redis.server.binary,
	    .config = settings->redis.server.config,
	    .dir = settings->redis.server.dir,
	    .on_up = on_redis_up,
	    .on_failed = on_redis_failed,
	    .on_stopped = on_redis_stopped,
	    .arg = supervisor,
	};
}

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

/* What a child must not keep of its parent: the loop, its events, and what is not its own. */
static void leave(void *arg, struct processes *processes, size_t slot)
{
	struct supervisor *supervisor = arg;
	struct processes *all[GENERATIONS];
	supervisor_generations(supervisor, all);
	for (size_t i = 0; i < GENERATIONS; i++)
		if (all[i] && all[i] != processes)
			processes_leave(all[i], NULL);
	for (size_t i = 0; i < SIGNALS; i++)
		free_event(supervisor->on_signal[i]);
	free_event(supervisor->on_kill);
	free_event(supervisor->on_late);
	redisd_free(supervisor->redisd);
	holdings_leave(&supervisor->holdings, slot);
	event_base_free(supervisor->base);
}

struct processes_options supervisor_options_for(
    struct supervisor *supervisor, struct edition *edition, unsigned generation)
{
	return (struct processes_options){
	    .holdings = &supervisor->holdings,
	    .edition = edition,
	    .generation = generation,
	    .successor = generation > 0,
	    .base = supervisor->base,
	    .on_report = on_report,
	    .leave = leave,
	    .arg = supervisor,
	};
}

static int begin(struct supervisor *supervisor)
{
	struct edition *edition;
	int status = edition_load(supervisor->config, stderr, &edition);
	if (status != EX_OK)
		return status;
	log_set_level(edition->settings.log_level);
	status = holdings_open(&supervisor->holdings, &edition->settings);
	struct processes_options options = supervisor_options_for(supervisor, edition, 0);
	if (status == EX_OK && !(supervisor->current = processes_new(&options)))
		status = EX_OSERR;
	if (status != EX_OK) {
		edition_free(edition);
		return status;
	}
	if (!edition->settings.redis.server.enabled) {
		on_redis_up(supervisor);
		return EX_OK;
	}
	struct redisd_options redis = supervisor_redisd_options(supervisor, &edition->settings);
	supervisor->redisd = redisd_new(supervisor->base, &redis);
	return supervisor->redisd ? EX_OK : EX_OSERR;
}

/* ---- life ---- */

static void release(struct supervisor *supervisor)
{
	processes_free(supervisor->current);
	processes_free(supervisor->next);
	processes_free(supervisor->previous);
	for (size_t i = 0; i < SIGNALS; i++)
		free_event(supervisor->on_signal[i]);
	free_event(supervisor->on_kill);
	free_event(supervisor->on_late);
	redisd_free(supervisor->redisd);
	holdings_release(&supervisor->holdings);
	if (supervisor->base)
		event_base_free(supervisor->base);
}

static int prepare(struct supervisor *supervisor)
{
	supervisor->base = event_base_new();
	if (!supervisor->base ||
	    !(supervisor->on_kill = evtimer_new(supervisor->base, on_kill, supervisor)) ||
	    !(supervisor->on_late = evtimer_new(supervisor->base, on_late, supervisor)))
		return EX_OSERR;
	for (size_t i = 0; i < SIGNALS; i++) {
		supervisor->on_signal[i] =
		    evsignal_new(supervisor->base, supervisor_signals[i], on_signal, supervisor);
		if (!supervisor->on_signal[i] || event_add(supervisor->on_signal[i], NULL) != 0)
			return EX_OSERR;
	}
	return EX_OK;
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* As begin(), with what there is. From here on nothing that goes wrong may end what serves. */
static int begin_after(struct supervisor *supervisor, const json_t *handover)
{
	if (supervisor_take_over(supervisor, handover) != 0) {
		log_error("what the program before has left cannot be taken over");
		return EX_SOFTWARE;
	}
	supervisor->children_started = supervisor->announced = true;
	supervisor_block_signals(SIG_UNBLOCK);
	supervisor->reload_wanted = true;
	reap(supervisor); /* who ended before there was a handler */
	supervisor_go_on(supervisor);
	return EX_OK;
}

int supervisor_run(const char *config, char **argv)
{
	struct supervisor supervisor = {.config = config, .argv = argv};
	int error;
	json_t *handover = handover_take(&error);
	int status = error == 0 ? prepare(&supervisor) : EX_USAGE;
	raise_descriptor_limit();
	if (status == EX_OK)
		status = handover ? begin_after(&supervisor, handover) : begin(&supervisor);
	json_decref(handover);
	if (status == EX_OK) {
		event_base_dispatch(supervisor.base);
		status = supervisor.status;
		log_info("stopped");
	}
	release(&supervisor);
	return status;
}

int supervisor_check(const char *config)
{
	struct supervisor supervisor = {.config = config};
	struct edition *edition = NULL;
	int error;
	json_t *handover = handover_take(&error);
	int status = error == 0 && handover ? prepare(&supervisor) : EX_USAGE;
	if (status == EX_OK && supervisor_take_over(&supervisor, handover) != 0)
		status = EX_USAGE;
	if (status == EX_OK && !(edition = supervisor_read_edition(&supervisor)))
		status = EX_CONFIG;
	edition_free(edition);
	json_decref(handover);
	release(&supervisor);
	return status == EX_OK ? HANDOVER_YES : status;
}
