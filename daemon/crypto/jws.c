/* Signs and verifies named tokens. What a token may look like is checked here, letter by letter,
 * before cjose sees it; cjose does the signatures. */
#include "crypto/jws.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjose/cjose.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/encode.h"

#define COORDINATE_SIZE 32 /* of P-256; the private scalar has as many bytes */
#define SIGNATURE_SIZE  64 /* R and S (RFC 7518 section 3.4) */
#define HEADER_MAX      512

struct jws_key {
	cjose_jwk_t *jwk;
	bool private;
};

/* ---- keys ---- */

static bool is_p256(const EVP_PKEY *pkey)
{
	char group[32];
	size_t len;

	return EVP_PKEY_is_a(pkey, "EC") &&
	       EVP_PKEY_get_utf8_string_param(
		   pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), &len) &&
	       strcmp(group, "prime256v1") == 0;
}

/* A number of the key in 32 bytes, leading zeros included. */
static int number_of(const EVP_PKEY *pkey, const char *name, uint8_t ret_bytes[COORDINATE_SIZE])
{
	BIGNUM *number = NULL;
	int r = -EINVAL;

	if (EVP_PKEY_get_bn_param(pkey, name, &number) &&
	    BN_bn2binpad(number, ret_bytes, COORDINATE_SIZE) == COORDINATE_SIZE)
		r = 0;
	BN_clear_free(number);
	return r;
}

static int key_of(const EVP_PKEY *pkey, bool private, struct jws_key **ret_key)
{
	uint8_t x[COORDINATE_SIZE], y[COORDINATE_SIZE], d[COORDINATE_SIZE];
	cjose_jwk_ec_keyspec spec = {
	    .crv = CJOSE_JWK_EC_P_256, .x = x, .xlen = sizeof(x), .y = y, .ylen = sizeof(y)};
	struct jws_key *key = NULL;
	int r = is_p256(pkey) ? 0 : -EINVAL;

	if (r == 0)
		r = number_of(pkey, OSSL_PKEY_PARAM_EC_PUB_X, x);
	if (r == 0)
		r = number_of(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, y);
	if (r == 0 && private) {
		r = number_of(pkey, OSSL_PKEY_PARAM_PRIV_KEY, d);
		spec.d = d;
		spec.dlen = sizeof(d);
	}
	if (r == 0) {
		key = calloc(1, sizeof(*key));
		if (key != NULL)
			key->jwk = cjose_jwk_create_EC_spec(&spec, NULL);
		if (key == NULL || key->jwk == NULL)
			r = -ENOMEM;
	}
	OPENSSL_cleanse(d, sizeof(d));
	if (r < 0) {
		free(key);
		return r;
	}
	key->private = private;
	*ret_key = key;
	return 0;
}

static int key_from_pem(struct slice pem, bool private, struct jws_key **ret_key)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	EVP_PKEY *pkey;
	int r;

	if (bio == NULL)
		return -ENOMEM;
	pkey = private ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL)
		       : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	BIO_free(bio);
	r = pkey != NULL ? key_of(pkey, private, ret_key) : -EINVAL;
	EVP_PKEY_free(pkey);
	return r;
}

int jws_key_private(struct slice pem, struct jws_key **ret_key)
{
	return key_from_pem(pem, true, ret_key);
}

int jws_key_public(struct slice pem, struct jws_key **ret_key)
{
	return key_from_pem(pem, false, ret_key);
}

void jws_key_free(struct jws_key *key)
{
	if (key == NULL)
		return;
	(void)cjose_jwk_release(key->jwk);
	free(key);
}

/* ---- signing ---- */

static char *sign_text(const struct jws_key *key, const char *text)
{
	cjose_header_t *header = cjose_header_new(NULL);
	cjose_jws_t *jws = NULL;
	const char *compact;
	char *copy = NULL;

	if (header != NULL && cjose_header_set(header, CJOSE_HDR_ALG, CJOSE_HDR_ALG_ES256, NULL) &&
	    cjose_header_set(header, "typ", "JWT", NULL))
		jws = cjose_jws_sign(key->jwk, header, (const uint8_t *)text, strlen(text), NULL);
	if (jws != NULL && cjose_jws_export(jws, &compact, NULL) && strlen(compact) <= JWS_MAX)
		copy = strdup(compact);
	if (jws != NULL)
		cjose_jws_release(jws);
	if (header != NULL)
		cjose_header_release(header);
	return copy;
}

char *jws_sign(const struct jws_key *key, const json_t *claims)
{
	char *text = key->private ? json_dumps(claims, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	char *token = text != NULL ? sign_text(key, text) : NULL;

	free(text);
	return token;
}

/* ---- verifying ---- */

/* Exactly three parts between two dots. */
static int split(struct slice token, struct slice ret_parts[3])
{
	const char *at = token.ptr, *end = token.ptr + token.len;

	for (int i = 0; i < 3; i++) {
		const char *dot = memchr(at, '.', (size_t)(end - at));
		if ((dot == NULL) != (i == 2))
			return -EBADMSG;
		if (dot == NULL)
			dot = end;
		ret_parts[i] = slice_make(at, (size_t)(dot - at));
		at = dot + 1;
	}
	return 0;
}

/* RFC 7515 section 2: without padding; and the one text only that stands for these bytes. */
static int decode(struct slice part, uint8_t *ret_bytes, size_t cap, size_t *ret_len)
{
	if (part.len == 0 || memchr(part.ptr, '=', part.len) != NULL)
		return -EBADMSG;
	return base64url_decode(part, ret_bytes, cap, ret_len) < 0 ? -EBADMSG : 0;
}

/* The algorithm is the key's; the header must agree and decides nothing. */
static int check_header(const json_t *header)
{
	const char *name;
	const json_t *value;
	const char *alg = json_string_value(json_object_get(header, "alg"));

	if (!json_is_object(header) || alg == NULL || strcmp(alg, "ES256") != 0)
		return -EBADMSG;
	json_object_foreach((json_t *)header, name,
	    value) if ((strcmp(name, "alg") != 0 && strcmp(name, "typ") != 0 &&
			   strcmp(name, "kid") != 0) ||
		       !json_is_string(value)) return -EBADMSG;
	return 0;
}

static int read_header(struct slice part)
{
	uint8_t bytes[HEADER_MAX];
	size_t len;
	json_t *header;
	int r = decode(part, bytes, sizeof(bytes), &len);

	if (r < 0)
		return r;
	header = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
	r = check_header(header);
	json_decref(header);
	return r;
}

static int check_form(struct slice token)
{
	struct slice parts[3];
	uint8_t bytes[JWS_MAX];
	size_t len = 0;
	int r = token.len > 0 && token.len <= JWS_MAX ? split(token, parts) : -EBADMSG;

	if (r == 0)
		r = read_header(parts[0]);
	if (r == 0)
		r = decode(parts[1], bytes, sizeof(bytes), &len);
	if (r == 0)
		r = decode(parts[2], bytes, sizeof(bytes), &len);
	if (r == 0 && len != SIGNATURE_SIZE)
		r = -EBADMSG;
	return r;
}

static int read_claims(cjose_jws_t *jws, json_t **ret_claims)
{
	uint8_t *text;
	size_t len;
	json_t *claims;

	if (!cjose_jws_get_plaintext(jws, &text, &len, NULL))
		return -EBADMSG;
	claims = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(claims)) {
		json_decref(claims);
		return -EBADMSG;
	}
	*ret_claims = claims;
	return 0;
}

int jws_verify(const struct jws_key *key, struct slice token, json_t **ret_claims)
{
	cjose_jws_t *jws;
	int r = check_form(token);

	if (r < 0)
		return r;
	jws = cjose_jws_import(token.ptr, token.len, NULL);
	if (jws == NULL)
		return -EBADMSG;
	r = cjose_jws_verify(jws, key->jwk, NULL) ? read_claims(jws, ret_claims) : -EBADMSG;
	cjose_jws_release(jws);
	return r;
}
