/* The root of a growing Merkle tree (RFC 6962 section 2.1) in constant memory: only the roots of
 * the full subtrees at its right edge are kept. */
#ifndef TALLYD_AUDIT_FRONTIER_H
#define TALLYD_AUDIT_FRONTIER_H

#include <stdint.h>

#include "crypto/merkle.h"

struct frontier { /* zero: a tree without leaves */
	uint64_t size;
	uint8_t full[64][MERKLE_SIZE]; /* of 2^i leaves, where that bit of the size is set */
};

void frontier_add(struct frontier *frontier, const uint8_t leaf[MERKLE_SIZE]);
void frontier_root(const struct frontier *frontier, uint8_t ret_root[MERKLE_SIZE]);

#endif
