/* The tree of RFC 6962 without its files: two kinds of hashes, and the two kinds of proofs checked
 * as RFC 9162 sections 2.1.3.2 and 2.1.4.2 write the same checks down step by step. */
#include "crypto/merkle.h"

#include <string.h>

#include "crypto/digest.h"

#define LEAF_PREFIX 0x00 /* RFC 6962 section 2.1: no leaf is ever taken for a node */
#define NODE_PREFIX 0x01

void merkle_leaf(struct slice entry, uint8_t ret_hash[MERKLE_SIZE])
{
	static const uint8_t prefix = LEAF_PREFIX;

	sha256_parts((struct slice[]){slice_make(&prefix, 1), entry}, 2, ret_hash);
}

void merkle_node(const uint8_t left[MERKLE_SIZE], const uint8_t right[MERKLE_SIZE],
    uint8_t ret_hash[MERKLE_SIZE])
{
	uint8_t bytes[1 + 2 * MERKLE_SIZE];

	bytes[0] = NODE_PREFIX;
	memcpy(bytes + 1, left, MERKLE_SIZE);
	memcpy(bytes + 1 + MERKLE_SIZE, right, MERKLE_SIZE);
	sha256(slice_make(bytes, sizeof(bytes)), ret_hash);
}

/* The stack holds the roots of full subtrees, the largest first: those of the bits of the number
 * of hashes taken so far. */
void merkle_root(const uint8_t *hashes, size_t n, uint8_t ret_root[MERKLE_SIZE])
{
	uint8_t stack[8 * sizeof(n)][MERKLE_SIZE];
	size_t top = 0;

	if (n == 0) {
		sha256(slice_make("", 0), ret_root);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		memcpy(stack[top++], hashes + i * MERKLE_SIZE, MERKLE_SIZE);
		for (size_t full = i; full & 1; full >>= 1, top--)
			merkle_node(stack[top - 2], stack[top - 1], stack[top - 2]);
	}
	for (; top > 1; top--)
		merkle_node(stack[top - 2], stack[top - 1], stack[top - 2]);
	memcpy(ret_root, stack[0], MERKLE_SIZE);
}

/* ---- proofs ---- */

/* Where a walk from a leaf to the root stands: the node's place in its level, and the last place
 * there. */
struct place {
	uint64_t at;
	uint64_t last;
};

static void place_up(struct place *place)
{
	place->at >>= 1;
	place->last >>= 1;
}

/* A node's sibling is at its left where the node is a right child, or where it is the last of its
 * level without a sibling: then it stands for its parents, too, up to one that is a right child. */
static bool is_left_sibling(struct place *place)
{
	if (!(place->at & 1) && place->at != place->last)
		return false;
	while (!(place->at & 1) && place->at != 0)
		place_up(place);
	return true;
}

bool merkle_includes(uint64_t index, uint64_t size, const uint8_t leaf[MERKLE_SIZE],
    const uint8_t (*proof)[MERKLE_SIZE], size_t n, const uint8_t root[MERKLE_SIZE])
{
	struct place place = {index, size - 1};
	uint8_t hash[MERKLE_SIZE];

	if (index >= size)
		return false;
	memcpy(hash, leaf, sizeof(hash));
	for (size_t i = 0; i < n; i++, place_up(&place)) {
		if (place.last == 0)
			return false; /* the proof goes on above the root */
		if (is_left_sibling(&place))
			merkle_node(proof[i], hash, hash);
		else
			merkle_node(hash, proof[i], hash);
	}
	return place.last == 0 && memcmp(hash, root, sizeof(hash)) == 0;
}

static bool is_same(const uint8_t a[MERKLE_SIZE], const uint8_t b[MERKLE_SIZE])
{
	return memcmp(a, b, MERKLE_SIZE) == 0;
}

/* Both roots grow from `first`, the root of the largest full subtree at the old tree's right edge;
 * hashes at the left belong to both trees, those at the right to the new one alone. */
static bool roots_grow(struct place place, const uint8_t first[MERKLE_SIZE],
    const uint8_t (*proof)[MERKLE_SIZE], size_t n, const uint8_t old_root[MERKLE_SIZE],
    const uint8_t root[MERKLE_SIZE])
{
	uint8_t old_hash[MERKLE_SIZE], hash[MERKLE_SIZE];

	memcpy(old_hash, first, sizeof(old_hash));
	memcpy(hash, first, sizeof(hash));
	for (size_t i = 0; i < n; i++, place_up(&place)) {
		if (place.last == 0)
			return false;
		if (is_left_sibling(&place)) {
			merkle_node(proof[i], old_hash, old_hash);
			merkle_node(proof[i], hash, hash);
		} else {
			merkle_node(hash, proof[i], hash);
		}
	}
	return place.last == 0 && is_same(old_hash, old_root) && is_same(hash, root);
}

bool merkle_extends(uint64_t old_size, const uint8_t old_root[MERKLE_SIZE], uint64_t size,
    const uint8_t root[MERKLE_SIZE], const uint8_t (*proof)[MERKLE_SIZE], size_t n)
{
	struct place place = {old_size - 1, size - 1};
	uint8_t empty[MERKLE_SIZE];

	if (old_size > size)
		return false;
	if (old_size == size)
		return n == 0 && is_same(old_root, root);
	if (old_size == 0) {
		merkle_root(NULL, 0, empty);
		return n == 0 && is_same(old_root, empty);
	}
	while (place.at & 1)
		place_up(&place);
	if (place.at == 0) /* the old tree is full: its root is where the walk begins */
		return roots_grow(place, old_root, proof, n, old_root, root);
	return n > 0 && roots_grow(place, proof[0], proof + 1, n - 1, old_root, root);
}
