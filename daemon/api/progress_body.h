/* What a look at a contest tells organisers, as JSON. For progress.c. */
#ifndef TALLYD_API_PROGRESS_BODY_H
#define TALLYD_API_PROGRESS_BODY_H

#include "api/redis_health.h"
#include "office/board.h"

struct service;

/* Everything but clocks, ages, turnout, and the audit log. NULL: memory. */
json_t *progress_body(
    const struct service *service, const struct board *board, const struct count *count);

/* How many had voted when the current minute began, where that was seen. */
struct progress_minute {
	int64_t minute;  /* since 1970 */
	int64_t ballots; /* -1: not seen */
};
json_t *progress_turnout(struct progress_minute *minute, const struct count *count);

/* Why sealing has halted, by the record: {"shard","why","at"}, or null. */
json_t *progress_halt(const struct board *board);

/* Adds "now" and "health": what moves all the time. `halt`: progress_halt(), borrowed. */
void progress_add_clocks(json_t *body, const struct service *service, bool answered,
    int64_t answer_ms, const struct redis_health *redis, json_t *halt);

#endif
