/* Privacy Pass issuance over HTTP (RFC 9578 section 6): the directory of keys, the fixed challenge,
 * and blind signatures for those who are admitted.
 *
 *   tokens_issue -> on_recorded -> on_signed -> reply */
#include "api/app.h"
#include "api/routes.h"

#include <errno.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "admission/admission.h"
#include "base/clock.h"
#include "base/encode.h"
#include "client/signer.h"
#include "crypto/digest.h"
#include "store/ledger.h"

#define TYPE_DIRECTORY "application/private-token-issuer-directory"
#define TYPE_REQUEST   "application/private-token-request"
#define TYPE_RESPONSE  "application/private-token-response"

enum { RATE_TOKENS = 1 };

/* RFC 9578 section 4. */
void tokens_directory(void *arg, struct request *req)
{
	struct app *app = arg;
	json_t *keys = json_array();
	for (size_t i = 0; i < app->n_services; i++)
		json_array_append_new(keys, json_pack("{s:i, s:s}", "token-type", PP_TOKEN_TYPE,
						"token-key", app->services[i].token_key));
	json_t *directory =
	    json_pack("{s:s, s:o}", "issuer-request-uri", "/v1/tokens", "token-keys", keys);
	char *text = directory ? json_dumps(directory, JSON_COMPACT) : NULL;
	const struct reply_header headers[] = {{"Cache-Control", "public, max-age=300"}};
	if (text)
		reply_bytes(req, 200, TYPE_DIRECTORY, slice_text(text), headers, 1);
	else
		reply_json(req, 200, NULL, NULL, 0);
	free(text);
	json_decref(directory);
}

void tokens_challenge(void *arg, struct request *req)
{
	struct app *app = arg;
	struct service *service = app_service(app, req);
	if (!service)
		return;
	char key_id[HEX_SIZE(PP_KEY_ID_SIZE)];
	hex_encode(service->round->keys.token_key_id, PP_KEY_ID_SIZE, key_id);
	const struct reply_header headers[] = {
	    {"WWW-Authenticate", service->www_authenticate},
	    {"Cache-Control", "public, max-age=60"},
	};
	reply_json(req, 200,
	    json_pack("{s:s, s:s, s:s, s:s, s:s}", "challenge", service->challenge, "token_key",
		service->token_key, "token_key_id", key_id, "issuer_name",
		app->settings->issuer_name, "origin_info", app->settings->origin_info),
	    headers, 2);
}

/* ---- issuance ---- */

struct issuing {
	struct service *service;
	struct request *req;
	uint8_t blinded[BLINDRSA_BYTES];
};

static void refuse(struct app *app, struct request *req, int status, const char *type,
    const char *title, const char *detail, int retry_after_s)
{
	app->stats->tokens_refused++;
	reply_problem(req, &(struct problem){.status = status,
			       .type = type,
			       .title = title,
			       .detail = detail,
			       .retry_after_s = retry_after_s});
}

static void issuing_refuse(struct issuing *issuing, int status, const char *type, const char *title,
    const char *detail, int retry_after_s)
{
	refuse(issuing->service->app, issuing->req, status, type, title, detail, retry_after_s);
	free(issuing);
}

static void on_signed(void *arg, int error, const uint8_t signature[BLINDRSA_BYTES])
{
	struct issuing *issuing = arg;
	if (error != 0) {
		issuing_refuse(issuing, 503, "unavailable", "The issuer cannot sign now",
		    "Send the same request again: it gets the same answer.", 1);
		return;
	}
	issuing->service->app->stats->tokens_issued++;
	reply_bytes(
	    issuing->req, 200, TYPE_RESPONSE, slice_make(signature, BLINDRSA_BYTES), NULL, 0);
	free(issuing);
}

static void on_recorded(void *arg, enum issue_verdict verdict)
{
	struct issuing *issuing = arg;
	const struct service *service = issuing->service;
	switch (verdict) {
	case ISSUE_NEW:
	case ISSUE_SAME:
		if (signer_sign(service->app->signer, service->signer_key, issuing->blinded,
			on_signed, issuing) != 0)
			issuing_refuse(issuing, 503, "busy", "Too many are waiting",
			    "Send the same request again: it gets the same answer.", 1);
		break;
	case ISSUE_OTHER:
		issuing_refuse(issuing, 409, "already-issued", "A token was issued already",
		    "One token was issued for this admission, for another request. If its answer "
		    "was lost, send that very request again from the browser that made it.",
		    0);
		break;
	case ISSUE_NOT_OPEN:
		issuing_refuse(issuing, 403, "not-open", "Voting is not open",
		    "Tokens are issued while voting is open; see opens_at and phase in the "
		    "contest's definition.",
		    0);
		break;
	case ISSUE_CLOSED:
		issuing_refuse(issuing, 403, "closed", "Voting is closed",
		    "No token is issued any more; see closes_at in the contest's definition.", 0);
		break;
	case ISSUE_FAULT:
		issuing_refuse(issuing, 503, "unavailable", "This token cannot be issued now",
		    "The stored data that concern this admission are damaged.", 5);
		break;
	case ISSUE_BUSY:
		issuing_refuse(issuing, 503, "unavailable", "The issuer cannot be reached now",
		    "Nothing was issued. Send the same request again.", 2);
		break;
	case ISSUE_UNKNOWN:
		issuing_refuse(issuing, 503, "outcome-unknown",
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

static bool is_loopback(const struct sockaddr *peer)
{
	if (peer && peer->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, peer, sizeof(in));
		return (ntohl(in.sin_addr.s_addr) >> 24) == 127;
	}
	if (peer && peer->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, peer, sizeof(in6));
		return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
	}
	return false;
}

/* Seconds to wait, or 0. A rehearsal's own machine may make as many voters as it likes. */
static uint32_t rate_limited(struct service *service, const struct request *req)
{
	struct app *app = service->app;
	if (service->round->contest->rehearsal && is_loopback(req->peer))
		return 0;
	uint32_t wait_s = rate_take(app->rates, rate_key(req->peer, RATE_TOKENS),
	    &app->settings->token_rate, clock_steady_ms());
	if (wait_s)
		app->stats->rate_limited++;
	return wait_s;
}

/* Finds the round that a well-formed request is for, or refuses and returns NULL. */
static struct service *read_request(
    struct app *app, struct request *req, struct pp_token_request *ret_token_request)
{
	struct service *only = NULL;
	if (req->params[0].len > 0 && !(only = app_service(app, req)))
		return NULL;
	if (!slice_is(req->content_type, TYPE_REQUEST)) {
		refuse(app, req, 415, "unsupported-media-type", "Unsupported media type",
		    "Send a token request as Content-Type: " TYPE_REQUEST ".", 0);
		return NULL;
	}
	if (pp_token_request_read(req->body, ret_token_request) != 0 ||
	    ret_token_request->type != PP_TOKEN_TYPE) {
		refuse(app, req, 422, "invalid-token-request", "Not a token request",
		    "A token request of type 0x0002 has 259 bytes: the type, the last byte of the "
		    "key id, and the blinded message of 256 bytes.",
		    0);
		return NULL;
	}
	struct service *service = find_service(app, only, ret_token_request->truncated_key_id);
	if (!service) {
		refuse(app, req, 422, "unknown-token-key", "Unknown token key",
		    "No key of this issuer ends with that byte; read the directory again.", 0);
		return NULL;
	}
	if (!blindrsa_message_fits(service->round->keys.token, ret_token_request->blinded)) {
		refuse(app, req, 422, "invalid-token-request", "Not a token request",
		    "The blinded message is not smaller than the key's modulus.", 0);
		return NULL;
	}
	return service;
}

void tokens_issue(void *arg, struct request *req)
{
	struct app *app = arg;
	struct pp_token_request token_request;
	struct service *service = read_request(app, req, &token_request);
	if (!service)
		return;
	uint32_t wait_s = rate_limited(service, req);
	if (wait_s) {
		refuse(app, req, 429, "too-many-requests", "Too many requests",
		    "Too many ask from this network address at the moment.", (int)wait_s);
		return;
	}

	uint8_t identity[IDENTITY_SIZE], blinded_hash[SHA256_SIZE];
	const struct admission_request admission = {
	    .contest = service->round->contest,
	    .authorization = req->authorization,
	    .blinded = token_request.blinded,
	};
	enum admission_verdict verdict =
	    service->admission ? service->admission->admit(&admission, identity) : ADMISSION_CLOSED;
	if (verdict == ADMISSION_CLOSED) {
		refuse(app, req, 403, "admission-closed", "Nobody can be admitted here",
		    "This server cannot establish who may vote in this contest: open admission "
		    "serves rehearsals and demonstrations only.",
		    0);
		return;
	}
	if (verdict == ADMISSION_DENIED) {
		app->stats->tokens_refused++;
		reply_problem(req,
		    &(struct problem){.status = 401,
			.type = "not-admitted",
			.title = "Not admitted",
			.detail = "The Authorization of a token request carries what admits to "
				  "this contest.",
			.www_authenticate = "Bearer"});
		return;
	}

	struct issuing *issuing = malloc(sizeof(*issuing));
	if (!issuing) {
		refuse(app, req, 503, "busy", "Out of memory", "Nothing was issued.", 1);
		return;
	}
	issuing->service = service;
	issuing->req = req;
	memcpy(issuing->blinded, token_request.blinded.ptr, BLINDRSA_BYTES);
	sha256(token_request.blinded, blinded_hash);
	ledger_issue(service->ledger, identity, blinded_hash, on_recorded, issuing);
}
