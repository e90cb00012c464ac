/* Blind RSA: the signer's, the verifier's and the client's steps. Keys are made in blindrsa_key.c.
 */
#include "crypto/blindrsa.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "crypto/blindrsa_key.h"
#include "crypto/pss.h"

static_assert(BLINDRSA_SALT == PSS_SALT, "one salt length");
static_assert(BLINDRSA_BYTES_MAX == PSS_EM_MAX, "one size of the largest key");

unsigned blindrsa_size(const struct blindrsa_public *key)
{
	return key->size;
}

static BIGNUM *read_number(const uint8_t *bytes, size_t len, BIGNUM *ret_number)
{
	return BN_bin2bn(bytes, (int)len, ret_number);
}

bool blindrsa_message_fits(const struct blindrsa_public *key, struct slice blinded)
{
	return blinded.len == key->size &&
	       read_number((const uint8_t *)blinded.ptr, blinded.len, key->in) != NULL &&
	       BN_ucmp(key->in, key->n) < 0;
}

/* ret = in^65537 mod n (RFC 8017 section 5.2.2), both of the modulus' size. False where in >= n.
 * Public numbers only: it need not be constant-time. Sixteen squarings in Montgomery form; the last
 * factor is the plain number, which takes the product out of that form at no cost. An eighth
 * cheaper than BN_mod_exp_mont() and a seventh cheaper than EVP_PKEY_verify(). */
static bool public_operation(const struct blindrsa_public *key, const uint8_t *in, uint8_t *ret)
{
	BIGNUM *x = key->in;
	BIGNUM *power = key->out;

	if (read_number(in, key->size, x) == NULL || BN_ucmp(x, key->n) >= 0 ||
	    !BN_to_montgomery(power, x, key->mont, key->scratch))
		return false;
	for (int i = 0; i < 16; i++)
		if (!BN_mod_mul_montgomery(power, power, power, key->mont, key->scratch))
			return false;
	return BN_mod_mul_montgomery(power, power, x, key->mont, key->scratch) &&
	       BN_bn2binpad(power, ret, (int)key->size) >= 0;
}

/* ret = in^d mod n, by OpenSSL with its blinding of the exponentiation on. */
static bool private_operation(const struct blindrsa_private *key, const uint8_t *in, uint8_t *ret)
{
	size_t len = key->public->size;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
	bool done = context != NULL && EVP_PKEY_sign_init(context) > 0 &&
		    EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) > 0 &&
		    EVP_PKEY_sign(context, ret, &len, in, len) > 0 && len == key->public->size;

	EVP_PKEY_CTX_free(context);
	return done;
}

int blindrsa_sign(const struct blindrsa_private *key, struct slice blinded, uint8_t *ret_signature)
{
	const struct blindrsa_public *public = key->public;
	uint8_t signature[BLINDRSA_BYTES_MAX];
	uint8_t check[BLINDRSA_BYTES_MAX];
	const uint8_t *message = (const uint8_t *)blinded.ptr;
	int r = -EIO;

	if (blinded.len != public->size)
		return -EINVAL;
	if (read_number(message, public->size, public->in) == NULL)
		return -EIO;
	if (BN_ucmp(public->in, public->n) >= 0)
		return -EINVAL;
	/* A signature with one faulty CRT half gives the factors of n away (RFC 9474 section 4.3
	 * step 3): it never leaves. */
	if (private_operation(key, message, signature) &&
	    public_operation(public, signature, check) &&
	    CRYPTO_memcmp(check, message, public->size) == 0) {
		memcpy(ret_signature, signature, public->size);
		r = 0;
	}
	OPENSSL_cleanse(signature, sizeof(signature));
	return r;
}

bool blindrsa_verify(struct blindrsa_public *key, struct slice message, struct slice signature)
{
	uint8_t em[BLINDRSA_BYTES_MAX];

	return signature.len == key->size &&
	       public_operation(key, (const uint8_t *)signature.ptr, em) &&
	       pss_check(message, em, key->size);
}

/* r^-1 as given, or random in [1, n). */
static int choose_inverse(
    const struct blindrsa_public *key, struct slice given, BIGNUM *ret_inverse)
{
	if (given.len == 0)
		return BN_priv_rand_range(ret_inverse, key->n) ? 0 : -EIO;
	if (given.len > key->size)
		return -EINVAL;
	return read_number((const uint8_t *)given.ptr, given.len, ret_inverse) ? 0 : -ENOMEM;
}

static int choose_salt(struct slice given, uint8_t ret_salt[BLINDRSA_SALT])
{
	if (given.len == 0)
		return RAND_bytes(ret_salt, BLINDRSA_SALT) > 0 ? 0 : -EIO;
	if (given.len != BLINDRSA_SALT)
		return -EINVAL;
	memcpy(ret_salt, given.ptr, BLINDRSA_SALT);
	return 0;
}

/* blinded = m * r^e mod n, with r the inverse of `inverse`. -EINVAL where one of the two shares a
 * factor with n (RFC 9474 section 4.2 steps 4 and 7). */
static int blind_number(const struct blindrsa_public *key, const BIGNUM *message,
    const BIGNUM *inverse, BIGNUM *ret_blinded)
{
	BIGNUM *gcd = BN_new();
	BIGNUM *blind = BN_secure_new();
	int r = -ENOMEM;

	if (gcd == NULL || blind == NULL || !BN_gcd(gcd, message, key->n, key->scratch))
		goto out;
	r = -EINVAL;
	if (!BN_is_one(gcd) || BN_ucmp(inverse, key->n) >= 0 ||
	    BN_mod_inverse(blind, inverse, key->n, key->scratch) == NULL)
		goto out;
	r = -EIO;
	if (BN_mod_exp_mont(blind, blind, key->e, key->n, key->scratch, key->mont) &&
	    BN_mod_mul(ret_blinded, message, blind, key->n, key->scratch))
		r = 0;
out:
	BN_clear_free(blind);
	BN_free(gcd);
	return r;
}

int blindrsa_blind(const struct blindrsa_public *key, struct slice message, struct slice salt,
    struct slice blind_inverse, uint8_t *ret_blinded, uint8_t *ret_inverse)
{
	uint8_t em[BLINDRSA_BYTES_MAX];
	uint8_t chosen_salt[BLINDRSA_SALT];
	BIGNUM *inverse = BN_secure_new();
	BIGNUM *number = BN_new();
	int r = -ENOMEM;

	if (inverse == NULL || number == NULL)
		goto out;
	r = choose_salt(salt, chosen_salt);
	if (r < 0)
		goto out;
	r = choose_inverse(key, blind_inverse, inverse);
	if (r < 0)
		goto out;
	pss_encode(message, chosen_salt, em, key->size);
	r = -ENOMEM;
	if (read_number(em, key->size, number) == NULL)
		goto out;
	r = blind_number(key, number, inverse, number);
	if (r < 0)
		goto out;
	if (BN_bn2binpad(number, ret_blinded, (int)key->size) < 0 ||
	    BN_bn2binpad(inverse, ret_inverse, (int)key->size) < 0)
		r = -EIO;
out:
	OPENSSL_cleanse(em, sizeof(em));
	OPENSSL_cleanse(chosen_salt, sizeof(chosen_salt));
	BN_clear_free(inverse);
	BN_clear_free(number);
	return r;
}

int blindrsa_finalize(struct blindrsa_public *key, struct slice message,
    struct slice blind_signature, struct slice inverse, uint8_t *ret_signature)
{
	uint8_t signature[BLINDRSA_BYTES_MAX];
	BIGNUM *number = NULL;
	BIGNUM *factor = NULL;
	int r = -EINVAL;

	if (blind_signature.len != key->size || inverse.len != key->size)
		return -EINVAL;
	number = read_number((const uint8_t *)blind_signature.ptr, key->size, NULL);
	factor = read_number((const uint8_t *)inverse.ptr, key->size, NULL);
	if (number == NULL || factor == NULL ||
	    !BN_mod_mul(number, number, factor, key->n, key->scratch) ||
	    BN_bn2binpad(number, signature, (int)key->size) < 0)
		r = -ENOMEM;
	else if (blindrsa_verify(key, message, slice_make(signature, key->size))) {
		memcpy(ret_signature, signature, key->size);
		r = 0;
	}
	BN_clear_free(factor);
	BN_free(number);
	return r;
}

int blindrsa_sign_message(
    const struct blindrsa_private *key, struct slice message, uint8_t *ret_signature)
{
	uint8_t em[BLINDRSA_BYTES_MAX];
	uint8_t salt[BLINDRSA_SALT];

	if (RAND_bytes(salt, sizeof(salt)) <= 0)
		return -EIO;
	pss_encode(message, salt, em, key->public->size);
	return blindrsa_sign(key, slice_make(em, key->public->size), ret_signature);
}
