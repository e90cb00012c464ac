/* What a look at a contest tells organisers, as JSON. For progress.c. */
#ifndef TALLYD_API_PROGRESS_BODY_H
#define TALLYD_API_PROGRESS_BODY_H

#include "api/redis_health.h"
#include "office/board.h"

struct app;
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

/* Adds "now" and "health": what moves all the time. */
void progress_add_clocks(json_t *body, const struct app *app, bool answered, int64_t answer_ms,
    const struct redis_health *redis);

#endif
