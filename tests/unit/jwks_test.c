/* crypto/jwks: the published tokens of RFC 7515 and RFC 7520, which keys a set keeps, and every
 * token refused that is not one of them. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

#include <openssl/hmac.h>
#include <openssl/pem.h>

#include "crypto/jwks.h"
#include "token_fixture.h"
#include "vectors.h"

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

enum { RSA_KEY, P256_KEY, P384_KEY, P521_KEY, N_KEYS };
static EVP_PKEY *pkeys[N_KEYS];

static int make_keys(void **state)
{
	static const char *const groups[] = {"", "P-256", "P-384", "P-521"};

	(void)state;
	pkeys[RSA_KEY] = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	for (int i = P256_KEY; i < N_KEYS; i++)
		pkeys[i] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", groups[i]);
	return 0;
}

static int drop_keys(void **state)
{
	(void)state;
	for (int i = 0; i < N_KEYS; i++)
		EVP_PKEY_free(pkeys[i]);
	return 0;
}

/* A set of these keys, which it takes over. */
static int parse(json_t *keys, struct jwks **ret_jwks)
{
	json_t *set = json_pack("{s:o}", "keys", keys);
	char *text = json_dumps(set, 0);
	int r = jwks_parse(slice_text(text), ret_jwks);

	free(text);
	json_decref(set);
	return r;
}

static struct jwks *set_of_one(EVP_PKEY *pkey, const char *kid)
{
	struct jwks *jwks = NULL;

	assert_int_equal(parse(json_pack("[o]", fixture_jwk(pkey, kid)), &jwks), 0);
	return jwks;
}

static int verify(const struct jwks *jwks, const char *token)
{
	json_t *claims = NULL;
	int r = jwks_verify(jwks, slice_text(token), &claims);

	assert_int_equal(r == 0, claims != NULL);
	json_decref(claims);
	return r;
}

/* ---- published tokens ---- */

static void published_tokens_verify(void **state)
{
	json_t *file = vectors_load("jws.json"), *vector;
	size_t i;

	(void)state;
	assert_int_equal(json_array_size(json_object_get(file, "vectors")), 6);
	json_array_foreach(json_object_get(file, "vectors"), i, vector)
	{
		const char *source = json_string_value(json_object_get(vector, "source"));
		const char *token = json_string_value(json_object_get(vector, "token"));
		const char *payload = json_string_value(json_object_get(vector, "payload"));
		struct jwks *jwks = NULL;
		uint8_t *bytes = NULL;
		size_t len;
		int r = parse(json_pack("[O]", json_object_get(vector, "jwk")), &jwks);
		if (r == 0)
			r = jwks_open(jwks, slice_text(token), &bytes, &len);
		if (r != 0)
			fail_msg("%s: %d", source, r);
		assert_true(slice_is(slice_make(bytes, len), payload));
		/* two of them are claims, the others are plain text */
		assert_int_equal(verify(jwks, token), payload[0] == '{' ? 0 : -EBADMSG);
		free(bytes);
		jwks_free(jwks);
	}
	json_decref(file);
}

/* One set with all their keys: RFC 7520's share a kid, RFC 7515's have none. */
static void published_keys_in_one_set(void **state)
{
	json_t *file = vectors_load("jws.json"), *vector, *keys = json_array();
	struct jwks *jwks = NULL;
	size_t i;

	(void)state;
	json_array_foreach(json_object_get(file, "vectors"), i, vector)
	{
		(void)json_array_append(keys, json_object_get(vector, "jwk"));
	}
	assert_int_equal(parse(keys, &jwks), 0);
	json_array_foreach(json_object_get(file, "vectors"), i, vector)
	{
		const char *token = json_string_value(json_object_get(vector, "token"));
		uint8_t *bytes = NULL;
		size_t len;
		int r = jwks_open(jwks, slice_text(token), &bytes, &len);
		/* without a kid ES256 fits one key, RS256 three, ES512 two */
		assert_int_equal(r, i == 0 || i == 2 ? -EBADMSG : 0);
		free(bytes);
	}
	jwks_free(jwks);
	json_decref(file);
}

/* ---- algorithms and keys ---- */

static const struct {
	const char *alg;
	int key;
} algorithms[] = {
    {"RS256", RSA_KEY},
    {"RS384", RSA_KEY},
    {"RS512", RSA_KEY},
    {"PS256", RSA_KEY},
    {"PS384", RSA_KEY},
    {"PS512", RSA_KEY},
    {"ES256", P256_KEY},
    {"ES384", P384_KEY},
    {"ES512", P521_KEY},
};

/* Signed with an algorithm under the header of another, against every key. */
static void algorithm_key_and_header_agree(void **state)
{
	char header[100];

	(void)state;
	for (int key = 0; key < N_KEYS; key++) {
		struct jwks *jwks = set_of_one(pkeys[key], "k");
		for (size_t i = 0; i < N(algorithms); i++)
			for (size_t j = 0; j < N(algorithms); j++) {
				bool good = i == j && algorithms[i].key == key;
				(void)snprintf(header, sizeof(header),
				    "{\"alg\":\"%s\",\"kid\":\"k\"}", algorithms[j].alg);
				char *token = fixture_token(pkeys[algorithms[i].key],
				    algorithms[i].alg, header, "{\"a\":1}");
				int r = verify(jwks, token);
				if (r != (good ? 0 : -EBADMSG))
					fail_msg("key %d, signed %s, header %s: %d", key,
					    algorithms[i].alg, algorithms[j].alg, r);
				free(token);
			}
		jwks_free(jwks);
	}
}

/* Of one key, but the curve is not the algorithm's: ES256 over P-384 has a signature that fits. */
static void curve_belongs_to_algorithm(void **state)
{
	struct jwks *jwks = set_of_one(pkeys[P384_KEY], "k");
	char *token = fixture_token(
	    pkeys[P384_KEY], "ES256", "{\"alg\":\"ES256\",\"kid\":\"k\"}", "{\"a\":1}");

	(void)state;
	assert_int_equal(verify(jwks, token), -EBADMSG);
	free(token);
	jwks_free(jwks);
}

static void keys_own_algorithm(void **state)
{
	static const struct {
		const char *own, *alg;
		int r; /* of the token; -ENOKEY: the key is not kept at all */
	} rows[] = {
	    {"RS256", "RS256", 0},
	    {"RS256", "PS256", -EBADMSG},
	    {"PS512", "PS512", 0},
	    {"PS512", "RS512", -EBADMSG},
	    {"ES256", "RS256", -ENOKEY},
	    {"RSA-OAEP", "RS256", -ENOKEY},
	    {"HS256", "RS256", -ENOKEY},
	    {"none", "RS256", -ENOKEY},
	    {"", "RS256", -ENOKEY},
	};
	char header[100];

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		json_t *jwk = fixture_jwk(pkeys[RSA_KEY], "k");
		struct jwks *jwks = NULL;
		(void)json_object_set_new(jwk, "alg", json_string(rows[i].own));
		int r = parse(json_pack("[o]", jwk), &jwks);
		if (r == 0) {
			(void)snprintf(
			    header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"k\"}", rows[i].alg);
			char *token =
			    fixture_token(pkeys[RSA_KEY], rows[i].alg, header, "{\"a\":1}");
			r = verify(jwks, token);
			free(token);
		}
		if (r != rows[i].r)
			fail_msg("%s: %s: %d", rows[i].own, rows[i].alg, r);
		jwks_free(jwks);
	}
}

/* Each row is laid over a good key; null takes a member away. */
static void kept_and_left_out(void **state)
{
	static const struct {
		int key;
		const char *change;
		bool kept;
	} rows[] = {
	    {RSA_KEY, "{}", true},
	    {RSA_KEY, "{'use':'sig'}", true},
	    {RSA_KEY, "{'use':'enc'}", false},
	    {RSA_KEY, "{'use':['sig']}", false},
	    {RSA_KEY, "{'key_ops':['verify']}", true},
	    {RSA_KEY, "{'key_ops':['encrypt','verify'],'use':'sig'}", true},
	    {RSA_KEY, "{'key_ops':['sign']}", false},
	    {RSA_KEY, "{'key_ops':[]}", false},
	    {RSA_KEY, "{'key_ops':'verify'}", false},
	    {RSA_KEY, "{'key_ops':[7,'verify']}", true},
	    {RSA_KEY, "{'kty':'oct','k':'c2VjcmV0'}", false},
	    {RSA_KEY, "{'kty':'rsa'}", false},
	    {RSA_KEY, "{'kty':'XYZ'}", false},
	    {RSA_KEY, "{'kty':7}", false},
	    {RSA_KEY, "{'kty':'EC'}", false},
	    {RSA_KEY, "{'kid':7}", false},
	    {RSA_KEY, "{'alg':7}", false},
	    {RSA_KEY, "{'d':'AQAB'}", false},
	    {RSA_KEY, "{'p':'AQAB'}", false},
	    {RSA_KEY, "{'k':'AQAB'}", false},
	    {RSA_KEY, "{'oth':[]}", false},
	    {RSA_KEY, "{'n':7}", false},
	    {RSA_KEY, "{'n':''}", false},
	    {RSA_KEY, "{'n':'AQAB'}", false},
	    {RSA_KEY, "{'n':'not base64url!'}", false},
	    {RSA_KEY, "{'e':'Aw'}", true},
	    {RSA_KEY, "{'e':'AQ'}", false},
	    {RSA_KEY, "{'e':'AA'}", false},
	    {RSA_KEY, "{'e':'AAEAAQ'}", false},
	    {RSA_KEY, "{'e':'AQAA'}", false},
	    {RSA_KEY, "{'e':'AQAB='}", false},
	    {RSA_KEY, "{'e':'AQABAQABAQAB'}", false},
	    {RSA_KEY, "{'x5c':['whatever'],'x5t':'x','future':{}}", true},
	    {P256_KEY, "{}", true},
	    {P256_KEY, "{'crv':'P-384'}", false},
	    {P256_KEY, "{'crv':'secp256k1'}", false},
	    {P256_KEY, "{'crv':7}", false},
	    {P256_KEY, "{'kty':'OKP','crv':'Ed25519'}", false},
	    {P256_KEY, "{'d':'AQAB'}", false},
	    {P256_KEY, "{'y':'AQAB'}", false},
	    {P256_KEY, "{'y':'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'}", false}, /* off it */
	    {P384_KEY, "{}", true},
	    {P521_KEY, "{}", true},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		json_t *jwk = fixture_jwk(pkeys[rows[i].key], "k");
		char text[200];
		struct jwks *jwks = NULL;
		(void)snprintf(text, sizeof(text), "%s", rows[i].change);
		for (char *at = text; *at; at++)
			*at = *at == '\'' ? '"' : *at;
		json_t *change = json_loads(text, 0, NULL);
		assert_non_null(change);
		(void)json_object_update(jwk, change);
		json_decref(change);
		int r = parse(json_pack("[o]", jwk), &jwks);
		if (r != (rows[i].kept ? 0 : -ENOKEY))
			fail_msg("%s: %d", rows[i].change, r);
		jwks_free(jwks);
	}
}

static void sizes_of_rsa_keys(void **state)
{
	static const struct {
		size_t bits;
		bool kept;
	} rows[] = {{2047, false}, {2048, true}, {2049, true}, {8192, true}, {8193, false}};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		uint8_t n[1100] = {0};
		size_t len = (rows[i].bits + 7) / 8;
		n[0] = (uint8_t)(1U << ((rows[i].bits - 1) % 8));
		n[len - 1] |= 1;
		for (size_t zeros = 0; zeros < 2; zeros++) { /* and with a zero byte before it */
			char *text = fixture_base64url(n, len);
			struct jwks *jwks = NULL;
			int r = parse(
			    json_pack("[{s:s,s:s,s:s}]", "kty", "RSA", "e", "AQAB", "n", text),
			    &jwks);
			if (r != (rows[i].kept ? 0 : -ENOKEY))
				fail_msg("%zu bits, %zu: %d", rows[i].bits, zeros, r);
			jwks_free(jwks);
			free(text);
			for (size_t at = len++; at > 0; at--)
				n[at] = n[at - 1];
			n[0] = 0;
		}
	}
}

static void what_is_a_set(void **state)
{
	static const struct {
		const char *text;
		int r;
	} rows[] = {
	    {"", -EBADMSG},
	    {"x", -EBADMSG},
	    {"[]", -EBADMSG},
	    {"{}", -EBADMSG},
	    {"{\"keys\":{}}", -EBADMSG},
	    {"{\"keys\":[],\"keys\":[]}", -EBADMSG},
	    {"{\"keys\":[]} x", -EBADMSG},
	    {"{\"keys\":[]}", -ENOKEY},
	    {"{\"keys\":[1,null,[],\"x\",{}]}", -ENOKEY},
	};
	json_t *keys = json_array();
	struct jwks *jwks = NULL;
	char *long_text;

	(void)state;
	for (size_t i = 0; i < N(rows); i++)
		assert_int_equal(jwks_parse(slice_text(rows[i].text), &jwks), rows[i].r);
	for (int i = 0; i < JWKS_KEYS_MAX; i++)
		(void)json_array_append_new(keys, fixture_jwk(pkeys[P256_KEY], NULL));
	assert_int_equal(parse(json_incref(keys), &jwks), 0);
	jwks_free(jwks);
	jwks = NULL;
	(void)json_array_append_new(keys, fixture_jwk(pkeys[P256_KEY], NULL));
	assert_int_equal(parse(keys, &jwks), -EBADMSG);

	long_text = malloc(JWKS_TEXT_MAX + 1);
	memset(long_text, ' ', JWKS_TEXT_MAX + 1);
	memcpy(long_text, "{\"keys\":[]}", 11);
	assert_int_equal(jwks_parse(slice_make(long_text, JWKS_TEXT_MAX), &jwks), -ENOKEY);
	assert_int_equal(jwks_parse(slice_make(long_text, JWKS_TEXT_MAX + 1), &jwks), -EBADMSG);
	free(long_text);
	assert_null(jwks);
}

/* ---- which key ---- */

static void kid_chooses(void **state)
{
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	struct jwks *jwks = NULL;
	const struct {
		EVP_PKEY *pkey;
		const char *alg, *header;
		int r;
	} rows[] = {
	    {pkeys[P256_KEY], "ES256", "{\"alg\":\"ES256\",\"kid\":\"a\"}", 0},
	    {other, "ES256", "{\"alg\":\"ES256\",\"kid\":\"a\"}", 0}, /* the second of that kid */
	    {pkeys[P256_KEY], "ES256", "{\"alg\":\"ES256\",\"kid\":\"b\"}", -EBADMSG},
	    {pkeys[P256_KEY], "ES256", "{\"alg\":\"ES256\",\"kid\":\"c\"}", -ENOKEY},
	    {pkeys[P256_KEY], "ES256", "{\"alg\":\"ES256\",\"kid\":\"\"}", -ENOKEY},
	    {pkeys[P256_KEY], "ES256", "{\"alg\":\"ES256\",\"kid\":7}", -EBADMSG},
	    {pkeys[P256_KEY], "ES256", "{\"alg\":\"ES256\"}", -EBADMSG}, /* two fit */
	    {pkeys[P384_KEY], "ES384", "{\"alg\":\"ES384\"}", 0},        /* one does */
	    {pkeys[P384_KEY], "ES384", "{\"alg\":\"ES384\",\"kid\":\"a\"}", -EBADMSG},
	    {pkeys[P521_KEY], "ES512", "{\"alg\":\"ES512\"}", -ENOKEY},
	    {pkeys[RSA_KEY], "RS256", "{\"alg\":\"RS256\",\"kid\":\"b\"}", 0},
	    {pkeys[RSA_KEY], "PS512", "{\"alg\":\"PS512\"}", 0},
	    {pkeys[P256_KEY], "ES256", "{\"alg\":\"ES256\",\"kid\":\"oct\"}", -ENOKEY},
	};

	(void)state;
	assert_int_equal(
	    parse(json_pack("[o,o,o,o,{s:s,s:s,s:s}]", fixture_jwk(pkeys[P256_KEY], "a"),
		      fixture_jwk(other, "a"), fixture_jwk(pkeys[RSA_KEY], "b"),
		      fixture_jwk(pkeys[P384_KEY], NULL), "kty", "oct", "kid", "oct", "k", "AAAA"),
		&jwks),
	    0);
	for (size_t i = 0; i < N(rows); i++) {
		char *token = fixture_token(rows[i].pkey, rows[i].alg, rows[i].header, "{\"a\":1}");
		int r = verify(jwks, token);
		if (r != rows[i].r)
			fail_msg("row %zu: %s: %d", i, rows[i].header, r);
		free(token);
	}
	jwks_free(jwks);
	EVP_PKEY_free(other);
}

/* ---- tokens that are none ---- */

/* Right signatures under wrong headers, and over what are no claims. */
static void headers_and_claims(void **state)
{
	static const struct {
		const char *header, *payload;
		bool taken;
	} rows[] = {
	    {"{\"alg\":\"ES256\"}", "{}", true},
	    {"{\"typ\":\"JWT\",\"alg\":\"ES256\",\"kid\":\"k\",\"x5t\":\"x\"}", "{\"a\":1}", true},
	    {"{\"alg\":\"none\"}", "{}", false},
	    {"{\"alg\":\"None\"}", "{}", false},
	    {"{\"alg\":\"es256\"}", "{}", false},
	    {"{\"alg\":\"HS256\"}", "{}", false},
	    {"{\"alg\":\"EdDSA\"}", "{}", false},
	    {"{\"alg\":\"\"}", "{}", false},
	    {"{\"alg\":[\"ES256\"]}", "{}", false},
	    {"{\"alg\":\"ES256\",\"alg\":\"ES256\"}", "{}", false},
	    {"{\"alg\":\"ES256\",\"crit\":[\"exp\"],\"exp\":1}", "{}", false},
	    {"{\"alg\":\"ES256\",\"crit\":[]}", "{}", false},
	    {"{\"alg\":\"ES256\",\"crit\":null}", "{}", false},
	    {"{\"alg\":\"ES256\"} x", "{}", false},
	    {"[\"ES256\"]", "{}", false},
	    {"\"ES256\"", "{}", false},
	    {"{}", "{}", false},
	    {"", "{}", false},
	    {"{\"alg\":\"ES256\"}", "[]", false},
	    {"{\"alg\":\"ES256\"}", "\"x\"", false},
	    {"{\"alg\":\"ES256\"}", "{\"sub\":\"a\",\"sub\":\"b\"}", false},
	    {"{\"alg\":\"ES256\"}", "{\"a\":{\"b\":1,\"b\":1}}", false},
	    {"{\"alg\":\"ES256\"}", "{}{}", false},
	    {"{\"alg\":\"ES256\"}", "{\"a\":\"\xff\"}", false},
	    {"{\"alg\":\"ES256\"}", "", false},
	};
	struct jwks *jwks = set_of_one(pkeys[P256_KEY], "k");

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		char *token =
		    fixture_token(pkeys[P256_KEY], "ES256", rows[i].header, rows[i].payload);
		int r = verify(jwks, token);
		if (r != (rows[i].taken ? 0 : -EBADMSG))
			fail_msg("%s %s: %d", rows[i].header, rows[i].payload, r);
		free(token);
	}
	jwks_free(jwks);
}

static void assert_hmac_refused(
    const struct jwks *jwks, const char *alg, const void *secret, size_t secret_len)
{
	char header[100], token[600], *first, *third;
	char *second = fixture_base64url("{\"a\":1}", 7);
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned len;

	for (int with_kid = 0; with_kid < 2; with_kid++) {
		(void)snprintf(header, sizeof(header), "{\"alg\":\"%s\"%s}", alg,
		    with_kid ? ",\"kid\":\"k\"" : "");
		first = fixture_base64url(header, strlen(header));
		(void)snprintf(token, sizeof(token), "%s.%s", first, second);
		(void)HMAC(EVP_sha256(), secret, (int)secret_len, (const uint8_t *)token,
		    strlen(token), mac, &len);
		third = fixture_base64url(mac, len);
		(void)snprintf(token + strlen(token), sizeof(token) - strlen(token), ".%s", third);
		assert_int_equal(verify(jwks, token), -EBADMSG);
		free(first);
		free(third);
	}
	free(second);
}

/* RFC 8725 section 2.1: the public key taken for a secret, as PEM, as text of the JWK's modulus and
 * as the modulus. */
static void public_key_is_no_secret(void **state)
{
	json_t *jwk = fixture_jwk(pkeys[RSA_KEY], "k");
	struct jwks *jwks = set_of_one(pkeys[RSA_KEY], "k");
	const char *n = json_string_value(json_object_get(jwk, "n"));
	static const char *const algs[] = {"HS256", "RS256"};
	uint8_t modulus[256];
	size_t len;
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;

	(void)state;
	assert_int_equal(PEM_write_bio_PUBKEY(bio, pkeys[RSA_KEY]), 1);
	long pem_len = BIO_get_mem_data(bio, &pem);
	assert_int_equal(base64url_decode(slice_text(n), modulus, sizeof(modulus), &len), 0);
	for (size_t i = 0; i < N(algs); i++) {
		assert_hmac_refused(jwks, algs[i], pem, (size_t)pem_len);
		assert_hmac_refused(jwks, algs[i], n, strlen(n));
		assert_hmac_refused(jwks, algs[i], modulus, len);
		assert_hmac_refused(jwks, algs[i], "", 0);
	}
	BIO_free(bio);
	jwks_free(jwks);
	json_decref(jwk);
}

static void no_signature(void **state)
{
	static const char *const headers[] = {"{\"alg\":\"none\",\"kid\":\"k\"}",
	    "{\"alg\":\"ES256\",\"kid\":\"k\"}", "{\"alg\":\"RS256\",\"kid\":\"k\"}"};
	struct jwks *jwks = NULL;
	char token[1000];

	(void)state;
	assert_int_equal(parse(json_pack("[o,o]", fixture_jwk(pkeys[P256_KEY], "k"),
				   fixture_jwk(pkeys[RSA_KEY], "k")),
			     &jwks),
	    0);
	for (size_t i = 0; i < N(headers); i++) {
		char *first = fixture_base64url(headers[i], strlen(headers[i]));
		for (size_t len = 0; len <= 256; len += 32) {
			char *third = fixture_base64url((uint8_t[256]){0}, len);
			(void)snprintf(token, sizeof(token), "%s.e30.%s", first, third);
			assert_int_equal(verify(jwks, token), -EBADMSG);
			free(third);
		}
		(void)snprintf(token, sizeof(token), "%s.e30", first);
		assert_int_equal(verify(jwks, token), -EBADMSG);
		free(first);
	}
	jwks_free(jwks);
}

/* Every character replaced by several others, and every length cut. Only what names another kid
 * may be told from the rest. */
static void every_change_is_noticed(void **state)
{
	static const struct {
		const char *alg;
		int key;
	} rows[] = {{"ES256", P256_KEY}, {"PS256", RSA_KEY}, {"RS256", RSA_KEY}};
	static const char others[] = "A-_z9.=+ \n";

	(void)state;
	for (size_t row = 0; row < N(rows); row++) {
		struct jwks *jwks = set_of_one(pkeys[rows[row].key], "k");
		char header[100];
		(void)snprintf(
		    header, sizeof(header), "{\"kid\":\"k\",\"alg\":\"%s\"}", rows[row].alg);
		char *token =
		    fixture_token(pkeys[rows[row].key], rows[row].alg, header, "{\"sub\":\"a\"}");
		size_t len = strlen(token), changes = 0;
		assert_int_equal(verify(jwks, token), 0);
		for (size_t i = 0; i < len; i++)
			for (const char *other = others; *other; other++) {
				char was = token[i];
				token[i] = *other;
				changes += *other != was;
				if (*other != was && verify(jwks, token) == 0)
					fail_msg("%s: %zu: %s", rows[row].alg, i, token);
				token[i] = was;
			}
		assert_true(changes > 1000);
		for (size_t cut = 0; cut < len; cut++) {
			json_t *claims = NULL;
			char *copy = malloc(cut + 1); /* exactly so long, for the sanitizer */
			memcpy(copy, token, cut);
			assert_int_equal(
			    jwks_verify(jwks, slice_make(copy, cut), &claims), -EBADMSG);
			assert_null(claims);
			free(copy);
		}
		free(token);
		jwks_free(jwks);
	}
}

/* The same numbers in other bytes: a zero before each half of a signature or before a coordinate;
 * and the same bytes in another text: padding. */
static void one_text_for_one_token(void **state)
{
	struct jwks *jwks = set_of_one(pkeys[P256_KEY], NULL), *other = NULL;
	char *token = fixture_token(pkeys[P256_KEY], "ES256", "{\"alg\":\"ES256\"}", "{\"a\":1}");
	char *dot = strrchr(token, '.') + 1, changed[400], *text;
	json_t *jwk = fixture_jwk(pkeys[P256_KEY], NULL);
	uint8_t bytes[66] = {0}, coordinate[33] = {0};
	size_t len;

	(void)state;
	assert_int_equal(base64url_decode(slice_text(dot), bytes + 1, 64, &len), 0);
	memmove(bytes + 34, bytes + 33, 32);
	bytes[33] = 0;
	text = fixture_base64url(bytes, sizeof(bytes));
	(void)snprintf(changed, sizeof(changed), "%.*s%s", (int)(dot - token), token, text);
	assert_int_equal(verify(jwks, changed), -EBADMSG);
	free(text);
	(void)snprintf(changed, sizeof(changed), "%s==", token);
	assert_int_equal(verify(jwks, changed), -EBADMSG);
	(void)snprintf(changed, sizeof(changed), "eyJhbGciOiJFUzI1NiJ9=%s", strchr(token, '.'));
	assert_int_equal(verify(jwks, changed), -EBADMSG);
	assert_int_equal(verify(jwks, token), 0);

	assert_int_equal(base64url_decode(slice_text(json_string_value(json_object_get(jwk, "x"))),
			     coordinate + 1, 32, &len),
	    0);
	text = fixture_base64url(coordinate, sizeof(coordinate));
	(void)json_object_set_new(jwk, "x", json_string(text));
	assert_int_equal(parse(json_pack("[o]", jwk), &other), -ENOKEY);
	free(text);
	free(token);
	jwks_free(jwks);
}

static void longest_token(void **state)
{
	struct jwks *jwks = set_of_one(pkeys[P256_KEY], NULL);
	char *payload = malloc(JWKS_TOKEN_MAX);
	bool seen_good = false, seen_long = false;

	(void)state;
	for (size_t len = 12100; len < 12300; len++) {
		memset(payload, ' ', len);
		payload[0] = '{';
		payload[len - 1] = '}';
		payload[len] = '\0';
		char *token =
		    fixture_token(pkeys[P256_KEY], "ES256", "{\"alg\":\"ES256\"}", payload);
		bool good = strlen(token) <= JWKS_TOKEN_MAX;
		assert_int_equal(verify(jwks, token), good ? 0 : -EBADMSG);
		seen_good = seen_good || good;
		seen_long = seen_long || !good;
		free(token);
	}
	assert_true(seen_good && seen_long);
	free(payload);
	jwks_free(jwks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(published_tokens_verify),
	    cmocka_unit_test(published_keys_in_one_set),
	    cmocka_unit_test(algorithm_key_and_header_agree),
	    cmocka_unit_test(curve_belongs_to_algorithm),
	    cmocka_unit_test(keys_own_algorithm),
	    cmocka_unit_test(kept_and_left_out),
	    cmocka_unit_test(sizes_of_rsa_keys),
	    cmocka_unit_test(what_is_a_set),
	    cmocka_unit_test(kid_chooses),
	    cmocka_unit_test(headers_and_claims),
	    cmocka_unit_test(public_key_is_no_secret),
	    cmocka_unit_test(no_signature),
	    cmocka_unit_test(every_change_is_noticed),
	    cmocka_unit_test(one_text_for_one_token),
	    cmocka_unit_test(longest_token),
	};

	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
