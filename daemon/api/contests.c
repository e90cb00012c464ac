/* GET /v1/contests and /v1/contests/{c}: the public definition of a contest, with its phase and the
 * server's clock. Answered from the file and the hours alone when Redis is away. */
#include "api/app.h"
#include "api/live.h"
#include "api/routes.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "contest/phase.h"
#include "http/packed.h"
#include "office/showing.h"

#define BODY_MAX (16 * 1024 * 1024)

/* One request that waits until the phases of all contests that it asks for have been read. */
struct describing {
	struct app *app;
	struct service *only; /* NULL: the list of all */
	struct request *req;
	size_t waiting;
};

/* Appends `definition`, which is the service's or a beginning less, with what changes: phase,
 * hours, notice, log and clock. */
static int describe(
    const struct service *service, const char *definition, int64_t now_ms, struct buf *out)
{
	const struct contest *contest = service->round->contest;
	const struct live_state *known = live_known(service->live);
	struct showing_now now = {
	    .opens_ms = known ? known->opens_ms : contest->opens_ms,
	    .closes_ms = known ? known->closes_ms : contest->closes_ms,
	    .notice = known ? known->notice : NULL,
	    .phase = live_phase(service->live, now_ms),
	    .now_ms = now_ms,
	};
	now.log = live_log(service->live, &now.epoch);
	return showing_define(definition, &now, out);
}

static int describe_all(const struct app *app, int64_t now_ms, struct buf *out)
{
	char now[CLOCK_TEXT_SIZE];
	int rc = buf_printf(out, "{\"now\":\"%s\",\"contests\":[", clock_format(now_ms, 1, now));
	for (size_t i = 0; i < app->n_services && rc == 0; i++) {
		rc = i > 0 ? buf_append_text(out, ",") : 0;
		if (rc == 0)
			rc = describe(&app->services[i], app->services[i].definition, now_ms, out);
	}
	return rc == 0 ? buf_append_text(out, "]}") : rc;
}

/* The same in gzip; of the definition only the end is compressed anew. */
static int describe_packed(const struct service *service, int64_t now_ms, struct buf *out)
{
	struct buf end;

	buf_init(&end, BODY_MAX);
	int rc = describe(service, "", now_ms, &end);
	if (rc == 0)
		rc = packed_append(service->packed, buf_slice(&end), out);
	buf_release(&end);
	return rc;
}

static void finish(struct describing *d)
{
	/* The list is read by programs, the definition by every voter. */
	const struct reply_header headers[] = {
	    {"Vary", "Accept-Encoding"}, {"Content-Encoding", "gzip"}};
	bool packed = d->only && request_takes(d->req, "gzip");
	size_t n_headers = packed ? 2 : d->only ? 1 : 0;
	int64_t now_ms = app_now_ms(d->app);
	struct buf body;
	int rc;

	buf_init(&body, BODY_MAX);
	if (packed)
		rc = describe_packed(d->only, now_ms, &body);
	else if (d->only)
		rc = describe(d->only, d->only->definition, now_ms, &body);
	else
		rc = describe_all(d->app, now_ms, &body);
	if (rc == 0)
		reply_bytes(d->req, 200, "application/json", buf_slice(&body), headers, n_headers);
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
