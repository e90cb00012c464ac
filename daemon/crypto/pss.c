/* EMSA-PSS by hand, for two reasons: a blind signer and its client need the encoding apart from the
 * RSA operation, and OpenSSL's own check allocates several contexts a call, which the hot path
 * feels. */
#include "crypto/pss.h"

#include <assert.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* Layout of an encoded message: masked DB (zeros, 0x01, salt) | H | 0xbc. */

struct hash {
	EVP_MD_CTX *context;
	EVP_MD *algorithm;
};

static void must(int ok)
{
	if (!ok)
		abort(); /* a broken OpenSSL: nothing that it says can be trusted */
}

static struct hash *hash_kept(void)
{
	static struct hash kept;

	if (kept.context == NULL) {
		kept.algorithm = EVP_MD_fetch(NULL, "SHA2-384", NULL);
		kept.context = EVP_MD_CTX_new();
		must(kept.algorithm != NULL && kept.context != NULL);
	}
	return &kept;
}

static void hash_parts(
    struct hash *hash, const struct slice *parts, size_t n, uint8_t ret_digest[PSS_HASH])
{
	must(EVP_DigestInit_ex2(hash->context, hash->algorithm, NULL));
	for (size_t i = 0; i < n; i++)
		must(EVP_DigestUpdate(hash->context, parts[i].ptr, parts[i].len));
	must(EVP_DigestFinal_ex(hash->context, ret_digest, NULL));
}

/* H = Hash(eight zeros | Hash(message) | salt) */
static void hash_salted(
    struct hash *hash, struct slice message, const uint8_t *salt, uint8_t ret_h[PSS_HASH])
{
	static const uint8_t zeros[8];
	uint8_t message_hash[PSS_HASH];

	hash_parts(hash, &message, 1, message_hash);
	hash_parts(hash,
	    (struct slice[]){slice_make(zeros, sizeof(zeros)),
		slice_make(message_hash, sizeof(message_hash)), slice_make(salt, PSS_SALT)},
	    3, ret_h);
}

/* XORs MGF1(h) over `db` (RFC 8017 appendix B.2.1). */
static void mask(struct hash *hash, const uint8_t h[PSS_HASH], uint8_t *db, size_t db_len)
{
	uint8_t counter[4] = {0};
	uint8_t block[PSS_HASH];

	for (size_t at = 0; at < db_len; at += PSS_HASH, counter[3]++) {
		hash_parts(hash,
		    (struct slice[]){slice_make(h, PSS_HASH), slice_make(counter, sizeof(counter))},
		    2, block);
		for (size_t i = 0; i < PSS_HASH && at + i < db_len; i++)
			db[at + i] ^= block[i];
	}
}

void pss_encode(struct slice message, const uint8_t salt[PSS_SALT], uint8_t *ret_em, size_t em_len)
{
	struct hash *hash = hash_kept();
	size_t db_len = em_len - PSS_HASH - 1;
	uint8_t *h = ret_em + db_len;

	assert(em_len >= PSS_EM_MIN && em_len <= PSS_EM_MAX);
	hash_salted(hash, message, salt, h);
	memset(ret_em, 0, db_len);
	ret_em[db_len - PSS_SALT - 1] = 0x01;
	memcpy(ret_em + db_len - PSS_SALT, salt, PSS_SALT);
	mask(hash, h, ret_em, db_len);
	ret_em[0] &= 0x7f; /* one bit less than the modulus has */
	ret_em[em_len - 1] = 0xbc;
}

bool pss_check(struct slice message, const uint8_t *em, size_t em_len)
{
	struct hash *hash = hash_kept();
	size_t db_len = em_len - PSS_HASH - 1;
	const uint8_t *h = em + db_len;
	uint8_t db[PSS_EM_MAX];
	uint8_t expected[PSS_HASH];
	uint8_t wrong = 0;

	assert(em_len >= PSS_EM_MIN && em_len <= PSS_EM_MAX);
	if (em[em_len - 1] != 0xbc || (em[0] & 0x80))
		return false;
	memcpy(db, em, db_len);
	mask(hash, h, db, db_len);
	db[0] &= 0x7f;
	for (size_t i = 0; i < db_len - PSS_SALT - 1; i++)
		wrong |= db[i];
	if (wrong != 0 || db[db_len - PSS_SALT - 1] != 0x01)
		return false;
	hash_salted(hash, message, db + db_len - PSS_SALT, expected);
	return CRYPTO_memcmp(expected, h, PSS_HASH) == 0;
}
