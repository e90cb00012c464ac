/* Where citizens identify themselves: OpenID Providers and organisers' own gateways. */
#include "config/settings_providers.h"

#include <string.h>

#define CLAIMS_MAX 32
#define SCOPES_MAX 16

#define TEXT_ROW(key, owner, member, form, sentence)                                               \
	{                                                                                          \
		.name = (key), .type = SCHEMA_TEXT, .required = true, .max = 500,                  \
		.format = (form), SCHEMA_AT(struct owner, member), .doc = (sentence)               \
	}
#define CLAIMS_ROW(owner)                                                                          \
	{                                                                                          \
		.name = "claims", .type = SCHEMA_TEXTS, .max = CLAIMS_MAX,                         \
		.format = &format_claim, .fallback = "[]",                                         \
		SCHEMA_LIST_AT(struct owner, claims, n_claims),                                    \
		.doc = "What it says of a person, beyond sub."                                     \
	}

static const struct schema_key provider_keys[] = {
    TEXT_ROW("id", provider_settings, id, &format_id, "The id by which contests name it."),
    TEXT_ROW("issuer", provider_settings, issuer, &format_issuer,
	"Its issuer identifier, exactly as its tokens say it."),
    TEXT_ROW("client_id", provider_settings, client_id, NULL, "What it knows this server as."),
    {.name = "client_secret_file",
	.type = SCHEMA_PATH,
	.max = 4000,
	.empty = EMPTY_NULL,
	.fallback = "",
	SCHEMA_AT(struct provider_settings, client_secret_file),
	.doc = "A file whose first line is the client's secret; empty for none."},
    {.name = "scopes",
	.type = SCHEMA_TEXTS,
	.max = SCOPES_MAX,
	.format = &format_claim,
	.fallback = "[]",
	SCHEMA_LIST_AT(struct provider_settings, scopes, n_scopes),
	.doc = "What it is asked for beyond openid."},
    CLAIMS_ROW(provider_settings),
    {.name = "userinfo",
	.type = SCHEMA_BOOLEAN,
	.fallback = "false",
	SCHEMA_AT(struct provider_settings, userinfo),
	.doc = "Whether some of it is said at its userinfo endpoint alone."},
    {0},
};
const struct schema provider_settings_schema = {provider_keys, sizeof(struct provider_settings)};

static const struct schema_key gateway_keys[] = {
    TEXT_ROW("id", gateway_settings, id, &format_id, "The id by which contests name it."),
    TEXT_ROW("issuer", gateway_settings, issuer, NULL, "The \"iss\" of its assertions."),
    TEXT_ROW("audience", gateway_settings, audience, NULL, "Their \"aud\": this server."),
    {.name = "keys",
	.type = SCHEMA_PATH,
	.required = true,
	.max = 4000,
	SCHEMA_AT(struct gateway_settings, keys),
	.doc = "The JWK Set with its public keys."},
    {.name = "url",
	.type = SCHEMA_TEXT,
	.max = 500,
	.format = &format_issuer,
	.empty = EMPTY_NULL,
	.fallback = "",
	SCHEMA_AT(struct gateway_settings, url),
	.doc = "Its page where people identify themselves; empty: the voting page leads nowhere."},
    CLAIMS_ROW(gateway_settings),
    {0},
};
const struct schema gateway_settings_schema = {gateway_keys, sizeof(struct gateway_settings)};

const struct provider_settings *settings_provider(const struct settings *settings, const char *id)
{
	for (size_t i = 0; i < settings->n_providers; i++)
		if (settings->providers[i].id && strcmp(settings->providers[i].id, id) == 0)
			return &settings->providers[i];
	return NULL;
}

const struct gateway_settings *settings_gateway(const struct settings *settings, const char *id)
{
	for (size_t i = 0; i < settings->n_gateways; i++)
		if (settings->gateways[i].id && strcmp(settings->gateways[i].id, id) == 0)
			return &settings->gateways[i];
	return NULL;
}

void settings_check_providers(
    const struct settings *settings, struct document *document, struct config_errors *errors)
{
	for (size_t i = 0; i < settings->n_providers; i++) {
		const struct provider_settings *provider = &settings->providers[i];

		if (provider->id && settings_provider(settings, provider->id) != provider)
			document_error(errors, document_at(document, "providers/%zu/id", i),
			    "the id \"%s\" is taken by an earlier provider", provider->id);
	}
	for (size_t i = 0; i < settings->n_gateways; i++) {
		const struct gateway_settings *gateway = &settings->gateways[i];

		if (gateway->id && settings_gateway(settings, gateway->id) != gateway)
			document_error(errors, document_at(document, "gateways/%zu/id", i),
			    "the id \"%s\" is taken by an earlier gateway", gateway->id);
	}
}

const char *settings_login_origin(const struct settings *settings)
{
	const char *origins[] = {
	    settings->issuer_origin, settings->api_origin, settings->public_url};

	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++)
		if (origins[i] && *origins[i])
			return origins[i];
	return "";
}
