/* Turns board and counters into the members of GET …/progress. */
#include "api/progress_body.h"

#include <string.h>

#include "api/app.h"
#include "base/clock.h"
#include "contest/tally.h"

static json_t *time_json(int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	return wall_ms ? json_string(clock_format(wall_ms, 1, text)) : json_null();
}

static json_t *tally_json(const struct contest *contest, const struct count *count)
{
	return json_pack("{s:I, s:I, s:o}", "ballots", (json_int_t)count->totals.ballots, "issued",
	    (json_int_t)count->totals.issued, "citizen", tally_rows(contest, &count->input));
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

static json_t *health_json(const struct app *app, bool answered, int64_t answer_ms)
{
	return json_pack("{s:{s:b, s:o}, s:o}", "redis", "connected", answered, "answer_ms",
	    answered ? json_integer(answer_ms) : json_null(), "workers", workers_json(app));
}

static json_t *warnings_json(const struct contest *contest, const struct board *board)
{
	json_t *warnings = json_array();

	for (size_t p = 0; p < contest->n_panels; p++)
		for (size_t e = 0; e < contest->n_entries; e++)
			if (board->panel[p][e].too_few && board->of[p] > 0)
				json_array_append_new(warnings,
				    json_pack("{s:s, s:s, s:s}", "kind", "too-few-experts", "panel",
					contest->panels[p].id, "entry", contest->entries[e].id));
	return warnings;
}

static json_t *results_json(const struct board *board)
{
	json_t *list = json_array(), *stored;
	size_t i;

	json_array_foreach(board->results, i, stored)
	{
		json_t *document =
		    json_loads(json_string_value(json_object_get(stored, "document")), 0, NULL);

		json_array_append_new(list,
		    json_pack("{s:O, s:O, s:O}", "version", json_object_get(document, "version"),
			"kind", json_object_get(document, "kind"), "at",
			json_object_get(document, "at")));
		json_decref(document);
	}
	return list;
}

static json_t *notice_json(const struct board *board)
{
	struct slice notice = board->record.notice;

	return notice.ptr ? json_loadb(notice.ptr, notice.len, 0, NULL) : json_null();
}

json_t *progress_body(
    const struct service *service, const struct board *board, const struct count *count)
{
	const struct contest *contest = service->round->contest;
	bool visible = board_sheets_visible(contest, board) && contest->stage.n_parts > 0;

	return json_pack(
	    "{s:s, s:b, s:s, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, "
	    "s:O, s:O, s:O, s:o, s:O}",
	    "contest", contest->id, "rehearsal", contest->rehearsal, "phase",
	    phase_name(board->record.phase), "opens_at", time_json(board->record.opens_ms),
	    "closes_at", time_json(board->record.closes_ms), "version",
	    (json_int_t)board->record.version, "sequence",
	    (json_int_t)(count->totals.log_size + board->record.version), "notice",
	    notice_json(board), "tally", tally_json(contest, count), "experts",
	    board_experts(contest, board), "standing",
	    visible ? standing_json(contest, &board->input, &board->standing) : json_null(),
	    "rejections", rejections_json(service->app), "warnings", warnings_json(contest, board),
	    "requests", board->requests, "rulings", board->rulings, "metrics", board->metrics,
	    "results", results_json(board), "people", board->people);
}

void progress_add_clocks(json_t *body, const struct app *app, bool answered, int64_t answer_ms)
{
	json_object_set_new(body, "now", time_json(clock_wall_ms()));
	json_object_set_new(body, "health", health_json(app, answered, answer_ms));
}
