/* What must hold between admission, providers and claims of a contest's file. */
#include "config/contestrefs.h"

#include <string.h>

/* Somebody who leaves a choice of providers must be the same person at each of them. */
static void check_person_claim(const struct check *check)
{
	const char *claim = check->contest->identity.person_claim;

	if (claim && strcmp(claim, "sub") == 0 && check->contest->identity.n_providers > 1)
		document_error(check->errors, document_at(check->document, "identity/person_claim"),
		    "\"sub\" is another one at each provider, so one person could vote at several; "
		    "name one provider, or a claim that all give alike, such as ci");
	if (claim && strcmp(claim, "acr") == 0)
		document_error(check->errors, document_at(check->document, "identity/person_claim"),
		    "\"acr\" says how somebody was identified, not who, so all would be one "
		    "person; "
		    "name a claim that is another one for each, such as ci");
}

static void check_rule(const struct check *check, size_t index)
{
	const struct claim_rule *rule = &check->contest->identity.claims[index];
	const yaml_node_t *node = document_at(check->document, "identity/claims/%zu", index);

	if (!rule->claim)
		return;
	if (!rule->at_least && !rule->at_most && rule->n_one_of == 0)
		document_error(check->errors, node,
		    "nothing is asked of \"%s\"; add at_least, at_most or one_of", rule->claim);
	if (rule->at_least && rule->at_most && strcmp(rule->at_least, rule->at_most) > 0)
		document_error(check->errors, node,
		    "\"at_least\" is after \"at_most\", so nobody could vote; it is to be earlier");
}

/* Persons are forgotten once nobody can ask for a token any more. */
static void check_deletion(const struct check *check)
{
	int64_t delete_ms = check->contest->identity.delete_ms;

	if (delete_ms && check->contest->closes_ms && delete_ms < check->contest->closes_ms)
		document_error(check->errors, document_at(check->document, "identity/delete_at"),
		    "\"delete_at\" is before \"closes_at\", so a person could have a second token; "
		    "it is to be later");
}

void contest_check_identity(const struct check *check)
{
	const struct contest *contest = check->contest;

	if (!document_at(check->document, "identity")) {
		if (contest_knows_persons(contest))
			document_error(check->errors, document_at(check->document, "admission"),
			    "citizens identify themselves, but there is no block \"identity\"; it "
			    "names the providers, and the claim that names a person");
		return;
	}
	check_unique(check, (struct ids){"identity/providers", contest->identity.providers,
				contest->identity.n_providers, sizeof(struct sign_in)});
	check_person_claim(check);
	for (size_t i = 0; i < contest->identity.n_claims; i++)
		check_rule(check, i);
	check_deletion(check);
}
