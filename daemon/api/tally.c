/* GET …/tally and …/tally/stream: the snapshot once, and again whenever it changes. */
#include "api/app.h"
#include "api/live.h"
#include "api/routes.h"

#include <stdlib.h>

#include "http/sse.h"

static void reply_snapshot(void *arg, const struct live_state *state)
{
	struct request *req = arg;
	if (!state) {
		reply_problem(
		    req, &(struct problem){
			     .status = 503,
			     .type = "unavailable",
			     .title = "The tally cannot be read now",
			     .detail = "The counts are kept; this server cannot reach them at the "
				       "moment. Ask again.",
			     .retry_after_s = 2,
			 });
		return;
	}
	const struct reply_header headers[] = {
	    {"ETag", state->etag},
	    {"Cache-Control", "public, max-age=1"},
	};
	if (request_holds(req, state->etag))
		reply_bytes(req, 304, NULL, slice_text(""), headers, 2);
	else
		reply_bytes(req, 200, "application/json", state->snapshot, headers, 2);
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
		live_read(service->live, reply_snapshot, req);
}

struct joining {
	struct service *service;
	struct request *req;
};

/* With or without a state: an EventSource that is refused once does not come back by itself. */
static void join(void *arg, const struct live_state *state)
{
	(void)state;
	struct joining *joining = arg;
	sse_subscribe(live_hub(joining->service->live), joining->req);
	free(joining);
}

void tally_stream(void *arg, struct request *req)
{
	struct service *service = app_service(arg, req);
	if (!service)
		return;
	struct joining *joining = malloc(sizeof(*joining));
	if (!joining || live_fresh(service->live)) {
		free(joining);
		sse_subscribe(live_hub(service->live), req);
		return;
	}
	*joining = (struct joining){.service = service, .req = req};
	live_read(service->live, join, joining);
}
