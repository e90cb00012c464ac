/* Whether what a provider says of somebody is meant for this contest, is of now, and lets them
 * vote. The signature was checked by whoever has the provider's keys.
 *
 * OpenID Connect Core 1.0, section 3.1.3.7 (what an ID token must hold), and of an identity
 * gateway's assertion the same without the nonce (RFC 7523, section 3). */
#ifndef TALLYD_ADMISSION_CLAIMS_H
#define TALLYD_ADMISSION_CLAIMS_H

#include <stdint.h>

#include <jansson.h>

#include "contest/contest.h"

#define CLAIMS_SKEW_S  60  /* clocks may differ by it */
#define CLAIMS_AGE_S   600 /* since "iat" at most, and from it to "exp" in an assertion */
#define CLAIMS_WHY_MAX 200

struct claims_expected {
	const char *issuer;   /* "iss", exactly */
	const char *audience; /* in "aud"; alone, or named by "azp" too */
	const char *nonce;    /* NULL: an assertion, which has none */
	int64_t now_s;
};

enum claims_verdict {
	CLAIMS_GOOD,
	CLAIMS_UNSOUND,  /* not meant for this, or malformed */
	CLAIMS_EXPIRED,  /* over, or of long ago */
	CLAIMS_EARLY,    /* of the future: a clock is wrong */
	CLAIMS_WEAK,     /* not identified as strongly ("acr") as the contest asks */
	CLAIMS_SILENT,   /* does not say what the contest asks */
	CLAIMS_EXCLUDED, /* says it, and it excludes */
};

/* Looks at `claims` for the log and for whoever runs the provider: ret_why is a sentence that names
 * the claim, without its value. */
enum claims_verdict claims_judge(const json_t *claims, const struct claims_expected *expected,
    const struct contest *contest, char ret_why[CLAIMS_WHY_MAX]);

/* The person's claim as text; a number is printed. Borrowed from `claims` or ret_number; empty
 * where CLAIMS_GOOD was not the verdict. */
struct slice claims_person(
    const json_t *claims, const struct contest *contest, char ret_number[24]);

#endif
