/* What tallyctl check found, and the parts that look. For check*.c alone. */
#ifndef TALLYD_CTL_CHECK_H
#define TALLYD_CTL_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/util.h>

#include "ctl/ctl.h"
#include "store/durability.h"

struct round;

#define CHECK_FINDINGS_MAX 128
#define CHECK_REPLICAS_MAX 32

struct check_finding {
	enum durability_grade grade;
	/* "redis", a cluster's server, "replica 10.0.0.22:6379", "rights", "clock", "host", "keys"
	 */
	char of[80];
	char setting[48], value[160], may[240], remedy[160];
};

struct check {
	const struct ctl *ctl;
	struct round **rounds;
	size_t n_rounds;
	struct check_finding findings[CHECK_FINDINGS_MAX];
	size_t n;
	char server[96];                       /* "Redis 7.0.15, standalone" */
	char replicas[CHECK_REPLICAS_MAX][64]; /* "10.0.0.22:6379", as their masters have it */
	size_t n_replicas;
};

/* A finding without a remedy yet; what does not fit any more is the last one over again. */
struct check_finding *check_find(struct check *check, enum durability_grade grade, const char *of,
    const char *setting, const char *value, const char *may);

/* What was found of a Redis: as findings, but for those that are known of another one already. */
void check_add(struct check *check, const struct durability *durability, const char *of);

/* Asks Redis; 0, or 69 or 78, told. */
int check_redis(struct check *check);
/* Asks each of check->replicas, as the same user. */
void check_replicas(struct check *check, const char *password);

/* One connection, and the loop that it is used in, until somebody ends the loop: `on_state` as in
 * redis.h, `on_patience` when it was not there in time. False: memory is short. */
struct check_loop {
	struct event_base *base;
	struct redis *redis;
	struct event *patience;
};
struct redis_options;
typedef void check_patience_cb(evutil_socket_t fd, short what, void *arg);
__attribute__((warn_unused_result)) bool check_loop_run(
    struct check_loop *loop, const struct redis_options *options, check_patience_cb *on_patience);
void check_loop_release(struct check_loop *loop);
/* Expected in all contests. */
uint64_t check_voters(const struct check *check);
/* This machine, where Redis runs on it: memory, its socket. And the keys' permissions. */
void check_host(struct check *check);
/* Names in Redis' address. */
void check_names(struct check *check);

#endif
