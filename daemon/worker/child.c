/* Forks, hears the report, waits for the next try. */
#include "worker/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS  5000
#define LIVED_LONG_MS    10000

static const char word_ready[] = "ready";
static const char word_refused[] = "refused ";

void child_report(int report_fd, const char *why)
{
	dprintf(report_fd, "%s%s\n", why ? word_refused : word_ready, why ? why : "");
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct child *child = arg;
	char line[CHILD_REPORT_MAX];
	ssize_t n = read(fd, line, sizeof(line) - 1);
	if (n <= 0)
		return;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	bool refused = strncmp(line, word_refused, sizeof(word_refused) - 1) == 0;
	child->ready = child->ready || !refused;
	child->on_report(child, refused ? line + sizeof(word_refused) - 1 : NULL);
}

static void on_restart(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	child_start(arg);
}

int child_init(struct child *child, struct event_base *base)
{
	if (pipe2(child->report_fds, O_CLOEXEC) != 0)
		return -errno;
	child->restart = evtimer_new(base, on_restart, child);
	child->on_readable =
	    event_new(base, child->report_fds[0], EV_READ | EV_PERSIST, on_readable, child);
	if (!child->restart || !child->on_readable || event_add(child->on_readable, NULL) != 0)
		return -ENOMEM;
	return 0;
}

void child_release(struct child *child)
{
	if (child->on_readable)
		event_free(child->on_readable);
	if (child->restart)
		event_free(child->restart);
	child->on_readable = child->restart = NULL;
}

static void mask_term(int how)
{
	sigset_t term;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(how, &term, NULL);
}

void child_settle_signals(void)
{
	static const int for_parent[] = {SIGINT, SIGHUP, SIGUSR2};

	for (size_t i = 0; i < sizeof(for_parent) / sizeof(for_parent[0]); i++)
		signal(for_parent[i], SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	mask_term(SIG_UNBLOCK);
}

/* SIGTERM waits until the child has left the parent's loop, whose handler would swallow it. */
void child_start(struct child *child)
{
	fflush(stdout);
	mask_term(SIG_BLOCK);
	child->ending = false;
	pid_t parent = getpid(), pid = fork();
	if (pid != 0)
		mask_term(SIG_UNBLOCK);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, child->end_signal);
		if (getppid() != parent)
			_exit(EX_OK); /* it died before it could be said: nobody would end us */
		prctl(PR_SET_NAME, child->name);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		log_set_process(child->name);
		signal(SIGCHLD, SIG_DFL);
		exit(child->run(child));
	}
	if (pid < 0)
		log_error("fork: %s", strerror(errno));
	child->pid = pid > 0 ? pid : 0;
	child->started_ms = clock_steady_ms();
}

void child_start_again(struct child *child, int status)
{
	bool lived_long = clock_steady_ms() - child->started_ms >= LIVED_LONG_MS;
	child->backoff_ms =
	    lived_long || !child->backoff_ms ? BACKOFF_FIRST_MS : child->backoff_ms * 2;
	if (child->backoff_ms > BACKOFF_LAST_MS)
		child->backoff_ms = BACKOFF_LAST_MS;
	bool killed = WIFSIGNALED(status);
	log_error("%s %s %d; a new one starts in %u ms", child->name,
	    killed ? "was killed by signal" : "ended with status",
	    killed ? WTERMSIG(status) : WEXITSTATUS(status), child->backoff_ms);
	struct timeval delay = {child->backoff_ms / 1000, (child->backoff_ms % 1000) * 1000};
	event_add(child->restart, &delay);
}

void child_end(struct child *child, int signal_number)
{
	child->ending = true;
	event_del(child->restart);
	if (child->pid)
		kill(child->pid, signal_number);
}
