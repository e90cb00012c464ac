/* SHA-256 and HMAC-SHA-256 over OpenSSL, with algorithms fetched once and contexts kept. Failure of
 * these primitives on valid input means a broken OpenSSL: they abort. One thread. */
#ifndef TALLYD_CRYPTO_DIGEST_H
#define TALLYD_CRYPTO_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define SHA256_SIZE 32

void sha256(struct slice bytes, uint8_t ret_digest[SHA256_SIZE]);
/* Over the concatenation of `n` parts. */
void sha256_parts(const struct slice *parts, size_t n, uint8_t ret_digest[SHA256_SIZE]);

struct hmac_key;
struct hmac_key *hmac_key_new(struct slice secret); /* NULL: memory */
void hmac_key_free(struct hmac_key *key);
void hmac_sha256(
    struct hmac_key *key, const struct slice *parts, size_t n, uint8_t ret_mac[SHA256_SIZE]);

#endif
