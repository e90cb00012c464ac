/* GET …/tally and …/tally/stream: the snapshot once, and again whenever it changes. */
#include "api/app.h"
#include "api/live.h"
#include "api/routes.h"

#include <stdlib.h>
#include <string.h>

#include "http/sse.h"

static void reply_unread(struct request *req, bool halted)
{
	reply_problem(req,
	    &(struct problem){
		.status = 503,
		.type = "unavailable",
		.title = "The tally cannot be read now",
		.detail = halted ? "The public log has halted, and what is stored of the votes "
				   "cannot be read to its end. The organiser knows of it."
				 : "The counts are kept; this server cannot reach them at the "
				   "moment. Ask again.",
		.retry_after_s = 2,
	    });
}

static void reply_snapshot(struct request *req, const struct live_state *state)
{
	const struct reply_header headers[] = {
	    {"ETag", state->etag},
	    {"Cache-Control", "public, max-age=1"},
	};
	if (request_holds(req, state->etag))
		reply_bytes(req, 304, NULL, slice_text(""), headers, 2);
	else
		reply_bytes(req, 200, "application/json", state->snapshot, headers, 2);
}

struct asking {
	struct service *service;
	struct request *req;
};

static void on_read(void *arg, const struct live_state *state)
{
	struct asking *asking = arg;
	uint64_t epoch;

	if (state)
		reply_snapshot(asking->req, state);
	else
		reply_unread(
		    asking->req, strcmp(live_log(asking->service->live, &epoch), "halted") == 0);
	free(asking);
}

static void read_tally(struct service *service, struct request *req)
{
	struct asking *asking = malloc(sizeof(*asking));

	if (!asking) {
		reply_unread(req, false);
		return;
	}
	*asking = (struct asking){.service = service, .req = req};
	live_read(service->live, on_read, asking);
}

void tally_get(void *arg, struct request *req)
{
	struct service *service = app_service(arg, req);
	if (!service)
		return;
	const struct live_state *state = live_fresh(service->live);
	if (state)
		reply_snapshot(req, state);
	else
		read_tally(service, req);
}

/* With or without a state: an EventSource that is refused once does not come back by itself. */
static void join(void *arg, const struct live_state *state)
{
	(void)state;
	struct asking *asking = arg;
	sse_subscribe(live_hub(asking->service->live), asking->req);
	free(asking);
}

void tally_stream(void *arg, struct request *req)
{
	struct service *service = app_service(arg, req);
	if (!service)
		return;
	struct asking *asking = malloc(sizeof(*asking));
	if (!asking || live_fresh(service->live)) {
		free(asking);
		sse_subscribe(live_hub(service->live), req);
		return;
	}
	*asking = (struct asking){.service = service, .req = req};
	live_read(service->live, join, asking);
}
