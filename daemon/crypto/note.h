/* Signed notes (C2SP signed-note) with Ed25519: a text that ends in LF, an empty line, and a line
 * "— <name> <base64(key id 4 | signature 64)>". The key id is the first four bytes of
 * SHA-256(name | LF | 0x01 | public key). */
#ifndef TALLYD_CRYPTO_NOTE_H
#define TALLYD_CRYPTO_NOTE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define NOTE_NAME_MAX     200                  /* no spaces, no plus sign */
#define NOTE_VERIFIER_MAX (NOTE_NAME_MAX + 64) /* with the NUL */

/* Appends the signed note to `out`. 0; -EINVAL (text without a final LF or with control characters,
 * a bad name); -ENOMEM/-ENOBUFS. */
__attribute__((warn_unused_result)) int note_sign(
    struct slice text, const char *name, const uint8_t seed[32], struct buf *out);
/* 0 with the text (borrowed from `note`, its final LF included) when a line with this name and key
 * verifies; -EBADMSG. Lines of other keys are passed over. */
__attribute__((warn_unused_result)) int note_open(
    struct slice note, const char *name, const uint8_t public_key[32], struct slice *ret_text);
/* A verifier key: "<name>+<key id, 8 hex digits>+<base64(0x01 | public key)>". 0, or -EINVAL: a bad
 * name; reading: no such text, or a key id of another name or key. */
__attribute__((warn_unused_result)) int note_verifier_print(
    const char *name, const uint8_t public_key[32], char ret_text[NOTE_VERIFIER_MAX]);
__attribute__((warn_unused_result)) int note_verifier_read(
    struct slice text, char ret_name[NOTE_NAME_MAX + 1], uint8_t ret_public[32]);
/* The public half of a seed. */
__attribute__((warn_unused_result)) int note_public(const uint8_t seed[32], uint8_t ret_public[32]);

#endif
