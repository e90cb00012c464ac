/* Assertions: a JSON Web Token (RFC 7519) that an organiser's own identity gateway signs for
 * somebody who has identified themselves there. It is the bearer of the token request itself, so
 * there is no login here: where the signature fits one of the gateway's keys and the claims are
 * right (admission/claims.h), the person is the one that the contest's person_claim names.
 *
 * Nothing is remembered of assertions: the same one again is the same person, who has one token. */
#ifndef TALLYD_ADMISSION_ASSERTION_H
#define TALLYD_ADMISSION_ASSERTION_H

#include <stddef.h>

#include "config/settings.h"
#include "contest/contest.h"
#include "crypto/jwks.h"

struct gateway {
	const char *issuer, *audience; /* borrowed from the settings */
	struct jwks *keys;
};

#define GATEWAY_WHY_MAX 500

/* Reads the keys of the gateways that the contest names, in its order; none where it takes no
 * assertions or this server does not issue. Each must be in the settings (config/roundcheck.h). 0;
 * or -errno with a sentence that names the file: it cannot be read, or is no JWK Set with a public
 * signing key. */
__attribute__((warn_unused_result)) int gateways_load(const struct contest *contest,
    const struct settings *settings, struct gateway **ret_gateways, size_t *ret_n,
    char ret_why[GATEWAY_WHY_MAX]);
void gateways_free(struct gateway *gateways, size_t n);

#endif
