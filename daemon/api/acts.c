/* POST …/acts and …/requests/{id}: what organisers do to a contest from their page. Who is at the
 * door is bearer.h's business, what is possible office/acts.h's. */
#include "api/app.h"
#include "api/bearer.h"
#include "api/routes.h"

#include <stdio.h>
#include <string.h>

#include "office/acts.h"

#define REQUEST_NAME_MAX 64

static void on_verdict(void *req, const struct verdict *verdict)
{
	reply_verdict(req, verdict, NULL, 0);
}

static void refuse(struct request *req, const char *slug, const char *title, const char *detail)
{
	reply_problem(
	    req, &(struct problem){.status = 422, .type = slug, .title = title, .detail = detail});
}

/* Each one is an entry of the audit log, and may be a large one; no hand is faster than this. */
static const struct rate_limit act_rate = {.per_minute = 60, .burst = 30};

static bool is_too_fast(struct service *service, struct request *req, const struct bearer *bearer)
{
	return bearer_too_fast(service, req, bearer, GATE_ACTS, &act_rate, "Too many acts",
	    "Nothing was done. Wait as Retry-After says.");
}

/* ---- acts ---- */

/* Whoever does this must have read which contest it is. A notice can be taken away again. */
static bool is_confirmed(const struct contest *contest, const json_t *body)
{
	const char *act = json_string_value(json_object_get(body, "act"));
	const char *confirm = json_string_value(json_object_get(body, "confirm"));
	if (act && strcmp(act, "notice") == 0)
		return true;
	return confirm &&
	       (strcmp(confirm, contest->name.ko) == 0 || strcmp(confirm, contest->name.en) == 0);
}

static void act_admitted(struct service *service, struct request *req, const struct bearer *bearer,
    const struct person *person)
{
	char who[OFFICE_WHO_MAX];
	json_t *body;
	if (is_too_fast(service, req, bearer) || !request_json(req, &body))
		return;
	if (is_confirmed(service->round->contest, body))
		acts_perform(
		    &service->office, body, person_who(person, who), false, on_verdict, req);
	else
		refuse(req, "name-differs", "The name is not the contest's",
		    "\"confirm\" must be the contest's name, in Korean or in English, exactly as "
		    "it "
		    "stands in its definition.");
	json_decref(body);
}

void acts_post(void *app, struct request *req)
{
	struct service *service = app_service(app, req);
	if (service)
		bearer_admit(service, req, ROLE_ORGANISER, act_admitted);
}

/* ---- requests ---- */

static bool read_decision(const json_t *body, bool *ret_approve, const char **ret_why)
{
	const char *decision = json_string_value(json_object_get(body, "decision"));
	const json_t *why = json_object_get(body, "why");
	if (!decision || (why && !json_is_string(why)) || json_object_size(body) != (why ? 2U : 1U))
		return false;
	*ret_approve = strcmp(decision, "approve") == 0;
	*ret_why = why ? json_string_value(why) : "";
	return *ret_approve || strcmp(decision, "reject") == 0;
}

static void decision_admitted(struct service *service, struct request *req,
    const struct bearer *bearer, const struct person *person)
{
	char who[OFFICE_WHO_MAX], name[REQUEST_NAME_MAX];
	const char *why;
	json_t *body;
	bool approve;
	if (is_too_fast(service, req, bearer) || !request_json(req, &body))
		return;
	(void)snprintf(name, sizeof(name), "%.*s", (int)req->params[1].len, req->params[1].ptr);
	if (read_decision(body, &approve, &why))
		acts_decide(
		    &service->office, name, approve, person_who(person, who), why, on_verdict, req);
	else
		refuse(req, "invalid-act", "Not a decision",
		    "A decision is {\"decision\":\"approve\"|\"reject\",\"why\":text}.");
	json_decref(body);
}

void requests_post(void *app, struct request *req)
{
	struct service *service = app_service(app, req);
	if (service)
		bearer_admit(service, req, ROLE_ORGANISER, decision_admitted);
}
