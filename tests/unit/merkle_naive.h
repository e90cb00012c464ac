/* RFC 6962 section 2.1 as it is written: recursive, and with OpenSSL's hashing straight. What
 * crypto/merkle and tlog/ are held against. */
#ifndef TALLYD_TESTS_MERKLE_NAIVE_H
#define TALLYD_TESTS_MERKLE_NAIVE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "crypto/merkle.h"

typedef uint8_t naive_hash[MERKLE_SIZE]; /* an array of them is what proofs are */

static inline void naive_sha256(
    int prefix, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len, uint8_t *ret)
{
	static EVP_MD_CTX *context;
	static EVP_MD *algorithm;
	const uint8_t byte = (uint8_t)prefix;

	if (context == NULL) {
		context = EVP_MD_CTX_new();
		algorithm = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	}
	if (EVP_DigestInit_ex(context, algorithm, NULL) != 1 ||
	    (prefix >= 0 && EVP_DigestUpdate(context, &byte, 1) != 1) ||
	    EVP_DigestUpdate(context, a, a_len) != 1 || EVP_DigestUpdate(context, b, b_len) != 1 ||
	    EVP_DigestFinal_ex(context, ret, NULL) != 1)
		abort();
}

static inline void naive_leaf(const uint8_t *entry, size_t len, uint8_t *ret)
{
	naive_sha256(0, entry, len, entry, 0, ret);
}

/* The largest power of two smaller than n. */
static inline uint64_t naive_split(uint64_t n)
{
	uint64_t k = 1;

	while (k * 2 < n)
		k *= 2;
	return k;
}

/* MTH(D[0:n]); the leaves are hashed already. */
static inline void naive_root(const naive_hash *leaves, uint64_t n, uint8_t *ret)
{
	naive_hash left, right;
	uint64_t k;

	if (n == 0) {
		naive_sha256(-1, ret, 0, ret, 0, ret);
		return;
	}
	if (n == 1) {
		memcpy(ret, leaves[0], MERKLE_SIZE);
		return;
	}
	k = naive_split(n);
	naive_root(leaves, k, left);
	naive_root(leaves + k, n - k, right);
	naive_sha256(1, left, MERKLE_SIZE, right, MERKLE_SIZE, ret);
}

/* PATH(m, D[n]); appends at *ret_n. */
static inline void naive_path(
    uint64_t m, const naive_hash *leaves, uint64_t n, naive_hash *ret_proof, size_t *ret_n)
{
	uint64_t k;

	if (n == 1)
		return;
	k = naive_split(n);
	if (m < k) {
		naive_path(m, leaves, k, ret_proof, ret_n);
		naive_root(leaves + k, n - k, ret_proof[(*ret_n)++]);
	} else {
		naive_path(m - k, leaves + k, n - k, ret_proof, ret_n);
		naive_root(leaves, k, ret_proof[(*ret_n)++]);
	}
}

/* SUBPROOF(m, D[n], whole); `whole` at first: PROOF(m, D[n]), 0 < m < n. Appends at *ret_n. */
static inline void naive_subproof(uint64_t m, const naive_hash *leaves, uint64_t n, int whole,
    naive_hash *ret_proof, size_t *ret_n)
{
	uint64_t k;

	if (m == n) {
		if (!whole)
			naive_root(leaves, n, ret_proof[(*ret_n)++]);
		return;
	}
	k = naive_split(n);
	if (m <= k) {
		naive_subproof(m, leaves, k, whole, ret_proof, ret_n);
		naive_root(leaves + k, n - k, ret_proof[(*ret_n)++]);
	} else {
		naive_subproof(m - k, leaves + k, n - k, 0, ret_proof, ret_n);
		naive_root(leaves, k, ret_proof[(*ret_n)++]);
	}
}

/* `n` different leaves: those of the 4-byte entries 0, 1, 2, … Free them with free(). */
static inline naive_hash *naive_leaves(size_t n)
{
	naive_hash *leaves = calloc(n ? n : 1, sizeof(*leaves));

	for (size_t i = 0; leaves != NULL && i < n; i++) {
		const uint8_t entry[4] = {
		    (uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
		naive_leaf(entry, sizeof(entry), leaves[i]);
	}
	return leaves;
}

#endif
