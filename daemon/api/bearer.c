/* Named people at the door: reads the Authorization header, asks the desk for the person, and lets
 * the handler go on or replies.
 *
 *   bearer_admit -> on_person -> the handler's bearer_cb, or a reply */
#include "api/bearer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistr.h>

#include "api/app.h"
#include "base/clock.h"

/* RFC 6750 section 3: without an error where nothing was shown. */
#define ASKS    "Bearer realm=\"tallyd\""
#define REFUSES "Bearer error=\"invalid_token\""

static void refuse_bearer(struct request *req, const char *www_authenticate, const char *detail)
{
	reply_problem(req, &(struct problem){
			       .status = 401,
			       .type = "invalid-bearer",
			       .title = "No valid token of a named person",
			       .detail = detail,
			       .www_authenticate = www_authenticate,
			   });
}

static void refuse_role(struct request *req)
{
	reply_problem(req,
	    &(struct problem){
		.status = 403,
		.type = "forbidden",
		.title = "Not for this role",
		.detail =
		    "The token is valid, but its role may not do this; experts, organisers and "
		    "observers have links of their own.",
	    });
}

/* ---- what can be judged at once ---- */

bool bearer_header(
    const struct service *service, struct request *req, unsigned roles, struct bearer *ret_bearer)
{
	struct slice token = request_bearer(req);
	struct bearer bearer;
	int r;

	if (token.len == 0) {
		refuse_bearer(req, ASKS,
		    "This is for invited people: Authorization: Bearer <token>, the token from "
		    "the invitation link.");
		return false;
	}
	r = bearer_read(service->round, service->app->settings->issuer_name, token,
	    app_now_ms(service->app), &bearer);
	if (r < 0) {
		refuse_bearer(req, REFUSES,
		    r == -ETIME ? "The token has expired; ask the organiser for a new link."
				: "The token does not verify, or is for another contest, or for a "
				  "rehearsal or the real contest only.");
		return false;
	}
	if ((roles & bearer.role) == 0) {
		refuse_role(req);
		return false;
	}
	if (!gate_is_exempt(service->app, req) &&
	    bearer_too_fast(service, req, &bearer, GATE_PERSON,
		&service->app->settings->person_rate, "Too many requests",
		"Too many come under this name. Nothing was done."))
		return false;
	*ret_bearer = bearer;
	return true;
}

/* ---- the person behind it ---- */

struct admission {
	struct service *service;
	struct request *req;
	struct bearer bearer;
	bearer_cb *cb;
};

static void on_person(void *arg, const struct desk_view *view)
{
	struct admission *admission = arg;
	struct person person;

	if (view == NULL) {
		reply_problem(
		    admission->req, &(struct problem){.status = 503,
					.type = "unavailable",
					.title = "The record cannot be reached now",
					.detail = "Nothing was done. Ask again in a moment.",
					.retry_after_s = 2});
	} else if (bearer_person(&admission->bearer, view, &person) < 0) {
		refuse_bearer(admission->req, REFUSES,
		    "The token has been revoked or replaced; ask the organiser for a new link.");
	} else {
		admission->cb(admission->service, admission->req, &admission->bearer, &person);
		person_release(&person);
	}
	free(admission);
}

void bearer_admit(struct service *service, struct request *req, unsigned roles, bearer_cb *cb)
{
	struct bearer bearer;
	struct admission *admission;

	if (!bearer_header(service, req, roles, &bearer))
		return;
	admission = malloc(sizeof(*admission));
	if (admission == NULL) {
		reply_problem(req, &(struct problem){.status = 503,
				       .type = "busy",
				       .title = "Out of memory",
				       .detail = "Nothing was done."});
		return;
	}
	*admission = (struct admission){service, req, bearer, cb};
	desk_read(service->desk, &(struct desk_want){DESK_PEOPLE, admission->bearer.id}, 1,
	    on_person, admission);
}

/* ---- rates ---- */

bool bearer_too_fast(const struct service *service, struct request *req,
    const struct bearer *bearer, enum gate_identity what, const struct rate_limit *limit,
    const char *title, const char *detail)
{
	return gate_is_too_fast(
	    service->app, req, what, slice_text(bearer->id), limit, title, detail);
}

/* ---- verdicts ---- */

void reply_verdict(struct request *req, const struct verdict *verdict,
    const struct reply_header *headers, size_t n_headers)
{
	json_t *members = verdict->members != NULL ? json_incref(verdict->members) : json_object();

	if (verdict->slug == NULL)
		reply_json(req, verdict->status, members, headers, n_headers);
	else
		reply_problem(req, &(struct problem){
				       .status = verdict->status,
				       .type = verdict->slug,
				       .title = verdict->title,
				       .detail = verdict->detail,
				       .www_authenticate = verdict->status == 401 ? REFUSES : NULL,
				       .retry_after_s = verdict->status == 503 ? 2 : 0,
				       .members = members,
				   });
}

/* ---- bodies ---- */

static bool is_json(struct slice type)
{
	static const char json[] = "application/json";
	const size_t len = sizeof(json) - 1;

	return slice_starts(type, json) && (type.len == len || type.ptr[len] == ';');
}

/* RFC 8259 allows a member given twice and a NUL in a text, and no two readers need make the same
 * of it (RFC 7493, section 2.3). What is no JSON besides is told by *error instead. */
static bool is_ambiguous(struct slice text, json_error_t *error)
{
	enum json_error_code code = json_error_code(error);
	json_error_t other;

	if (code == json_error_null_byte_in_key)
		return true;
	if (code != json_error_duplicate_key && code != json_error_null_character)
		return false;
	json_t *body = json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &other);
	if (!body)
		*error = other;
	json_decref(body);
	return body || json_error_code(&other) == json_error_null_byte_in_key;
}

static void refuse_document(struct request *req, json_error_t *error)
{
	char why[JSON_ERROR_TEXT_LENGTH + 64];
	struct problem problem = {
	    .status = 400,
	    .type = "invalid-json",
	    .title = "The body is not JSON",
	    .detail = why,
	};

	/* Where memory fails, jansson mostly says nothing at all. */
	if (json_error_code(error) == json_error_out_of_memory || error->text[0] == '\0') {
		reply_problem(req, &(struct problem){.status = 503,
				       .type = "busy",
				       .title = "Out of memory",
				       .detail = "Nothing was done."});
		return;
	}
	if (is_ambiguous(req->body, error)) {
		problem.status = 422;
		problem.type = "ambiguous-json";
		problem.title = "The body is JSON that can be understood in two ways";
	}
	/* jansson quotes what it stumbled over, if need be up to the middle of a character. */
	const uint8_t *broken = u8_check((const uint8_t *)error->text, strlen(error->text));
	int len = (int)(broken ? (const char *)broken - error->text : (long)strlen(error->text));
	(void)snprintf(why, sizeof(why), "%.*s at line %d, column %d.", len, error->text,
	    error->line, error->column);
	reply_problem(req, &problem);
}

static void refuse_nul(struct request *req, size_t at)
{
	char why[64];

	(void)snprintf(why, sizeof(why), "A NUL stands at byte %zu.", at);
	reply_problem(req, &(struct problem){.status = 400,
			       .type = "invalid-json",
			       .title = "The body is not JSON",
			       .detail = why});
}

static json_t *load_document(struct slice text, json_error_t *error)
{
	return json_loadb(
	    text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, error);
}

bool request_document(struct request *req, json_t **ret_body)
{
	json_error_t error;
	json_t *body;

	if (!is_json(req->content_type)) {
		reply_problem(
		    req, &(struct problem){.status = 415,
			     .type = "unsupported-media-type",
			     .title = "Unsupported media type",
			     .detail = "Send the body as Content-Type: application/json."});
		return false;
	}
	/* jansson overlooks a NUL behind a number. */
	const char *nul = req->body.len > 0 ? memchr(req->body.ptr, '\0', req->body.len) : NULL;
	if (nul) {
		refuse_nul(req, (size_t)(nul - req->body.ptr));
		return false;
	}
	body = load_document(req->body, &error);
	/* A text without memory is to jansson a bad token; what is one stays so. */
	if (body == NULL)
		body = load_document(req->body, &error);
	if (body == NULL) {
		refuse_document(req, &error);
		return false;
	}
	*ret_body = body;
	return true;
}

bool request_json(struct request *req, json_t **ret_body)
{
	json_t *body;

	if (!request_document(req, &body))
		return false;
	if (json_is_object(body)) {
		*ret_body = body;
		return true;
	}
	json_decref(body);
	reply_problem(req, &(struct problem){.status = 400,
			       .type = "invalid-json",
			       .title = "The body is not a JSON object",
			       .detail = "Send one object: {…}."});
	return false;
}
