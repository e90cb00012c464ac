/* Contest and settings held against each other. */
#include "config/roundcheck.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct place { /* where somebody identifies themselves */
	const char *what, *list, *id;
	char *const *claims;
	size_t n_claims;
};

/* Every place says who it is and, where asked, how strongly. */
static bool says(const struct place *place, const char *claim)
{
	if (strcmp(claim, "sub") == 0 || strcmp(claim, "acr") == 0)
		return true;
	for (size_t i = 0; i < place->n_claims; i++)
		if (strcmp(place->claims[i], claim) == 0)
			return true;
	return false;
}

static int find_place(const struct contest *contest, const struct settings *settings,
    const char *id, struct place *ret_place)
{
	if (contest->admission == ADMISSION_OIDC) {
		const struct provider_settings *provider = settings_provider(settings, id);
		*ret_place = (struct place){"provider", "providers", id, NULL, 0};
		if (!provider)
			return -ENOENT;
		ret_place->claims = provider->claims;
		ret_place->n_claims = provider->n_claims;
		return 0;
	}
	const struct gateway_settings *gateway = settings_gateway(settings, id);
	*ret_place = (struct place){"gateway", "gateways", id, NULL, 0};
	if (!gateway)
		return -ENOENT;
	ret_place->claims = gateway->claims;
	ret_place->n_claims = gateway->n_claims;
	return 0;
}

static int check_place(
    const struct contest *contest, const struct place *place, char ret_why[ROUNDCHECK_WHY_MAX])
{
	const char *missing =
	    says(place, contest->identity.person_claim) ? NULL : contest->identity.person_claim;

	for (size_t i = 0; i < contest->identity.n_claims && !missing; i++)
		if (!says(place, contest->identity.claims[i].claim))
			missing = contest->identity.claims[i].claim;
	if (!missing)
		return 0;
	(void)snprintf(ret_why, ROUNDCHECK_WHY_MAX,
	    "Contest \"%s\" asks for the claim \"%s\", which the %s \"%s\" does not give; name "
	    "it in \"claims\" of that %s in the settings if it does, or leave the %s out of "
	    "\"identity.providers\".",
	    contest->id, missing, place->what, place->id, place->what, place->what);
	return -EINVAL;
}

/* A login begins and ends at this server: providers lead back to it, and it leads to the pages. */
static int check_way(const struct contest *contest, const struct settings *settings,
    char ret_why[ROUNDCHECK_WHY_MAX])
{
	bool apart = !(settings->serves & SETTINGS_BALLOTS);

	if (*settings->public_url == '\0')
		(void)snprintf(ret_why, ROUNDCHECK_WHY_MAX,
		    "Citizens of contest \"%s\" log in, so it must be known where the pages are to "
		    "which they come back; set \"public_url\" in the settings.",
		    contest->id);
	else if (apart && *settings->issuer_origin == '\0')
		(void)snprintf(ret_why, ROUNDCHECK_WHY_MAX,
		    "Citizens of contest \"%s\" log in here, and the pages are elsewhere, so it "
		    "must "
		    "be known where providers lead back to; set \"issuer_origin\" in the settings "
		    "to "
		    "this server's own address, as the pages have it.",
		    contest->id);
	else
		return 0;
	return -EINVAL;
}

int roundcheck_identity(const struct contest *contest, const struct settings *settings,
    char ret_why[ROUNDCHECK_WHY_MAX])
{
	struct place place;
	int r = 0;

	if (!contest_knows_persons(contest) || !(settings->serves & SETTINGS_ISSUER))
		return 0;
	if (contest->admission == ADMISSION_OIDC)
		r = check_way(contest, settings, ret_why);
	for (size_t i = 0; i < contest->identity.n_providers && r == 0; i++) {
		r = find_place(contest, settings, contest->identity.providers[i].id, &place);
		if (r == -ENOENT) {
			(void)snprintf(ret_why, ROUNDCHECK_WHY_MAX,
			    "Contest \"%s\" names the %s \"%s\", which is not in \"%s\" of the "
			    "settings; add it there.",
			    contest->id, place.what, place.id, place.list);
			return -EINVAL;
		}
		if (r == 0)
			r = check_place(contest, &place, ret_why);
	}
	return r;
}
