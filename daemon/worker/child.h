/* A process of tallyd that is started again whenever it dies, with backoff, and that reports once
 * in its life how its start went. Knows neither what the process does nor when it should end. */
#ifndef TALLYD_WORKER_CHILD_H
#define TALLYD_WORKER_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct event;
struct event_base;

#define CHILD_NAME_MAX   32
#define CHILD_REPORT_MAX 512

struct child { /* embedded; fields are read by its owner, changed by child_* only */
	char name[CHILD_NAME_MAX];       /* "worker 1": in the log and in the process list */
	int end_signal;                  /* ends it; the kernel sends it too when the parent dies */
	int (*run)(struct child *child); /* in the new process; returns its exit status */
	/* Its report: `why` is NULL when it is ready, else says why it refuses to serve. */
	void (*on_report)(struct child *child, const char *why);
	void *owner;
	pid_t pid;         /* 0: not running */
	bool ready;        /* some process of this child has reported so */
	bool ending;       /* it was told to end: nobody starts another */
	int report_fds[2]; /* the parent's end, the child's end */
	int64_t started_ms;
	unsigned backoff_ms;
	struct event *on_readable, *restart;
};

/* Takes name, end_signal, run, on_report and owner as set by the caller. 0 or -errno;
 * child_release() is right after either. */
__attribute__((warn_unused_result)) int child_init(struct child *child, struct event_base *base);
/* Frees the events, in the parent at the end and in every other child at its start. */
void child_release(struct child *child);

void child_start(struct child *child);
/* In the child process, once it has left the parent's loop: SIGTERM, which waited since the fork,
 * ends it from now on; what a terminal or an operator tells the whole group is for the parent. */
void child_settle_signals(void);
/* For a child that has died by itself: logs `status` (of waitpid) and starts it after the backoff.
 */
void child_start_again(struct child *child, int status);
/* No further start; `signal_number` (0: none) to it if it runs. */
void child_end(struct child *child, int signal_number);

/* In the child process: tells the parent once that it is ready (why NULL) or why it will not serve.
 */
void child_report(int report_fd, const char *why);

#endif
