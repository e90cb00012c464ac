/* GET and PUT …/sheet, POST …/pledge: an expert's own score sheet. Reads the request and its
 * If-Match; office/sheets.h decides.
 *
 *   sheets_show, sheets_save, sheets_agree -> the office -> on_verdict */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/app.h"
#include "api/bearer.h"
#include "api/routes.h"
#include "office/sheets.h"

/* Every save is a revision that is kept. A page saves once a second at most, several of them
 * together hardly faster; a program that runs wild is slowed down before it fills Redis. */
static const struct rate_limit save_rate = {.per_minute = 300, .burst = 100};

/* The revision as an entity tag; nothing where the answer has none. */
static void on_verdict(void *arg, const struct verdict *verdict)
{
	struct request *req = arg;
	const json_t *revision = json_object_get(verdict->members, "revision");
	char etag[32];
	const struct reply_header headers[] = {{"ETag", etag}};

	snprintf(etag, sizeof(etag), "\"%" JSON_INTEGER_FORMAT "\"", json_integer_value(revision));
	reply_verdict(req, verdict, headers, revision ? 1 : 0);
}

/* ---- reading ---- */

void sheets_show(void *arg, struct request *req)
{
	struct service *service = app_service(arg, req);
	struct bearer bearer;

	if (service && bearer_header(service, req, ROLE_EXPERT, &bearer))
		sheets_get(&service->office, &bearer, on_verdict, req);
}

/* ---- saving ---- */

static void refuse_precondition(
    struct request *req, int status, const char *type, const char *title, const char *detail)
{
	reply_problem(req,
	    &(struct problem){.status = status, .type = type, .title = title, .detail = detail});
}

/* If-Match: "<revision>", one strong entity tag (RFC 9110 section 13.1.1; RFC 6585 section 3 where
 * it is missing). False: it has been replied to. */
static bool read_revision(struct request *req, uint64_t *ret_revision)
{
	struct slice value = req->if_match;
	uint64_t revision = 0;
	bool valid = value.len >= 3 && value.len <= 17 && value.ptr[0] == '"' &&
		     value.ptr[value.len - 1] == '"' && (value.len == 3 || value.ptr[1] != '0');

	if (value.len == 0) {
		refuse_precondition(req, 428, "precondition-required",
		    "Say which revision you have seen",
		    "Send If-Match with the ETag of the sheet that you have seen, \"0\" before the "
		    "first save: so two open windows never overwrite each other unseen.");
		return false;
	}
	for (size_t i = 1; valid && i + 1 < value.len; i++) {
		valid = value.ptr[i] >= '0' && value.ptr[i] <= '9';
		revision = revision * 10 + (uint64_t)(value.ptr[i] - '0');
	}
	if (!valid) {
		refuse_precondition(req, 400, "invalid-if-match", "If-Match is not a revision",
		    "If-Match must be one quoted revision, as in the ETag of the sheet: \"12\".");
		return false;
	}
	*ret_revision = revision;
	return true;
}

void sheets_save(void *arg, struct request *req)
{
	struct service *service = app_service(arg, req);
	struct bearer bearer;
	uint64_t revision;
	json_t *body;

	/* Who it is comes first: a body of 256 KiB costs more to read than a signature to verify.
	 */
	if (!service || !bearer_header(service, req, ROLE_EXPERT, &bearer) ||
	    bearer_too_fast(service, req, &bearer, GATE_SAVES, &save_rate, "Too many saves",
		"Nothing was saved: every save is kept as a revision. Wait as Retry-After says and "
		"send the newest sheet.") ||
	    !read_revision(req, &revision) || !request_json(req, &body))
		return;
	sheets_put(&service->office, &bearer, body, revision, on_verdict, req);
	json_decref(body);
}

/* ---- the pledge ---- */

static bool is_agreed(const json_t *body)
{
	return json_object_size(body) == 1 && json_is_true(json_object_get(body, "agreed"));
}

void sheets_agree(void *arg, struct request *req)
{
	struct service *service = app_service(arg, req);
	struct bearer bearer;
	json_t *body;

	if (!service || !bearer_header(service, req, ROLE_EXPERT, &bearer) ||
	    !request_json(req, &body))
		return;
	if (is_agreed(body))
		sheets_pledge(&service->office, &bearer, on_verdict, req);
	else
		reply_problem(req,
		    &(struct problem){.status = 422,
			.type = "invalid-pledge",
			.title = "Not the pledge",
			.detail = "Agree by {\"agreed\":true}; there is nothing else to send."});
	json_decref(body);
}
