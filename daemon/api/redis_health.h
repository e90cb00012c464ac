/* How Redis is, by its own words (INFO), asked now and then. For progress.c. */
#ifndef TALLYD_API_REDIS_HEALTH_H
#define TALLYD_API_REDIS_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

struct redis;

struct redis_health {
	int64_t memory_bytes; /* used, of all masters together; -1: not known */
	bool disk_failing;    /* one's append-only file could not be written lately */
	int64_t asked_steady_ms;
	unsigned pending; /* masters that have not answered yet, */
	int64_t memory;   /* and what the others have said */
	bool failing;
};

void redis_health_init(struct redis_health *health);
/* Asks unless that was done within the last five seconds; `health` must outlive redis_free(). */
void redis_health_ask(struct redis_health *health, struct redis *redis);

#endif
