/* Privacy Pass issuance over HTTP (RFC 9578 section 6): blind signatures for those who are
 * admitted, one each.
 *
 *   tokens_issue -> on_recorded -> on_signed -> reply */
#include "api/app.h"
#include "api/routes.h"

#include <stdlib.h>
#include <string.h>

#include "admission/admission.h"
#include "base/clock.h"
#include "base/log.h"
#include "client/signer.h"
#include "crypto/digest.h"
#include "store/ledger.h"

#define TELL_AGAIN_MS 60000
#define TYPE_REQUEST  "application/private-token-request"
#define TYPE_RESPONSE "application/private-token-response"

struct issuing {
	struct service *service;
	struct request *req;
	uint8_t blinded[BLINDRSA_BYTES];
	bool guesses; /* counts as a guess until it is known that the code exists */
};

static void refuse(struct app *app, struct request *req, enum refusal why, int status,
    const char *type, const char *title, const char *detail, int retry_after_s)
{
	app->stats->tokens_refused++;
	app->stats->refused[why]++;
	reply_problem(req, &(struct problem){.status = status,
			       .type = type,
			       .title = title,
			       .detail = detail,
			       .retry_after_s = retry_after_s});
}

static void issuing_free(struct issuing *issuing, bool served)
{
	gate_leave(issuing->service->app);
	if (served)
		gate_serve(issuing->service->app);
	free(issuing);
}

static void issuing_refuse(struct issuing *issuing, enum refusal why, int status, const char *type,
    const char *title, const char *detail, int retry_after_s)
{
	refuse(
	    issuing->service->app, issuing->req, why, status, type, title, detail, retry_after_s);
	issuing_free(issuing, why != REFUSED_UNAVAILABLE);
}

static void on_signed(void *arg, int error, const uint8_t signature[BLINDRSA_BYTES])
{
	struct issuing *issuing = arg;
	if (error != 0) {
		issuing_refuse(issuing, REFUSED_UNAVAILABLE, 503, "unavailable",
		    "The issuer cannot sign now",
		    "Send the same request again: it gets the same answer.", 1);
		return;
	}
	issuing->service->app->stats->tokens_issued++;
	reply_bytes(
	    issuing->req, 200, TYPE_RESPONSE, slice_make(signature, BLINDRSA_BYTES), NULL, 0);
	issuing_free(issuing, true);
}

static void on_recorded(void *arg, enum issue_verdict verdict)
{
	struct issuing *issuing = arg;
	const struct service *service = issuing->service;

	if (issuing->guesses && verdict != ISSUE_NO_CODE)
		gate_give_back(service->app, issuing->req, GATE_GUESSES);
	switch (verdict) {
	case ISSUE_NEW:
	case ISSUE_SAME:
		if (signer_sign(service->app->signer, service->signer_key, issuing->blinded,
			on_signed, issuing) != 0)
			issuing_refuse(issuing, REFUSED_UNAVAILABLE, 503, "busy",
			    "Too many are waiting",
			    "Send the same request again: it gets the same answer.", 1);
		break;
	case ISSUE_OTHER:
		issuing_refuse(issuing, REFUSED_ISSUED, 409, "already-issued",
		    "A token was issued already",
		    "One token was issued for this admission, for another request. If its answer "
		    "was lost, send that very request again from the browser that made it.",
		    0);
		break;
	case ISSUE_NOT_OPEN:
		issuing_refuse(issuing, REFUSED_NOT_OPEN, 403, "not-open", "Voting is not open",
		    "Tokens are issued while voting is open; see opens_at and phase in the "
		    "contest's definition.",
		    0);
		break;
	case ISSUE_CLOSED:
		issuing_refuse(issuing, REFUSED_CLOSED, 403, "closed", "Voting is closed",
		    "No token is issued any more; see closes_at in the contest's definition.", 0);
		break;
	case ISSUE_NO_CODE:
		issuing_refuse(issuing, REFUSED_UNKNOWN, 403, "unknown-code",
		    "No such invitation code",
		    "It is well-formed, but not a code of this contest (a rehearsal and the real "
		    "contest have different ones).",
		    0);
		break;
	case ISSUE_REVOKED:
		issuing_refuse(issuing, REFUSED_REVOKED, 403, "code-revoked",
		    "The invitation code was revoked",
		    "The organisers have revoked this code, perhaps because another one was sent "
		    "in its place; ask them.",
		    0);
		break;
	case ISSUE_FAULT:
		issuing_refuse(issuing, REFUSED_UNAVAILABLE, 503, "unavailable",
		    "This token cannot be issued now",
		    "The stored data that concern this admission are damaged.", 5);
		break;
	case ISSUE_BUSY:
		issuing_refuse(issuing, REFUSED_UNAVAILABLE, 503, "unavailable",
		    "The issuer cannot be reached now",
		    "Nothing was issued. Send the same request again.", 2);
		break;
	case ISSUE_UNKNOWN:
		issuing_refuse(issuing, REFUSED_UNAVAILABLE, 503, "outcome-unknown",
		    "It is not known yet whether it worked",
		    "Send the same request again: it gets the same answer.", 2);
		break;
	}
}

/* The service whose token key's id ends with this byte; `only` restricts it to one contest. */
static struct service *find_service(struct app *app, struct service *only, uint8_t truncated)
{
	for (size_t i = 0; i < app->n_services; i++) {
		struct service *service = &app->services[i];
		if ((!only || service == only) &&
		    service->round->keys.token_key_id[PP_KEY_ID_SIZE - 1] == truncated)
			return service;
	}
	return NULL;
}

static bool refuse_too_fast(struct service *service, struct request *req, uint32_t wait_s)
{
	if (wait_s == 0)
		return false;
	service->app->stats->tokens_refused++;
	reply_problem(req,
	    &(struct problem){.status = 429,
		.type = "too-many-requests",
		.title = "Too many requests",
		.detail = "Too many codes that do not exist were tried from this network address.",
		.retry_after_s = (int)wait_s});
	return true;
}

/* True when the identity has asked too often: each answer costs a signature, the same one, too. */
static bool is_too_fast(
    struct service *service, struct request *req, const uint8_t identity[IDENTITY_SIZE])
{
	struct app *app = service->app;

	if (gate_is_exempt(app, req) ||
	    !gate_is_too_fast(app, req, GATE_VOTER, slice_make(identity, IDENTITY_SIZE),
		&app->settings->voter_rate, "Too many requests",
		"Too many token requests came for this admission. Nothing was done."))
		return false;
	app->stats->tokens_refused++;
	return true;
}

/* True when the address has tried too many codes in vain; refused then. Each code counts until it
 * is known that it exists; on a rehearsal's own machine, too. */
static bool is_guessing(struct service *service, struct request *req, bool *ret_guesses)
{
	*ret_guesses = service->round->contest->admission == ADMISSION_CODES;
	return *ret_guesses &&
	       refuse_too_fast(service, req, gate_take(service->app, req, GATE_GUESSES));
}

/* Finds the round that a well-formed request is for, or refuses and returns NULL. */
static struct service *read_request(
    struct app *app, struct request *req, struct pp_token_request *ret_token_request)
{
	struct service *only = NULL;
	if (req->params[0].len > 0 && !(only = app_service(app, req)))
		return NULL;
	if (!slice_is(req->content_type, TYPE_REQUEST)) {
		refuse(app, req, REFUSED_REQUEST, 415, "unsupported-media-type",
		    "Unsupported media type",
		    "Send a token request as Content-Type: " TYPE_REQUEST ".", 0);
		return NULL;
	}
	if (pp_token_request_read(req->body, ret_token_request) != 0 ||
	    ret_token_request->type != PP_TOKEN_TYPE) {
		refuse(app, req, REFUSED_REQUEST, 422, "invalid-token-request",
		    "Not a token request",
		    "A token request of type 0x0002 has 259 bytes: the type, the last byte of the "
		    "key id, and the blinded message of 256 bytes.",
		    0);
		return NULL;
	}
	struct service *service = find_service(app, only, ret_token_request->truncated_key_id);
	if (!service) {
		refuse(app, req, REFUSED_REQUEST, 422, "unknown-token-key", "Unknown token key",
		    "No key of this issuer ends with that byte; read the directory again.", 0);
		return NULL;
	}
	if (!blindrsa_message_fits(service->round->keys.token, ret_token_request->blinded)) {
		refuse(app, req, REFUSED_REQUEST, 422, "invalid-token-request",
		    "Not a token request",
		    "The blinded message is not smaller than the key's modulus.", 0);
		return NULL;
	}
	return service;
}

/* RFC 6750, section 3. */
static void refuse_unadmitted(struct app *app, struct request *req, enum refusal why,
    const char *type, const char *title, const char *detail)
{
	app->stats->tokens_refused++;
	app->stats->refused[why]++;
	reply_problem(req, &(struct problem){.status = 401,
			       .type = type,
			       .title = title,
			       .detail = detail,
			       .www_authenticate = "Bearer realm=\"tallyd\""});
}

/* What a gateway or a login brought: if it is the settings that do not fit, everybody is refused,
 * and the log tells why; what strangers send fills it no faster. */
static void refuse_malformed(struct service *service, struct request *req, const char *why)
{
	int64_t now_ms = clock_steady_ms();

	if (now_ms >= service->tell_again_ms) {
		service->tell_again_ms = now_ms + TELL_AGAIN_MS;
		log_warn("contest %s: somebody was not admitted: %s (told once a minute)",
		    service->round->contest->id, why);
	}
	refuse_unadmitted(
	    service->app, req, REFUSED_ADMISSION, "not-admitted", "Not admitted", why);
}

/* Whom the request is for, by the contest's method; or refuses. */
static bool admit(struct service *service, struct request *req, struct slice blinded,
    struct admission_answer *ret_answer)
{
	struct app *app = service->app;
	const struct admission_request request = {
	    .contest = service->round->contest,
	    .identity_key = service->round->identity_key,
	    .gateways = service->gateways,
	    .n_gateways = service->n_gateways,
	    .now_ms = app_now_ms(app),
	    .bearer = request_bearer(req),
	    .blinded = blinded,
	};

	switch (service->admission ? service->admission->admit(&request, ret_answer)
				   : ADMISSION_CLOSED) {
	case ADMITTED:
		return true;
	case ADMISSION_CLOSED:
		refuse(app, req, REFUSED_ADMISSION, 403, "admission-closed",
		    "Nobody can be admitted here",
		    "This server cannot establish who may vote in this contest: open admission "
		    "serves rehearsals and demonstrations only.",
		    0);
		return false;
	case ADMISSION_ABSENT:
		refuse_unadmitted(app, req, REFUSED_ADMISSION, "not-admitted", "Not admitted",
		    "The Authorization of a token request carries what admits to this contest: "
		    "Bearer and the invitation code, or what a login ended with.");
		return false;
	case ADMISSION_MALFORMED:
		if (service->round->contest->admission == ADMISSION_CODES)
			refuse(app, req, REFUSED_MISTYPED, 422, "mistyped-code",
			    "The invitation code is mistyped", ret_answer->why, 0);
		else
			refuse_malformed(service, req, ret_answer->why);
		return false;
	case ADMISSION_EXPIRED:
		refuse_unadmitted(app, req, REFUSED_EXPIRED, "admission-expired",
		    "The login is over", ret_answer->why);
		return false;
	case ADMISSION_EXCLUDED:
		refuse(app, req, REFUSED_EXCLUDED, 403, "not-eligible",
		    "Not among those who may vote", ret_answer->why, 0);
		return false;
	}
	return false;
}

void tokens_issue(void *arg, struct request *req)
{
	struct app *app = arg;
	struct pp_token_request token_request;
	struct admission_answer answer = {0};
	struct service *service = read_request(app, req, &token_request);
	struct issuing *issuing;
	uint8_t blinded_hash[SHA256_SIZE];

	if (!service || !admit(service, req, token_request.blinded, &answer) ||
	    is_too_fast(service, req, answer.identity))
		return;
	issuing = malloc(sizeof(*issuing));
	if (!issuing) {
		refuse(app, req, REFUSED_UNAVAILABLE, 503, "busy", "Out of memory",
		    "Nothing was issued.", 1);
		return;
	}
	if (is_guessing(service, req, &issuing->guesses)) {
		free(issuing);
		return;
	}
	gate_enter(app);
	issuing->service = service;
	issuing->req = req;
	memcpy(issuing->blinded, token_request.blinded.ptr, BLINDRSA_BYTES);
	sha256(token_request.blinded, blinded_hash);
	ledger_issue(service->ledger, answer.identity, blinded_hash, on_recorded, issuing);
}
