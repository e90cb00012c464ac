/* GET /v1/contests and /v1/contests/{c}: the public definition of a contest, with its phase and the
 * server's clock. Answered from the file and the hours alone when Redis is away. */
#include "api/app.h"
#include "api/live.h"
#include "api/routes.h"

#include <stdlib.h>

#include "base/clock.h"
#include "contest/phase.h"

/* One request that waits until the phases of all contests that it asks for have been read. */
struct describing {
	struct app *app;
	struct service *only; /* NULL: the list of all */
	struct request *req;
	size_t waiting;
};

static json_t *describe(const struct service *service, int64_t now_ms)
{
	char now[CLOCK_TEXT_SIZE];
	json_t *body = contest_public_json(service->round->contest);
	if (!body ||
	    json_object_set_new(
		body, "phase", json_string(phase_name(live_phase(service->live, now_ms)))) != 0 ||
	    json_object_set_new(body, "now", json_string(clock_format(now_ms, 1, now))) != 0 ||
	    json_object_set_new(body, "rules_hash", json_string(service->rules_hash)) != 0) {
		json_decref(body);
		return NULL;
	}
	return body;
}

static json_t *describe_all(const struct app *app, int64_t now_ms)
{
	char now[CLOCK_TEXT_SIZE];
	json_t *list = json_array();
	for (size_t i = 0; i < app->n_services; i++)
		json_array_append_new(list, describe(&app->services[i], now_ms));
	return json_pack("{s:s, s:o}", "now", clock_format(now_ms, 1, now), "contests", list);
}

static void finish(struct describing *d)
{
	int64_t now_ms = clock_wall_ms();
	reply_json(d->req, 200, d->only ? describe(d->only, now_ms) : describe_all(d->app, now_ms),
	    NULL, 0);
	free(d);
}

static void on_state(void *arg, const struct live_state *state)
{
	(void)state; /* without it, live_phase() goes by the hours */
	struct describing *d = arg;
	if (--d->waiting == 0)
		finish(d);
}

static void ask(struct describing *d, struct service *service)
{
	if (live_fresh(service->live))
		return;
	d->waiting++;
	live_read(service->live, on_state, d);
}

static void start(struct app *app, struct service *only, struct request *req)
{
	struct describing *d = calloc(1, sizeof(*d));
	if (!d) {
		reply_json(req, 200, NULL, NULL, 0);
		return;
	}
	*d = (struct describing){.app = app, .only = only, .req = req, .waiting = 1};
	if (only)
		ask(d, only);
	else
		for (size_t i = 0; i < app->n_services; i++)
			ask(d, &app->services[i]);
	on_state(d, NULL); /* the one that was held while asking */
}

void contests_list(void *app, struct request *req)
{
	start(app, NULL, req);
}

void contests_get(void *app, struct request *req)
{
	struct service *service = app_service(app, req);
	if (service)
		start(app, service, req);
}
