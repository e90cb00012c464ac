/* GET /v1/contests and /v1/contests/{c}: the public definition of a contest, with its phase and the
 * server's clock. Answered from the file and the hours alone when Redis is away. */
#include "api/app.h"
#include "api/live.h"
#include "api/routes.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "contest/phase.h"

#define BODY_MAX (16 * 1024 * 1024)

/* One request that waits until the phases of all contests that it asks for have been read. */
struct describing {
	struct app *app;
	struct service *only; /* NULL: the list of all */
	struct request *req;
	size_t waiting;
};

static int append_time(struct buf *out, const char *name, int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];
	return wall_ms ? buf_printf(out, ",\"%s\":\"%s\"", name, clock_format(wall_ms, 1, text))
		       : buf_printf(out, ",\"%s\":null", name);
}

/* Appends the definition with what changes: phase, hours, notice and clock. */
static int describe(const struct service *service, int64_t now_ms, struct buf *out)
{
	char now[CLOCK_TEXT_SIZE];
	const struct contest *contest = service->round->contest;
	const struct live_state *known = live_known(service->live);
	int rc = buf_append_text(out, service->definition);
	if (rc == 0)
		rc = append_time(out, "opens_at", known ? known->opens_ms : contest->opens_ms);
	if (rc == 0)
		rc = append_time(out, "closes_at", known ? known->closes_ms : contest->closes_ms);
	if (rc == 0)
		rc = buf_printf(out, ",\"notice\":%s,\"phase\":\"%s\",\"now\":\"%s\"}",
		    known && known->notice ? known->notice : "null",
		    phase_name(live_phase(service->live, now_ms)), clock_format(now_ms, 1, now));
	return rc;
}

static int describe_all(const struct app *app, int64_t now_ms, struct buf *out)
{
	char now[CLOCK_TEXT_SIZE];
	int rc = buf_printf(out, "{\"now\":\"%s\",\"contests\":[", clock_format(now_ms, 1, now));
	for (size_t i = 0; i < app->n_services && rc == 0; i++) {
		rc = i > 0 ? buf_append_text(out, ",") : 0;
		if (rc == 0)
			rc = describe(&app->services[i], now_ms, out);
	}
	return rc == 0 ? buf_append_text(out, "]}") : rc;
}

static void finish(struct describing *d)
{
	struct buf body;
	int64_t now_ms = clock_wall_ms();
	buf_init(&body, BODY_MAX);
	int rc = d->only ? describe(d->only, now_ms, &body) : describe_all(d->app, now_ms, &body);
	if (rc == 0)
		reply_bytes(d->req, 200, "application/json", buf_slice(&body), NULL, 0);
	else
		reply_json(d->req, 200, NULL, NULL, 0);
	buf_release(&body);
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
