/* x^65537 mod n for 2048-bit n with the 52-bit multiply-add of AVX-512 (IFMA): less than half of
 * OpenSSL's time, which has nothing of the kind for public keys. For public numbers only: it is not
 * constant-time. OpenSSL does the same where the processor lacks it, and is asked again before
 * anything is refused (blindrsa.c). */
#ifndef TALLYD_CRYPTO_RSA_IFMA_H
#define TALLYD_CRYPTO_RSA_IFMA_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/bn.h>

#define RSA_IFMA_BYTES 256

struct rsa_ifma;

/* Whether this processor has what it takes. */
bool rsa_ifma_is_here(void);
/* For an odd modulus of 2048 bits, where rsa_ifma_is_here(). NULL: memory. */
struct rsa_ifma *rsa_ifma_new(const BIGNUM *n, BN_CTX *scratch);
void rsa_ifma_free(struct rsa_ifma *key);

/* Both big-endian; x < n is the caller's to see to. */
void rsa_ifma_power(
    const struct rsa_ifma *key, const uint8_t x[RSA_IFMA_BYTES], uint8_t ret[RSA_IFMA_BYTES]);

#endif
