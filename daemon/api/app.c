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
static int prepare_challenge(struct service *service)
{
	const struct round *round = service->round;
	uint8_t spki[PP_SPKI_MAX];
	size_t spki_len = pp_spki(round->keys.token, spki);
	service->token_key = malloc(BASE64_SIZE(spki_len));
	service->challenge = malloc(BASE64_SIZE(round->challenge_len));
	if (!service->token_key || !service->challenge)
		return -ENOMEM;
	base64url_encode_padded(spki, spki_len, service->token_key);
	base64url_encode_padded(round->challenge, round->challenge_len, service->challenge);
	if (asprintf(&service->www_authenticate, "PrivateToken challenge=\"%s\", token-key=\"%s\"",
		service->challenge, service->token_key) < 0)
		return -ENOMEM;
	return 0;
}

/* What does not change of a contest's definition is printed once: pages ask for it all the time. */
static int prepare_definition(struct service *service)
{
	char rules_hash[HEX_SIZE(SHA256_SIZE)];
	hex_encode(service->round->rules_hash, SHA256_SIZE, rules_hash);
	json_t *definition = contest_public_json(service->round->contest);
	json_object_del(definition, "opens_at");
	json_object_del(definition, "closes_at");
	if (definition)
		json_object_set_new(definition, "rules_hash", json_string(rules_hash));
	service->definition = definition ? json_dumps(definition, JSON_COMPACT) : NULL;
	json_decref(definition);
	if (!service->definition)
		return -ENOMEM;
	service->definition[strlen(service->definition) - 1] = '\0';
	return 0;
}

int service_init(struct service *service, struct app *app, struct round *round, uint32_t signer_key)
{
	const struct contest *contest = round->contest;
	*service = (struct service){
	    .app = app,
	    .round = round,
	    .admission = admission_method(contest->admission),
	    .signer_key = signer_key,
	    .office = {.round = round},
	};
	service->origins = calloc(contest->shards, sizeof(service->origins[0]));
	service->salt_key = hmac_key_new(slice_make(round->keys.salt, sizeof(round->keys.salt)));
	if (!service->origins || !service->salt_key || prepare_challenge(service) != 0 ||
	    prepare_definition(service) != 0)
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
	free(service->challenge);
	free(service->token_key);
	free(service->definition);
	round_free(service->round);
}
