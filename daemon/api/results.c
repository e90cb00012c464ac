/* GET …/results and …/results/{version}: the signed results, for everybody. The annexes stay at the
 * desk. */
#include "api/app.h"
#include "api/routes.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/encode.h"
#include "office/showing.h"

struct asking {
	struct request *req;
	char version[DECIMAL_SIZE]; /* "": the list */
};

static void unavailable(struct request *req)
{
	reply_problem(req, &(struct problem){.status = 503,
			       .type = "unavailable",
			       .title = "The results cannot be read now",
			       .detail = "The record does not answer at the moment. Ask again.",
			       .retry_after_s = 2});
}

static json_t *stored_result(const struct desk_view *view, const char *version)
{
	struct slice text = desk_get(view, DESK_RESULTS, version);
	return text.ptr ? json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

static json_t *list(const struct desk_view *view)
{
	json_t *rows = json_array();
	for (size_t i = 1; i <= desk_count(view, DESK_RESULTS); i++) {
		char version[DECIMAL_SIZE];
		decimal_encode(i, version);
		json_t *stored = stored_result(view, version);
		json_array_append_new(rows, showing_result(stored));
		json_decref(stored);
	}
	return rows;
}

static void reply_one(struct request *req, const struct desk_view *view, const char *version)
{
	json_t *stored = stored_result(view, version);
	json_t *shown =
	    stored ? json_pack("{s:O, s:O}", "document", json_object_get(stored, "document"),
			 "note", json_object_get(stored, "note"))
		   : NULL;
	const struct reply_header headers[] = {{"Cache-Control", "public, max-age=60"}};
	if (shown)
		reply_json(req, 200, shown, headers, 1);
	else
		reply_problem(req, &(struct problem){.status = 404,
				       .type = "no-such-result",
				       .title = "No such result",
				       .detail = "There is no signed result of this version; "
						 "…/results lists those that there are."});
	json_decref(stored);
}

static void on_view(void *arg, const struct desk_view *view)
{
	struct asking *asking = arg;
	const struct reply_header headers[] = {{"Cache-Control", "public, max-age=1"}};
	if (!view)
		unavailable(asking->req);
	else if (asking->version[0])
		reply_one(asking->req, view, asking->version);
	else
		reply_json(asking->req, 200, list(view), headers, 1);
	free(asking);
}

static void ask(void *app, struct request *req, struct slice version)
{
	struct service *service = app_service(app, req);
	struct asking *asking = service ? calloc(1, sizeof(*asking)) : NULL;
	if (!service)
		return;
	if (!asking) {
		unavailable(req);
		return;
	}
	asking->req = req;
	/* What is too long for a number is the name of none. */
	(void)snprintf(asking->version, sizeof(asking->version), "%.*s", (int)version.len,
	    version.ptr ? version.ptr : "");
	const struct desk_want want = {DESK_RESULTS, NULL};
	desk_read(service->desk, &want, 1, on_view, asking);
}

void results_list(void *app, struct request *req)
{
	ask(app, req, slice_make("", 0));
}

void results_get(void *app, struct request *req)
{
	ask(app, req, req->params[1]);
}
