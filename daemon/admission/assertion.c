/* Gateways with their keys, and tokens that one of them signed: read, verified, then judged. */
#include "admission/assertion.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission/claims.h"
#include "admission/person.h"

/* ---- gateways ---- */

static int fail(
    int error, char ret_why[GATEWAY_WHY_MAX], const struct gateway_settings *its, const char *what)
{
	(void)snprintf(ret_why, GATEWAY_WHY_MAX, "The keys of the gateway \"%s\", %s, %s.", its->id,
	    its->keys, what);
	return error;
}

static int read_file(const char *path, char *text, size_t cap, size_t *ret_len)
{
	FILE *file = fopen(path, "re");
	int r;

	if (!file)
		return -errno;
	*ret_len = fread(text, 1, cap, file);
	r = ferror(file) ? -EIO : 0;
	(void)fclose(file);
	return r;
}

static int load(const struct gateway_settings *its, struct gateway *gateway, char *text,
    char ret_why[GATEWAY_WHY_MAX])
{
	size_t len = 0;
	int r = read_file(its->keys, text, JWKS_TEXT_MAX + 1, &len);

	if (r < 0)
		return fail(r, ret_why, its, strerror(-r));
	*gateway = (struct gateway){.issuer = its->issuer, .audience = its->audience};
	r = jwks_parse(slice_make(text, len), &gateway->keys);
	if (r == -ENOKEY)
		return fail(r, ret_why, its,
		    "have no public key for signatures: RSA from 2048 bits, or EC on P-256, P-384 "
		    "or P-521");
	return r < 0 ? fail(r, ret_why, its, "are no JWK Set") : 0;
}

int gateways_load(const struct contest *contest, const struct settings *settings,
    struct gateway **ret_gateways, size_t *ret_n, char ret_why[GATEWAY_WHY_MAX])
{
	bool admits =
	    contest->admission == ADMISSION_ASSERTION && (settings->serves & SETTINGS_ISSUER);
	size_t n = admits ? contest->identity.n_providers : 0;
	struct gateway *gateways = calloc(n + 1, sizeof(*gateways));
	char *text = malloc(JWKS_TEXT_MAX + 1);
	int r = gateways && text ? 0 : -ENOMEM;

	(void)snprintf(ret_why, GATEWAY_WHY_MAX, "There is not enough memory.");
	for (size_t i = 0; i < n && r == 0; i++) {
		const char *id = contest->identity.providers[i].id;
		const struct gateway_settings *its = settings_gateway(settings, id);

		/* That there is one was seen with the contest: config/roundcheck.h. */
		assert(its);
		r = load(its, &gateways[i], text, ret_why);
	}
	free(text);
	if (r < 0) {
		gateways_free(gateways, n);
		return r;
	}
	*ret_gateways = gateways;
	*ret_n = n;
	return 0;
}

void gateways_free(struct gateway *gateways, size_t n)
{
	for (size_t i = 0; gateways && i < n; i++)
		jwks_free(gateways[i].keys);
	free(gateways);
}

/* ---- admission ---- */

static enum admission_verdict refuse(
    struct admission_answer *answer, enum admission_verdict verdict, const char *why)
{
	(void)snprintf(answer->why, sizeof(answer->why), "%s", why);
	return verdict;
}

/* Each gateway's keys in turn: a token that several verify is judged by the first whose "iss" it
 * has; which gateway that is, is judged with the claims. */
static int verify(
    const struct admission_request *request, const struct gateway **ret_gateway, json_t **ret)
{
	const struct gateway *verified = NULL;
	json_t *claims = NULL;

	for (size_t i = 0; i < request->n_gateways; i++) {
		const struct gateway *gateway = &request->gateways[i];
		json_t *its;
		int r = jwks_verify(gateway->keys, request->bearer, &its);

		if (r == -ENOMEM) {
			json_decref(claims);
			return r;
		}
		if (r < 0)
			continue;
		const char *issuer = json_string_value(json_object_get(its, "iss"));
		bool says_so = issuer && strcmp(issuer, gateway->issuer) == 0;
		if (!verified || says_so) {
			json_decref(claims);
			claims = json_incref(its);
			verified = gateway;
		}
		json_decref(its);
		if (says_so)
			break;
	}
	if (!verified)
		return -EBADMSG;
	*ret_gateway = verified;
	*ret = claims;
	return 0;
}

static enum admission_verdict verdict_of(
    enum claims_verdict judged, const char *why, struct admission_answer *answer)
{
	char sentence[ADMISSION_WHY_MAX];

	switch (judged) {
	case CLAIMS_GOOD:
		return ADMITTED;
	case CLAIMS_EXPIRED:
		return refuse(answer, ADMISSION_EXPIRED,
		    "The assertion's time is over; identify yourself again.");
	case CLAIMS_EXCLUDED:
		return refuse(answer, ADMISSION_EXCLUDED,
		    "By what the identity gateway says, this person may not vote here.");
	case CLAIMS_UNSOUND:
	case CLAIMS_EARLY:
	case CLAIMS_WEAK:
	case CLAIMS_SILENT:
		break;
	}
	(void)snprintf(sentence, sizeof(sentence), "The assertion is not taken: %.160s", why);
	return refuse(answer, ADMISSION_MALFORMED, sentence);
}

static enum admission_verdict admit(
    const struct admission_request *request, struct admission_answer *ret_answer)
{
	const struct contest *contest = request->contest;
	const struct gateway *gateway;
	char round[CONTEST_ID_MAX + 16], why[CLAIMS_WHY_MAX], number[24];
	enum admission_verdict verdict;
	json_t *claims;

	if (!request->identity_key || request->n_gateways == 0)
		return ADMISSION_CLOSED;
	if (request->bearer.len == 0)
		return ADMISSION_ABSENT;
	if (verify(request, &gateway, &claims) < 0)
		return refuse(ret_answer, ADMISSION_MALFORMED,
		    "This is no assertion that a gateway of this contest has signed.");
	const struct claims_expected expected = {.issuer = gateway->issuer,
	    .audience = gateway->audience,
	    .now_s = request->now_ms / 1000};
	verdict = verdict_of(claims_judge(claims, &expected, contest, why), why, ret_answer);
	if (verdict == ADMITTED) {
		contest_round(contest, round, sizeof(round));
		person_identity(request->identity_key, round, contest->identity.person_claim,
		    claims_person(claims, contest, number), ret_answer->identity);
	}
	json_decref(claims);
	return verdict;
}

const struct admission_method admission_assertion = {.name = "assertion", .admit = admit};
