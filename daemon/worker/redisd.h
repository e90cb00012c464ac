/* A private redis-server: a child of the supervisor in a process group of its own, on a unix socket
 * in its directory, with the append-only file's tail repaired before every start (store/aof).
 * Restarted with backoff when it dies. Its output goes to <dir>/redis.log. */
#ifndef TALLYD_WORKER_REDISD_H
#define TALLYD_WORKER_REDISD_H

#include <stdbool.h>
#include <sys/types.h>

#include <jansson.h>

struct event_base;
struct redisd;

#define REDISD_WHY_MAX 512

struct redisd_options {     /* text is copied */
	const char *binary; /* "redis-server", looked up in PATH */
	const char *config; /* ops/redis.conf */
	const char *dir;    /* made when missing, 0700; the socket is <dir>/redis.sock */
	/* It answers PING: at the first start and after every restart. */
	void (*on_up)(void *arg);
	/* It cannot be started and will not be tried again: another server runs in `dir`, the
	 * binary is missing, the append-only file needs a person. `why` says which and what to do.
	 */
	void (*on_failed)(void *arg, const char *why);
	/* It has ended after redisd_stop(). */
	void (*on_stopped)(void *arg);
	void *arg;
};

/* Begins to start it; the callbacks come in later turns of the loop. NULL: memory. */
struct redisd *redisd_new(struct event_base *base, const struct redisd_options *options);
/* Frees what is known of it; where the process still runs, it goes on. */
void redisd_free(struct redisd *redisd);

/* Another program in this process, after exec(), is to go on with the server that runs: what it
 * needs to know, as JSON. NULL: it does not answer at the moment, or memory. */
json_t *redisd_describe(const struct redisd *redisd);
/* Whether the descriptor that keeps others out stays open over exec(). */
void redisd_pass_on(const struct redisd *redisd, bool over_exec);
/* As redisd_new(), with the server that was described; on_up comes after a restart only. NULL:
 * memory, or what is described is not there. */
struct redisd *redisd_take(
    struct event_base *base, const struct redisd_options *options, const json_t *described);

/* For every child that waitpid() reports: true when it was this one. */
bool redisd_reaped(struct redisd *redisd, pid_t pid, int status);

/* SIGTERM, and after a deadline SIGKILL, to that process only. on_stopped follows. */
void redisd_stop(struct redisd *redisd);

/* For other programs: whether a tallyd keeps a private Redis in `dir` at the moment. 1, and its
 * process id (0: one that is not seen from here); 0; or -errno. Never in that tallyd's own process,
 * which would lose its lock by this. */
__attribute__((warn_unused_result)) int redisd_find_keeper(const char *dir, pid_t *ret_pid);

#endif
