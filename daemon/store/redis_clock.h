/* Asks a Redis for its clock, by which a contest's hours are judged. */
#ifndef TALLYD_STORE_REDIS_CLOCK_H
#define TALLYD_STORE_REDIS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct redis;

#define REDIS_CLOCK_OFF_MS 1000 /* clocks that differ by so much are told of */

struct redis_clock {
	int64_t now_ms;    /* Redis' clock, at … */
	int64_t steady_ms; /* … this moment here, halfway between question and answer */
	int64_t ahead_ms;  /* surely so much before this host's clock; < 0: behind it; 0 where the
			      time on the way may be the difference */
};

/* `clock` is borrowed for the callback and NULL where there was no answer. Exactly once, in a later
 * turn of the loop or in redis_free(). */
typedef void redis_clock_cb(void *arg, const struct redis_clock *clock);
/* `master` as in redis_call_master(). */
void redis_clock_ask(struct redis *redis, unsigned master, redis_clock_cb *cb, void *arg);

#endif
