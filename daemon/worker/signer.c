/* The loop of the signer process: one request from each worker in turn, so that none starves the
 * others. Blocks in poll() only; knows nothing of HTTP, Redis, or who asks. */
#include "worker/signer.h"

#include <errno.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sysexits.h>

#include "base/log.h"
#include "client/signer.h"
#include "crypto/blindrsa.h"

static volatile sig_atomic_t stopping;

static void on_quit(int signal_number)
{
	(void)signal_number;
	stopping = 1;
}

/* What blind signing, its allocations, OpenSSL's random numbers and the log need, and nothing else:
 * no socket(), no open(), no exec. Sanitizers need more; their builds run without the filter. */
static int confine(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return 0;
#else
	static const int allowed[] = {SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(recvfrom),
	    SCMP_SYS(sendto), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(futex), SCMP_SYS(brk),
	    SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect),
	    SCMP_SYS(madvise), SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(gettid),
	    SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(rt_sigreturn),
	    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(restart_syscall),
	    SCMP_SYS(tgkill), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
	    SCMP_SYS(exit), SCMP_SYS(exit_group)};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!filter)
		return -ENOMEM;
	int rc = 0;
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc;
#endif
}

static void answer(int fd, struct blindrsa_private *const *keys, size_t n_keys)
{
	struct signer_request request;
	struct signer_reply reply = {0};
	if (recv(fd, &request, sizeof(request), MSG_DONTWAIT) != (ssize_t)sizeof(request))
		return;
	reply.id = request.id;
	if (request.key >= n_keys)
		reply.error = -EINVAL;
	else
		reply.error = blindrsa_sign(keys[request.key],
		    slice_make(request.blinded, sizeof(request.blinded)), reply.signature);
	/* A worker that no longer reads loses its answer: its request has met its deadline. */
	(void)!send(fd, &reply, sizeof(reply), MSG_DONTWAIT | MSG_NOSIGNAL);
}

int signer_process(
    const int *fds, size_t n_fds, struct blindrsa_private *const *keys, size_t n_keys)
{
	struct pollfd *polled = calloc(n_fds, sizeof(*polled));
	if (!polled)
		return EX_OSERR;
	for (size_t i = 0; i < n_fds; i++)
		polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};

	/* SIGTERM may be sent to the whole group, and workers still need signatures while they
	 * drain. */
	signal(SIGTERM, SIG_IGN);
	struct sigaction quit = {.sa_handler = on_quit};
	sigaction(SIGQUIT, &quit, NULL);
	/* Blocked but for the wait itself, so that no signal is lost between the test and the wait.
	 */
	sigset_t quit_only, while_waiting;
	sigemptyset(&quit_only);
	sigaddset(&quit_only, SIGQUIT);
	sigprocmask(SIG_BLOCK, &quit_only, &while_waiting);
	sigdelset(&while_waiting, SIGQUIT);

	prctl(PR_SET_DUMPABLE, 0); /* no core file, no ptrace: the keys are in this memory */
	int rc = confine();
	if (rc != 0) {
		log_error("the signer cannot be confined (seccomp): %s", strerror(-rc));
		free(polled);
		return EX_OSERR;
	}
	/* The supervisor holds the workers' ends, too: a peer that has hung up means that both are
	 * dead. It is polled no more, for it would be ready for ever, and ppoll() lets no signal in
	 * while something is ready: the one that tells of the supervisor's death would stay
	 * blocked. */
	for (size_t open = n_fds; open > 0 && !stopping;) {
		if (ppoll(polled, n_fds, NULL, &while_waiting) < 0)
			continue;
		for (size_t i = 0; i < n_fds; i++) {
			if (polled[i].revents & POLLIN)
				answer(fds[i], keys, n_keys);
			if (polled[i].revents & POLLHUP) {
				polled[i].fd = -1;
				open--;
			}
		}
	}
	free(polled);
	return EX_OK;
}
