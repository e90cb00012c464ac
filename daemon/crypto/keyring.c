/* Loading the keys of a round. What is made is in keyring_make.c. */
#include "crypto/keyring.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/slice.h"
#include "crypto/digest.h"
#include "crypto/keyfile.h"
#include "crypto/privacypass.h"

#define ED25519_SIZE 32
#define SECRET_SIZE  32

int keyring_token_public(const struct ring *ring, struct blindrsa_public **ret_key)
{
	uint8_t bytes[KEYFILE_MAX];
	size_t len;
	struct blindrsa_public *key = NULL;
	int r = keyfile_read(ring, KEYFILE_TOKEN_PUBLIC, bytes, &len);

	if (r < 0)
		return r;
	if (blindrsa_public_from_pem(slice_make(bytes, len), &key) < 0 ||
	    blindrsa_size(key) != BLINDRSA_BYTES) {
		blindrsa_public_free(key);
		return keyfile_damaged(ring, KEYFILE_TOKEN_PUBLIC, "an RSA-2048 public key in PEM");
	}
	*ret_key = key;
	return 0;
}

static int load_ed25519_public(
    const struct ring *ring, enum keyfile file, uint8_t ret_raw[ED25519_SIZE])
{
	uint8_t bytes[KEYFILE_MAX];
	size_t len;
	size_t raw_len = ED25519_SIZE;
	BIO *bio;
	EVP_PKEY *pkey = NULL;
	int r = keyfile_read(ring, file, bytes, &len);

	if (r < 0)
		return r;
	bio = BIO_new_mem_buf(bytes, (int)len);
	if (bio != NULL)
		pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (pkey == NULL || !EVP_PKEY_is_a(pkey, "ED25519") ||
	    !EVP_PKEY_get_raw_public_key(pkey, ret_raw, &raw_len) || raw_len != ED25519_SIZE)
		r = keyfile_damaged(ring, file, "an Ed25519 public key in PEM");
	EVP_PKEY_free(pkey);
	return r;
}

/* The SubjectPublicKeyInfo in DER. */
static int read_spki(struct slice pem, uint8_t ret_spki[KEYRING_SPKI_MAX], size_t *ret_len)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	EVP_PKEY *pkey = bio != NULL ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	unsigned char *der = NULL;
	int len = pkey != NULL ? i2d_PUBKEY(pkey, &der) : -1;
	bool good = len > 0 && len <= KEYRING_SPKI_MAX;

	if (good) {
		memcpy(ret_spki, der, (size_t)len);
		*ret_len = (size_t)len;
	}
	OPENSSL_free(der);
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	return good ? 0 : -EINVAL;
}

static int load_bearer_public(const struct ring *ring, struct keyring_public *keys)
{
	uint8_t bytes[KEYFILE_MAX];
	size_t len;
	int r = keyfile_read(ring, KEYFILE_BEARER_PUBLIC, bytes, &len);

	if (r < 0)
		return r;
	if (jws_key_public(slice_make(bytes, len), &keys->bearer) < 0 ||
	    read_spki(slice_make(bytes, len), keys->bearer_spki, &keys->bearer_spki_len) < 0)
		return keyfile_damaged(
		    ring, KEYFILE_BEARER_PUBLIC, "an EC P-256 public key in PEM");
	sha256(slice_make(keys->bearer_spki, keys->bearer_spki_len), keys->bearer_fingerprint);
	return 0;
}

static int load_secret(const struct ring *ring, enum keyfile file, uint8_t ret_secret[SECRET_SIZE])
{
	uint8_t bytes[KEYFILE_MAX];
	size_t len;
	int r = keyfile_read(ring, file, bytes, &len);

	if (r < 0)
		return r;
	if (len == SECRET_SIZE)
		memcpy(ret_secret, bytes, SECRET_SIZE);
	else
		r = keyfile_damaged(ring, file, "32 bytes long");
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return r;
}

int keyring_load_public(const char *keys_dir, const char *round, struct keyring_public *ret_keys,
    char ret_why[KEYRING_WHY_MAX])
{
	const struct ring ring = {keys_dir, round, ret_why};
	struct keyring_public keys = {.token = NULL};
	int r = keyring_token_public(&ring, &keys.token);

	if (r == 0)
		r = load_ed25519_public(&ring, KEYFILE_LOG_PUBLIC, keys.log_key);
	if (r == 0)
		r = load_secret(&ring, KEYFILE_SALT, keys.salt);
	if (r == 0)
		r = load_bearer_public(&ring, &keys);
	if (r == 0)
		r = load_ed25519_public(&ring, KEYFILE_RESULT_PUBLIC, keys.result_key);
	if (r < 0) {
		keyring_public_release(&keys);
		return r;
	}
	pp_key_id(keys.token, keys.token_key_id);
	sha256(slice_make(keys.log_key, sizeof(keys.log_key)), keys.log_key_fingerprint);
	sha256(slice_make(keys.result_key, sizeof(keys.result_key)), keys.result_fingerprint);
	sha256_parts((struct slice[]){slice_text("tallyd salt key v1\n"),
			 slice_make(keys.salt, sizeof(keys.salt))},
	    2, keys.salt_fingerprint);
	*ret_keys = keys;
	OPENSSL_cleanse(keys.salt, sizeof(keys.salt));
	return 0;
}

int keyring_load_identity(
    const char *keys_dir, const char *round, uint8_t ret_key[32], char ret_why[KEYRING_WHY_MAX])
{
	return load_secret(&(struct ring){keys_dir, round, ret_why}, KEYFILE_IDENTITY, ret_key);
}

void keyring_public_release(struct keyring_public *keys)
{
	blindrsa_public_free(keys->token);
	jws_key_free(keys->bearer);
	OPENSSL_cleanse(keys, sizeof(*keys));
}

int keyring_load_token_private(const char *keys_dir, const char *round,
    struct blindrsa_private **ret_key, char ret_why[KEYRING_WHY_MAX])
{
	const struct ring ring = {keys_dir, round, ret_why};
	uint8_t bytes[KEYFILE_MAX];
	size_t len;
	int r = keyfile_read(&ring, KEYFILE_TOKEN_PRIVATE, bytes, &len);

	if (r < 0)
		return r;
	if (blindrsa_private_from_pem(slice_make(bytes, len), ret_key) < 0)
		r = keyfile_damaged(&ring, KEYFILE_TOKEN_PRIVATE, "an RSA private key in PEM");
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return r;
}

int keyring_load_bearer_private(const char *keys_dir, const char *round, struct jws_key **ret_key,
    char ret_why[KEYRING_WHY_MAX])
{
	const struct ring ring = {keys_dir, round, ret_why};
	uint8_t bytes[KEYFILE_MAX];
	size_t len;
	int r = keyfile_read(&ring, KEYFILE_BEARER_PRIVATE, bytes, &len);

	if (r < 0)
		return r;
	if (jws_key_private(slice_make(bytes, len), ret_key) < 0)
		r = keyfile_damaged(
		    &ring, KEYFILE_BEARER_PRIVATE, "an EC P-256 private key in PEM");
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return r;
}

static bool is_public_of(const EVP_PKEY *private_key, const uint8_t raw[ED25519_SIZE])
{
	uint8_t own[ED25519_SIZE];
	size_t len = sizeof(own);

	return EVP_PKEY_get_raw_public_key(private_key, own, &len) && len == sizeof(own) &&
	       memcmp(own, raw, sizeof(own)) == 0;
}

/* With the other key's half nobody could verify what is signed; so that is looked at here. */
static int load_ed25519_private(const struct ring *ring, enum keyfile file,
    enum keyfile public_file, uint8_t ret_seed[ED25519_SIZE])
{
	uint8_t bytes[KEYFILE_MAX], raw[ED25519_SIZE];
	size_t len = 0;
	size_t seed_len = ED25519_SIZE;
	BIO *bio;
	EVP_PKEY *pkey;
	int r = load_ed25519_public(ring, public_file, raw);

	if (r == 0)
		r = keyfile_read(ring, file, bytes, &len);
	if (r < 0)
		return r;
	bio = BIO_new_mem_buf(bytes, (int)len);
	pkey = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	if (pkey == NULL || !EVP_PKEY_is_a(pkey, "ED25519") ||
	    !EVP_PKEY_get_raw_private_key(pkey, ret_seed, &seed_len) || seed_len != ED25519_SIZE)
		r = keyfile_damaged(ring, file, "an Ed25519 private key in PEM");
	else if (!is_public_of(pkey, raw))
		r = keyfile_damaged(ring, file,
		    "the private half of the public key beside it (is it another round's, or "
		    "another "
		    "contest's?)");
	if (r < 0)
		OPENSSL_cleanse(ret_seed, ED25519_SIZE);
	EVP_PKEY_free(pkey);
	return r;
}

int keyring_load_result_private(const char *keys_dir, const char *round,
    uint8_t ret_seed[ED25519_SIZE], char ret_why[KEYRING_WHY_MAX])
{
	const struct ring ring = {keys_dir, round, ret_why};

	return load_ed25519_private(&ring, KEYFILE_RESULT_PRIVATE, KEYFILE_RESULT_PUBLIC, ret_seed);
}

int keyring_load_log_private(const char *keys_dir, const char *round,
    uint8_t ret_seed[ED25519_SIZE], char ret_why[KEYRING_WHY_MAX])
{
	const struct ring ring = {keys_dir, round, ret_why};

	return load_ed25519_private(&ring, KEYFILE_LOG_PRIVATE, KEYFILE_LOG_PUBLIC, ret_seed);
}

size_t keyring_exposed(
    const char *keys_dir, const char *round, const char *ret_names[KEYRING_SECRETS])
{
	static const enum keyfile secrets[KEYRING_SECRETS] = {KEYFILE_TOKEN_PRIVATE,
	    KEYFILE_LOG_PRIVATE, KEYFILE_SALT, KEYFILE_IDENTITY, KEYFILE_BEARER_PRIVATE,
	    KEYFILE_RESULT_PRIVATE};
	const struct ring ring = {keys_dir, round, NULL};
	size_t n = 0;

	for (size_t i = 0; i < KEYRING_SECRETS; i++)
		if (keyfile_exposed(&ring, secrets[i]))
			ret_names[n++] = keyfile_name(secrets[i]);
	return n;
}
