/* Privacy Pass, publicly verifiable tokens: token type 0x0002 (RFC 9577 sections 2.1, 2.2; RFC 9578
 * section 6). Builds and reads the wire structures; knows nothing of HTTP. */
#ifndef TALLYD_CRYPTO_PRIVACYPASS_H
#define TALLYD_CRYPTO_PRIVACYPASS_H

#include <stdint.h>

#include "base/slice.h"
#include "crypto/blindrsa.h"

#define PP_TOKEN_TYPE          0x0002
#define PP_NONCE_SIZE          32
#define PP_KEY_ID_SIZE         32
#define PP_TOKEN_INPUT_SIZE    98  /* type 2, nonce 32, challenge digest 32, key id 32 */
#define PP_TOKEN_SIZE          354 /* token_input and authenticator 256 */
#define PP_TOKEN_REQUEST_SIZE  259 /* type 2, truncated key id 1, blinded message 256 */
#define PP_TOKEN_RESPONSE_SIZE 256
#define PP_SPKI_MAX            700
#define PP_CHALLENGE_MAX       1024

/* SubjectPublicKeyInfo with id-RSASSA-PSS and the parameters of RFC 9578 section 8.2.2 (342 bytes
 * for 2048 bits; OpenSSL's own encoding is 346 and would give another key id). Returns the length.
 */
size_t pp_spki(const struct blindrsa_public *key, uint8_t ret_spki[PP_SPKI_MAX]);
/* SHA-256 of that. */
void pp_key_id(const struct blindrsa_public *key, uint8_t ret_key_id[PP_KEY_ID_SIZE]);

/* redemption_context = SHA-256("tallyd challenge v1\n" | contest | "\n" | "real" or "rehearsal" |
 * "\n" | key id) (⚑): the same for every voter of a round. */
void pp_redemption_context(const char *contest, int rehearsal, const uint8_t key_id[PP_KEY_ID_SIZE],
    uint8_t ret_context[32]);

/* TokenChallenge (RFC 9577 section 2.1.1). 0 with *ret_len, or -EINVAL (names too long). */
__attribute__((warn_unused_result)) int pp_challenge(const char *issuer_name,
    struct slice redemption_context, const char *origin_info,
    uint8_t ret_challenge[PP_CHALLENGE_MAX], size_t *ret_len);

/* type | nonce | SHA-256(challenge) | key id. */
void pp_token_input(const uint8_t nonce[PP_NONCE_SIZE], const uint8_t challenge_digest[32],
    const uint8_t key_id[PP_KEY_ID_SIZE], uint8_t ret_input[PP_TOKEN_INPUT_SIZE]);

struct pp_token {           /* slices into the bytes it was read from */
	struct slice input; /* the 98 bytes that are signed */
	struct slice nonce, challenge_digest, key_id, authenticator;
	unsigned type;
};
/* 0 or -EINVAL (wrong length). Does not judge the contents. */
__attribute__((warn_unused_result)) int pp_token_read(
    struct slice bytes, struct pp_token *ret_token);

struct pp_token_request {
	unsigned type;
	uint8_t truncated_key_id; /* last byte of the key id */
	struct slice blinded;
};
/* 0 or -EINVAL (wrong length). */
__attribute__((warn_unused_result)) int pp_token_request_read(
    struct slice bytes, struct pp_token_request *ret_request);

#endif
