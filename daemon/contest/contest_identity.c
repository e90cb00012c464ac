/* Who is admitted where citizens identify themselves, as JSON. */
#include "base/clock.h"
#include "contest/contest_json.h"

struct texts {
	char **list;
};

static json_t *text_json(const void *arg, size_t i)
{
	return json_string(((const struct texts *)arg)->list[i]);
}

json_t *contest_texts_json(char **list, size_t n)
{
	return contest_array_json(n, text_json, &(struct texts){list});
}

static json_t *claim_json(const void *arg, size_t i)
{
	const struct claim_rule *rule = &((const struct contest *)arg)->identity.claims[i];
	json_t *one_of = rule->n_one_of ? contest_texts_json(rule->one_of, rule->n_one_of) : NULL;

	return json_pack("{s:s, s:s*, s:s*, s:o*}", "claim", rule->claim, "at_least",
	    rule->at_least, "at_most", rule->at_most, "one_of", one_of);
}

static json_t *provider_id_json(const void *arg, size_t i)
{
	return json_string(((const struct contest *)arg)->identity.providers[i].id);
}

json_t *contest_identity_rules_json(const struct contest *contest)
{
	return json_pack("{s:s, s:o, s:o, s:o}", "person_claim", contest->identity.person_claim,
	    "providers",
	    contest_array_json(contest->identity.n_providers, provider_id_json, contest), "acr",
	    contest_texts_json(contest->identity.acr, contest->identity.n_acr), "claims",
	    contest_array_json(contest->identity.n_claims, claim_json, contest));
}

static json_t *provider_json(const void *arg, size_t i)
{
	const struct sign_in *provider = &((const struct contest *)arg)->identity.providers[i];

	return json_pack(
	    "{s:s, s:o}", "id", provider->id, "name", contest_text_json(&provider->name));
}

json_t *contest_identity_json(const struct contest *contest)
{
	char delete_at[CLOCK_TEXT_SIZE];
	json_t *json = contest_identity_rules_json(contest);

	if (!json ||
	    json_object_set_new(json, "providers",
		contest_array_json(contest->identity.n_providers, provider_json, contest)) < 0 ||
	    json_object_set_new(json, "delete_at",
		json_string(clock_format(contest->identity.delete_ms, 1, delete_at))) < 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}
