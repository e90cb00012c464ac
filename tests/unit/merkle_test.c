/* crypto/merkle: Certificate Transparency's published tree of eight leaves, and every root and
 * proof of small trees against the RFC's recursive definitions. */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

#include "base/encode.h"
#include "crypto/merkle.h"
#include "merkle_naive.h"

#define SMALL 600 /* trees up to this size are tested whole */
#define PAIRS 130

/* The leaves and roots of certificate-transparency's merkletree tests. */
static const struct {
	const char *leaf, *root;
} published[] = {
    {"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
    {"00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
    {"10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
    {"2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
    {"3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
    {"40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
    {"5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
    {"606162636465666768696a6b6c6d6e6f",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
};
#define PUBLISHED (sizeof(published) / sizeof(published[0]))

static naive_hash published_leaves[PUBLISHED];

static void from_hex(const char *text, uint8_t *ret, size_t cap, size_t *ret_len)
{
	assert_int_equal(hex_decode(slice_text(text), ret, cap, ret_len), 0);
}

static void hash_from_hex(const char *text, naive_hash ret)
{
	size_t len;

	from_hex(text, ret, MERKLE_SIZE, &len);
	assert_int_equal(len, MERKLE_SIZE);
}

static void published_roots(void **state)
{
	naive_hash root, wanted;

	(void)state;
	merkle_root(NULL, 0, root);
	hash_from_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", wanted);
	assert_memory_equal(root, wanted, MERKLE_SIZE);
	for (size_t n = 1; n <= PUBLISHED; n++) {
		uint8_t entry[32];
		size_t len;
		from_hex(published[n - 1].leaf, entry, sizeof(entry), &len);
		merkle_leaf(slice_make(entry, len), published_leaves[n - 1]);
		merkle_root(published_leaves[0], n, root);
		hash_from_hex(published[n - 1].root, wanted);
		assert_memory_equal(root, wanted, MERKLE_SIZE);
	}
}

/* Its proofs: index and size from 0 and 1 here, they count from 1 there. */
static void published_inclusion(void **state)
{
	static const struct {
		uint64_t index, size;
		const char *proof[4];
	} rows[] = {
	    {0, 1, {NULL}},
	    {0, 8,
		{"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
		    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
		    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
	    {5, 8,
		{"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
		    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
		    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
	    {2, 3, {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
	    {1, 5,
		{"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
		    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		naive_hash proof[4], root;
		size_t n = 0;
		for (; rows[i].proof[n] != NULL; n++)
			hash_from_hex(rows[i].proof[n], proof[n]);
		hash_from_hex(published[rows[i].size - 1].root, root);
		assert_true(merkle_includes(rows[i].index, rows[i].size,
		    published_leaves[rows[i].index], (const naive_hash *)proof, n, root));
	}
}

static void published_consistency(void **state)
{
	static const struct {
		uint64_t old_size, size;
		const char *proof[4];
	} rows[] = {
	    {1, 1, {NULL}},
	    {1, 8,
		{"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
		    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
		    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
	    {6, 8,
		{"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
		    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
		    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
	    {2, 5,
		{"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
		    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		naive_hash proof[4], old_root, root;
		size_t n = 0;
		for (; rows[i].proof[n] != NULL; n++)
			hash_from_hex(rows[i].proof[n], proof[n]);
		hash_from_hex(published[rows[i].old_size - 1].root, old_root);
		hash_from_hex(published[rows[i].size - 1].root, root);
		assert_true(merkle_extends(
		    rows[i].old_size, old_root, rows[i].size, root, (const naive_hash *)proof, n));
	}
}

/* ---- against the definitions ---- */

static naive_hash *leaves; /* SMALL of them */

static int make_leaves(void **state)
{
	(void)state;
	leaves = naive_leaves(SMALL);
	return leaves == NULL;
}

static int free_leaves(void **state)
{
	(void)state;
	free(leaves);
	return 0;
}

static void small_trees(void **state)
{
	(void)state;
	for (uint64_t size = 1; size <= SMALL; size++) {
		naive_hash root, wanted, proof[MERKLE_PROOF_MAX];
		uint64_t step = size > 40 ? size / 7 : 1;
		naive_root(leaves, size, wanted);
		merkle_root(leaves[0], size, root);
		assert_memory_equal(root, wanted, MERKLE_SIZE);
		for (uint64_t index = 0; index < size; index += index + 8 < size ? step : 1) {
			size_t n = 0;
			naive_path(index, leaves, size, proof, &n);
			assert_true(merkle_includes(
			    index, size, leaves[index], (const naive_hash *)proof, n, root));
		}
	}
}

/* Nothing of a proof may be otherwise: no bit, no length, no place. */
static void every_bit_counts(void **state)
{
	static const uint64_t sizes[] = {1, 2, 3, 5, 8, 21, 64};

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		uint64_t size = sizes[s];
		naive_hash root, leaf, proof[MERKLE_PROOF_MAX];
		const naive_hash *const held = (const naive_hash *)proof;
		naive_root(leaves, size, root);
		for (uint64_t index = 0; index < size; index++) {
			size_t n = 0;
			naive_path(index, leaves, size, proof, &n);
			memcpy(leaf, leaves[index], sizeof(leaf));
			memset(proof[n], 0, MERKLE_SIZE);
			for (size_t bit = 0; bit < n * MERKLE_SIZE * 8; bit++) {
				proof[bit / 256][bit % 256 / 8] ^= (uint8_t)(1 << bit % 8);
				assert_false(merkle_includes(index, size, leaf, held, n, root));
				proof[bit / 256][bit % 256 / 8] ^= (uint8_t)(1 << bit % 8);
			}
			for (size_t bit = 0; bit < (size_t)MERKLE_SIZE * 8; bit++) {
				leaf[bit / 8] ^= (uint8_t)(1 << bit % 8);
				assert_false(merkle_includes(index, size, leaf, held, n, root));
				leaf[bit / 8] ^= (uint8_t)(1 << bit % 8);
				root[bit / 8] ^= (uint8_t)(1 << bit % 8);
				assert_false(merkle_includes(index, size, leaf, held, n, root));
				root[bit / 8] ^= (uint8_t)(1 << bit % 8);
			}
			assert_true(merkle_includes(index, size, leaf, held, n, root));
			assert_false(merkle_includes(index, size, leaf, held, n + 1, root));
			if (n > 0)
				assert_false(merkle_includes(index, size, leaf, held, n - 1, root));
			for (uint64_t other = 0; other < size + 2; other++)
				if (other != index)
					assert_false(
					    merkle_includes(other, size, leaf, held, n, root));
			assert_false(merkle_includes(index, index, leaf, held, n, root));
			assert_false(merkle_includes(index, 0, leaf, held, n, root));
		}
	}
}

/* Of another size a proof holds only where that size makes the same walk (RFC 9162 has no size in
 * the hashes); of a size that makes it longer or shorter never. */
static void another_size_makes_another_walk(void **state)
{
	naive_hash root, proof[MERKLE_PROOF_MAX];
	size_t n = 0;

	(void)state;
	naive_root(leaves, 100, root);
	naive_path(50, leaves, 100, proof, &n);
	for (uint64_t size = 1; size <= 300; size++)
		if (size <= 64 || size > 128)
			assert_false(merkle_includes(
			    50, size, leaves[50], (const naive_hash *)proof, n, root));
}

static void all_pairs(void **state)
{
	naive_hash roots[PAIRS + 1], proof[MERKLE_PROOF_MAX];
	const naive_hash *const held = (const naive_hash *)proof;

	(void)state;
	for (uint64_t size = 0; size <= PAIRS; size++)
		naive_root(leaves, size, roots[size]);
	for (uint64_t size = 1; size <= PAIRS; size++)
		for (uint64_t old = 1; old < size; old++) {
			size_t n = 0;
			naive_subproof(old, leaves, size, 1, proof, &n);
			memset(proof[n], 7, MERKLE_SIZE);
			assert_true(merkle_extends(old, roots[old], size, roots[size], held, n));
			assert_false(
			    merkle_extends(old, roots[old], size, roots[size], held, n + 1));
			assert_false(
			    merkle_extends(old, roots[old], size, roots[size], held, n - 1));
			assert_false(merkle_extends(old, roots[old], size, roots[old], held, n));
			assert_false(merkle_extends(old, roots[size], size, roots[size], held, n));
			assert_false(merkle_extends(size, roots[size], old, roots[old], held, n));
			for (size_t i = 0; i < n; i++) {
				proof[i][size % MERKLE_SIZE] ^= (uint8_t)(1 << old % 8);
				assert_false(
				    merkle_extends(old, roots[old], size, roots[size], held, n));
				proof[i][size % MERKLE_SIZE] ^= (uint8_t)(1 << old % 8);
			}
		}
}

static void edges(void **state)
{
	naive_hash empty, one, proof[1] = {{0}};
	const naive_hash *const held = (const naive_hash *)proof;

	(void)state;
	naive_root(leaves, 0, empty);
	naive_root(leaves, 1, one);
	assert_true(merkle_extends(0, empty, 0, empty, held, 0));
	assert_true(merkle_extends(0, empty, 1, one, held, 0));
	assert_true(merkle_extends(1, one, 1, one, held, 0));
	assert_false(merkle_extends(0, one, 1, one, held, 0));   /* that is not the empty tree */
	assert_false(merkle_extends(0, empty, 1, one, held, 1)); /* nothing to prove */
	assert_false(merkle_extends(1, one, 1, one, held, 1));
	assert_false(merkle_extends(1, one, 1, empty, held, 0));
	assert_false(merkle_extends(1, one, 0, empty, held, 0));
	assert_false(merkle_extends(1, one, 2, one, held, 0));
	assert_false(merkle_extends(2, one, 1, one, held, 0)); /* nothing shrinks */
	assert_false(merkle_extends(3, one, 5, one, held, 0)); /* a seed is needed */
	assert_false(merkle_includes(UINT64_MAX, UINT64_MAX, one, held, 0, one));
	assert_true(merkle_includes(0, 1, one, held, 0, one));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(published_roots),
	    cmocka_unit_test(published_inclusion),
	    cmocka_unit_test(published_consistency),
	    cmocka_unit_test(small_trees),
	    cmocka_unit_test(every_bit_counts),
	    cmocka_unit_test(another_size_makes_another_walk),
	    cmocka_unit_test(all_pairs),
	    cmocka_unit_test(edges),
	};

	return cmocka_run_group_tests(tests, make_leaves, free_leaves);
}
