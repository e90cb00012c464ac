/* The table of processes, and what runs in each of them. */
#include "worker/processes.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>

#include "api/app.h"
#include "base/log.h"
#include "config/round.h"
#include "worker/edition.h"
#include "worker/holdings.h"
#include "worker/sealer.h"
#include "worker/signer.h"
#include "worker/signer_keys.h"
#include "worker/worker.h"

/* ---- what runs in the new process ---- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Both ends of what a child and its parent report through; the child keeps its own. */
static void leave_child(struct child *other, const struct child *self)
{
	child_release(other);
	close_fd(&other->report_fds[0]);
	if (other != self)
		close_fd(&other->report_fds[1]);
}

void processes_leave(struct processes *processes, const struct child *child)
{
	static const struct child nobody;
	bool is_signer = child == &processes->signer, is_worker;

	if (!child)
		child = &nobody;
	is_worker = child != &nobody && !is_signer && child != &processes->sealer;
	leave_child(&processes->signer, child);
	leave_child(&processes->sealer, child);
	for (size_t i = 0; i < processes->n_slots; i++) {
		struct slot *slot = &processes->slots[i];
		leave_child(&slot->child, child);
		if (&slot->child != child)
			close_fd(&slot->signer_fds[0]);
		if (!is_signer)
			close_fd(&slot->signer_fds[1]);
	}
	close_fd(&processes->begin_fds[1]);
	if (child != &processes->sealer)
		close_fd(&processes->begin_fds[0]);
	if (!is_worker)
		close_fd(&processes->access_log_fd);
}

/* Leaves the parent's loop, which shares its epoll set with us until it is made anew, and closes
 * what belongs to others. */
static void become(struct processes *processes, const struct child *child, size_t slot)
{
	const struct processes_options *options = &processes->options;

	event_reinit(options->base);
	processes_leave(processes, child);
	options->leave(options->arg, processes, slot);
	child_settle_signals();
	log_set_level(options->edition->settings.log_level);
}

/* The signer alone reads the private keys, after the fork and before it shuts itself in. */
static int run_signer(struct child *child)
{
	struct processes *processes = child->owner;
	const struct edition *edition = processes->options.edition;
	become(processes, child, SIZE_MAX);
	struct blindrsa_private **keys =
	    calloc(edition->n_rounds, sizeof(struct blindrsa_private *));
	int *fds = calloc(processes->n_slots, sizeof(int));
	int status = keys && fds ? EX_OK : EX_OSERR;
	if (status == EX_OK)
		status = signer_keys_load(
		    edition->settings.keys, edition->rounds, edition->n_rounds, keys);
	for (size_t i = 0; status == EX_OK && i < processes->n_slots; i++)
		fds[i] = processes->slots[i].signer_fds[1];
	if (status == EX_OK) {
		child_report(child->report_fds[1], NULL);
		status = signer_process(fds, processes->n_slots, keys, edition->n_rounds);
	}
	for (size_t i = 0; keys && i < edition->n_rounds; i++)
		blindrsa_private_free(keys[i]);
	free(keys);
	free(fds);
	return status;
}

static int run_sealer(struct child *child)
{
	struct processes *processes = child->owner;
	const struct edition *edition = processes->options.edition;
	become(processes, child, SIZE_MAX);
	return sealer_process(&(struct sealer_options){
	    .settings = &edition->settings,
	    .rounds = edition->rounds,
	    .n_rounds = edition->n_rounds,
	    .seals = processes->seals,
	    .begin_fd = processes->begin_fds[0],
	    .report_fd = child->report_fds[1],
	});
}

static struct stats *stats_of(const struct processes *processes, size_t slot)
{
	size_t row = processes->options.generation % 2;

	return &processes->options.holdings->stats[row * processes->n_slots + slot];
}

static size_t number_of(const struct processes *processes, const struct child *child)
{
	return (size_t)((const struct slot *)child - processes->slots); /* its first member */
}

static int run_worker(struct child *child)
{
	struct processes *processes = child->owner;
	const struct edition *edition = processes->options.edition;
	const struct holdings *holdings = processes->options.holdings;
	size_t number = number_of(processes, child);
	become(processes, child, number);
	return worker_process(&(struct worker_options){
	    .settings = &edition->settings,
	    .rounds = edition->rounds,
	    .n_rounds = edition->n_rounds,
	    .assets = edition->assets,
	    .marks = holdings->marks,
	    .rates = holdings->rates,
	    .host_secret = holdings->host_secret,
	    .stats = holdings->stats,
	    .own_stats = stats_of(processes, number),
	    .full_told_ms = holdings->full_told_ms,
	    .seals = processes->seals,
	    .n_workers = processes->n_slots,
	    .listen_fd = holdings->listen_fds[number],
	    .tells = number == 0,
	    .admin_fd = number == 0 ? holdings->admin_fd : -1,
	    .signer_fd = processes->slots[number].signer_fds[0],
	    .again = child->ready,
	    .successor = processes->options.successor && !child->ready,
	    .report_fd = child->report_fds[1],
	    .access_log_fd = processes->access_log_fd,
	});
}

/* ---- life ---- */

static void on_report(struct child *child, const char *why)
{
	struct processes *processes = child->owner;
	processes->options.on_report(processes->options.arg, processes, why);
}

static int open_access_log(const char *path)
{
	if (!path)
		return -1;
	/* Standard output anew, so that it does not block here while it may for others: a reader
	 * who stalls loses lines, and no vote waits for it. */
	struct stat status;
	if (strcmp(path, "-") == 0 && fstat(STDOUT_FILENO, &status) == 0 &&
	    S_ISSOCK(status.st_mode)) /* cannot be opened anew; the worker sends without waiting */
		return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	if (strcmp(path, "-") == 0)
		path = "/proc/self/fd/1";
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
	if (fd < 0)
		log_warn("access_log %s cannot be written (%s); requests are not logged", path,
		    strerror(errno));
	return fd;
}

static int init_child(struct processes *processes, struct child *child, const char *name,
    int end_signal, int (*run)(struct child *child))
{
	*child = (struct child){
	    .end_signal = end_signal,
	    .run = run,
	    .on_report = on_report,
	    .owner = processes,
	    .report_fds = {-1, -1},
	};
	(void)snprintf(child->name, sizeof(child->name), "%s", name);
	return child_init(child, processes->options.base);
}

static int init_slots(struct processes *processes)
{
	char name[CHILD_NAME_MAX];
	int r = 0;

	for (size_t i = 0; i < processes->n_slots && r == 0; i++) {
		(void)snprintf(name, sizeof(name), "worker %zu", i + 1);
		r = init_child(processes, &processes->slots[i].child, name, SIGTERM, run_worker);
	}
	return r;
}

/* All of them, with nothing to run in them yet. */
static struct processes *make(const struct processes_options *options)
{
	struct processes *processes = calloc(1, sizeof(*processes));

	if (!processes)
		return NULL;
	processes->options = *options;
	processes->options.edition = NULL;
	processes->n_slots = options->holdings->n_slots;
	processes->access_log_fd = processes->begin_fds[0] = processes->begin_fds[1] = -1;
	processes->slots = calloc(processes->n_slots, sizeof(*processes->slots));
	for (size_t i = 0; processes->slots && i < processes->n_slots; i++) {
		struct slot *slot = &processes->slots[i];
		slot->signer_fds[0] = slot->signer_fds[1] = -1;
		slot->child.report_fds[0] = slot->child.report_fds[1] = -1;
	}
	if (init_child(processes, &processes->signer, "signer", SIGQUIT, run_signer) == 0 &&
	    init_child(processes, &processes->sealer, "sealer", SIGQUIT, run_sealer) == 0 &&
	    processes->slots && init_slots(processes) == 0)
		return processes;
	processes_free(processes);
	return NULL;
}

static int connect_signer(struct processes *processes)
{
	for (size_t i = 0; i < processes->n_slots; i++)
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			processes->slots[i].signer_fds) != 0)
			return -errno;
	return 0;
}

/* None on a host that keeps no log. */
static int make_seals(struct processes *processes, const struct edition *edition)
{
	struct seal_stats *seals;

	if (!edition->settings.ballot_log.dir)
		return 0;
	for (size_t i = 0; i < edition->n_rounds; i++)
		processes->n_seals += edition->rounds[i]->contest->shards;
	seals = mmap(NULL, processes->n_seals * sizeof(*seals), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seals == MAP_FAILED)
		return -errno;
	processes->seals = seals;
	return pipe2(processes->begin_fds, O_CLOEXEC) == 0 ? 0 : -errno;
}

struct processes *processes_new(const struct processes_options *options)
{
	const struct settings *settings = &options->edition->settings;
	struct processes *processes = make(options);

	if (!processes)
		return NULL;
	if (connect_signer(processes) != 0 || make_seals(processes, options->edition) != 0) {
		processes_free(processes);
		return NULL;
	}
	processes->options.edition = options->edition;
	processes->signs = (settings->serves & SETTINGS_ISSUER) != 0;
	processes->drain_ms = settings->limits.drain_ms;
	processes->access_log_fd = open_access_log(settings->access_log);
	return processes;
}

void processes_free(struct processes *processes)
{
	if (!processes)
		return;
	if (processes->slots)
		processes_leave(processes, NULL);
	if (processes->seals)
		munmap(processes->seals, processes->n_seals * sizeof(*processes->seals));
	edition_free(processes->options.edition);
	free(processes->slots);
	free(processes);
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

void processes_begin_sealing(struct processes *processes)
{
	processes->sealer_begun = true;
	close_fd(&processes->begin_fds[1]);
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

void processes_died(struct processes *processes, struct child *child)
{
	child->pid = 0;
	processes->somebody_died = true;
	if (child != &processes->signer && child != &processes->sealer)
		stats_end(stats_of(processes, number_of(processes, child)));
}

bool processes_workers_run(const struct processes *processes)
{
	for (size_t i = 0; i < processes->n_slots; i++)
		if (processes->slots[i].child.pid)
			return true;
	return false;
}

void processes_end_workers(struct processes *processes, bool handed_over)
{
	for (size_t i = 0; i < processes->n_slots; i++)
		child_end(&processes->slots[i].child, handed_over ? WORKER_SUCCEEDED : WORKER_LAST);
	child_end(&processes->signer, 0);
	child_end(&processes->sealer, 0);
}

bool processes_end_others(struct processes *processes)
{
	if (!processes->signer.pid && !processes->sealer.pid)
		return false;
	child_end(&processes->signer, processes->signer.end_signal);
	child_end(&processes->sealer, processes->sealer.end_signal);
	return true;
}

void processes_kill(struct processes *processes)
{
	for (size_t i = 0; i < processes->n_slots; i++)
		if (processes->slots[i].child.pid) {
			log_warn("worker %zu does not end; it is killed", i + 1);
			child_end(&processes->slots[i].child, SIGKILL);
		}
	child_end(&processes->signer, SIGKILL);
	child_end(&processes->sealer, SIGKILL);
}

/* ---- from one program to the next ---- */

json_t *processes_describe(const struct processes *processes)
{
	json_t *workers = json_array();

	for (size_t i = 0; i < processes->n_slots; i++)
		json_array_append_new(workers, json_integer(processes->slots[i].child.pid));
	return json_pack("{s:i, s:I, s:i, s:i, s:o}", "generation",
	    (int)processes->options.generation, "drain_ms", (json_int_t)processes->drain_ms,
	    "signer", (int)processes->signer.pid, "sealer", (int)processes->sealer.pid, "workers",
	    workers);
}

struct processes *processes_take(const struct processes_options *options, const json_t *described)
{
	struct processes *processes = make(options);
	int generation, signer, sealer;
	json_int_t drain_ms;
	json_t *workers;

	if (!processes)
		return NULL;
	if (json_unpack((json_t *)(uintptr_t)described, "{s:i, s:I, s:i, s:i, s:o}", "generation",
		&generation, "drain_ms", &drain_ms, "signer", &signer, "sealer", &sealer, "workers",
		&workers) != 0 ||
	    json_array_size(workers) != processes->n_slots) {
		processes_free(processes);
		return NULL;
	}
	processes->options.generation = (unsigned)generation;
	processes->drain_ms = drain_ms;
	processes->signer.pid = signer;
	processes->sealer.pid = sealer;
	processes->sealer_begun = true;
	for (size_t i = 0; i < processes->n_slots; i++)
		processes->slots[i].child.pid =
		    (pid_t)json_integer_value(json_array_get(workers, i));
	return processes;
}
