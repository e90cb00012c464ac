/* Keys of a contest's file: who is admitted where citizens identify themselves. */
#include "config/contestschema_rows.h"

#define CLAIM_MAX  60
#define VALUE_MAX  200
#define CLAIMS_MAX 16
#define ACR_MAX    8
#define ONE_OF_MAX 64

#define CLAIM(key, owner, member, needed, sentence)                                                \
	{                                                                                          \
		.name = (key), .type = SCHEMA_TEXT, .required = (needed), .max = CLAIM_MAX,        \
		.format = &format_claim, SCHEMA_AT(struct owner, member), .doc = (sentence)        \
	}
#define BOUND(key, member, sentence)                                                               \
	{                                                                                          \
		.name = (key), .type = SCHEMA_TEXT, .format = &format_date,                        \
		SCHEMA_AT(struct claim_rule, member), .doc = (sentence)                            \
	}
#define VALUES(key, owner, member, count, most, sentence)                                          \
	{                                                                                          \
		.name = (key), .type = SCHEMA_TEXTS, .max = (most), .fallback = "[]",              \
		SCHEMA_LIST_AT(struct owner, member, count), .doc = (sentence)                     \
	}

static const struct schema_key provider_keys[] = {
    ID(sign_in, id, "A provider of the settings, or the identity gateway, by its id."),
    LOCALISED("name", sign_in, name, true, 60, "What voters know it as."),
    {0},
};
static const struct schema provider_schema = {provider_keys, sizeof(struct sign_in)};

static const struct schema_key rule_keys[] = {
    CLAIM("claim", claim_rule, claim, true, "The claim that is looked at."),
    BOUND("at_least", at_least, "The earliest date that it may be."),
    BOUND("at_most", at_most, "The latest date that it may be."),
    VALUES("one_of", claim_rule, one_of, n_one_of, ONE_OF_MAX, "The values that it may have."),
    {0},
};
static const struct schema rule_schema = {rule_keys, sizeof(struct claim_rule)};

static const struct schema_key identity_keys[] = {
    CLAIM("person_claim", contest, identity.person_claim, true,
	"The claim that names a person, such as ci or sub."),
    {.name = "delete_at",
	.type = SCHEMA_TIME,
	.required = true,
	SCHEMA_AT(struct contest, identity.delete_ms),
	.doc = "When what is kept of who had a token is deleted."},
    BLOCKS("providers", contest, identity.providers, identity.n_providers, &provider_schema, true,
	1, CONTEST_PROVIDERS_MAX, "Where citizens identify themselves."),
    VALUES("acr", contest, identity.acr, identity.n_acr, ACR_MAX,
	"How strongly they do: any of these; whatever the provider does where none is named."),
    BLOCKS("claims", contest, identity.claims, identity.n_claims, &rule_schema, false, 0,
	CLAIMS_MAX, "What the provider must say of whoever votes."),
    {0},
};
const struct schema identity_schema = IN_CONTEST(identity_keys);
