/* What nobody can save: a verification as OpenSSL does it, and what the kernel alone takes for the
 * same bytes over loopback sockets when nothing is done between recv() and send(). Measured in the
 * same run as the daemon, since a machine that others use is never the same for long. */
#ifndef TALLYD_TESTS_FLOOR_H
#define TALLYD_TESTS_FLOOR_H

#include <sys/epoll.h>
#include <sys/wait.h>

#include "bench.h"

/* Microseconds a verification as `openssl speed rsa2048` measures them now; 0 where it cannot. */
static inline double verify_floor_us(void)
{
	char line[256];
	double per_second = 0;
	FILE *speed = popen("openssl speed -seconds 2 rsa2048 2>/dev/null", "r");

	if (speed == NULL)
		return 0;
	while (fgets(line, sizeof(line), speed) != NULL)
		(void)sscanf(line, "rsa 2048 bits %*s %*s %*f %lf", &per_second);
	(void)pclose(speed);
	return per_second > 0 ? 1e6 / per_second : 0;
}

/* A server (a child, whose CPU time is measured) and a client (this process). */
struct kernel_floor {
	size_t sockets;
	size_t request; /* bytes; 0: the server sends unasked, to all at once */
	size_t reply;
	size_t replies;  /* on each socket */
	unsigned gap_ms; /* unasked: between two replies to all */
};

#define FLOOR_BYTES_MAX 8192

static char floor_bytes[FLOOR_BYTES_MAX];

static inline double own_cpu_us(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static inline void floor_watch(int epoll, int fd, size_t index)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = index};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll: %s", strerror(errno));
}

/* ---- the child ---- */

static inline void floor_send_to_all(const struct kernel_floor *plan, const int *fds)
{
	const struct timespec gap = {0, plan->gap_ms * 1000000L};

	for (size_t round = 0; round < plan->replies; round++) {
		for (size_t i = 0; i < plan->sockets; i++)
			(void)send(fds[i], floor_bytes, plan->reply, MSG_NOSIGNAL | MSG_DONTWAIT);
		(void)nanosleep(&gap, NULL);
	}
}

/* As the daemon does: first all that is readable, then all answers. */
static inline void floor_answer(const struct kernel_floor *plan, const int *fds)
{
	struct epoll_event events[64];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	size_t left = plan->sockets * plan->replies;

	for (size_t i = 0; i < plan->sockets; i++)
		floor_watch(epoll, fds[i], i);
	while (left > 0) {
		int n = epoll_wait(epoll, events, 64, 10000);
		if (n <= 0)
			die("the floor's client is silent");
		for (int i = 0; i < n; i++)
			(void)recv(fds[events[i].data.u64], floor_bytes, FLOOR_BYTES_MAX, 0);
		for (int i = 0; i < n; i++, left--)
			(void)send(fds[events[i].data.u64], floor_bytes, plan->reply, MSG_NOSIGNAL);
	}
}

static inline void floor_serve(const struct kernel_floor *plan, int listener, int report)
{
	int *fds = calloc(plan->sockets, sizeof(*fds));
	double cpu;

	for (size_t i = 0; i < plan->sockets && fds != NULL; i++)
		fds[i] = accept(listener, NULL, NULL);
	if (fds == NULL)
		_exit(EX_OSERR);
	cpu = own_cpu_us();
	if (plan->request > 0)
		floor_answer(plan, fds);
	else
		floor_send_to_all(plan, fds);
	cpu = (own_cpu_us() - cpu) / (double)(plan->sockets * plan->replies);
	_exit(write(report, &cpu, sizeof(cpu)) == sizeof(cpu) ? 0 : EX_OSERR);
}

/* ---- the client ---- */

/* Reads, and asks again, until the server has closed every socket. A message of these sizes comes
 * whole mostly; where it does not, the rest is taken for nothing. */
static inline void floor_read_all(const struct kernel_floor *plan, const int *fds, int epoll)
{
	struct epoll_event events[256];
	size_t open = plan->sockets;
	size_t to_ask = plan->request > 0 ? plan->sockets * plan->replies : 0;

	for (size_t i = 0; i < plan->sockets && to_ask > 0; i++, to_ask--)
		(void)send(fds[i], floor_bytes, plan->request, MSG_NOSIGNAL);
	while (open > 0) {
		int n = epoll_wait(epoll, events, 256, 10000);
		if (n <= 0)
			die("the floor's server is silent");
		for (int i = 0; i < n; i++) {
			int fd = fds[events[i].data.u64];
			ssize_t got = recv(fd, floor_bytes, FLOOR_BYTES_MAX, 0);
			if (got <= 0) {
				(void)epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
				open--;
			} else if (to_ask > 0) {
				(void)send(fd, floor_bytes, plan->request, MSG_NOSIGNAL);
				to_ask--;
			}
		}
	}
}

/* Microseconds of the server's CPU a reply. */
static inline double kernel_floor_us(const struct kernel_floor *plan)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int *fds = calloc(plan->sockets, sizeof(*fds));
	struct bench at = {0};
	int report[2], on = 1;
	double us = 0;
	pid_t child;

	if (listener < 0 || epoll < 0 || fds == NULL || pipe(report) < 0 ||
	    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    bind(listener, (struct sockaddr *)&address, len) < 0 || listen(listener, 4096) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) < 0)
		die("the floor's server: %s", strerror(errno));
	(void)fflush(stdout);
	child = fork();
	if (child == 0)
		floor_serve(plan, listener, report[1]);
	at.port = ntohs(address.sin_port);
	for (size_t i = 0; i < plan->sockets; i++) {
		fds[i] = connect_to(&at);
		floor_watch(epoll, fds[i], i);
	}
	floor_read_all(plan, fds, epoll);
	if (child < 0 || waitpid(child, NULL, 0) != child ||
	    read(report[0], &us, sizeof(us)) != sizeof(us))
		die("the floor's server has failed");
	for (size_t i = 0; i < plan->sockets; i++)
		(void)close(fds[i]);
	(void)close(report[0]);
	(void)close(report[1]);
	(void)close(epoll);
	(void)close(listener);
	free(fds);
	return us;
}

#endif
