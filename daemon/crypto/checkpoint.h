/* Signed tree heads (C2SP tlog-checkpoint): a signed note (crypto/note.h) over origin, size, and
 * root, signed under the origin as the key's name; and proofs (C2SP tlog-proof). FORMAT.md
 * sections 3.3 and 4. */
#ifndef TALLYD_CRYPTO_CHECKPOINT_H
#define TALLYD_CRYPTO_CHECKPOINT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "crypto/merkle.h"
#include "crypto/note.h"

#define CHECKPOINT_MAX 1024 /* bytes of a note with one signature, and room for witnesses' */
#define TLOG_PROOF_MAX 8192

struct checkpoint {
	uint64_t size;
	uint8_t root[MERKLE_SIZE];
};

/* Appends the signed note. 0; -EINVAL (the origin is no key name, or the size is not below 2^63);
 * -ENOMEM/-ENOBUFS. */
__attribute__((warn_unused_result)) int checkpoint_sign(const struct checkpoint *checkpoint,
    const char *origin, const uint8_t seed[32], struct buf *out);
/* 0; -EBADMSG: not a checkpoint of this origin, or no signature of this key verifies. Extension
 * lines are refused. */
__attribute__((warn_unused_result)) int checkpoint_open(struct slice note, const char *origin,
    const uint8_t public_key[32], struct checkpoint *ret_checkpoint);

/* An issued note (FORMAT.md section 3.4). 0 with the entries and the tokens that it tells of;
 * -EBADMSG as above. */
__attribute__((warn_unused_result)) int issued_open(struct slice note, const char *origin,
    const uint8_t public_key[32], uint64_t *ret_size, uint64_t *ret_issued);

/* A statement of how the epoch before ended (FORMAT.md section 6). 0 with that end; -EBADMSG as
 * above, or it speaks of another origin than `old_origin`. */
__attribute__((warn_unused_result)) int statement_open(struct slice note, const char *origin,
    const char *old_origin, const uint8_t public_key[32], struct checkpoint *ret_end);

struct tlog_proof {
	struct slice extra; /* base64 as it stands; ptr NULL: none */
	uint64_t index;
	uint8_t hashes[MERKLE_PROOF_MAX][MERKLE_SIZE];
	size_t n_hashes;
	struct slice checkpoint; /* the note */
};

/* 0; -EINVAL (index not below 2^63, more hashes than there can be); -ENOMEM/-ENOBUFS. */
__attribute__((warn_unused_result)) int tlog_proof_print(
    const struct tlog_proof *proof, struct buf *out);
/* Strict; slices are borrowed from `text`. The checkpoint is what stands behind the empty line: it
 * is not looked at here. 0 or -EBADMSG. */
__attribute__((warn_unused_result)) int tlog_proof_read(
    struct slice text, struct tlog_proof *ret_proof);

#endif
