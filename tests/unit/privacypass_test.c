/* crypto/privacypass: the five vectors of RFC 9578 appendix B.2 byte for byte, key id included, and
 * the challenge of a round. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/bn.h>

#include "crypto/digest.h"
#include "crypto/privacypass.h"
#include "vectors.h"

struct issuer {
	struct blindrsa_private *private;
	struct blindrsa_public *public;
	uint8_t spki[PP_SPKI_MAX];
	size_t spki_len;
	uint8_t key_id[PP_KEY_ID_SIZE];
};

static struct issuer issuer_of(const json_t *file)
{
	struct bytes pem = vector_bytes(file, "skS");
	struct issuer issuer = {0};

	assert_int_equal(blindrsa_private_from_pem(bytes_slice(&pem), &issuer.private), 0);
	assert_int_equal(blindrsa_public_of(issuer.private, &issuer.public), 0);
	issuer.spki_len = pp_spki(issuer.public, issuer.spki);
	pp_key_id(issuer.public, issuer.key_id);
	return issuer;
}

static void issuer_release(struct issuer *issuer)
{
	blindrsa_private_free(issuer->private);
	blindrsa_public_free(issuer->public);
}

static void key_and_id(void **state)
{
	(void)state;
	json_t *file = vectors_load("rfc9578.json");
	struct issuer issuer = issuer_of(file);
	struct bytes pks = vector_bytes(file, "pkS"), id = vector_bytes(file, "token_key_id");

	assert_int_equal(issuer.spki_len, 342);
	assert_int_equal(pks.len, 342);
	assert_memory_equal(issuer.spki, pks.data, 342);
	assert_memory_equal(issuer.key_id, id.data, PP_KEY_ID_SIZE);
	issuer_release(&issuer);
	json_decref(file);
}

/* The vectors give r, blindrsa_blind() takes its inverse. */
static void invert(const struct bytes *blind, const uint8_t *spki, uint8_t ret[BLINDRSA_BYTES])
{
	BN_CTX *scratch = BN_CTX_new();
	/* The modulus is the 256 bytes before the exponent's five. */
	BIGNUM *n = BN_bin2bn(spki + 342 - 5 - BLINDRSA_BYTES, BLINDRSA_BYTES, NULL);
	BIGNUM *r = BN_bin2bn(blind->data, (int)blind->len, NULL);

	assert_non_null(BN_mod_inverse(r, r, n, scratch));
	assert_int_equal(BN_bn2binpad(r, ret, BLINDRSA_BYTES), BLINDRSA_BYTES);
	BN_free(n);
	BN_free(r);
	BN_CTX_free(scratch);
}

static void one_vector(const struct issuer *issuer, const json_t *v)
{
	struct bytes challenge = vector_bytes(v, "token_challenge"),
		     nonce = vector_bytes(v, "nonce");
	struct bytes blind = vector_bytes(v, "blind"), salt = vector_bytes(v, "salt");
	struct bytes request = vector_bytes(v, "token_request");
	struct bytes response = vector_bytes(v, "token_response"), token = vector_bytes(v, "token");
	uint8_t digest[32], made[PP_TOKEN_SIZE], inverse[BLINDRSA_BYTES], given[BLINDRSA_BYTES];
	uint8_t blinded[BLINDRSA_BYTES], signature[BLINDRSA_BYTES];
	struct pp_token_request read_request;
	struct pp_token read_token;
	struct slice input = slice_make(made, PP_TOKEN_INPUT_SIZE);

	sha256(bytes_slice(&challenge), digest);
	pp_token_input(nonce.data, digest, issuer->key_id, made);
	invert(&blind, issuer->spki, given);
	assert_int_equal(blindrsa_blind(issuer->public, input, bytes_slice(&salt),
			     slice_make(given, sizeof(given)), blinded, inverse),
	    0);

	assert_int_equal(pp_token_request_read(bytes_slice(&request), &read_request), 0);
	assert_int_equal(read_request.type, PP_TOKEN_TYPE);
	assert_int_equal(read_request.truncated_key_id, issuer->key_id[PP_KEY_ID_SIZE - 1]);
	assert_true(slice_equal(read_request.blinded, slice_make(blinded, sizeof(blinded))));

	assert_int_equal(blindrsa_sign(issuer->private, read_request.blinded, signature), 0);
	assert_int_equal(response.len, PP_TOKEN_RESPONSE_SIZE);
	assert_memory_equal(signature, response.data, sizeof(signature));

	assert_int_equal(blindrsa_finalize(issuer->public, input, bytes_slice(&response),
			     slice_make(inverse, sizeof(inverse)), made + PP_TOKEN_INPUT_SIZE),
	    0);
	assert_int_equal(token.len, PP_TOKEN_SIZE);
	assert_memory_equal(made, token.data, PP_TOKEN_SIZE);

	assert_int_equal(pp_token_read(bytes_slice(&token), &read_token), 0);
	assert_int_equal(read_token.type, PP_TOKEN_TYPE);
	assert_true(slice_equal(read_token.nonce, bytes_slice(&nonce)));
	assert_true(slice_equal(read_token.challenge_digest, slice_make(digest, sizeof(digest))));
	assert_true(slice_equal(read_token.key_id, slice_make(issuer->key_id, PP_KEY_ID_SIZE)));
	assert_true(blindrsa_verify(issuer->public, read_token.input, read_token.authenticator));
}

static void rfc9578(void **state)
{
	(void)state;
	json_t *file = vectors_load("rfc9578.json");
	struct issuer issuer = issuer_of(file);
	const json_t *vectors = json_object_get(file, "vectors");

	assert_int_equal(json_array_size(vectors), 5);
	for (size_t i = 0; i < json_array_size(vectors); i++)
		one_vector(&issuer, json_array_get(vectors, i));
	issuer_release(&issuer);
	json_decref(file);
}

/* The challenges of the vectors, built from their parts. */
static void challenges(void **state)
{
	(void)state;
	json_t *file = vectors_load("rfc9578.json");
	const json_t *vectors = json_object_get(file, "vectors");
	uint8_t context[32];
	size_t context_len;
	const struct {
		bool context;
		const char *origin;
	} parts[] = {{true, "origin.example"}, {false, "origin.example"},
	    {false, "foo.example,bar.example"}, {false, ""}, {true, ""}};

	assert_int_equal(
	    hex_decode(
		slice_text("8e7acc900e393381e8810b7c9e4a68b5163f1f880ab6688a6ffe780923609e88"),
		context, sizeof(context), &context_len),
	    0);
	for (size_t i = 0; i < 5; i++) {
		struct bytes expected = vector_bytes(json_array_get(vectors, i), "token_challenge");
		uint8_t made[PP_CHALLENGE_MAX];
		size_t len = 0;
		assert_int_equal(
		    pp_challenge("issuer.example", slice_make(context, parts[i].context ? 32 : 0),
			parts[i].origin, made, &len),
		    0);
		assert_int_equal(len, expected.len);
		assert_memory_equal(made, expected.data, len);
	}
	json_decref(file);
}

static void challenges_refused(void **state)
{
	(void)state;
	uint8_t made[PP_CHALLENGE_MAX], context[33] = {0};
	char name[PP_CHALLENGE_MAX + 1];
	size_t len = 0;
	const size_t room = PP_CHALLENGE_MAX - 2 - 2 - 1 - 32 - 2;

	memset(name, 'a', sizeof(name));
	name[PP_CHALLENGE_MAX] = 0;
	assert_int_equal(pp_challenge("", slice_make(context, 32), "o", made, &len), -EINVAL);
	assert_int_equal(pp_challenge("i", slice_make(context, 31), "o", made, &len), -EINVAL);
	assert_int_equal(pp_challenge("i", slice_make(context, 33), "o", made, &len), -EINVAL);
	assert_int_equal(pp_challenge(name, slice_make(context, 32), "", made, &len), -EINVAL);
	name[room + 1] = 0;
	assert_int_equal(pp_challenge(name, slice_make(context, 32), "", made, &len), -EINVAL);
	name[room] = 0;
	assert_int_equal(pp_challenge(name, slice_make(context, 32), "", made, &len), 0);
	assert_int_equal(len, PP_CHALLENGE_MAX);
}

/* Real and rehearsal, other contests and other keys never share a context. */
static void redemption_contexts(void **state)
{
	(void)state;
	uint8_t key_id[PP_KEY_ID_SIZE] = {1};
	uint8_t context[32], other[32], expected[32];

	pp_redemption_context("kai", 0, key_id, context);
	sha256_parts((struct slice[]){slice_text("tallyd challenge v1\nkai\nreal\n"),
			 slice_make(key_id, sizeof(key_id))},
	    2, expected);
	assert_memory_equal(context, expected, 32);
	pp_redemption_context("kai", 1, key_id, other);
	sha256_parts((struct slice[]){slice_text("tallyd challenge v1\nkai\nrehearsal\n"),
			 slice_make(key_id, sizeof(key_id))},
	    2, expected);
	assert_memory_equal(other, expected, 32);
	assert_memory_not_equal(context, other, 32);
	pp_redemption_context("kaj", 0, key_id, other);
	assert_memory_not_equal(context, other, 32);
	key_id[31] = 1;
	pp_redemption_context("kai", 0, key_id, other);
	assert_memory_not_equal(context, other, 32);
}

static void wrong_lengths(void **state)
{
	(void)state;
	uint8_t bytes[400] = {0};
	struct pp_token token;
	struct pp_token_request request;

	for (size_t len = 0; len < sizeof(bytes); len++) {
		assert_int_equal(pp_token_read(slice_make(bytes, len), &token),
		    len == PP_TOKEN_SIZE ? 0 : -EINVAL);
		assert_int_equal(pp_token_request_read(slice_make(bytes, len), &request),
		    len == PP_TOKEN_REQUEST_SIZE ? 0 : -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(key_and_id),
	    cmocka_unit_test(rfc9578),
	    cmocka_unit_test(challenges),
	    cmocka_unit_test(challenges_refused),
	    cmocka_unit_test(redemption_contexts),
	    cmocka_unit_test(wrong_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
