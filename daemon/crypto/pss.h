/* EMSA-PSS (RFC 8017 section 9.1) with SHA-384, MGF1 over SHA-384 and a salt of 48 bytes, the one
 * choice of RSABSSA-SHA384-PSS-Deterministic (RFC 9474 section 5). Encodes and checks; knows no
 * key. One thread. */
#ifndef TALLYD_CRYPTO_PSS_H
#define TALLYD_CRYPTO_PSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define PSS_SALT   48
#define PSS_HASH   48
#define PSS_EM_MAX 512 /* of a 4096-bit modulus */
#define PSS_EM_MIN (PSS_HASH + PSS_SALT + 2)

/* The encoded message of `em_len` bytes for a modulus of 8 * em_len bits. */
void pss_encode(struct slice message, const uint8_t salt[PSS_SALT], uint8_t *ret_em, size_t em_len);

/* Whether `em` (PSS_EM_MIN to PSS_EM_MAX bytes) is an encoding of the message. */
bool pss_check(struct slice message, const uint8_t *em, size_t em_len);

#endif
