/* Starts, watches, restarts, and ends processes.
 *
 *   start:  sockets -> Redis is up -> signer -> workers -> all have reported -> "ready";
 *           who ends before that, ends the start
 *   end:    workers drain -> signer -> Redis -> the loop is left */
#include "worker/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>

#include "api/app.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/assets.h"
#include "worker/listen.h"
#include "worker/redisd.h"
#include "worker/signer.h"
#include "worker/worker.h"

#define WORKERS_MAX      256
#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS  5000
#define LIVED_LONG_MS    10000
#define REPORT_MAX       512
#define RATE_SLOTS       65536
#define KILL_AFTER_MS    2000 /* beyond the workers' own drain time */

struct child {
	struct supervisor *supervisor;
	size_t slot; /* of a worker */
	bool is_signer;
	pid_t pid; /* 0: not running */
	int64_t started_ms;
	unsigned backoff_ms;
	struct event *restart;
};

struct slot { /* what a worker's successors inherit */
	struct child child;
	int listen_fd;
	int signer_fds[2]; /* worker's end, signer's end */
	int report_fds[2]; /* our end, worker's end */
	struct event *on_report;
	bool ready;
};

struct supervisor {
	const struct supervisor_options *options;
	struct event_base *base;
	struct event *on_signal[4];
	struct event *on_kill;
	struct redisd *redisd; /* NULL: Redis is somebody else's */
	struct assets *assets;
	struct rate_table *rates;
	struct stats *stats; /* shared by all workers */
	struct child signer;
	int signer_report_fds[2]; /* our end, signer's end */
	struct event *on_signer_report;
	bool signer_ready;
	struct slot *slots;
	size_t n_slots;
	int admin_fd, access_log_fd;
	char url[LISTEN_URL_MAX];
	bool children_started, announced, stopping;
	int status; /* to exit with */
};

static const int signals[4] = {SIGTERM, SIGINT, SIGCHLD, SIGHUP};

static void stop(struct supervisor *supervisor, int status);

/* ---- children ---- */

static void release_parent(struct supervisor *supervisor);

static void keep_only(struct supervisor *supervisor, const struct child *child)
{
	close(supervisor->signer_report_fds[0]);
	if (!child->is_signer)
		close(supervisor->signer_report_fds[1]);
	for (size_t i = 0; i < supervisor->n_slots; i++) {
		struct slot *slot = &supervisor->slots[i];
		close(slot->report_fds[0]);
		close(slot->signer_fds[child->is_signer ? 0 : 1]);
		if (!child->is_signer && i == child->slot)
			continue;
		close(slot->listen_fd);
		close(slot->report_fds[1]);
		if (!child->is_signer)
			close(slot->signer_fds[0]);
	}
}

/* The signer alone reads the private keys, after the fork and before it shuts itself in. */
static int run_signer(struct supervisor *supervisor)
{
	const struct supervisor_options *options = supervisor->options;
	struct blindrsa_private **keys =
	    calloc(options->n_rounds, sizeof(struct blindrsa_private *));
	int *fds = calloc(supervisor->n_slots, sizeof(int));
	int status = keys && fds ? EX_OK : EX_OSERR;
	for (size_t i = 0; status == EX_OK && i < options->n_rounds; i++) {
		char why[KEYRING_WHY_MAX];
		if (keyring_load_token_private(
			options->settings->keys, options->rounds[i]->name, &keys[i], why) != 0) {
			log_error("%s", why);
			status = EX_NOINPUT;
		}
	}
	for (size_t i = 0; status == EX_OK && i < supervisor->n_slots; i++)
		fds[i] = supervisor->slots[i].signer_fds[1];
	if (status == EX_OK && write(supervisor->signer_report_fds[1], "ready\n", 6) != 6)
		status = EX_OSERR;
	if (status == EX_OK)
		status = signer_process(fds, supervisor->n_slots, keys, options->n_rounds);
	for (size_t i = 0; keys && i < options->n_rounds; i++)
		blindrsa_private_free(keys[i]);
	free(keys);
	free(fds);
	return status;
}

static int run_worker(struct supervisor *supervisor, const struct slot *slot)
{
	return worker_process(&(struct worker_options){
	    .settings = supervisor->options->settings,
	    .rounds = supervisor->options->rounds,
	    .n_rounds = supervisor->options->n_rounds,
	    .assets = supervisor->assets,
	    .rates = supervisor->rates,
	    .stats = supervisor->stats,
	    .n_workers = supervisor->n_slots,
	    .slot = slot->child.slot,
	    .listen_fd = slot->listen_fd,
	    .admin_fd = slot->child.slot == 0 ? supervisor->admin_fd : -1,
	    .signer_fd = slot->signer_fds[0],
	    .report_fd = slot->report_fds[1],
	    .access_log_fd = supervisor->access_log_fd,
	});
}

static int run_child(struct supervisor *supervisor, struct child *child)
{
	static char name[24];
	prctl(PR_SET_PDEATHSIG, child->is_signer ? SIGQUIT : SIGTERM);
	signal(
	    SIGINT, SIG_IGN); /* Ctrl-C reaches the whole group; the supervisor ends us in order */
	signal(SIGHUP, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	if (child->is_signer)
		snprintf(name, sizeof(name), "signer");
	else
		snprintf(name, sizeof(name), "worker %zu", child->slot + 1);
	log_set_process(name);
	prctl(PR_SET_NAME, name);
	keep_only(supervisor, child);
	return child->is_signer ? run_signer(supervisor)
				: run_worker(supervisor, &supervisor->slots[child->slot]);
}

static void start_child(struct child *child)
{
	struct supervisor *supervisor = child->supervisor;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		/* The parent's loop shares its epoll set with us until it is made anew. */
		event_reinit(supervisor->base);
		release_parent(supervisor);
		int status = run_child(supervisor, child);
		assets_free(supervisor->assets);
		free(supervisor->slots);
		exit(status);
	}
	if (pid < 0)
		log_error("fork: %s", strerror(errno));
	child->pid = pid > 0 ? pid : 0;
	child->started_ms = clock_steady_ms();
}

static void on_restart(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	start_child(arg);
}

static void on_child_died(struct supervisor *supervisor, struct child *child, int status)
{
	const char *kind = child->is_signer ? "signer" : "worker";
	child->pid = 0;
	if (supervisor->stopping)
		return;
	if (!supervisor->announced && WIFEXITED(status) && WEXITSTATUS(status) != EX_OK) {
		stop(supervisor,
		    WEXITSTATUS(status)); /* it has said why; trying again will not help */
		return;
	}
	bool lived_long = clock_steady_ms() - child->started_ms >= LIVED_LONG_MS;
	child->backoff_ms =
	    lived_long || !child->backoff_ms ? BACKOFF_FIRST_MS : child->backoff_ms * 2;
	if (child->backoff_ms > BACKOFF_LAST_MS)
		child->backoff_ms = BACKOFF_LAST_MS;
	if (WIFSIGNALED(status))
		log_error("%s %zu was killed by signal %d; a new one starts in %u ms", kind,
		    child->slot + 1, WTERMSIG(status), child->backoff_ms);
	else
		log_error("%s %zu ended with status %d; a new one starts in %u ms", kind,
		    child->slot + 1, WEXITSTATUS(status), child->backoff_ms);
	struct timeval delay = {child->backoff_ms / 1000, (child->backoff_ms % 1000) * 1000};
	event_add(child->restart, &delay);
}

/* ---- the end ---- */

static bool workers_run(const struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->n_slots; i++)
		if (supervisor->slots[i].child.pid)
			return true;
	return false;
}

/* One step further down whenever something has ended. */
static void go_on_stopping(struct supervisor *supervisor)
{
	if (workers_run(supervisor))
		return;
	if (supervisor->signer.pid) {
		kill(supervisor->signer.pid, SIGQUIT);
		return;
	}
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
	for (size_t i = 0; i < supervisor->n_slots; i++)
		if (supervisor->slots[i].child.pid) {
			log_warn("worker %zu does not end; it is killed", i + 1);
			kill(supervisor->slots[i].child.pid, SIGKILL);
		}
	if (supervisor->signer.pid)
		kill(supervisor->signer.pid, SIGKILL);
}

static void stop(struct supervisor *supervisor, int status)
{
	if (supervisor->stopping)
		return;
	supervisor->stopping = true;
	supervisor->status = status;
	log_info("stopping");
	for (size_t i = 0; i < supervisor->n_slots; i++) {
		struct child *child = &supervisor->slots[i].child;
		event_del(child->restart);
		if (child->pid)
			kill(child->pid, SIGTERM);
	}
	event_del(supervisor->signer.restart);
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
		if (pid == supervisor->signer.pid)
			on_child_died(supervisor, &supervisor->signer, status);
		for (size_t i = 0; i < supervisor->n_slots; i++)
			if (pid == supervisor->slots[i].child.pid)
				on_child_died(supervisor, &supervisor->slots[i].child, status);
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
	supervisor->announced = true;
	printf("ready %s\n", supervisor->url);
	if (options->settings->pages)
		printf(
		    "  vote       %svote/\n"
		    "  results    %sresults/\n"
		    "  projector  %sprojector/\n"
		    "  English    %sen/\n",
		    supervisor->url, supervisor->url, supervisor->url, supervisor->url);
	for (size_t i = 0; i < options->n_rounds; i++)
		if (options->rounds[i]->contest->rehearsal)
			printf(
			    "  %s is served as a rehearsal: open now, kept apart from the real "
			    "contest\n",
			    options->rounds[i]->contest->id);
	printf("  Ctrl-C ends it\n");
	fflush(stdout);
}

static void announce_when_ready(struct supervisor *supervisor)
{
	bool ready = supervisor->signer_ready;
	for (size_t i = 0; i < supervisor->n_slots; i++)
		ready = ready && supervisor->slots[i].ready;
	if (ready && !supervisor->announced && !supervisor->stopping)
		announce(supervisor);
}

/* The signer has read its keys. */
static void on_signer_report(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct supervisor *supervisor = arg;
	char line[REPORT_MAX];
	if (read(fd, line, sizeof(line)) <= 0)
		return;
	supervisor->signer_ready = true;
	announce_when_ready(supervisor);
}

/* One line from a worker, once in its life: "ready" or "refused WHY". */
static void on_report(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct slot *slot = arg;
	struct supervisor *supervisor = slot->child.supervisor;
	char line[REPORT_MAX];
	ssize_t n = read(fd, line, sizeof(line) - 1);
	if (n <= 0)
		return;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "refused ", 8) == 0 && !supervisor->announced) {
		log_error("%s", line + 8);
		stop(supervisor, EX_CONFIG);
		return;
	}
	slot->ready = true;
	announce_when_ready(supervisor);
}

static void start_children(struct supervisor *supervisor)
{
	supervisor->children_started = true;
	start_child(&supervisor->signer);
	for (size_t i = 0; i < supervisor->n_slots; i++)
		start_child(&supervisor->slots[i].child);
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

static int open_access_log(const char *path)
{
	if (!path)
		return -1;
	if (strcmp(path, "-") == 0)
		return dup(STDOUT_FILENO);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		log_warn("access_log %s cannot be written (%s); requests are not logged", path,
		    strerror(errno));
	return fd;
}

static size_t count_workers(const struct settings *settings)
{
	long n = settings->workers > 0 ? settings->workers : sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (size_t)n;
}

static int init_child(struct supervisor *supervisor, struct child *child)
{
	child->supervisor = supervisor;
	child->restart = evtimer_new(supervisor->base, on_restart, child);
	return child->restart ? 0 : -ENOMEM;
}

static int init_signer(struct supervisor *supervisor)
{
	supervisor->signer.is_signer = true;
	if (init_child(supervisor, &supervisor->signer) != 0)
		return -ENOMEM;
	if (pipe2(supervisor->signer_report_fds, O_CLOEXEC) != 0)
		return -errno;
	supervisor->on_signer_report = event_new(supervisor->base, supervisor->signer_report_fds[0],
	    EV_READ | EV_PERSIST, on_signer_report, supervisor);
	return supervisor->on_signer_report && event_add(supervisor->on_signer_report, NULL) == 0
		   ? 0
		   : -ENOMEM;
}

static int init_slot(struct supervisor *supervisor, size_t i, int listen_fd)
{
	struct slot *slot = &supervisor->slots[i];
	slot->child.slot = i;
	slot->listen_fd = listen_fd;
	if (init_child(supervisor, &slot->child) != 0)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, slot->signer_fds) != 0 ||
	    pipe2(slot->report_fds, O_CLOEXEC) != 0)
		return -errno;
	slot->on_report =
	    event_new(supervisor->base, slot->report_fds[0], EV_READ | EV_PERSIST, on_report, slot);
	return slot->on_report && event_add(slot->on_report, NULL) == 0 ? 0 : -ENOMEM;
}

/* Sockets first: a port in use is told before anything has been started. */
static int open_sockets(struct supervisor *supervisor)
{
	const struct settings *settings = supervisor->options->settings;
	char why[LISTEN_WHY_MAX], admin_url[LISTEN_URL_MAX];
	int fds[WORKERS_MAX];
	if (listen_open(settings->listen, supervisor->n_slots, fds, supervisor->url, why) != 0 ||
	    (settings->admin_listen && listen_open(settings->admin_listen, 1, &supervisor->admin_fd,
					   admin_url, why) != 0)) {
		log_error("%s", why);
		return EX_UNAVAILABLE;
	}
	for (size_t i = 0; i < supervisor->n_slots; i++)
		if (init_slot(supervisor, i, fds[i]) != 0)
			return EX_OSERR;
	return EX_OK;
}

static int prepare(struct supervisor *supervisor)
{
	const struct settings *settings = supervisor->options->settings;
	supervisor->base = event_base_new();
	supervisor->n_slots = count_workers(settings);
	supervisor->slots = calloc(supervisor->n_slots, sizeof(*supervisor->slots));
	supervisor->rates = rate_table_new(RATE_SLOTS);
	supervisor->stats = mmap(NULL, supervisor->n_slots * sizeof(struct stats),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	supervisor->admin_fd = -1;
	supervisor->access_log_fd = open_access_log(settings->access_log);
	if (!supervisor->base || !supervisor->slots || !supervisor->rates ||
	    supervisor->stats == MAP_FAILED || init_signer(supervisor) != 0 ||
	    !(supervisor->on_kill = evtimer_new(supervisor->base, on_kill, supervisor)))
		return EX_OSERR;
	for (size_t i = 0; i < 4; i++) {
		supervisor->on_signal[i] =
		    evsignal_new(supervisor->base, signals[i], on_signal, supervisor);
		if (!supervisor->on_signal[i] || event_add(supervisor->on_signal[i], NULL) != 0)
			return EX_OSERR;
	}
	const char *why = NULL;
	if (settings->pages && !(supervisor->assets = assets_load(settings->pages, &why))) {
		log_error("pages: %s: %s; write them with `tallyctl site %s`",
		    why ? why : settings->pages, strerror(errno), settings->pages);
		return EX_NOINPUT;
	}
	return open_sockets(supervisor);
}

/* What a child must not keep of its parent: the loop and its events. */
static void release_parent(struct supervisor *supervisor)
{
	for (size_t i = 0; i < 4; i++)
		if (supervisor->on_signal[i])
			event_free(supervisor->on_signal[i]);
	for (size_t i = 0; i < supervisor->n_slots; i++) {
		if (supervisor->slots[i].on_report)
			event_free(supervisor->slots[i].on_report);
		if (supervisor->slots[i].child.restart)
			event_free(supervisor->slots[i].child.restart);
	}
	if (supervisor->signer.restart)
		event_free(supervisor->signer.restart);
	if (supervisor->on_signer_report)
		event_free(supervisor->on_signer_report);
	if (supervisor->on_kill)
		event_free(supervisor->on_kill);
	redisd_free(supervisor->redisd);
	event_base_free(supervisor->base);
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
	assets_free(supervisor.assets);
	free(supervisor.slots);
	return status;
}
