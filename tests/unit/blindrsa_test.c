/* crypto/blindrsa: RFC 9474 appendix A.3 byte for byte, agreement with OpenSSL's own PSS, round
 * trips, and everything that must not verify or be signed. */
#include <errno.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "crypto/blindrsa.h"
#include "vectors.h"

static struct blindrsa_private *private;
static struct blindrsa_public *public;
static const struct slice none;

static int make_key(void **state)
{
	(void)state;
	return blindrsa_generate(&private) < 0 || blindrsa_public_of(private, &public) < 0;
}

static int drop_key(void **state)
{
	(void)state;
	blindrsa_private_free(private);
	blindrsa_public_free(public);
	return 0;
}

static void rfc9474(void **state)
{
	(void)state;
	json_t *file = vectors_load("rfc9474.json");
	const json_t *v = json_array_get(json_object_get(file, "vectors"), 0);
	struct bytes n = vector_bytes(v, "n"), e = vector_bytes(v, "e"), d = vector_bytes(v, "d");
	struct bytes p = vector_bytes(v, "p"), q = vector_bytes(v, "q");
	struct bytes message = vector_bytes(v, "prepared_msg"), salt = vector_bytes(v, "salt");
	struct bytes inv = vector_bytes(v, "inv"), blinded = vector_bytes(v, "blinded_msg");
	struct bytes blind_sig = vector_bytes(v, "blind_sig"), sig = vector_bytes(v, "sig");
	struct blindrsa_private *key = NULL;
	struct blindrsa_public *pub = NULL;
	uint8_t out[BLINDRSA_BYTES_MAX], inverse[BLINDRSA_BYTES_MAX];

	assert_int_equal(blindrsa_private_from_parts(bytes_slice(&n), bytes_slice(&e),
			     bytes_slice(&d), bytes_slice(&p), bytes_slice(&q), &key),
	    0);
	assert_int_equal(blindrsa_public_from_parts(bytes_slice(&n), bytes_slice(&e), &pub), 0);
	assert_int_equal(blindrsa_size(pub), 512);

	assert_int_equal(blindrsa_blind(pub, bytes_slice(&message), bytes_slice(&salt),
			     bytes_slice(&inv), out, inverse),
	    0);
	assert_memory_equal(out, blinded.data, 512);
	assert_memory_equal(inverse, inv.data, 512);
	assert_int_equal(blindrsa_sign(key, bytes_slice(&blinded), out), 0);
	assert_memory_equal(out, blind_sig.data, 512);
	assert_int_equal(blindrsa_finalize(pub, bytes_slice(&message), bytes_slice(&blind_sig),
			     bytes_slice(&inv), out),
	    0);
	assert_memory_equal(out, sig.data, 512);
	assert_true(blindrsa_verify(pub, bytes_slice(&message), bytes_slice(&sig)));

	/* parts that do not belong together */
	d.data[100] ^= 1;
	blindrsa_private_free(key);
	assert_int_equal(blindrsa_private_from_parts(bytes_slice(&n), bytes_slice(&e),
			     bytes_slice(&d), bytes_slice(&p), bytes_slice(&q), &key),
	    -EINVAL);
	blindrsa_public_free(pub);
	json_decref(file);
}

static void round_trips(void **state)
{
	(void)state;
	srandom(test_seed());
	for (int i = 0; i < 40; i++) {
		uint8_t message[300], blinded[BLINDRSA_BYTES], inverse[BLINDRSA_BYTES];
		uint8_t blind_signature[BLINDRSA_BYTES], signature[BLINDRSA_BYTES];
		struct slice text = slice_make(message, (size_t)random() % sizeof(message));

		for (size_t j = 0; j < text.len; j++)
			message[j] = (uint8_t)random();
		assert_int_equal(blindrsa_blind(public, text, none, none, blinded, inverse), 0);
		assert_int_equal(
		    blindrsa_sign(private, slice_make(blinded, BLINDRSA_BYTES), blind_signature),
		    0);
		assert_int_equal(
		    blindrsa_finalize(public, text, slice_make(blind_signature, BLINDRSA_BYTES),
			slice_make(inverse, BLINDRSA_BYTES), signature),
		    0);
		assert_true(blindrsa_verify(public, text, slice_make(signature, BLINDRSA_BYTES)));
		assert_false(
		    blindrsa_verify(public, text, slice_make(blind_signature, BLINDRSA_BYTES)));
		/* a signer who cheats is noticed */
		blind_signature[random() % BLINDRSA_BYTES] ^= (uint8_t)(1 << random() % 8);
		assert_int_equal(
		    blindrsa_finalize(public, text, slice_make(blind_signature, BLINDRSA_BYTES),
			slice_make(inverse, BLINDRSA_BYTES), signature),
		    -EINVAL);
	}
}

/* No single flipped bit of message or signature verifies. */
static void flipped_bits(void **state)
{
	(void)state;
	uint8_t message[98] = {7}, signature[BLINDRSA_BYTES];
	struct slice text = slice_make(message, sizeof(message));
	struct slice sig = slice_make(signature, sizeof(signature));

	assert_int_equal(blindrsa_sign_message(private, text, signature), 0);
	assert_true(blindrsa_verify(public, text, sig));
	for (size_t bit = 0; bit < 8 * sizeof(message); bit++) {
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(blindrsa_verify(public, text, sig));
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof(signature); bit++) {
		signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(blindrsa_verify(public, text, sig));
		signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(blindrsa_verify(public, text, sig));
	assert_false(blindrsa_verify(public, text, slice_make(signature, sizeof(signature) - 1)));
	assert_false(blindrsa_verify(public, text, none));
	assert_false(blindrsa_verify(public, none, sig));
}

static void modulus(const struct blindrsa_public *key, uint8_t ret_n[BLINDRSA_BYTES])
{
	uint8_t der[BLINDRSA_DER_MAX];
	size_t len = blindrsa_public_der(key, der);

	/* SEQUENCE, INTEGER n with a leading zero, INTEGER 65537 */
	assert_int_equal(len, 270);
	memcpy(ret_n, der + 9, BLINDRSA_BYTES);
}

static void above_the_modulus(void **state)
{
	(void)state;
	uint8_t n[BLINDRSA_BYTES], out[BLINDRSA_BYTES], last[BLINDRSA_BYTES];
	uint8_t all_ones[BLINDRSA_BYTES];

	modulus(public, n);
	memset(all_ones, 0xff, sizeof(all_ones));
	assert_int_equal(blindrsa_sign(private, slice_make(n, sizeof(n)), out), -EINVAL);
	assert_int_equal(
	    blindrsa_sign(private, slice_make(all_ones, sizeof(all_ones)), out), -EINVAL);
	memcpy(last, n, sizeof(n));
	last[BLINDRSA_BYTES - 1] ^= 1; /* n is odd: this is n - 1, the last that is signed */
	assert_int_equal(blindrsa_sign(private, slice_make(last, sizeof(last)), out), 0);
	assert_memory_equal(out, last, sizeof(last)); /* (-1)^d = -1 */
	assert_int_equal(blindrsa_sign(private, slice_make(n, sizeof(n) - 1), out), -EINVAL);
	assert_false(blindrsa_verify(public, none, slice_make(n, sizeof(n))));
	assert_false(blindrsa_verify(public, none, slice_make(all_ones, sizeof(all_ones))));
}

/* A signature s and s + n are the same number: only the smaller may verify, or a token had two. */
static void no_second_form(void **state)
{
	(void)state;
	uint8_t n[BLINDRSA_BYTES], signature[BLINDRSA_BYTES];
	struct slice text = slice_text("text");
	int tried = 0;

	modulus(public, n);
	while (tried < 3) {
		unsigned carry = 0;
		assert_int_equal(blindrsa_sign_message(private, text, signature), 0);
		for (size_t i = BLINDRSA_BYTES; i-- > 0;) {
			carry += (unsigned)signature[i] + n[i];
			signature[i] = (uint8_t)carry;
			carry >>= 8;
		}
		if (carry != 0)
			continue; /* does not fit in as many bytes */
		tried++;
		assert_false(
		    blindrsa_verify(public, text, slice_make(signature, sizeof(signature))));
	}
}

static EVP_PKEY_CTX *openssl_pss(EVP_PKEY *pkey, bool sign, int salt)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pkey, NULL);

	assert_true((sign ? EVP_PKEY_sign_init(context) : EVP_PKEY_verify_init(context)) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0);
	assert_true(EVP_PKEY_CTX_set_signature_md(context, EVP_sha384()) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha384()) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, salt) > 0);
	return context;
}

static EVP_PKEY *openssl_key(void)
{
	char pem[BLINDRSA_PEM_MAX];
	BIO *bio;
	EVP_PKEY *pkey;

	assert_int_equal(blindrsa_private_to_pem(private, pem, sizeof(pem)), 0);
	bio = BIO_new_mem_buf(pem, -1);
	pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	assert_non_null(pkey);
	BIO_free(bio);
	return pkey;
}

/* OpenSSL's PSS takes ours, and ours takes OpenSSL's, but for another length of the salt. */
static void agrees_with_openssl(void **state)
{
	(void)state;
	EVP_PKEY *pkey = openssl_key();
	uint8_t digest[48], signature[BLINDRSA_BYTES];
	size_t len = sizeof(signature);
	EVP_PKEY_CTX *context;

	assert_true(EVP_Digest("text", 4, digest, NULL, EVP_sha384(), NULL));
	assert_int_equal(blindrsa_sign_message(private, slice_text("text"), signature), 0);
	context = openssl_pss(pkey, false, 48);
	assert_int_equal(EVP_PKEY_verify(context, signature, len, digest, sizeof(digest)), 1);
	EVP_PKEY_CTX_free(context);
	for (int salt = 47; salt <= 49; salt++) {
		context = openssl_pss(pkey, true, salt);
		len = sizeof(signature);
		assert_true(EVP_PKEY_sign(context, signature, &len, digest, sizeof(digest)) > 0);
		assert_int_equal(
		    blindrsa_verify(public, slice_text("text"), slice_make(signature, len)),
		    salt == 48);
		EVP_PKEY_CTX_free(context);
	}
	EVP_PKEY_free(pkey);
}

static void pem(void **state)
{
	(void)state;
	char text[BLINDRSA_PEM_MAX], again[BLINDRSA_PEM_MAX];
	struct blindrsa_private *key = NULL;
	struct blindrsa_public *pub = NULL;
	uint8_t signature[BLINDRSA_BYTES];

	assert_int_equal(blindrsa_private_to_pem(private, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "BEGIN PRIVATE KEY"));
	assert_int_equal(blindrsa_private_from_pem(slice_text(text), &key), 0);
	assert_int_equal(blindrsa_private_to_pem(key, again, sizeof(again)), 0);
	assert_string_equal(again, text);
	assert_int_equal(blindrsa_public_from_pem(slice_text(text), &pub), -EINVAL);
	assert_int_equal(blindrsa_private_to_pem(private, again, 100), -ENOBUFS);

	assert_int_equal(blindrsa_public_to_pem(public, text, sizeof(text)), 0);
	assert_int_equal(blindrsa_private_from_pem(slice_text(text), &key), -EINVAL);
	assert_int_equal(blindrsa_public_from_pem(slice_text(text), &pub), 0);
	assert_int_equal(blindrsa_sign_message(key, slice_text("x"), signature), 0);
	assert_true(
	    blindrsa_verify(pub, slice_text("x"), slice_make(signature, sizeof(signature))));
	blindrsa_public_free(pub);
	assert_int_equal(blindrsa_public_from_pem(slice_text("junk"), &pub), -EINVAL);
	assert_int_equal(blindrsa_public_from_pem(none, &pub), -EINVAL);
	blindrsa_private_free(key);
}

/* Restricted to PSS, too short, another exponent, not RSA: not keys of ours. */
static void wrong_keys(void **state)
{
	(void)state;
	const struct {
		const char *type;
		unsigned bits;
		unsigned e;
	} kinds[] = {
	    {"RSA-PSS", 2048, 65537}, {"RSA", 1024, 65537}, {"RSA", 2048, 3}, {"ED25519", 0, 0}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kinds[i].type, NULL);
		BIO *bio = BIO_new(BIO_s_mem());
		BIGNUM *e = BN_new();
		EVP_PKEY *pkey = NULL;
		struct blindrsa_private *key = NULL;
		char *text;
		long len;

		assert_true(EVP_PKEY_keygen_init(context) > 0 && BN_set_word(e, kinds[i].e));
		if (kinds[i].bits) {
			assert_true(
			    EVP_PKEY_CTX_set_rsa_keygen_bits(context, (int)kinds[i].bits) > 0);
			assert_true(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, e) > 0);
		}
		assert_true(EVP_PKEY_generate(context, &pkey) > 0);
		assert_true(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL));
		len = BIO_get_mem_data(bio, &text);
		assert_int_equal(
		    blindrsa_private_from_pem(slice_make(text, (size_t)len), &key), -EINVAL);
		BN_free(e);
		BIO_free(bio);
		EVP_PKEY_free(pkey);
		EVP_PKEY_CTX_free(context);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rfc9474),
	    cmocka_unit_test(round_trips),
	    cmocka_unit_test(flipped_bits),
	    cmocka_unit_test(above_the_modulus),
	    cmocka_unit_test(no_second_form),
	    cmocka_unit_test(agrees_with_openssl),
	    cmocka_unit_test(pem),
	    cmocka_unit_test(wrong_keys),
	};

	return cmocka_run_group_tests(tests, make_key, drop_key);
}
