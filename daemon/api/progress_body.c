/* Turns board and counters into the members of GET …/progress. */
#include "api/progress_body.h"

#include "api/app.h"
#include "base/clock.h"

static json_t *time_json(int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	return wall_ms ? json_string(clock_format(wall_ms, 1, text)) : json_null();
}

json_t *progress_turnout(struct progress_minute *at, const struct count *count)
{
	int64_t minute = count->input.now_ms / 60000;

	if (minute != at->minute) {
		at->ballots = minute == at->minute + 1 ? (int64_t)count->totals.ballots : -1;
		at->minute = minute;
	}
	return json_pack("{s:o, s:o}", "minute", time_json(minute * 60000), "ballots",
	    at->ballots >= 0 ? json_integer(at->ballots) : json_null());
}

/* This host's, since its start, over all its contests. */
static json_t *rejections_json(const struct app *app)
{
	static const struct {
		const char *reason;
		size_t offset; /* in struct stats */
	} reasons[] = {
#define CAST(name, verdict) {name, offsetof(struct stats, casts[verdict])}
	    CAST("token-spent", CAST_SPENT),
	    CAST("not-open", CAST_NOT_OPEN),
	    CAST("closed", CAST_CLOSED),
	    CAST("paused", CAST_PAUSED),
	    CAST("nothing-to-replace", CAST_NEVER),
	    CAST("replaced-too-often", CAST_REPLACED_TOO_OFTEN),
	    CAST("rules-differ", CAST_RULES_DIFFER),
	    CAST("fault", CAST_FAULT),
	    CAST("busy", CAST_BUSY),
	    CAST("outcome-unknown", CAST_UNKNOWN),
#undef CAST
	    {"invalid-ballot", offsetof(struct stats, ballots_invalid)},
	    {"invalid-token", offsetof(struct stats, tokens_invalid)},
	    {"rate-limited", offsetof(struct stats, rate_limited)},
	};
	json_t *object = json_object();

	for (size_t r = 0; r < sizeof(reasons) / sizeof(reasons[0]); r++) {
		uint64_t sum = 0;

		for (size_t w = 0; w < app->n_workers; w++)
			sum += *(const uint64_t *)(const void *)((const char *)&app->all[w] +
								 reasons[r].offset);
		json_object_set_new(object, reasons[r].reason, json_integer((json_int_t)sum));
	}
	return object;
}

static json_t *workers_json(const struct app *app)
{
	json_t *workers = json_array();
	int64_t now_ms = clock_steady_ms();

	for (size_t w = 0; w < app->n_workers; w++) {
		const struct stats *stats = &app->all[w];

		json_array_append_new(workers,
		    json_pack("{s:I, s:o, s:I, s:I}", "slot", (json_int_t)w, "beat_age_ms",
			stats->beat_steady_ms ? json_integer(now_ms - stats->beat_steady_ms)
					      : json_null(),
			"requests", (json_int_t)stats->http.requests, "subscribers",
			(json_int_t)stats->subscribers));
	}
	return workers;
}

static json_t *health_json(
    const struct app *app, bool answered, int64_t answer_ms, const struct redis_health *redis)
{
	return json_pack("{s:{s:b, s:o, s:o, s:b}, s:o}", "redis", "connected", answered,
	    "answer_ms", answered ? json_integer(answer_ms) : json_null(), "memory_bytes",
	    redis->memory_bytes >= 0 ? json_integer(redis->memory_bytes) : json_null(),
	    "disk_failing", redis->disk_failing, "workers", workers_json(app));
}

json_t *progress_body(
    const struct service *service, const struct board *board, const struct count *count)
{
	json_t *body = board_overview(service->round->contest, board, count);

	if (body)
		json_object_set_new(body, "rejections", rejections_json(service->app));
	return body;
}

void progress_add_clocks(json_t *body, const struct app *app, bool answered, int64_t answer_ms,
    const struct redis_health *redis)
{
	json_object_set_new(body, "now", time_json(clock_wall_ms()));
	json_object_set_new(body, "health", health_json(app, answered, answer_ms, redis));
}
