/* A JWK Set (RFC 7517 section 5) of somebody else's public keys, and tokens that they signed: JSON
 * Web Signatures in compact form (RFC 7515 section 7.1) with the algorithms of RFC 7518 section
 * 3.1 that have a public key. crypto/jws knows one key and one algorithm, this knows a set. The
 * header's "alg" chooses only among what fits the key (RFC 8725 section 3.1). Reads and verifies;
 * knows nothing of claims but that they are a JSON object. */
#ifndef TALLYD_CRYPTO_JWKS_H
#define TALLYD_CRYPTO_JWKS_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/slice.h"

#define JWKS_TEXT_MAX  (256 * 1024) /* bytes of a set */
#define JWKS_KEYS_MAX  64           /* keys of a set, kept or not */
#define JWKS_TOKEN_MAX (16 * 1024)  /* characters of a token */

struct jwks;

/* Keeps public signing keys: RSA of 2048 to 8192 bits, EC on P-256, P-384 and P-521. Left out,
 * and not held against the set, is every other key: an unknown or secret "kty" (oct), a private
 * one, "use" that is not "sig", "key_ops" without "verify", "alg" that is none of the key's, a
 * member of a wrong type, a point that is not on its curve. (OKP is left out because cjose has no
 * EdDSA.) Several keys may have one "kid".
 * 0; -EBADMSG: no JWK Set, or beyond the limits; -ENOKEY: no key is left; -ENOMEM. */
__attribute__((warn_unused_result)) int jwks_parse(struct slice json, struct jwks **ret_jwks);
void jwks_free(struct jwks *jwks);

/* Takes RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512, where it is an algorithm of the
 * key's type and curve, and the key's own "alg" if it names one. With "kid": the keys of that kid,
 * one after the other; without: the one key that fits (OpenID Connect Core 1.0 section 10.1).
 * "crit" is refused, other members of the header are passed over.
 * 0 with what was signed, which the caller frees; -EBADMSG: the token is unsound or its signature
 * does not fit; -ENOKEY: the set has no such key, so it may be read again; -ENOMEM. */
__attribute__((warn_unused_result)) int jwks_open(
    const struct jwks *jwks, struct slice token, uint8_t **ret_bytes, size_t *ret_len);

/* The same for claims: a JSON object in which no name stands twice (RFC 7519 section 4), which the
 * caller drops. Also -EBADMSG: it is none. */
__attribute__((warn_unused_result)) int jwks_verify(
    const struct jwks *jwks, struct slice token, json_t **ret_claims);

#endif
