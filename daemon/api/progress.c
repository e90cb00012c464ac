/* GET …/progress and …/progress/stream.
 *
 *   gather -> on_look -> (the log has grown: on_audit) -> settle: readers are answered, watchers
 * get the frame
 *
 * Each watcher has a hub of its own, since each stream ends with its own token. */
#include "api/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "api/app.h"
#include "api/bearer.h"
#include "api/progress_body.h"
#include "api/routes.h"
#include "base/clock.h"
#include "http/sse.h"
#include "office/lookout.h"

#define HEARTBEAT_MS 15000
#define STALL_MS     20000
#define RETRY_MS     2000
#define QUIET_MS     5000 /* a frame comes at least so often, so that clocks and health are fresh */
#define AUDIT_SHOWN  20

struct watcher {
	struct watcher *next;
	struct sse_hub *hub;
	struct bearer bearer;
	bool fresh; /* has seen nothing yet */
	bool gone;  /* nobody listens any more, or the token is not good any more */
};

struct waiting { /* a GET that waits for the gathering */
	struct waiting *next;
	struct request *req;
};

struct progress {
	const struct service *service;
	struct event_base *base;
	struct event *tick;
	struct watcher *watchers;
	size_t n_watchers;
	struct waiting *waiting;
	bool gathering, ending;
	bool ticked; /* since watchers were last told: they hear at most once a period */
	int64_t asked_steady_ms, told_steady_ms;
	json_t *body;        /* of the gathering under way */
	json_t *halt;        /* progress_halt() of it */
	json_t *audit;       /* the last entries */
	uint64_t audit_size; /* of the log when they were read */
	struct progress_minute minute;
	struct redis_health redis;
	char *last; /* what watchers saw last, without clocks */
};

static const struct timeval period = {0, PROGRESS_PERIOD_MS * 1000};

/* ---- the end of a gathering ---- */

static const char *why_unknown(const struct progress *progress)
{
	return lookout_alone(progress->service->lookout)
		   ? "What Redis holds of the votes is damaged. This server's log names the shard; "
		     "ops/runbook.md tells what to do."
		   : "Redis does not answer at the moment. Votes that were acknowledged are kept. "
		     "Ask again.";
}

static void reply_all(struct progress *progress, json_t *body)
{
	struct waiting *waiting = progress->waiting;

	progress->waiting = NULL;
	while (waiting) {
		struct waiting *next = waiting->next;

		if (body)
			reply_json(waiting->req, 200, json_incref(body), NULL, 0);
		else
			reply_problem(waiting->req, &(struct problem){
							.status = 503,
							.type = "unavailable",
							.title = "The contest cannot be read now",
							.detail = why_unknown(progress),
							.retry_after_s = 2,
						    });
		free(waiting);
		waiting = next;
	}
}

/* Clocks and ages move all the time: a frame goes out when something else did, or after a while. */
static bool is_due(const struct progress *progress, const char *still)
{
	bool changed = !progress->last || strcmp(still, progress->last) != 0;

	return progress->ticked &&
	       (changed || clock_steady_ms() >= progress->told_steady_ms + QUIET_MS);
}

/* Whoever has just come gets a frame at once; all of them, when one is due. */
static void tell_watchers(struct progress *progress, bool due, const json_t *body)
{
	int64_t now_ms = clock_steady_ms();
	char *text =
	    progress->watchers ? json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
	char id[24];

	if (!text)
		return;
	snprintf(id, sizeof(id), "%" PRId64, now_ms);
	for (struct watcher *watcher = progress->watchers; watcher; watcher = watcher->next) {
		if (due || watcher->fresh)
			sse_publish(watcher->hub, "progress", id, slice_text(text));
		watcher->fresh = false;
	}
	free(text);
	if (due)
		progress->told_steady_ms = now_ms;
}

static void settle(struct progress *progress, bool answered)
{
	json_t *body = progress->body;
	int64_t answer_ms = clock_steady_ms() - progress->asked_steady_ms;

	progress->body = NULL;
	progress->gathering = false;
	if (body) {
		json_object_set(body, "audit", progress->audit);
		char *still = json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(15));
		progress_add_clocks(
		    body, progress->service, answered, answer_ms, &progress->redis, progress->halt);
		bool due = still && is_due(progress, still);
		tell_watchers(progress, due, body);
		if (due) {
			free(progress->last);
			progress->last = still;
			progress->ticked = false;
			still = NULL;
		}
		free(still);
	}
	reply_all(progress, body);
	json_decref(body);
}

/* ---- watchers ---- */

static void watcher_free(struct watcher *watcher)
{
	sse_hub_free(watcher->hub);
	free(watcher);
}

static void on_watched(void *arg, size_t subscribers)
{
	struct watcher *watcher = arg;

	if (subscribers == 0)
		watcher->gone = true; /* its hub is in use just now: the next tick takes it */
}

static void sweep(struct progress *progress)
{
	struct watcher **at = &progress->watchers;

	while (*at) {
		struct watcher *watcher = *at;

		if (watcher->gone) {
			*at = watcher->next;
			progress->n_watchers--;
			watcher_free(watcher);
		} else {
			at = &watcher->next;
		}
	}
	if (!progress->watchers)
		event_del(progress->tick);
}

/* Needs no Redis, which may be away just then. */
static void expire_watchers(struct progress *progress)
{
	int64_t now_ms = app_now_ms(progress->service->app);

	for (struct watcher *watcher = progress->watchers; watcher; watcher = watcher->next)
		if (now_ms >= watcher->bearer.expires_ms)
			watcher->gone = true;
}

static bool may_watch(const struct board *board, const struct bearer *bearer)
{
	json_t *person;
	size_t i;

	json_array_foreach(board->people, i, person)
	{
		const char *id = json_string_value(json_object_get(person, "id"));

		if (id && strcmp(id, bearer->id) == 0)
			return !json_object_get(person, "revoked");
	}
	return false;
}

/* Who was revoked meanwhile hears nothing more. */
static void judge_watchers(struct progress *progress, const struct board *board)
{
	for (struct watcher *watcher = progress->watchers; watcher; watcher = watcher->next)
		if (!may_watch(board, &watcher->bearer))
			watcher->gone = true;
	sweep(progress);
}

/* ---- gathering ---- */

static void on_audit(void *arg, int error, const struct desk_entry *entries, size_t n)
{
	struct progress *progress = arg;

	if (error == 0) {
		json_decref(progress->audit);
		progress->audit = json_array();
		for (size_t i = 0; i < n; i++)
			json_array_append_new(progress->audit,
			    json_loadb(entries[i].json.ptr, entries[i].json.len, 0, NULL));
		progress->audit_size = n > 0 ? entries[0].n : 0;
	}
	settle(progress, true);
}

static void on_look(void *arg, const struct board *board, const struct count *count)
{
	struct progress *progress = arg;

	if (!board) {
		settle(progress, false);
		return;
	}
	judge_watchers(progress, board);
	progress->body = progress_body(progress->service, board, count);
	json_decref(progress->halt);
	progress->halt = progress_halt(board);
	if (progress->body)
		json_object_set_new(
		    progress->body, "turnout", progress_turnout(&progress->minute, count));
	if (progress->audit && board->size == progress->audit_size)
		settle(progress, true);
	else
		desk_audit_last(progress->service->desk, AUDIT_SHOWN, on_audit, progress);
}

static void gather(struct progress *progress)
{
	if (progress->gathering)
		return;
	progress->gathering = true;
	progress->asked_steady_ms = clock_steady_ms();
	redis_health_ask(&progress->redis, progress->service->app->redis);
	lookout_look(progress->service->lookout, LOOK_ALL, on_look, progress);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct progress *progress = arg;
	(void)fd;
	(void)what;

	expire_watchers(progress);
	sweep(progress);
	progress->ticked = true;
	if (progress->watchers)
		gather(progress);
}

/* ---- life ---- */

struct progress *progress_new(struct event_base *base, const struct service *service)
{
	struct progress *progress = calloc(1, sizeof(*progress));

	if (!progress)
		return NULL;
	progress->service = service;
	redis_health_init(&progress->redis);
	progress->base = base;
	progress->tick = event_new(base, -1, EV_PERSIST, on_tick, progress);
	if (!progress->tick) {
		progress_free(progress);
		return NULL;
	}
	return progress;
}

void progress_end_streams(struct progress *progress)
{
	progress->ending = true;
	for (struct watcher *watcher = progress->watchers; watcher; watcher = watcher->next)
		sse_end(watcher->hub);
}

void progress_free(struct progress *progress)
{
	if (!progress)
		return;
	while (progress->watchers) {
		struct watcher *watcher = progress->watchers;

		progress->watchers = watcher->next;
		watcher_free(watcher);
	}
	if (progress->tick)
		event_free(progress->tick);
	json_decref(progress->body);
	json_decref(progress->halt);
	json_decref(progress->audit);
	free(progress->last);
	free(progress);
}

/* ---- handlers ---- */

static void on_admitted(struct service *service, struct request *req, const struct bearer *bearer,
    const struct person *person)
{
	struct progress *progress = service->progress;
	struct waiting *waiting = malloc(sizeof(*waiting));
	(void)bearer;
	(void)person;

	if (!waiting) {
		reply_json(req, 200, NULL, NULL, 0);
		return;
	}
	*waiting = (struct waiting){.next = progress->waiting, .req = req};
	progress->waiting = waiting;
	gather(progress);
}

void progress_get(void *app, struct request *req)
{
	struct service *service = app_service(app, req);

	if (service)
		bearer_admit(service, req, ROLE_ORGANISER | ROLE_OBSERVER, on_admitted);
}

static struct watcher *watcher_new(struct progress *progress, const struct bearer *bearer)
{
	struct watcher *watcher = calloc(1, sizeof(*watcher));

	if (!watcher)
		return NULL;
	watcher->bearer = *bearer;
	watcher->fresh = true;
	watcher->hub = sse_hub_new(progress->base, &(struct sse_options){
						       .max_subscribers = 1,
						       .heartbeat_ms = HEARTBEAT_MS,
						       .stall_ms = STALL_MS,
						       .retry_ms = RETRY_MS,
						       .on_watched = on_watched,
						       .arg = watcher,
						   });
	if (!watcher->hub) {
		free(watcher);
		return NULL;
	}
	return watcher;
}

/* One person, with some windows open, must not take the place of the others. */
static size_t streams_of(const struct progress *progress, const char *id)
{
	size_t n = 0;

	for (const struct watcher *watcher = progress->watchers; watcher; watcher = watcher->next)
		n += strcmp(watcher->bearer.id, id) == 0;
	return n;
}

static void on_watching(struct service *service, struct request *req, const struct bearer *bearer,
    const struct person *person)
{
	struct progress *progress = service->progress;
	struct watcher *watcher = NULL;
	(void)person;

	if (!progress->ending && progress->n_watchers < PROGRESS_WATCHERS &&
	    streams_of(progress, bearer->id) < PROGRESS_STREAMS_EACH)
		watcher = watcher_new(progress, bearer);
	if (!watcher) {
		reply_problem(req, &(struct problem){.status = 503,
				       .type = "busy",
				       .title = "Too many streams",
				       .detail = "This server serves no more streams of this kind. "
						 "Ask for …/progress at intervals instead.",
				       .retry_after_s = 10});
		return;
	}
	watcher->next = progress->watchers;
	progress->watchers = watcher;
	progress->n_watchers++;
	event_add(progress->tick, &period);
	sse_subscribe(watcher->hub, req);
	gather(progress);
}

void progress_stream(void *app, struct request *req)
{
	struct service *service = app_service(app, req);

	if (service)
		bearer_admit(service, req, ROLE_ORGANISER | ROLE_OBSERVER, on_watching);
}
