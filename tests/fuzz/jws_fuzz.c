/* Signed tokens against fixed keys whose private halves stand nowhere in here: nothing is taken but
 * what was signed, to the letter, and never by a set of keys that was made for the purpose. The
 * keys and tokens are the standards' (RFC 7515, RFC 7520). The first byte says what the others are.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/vectors.h"
#include "base/encode.h"
#include "crypto/jwks.h"
#include "crypto/jws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static json_t *vectors;
static struct jws_key *key; /* of RFC 7515 appendix A.3 */
static struct jwks *set;    /* all of them */

/* The key of a JWK in PEM, as a host has it. */
static struct jws_key *key_of(const json_t *jwk)
{
	static const uint8_t prefix[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce,
	    0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03,
	    0x42, 0x00, 0x04};
	uint8_t der[sizeof(prefix) + 64];
	char pem[400], text[BASE64_SIZE(sizeof(der))];
	struct jws_key *made = NULL;
	size_t len;

	memcpy(der, prefix, sizeof(prefix));
	if (base64url_decode(slice_text(json_string_value(json_object_get(jwk, "x"))),
		der + sizeof(prefix), 32, &len) < 0 ||
	    base64url_decode(slice_text(json_string_value(json_object_get(jwk, "y"))),
		der + sizeof(prefix) + 32, 32, &len) < 0)
		abort();
	(void)base64_encode(der, sizeof(der), text);
	(void)snprintf(pem, sizeof(pem),
	    "-----BEGIN PUBLIC KEY-----\n%.64s\n%s\n-----END PUBLIC KEY-----\n", text, text + 64);
	if (jws_key_public(slice_text(pem), &made) < 0)
		abort();
	return made;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	json_t *keys = json_array(), *vector, *file = vectors_load("jws.json");
	char *text;
	size_t i;

	(void)argc;
	(void)argv;
	vectors = json_incref(json_object_get(file, "vectors"));
	json_decref(file);
	json_array_foreach(vectors, i, vector)
	{
		json_t *jwk = json_object_get(vector, "jwk");
		const char *crv = json_string_value(json_object_get(jwk, "crv"));

		(void)json_array_append(keys, jwk);
		if (!key && crv && strcmp(crv, "P-256") == 0)
			key = key_of(jwk);
	}
	keys = json_pack("{s:o}", "keys", keys);
	text = json_dumps(keys, 0);
	if (!key || jwks_parse(slice_text(text), &set) < 0)
		abort();
	free(text);
	json_decref(keys);
	return 0;
}

/* Header and payload: what a signature is over. */
static struct slice signed_part(struct slice token)
{
	const char *dot = memrchr(token.ptr, '.', token.len);

	return slice_make(token.ptr, dot ? (size_t)(dot - token.ptr) : 0);
}

static bool was_signed(struct slice token)
{
	const json_t *vector;
	size_t i;

	json_array_foreach(vectors, i, vector)
	{
		struct slice known =
		    slice_text(json_string_value(json_object_get(vector, "token")));
		if (slice_equal(signed_part(known), signed_part(token)))
			return true;
	}
	return false;
}

static void one_token(struct slice token)
{
	json_t *claims = NULL;
	uint8_t *bytes = NULL;
	size_t len = 0;

	if (jws_verify(key, token, &claims) == 0)
		assert(was_signed(token) && json_is_object(claims));
	else
		assert(!claims);
	json_decref(claims);
	claims = NULL;
	if (jwks_open(set, token, &bytes, &len) == 0)
		assert(was_signed(token) && bytes);
	else
		assert(!bytes);
	free(bytes);
	if (jwks_verify(set, token, &claims) == 0)
		assert(was_signed(token) && json_is_object(claims));
	else
		assert(!claims);
	json_decref(claims);
}

/* A set of anybody's keys, then a newline, then a token of nobody's. */
static void one_set(struct slice text)
{
	const char *lf = text.len > 0 ? memrchr(text.ptr, '\n', text.len) : NULL;
	struct slice json = slice_make(text.ptr, lf ? (size_t)(lf - text.ptr) : text.len);
	struct slice token = lf ? slice_make(lf + 1, text.len - json.len - 1) : slice_text("");
	struct jwks *jwks = NULL;
	uint8_t *bytes = NULL;
	size_t len;

	if (jwks_parse(json, &jwks) < 0) {
		assert(!jwks);
		return;
	}
	if (jwks_open(jwks, token, &bytes, &len) == 0)
		assert(was_signed(token));
	free(bytes);
	jwks_free(jwks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy;
	struct slice text;

	if (size < 1)
		return 0;
	copy = malloc(size); /* of exactly this length behind its first byte, for the sanitizer */
	assert(copy);
	memcpy(copy, data, size);
	text = slice_make(copy + 1, size - 1);
	if (data[0] == 's')
		one_set(text);
	else
		one_token(text);
	free(copy);
	return 0;
}
