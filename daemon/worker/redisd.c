/* The private redis-server: see redisd.h. Starts it, asks whether it answers, starts it again, ends
 * it. Speaks no more Redis than PING: the store is for the rest. */
#include "worker/redisd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/aof.h"

enum {
	PROBE_MS = 20,
	STILL_WAITING_MS = 10000, /* between two lines about a slow start */
	ENDING_MS = 10000,        /* for one before ours that was killed with its tallyd */
	FIRST_BACKOFF_MS = 100,
	BACKOFF_MAX_MS = 5000,
	LIVED_LONG_MS = 10000, /* the next try then begins with the first backoff again */
	STOP_MS = 10000,
};

#define LOCK_PATH "%s/redisd.lock"

enum state {
	RESTING,  /* until the timer starts it */
	CLEARING, /* somebody has our socket or our files, and may be ending */
	STARTING, /* runs, and does not answer yet */
	UP,
	STOPPING,
	STOPPED,
	FAILED,
};

struct redisd {
	struct redisd_options options;
	enum state state;
	bool was_up;
	pid_t pid;
	unsigned backoff_ms;
	int64_t started_ms, grumbled_ms;
	int lock_fd, probe_fd;
	struct event timer; /* what it is for depends on the state */
	char dir[PATH_MAX];
	char socket[PATH_MAX + 16];
};

static void arm(struct redisd *redisd, unsigned ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (long)(ms % 1000) * 1000};

	evtimer_add(&redisd->timer, &tv);
}

__attribute__((format(printf, 2, 3))) static void fail(
    struct redisd *redisd, const char *format, ...)
{
	char why[REDISD_WHY_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	redisd->state = FAILED;
	evtimer_del(&redisd->timer);
	redisd->options.on_failed(redisd->options.arg, why);
}

/* ---- asking whoever has the socket ---- */

/* A connected non-blocking socket, or -1 with errno. */
static int connect_socket(const struct redisd *redisd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	memcpy(address.sun_path, redisd->socket, strlen(redisd->socket));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static void probe_close(struct redisd *redisd)
{
	if (redisd->probe_fd >= 0)
		close(redisd->probe_fd);
	redisd->probe_fd = -1;
}

enum answer { NOBODY, NOTHING_YET, NOT_READY, PONG };

/* One step of asking. */
static enum answer probe(struct redisd *redisd)
{
	char answer[64];
	ssize_t n;

	if (redisd->probe_fd < 0) {
		redisd->probe_fd = connect_socket(redisd);
		if (redisd->probe_fd < 0)
			return errno == EAGAIN ? NOTHING_YET : NOBODY;
		if (send(redisd->probe_fd, "PING\r\n", 6, MSG_NOSIGNAL) != 6)
			probe_close(redisd);
		return NOTHING_YET;
	}
	n = recv(redisd->probe_fd, answer, sizeof(answer), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return NOTHING_YET;
	probe_close(redisd);
	if (n <= 0)
		return NOTHING_YET;
	return n >= 5 && memcmp(answer, "+PONG", 5) == 0 ? PONG : NOT_READY; /* LOADING */
}

/* ---- is there one already ---- */

/* A record lock: unlike flock() it does not pass to the workers, which may outlive us for a moment.
 */
static int take_lock(struct redisd *redisd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[PATH_MAX + 16];

	if (redisd->lock_fd >= 0)
		return 0;
	snprintf(path, sizeof(path), LOCK_PATH, redisd->dir);
	redisd->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (redisd->lock_fd < 0)
		return -errno;
	return fcntl(redisd->lock_fd, F_SETLK, &lock) < 0 ? -errno : 0;
}

/* Two servers on one append-only file would destroy it. */
static bool is_alone(struct redisd *redisd)
{
	int r = take_lock(redisd);

	if (r == -EACCES || r == -EAGAIN)
		fail(redisd, "another tallyd is running with %s", redisd->dir);
	else if (r < 0)
		fail(redisd, "cannot lock %s: %s", redisd->dir, strerror(-r));
	return r == 0;
}

/* ---- preparing ---- */

static bool make_dir(struct redisd *redisd)
{
	if (mkdir(redisd->options.dir, 0700) < 0 && errno != EEXIST) {
		fail(redisd, "cannot make %s: %s", redisd->options.dir, strerror(errno));
		return false;
	}
	/* Redis changes into it, so a relative path would mean another place there. */
	if (!realpath(redisd->options.dir, redisd->dir)) {
		fail(redisd, "cannot enter %s: %s", redisd->options.dir, strerror(errno));
		return false;
	}
	snprintf(redisd->socket, sizeof(redisd->socket), "%s/redis.sock", redisd->dir);
	if (strlen(redisd->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		fail(redisd, "the path is too long for a socket: %s", redisd->socket);
		return false;
	}
	return true;
}

/* Until when somebody who has our socket, or our files, is taken for one that is ending. */
static bool may_be_ending(const struct redisd *redisd)
{
	return clock_steady_ms() - redisd->started_ms < ENDING_MS;
}

/* False: not whole, or not free yet; then it is tried again. */
static bool repair(struct redisd *redisd)
{
	struct aof_report report;
	char why[AOF_EXPLAINED_MAX];
	int r = aof_repair_tail(redisd->dir, &report);

	if (r == -EBUSY && may_be_ending(redisd)) {
		arm(redisd, PROBE_MS);
		return false;
	}
	if (r < 0) {
		aof_explain(&report, r, why, sizeof(why));
		fail(redisd,
		    "the append-only file needs a person: %s; see \"Damaged append-only file\" in "
		    "the runbook",
		    why);
		return false;
	}
	if (report.cut > 0)
		log_warn("redis: cut %" PRIu64 " bytes off %s at offset %" PRIu64
			 ": %s; nothing of it was acknowledged; kept in %s",
		    report.cut, report.file, report.offset, report.why, report.kept);
	return true;
}

/* ---- the child ---- */

__attribute__((noreturn)) static void run_child(
    const struct redisd *redisd, pid_t parent, int error_fd)
{
	char log[PATH_MAX + 16];
	sigset_t none;
	int fd, error;

	setpgid(0, 0); /* Ctrl-C is for the supervisor, which ends this one last */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);

	snprintf(log, sizeof(log), "%s/redis.log", redisd->dir);
	fd = open("/dev/null", O_RDONLY);
	if (fd >= 0)
		dup2(fd, STDIN_FILENO);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd >= 0) {
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
	}
	close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC);
	if (fd >= 0)
		execlp(redisd->options.binary, redisd->options.binary, redisd->options.config,
		    "--dir", redisd->dir, "--unixsocket", redisd->socket, (char *)NULL);
	error = errno;
	if (write(error_fd, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

/* 0, or -errno when it could not be executed. */
static int spawn(struct redisd *redisd)
{
	pid_t parent = getpid();
	int pipe_fds[2], error = 0;
	ssize_t n;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	redisd->pid = fork();
	if (redisd->pid < 0) {
		error = errno;
		redisd->pid = 0;
		close(pipe_fds[0]);
		close(pipe_fds[1]);
		return -error;
	}
	if (redisd->pid == 0)
		run_child(redisd, parent, pipe_fds[1]);
	close(pipe_fds[1]);
	/* Closed by the exec, so this waits for no more than that. */
	do
		n = read(pipe_fds[0], &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	close(pipe_fds[0]);
	if (n != sizeof(error))
		return 0;
	waitpid(redisd->pid, NULL, 0);
	redisd->pid = 0;
	return -error;
}

static void start(struct redisd *redisd)
{
	int r;

	if (!repair(redisd))
		return;
	r = spawn(redisd);
	if (r < 0) {
		fail(redisd, "cannot run %s: %s", redisd->options.binary, strerror(-r));
		return;
	}
	redisd->state = STARTING;
	redisd->started_ms = redisd->grumbled_ms = clock_steady_ms();
	arm(redisd, PROBE_MS);
}

/* ---- one step of each state ---- */

/* One that was killed with its tallyd a moment ago has the socket and the files until the disk lets
 * it go. */
static void clear(struct redisd *redisd)
{
	switch (probe(redisd)) {
	case NOBODY:
		start(redisd);
		return;
	case NOTHING_YET:
		if (may_be_ending(redisd)) {
			arm(redisd, PROBE_MS);
			return;
		}
		break;
	case NOT_READY:
	case PONG:
		break;
	}
	probe_close(redisd);
	fail(redisd, "a Redis that is not ours is running on %s; end it first", redisd->socket);
}

static void prepare(struct redisd *redisd)
{
	if (!make_dir(redisd) || !is_alone(redisd))
		return;
	redisd->state = CLEARING;
	redisd->started_ms = clock_steady_ms();
	clear(redisd);
}

static void ask(struct redisd *redisd)
{
	int64_t now_ms = clock_steady_ms();

	if (probe(redisd) == PONG) {
		log_info("redis runs as process %d", (int)redisd->pid);
		redisd->state = UP;
		redisd->was_up = true;
		redisd->options.on_up(redisd->options.arg);
		return;
	}
	if (now_ms - redisd->grumbled_ms >= STILL_WAITING_MS) {
		redisd->grumbled_ms = now_ms;
		log_warn("redis has not answered for %" PRId64
			 " s; is it loading? see %s/redis.log",
		    (now_ms - redisd->started_ms) / 1000, redisd->dir);
	}
	arm(redisd, PROBE_MS);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct redisd *redisd = arg;

	(void)fd;
	(void)what;
	switch (redisd->state) {
	case RESTING:
		prepare(redisd);
		break;
	case CLEARING:
		clear(redisd);
		break;
	case STARTING:
		ask(redisd);
		break;
	case STOPPING:
		if (redisd->pid) {
			log_warn("redis does not end; it is killed");
			kill(redisd->pid, SIGKILL);
			break;
		}
		redisd->state = STOPPED;
		redisd->options.on_stopped(redisd->options.arg);
		break;
	case UP:
	case STOPPED:
	case FAILED:
		break;
	}
}

/* ---- public ---- */

static struct redisd *make(struct event_base *base, const struct redisd_options *options)
{
	struct redisd *redisd = calloc(1, sizeof(*redisd));

	if (!redisd)
		return NULL;
	redisd->options = *options;
	redisd->backoff_ms = FIRST_BACKOFF_MS;
	redisd->lock_fd = redisd->probe_fd = -1;
	evtimer_assign(&redisd->timer, base, on_timer, redisd);
	redisd->options.binary = strdup(options->binary);
	redisd->options.config = strdup(options->config);
	redisd->options.dir = strdup(options->dir);
	if (redisd->options.binary && redisd->options.config && redisd->options.dir)
		return redisd;
	redisd_free(redisd);
	return NULL;
}

int redisd_find_keeper(const char *dir, pid_t *ret_pid)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[PATH_MAX + 16];
	int fd, r = 0;

	*ret_pid = 0;
	if (snprintf(path, sizeof(path), LOCK_PATH, dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fcntl(fd, F_GETLK, &lock) < 0)
		r = -errno;
	else if (lock.l_type != F_UNLCK) {
		r = 1;
		*ret_pid = lock.l_pid > 0 ? lock.l_pid : 0;
	}
	close(fd);
	return r;
}

struct redisd *redisd_new(struct event_base *base, const struct redisd_options *options)
{
	struct redisd *redisd = make(base, options);

	if (redisd)
		arm(redisd, 0);
	return redisd;
}

json_t *redisd_describe(const struct redisd *redisd)
{
	if (redisd->state != UP)
		return NULL;
	return json_pack("{s:i, s:i}", "pid", (int)redisd->pid, "lock", redisd->lock_fd);
}

static void set_over_exec(int fd, bool over_exec)
{
	(void)fcntl(fd, F_SETFD, over_exec ? 0 : FD_CLOEXEC);
}

void redisd_pass_on(const struct redisd *redisd, bool over_exec)
{
	set_over_exec(redisd->lock_fd, over_exec);
}

struct redisd *redisd_take(
    struct event_base *base, const struct redisd_options *options, const json_t *described)
{
	struct redisd *redisd = make(base, options);
	int pid;

	if (!redisd)
		return NULL;
	if (json_unpack((json_t *)(uintptr_t)described, "{s:i, s:i}", "pid", &pid, "lock",
		&redisd->lock_fd) != 0 ||
	    pid <= 0 || !make_dir(redisd)) {
		redisd_free(redisd);
		return NULL;
	}
	redisd->pid = pid;
	redisd->state = UP;
	redisd->was_up = true;
	redisd->started_ms = clock_steady_ms();
	redisd_pass_on(redisd, false);
	return redisd;
}

void redisd_free(struct redisd *redisd)
{
	if (!redisd)
		return;
	evtimer_del(&redisd->timer);
	probe_close(redisd);
	if (redisd->lock_fd >= 0)
		close(redisd->lock_fd);
	free((void *)(uintptr_t)redisd->options.binary);
	free((void *)(uintptr_t)redisd->options.config);
	free((void *)(uintptr_t)redisd->options.dir);
	free(redisd);
}

static const char *ending(int status, char ret[48])
{
	if (WIFSIGNALED(status))
		snprintf(ret, 48, "was killed by signal %d", WTERMSIG(status));
	else
		snprintf(ret, 48, "ended with status %d", WEXITSTATUS(status));
	return ret;
}

bool redisd_reaped(struct redisd *redisd, pid_t pid, int status)
{
	char text[48];

	if (pid <= 0 || pid != redisd->pid)
		return false;
	redisd->pid = 0;
	probe_close(redisd);
	if (redisd->state == STOPPING) {
		arm(redisd, 0);
		return true;
	}
	if (!redisd->was_up) {
		fail(redisd, "redis %s before it answered; see %s/redis.log", ending(status, text),
		    redisd->dir);
		return true;
	}
	log_error("redis %s; it is started again", ending(status, text));
	redisd->state = RESTING;
	if (clock_steady_ms() - redisd->started_ms >= LIVED_LONG_MS)
		redisd->backoff_ms = FIRST_BACKOFF_MS;
	arm(redisd, redisd->backoff_ms);
	redisd->backoff_ms *= 2;
	if (redisd->backoff_ms > BACKOFF_MAX_MS)
		redisd->backoff_ms = BACKOFF_MAX_MS;
	return true;
}

void redisd_stop(struct redisd *redisd)
{
	if (redisd->state == STOPPING || redisd->state == STOPPED)
		return;
	redisd->state = STOPPING;
	if (redisd->pid)
		kill(redisd->pid, SIGTERM);
	arm(redisd, redisd->pid ? STOP_MS : 0);
}
