/* Adding a leaf is adding one to a binary number: every carry joins two subtrees of one size. */
#include "audit/frontier.h"

#include <string.h>

void frontier_add(struct frontier *frontier, const uint8_t leaf[MERKLE_SIZE])
{
	uint8_t hash[MERKLE_SIZE];
	size_t level = 0;

	memcpy(hash, leaf, sizeof(hash));
	for (uint64_t carry = frontier->size; carry & 1; carry >>= 1)
		merkle_node(frontier->full[level++], hash, hash);
	memcpy(frontier->full[level], hash, sizeof(hash));
	frontier->size++;
}

void frontier_root(const struct frontier *frontier, uint8_t ret_root[MERKLE_SIZE])
{
	uint8_t hash[MERKLE_SIZE];
	bool any = false;

	merkle_root(NULL, 0, hash);
	for (size_t level = 0; level < 64; level++) {
		if (!(frontier->size >> level & 1))
			continue;
		if (any)
			merkle_node(frontier->full[level], hash, hash);
		else
			memcpy(hash, frontier->full[level], sizeof(hash));
		any = true;
	}
	memcpy(ret_root, hash, sizeof(hash));
}
