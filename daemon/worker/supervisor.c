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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>

#include "api/app.h"
#include "base/log.h"
#include "http/assets.h"
#include "worker/child.h"
#include "worker/listen.h"
#include "worker/redisd.h"
#include "worker/signer.h"
#include "worker/worker.h"

#define WORKERS_MAX   256
#define RATE_SLOTS    65536
#define KILL_AFTER_MS 2000 /* beyond the workers' own drain time */

struct slot { /* a worker, and what its successors inherit */
	struct child child;
	int listen_fd;
	int signer_fds[2]; /* worker's end, signer's end */
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
	struct slot *slots;
	size_t n_slots;
	int admin_fd, access_log_fd;
	char url[LISTEN_URL_MAX];
	bool children_started, announced, stopping;
	int status; /* to exit with */
};

static const int signals[4] = {SIGTERM, SIGINT, SIGCHLD, SIGHUP};

static void stop(struct supervisor *supervisor, int status);

/* ---- children: what runs in the new process ---- */

static void release_parent(struct supervisor *supervisor);

/* Leaves the parent's loop, which shares its epoll set with us until it is made anew, and closes
 * what belongs to others. */
static void become(struct supervisor *supervisor, const struct child *child)
{
	bool is_signer = child == &supervisor->signer;
	event_reinit(supervisor->base);
	release_parent(supervisor);
	child_hear_term();
	close(supervisor->signer.report_fds[0]);
	if (!is_signer)
		close(supervisor->signer.report_fds[1]);
	for (size_t i = 0; i < supervisor->n_slots; i++) {
		struct slot *slot = &supervisor->slots[i];
		close(slot->child.report_fds[0]);
		close(slot->signer_fds[is_signer ? 0 : 1]);
		if (&slot->child == child)
			continue;
		close(slot->listen_fd);
		close(slot->child.report_fds[1]);
		if (!is_signer)
			close(slot->signer_fds[0]);
	}
}

/* Signatures by another key than the published one would be worth nothing to voters. */
static bool is_pair(const struct blindrsa_private *key, const struct round *round)
{
	struct blindrsa_public *public;
	uint8_t key_id[PP_KEY_ID_SIZE];
	if (blindrsa_public_of(key, &public) != 0)
		return false;
	pp_key_id(public, key_id);
	blindrsa_public_free(public);
	return memcmp(key_id, round->keys.token_key_id, sizeof(key_id)) == 0;
}

/* The signer alone reads the private keys, after the fork and before it shuts itself in. */
static int run_signer(struct child *child)
{
	struct supervisor *supervisor = child->owner;
	become(supervisor, child);
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
		} else if (!is_pair(keys[i], options->rounds[i])) {
			log_error(
			    "%s/%s: token.private.pem does not belong to token.public.pem; restore "
			    "both from one backup",
			    options->settings->keys, options->rounds[i]->name);
			status = EX_CONFIG;
		}
	}
	for (size_t i = 0; status == EX_OK && i < supervisor->n_slots; i++)
		fds[i] = supervisor->slots[i].signer_fds[1];
	if (status == EX_OK) {
		child_report(child->report_fds[1], NULL);
		status = signer_process(fds, supervisor->n_slots, keys, options->n_rounds);
	}
	for (size_t i = 0; keys && i < options->n_rounds; i++)
		blindrsa_private_free(keys[i]);
	free(keys);
	free(fds);
	assets_free(supervisor->assets);
	free(supervisor->slots);
	return status;
}

static int run_worker(struct child *child)
{
	struct supervisor *supervisor = child->owner;
	struct slot *slot = (struct slot *)child; /* its first member */
	size_t number = (size_t)(slot - supervisor->slots);
	become(supervisor, child);
	int status = worker_process(&(struct worker_options){
	    .settings = supervisor->options->settings,
	    .rounds = supervisor->options->rounds,
	    .n_rounds = supervisor->options->n_rounds,
	    .assets = supervisor->assets,
	    .rates = supervisor->rates,
	    .stats = supervisor->stats,
	    .n_workers = supervisor->n_slots,
	    .slot = number,
	    .listen_fd = slot->listen_fd,
	    .admin_fd = number == 0 ? supervisor->admin_fd : -1,
	    .signer_fd = slot->signer_fds[0],
	    .report_fd = child->report_fds[1],
	    .access_log_fd = supervisor->access_log_fd,
	});
	assets_free(supervisor->assets);
	free(supervisor->slots);
	return status;
}

/* ---- children: what happens to them ---- */

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
		child_signal(&supervisor->signer, supervisor->signer.end_signal);
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
			child_signal(&supervisor->slots[i].child, SIGKILL);
		}
	child_signal(&supervisor->signer, SIGKILL);
}

static void stop(struct supervisor *supervisor, int status)
{
	if (supervisor->stopping)
		return;
	supervisor->stopping = true;
	supervisor->status = status;
	log_info("stopping");
	for (size_t i = 0; i < supervisor->n_slots; i++)
		child_signal(&supervisor->slots[i].child, SIGTERM);
	child_signal(&supervisor->signer, 0);
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

static void on_report(struct child *child, const char *why)
{
	struct supervisor *supervisor = child->owner;
	if (supervisor->announced || supervisor->stopping)
		return;
	if (why) {
		log_error("%s", why);
		stop(supervisor, EX_CONFIG);
		return;
	}
	bool ready = supervisor->signer.ready;
	for (size_t i = 0; i < supervisor->n_slots; i++)
		ready = ready && supervisor->slots[i].child.ready;
	if (ready)
		announce(supervisor);
}

static void start_children(struct supervisor *supervisor)
{
	supervisor->children_started = true;
	child_start(&supervisor->signer);
	for (size_t i = 0; i < supervisor->n_slots; i++)
		child_start(&supervisor->slots[i].child);
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
	/* Standard output anew, so that it does not block here while it may for others: a reader
	 * who stalls loses lines, and no vote waits for it. */
	struct stat status;
	if (strcmp(path, "-") == 0 && fstat(STDOUT_FILENO, &status) == 0 &&
	    S_ISSOCK(status.st_mode))
		return dup(
		    STDOUT_FILENO); /* cannot be opened anew; the worker sends without waiting */
	if (strcmp(path, "-") == 0)
		path = "/proc/self/fd/1";
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
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

static int init_signer(struct supervisor *supervisor)
{
	supervisor->signer = (struct child){
	    .name = "signer",
	    .end_signal = SIGQUIT,
	    .run = run_signer,
	    .on_report = on_report,
	    .owner = supervisor,
	};
	return child_init(&supervisor->signer, supervisor->base);
}

static int init_slot(struct supervisor *supervisor, size_t i, int listen_fd)
{
	struct slot *slot = &supervisor->slots[i];
	slot->listen_fd = listen_fd;
	slot->child = (struct child){
	    .end_signal = SIGTERM,
	    .run = run_worker,
	    .on_report = on_report,
	    .owner = supervisor,
	};
	snprintf(slot->child.name, sizeof(slot->child.name), "worker %zu", i + 1);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, slot->signer_fds) != 0)
		return -errno;
	return child_init(&slot->child, supervisor->base);
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
	for (size_t i = 0; i < supervisor->n_slots; i++)
		child_release(&supervisor->slots[i].child);
	child_release(&supervisor->signer);
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
