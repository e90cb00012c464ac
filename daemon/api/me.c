/* GET …/me: who the shown token stands for. The pages' first question. */
#include "api/app.h"
#include "api/bearer.h"
#include "api/routes.h"

#include "base/clock.h"

static void show(struct service *service, struct request *req, const struct bearer *bearer,
    const struct person *person)
{
	char expires[CLOCK_TEXT_SIZE];

	reply_json(req, 200,
	    json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s, s:s}", "id", person->id, "role",
		role_name(person->role), "name", person->name, "affiliation", person->affiliation,
		"panel", person->panel, "expires_at", clock_format(bearer->expires_ms, 0, expires),
		"contest", service->round->contest->id),
	    NULL, 0);
}

void me_get(void *app, struct request *req)
{
	struct service *service = app_service(app, req);

	if (service != NULL)
		bearer_admit(service, req, ROLE_EXPERT | ROLE_ORGANISER | ROLE_OBSERVER, show);
}
