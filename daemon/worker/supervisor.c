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

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>

#include <event2/event.h>

#include "base/log.h"
#include "config/round.h"
#include "worker/edition.h"
#include "worker/handover.h"
#include "worker/holdings.h"
#include "worker/processes.h"
#include "worker/redisd.h"

#define KILL_AFTER_MS 2000  /* beyond the workers' own drain time */
#define LATE_AFTER_MS 30000 /* new processes that are not ready by then, or a check that hangs */
#define AGAIN_MS      2000  /* between attempts, where somebody is missing */

#define SIGNALS 5

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

static const int signals[SIGNALS] = {SIGTERM, SIGINT, SIGCHLD, SIGHUP, SIGUSR2};

static void stop(struct supervisor *supervisor, int status);
static void go_on(struct supervisor *supervisor);

/* ---- all generations ---- */

#define GENERATIONS 3

static void list_generations(
    const struct supervisor *supervisor, struct processes *ret[GENERATIONS])
{
	ret[0] = supervisor->current;
	ret[1] = supervisor->next;
	ret[2] = supervisor->previous;
}

static void arm(struct event *timer, int64_t ms)
{
	struct timeval after = {ms / 1000, (ms % 1000) * 1000};
	event_add(timer, &after);
}

/* One at a time: two would write the same files. */
static void begin_sealing(struct supervisor *supervisor)
{
	struct processes *all[GENERATIONS];
	list_generations(supervisor, all);
	for (size_t i = 0; i < GENERATIONS; i++)
		if (all[i] && all[i] != supervisor->current && all[i]->sealer_begun &&
		    all[i]->sealer.pid)
			return;
	processes_begin_sealing(supervisor->current);
}

/* ---- a reload ---- */

static bool is_busy(const struct supervisor *supervisor)
{
	return !supervisor->announced || supervisor->next || supervisor->previous ||
	       supervisor->checker;
}

/* Those who were replaced, or given up. */
static void retire_previous(struct supervisor *supervisor)
{
	struct processes *processes = supervisor->previous;
	arm(supervisor->on_kill, processes->drain_ms + KILL_AFTER_MS);
	processes_end_workers(processes, true);
	go_on(supervisor);
}

/* Of another program's processes one is missing, and only a reload brings somebody in its place. */
static void try_again_later(struct supervisor *supervisor)
{
	const struct processes *current = supervisor->current;
	if (!current->options.edition && current->somebody_died)
		arm(supervisor->on_late, AGAIN_MS);
}

static void give_up(struct supervisor *supervisor, const char *why)
{
	log_error("reload: %s; everything goes on as before", why);
	event_del(supervisor->on_late);
	supervisor->previous = supervisor->next;
	supervisor->next = NULL;
	try_again_later(supervisor);
	retire_previous(supervisor);
}

static void succeed(struct supervisor *supervisor)
{
	supervisor->previous = supervisor->current;
	event_del(supervisor->on_late);
	supervisor->current = supervisor->next;
	supervisor->next = NULL;
	child_end(&supervisor->previous->sealer, supervisor->previous->sealer.end_signal);
	log_set_level(supervisor->current->options.edition->settings.log_level);
	log_info("tallyd %s serves with the configuration read anew", TALLYD_VERSION);
	retire_previous(supervisor);
}

/* Each line of what was found, as a line of the log. */
static void log_lines(char *lines)
{
	char *rest = lines, *line;
	while ((line = strsep(&rest, "\n")))
		if (*line)
			log_error("%s", line);
}

static struct edition *read_edition(const struct supervisor *supervisor)
{
	struct edition *edition = NULL;
	char *lines = NULL;
	size_t size;
	FILE *out = open_memstream(&lines, &size);
	int status = out ? edition_load(supervisor->config, out, &edition) : EX_OSERR;
	if (out)
		(void)fclose(out);
	if (lines)
		log_lines(lines);
	free(lines);
	if (status == EX_OK && holdings_keep(&supervisor->holdings, &edition->settings) == 0)
		return edition;
	edition_free(edition);
	return NULL;
}

static void on_report(void *arg, struct processes *processes, const char *why);
static void leave(void *arg, struct processes *processes, size_t slot);

static struct processes_options options_for(
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

static void reload(struct supervisor *supervisor)
{
	struct edition *edition = read_edition(supervisor);
	struct processes_options options;
	supervisor->reload_wanted = false;
	if (!edition) {
		log_error("reload: the configuration has errors; everything goes on as before");
		try_again_later(supervisor);
		return;
	}
	options = options_for(supervisor, edition, supervisor->current->options.generation + 1);
	supervisor->next = processes_new(&options);
	if (!supervisor->next) {
		log_error("reload: %s; everything goes on as before", strerror(errno));
		edition_free(edition);
		return;
	}
	log_info("reload: new processes start");
	arm(supervisor->on_late, LATE_AFTER_MS);
	processes_start(supervisor->next);
}

/* ---- an upgrade ---- */

/* NULL: not at the moment. */
static json_t *describe(const struct supervisor *supervisor)
{
	json_t *redisd = supervisor->redisd ? redisd_describe(supervisor->redisd) : json_null();
	if (!redisd)
		return NULL;
	return json_pack("{s:o, s:o, s:o}", "holdings", holdings_describe(&supervisor->holdings),
	    "redisd", redisd, "processes", processes_describe(supervisor->current));
}

static void pass_on(const struct supervisor *supervisor, bool over_exec)
{
	holdings_pass_on(&supervisor->holdings, over_exec);
	if (supervisor->redisd)
		redisd_pass_on(supervisor->redisd, over_exec);
}

static void pass_on_to_check(void *arg)
{
	pass_on(arg, true);
}

static void refuse_upgrade(const char *why)
{
	log_error("upgrade: %s; everything goes on as before", why);
}

static void upgrade(struct supervisor *supervisor)
{
	json_t *handover = describe(supervisor);
	pid_t pid;
	supervisor->upgrade_wanted = false;
	if (!handover) {
		refuse_upgrade("redis is not up");
		return;
	}
	pid = handover_check(supervisor->argv, handover, pass_on_to_check, supervisor);
	if (pid > 0) {
		supervisor->checker = pid;
		arm(supervisor->on_late, LATE_AFTER_MS);
	} else {
		refuse_upgrade(strerror((int)-pid));
	}
	json_decref(handover);
}

/* From here on until the next program has a loop of its own, signals wait. */
static void block_signals(int how)
{
	sigset_t all;
	sigemptyset(&all);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaddset(&all, signals[i]);
	sigprocmask(how, &all, NULL);
}

static void make_way(struct supervisor *supervisor)
{
	json_t *handover = describe(supervisor);
	if (!handover) {
		refuse_upgrade("redis is not up");
		return;
	}
	log_info("upgrade: %s takes over", supervisor->argv[0]);
	block_signals(SIG_BLOCK);
	pass_on(supervisor, true);
	int r = handover_exec(supervisor->argv, handover);
	pass_on(supervisor, false);
	block_signals(SIG_UNBLOCK);
	refuse_upgrade(strerror(-r));
	json_decref(handover);
}

static void on_checked(struct supervisor *supervisor, int status)
{
	supervisor->checker = 0;
	event_del(supervisor->on_late);
	if (supervisor->stopping)
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) == HANDOVER_YES)
		make_way(supervisor);
	else
		refuse_upgrade("the program on the disk would not take over");
	try_again_later(supervisor);
}

/* ---- deaths ---- */

static void want_reload(struct supervisor *supervisor)
{
	supervisor->reload_wanted = true;
	go_on(supervisor);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct supervisor *supervisor = arg;
	if (supervisor->checker)
		kill(supervisor->checker, SIGKILL);
	else if (supervisor->next)
		give_up(supervisor, "the new processes are not ready within 30 s");
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
		give_up(supervisor, "a new process ended before it was ready");
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
	list_generations(supervisor, all);
	for (size_t i = 0; i < GENERATIONS; i++)
		if (all[i] && (supervisor->stopping || all[i] == supervisor->previous))
			processes_kill(all[i]);
}

/* One step further down whenever something has ended. */
static void go_on_stopping(struct supervisor *supervisor)
{
	struct processes *all[GENERATIONS];
	bool others_run = false;
	list_generations(supervisor, all);
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

/* Likewise for those who make way, and then for what was wanted meanwhile. */
static void go_on(struct supervisor *supervisor)
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
		upgrade(supervisor);
	else if (supervisor->reload_wanted)
		reload(supervisor);
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
	list_generations(supervisor, all);
	for (size_t i = 0; i < GENERATIONS; i++) {
		if (!all[i])
			continue;
		processes_end_workers(all[i], false);
		if (all[i]->drain_ms > drain_ms)
			drain_ms = all[i]->drain_ms;
	}
	arm(supervisor->on_kill, drain_ms + KILL_AFTER_MS);
	go_on(supervisor);
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
		on_checked(supervisor, status);
		return;
	}
	list_generations(supervisor, all);
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
		go_on(supervisor);
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
		go_on(supervisor);
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
	go_on(supervisor);
}

static void on_report(void *arg, struct processes *processes, const char *why)
{
	struct supervisor *supervisor = arg;
	bool ready = processes_are_ready(processes);
	if (supervisor->stopping)
		return;
	if (processes == supervisor->next) {
		if (why)
			give_up(supervisor, why);
		else if (ready)
			succeed(supervisor);
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

static struct redisd_options redisd_options(
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

static int begin(struct supervisor *supervisor)
{
	struct edition *edition;
	int status = edition_load(supervisor->config, stderr, &edition);
	if (status != EX_OK)
		return status;
	log_set_level(edition->settings.log_level);
	status = holdings_open(&supervisor->holdings, &edition->settings);
	struct processes_options options = options_for(supervisor, edition, 0);
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
	struct redisd_options redis = redisd_options(supervisor, &edition->settings);
	supervisor->redisd = redisd_new(supervisor->base, &redis);
	return supervisor->redisd ? EX_OK : EX_OSERR;
}

/* ---- after the program before ---- */

static int take_redis(struct supervisor *supervisor, const json_t *described)
{
	struct settings settings = {0};
	if (json_is_null(described))
		return 0;
	if (holdings_settings(&supervisor->holdings, &settings) != 0)
		return -ENOMEM;
	struct redisd_options options = redisd_options(supervisor, &settings);
	supervisor->redisd = redisd_take(supervisor->base, &options, described);
	settings_release(&settings);
	return supervisor->redisd ? 0 : -EINVAL;
}

static int take_over(struct supervisor *supervisor, const json_t *handover)
{
	struct processes_options options = options_for(supervisor, NULL, 0);
	int r = holdings_take(&supervisor->holdings, json_object_get(handover, "holdings"));
	if (r == 0)
		r = take_redis(supervisor, json_object_get(handover, "redisd"));
	if (r < 0)
		return r;
	supervisor->current = processes_take(&options, json_object_get(handover, "processes"));
	return supervisor->current ? 0 : -EINVAL;
}

/* ---- life ---- */

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
	list_generations(supervisor, all);
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
		    evsignal_new(supervisor->base, signals[i], on_signal, supervisor);
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
	if (take_over(supervisor, handover) != 0) {
		log_error("what the program before has left cannot be taken over");
		return EX_SOFTWARE;
	}
	supervisor->children_started = supervisor->announced = true;
	block_signals(SIG_UNBLOCK);
	supervisor->reload_wanted = true;
	reap(supervisor); /* who ended before there was a handler */
	go_on(supervisor);
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
	if (status == EX_OK && take_over(&supervisor, handover) != 0)
		status = EX_USAGE;
	if (status == EX_OK && !(edition = read_edition(&supervisor)))
		status = EX_CONFIG;
	edition_free(edition);
	json_decref(handover);
	release(&supervisor);
	return status == EX_OK ? HANDOVER_YES : status;
}
