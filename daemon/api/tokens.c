/* What a token request needs to know, over HTTP (RFC 9578 sections 4 and 6): the directory of keys,
 * and the fixed challenge. */
#include "api/app.h"
#include "api/routes.h"

#include <stdlib.h>

#include "base/encode.h"
#include "crypto/privacypass.h"

#define TYPE_DIRECTORY "application/private-token-issuer-directory"

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
