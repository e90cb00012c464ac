/* The Merkle tree of RFC 6962 section 2.1 over SHA-256: hashes, roots, and the proofs'
 * verification. Pure; where hashes are kept is tlog/'s business. */
#ifndef TALLYD_CRYPTO_MERKLE_H
#define TALLYD_CRYPTO_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define MERKLE_SIZE      32
#define MERKLE_PROOF_MAX 64 /* hashes of a proof, for any tree below 2^64 */

void merkle_leaf(struct slice entry, uint8_t ret_hash[MERKLE_SIZE]);
void merkle_node(const uint8_t left[MERKLE_SIZE], const uint8_t right[MERKLE_SIZE],
    uint8_t ret_hash[MERKLE_SIZE]);
/* The root over `n` hashes of one level, which stand one after another; n = 0: SHA-256 of nothing.
 */
void merkle_root(const uint8_t *hashes, size_t n, uint8_t ret_root[MERKLE_SIZE]);

/* Whether `proof` (from the leaf upwards) ties `leaf` at `index` to `root` of `size` leaves: RFC
 * 6962 section 2.1.1. */
bool merkle_includes(uint64_t index, uint64_t size, const uint8_t leaf[MERKLE_SIZE],
    const uint8_t (*proof)[MERKLE_SIZE], size_t n, const uint8_t root[MERKLE_SIZE]);
/* Whether the tree of `old_size` is the beginning of that of `size`: RFC 6962 section 2.1.2.
 * old_size 0, with the root of no leaves, is the beginning of every tree, with an empty proof. */
bool merkle_extends(uint64_t old_size, const uint8_t old_root[MERKLE_SIZE], uint64_t size,
    const uint8_t root[MERKLE_SIZE], const uint8_t (*proof)[MERKLE_SIZE], size_t n);

#endif
