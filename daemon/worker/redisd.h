/* The private Redis: a redis-server that is the supervisor's child, with its state in one directory
 * and a unix socket in there. Repairs the tail of its log before every start (store/aof.h), waits
 * until it answers PING, starts it again when it dies, ends it last. Knows no keys. */
#ifndef TALLYD_WORKER_REDISD_H
#define TALLYD_WORKER_REDISD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct event_base;
struct redisd;

struct redisd_options {
	const char *binary; /* "redis-server": looked up in PATH unless it has a slash */
	const char *config; /* its configuration file, ops/redis.conf */
	const char *dir;    /* made (0700) if absent; holds redis.sock, redis.log, redisd.lock */
	unsigned start_ms;  /* how long it may take until it answers; a big log is slow to load */
	unsigned stop_ms;   /* from SIGTERM until SIGKILL */
	/* Told when it answers, and when it has died or cannot be started; may be NULL. Never from
	 * within redisd_new() or redisd_start(). */
	void (*on_up)(void *arg);
	void (*on_down)(void *arg, const char *why);
	void *arg;
};

/* Options are copied. NULL with errno set: memory. */
struct redisd *redisd_new(struct event_base *base, const struct redisd_options *options);

/* First start, before the loop runs: takes the directory's lock, repairs, starts, and returns once
 * Redis answers. Blocks for start_ms at most. On failure `ret_why` holds one line for people, and
 * nothing runs: -EBUSY (a Redis runs in this directory already), -EBADMSG (its log is damaged
 * beyond its tail), -ETIMEDOUT, or another. */
__attribute__((warn_unused_result)) int redisd_start(
    struct redisd *redisd, char *ret_why, size_t why_size);

/* The socket, as redis_options.address wants it: "unix:/…/redis.sock". */
const char *redisd_address(const struct redisd *redisd);
/* 0 while none runs. */
pid_t redisd_pid(const struct redisd *redisd);

/* Call for every child that waitpid() reports. True: it was this one; it is started again, with a
 * backoff, unless redisd_stop() was called. */
bool redisd_child_died(struct redisd *redisd, pid_t pid, int status);

/* Ends it: SIGTERM, and SIGKILL after stop_ms; returns when it is gone. Blocks. Its children are
 * reaped here. For the end of the program, when nothing needs it any more. */
void redisd_stop(struct redisd *redisd);

/* Stops it if it runs. */
void redisd_free(struct redisd *redisd);

#endif
