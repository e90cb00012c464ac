/* Named tokens: JSON Web Signatures in compact form (RFC 7515) with one algorithm, ES256 (RFC 7518
 * section 3.4), fixed by the key. The header's "alg" must say so and chooses nothing; any header
 * member but "alg", "typ" and "kid" is refused, "crit" included. Signs and verifies; knows nothing
 * of claims but that they are a JSON object. */
#ifndef TALLYD_CRYPTO_JWS_H
#define TALLYD_CRYPTO_JWS_H

#include <stdbool.h>

#include <jansson.h>

#include "base/slice.h"

#define JWS_MAX 4096 /* characters of a token */

struct jws_key;

/* An EC P-256 key in PEM: PKCS#8, or SubjectPublicKeyInfo. 0, -EINVAL (another kind of key),
 * -ENOMEM. */
__attribute__((warn_unused_result)) int jws_key_private(struct slice pem, struct jws_key **ret_key);
__attribute__((warn_unused_result)) int jws_key_public(struct slice pem, struct jws_key **ret_key);
void jws_key_free(struct jws_key *key);

/* The compact form; the caller frees it. NULL: memory, or a public key. */
char *jws_sign(const struct jws_key *key, const json_t *claims);
/* 0 with the claims, which the caller drops; -EBADMSG for whatever does not verify. */
__attribute__((warn_unused_result)) int jws_verify(
    const struct jws_key *key, struct slice token, json_t **ret_claims);

#endif
