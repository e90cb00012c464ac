/* The keys of one contest round on disk, one directory a round: <keys>/<round>/
 *   token.private.pem   RSA-2048 PKCS#8     0600   the signer only
 *   token.public.pem    SPKI                0644
 *   log.private.pem     Ed25519 PKCS#8      0600   the sealer only
 *   log.public.pem      SPKI                0644
 *   salt.key            32 random bytes     0600   workers: salts of the ballot log
 *   bearer.private.pem  EC P-256 PKCS#8     0600   tallyctl invite only: signs named tokens (ES256)
 *   bearer.public.pem   SPKI                0644
 *   result.private.pem  Ed25519 PKCS#8      0600   tallyctl certify and correct only
 *   result.public.pem   SPKI                0644
 * Directories are 0700. A private file readable by group or others is refused. */
#ifndef TALLYD_CRYPTO_KEYRING_H
#define TALLYD_CRYPTO_KEYRING_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/blindrsa.h"
#include "crypto/jws.h"

#define KEYRING_WHY_MAX 400

struct keyring_public { /* what a worker needs; owned by whoever loads it */
	struct blindrsa_public *token;
	uint8_t token_key_id[32];
	uint8_t log_key[32];             /* raw Ed25519 public key */
	uint8_t log_key_fingerprint[32]; /* SHA-256 of it */
	uint8_t salt[32];
	uint8_t salt_fingerprint[32];   /* SHA-256("tallyd salt key v1\n" | salt) */
	struct jws_key *bearer;         /* public */
	uint8_t bearer_fingerprint[32]; /* SHA-256 of its SPKI in DER */
	uint8_t result_key[32];         /* raw Ed25519 public key */
	uint8_t result_fingerprint[32]; /* SHA-256 of it */
};

/* 0, or -errno with a sentence in ret_why that names the file and the remedy. */
__attribute__((warn_unused_result)) int keyring_load_public(const char *keys_dir, const char *round,
    struct keyring_public *ret_keys, char ret_why[KEYRING_WHY_MAX]);
void keyring_public_release(struct keyring_public *keys);

__attribute__((warn_unused_result)) int keyring_load_token_private(const char *keys_dir,
    const char *round, struct blindrsa_private **ret_key, char ret_why[KEYRING_WHY_MAX]);

__attribute__((warn_unused_result)) int keyring_load_bearer_private(const char *keys_dir,
    const char *round, struct jws_key **ret_key, char ret_why[KEYRING_WHY_MAX]);
/* The result key's 32-byte Ed25519 seed; the caller cleanses it. */
__attribute__((warn_unused_result)) int keyring_load_result_private(
    const char *keys_dir, const char *round, uint8_t ret_seed[32], char ret_why[KEYRING_WHY_MAX]);

/* Makes what is missing, never overwrites. The last byte of the token key id will differ from those
 * of all other rounds under keys_dir (RFC 9578: the key is chosen by it). *ret_made tells whether
 * anything was made. */
__attribute__((warn_unused_result)) int keyring_generate(
    const char *keys_dir, const char *round, bool *ret_made, char ret_why[KEYRING_WHY_MAX]);

#endif
