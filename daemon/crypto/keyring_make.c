/* Making the keys of a round: what is missing, and nothing twice. */
#include "crypto/keyring.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "crypto/keyfile.h"
#include "crypto/privacypass.h"

/* Marks in `taken` the last byte of the key id of every other round (RFC 9578 section 5.1: a
 * request names its key by that byte alone). */
static int taken_ids(const struct ring *ring, bool taken[256], size_t *ret_count)
{
	DIR *dir = opendir(ring->keys_dir);
	struct dirent *entry;
	size_t count = 0;
	int r = 0;

	if (dir == NULL)
		return ring_fail(ring, -errno, "%s: %s.", ring->keys_dir, strerror(errno));
	while (r == 0 && (entry = readdir(dir)) != NULL) {
		const struct ring other = {ring->keys_dir, entry->d_name, ring->why};
		struct blindrsa_public *key = NULL;
		uint8_t id[PP_KEY_ID_SIZE];

		if (entry->d_name[0] == '.' || strcmp(entry->d_name, ring->round) == 0)
			continue;
		r = keyring_token_public(&other, &key);
		if (r == -ENOENT || r == -ENOTDIR) {
			r = 0; /* not a round, or one without a key so far */
			continue;
		}
		if (r < 0)
			break;
		pp_key_id(key, id);
		blindrsa_public_free(key);
		count += !taken[id[PP_KEY_ID_SIZE - 1]];
		taken[id[PP_KEY_ID_SIZE - 1]] = true;
	}
	(void)closedir(dir);
	*ret_count = count;
	return r;
}

/* Draws keys until the last byte of the id is free. */
static int draw_token_key(const struct ring *ring, struct blindrsa_private **ret_key)
{
	bool taken[256] = {false};
	size_t count = 0;
	int r = taken_ids(ring, taken, &count);

	if (r < 0)
		return r;
	if (count == 256)
		return ring_fail(ring, -ENOSPC,
		    "%s: holds 256 rounds, and no more can be told apart. Use another directory of "
		    "keys.",
		    ring->keys_dir);
	for (;;) {
		struct blindrsa_private *key = NULL;
		struct blindrsa_public *public = NULL;
		uint8_t id[PP_KEY_ID_SIZE];

		r = blindrsa_generate(&key);
		if (r == 0)
			r = blindrsa_public_of(key, &public);
		if (r < 0) {
			blindrsa_private_free(key);
			return ring_fail(ring, r, "OpenSSL could not make an RSA key.");
		}
		pp_key_id(public, id);
		blindrsa_public_free(public);
		if (!taken[id[PP_KEY_ID_SIZE - 1]]) {
			*ret_key = key;
			return 0;
		}
		blindrsa_private_free(key);
	}
}

/* The private half is written first: a crash in between leaves a round whose public half the next
 * run derives again. */
static int make_token_key(const struct ring *ring, int dir, bool *ret_made)
{
	struct blindrsa_private *key = NULL;
	struct blindrsa_public *public = NULL;
	char pem[KEYFILE_MAX];
	int has_private = keyfile_exists(ring, dir, KEYFILE_TOKEN_PRIVATE);
	int has_public = keyfile_exists(ring, dir, KEYFILE_TOKEN_PUBLIC);
	int r = has_private < 0 ? has_private : has_public < 0 ? has_public : 0;

	/* A round with the public half alone is a worker's, whose signer is elsewhere. */
	if (r < 0 || has_public)
		return r;
	if (has_private)
		r = keyring_load_token_private(ring->keys_dir, ring->round, &key, ring->why);
	else
		r = draw_token_key(ring, &key);
	if (r < 0)
		return r;
	r = blindrsa_private_to_pem(key, pem, sizeof(pem));
	if (r == 0 && !has_private)
		r = keyfile_write(ring, dir, KEYFILE_TOKEN_PRIVATE, pem, strlen(pem));
	if (r == 0)
		r = blindrsa_public_of(key, &public);
	if (r == 0)
		r = blindrsa_public_to_pem(public, pem, sizeof(pem));
	if (r == 0)
		r = keyfile_write(ring, dir, KEYFILE_TOKEN_PUBLIC, pem, strlen(pem));
	if (r == 0)
		*ret_made = true;
	OPENSSL_cleanse(pem, sizeof(pem));
	blindrsa_public_free(public);
	blindrsa_private_free(key);
	return r;
}

/* A pair of keys that OpenSSL makes and writes as they are. */
struct pair {
	const char *type;  /* of OpenSSL */
	const char *group; /* of an EC key; else NULL */
	const char *wanted;
	enum keyfile private, public;
};

static const struct pair pairs[] = {
    {"ED25519", NULL, "an Ed25519 private key in PEM", KEYFILE_LOG_PRIVATE, KEYFILE_LOG_PUBLIC},
    {"EC", "P-256", "an EC P-256 private key in PEM", KEYFILE_BEARER_PRIVATE,
	KEYFILE_BEARER_PUBLIC},
    {"ED25519", NULL, "an Ed25519 private key in PEM", KEYFILE_RESULT_PRIVATE,
	KEYFILE_RESULT_PUBLIC},
};

/* The key as PEM; the caller cleanses it. */
static int pem_of(EVP_PKEY *pkey, bool private, char ret_pem[KEYFILE_MAX], size_t *ret_len)
{
	BIO *bio = BIO_new(private ? BIO_s_secmem() : BIO_s_mem());
	char *bytes = NULL;
	long len = 0;
	int r = -EIO;

	if (bio != NULL && (private ? PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL)
				    : PEM_write_bio_PUBKEY(bio, pkey)))
		len = BIO_get_mem_data(bio, &bytes);
	if (len > 0 && len < KEYFILE_MAX) {
		memcpy(ret_pem, bytes, (size_t)len);
		*ret_len = (size_t)len;
		r = 0;
	}
	BIO_free(bio);
	return r;
}

static EVP_PKEY *new_key(const struct pair *pair)
{
	return pair->group != NULL ? EVP_PKEY_Q_keygen(NULL, NULL, pair->type, pair->group)
				   : EVP_PKEY_Q_keygen(NULL, NULL, pair->type);
}

/* The private key as it is on disk, or a new one, already written. */
static int private_key(
    const struct ring *ring, int dir, const struct pair *pair, bool there, EVP_PKEY **ret_pkey)
{
	char pem[KEYFILE_MAX];
	size_t len = 0;
	EVP_PKEY *pkey = NULL;
	BIO *bio;
	int r;

	if (there) {
		r = keyfile_read(ring, pair->private, (uint8_t *)pem, &len);
		if (r < 0)
			return r;
		bio = BIO_new_mem_buf(pem, (int)len);
		pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
		BIO_free(bio);
		if (pkey == NULL || !EVP_PKEY_is_a(pkey, pair->type))
			r = keyfile_damaged(ring, pair->private, pair->wanted);
	} else {
		pkey = new_key(pair);
		r = pkey ? pem_of(pkey, true, pem, &len) : -EIO;
		if (r < 0)
			r = ring_fail(ring, r, "OpenSSL could not make an %s key.", pair->type);
		else
			r = keyfile_write(ring, dir, pair->private, pem, len);
	}
	OPENSSL_cleanse(pem, sizeof(pem));
	if (r < 0) {
		EVP_PKEY_free(pkey);
		return r;
	}
	*ret_pkey = pkey;
	return 0;
}

/* As with the token's: private first; and a public half alone belongs to somebody elsewhere. */
static int make_pair(const struct ring *ring, int dir, const struct pair *pair, bool *ret_made)
{
	EVP_PKEY *pkey = NULL;
	char pem[KEYFILE_MAX];
	size_t len;
	int has_private = keyfile_exists(ring, dir, pair->private);
	int has_public = keyfile_exists(ring, dir, pair->public);
	int r = has_private < 0 ? has_private : has_public < 0 ? has_public : 0;

	if (r < 0 || has_public)
		return r;
	r = private_key(ring, dir, pair, has_private, &pkey);
	if (r < 0)
		return r;
	r = pem_of(pkey, false, pem, &len);
	if (r < 0)
		r = ring_fail(ring, r, "OpenSSL could not write an %s key.", pair->type);
	else
		r = keyfile_write(ring, dir, pair->public, pem, len);
	if (r == 0)
		*ret_made = true;
	EVP_PKEY_free(pkey);
	return r;
}

static int make_secret(const struct ring *ring, int dir, enum keyfile file, bool *ret_made)
{
	uint8_t secret[32];
	int r = keyfile_exists(ring, dir, file);

	if (r != 0)
		return r < 0 ? r : 0;
	if (RAND_priv_bytes(secret, sizeof(secret)) <= 0)
		return ring_fail(ring, -EIO, "OpenSSL has no randomness.");
	r = keyfile_write(ring, dir, file, secret, sizeof(secret));
	if (r == 0)
		*ret_made = true;
	OPENSSL_cleanse(secret, sizeof(secret));
	return r;
}

/* A key that is made anew in a round that has begun contradicts what was announced and signed. */
static int refuse_lost(const struct ring *ring, int dir)
{
	static const enum keyfile halves[][2] = {{KEYFILE_TOKEN_PRIVATE, KEYFILE_TOKEN_PUBLIC},
	    {KEYFILE_LOG_PRIVATE, KEYFILE_LOG_PUBLIC},
	    {KEYFILE_BEARER_PRIVATE, KEYFILE_BEARER_PUBLIC},
	    {KEYFILE_RESULT_PRIVATE, KEYFILE_RESULT_PUBLIC}};
	int salt = keyfile_exists(ring, dir, KEYFILE_SALT);

	if (salt <= 0)
		return salt;
	for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
		int one = keyfile_exists(ring, dir, halves[i][0]);
		int other = one == 0 ? keyfile_exists(ring, dir, halves[i][1]) : one;

		if (other < 0)
			return other;
		if (other == 0)
			return ring_fail(ring, -ENOKEY,
			    "%s/%s/%s: is missing, with its public half, and other keys of the "
			    "round are there. Restore it from the backup of the keys; nothing was "
			    "made. Only where the round has not begun: remove %s/%s, and all of "
			    "its keys are made anew.",
			    ring->keys_dir, ring->round, keyfile_name(halves[i][0]), ring->keys_dir,
			    ring->round);
	}
	return 0;
}

size_t keyring_absent(
    const char *keys_dir, const char *round, const char *ret_names[KEYRING_PRIVATE])
{
	static const enum keyfile private[KEYRING_PRIVATE] = {KEYFILE_TOKEN_PRIVATE,
	    KEYFILE_LOG_PRIVATE, KEYFILE_BEARER_PRIVATE, KEYFILE_RESULT_PRIVATE};
	char path[PATH_MAX];
	size_t n = 0;

	for (size_t i = 0; i < KEYRING_PRIVATE; i++) {
		(void)snprintf(
		    path, sizeof(path), "%s/%s/%s", keys_dir, round, keyfile_name(private[i]));
		if (access(path, F_OK) < 0)
			ret_names[n++] = keyfile_name(private[i]);
	}
	return n;
}

const char *keyring_issuer_secret(const char *keys_dir, const char *round)
{
	static const enum keyfile secrets[] = {KEYFILE_TOKEN_PRIVATE, KEYFILE_IDENTITY};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		(void)snprintf(
		    path, sizeof(path), "%s/%s/%s", keys_dir, round, keyfile_name(secrets[i]));
		if (access(path, F_OK) == 0)
			return keyfile_name(secrets[i]);
	}
	return NULL;
}

/* ---- a host that does not issue ---- */

int keyring_token_pem(const char *keys_dir, const char *round, char ret_pem[BLINDRSA_PEM_MAX],
    size_t *ret_len, char ret_why[KEYRING_WHY_MAX])
{
	const struct ring ring = {keys_dir, round, ret_why};
	struct blindrsa_public *key = NULL;
	int r = keyring_token_public(&ring, &key);

	if (r < 0)
		return r;
	r = blindrsa_public_to_pem(key, ret_pem, BLINDRSA_PEM_MAX);
	blindrsa_public_free(key);
	if (r < 0)
		return ring_fail(&ring, r, "OpenSSL could not write an RSA key.");
	*ret_len = strlen(ret_pem);
	return 0;
}

/* Whether the key that is there is this one. */
static int compare_token(const struct ring *ring, const struct blindrsa_public *key)
{
	struct blindrsa_public *own = NULL;
	uint8_t id[PP_KEY_ID_SIZE], own_id[PP_KEY_ID_SIZE];
	int r = keyring_token_public(ring, &own);

	if (r < 0)
		return r;
	pp_key_id(key, id);
	pp_key_id(own, own_id);
	blindrsa_public_free(own);
	if (memcmp(id, own_id, sizeof(id)) == 0)
		return 0;
	return ring_fail(ring, -EEXIST,
	    "%s/%s/%s: is another token key than the issuer's. Nothing was made. Only where the "
	    "round has not begun: remove %s/%s, and do it again.",
	    ring->keys_dir, ring->round, keyfile_name(KEYFILE_TOKEN_PUBLIC), ring->keys_dir,
	    ring->round);
}

int keyring_take_token(
    const char *keys_dir, const char *round, struct slice pem, char ret_why[KEYRING_WHY_MAX])
{
	const struct ring ring = {keys_dir, round, ret_why};
	struct blindrsa_public *key = NULL;
	char text[KEYFILE_MAX];
	int dir, lock;
	int r;

	if (blindrsa_public_from_pem(pem, &key) < 0 || blindrsa_size(key) != BLINDRSA_BYTES) {
		blindrsa_public_free(key);
		return ring_fail(&ring, -EINVAL,
		    "What was given for round %s is not an RSA-2048 public key in PEM.", round);
	}
	r = keyfile_open_directory(&ring, &dir, &lock);
	if (r < 0)
		goto out;
	r = keyfile_exists(&ring, dir, KEYFILE_TOKEN_PUBLIC);
	if (r == 1) {
		r = compare_token(&ring, key);
	} else if (r == 0) {
		r = blindrsa_public_to_pem(key, text, sizeof(text));
		if (r == 0)
			r = keyfile_write(&ring, dir, KEYFILE_TOKEN_PUBLIC, text, strlen(text));
	}
	(void)close(dir);
	(void)close(lock);
out:
	blindrsa_public_free(key);
	return r;
}

static int require_token(const struct ring *ring, int dir)
{
	int r = keyfile_exists(ring, dir, KEYFILE_TOKEN_PUBLIC);

	if (r != 0)
		return r < 0 ? r : 0;
	return ring_fail(ring, -ENOKEY,
	    "%s/%s/%s: is missing, and this host does not issue (\"roles\"). Take it from the "
	    "issuer: there `tallyctl keygen --export FILE`, here `tallyctl keygen --issuer FILE`.",
	    ring->keys_dir, ring->round, keyfile_name(KEYFILE_TOKEN_PUBLIC));
}

/* ---- making what is missing ---- */

static int generate(
    const char *keys_dir, const char *round, bool apart, bool *ret_made, char *ret_why)
{
	const struct ring ring = {keys_dir, round, ret_why};
	bool made = false;
	int dir, lock;
	int r = keyfile_open_directory(&ring, &dir, &lock);

	if (r < 0)
		return r;
	r = apart ? require_token(&ring, dir) : 0;
	if (r == 0)
		r = refuse_lost(&ring, dir);
	if (r == 0 && !apart)
		r = make_token_key(&ring, dir, &made);
	for (size_t i = 0; r == 0 && i < sizeof(pairs) / sizeof(pairs[0]); i++)
		r = make_pair(&ring, dir, &pairs[i], &made);
	if (r == 0 && !apart)
		r = make_secret(&ring, dir, KEYFILE_IDENTITY, &made);
	if (r == 0)
		r = make_secret(&ring, dir, KEYFILE_SALT, &made);
	(void)close(dir);
	(void)close(lock);
	if (r == 0)
		*ret_made = made;
	return r;
}

int keyring_generate(
    const char *keys_dir, const char *round, bool *ret_made, char ret_why[KEYRING_WHY_MAX])
{
	return generate(keys_dir, round, false, ret_made, ret_why);
}

int keyring_generate_apart(
    const char *keys_dir, const char *round, bool *ret_made, char ret_why[KEYRING_WHY_MAX])
{
	return generate(keys_dir, round, true, ret_made, ret_why);
}
