/* Persons, without a trace of who they are: what is kept of somebody who identified themselves is
 * an HMAC of one claim under the contest's identity key, and the admission bearer that a login ends
 * with says that identity, signed, for some minutes.
 *
 * A bearer is one-use by construction: an identity has one token, whatever bearers say it. */
#ifndef TALLYD_ADMISSION_PERSON_H
#define TALLYD_ADMISSION_PERSON_H

#include <stdint.h>

#include "admission/admission.h"
#include "base/encode.h"
#include "base/slice.h"
#include "crypto/digest.h"

#define PERSON_BEARER_MS    (5 * 60 * 1000)
#define PERSON_BEARER_BYTES (8 + IDENTITY_SIZE + SHA256_SIZE)
#define PERSON_BEARER_SIZE  BASE64_SIZE(PERSON_BEARER_BYTES)

/* HMAC-SHA-256("tallyd person v1\n" | round | "\n" | claim | "\n" | value), cut. The claim's name
 * is in it, so that one person never is another because of it. */
void person_identity(struct hmac_key *key, const char *round, const char *claim, struct slice value,
    uint8_t ret_identity[IDENTITY_SIZE]);

/* base64url of the end (seconds since 1970, 8 bytes), the identity, and their HMAC. */
void person_bearer_print(struct hmac_key *key, const char *round,
    const uint8_t identity[IDENTITY_SIZE], int64_t now_ms, char ret_bearer[PERSON_BEARER_SIZE]);
/* 0; -EBADMSG: none of this round; -ETIME: its minutes are over. */
__attribute__((warn_unused_result)) int person_bearer_read(struct hmac_key *key, const char *round,
    struct slice bearer, int64_t now_ms, uint8_t ret_identity[IDENTITY_SIZE]);

#endif
