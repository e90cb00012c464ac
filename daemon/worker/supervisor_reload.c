/* Others take over: new processes with the configuration as it is now, or another program. */
#include "worker/supervisor_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "base/log.h"
#include "worker/handover.h"

#define LATE_AFTER_MS 30000 /* new processes that are not ready by then, or a check that hangs */
#define AGAIN_MS      2000  /* between attempts, where somebody is missing */

/* ---- a reload ---- */

/* Those who were replaced, or given up. */
static void retire_previous(struct supervisor *supervisor)
{
	struct processes *processes = supervisor->previous;
	supervisor_arm(supervisor->on_kill, processes->drain_ms + SUPERVISOR_KILL_AFTER_MS);
	processes_end_workers(processes, true);
	supervisor_go_on(supervisor);
}

/* Of another program's processes one is missing, and only a reload brings somebody in its place. */
static void try_again_later(struct supervisor *supervisor)
{
	const struct processes *current = supervisor->current;
	if (!current->options.edition && current->somebody_died)
		supervisor_arm(supervisor->on_late, AGAIN_MS);
}

void supervisor_give_up(struct supervisor *supervisor, const char *why)
{
	log_error("reload: %s; everything goes on as before", why);
	event_del(supervisor->on_late);
	supervisor->previous = supervisor->next;
	supervisor->next = NULL;
	try_again_later(supervisor);
	retire_previous(supervisor);
}

void supervisor_succeed(struct supervisor *supervisor)
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

struct edition *supervisor_read_edition(const struct supervisor *supervisor)
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

void supervisor_reload(struct supervisor *supervisor)
{
	struct edition *edition = supervisor_read_edition(supervisor);
	struct processes_options options;
	supervisor->reload_wanted = false;
	if (!edition) {
		log_error("reload: the configuration has errors; everything goes on as before");
		try_again_later(supervisor);
		return;
	}
	options = supervisor_options_for(
	    supervisor, edition, supervisor->current->options.generation + 1);
	supervisor->next = processes_new(&options);
	if (!supervisor->next) {
		log_error("reload: %s; everything goes on as before", strerror(errno));
		edition_free(edition);
		return;
	}
	log_info("reload: new processes start");
	supervisor_arm(supervisor->on_late, LATE_AFTER_MS);
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

void supervisor_upgrade(struct supervisor *supervisor)
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
		supervisor_arm(supervisor->on_late, LATE_AFTER_MS);
	} else {
		refuse_upgrade(strerror((int)-pid));
	}
	json_decref(handover);
}

/* From here on until the next program has a loop of its own, signals wait. */
void supervisor_block_signals(int how)
{
	sigset_t all;
	sigemptyset(&all);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaddset(&all, supervisor_signals[i]);
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
	supervisor_block_signals(SIG_BLOCK);
	pass_on(supervisor, true);
	int r = handover_exec(supervisor->argv, handover);
	pass_on(supervisor, false);
	supervisor_block_signals(SIG_UNBLOCK);
	refuse_upgrade(strerror(-r));
	json_decref(handover);
}

void supervisor_checked(struct supervisor *supervisor, int status)
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

/* ---- after the program before ---- */

static int take_redis(struct supervisor *supervisor, const json_t *described)
{
	struct settings settings = {0};
	if (json_is_null(described))
		return 0;
	if (holdings_settings(&supervisor->holdings, &settings) != 0)
		return -ENOMEM;
	struct redisd_options options = supervisor_redisd_options(supervisor, &settings);
	supervisor->redisd = redisd_take(supervisor->base, &options, described);
	settings_release(&settings);
	return supervisor->redisd ? 0 : -EINVAL;
}

int supervisor_take_over(struct supervisor *supervisor, const json_t *handover)
{
	struct processes_options options = supervisor_options_for(supervisor, NULL, 0);
	int r = holdings_take(&supervisor->holdings, json_object_get(handover, "holdings"));
	if (r == 0)
		r = take_redis(supervisor, json_object_get(handover, "redisd"));
	if (r < 0)
		return r;
	supervisor->current = processes_take(&options, json_object_get(handover, "processes"));
	return supervisor->current ? 0 : -EINVAL;
}
