/* Blind RSA signatures, RSABSSA-SHA384-PSS-Deterministic (RFC 9474): SHA-384, MGF1 with SHA-384,
 * salt of 48 bytes, message not randomised. Keys are 2048 bits here; the module takes 2048 to 4096
 * so that the RFC's own vectors (4096) run through it; e is 65537. OpenSSL does the arithmetic. */
#ifndef TALLYD_CRYPTO_BLINDRSA_H
#define TALLYD_CRYPTO_BLINDRSA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define BLINDRSA_BYTES     256 /* of a 2048-bit modulus, signature, blinded message */
#define BLINDRSA_BYTES_MAX 512
#define BLINDRSA_SALT      48
#define BLINDRSA_DER_MAX   560
#define BLINDRSA_PEM_MAX   4096 /* of a private 4096-bit key */

struct blindrsa_private; /* the signer's half */
struct blindrsa_public;  /* everybody's half; keeps a verification context: one thread */

void blindrsa_private_free(struct blindrsa_private *key);
void blindrsa_public_free(struct blindrsa_public *key);

/* A fresh 2048-bit key with e = 65537. 0, -ENOMEM, -EIO. */
__attribute__((warn_unused_result)) int blindrsa_generate(struct blindrsa_private **ret_key);
/* From n, e, d, p, q as big-endian bytes (test vectors). 0 or -EINVAL. */
__attribute__((warn_unused_result)) int blindrsa_private_from_parts(struct slice n, struct slice e,
    struct slice d, struct slice p, struct slice q, struct blindrsa_private **ret_key);
__attribute__((warn_unused_result)) int blindrsa_public_from_parts(
    struct slice n, struct slice e, struct blindrsa_public **ret_key);
__attribute__((warn_unused_result)) int blindrsa_public_of(
    const struct blindrsa_private *key, struct blindrsa_public **ret_key);

/* PEM (PKCS#8 private, SubjectPublicKeyInfo public with rsaEncryption). 0, -EINVAL, -ENOMEM. */
__attribute__((warn_unused_result)) int blindrsa_private_from_pem(
    struct slice pem, struct blindrsa_private **ret_key);
__attribute__((warn_unused_result)) int blindrsa_public_from_pem(
    struct slice pem, struct blindrsa_public **ret_key);

/* Their inverses. Each writes a NUL-terminated text of at most `cap` bytes, NUL included. The
 * private text is a secret: the caller cleanses it. 0, -ENOBUFS, -EIO. */
__attribute__((warn_unused_result)) int blindrsa_private_to_pem(
    const struct blindrsa_private *key, char *ret_pem, size_t cap);
__attribute__((warn_unused_result)) int blindrsa_public_to_pem(
    const struct blindrsa_public *key, char *ret_pem, size_t cap);

/* RSAPublicKey (RFC 8017 appendix A.1.1) in DER; returns the length. */
size_t blindrsa_public_der(const struct blindrsa_public *key, uint8_t ret_der[BLINDRSA_DER_MAX]);

unsigned blindrsa_size(const struct blindrsa_public *key); /* bytes of the modulus */

/* Whether `blinded` has the modulus' size and is smaller than it: what can be signed at all. */
bool blindrsa_message_fits(const struct blindrsa_public *key, struct slice blinded);

/* RFC 9474 section 4.3, with the check m == s^e. `blinded` and ret_signature have the modulus'
 * size. 0; -EINVAL for a wrong length or a message >= n; -EIO when the check fails (a fault: never
 * send). */
__attribute__((warn_unused_result)) int blindrsa_sign(
    const struct blindrsa_private *key, struct slice blinded, uint8_t *ret_signature);

/* Plain RSASSA-PSS-VERIFY. True when it verifies. The hot path: keeps its context. */
bool blindrsa_verify(struct blindrsa_public *key, struct slice message, struct slice signature);

/* The client's half (RFC 9474 sections 4.2 and 4.4), for tests, benchmarks, and synthetic voters.
 * `salt` (48 bytes) and `blind_inverse` r^-1 may be given for vectors; empty: random. ret_inverse
 * receives the modulus' size of bytes. 0; -EINVAL for a part of a wrong size, or, with negligible
 * odds, numbers that share a factor with n. */
__attribute__((warn_unused_result)) int blindrsa_blind(const struct blindrsa_public *key,
    struct slice message, struct slice salt, struct slice blind_inverse, uint8_t *ret_blinded,
    uint8_t *ret_inverse);
/* 0, or -EINVAL when the outcome does not verify: the signer cheated or took another key. */
__attribute__((warn_unused_result)) int blindrsa_finalize(struct blindrsa_public *key,
    struct slice message, struct slice blind_signature, struct slice inverse,
    uint8_t *ret_signature);
/* Signs a message directly (blind-free), as only the holder of the private key can: for benchmarks.
 */
__attribute__((warn_unused_result)) int blindrsa_sign_message(
    const struct blindrsa_private *key, struct slice message, uint8_t *ret_signature);

#endif
