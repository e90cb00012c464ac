/* The table of processes, and what runs in each of them. */
#include "worker/processes.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>

#include "api/app.h"
#include "base/log.h"
#include "http/assets.h"
#include "worker/sealer.h"
#include "worker/signer.h"
#include "worker/signer_keys.h"
#include "worker/worker.h"

#define WORKERS_MAX 256
#define RATE_SLOTS  262144 /* 4 MiB */

/* ---- what runs in the new process ---- */

/* Both ends of what a child and its parent report through; the child keeps its own. */
static void close_report(const struct child *other, const struct child *self)
{
	close(other->report_fds[0]);
	if (other != self)
		close(other->report_fds[1]);
}

/* Leaves the parent's loop, which shares its epoll set with us until it is made anew, and closes
 * what belongs to others. */
static void become(struct processes *processes, const struct child *child)
{
	bool is_signer = child == &processes->signer;
	event_reinit(processes->base);
	processes->leave(processes->arg);
	child_hear_term();
	close_report(&processes->signer, child);
	if (processes->seals)
		close_report(&processes->sealer, child);
	for (size_t i = 0; i < processes->n_slots; i++) {
		struct slot *slot = &processes->slots[i];
		bool is_ours = &slot->child == child;
		close_report(&slot->child, child);
		if (!is_ours)
			close(slot->listen_fd);
		if (!is_ours)
			close(slot->signer_fds[0]);
		if (!is_signer)
			close(slot->signer_fds[1]);
	}
}

/* The signer alone reads the private keys, after the fork and before it shuts itself in. */
static int run_signer(struct child *child)
{
	struct processes *processes = child->owner;
	become(processes, child);
	const struct supervisor_options *options = processes->options;
	struct blindrsa_private **keys =
	    calloc(options->n_rounds, sizeof(struct blindrsa_private *));
	int *fds = calloc(processes->n_slots, sizeof(int));
	int status = keys && fds ? EX_OK : EX_OSERR;
	if (status == EX_OK)
		status = signer_keys_load(
		    options->settings->keys, options->rounds, options->n_rounds, keys);
	for (size_t i = 0; status == EX_OK && i < processes->n_slots; i++)
		fds[i] = processes->slots[i].signer_fds[1];
	if (status == EX_OK) {
		child_report(child->report_fds[1], NULL);
		status = signer_process(fds, processes->n_slots, keys, options->n_rounds);
	}
	for (size_t i = 0; keys && i < options->n_rounds; i++)
		blindrsa_private_free(keys[i]);
	free(keys);
	free(fds);
	processes_release(processes);
	return status;
}

static int run_sealer(struct child *child)
{
	struct processes *processes = child->owner;
	become(processes, child);
	int status = sealer_process(&(struct sealer_options){
	    .settings = processes->options->settings,
	    .rounds = processes->options->rounds,
	    .n_rounds = processes->options->n_rounds,
	    .seals = processes->seals,
	    .report_fd = child->report_fds[1],
	});
	processes_release(processes);
	return status;
}

static int run_worker(struct child *child)
{
	struct processes *processes = child->owner;
	struct slot *slot = (struct slot *)child; /* its first member */
	size_t number = (size_t)(slot - processes->slots);
	become(processes, child);
	int status = worker_process(&(struct worker_options){
	    .settings = processes->options->settings,
	    .rounds = processes->options->rounds,
	    .n_rounds = processes->options->n_rounds,
	    .assets = processes->assets,
	    .rates = processes->rates,
	    .host_secret = slice_make(processes->host_secret, sizeof(processes->host_secret)),
	    .stats = processes->stats,
	    .seals = processes->seals,
	    .n_workers = processes->n_slots,
	    .slot = number,
	    .listen_fd = slot->listen_fd,
	    .admin_fd = number == 0 ? processes->admin_fd : -1,
	    .signer_fd = slot->signer_fds[0],
	    .again = child->ready,
	    .report_fd = child->report_fds[1],
	    .access_log_fd = processes->access_log_fd,
	});
	processes_release(processes);
	return status;
}

/* ---- life ---- */

static void on_report(struct child *child, const char *why)
{
	struct processes *processes = child->owner;
	processes->on_report(processes->arg, why);
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

static int init_signer(struct processes *processes)
{
	processes->signer = (struct child){
	    .name = "signer",
	    .end_signal = SIGQUIT,
	    .run = run_signer,
	    .on_report = on_report,
	    .owner = processes,
	};
	return child_init(&processes->signer, processes->base);
}

/* None on a host that keeps no log. */
static int init_sealer(struct processes *processes)
{
	const struct supervisor_options *options = processes->options;
	size_t n = 0;
	if (!options->settings->ballot_log.dir)
		return 0;
	for (size_t i = 0; i < options->n_rounds; i++)
		n += options->rounds[i]->contest->shards;
	struct seal_stats *seals = mmap(
	    NULL, n * sizeof(*seals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seals == MAP_FAILED)
		return -errno;
	processes->sealer = (struct child){
	    .name = "sealer",
	    .end_signal = SIGQUIT,
	    .run = run_sealer,
	    .on_report = on_report,
	    .owner = processes,
	};
	processes->seals = seals;
	return child_init(&processes->sealer, processes->base);
}

static int init_slot(struct processes *processes, size_t i, int listen_fd)
{
	struct slot *slot = &processes->slots[i];
	slot->listen_fd = listen_fd;
	slot->child = (struct child){
	    .end_signal = SIGTERM,
	    .run = run_worker,
	    .on_report = on_report,
	    .owner = processes,
	};
	snprintf(slot->child.name, sizeof(slot->child.name), "worker %zu", i + 1);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, slot->signer_fds) != 0)
		return -errno;
	return child_init(&slot->child, processes->base);
}

/* Sockets first: a port in use is told before anything has been started. */
static int open_sockets(struct processes *processes)
{
	const struct settings *settings = processes->options->settings;
	char why[LISTEN_WHY_MAX], admin_url[LISTEN_URL_MAX];
	int fds[WORKERS_MAX];
	if (listen_open(settings->listen, processes->n_slots, fds, processes->url, why) != 0 ||
	    (settings->admin_listen && listen_open(settings->admin_listen, 1, &processes->admin_fd,
					   admin_url, why) != 0)) {
		log_error("%s", why);
		return EX_UNAVAILABLE;
	}
	for (size_t i = 0; i < processes->n_slots; i++)
		if (init_slot(processes, i, fds[i]) != 0)
			return EX_OSERR;
	return EX_OK;
}

int processes_init(struct processes *processes)
{
	const struct settings *settings = processes->options->settings;
	processes->n_slots = count_workers(settings);
	processes->slots = calloc(processes->n_slots, sizeof(*processes->slots));
	processes->rates = rate_table_new(RATE_SLOTS);
	processes->stats = mmap(NULL, processes->n_slots * sizeof(struct stats),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	processes->admin_fd = -1;
	processes->signs = (settings->serves & SETTINGS_ISSUER) != 0;
	processes->access_log_fd = open_access_log(settings->access_log);
	if (getrandom(processes->host_secret, sizeof(processes->host_secret), 0) !=
	    (ssize_t)sizeof(processes->host_secret))
		return EX_OSERR;
	if (!processes->slots || !processes->rates || processes->stats == MAP_FAILED ||
	    init_signer(processes) != 0 || init_sealer(processes) != 0)
		return EX_OSERR;
	const char *why = NULL;
	if ((settings->serves & SETTINGS_PAGES) && settings->pages &&
	    !(processes->assets = assets_load(settings->pages, &why))) {
		log_error("pages: %s: %s; write them with `tallyctl site %s`",
		    why ? why : settings->pages, strerror(errno), settings->pages);
		return EX_NOINPUT;
	}
	return open_sockets(processes);
}

void processes_leave(struct processes *processes)
{
	for (size_t i = 0; processes->slots && i < processes->n_slots; i++)
		child_release(&processes->slots[i].child);
	child_release(&processes->signer);
	child_release(&processes->sealer);
}

void processes_release(struct processes *processes)
{
	assets_free(processes->assets);
	free(processes->slots);
}

/* ---- what the supervisor wants of them ---- */

void processes_start(struct processes *processes)
{
	if (processes->signs)
		child_start(&processes->signer);
	if (processes->seals)
		child_start(&processes->sealer);
	for (size_t i = 0; i < processes->n_slots; i++)
		child_start(&processes->slots[i].child);
}

bool processes_are_ready(const struct processes *processes)
{
	bool ready = (!processes->signs || processes->signer.ready) &&
		     (!processes->seals || processes->sealer.ready);
	for (size_t i = 0; i < processes->n_slots; i++)
		ready = ready && processes->slots[i].child.ready;
	return ready;
}

struct child *processes_find(struct processes *processes, pid_t pid)
{
	if (pid == processes->signer.pid)
		return &processes->signer;
	if (pid == processes->sealer.pid)
		return &processes->sealer;
	for (size_t i = 0; i < processes->n_slots; i++)
		if (pid == processes->slots[i].child.pid)
			return &processes->slots[i].child;
	return NULL;
}

bool processes_workers_run(const struct processes *processes)
{
	for (size_t i = 0; i < processes->n_slots; i++)
		if (processes->slots[i].child.pid)
			return true;
	return false;
}

void processes_end_workers(struct processes *processes)
{
	for (size_t i = 0; i < processes->n_slots; i++)
		child_signal(&processes->slots[i].child, SIGTERM);
	child_signal(&processes->signer, 0);
	if (processes->seals)
		child_signal(&processes->sealer, 0);
}

bool processes_end_others(struct processes *processes)
{
	if (!processes->signer.pid && !processes->sealer.pid)
		return false;
	child_signal(&processes->signer, processes->signer.end_signal);
	if (processes->seals)
		child_signal(&processes->sealer, processes->sealer.end_signal);
	return true;
}

void processes_kill(struct processes *processes)
{
	for (size_t i = 0; i < processes->n_slots; i++)
		if (processes->slots[i].child.pid) {
			log_warn("worker %zu does not end; it is killed", i + 1);
			child_signal(&processes->slots[i].child, SIGKILL);
		}
	child_signal(&processes->signer, SIGKILL);
	if (processes->seals)
		child_signal(&processes->sealer, SIGKILL);
}
