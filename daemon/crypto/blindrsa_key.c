/* Making, reading and writing blind RSA keys. Knows nothing of signatures. */
#include "crypto/blindrsa_key.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define BITS_MIN 2048
#define BITS_MAX (8 * BLINDRSA_BYTES_MAX)

void blindrsa_public_free(struct blindrsa_public *key)
{
	if (key == NULL)
		return;
	BN_free(key->n);
	BN_free(key->e);
	BN_MONT_CTX_free(key->mont);
	BN_CTX_free(key->scratch);
	BN_free(key->in);
	BN_free(key->out);
	free(key);
}

void blindrsa_private_free(struct blindrsa_private *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey); /* cleanses its numbers */
	blindrsa_public_free(key->public);
	free(key);
}

/* Takes n and e over, also when it fails. */
static int public_new(BIGNUM *n, BIGNUM *e, struct blindrsa_public **ret_key)
{
	struct blindrsa_public *key = calloc(1, sizeof(*key));
	int bits = n ? BN_num_bits(n) : 0;
	int r = -ENOMEM;

	if (key == NULL) {
		BN_free(n);
		BN_free(e);
		return -ENOMEM;
	}
	key->n = n;
	key->e = e;
	if (n == NULL || e == NULL)
		goto fail;
	r = -EINVAL;
	/* Whole bytes, so that an encoded message is as long as the modulus (RFC 8017 section
	 * 8.1.1). One exponent, so that a verification has one price. */
	if (bits < BITS_MIN || bits > BITS_MAX || bits % 8 != 0 || !BN_is_odd(n) ||
	    !BN_is_word(e, RSA_F4))
		goto fail;
	r = -ENOMEM;
	key->size = (unsigned)bits / 8;
	key->mont = BN_MONT_CTX_new();
	key->scratch = BN_CTX_new();
	key->in = BN_new();
	key->out = BN_new();
	if (key->mont == NULL || key->scratch == NULL || key->in == NULL || key->out == NULL ||
	    !BN_MONT_CTX_set(key->mont, key->n, key->scratch))
		goto fail;
	*ret_key = key;
	return 0;
fail:
	blindrsa_public_free(key);
	return r;
}

static int public_of_pkey(EVP_PKEY *pkey, struct blindrsa_public **ret_key)
{
	BIGNUM *n = NULL, *e = NULL;

	if (!EVP_PKEY_is_a(pkey, "RSA"))
		return -EINVAL;
	if (!EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) ||
	    !EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e)) {
		BN_free(n);
		return -ENOMEM;
	}
	return public_new(n, e, ret_key);
}

/* Takes pkey over, also when it fails. */
static int private_new(EVP_PKEY *pkey, struct blindrsa_private **ret_key)
{
	struct blindrsa_private *key = calloc(1, sizeof(*key));
	int r = -ENOMEM;

	if (key == NULL) {
		EVP_PKEY_free(pkey);
		return -ENOMEM;
	}
	key->pkey = pkey;
	r = public_of_pkey(pkey, &key->public);
	if (r < 0) {
		blindrsa_private_free(key);
		return r;
	}
	*ret_key = key;
	return 0;
}

int blindrsa_generate(struct blindrsa_private **ret_key)
{
	EVP_PKEY *pkey = EVP_RSA_gen(8 * BLINDRSA_BYTES); /* e = 65537 is its default */

	return pkey ? private_new(pkey, ret_key) : -EIO;
}

static BIGNUM *number(struct slice bytes)
{
	return BN_bin2bn((const unsigned char *)bytes.ptr, (int)bytes.len, NULL);
}

int blindrsa_public_from_parts(struct slice n, struct slice e, struct blindrsa_public **ret_key)
{
	if (n.len > BLINDRSA_BYTES_MAX || e.len > BLINDRSA_BYTES_MAX)
		return -EINVAL;
	return public_new(number(n), number(e), ret_key);
}

/* d mod (p - 1), and the like. */
static BIGNUM *crt_exponent(const BIGNUM *d, const BIGNUM *prime, BN_CTX *scratch)
{
	BIGNUM *less = BN_dup(prime);
	BIGNUM *exponent = BN_secure_new();

	if (less == NULL || exponent == NULL || !BN_sub_word(less, 1) ||
	    !BN_mod(exponent, d, less, scratch)) {
		BN_clear_free(exponent);
		exponent = NULL;
	}
	BN_clear_free(less);
	return exponent;
}

enum part { N, E, D, P, Q, DP, DQ, QINV, PARTS };

static int pkey_of_parts(BIGNUM *const number_of[PARTS], EVP_PKEY **ret_pkey)
{
	static const char *const name_of[PARTS] = {
	    [N] = OSSL_PKEY_PARAM_RSA_N,
	    [E] = OSSL_PKEY_PARAM_RSA_E,
	    [D] = OSSL_PKEY_PARAM_RSA_D,
	    [P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
	    [Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,
	    [DP] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
	    [DQ] = OSSL_PKEY_PARAM_RSA_EXPONENT2,
	    [QINV] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY_CTX *checker = NULL;
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;
	int r = -ENOMEM;

	if (builder == NULL || context == NULL)
		goto out;
	for (int i = 0; i < PARTS; i++)
		if (number_of[i] == NULL ||
		    !OSSL_PARAM_BLD_push_BN(builder, name_of[i], number_of[i]))
			goto out;
	params = OSSL_PARAM_BLD_to_param(builder);
	if (params == NULL)
		goto out;
	r = -EINVAL;
	if (EVP_PKEY_fromdata_init(context) <= 0 ||
	    EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_KEYPAIR, params) <= 0)
		goto out;
	checker = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	if (checker == NULL || EVP_PKEY_pairwise_check(checker) <= 0)
		goto out;
	*ret_pkey = pkey;
	pkey = NULL;
	r = 0;
out:
	EVP_PKEY_free(pkey);
	EVP_PKEY_CTX_free(checker);
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_BLD_free(builder);
	return r;
}

int blindrsa_private_from_parts(struct slice n, struct slice e, struct slice d, struct slice p,
    struct slice q, struct blindrsa_private **ret_key)
{
	const struct slice given[] = {[N] = n, [E] = e, [D] = d, [P] = p, [Q] = q};
	BIGNUM *number_of[PARTS] = {NULL};
	BN_CTX *scratch = BN_CTX_new();
	EVP_PKEY *pkey = NULL;
	int r = -EINVAL;

	for (size_t i = N; i <= Q; i++) {
		if (given[i].len == 0 || given[i].len > BLINDRSA_BYTES_MAX)
			goto out;
		number_of[i] = number(given[i]);
	}
	r = -ENOMEM;
	if (scratch == NULL || number_of[D] == NULL || number_of[P] == NULL || number_of[Q] == NULL)
		goto out;
	number_of[DP] = crt_exponent(number_of[D], number_of[P], scratch);
	number_of[DQ] = crt_exponent(number_of[D], number_of[Q], scratch);
	number_of[QINV] = BN_mod_inverse(NULL, number_of[Q], number_of[P], scratch);
	r = pkey_of_parts(number_of, &pkey);
	if (r == 0)
		r = private_new(pkey, ret_key);
out:
	for (size_t i = 0; i < PARTS; i++)
		BN_clear_free(number_of[i]);
	BN_CTX_free(scratch);
	return r;
}

int blindrsa_public_of(const struct blindrsa_private *key, struct blindrsa_public **ret_key)
{
	return public_of_pkey(key->pkey, ret_key);
}

/* Never asks a terminal: a key under a passphrase is not a key of ours. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

typedef EVP_PKEY *(*pem_reader)(BIO *, EVP_PKEY **, pem_password_cb *, void *);

static EVP_PKEY *read_pem(struct slice pem, pem_reader read)
{
	BIO *bio = pem.len <= 64 * 1024 ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
	EVP_PKEY *pkey = bio ? read(bio, NULL, no_passphrase, NULL) : NULL;

	BIO_free(bio);
	return pkey;
}

int blindrsa_private_from_pem(struct slice pem, struct blindrsa_private **ret_key)
{
	EVP_PKEY *pkey = read_pem(pem, PEM_read_bio_PrivateKey);

	return pkey ? private_new(pkey, ret_key) : -EINVAL;
}

int blindrsa_public_from_pem(struct slice pem, struct blindrsa_public **ret_key)
{
	EVP_PKEY *pkey = read_pem(pem, PEM_read_bio_PUBKEY);
	int r = pkey ? public_of_pkey(pkey, ret_key) : -EINVAL;

	EVP_PKEY_free(pkey);
	return r;
}

/* Moves a memory BIO's bytes into a text. The secure kind cleanses itself. */
static int take_text(BIO *bio, char *ret_text, size_t cap)
{
	char *bytes = NULL;
	long len = BIO_get_mem_data(bio, &bytes);

	if (len < 0 || (size_t)len >= cap)
		return -ENOBUFS;
	memcpy(ret_text, bytes, (size_t)len);
	ret_text[len] = '\0';
	return 0;
}

int blindrsa_private_to_pem(const struct blindrsa_private *key, char *ret_pem, size_t cap)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	int r = -EIO;

	if (bio != NULL && PEM_write_bio_PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL))
		r = take_text(bio, ret_pem, cap);
	BIO_free(bio);
	return r;
}

static EVP_PKEY *pkey_of_public(const struct blindrsa_public *key)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;

	if (builder != NULL && context != NULL &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, key->n) &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, key->e))
		params = OSSL_PARAM_BLD_to_param(builder);
	if (params != NULL && EVP_PKEY_fromdata_init(context) > 0)
		(void)EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params);
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_BLD_free(builder);
	return pkey;
}

int blindrsa_public_to_pem(const struct blindrsa_public *key, char *ret_pem, size_t cap)
{
	EVP_PKEY *pkey = pkey_of_public(key);
	BIO *bio = BIO_new(BIO_s_mem());
	int r = -EIO;

	if (bio != NULL && pkey != NULL && PEM_write_bio_PUBKEY(bio, pkey))
		r = take_text(bio, ret_pem, cap);
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return r;
}

size_t blindrsa_public_der(const struct blindrsa_public *key, uint8_t ret_der[BLINDRSA_DER_MAX])
{
	EVP_PKEY *pkey = pkey_of_public(key);
	unsigned char *at = ret_der;
	int len = pkey ? i2d_PublicKey(pkey, NULL) : 0;

	if (len <= 0 || len > BLINDRSA_DER_MAX || i2d_PublicKey(pkey, &at) != len)
		abort(); /* memory is gone at start-up: no key id may come out of this */
	EVP_PKEY_free(pkey);
	return (size_t)len;
}
