/* The keys of one contest round on disk, one directory a round: <keys>/<round>/
 *   token.private.pem   RSA-2048 PKCS#8     0600   the signer only
 *   token.public.pem    SPKI                0644
 *   log.private.pem     Ed25519 PKCS#8      0600   the sealer only
 *   log.public.pem      SPKI                0644
 *   salt.key            32 random bytes     0600   workers: salts of the ballot log
 *   identity.key        32 random bytes     0600   workers that issue: persons become identities
 *   bearer.private.pem  EC P-256 PKCS#8     0600   tallyctl invite only: signs named tokens (ES256)
 *   bearer.public.pem   SPKI                0644
 *   result.private.pem  Ed25519 PKCS#8      0600   tallyctl certify and correct only
 *   result.public.pem   SPKI                0644
 * A host that does not issue has neither token.private.pem nor identity.key. Directories are 0700.
 * A private file readable by group or others is refused. */
#ifndef TALLYD_CRYPTO_KEYRING_H
#define TALLYD_CRYPTO_KEYRING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "crypto/blindrsa.h"
#include "crypto/jws.h"

#define KEYRING_WHY_MAX  400
#define KEYRING_SPKI_MAX 128 /* of a P-256 key: 91 */

struct keyring_public { /* what a worker needs; owned by whoever loads it */
	struct blindrsa_public *token;
	uint8_t token_key_id[32];
	uint8_t log_key[32];             /* raw Ed25519 public key */
	uint8_t log_key_fingerprint[32]; /* SHA-256 of it */
	uint8_t salt[32];
	uint8_t salt_fingerprint[32];          /* SHA-256("tallyd salt key v1\n" | salt) */
	struct jws_key *bearer;                /* public */
	uint8_t bearer_spki[KEYRING_SPKI_MAX]; /* its SubjectPublicKeyInfo in DER */
	size_t bearer_spki_len;
	uint8_t bearer_fingerprint[32]; /* SHA-256 of that */
	uint8_t result_key[32];         /* raw Ed25519 public key */
	uint8_t result_fingerprint[32]; /* SHA-256 of it */
};

/* 0, or -errno with a sentence in ret_why that names the file and the remedy. */
__attribute__((warn_unused_result)) int keyring_load_public(const char *keys_dir, const char *round,
    struct keyring_public *ret_keys, char ret_why[KEYRING_WHY_MAX]);
/* The key that turns persons into identities; the caller cleanses it. */
__attribute__((warn_unused_result)) int keyring_load_identity(
    const char *keys_dir, const char *round, uint8_t ret_key[32], char ret_why[KEYRING_WHY_MAX]);
void keyring_public_release(struct keyring_public *keys);

__attribute__((warn_unused_result)) int keyring_load_token_private(const char *keys_dir,
    const char *round, struct blindrsa_private **ret_key, char ret_why[KEYRING_WHY_MAX]);

__attribute__((warn_unused_result)) int keyring_load_bearer_private(const char *keys_dir,
    const char *round, struct jws_key **ret_key, char ret_why[KEYRING_WHY_MAX]);
/* The 32-byte Ed25519 seed of the result key, or of the log key, whose public half lies beside it;
 * the caller cleanses it. */
__attribute__((warn_unused_result)) int keyring_load_result_private(
    const char *keys_dir, const char *round, uint8_t ret_seed[32], char ret_why[KEYRING_WHY_MAX]);
__attribute__((warn_unused_result)) int keyring_load_log_private(
    const char *keys_dir, const char *round, uint8_t ret_seed[32], char ret_why[KEYRING_WHY_MAX]);

/* Makes what is missing, never overwrites. A round that has its salt key, which is made last, once
 * had all keys: a pair of which neither half is there was lost, and is not made anew (-ENOKEY),
 * because another key would not do. The last byte of the token key id will differ from those of all
 * other rounds under keys_dir (RFC 9578: the key is chosen by it). *ret_made tells whether anything
 * was made. */
__attribute__((warn_unused_result)) int keyring_generate(
    const char *keys_dir, const char *round, bool *ret_made, char ret_why[KEYRING_WHY_MAX]);

/* The same for a host that does not issue: makes neither a token key, whose public half must be
 * there (keyring_take_token()), nor an identity key. -ENOKEY without that half. */
__attribute__((warn_unused_result)) int keyring_generate_apart(
    const char *keys_dir, const char *round, bool *ret_made, char ret_why[KEYRING_WHY_MAX]);
/* Puts the issuer's public token key, in PEM, into a round of a host that does not issue; where it
 * is there already, nothing happens. -EINVAL: it is none. -EEXIST: another one is there. */
__attribute__((warn_unused_result)) int keyring_take_token(
    const char *keys_dir, const char *round, struct slice pem, char ret_why[KEYRING_WHY_MAX]);
/* The public token key in PEM, for that. 0 or -errno with a sentence. */
__attribute__((warn_unused_result)) int keyring_token_pem(const char *keys_dir, const char *round,
    char ret_pem[BLINDRSA_PEM_MAX], size_t *ret_len, char ret_why[KEYRING_WHY_MAX]);
/* Whether a private key of the issuer (of tokens, of identities) lies here; its name. NULL: none.
 */
const char *keyring_issuer_secret(const char *keys_dir, const char *round);

/* The private halves that are not here, by name, in this order; their number. Another host may have
 * them. */
#define KEYRING_PRIVATE 4
size_t keyring_absent(
    const char *keys_dir, const char *round, const char *ret_names[KEYRING_PRIVATE]);

/* The secrets that are here and that others may read, by name; their number. Whoever needs one
 * refuses it; tallyd refuses all, for what others have read they can use elsewhere. */
#define KEYRING_SECRETS 6
size_t keyring_exposed(
    const char *keys_dir, const char *round, const char *ret_names[KEYRING_SECRETS]);

#endif
