/* Turns board and counters into the members of GET …/progress. */
#include "api/progress_body.h"

#include "api/app.h"
#include "base/clock.h"
#include "office/acts.h"
#include "office/lookout.h"

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

/* Some reasons stop ballots and token requests alike: then both count. */
static void add_reason(json_t *object, const struct app *app, const char *reason, size_t offset)
{
	json_int_t sum = json_integer_value(json_object_get(object, reason));

	for (size_t w = 0; w < app->n_workers; w++)
		sum += (json_int_t)stats_sum(app->all, app->n_workers, w, offset);
	json_object_set_new(object, reason, json_integer(sum));
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
	};
	json_t *object = json_object();

	for (size_t r = 0; r < sizeof(reasons) / sizeof(reasons[0]); r++)
		add_reason(object, app, reasons[r].reason, reasons[r].offset);
	for (int r = 0; r < REFUSALS; r++)
		add_reason(object, app, refusal_name((enum refusal)r),
		    offsetof(struct stats, refused) + (size_t)r * sizeof(uint64_t));
	return object;
}

static json_int_t counted(const struct app *app, size_t worker, size_t offset)
{
	return (json_int_t)stats_sum(app->all, app->n_workers, worker, offset);
}

/* Of a worker or its successor. */
static int64_t last_beat_ms(const struct app *app, size_t worker)
{
	int64_t one_ms = app->all[worker].beat_steady_ms,
		other_ms = app->all[worker + app->n_workers].beat_steady_ms;

	return one_ms > other_ms ? one_ms : other_ms;
}

static json_t *workers_json(const struct app *app)
{
	json_t *workers = json_array();
	int64_t now_ms = clock_steady_ms();

	for (size_t w = 0; w < app->n_workers; w++) {
		int64_t beat_ms = last_beat_ms(app, w);

		json_array_append_new(workers,
		    json_pack("{s:I, s:o, s:I, s:I}", "slot", (json_int_t)w, "beat_age_ms",
			beat_ms ? json_integer(now_ms - beat_ms) : json_null(), "requests",
			counted(app, w, offsetof(struct stats, http.requests)), "subscribers",
			counted(app, w, offsetof(struct stats, subscribers))));
	}
	return workers;
}

json_t *progress_halt(const struct board *board)
{
	const struct sealing *sealing = &board->sealing;

	if (!sealing->halted)
		return json_null();
	return json_pack("{s:I, s:s, s:o}", "shard", (json_int_t)sealing->halt_shard, "why",
	    sealing->halt_why, "at", time_json(sealing->halt_at_ms));
}

static json_t *seal_json(size_t shard, const struct seal_stats *seal)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:o, s:s}", "shard", (json_int_t)shard, "epoch",
	    (json_int_t)seal->epoch, "size", (json_int_t)seal->size, "sealed",
	    (json_int_t)seal->sealed, "sealed_at", time_json(seal->sealed_wall_ms), "state",
	    seal_state_name(seal->state));
}

/* As this host's sealer has it, and the halt as everybody has it. */
static json_t *log_json(const struct service *service, json_t *halt)
{
	json_t *shards = json_array();
	bool late = false;

	for (size_t i = 0; service->seals && i < service->round->contest->shards; i++) {
		json_array_append_new(shards, seal_json(i, &service->seals[i]));
		late = late || seal_is_late(&service->seals[i]);
	}
	return json_pack("{s:s, s:o, s:O?}", "state",
	    json_is_object(halt) ? "halted"
	    : late               ? "late"
	    : service->logs      ? "ok"
				 : "off",
	    "shards", shards, "halt", halt);
}

static json_t *health_json(const struct service *service, bool answered, int64_t answer_ms,
    const struct redis_health *redis, json_t *halt)
{
	return json_pack("{s:{s:b, s:o, s:o, s:b}, s:o, s:o}", "redis", "connected", answered,
	    "answer_ms", answered ? json_integer(answer_ms) : json_null(), "memory_bytes",
	    redis->memory_bytes >= 0 ? json_integer(redis->memory_bytes) : json_null(),
	    "disk_failing", redis->disk_failing, "log", log_json(service, halt), "workers",
	    workers_json(service->app));
}

/* Beside those of the board: what this worker has seen over several looks. */
static void add_warnings(const struct service *service, const struct count *count, json_t *body)
{
	json_t *warnings = json_object_get(body, "warnings");
	uint64_t excess = acts_tend_excess(service->tend);

	if (lookout_is_behind(service->lookout))
		json_array_append_new(warnings, json_pack("{s:s}", "kind", "redis-behind"));
	if (count->totals.lacks_issued)
		json_array_append_new(warnings, json_pack("{s:s}", "kind", "issued-behind"));
	if (excess > 0)
		json_array_append_new(
		    warnings, json_pack("{s:s, s:I}", "kind", "spent-above-issued", "ballots",
				  (json_int_t)excess));
}

json_t *progress_body(
    const struct service *service, const struct board *board, const struct count *count)
{
	json_t *body = board_overview(service->round->contest, board, count);

	if (body) {
		add_warnings(service, count, body);
		json_object_set_new(body, "rejections", rejections_json(service->app));
	}
	return body;
}

void progress_add_clocks(json_t *body, const struct service *service, bool answered,
    int64_t answer_ms, const struct redis_health *redis, json_t *halt)
{
	json_object_set_new(body, "now", time_json(app_now_ms(service->app)));
	json_object_set_new(body, "health", health_json(service, answered, answer_ms, redis, halt));
}
