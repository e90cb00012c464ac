/* Looks up what a request is about. Knows no route. */
#include "api/app.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission/admission.h"
#include "base/encode.h"
#include "crypto/digest.h"
#include "store/ledger.h"

struct service *app_service(struct app *app, struct request *req)
{
	for (size_t i = 0; i < app->n_services; i++)
		if (slice_is(req->params[0], app->services[i].round->contest->id))
			return &app->services[i];
	reply_problem(
	    req, &(struct problem){
		     .status = 404,
		     .type = "no-such-contest",
		     .title = "No such contest",
		     .detail = "This server does not serve a contest of that id; GET /v1/contests "
			       "lists those it serves.",
		 });
	return NULL;
}

bool app_is_ready(const struct app *app, const char **ret_why)
{
	for (size_t i = 0; i < app->n_services; i++)
		if (!ledger_is_ready(app->services[i].ledger)) {
			*ret_why = ledger_why(app->services[i].ledger);
			return false;
		}
	return true;
}

/* RFC 9577 section 2.2: the challenge and the key as an HTTP authentication challenge, in base64url
 * with padding. */
static char *build_www_authenticate(const struct round *round)
{
	char challenge[BASE64_SIZE(PP_CHALLENGE_MAX)], key[BASE64_SIZE(PP_SPKI_MAX)];
	uint8_t spki[PP_SPKI_MAX];
	base64url_encode_padded(round->challenge, round->challenge_len, challenge);
	base64url_encode_padded(spki, pp_spki(round->keys.token, spki), key);
	char *text;
	if (asprintf(&text, "PrivateToken challenge=\"%s\", token-key=\"%s\"", challenge, key) < 0)
		return NULL;
	return text;
}

int service_init(struct service *service, struct app *app, struct round *round, uint32_t signer_key)
{
	const struct contest *contest = round->contest;
	*service = (struct service){
	    .app = app,
	    .round = round,
	    .admission = admission_method(contest->admission),
	    .signer_key = signer_key,
	};
	hex_encode(round->rules_hash, SHA256_SIZE, service->rules_hash);
	service->www_authenticate = build_www_authenticate(round);
	service->origins = calloc(contest->shards, sizeof(service->origins[0]));
	service->salt_key = hmac_key_new(slice_make(round->keys.salt, sizeof(round->keys.salt)));
	if (!service->www_authenticate || !service->origins || !service->salt_key)
		return -ENOMEM;
	for (unsigned shard = 0; shard < contest->shards; shard++) {
		int rc = commitment_origin(
		    app->settings->log_name, contest, shard, service->origins[shard]);
		if (rc != 0)
			return rc;
	}
	return 0;
}

void service_release(struct service *service)
{
	hmac_key_free(service->salt_key);
	free(service->origins);
	free(service->www_authenticate);
	round_free(service->round);
}
