/* Keys are taken apart here, member by member, and given to cjose as numbers; tokens likewise are
 * checked letter by letter before cjose sees them. cjose says whether a signature fits, no more. */
#include "crypto/jwks.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cjose/cjose.h>

#include "base/encode.h"

enum {
	RSA_BITS_MIN = 2048,
	RSA_BITS_MAX = 8192,
	EXPONENT_BYTES = 8, /* OpenSSL takes no larger ones for keys of this size */
	COORDINATE_BYTES = 66,
	KID_MAX = 1024,
	HEADER_MAX = 4096,
};

struct kind {
	const char *kty, *crv;
	cjose_jwk_ec_curve curve;
	size_t bytes; /* of a coordinate, and of each half of a signature */
};
static const struct kind rsa = {"RSA", NULL, CJOSE_JWK_EC_INVALID, 0};
static const struct kind p256 = {"EC", "P-256", CJOSE_JWK_EC_P_256, 32};
static const struct kind p384 = {"EC", "P-384", CJOSE_JWK_EC_P_384, 48};
static const struct kind p521 = {"EC", "P-521", CJOSE_JWK_EC_P_521, 66};
static const struct kind *const kinds[] = {&rsa, &p256, &p384, &p521};

struct algorithm {
	const char *name;
	const struct kind *kind;
};
static const struct algorithm algorithms[] = {
    {"RS256", &rsa},
    {"RS384", &rsa},
    {"RS512", &rsa},
    {"PS256", &rsa},
    {"PS384", &rsa},
    {"PS512", &rsa},
    {"ES256", &p256},
    {"ES384", &p384},
    {"ES512", &p521},
};

struct key {
	const struct kind *kind;
	const struct algorithm *only; /* the key's "alg"; NULL: it names none */
	char *kid;                    /* NULL: it has none */
	cjose_jwk_t *jwk;
	size_t signature_len;
};

struct jwks {
	size_t n;
	struct key keys[];
};

static const struct algorithm *find_algorithm(const char *name)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (strcmp(algorithms[i].name, name) == 0)
			return &algorithms[i];
	return NULL;
}

/* RFC 7515 section 2: without padding; and the one text only that stands for these bytes. */
static bool decode(struct slice text, uint8_t *ret_bytes, size_t cap, size_t *ret_len)
{
	return text.len > 0 && memchr(text.ptr, '=', text.len) == NULL &&
	       base64url_decode(text, ret_bytes, cap, ret_len) == 0;
}

/* ---- keys ---- */

/* A member that may be absent and else is a text. */
static bool text_of(const json_t *json, const char *name, const char **ret_text)
{
	const json_t *value = json_object_get(json, name);

	*ret_text = json_string_value(value);
	return value == NULL || *ret_text != NULL;
}

static bool bytes_of(
    const json_t *json, const char *name, uint8_t *ret_bytes, size_t cap, size_t *ret_len)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text != NULL && decode(slice_text(text), ret_bytes, cap, ret_len);
}

/* RFC 7517 sections 4.2 and 4.3. */
static bool may_verify(const json_t *json)
{
	const json_t *operations = json_object_get(json, "key_ops"), *operation;
	const char *use;
	bool found = operations == NULL;
	size_t i;

	if (!text_of(json, "use", &use) || (use != NULL && strcmp(use, "sig") != 0))
		return false;
	if (operations != NULL && !json_is_array(operations))
		return false;
	json_array_foreach(operations, i, operation)
	{
		const char *name = json_string_value(operation);
		found = found || (name != NULL && strcmp(name, "verify") == 0);
	}
	return found;
}

/* RFC 7518 sections 6.2.2, 6.3.2 and 6.4: whoever publishes one of these has published a secret. */
static bool has_secret(const json_t *json)
{
	static const char *const names[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_object_get(json, names[i]) != NULL)
			return true;
	return false;
}

static const struct kind *kind_of(const json_t *json)
{
	const char *kty = json_string_value(json_object_get(json, "kty"));
	const char *crv = json_string_value(json_object_get(json, "crv"));

	for (size_t i = 0; kty != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i]->kty, kty) == 0 &&
		    (kinds[i]->crv == NULL || (crv != NULL && strcmp(kinds[i]->crv, crv) == 0)))
			return kinds[i];
	return NULL;
}

static size_t bits_of(const uint8_t *number, size_t len)
{
	size_t bits = 8 * (len - 1);

	for (unsigned first = number[0]; first != 0; first >>= 1)
		bits++;
	return bits;
}

/* RFC 7518 section 6.3.1. A zero byte before the modulus, which it forbids, is met in the wild. */
static bool read_rsa(const json_t *json, struct key *key)
{
	uint8_t modulus[RSA_BITS_MAX / 8 + 1], exponent[EXPONENT_BYTES], *n = modulus;
	cjose_jwk_rsa_keyspec spec = {.e = exponent};
	size_t len, exponent_len;

	if (!bytes_of(json, "n", modulus, sizeof(modulus), &len) ||
	    !bytes_of(json, "e", exponent, sizeof(exponent), &exponent_len))
		return false;
	for (; len > 1 && *n == 0; len--)
		n++;
	if (bits_of(n, len) < RSA_BITS_MIN || bits_of(n, len) > RSA_BITS_MAX || n[len - 1] % 2 == 0)
		return false;
	if (exponent[exponent_len - 1] % 2 == 0 || bits_of(exponent, exponent_len) < 2 ||
	    exponent[0] == 0)
		return false;
	spec.n = n;
	spec.nlen = len;
	spec.elen = exponent_len;
	key->jwk = cjose_jwk_create_RSA_spec(&spec, NULL);
	key->signature_len = len;
	return key->jwk != NULL;
}

/* RFC 7518 section 6.2.1; OpenSSL takes no point that is not on the curve. */
static bool read_ec(const json_t *json, struct key *key)
{
	uint8_t x[COORDINATE_BYTES], y[COORDINATE_BYTES];
	cjose_jwk_ec_keyspec spec = {.crv = key->kind->curve, .x = x, .y = y};

	if (!bytes_of(json, "x", x, sizeof(x), &spec.xlen) ||
	    !bytes_of(json, "y", y, sizeof(y), &spec.ylen) || spec.xlen != key->kind->bytes ||
	    spec.ylen != key->kind->bytes)
		return false;
	key->jwk = cjose_jwk_create_EC_spec(&spec, NULL);
	key->signature_len = 2 * key->kind->bytes;
	return key->jwk != NULL;
}

/* 1: kept; 0: left out; -ENOMEM. */
static int read_key(const json_t *json, struct key *ret_key)
{
	struct key key = {.kind = kind_of(json)};
	const char *kid, *alg;

	if (key.kind == NULL || has_secret(json) || !may_verify(json) ||
	    !text_of(json, "kid", &kid) || !text_of(json, "alg", &alg) ||
	    (kid != NULL && strlen(kid) > KID_MAX))
		return 0;
	key.only = alg != NULL ? find_algorithm(alg) : NULL;
	if (alg != NULL && (key.only == NULL || key.only->kind != key.kind))
		return 0;
	if (!(key.kind == &rsa ? read_rsa(json, &key) : read_ec(json, &key)))
		return 0;
	key.kid = kid != NULL ? strdup(kid) : NULL;
	if (kid != NULL && key.kid == NULL) {
		(void)cjose_jwk_release(key.jwk);
		return -ENOMEM;
	}
	*ret_key = key;
	return 1;
}

static int read_keys(const json_t *list, struct jwks **ret_jwks)
{
	size_t n = json_array_size(list);
	struct jwks *jwks;

	if (!json_is_array(list) || n > JWKS_KEYS_MAX)
		return -EBADMSG;
	jwks = calloc(1, sizeof(*jwks) + n * sizeof(jwks->keys[0]));
	if (jwks == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int r = read_key(json_array_get(list, i), &jwks->keys[jwks->n]);
		if (r < 0) {
			jwks_free(jwks);
			return r;
		}
		jwks->n += (size_t)r;
	}
	if (jwks->n == 0) {
		jwks_free(jwks);
		return -ENOKEY;
	}
	*ret_jwks = jwks;
	return 0;
}

int jwks_parse(struct slice json, struct jwks **ret_jwks)
{
	json_t *set;
	int r;

	if (json.len == 0 || json.len > JWKS_TEXT_MAX)
		return -EBADMSG;
	set = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, NULL);
	r = read_keys(json_object_get(set, "keys"), ret_jwks);
	json_decref(set);
	return r;
}

void jwks_free(struct jwks *jwks)
{
	if (jwks == NULL)
		return;
	for (size_t i = 0; i < jwks->n; i++) {
		(void)cjose_jwk_release(jwks->keys[i].jwk);
		free(jwks->keys[i].kid);
	}
	free(jwks);
}

/* ---- tokens ---- */

struct token {
	struct slice text;
	struct slice parts[3];
	json_t *header;
	const struct algorithm *algorithm;
	const char *kid; /* NULL: the header names none */
	uint8_t *bytes;  /* what was signed */
	size_t len;
	size_t signature_len;
};

/* Exactly three parts between two dots. */
static bool split(struct slice text, struct slice ret_parts[3])
{
	const char *at = text.ptr, *end = text.ptr + text.len;

	for (int i = 0; i < 3; i++) {
		const char *dot = memchr(at, '.', (size_t)(end - at));
		if ((dot == NULL) != (i == 2))
			return false;
		if (dot == NULL)
			dot = end;
		ret_parts[i] = slice_make(at, (size_t)(dot - at));
		at = dot + 1;
	}
	return true;
}

static bool read_header(struct token *token)
{
	uint8_t bytes[HEADER_MAX];
	const char *alg;
	size_t len;

	if (!decode(token->parts[0], bytes, sizeof(bytes), &len))
		return false;
	token->header = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
	alg = json_string_value(json_object_get(token->header, "alg"));
	token->algorithm = alg != NULL ? find_algorithm(alg) : NULL;
	return token->algorithm != NULL && json_object_get(token->header, "crit") == NULL &&
	       text_of(token->header, "kid", &token->kid);
}

static int read_token(struct token *token)
{
	uint8_t signature[RSA_BITS_MAX / 8];

	if (token->text.len == 0 || token->text.len > JWKS_TOKEN_MAX ||
	    !split(token->text, token->parts) || !read_header(token) ||
	    !decode(token->parts[2], signature, sizeof(signature), &token->signature_len))
		return -EBADMSG;
	token->bytes = malloc(token->parts[1].len + 1);
	if (token->bytes == NULL)
		return -ENOMEM;
	return decode(token->parts[1], token->bytes, token->parts[1].len, &token->len) ? 0
										       : -EBADMSG;
}

static bool is_named(const struct key *key, const char *kid)
{
	return kid == NULL || (key->kid != NULL && strcmp(key->kid, kid) == 0);
}

static bool fits(const struct key *key, const struct token *token)
{
	return key->kind == token->algorithm->kind &&
	       (key->only == NULL || key->only == token->algorithm);
}

/* A signature of another length never fits (RFC 8017 section 8.1.2, RFC 7518 section 3.4); cjose
 * would pad it. */
static bool signed_by(const struct key *key, const struct token *token)
{
	cjose_jws_t *jws;
	bool good;

	if (token->signature_len != key->signature_len)
		return false;
	jws = cjose_jws_import(token->text.ptr, token->text.len, NULL);
	good = jws != NULL && cjose_jws_verify(jws, key->jwk, NULL);
	if (jws != NULL)
		cjose_jws_release(jws);
	return good;
}

static int check_signature(const struct jwks *jwks, const struct token *token)
{
	size_t named = 0, fitting = 0;
	bool good = false;

	for (size_t i = 0; i < jwks->n; i++) {
		named += is_named(&jwks->keys[i], token->kid);
		fitting += is_named(&jwks->keys[i], token->kid) && fits(&jwks->keys[i], token);
	}
	if (token->kid != NULL ? named == 0 : fitting == 0)
		return -ENOKEY;
	if (token->kid == NULL && fitting > 1)
		return -EBADMSG;
	for (size_t i = 0; i < jwks->n && !good; i++) {
		const struct key *key = &jwks->keys[i];
		good = is_named(key, token->kid) && fits(key, token) && signed_by(key, token);
	}
	return good ? 0 : -EBADMSG;
}

int jwks_open(const struct jwks *jwks, struct slice text, uint8_t **ret_bytes, size_t *ret_len)
{
	struct token token = {.text = text};
	int r = read_token(&token);

	if (r == 0)
		r = check_signature(jwks, &token);
	json_decref(token.header);
	if (r < 0) {
		free(token.bytes);
		return r;
	}
	*ret_bytes = token.bytes;
	*ret_len = token.len;
	return 0;
}

int jwks_verify(const struct jwks *jwks, struct slice token, json_t **ret_claims)
{
	uint8_t *bytes;
	size_t len;
	json_t *claims;
	int r = jwks_open(jwks, token, &bytes, &len);

	if (r < 0)
		return r;
	claims = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
	free(bytes);
	if (!json_is_object(claims)) {
		json_decref(claims);
		return -EBADMSG;
	}
	*ret_claims = claims;
	return 0;
}
