/* Judges a Redis by its own words (INFO, CONFIG GET): what of its settings and state loses votes,
 * doubles them, or stops them. durability_judge() is pure; durability_ask…() ask the servers. Knows
 * what ops/redis.conf sets, and decides nothing by it. */
#ifndef TALLYD_STORE_DURABILITY_H
#define TALLYD_STORE_DURABILITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct redis;

/* By how grave it is. */
enum durability_grade {
	DURABILITY_ADVICE,
	DURABILITY_STOPS,   /* no votes can be taken, or soon not any more */
	DURABILITY_LOSES,   /* votes that were acknowledged can be lost */
	DURABILITY_DOUBLES, /* a ballot can be counted twice */
};

/* "advice", "takes no votes", "loses votes", "may double votes" */
const char *durability_word(enum durability_grade grade);

struct durability_finding {
	enum durability_grade grade;
	char server[64];  /* of a cluster, "host:port"; else "" */
	char setting[40]; /* as Redis calls it: of CONFIG GET, or of INFO */
	char value[64];   /* as it is there; "" where there is none */
	const char *may;  /* what may happen; static */
	char
	    remedy[96]; /* the line to write into Redis' configuration; "" where no line mends it */
};

#define DURABILITY_FINDINGS_MAX 40

struct durability {
	struct durability_finding findings[DURABILITY_FINDINGS_MAX]; /* the gravest first */
	size_t n;
	bool settings_known; /* false: CONFIG GET is refused */
};

struct durability_setting { /* a pair of CONFIG GET */
	struct slice name, value;
};

struct durability_wants {
	uint64_t voters;   /* expected; 0: not known */
	unsigned replicas; /* that must have a vote before it is acknowledged (redis.replicas) */
	bool replica;      /* it is to be one: what it would be as a master is judged, not that it
			      takes no votes now */
};

/* `settings` with n 0: CONFIG GET was
 * refused, and what INFO tells of them is judged. Settings that are not there are not judged. */
void durability_judge(struct slice info, const struct durability_setting *settings, size_t n,
    const struct durability_wants *wants, struct durability *ret);

/* The gravest grade that was found; DURABILITY_ADVICE where nothing was. */
enum durability_grade durability_worst(const struct durability *durability);

/* "appendfsync is "everysec" (loses votes): …; write: appendfsync always" */
void durability_tell(const struct durability_finding *finding, char *ret_text, size_t cap);

/* Asks every master, and tells what was found at all of them; the same of several once, with the
 * name of one. `error`: 0, or -EIO: one gave no answer, and `durability` is NULL; else borrowed for
 * the callback. Exactly once, in a later turn of the loop or in redis_free(). */
typedef void durability_cb(void *arg, int error, const struct durability *durability);
void durability_ask(struct redis *redis, uint64_t voters, durability_cb *cb, void *arg);
/* The same for a server that is a replica, and that `redis` is connected to alone. */
void durability_ask_replica(struct redis *redis, uint64_t voters, durability_cb *cb, void *arg);

#endif
