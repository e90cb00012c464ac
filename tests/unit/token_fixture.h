/* The other side of crypto/jwks, with OpenSSL alone: keys as JWKs, and tokens with any header over
 * any payload. */
#ifndef TALLYD_TESTS_TOKEN_FIXTURE_H
#define TALLYD_TESTS_TOKEN_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/encode.h"

#define FIXTURE_BYTES 2048

static inline void fixture_must(bool good, const char *what)
{
	if (!good) {
		(void)fprintf(stderr, "fixture: %s\n", what);
		abort();
	}
}

static inline char *fixture_base64url(const void *bytes, size_t len)
{
	char *text = malloc(BASE64_SIZE(len));

	fixture_must(text != NULL, "memory");
	(void)base64url_encode(bytes, len, text);
	return text;
}

/* Bytes of a coordinate; 0: an RSA key. */
static inline int fixture_coordinate(const EVP_PKEY *pkey)
{
	return EVP_PKEY_is_a(pkey, "EC") ? (EVP_PKEY_get_bits(pkey) + 7) / 8 : 0;
}

static inline void fixture_number(
    json_t *jwk, const char *name, const EVP_PKEY *pkey, const char *param, int width)
{
	uint8_t bytes[FIXTURE_BYTES];
	BIGNUM *number = NULL;
	char *text;

	fixture_must(EVP_PKEY_get_bn_param(pkey, param, &number) == 1, param);
	width = width ? width : BN_num_bytes(number);
	fixture_must(BN_bn2binpad(number, bytes, width) == width, "width");
	text = fixture_base64url(bytes, (size_t)width);
	(void)json_object_set_new(jwk, name, json_string(text));
	free(text);
	BN_free(number);
}

/* The public half. kid NULL: without. */
static inline json_t *fixture_jwk(const EVP_PKEY *pkey, const char *kid)
{
	json_t *jwk = json_object();
	int width = fixture_coordinate(pkey);

	if (kid)
		(void)json_object_set_new(jwk, "kid", json_string(kid));
	(void)json_object_set_new(jwk, "kty", json_string(width ? "EC" : "RSA"));
	if (width) {
		(void)json_object_set_new(jwk, "crv",
		    json_string(width == 32   ? "P-256"
				: width == 48 ? "P-384"
					      : "P-521"));
		fixture_number(jwk, "x", pkey, OSSL_PKEY_PARAM_EC_PUB_X, width);
		fixture_number(jwk, "y", pkey, OSSL_PKEY_PARAM_EC_PUB_Y, width);
	} else {
		fixture_number(jwk, "n", pkey, OSSL_PKEY_PARAM_RSA_N, 0);
		fixture_number(jwk, "e", pkey, OSSL_PKEY_PARAM_RSA_E, 0);
	}
	return jwk;
}

/* R and S side by side, of a signature in DER. */
static inline size_t fixture_halves(uint8_t *bytes, size_t len, int width)
{
	const unsigned char *at = bytes;
	ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)len);

	fixture_must(signature != NULL, "an ECDSA signature");
	(void)BN_bn2binpad(ECDSA_SIG_get0_r(signature), bytes, width);
	(void)BN_bn2binpad(ECDSA_SIG_get0_s(signature), bytes + width, width);
	ECDSA_SIG_free(signature);
	return 2 * (size_t)width;
}

/* A token whose header and payload are these texts; signed as `alg` says, whatever the header
 * says. The caller frees it. */
static inline char *fixture_token(
    EVP_PKEY *pkey, const char *alg, const char *header, const char *payload)
{
	char digest[16], *first = fixture_base64url(header, strlen(header));
	char *second = fixture_base64url(payload, strlen(payload)), *third;
	size_t room = strlen(first) + strlen(second) + FIXTURE_BYTES, len = FIXTURE_BYTES;
	uint8_t signature[FIXTURE_BYTES];
	char *token = malloc(room);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options = NULL;

	(void)snprintf(digest, sizeof(digest), "SHA%s", alg + 2);
	(void)snprintf(token, room, "%s.%s", first, second);
	fixture_must(
	    EVP_DigestSignInit_ex(context, &options, digest, NULL, NULL, pkey, NULL) == 1, "sign");
	if (alg[0] == 'P') {
		(void)EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
		(void)EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
	}
	fixture_must(
	    EVP_DigestSign(context, signature, &len, (const uint8_t *)token, strlen(token)) == 1,
	    "sign");
	if (alg[0] == 'E')
		len = fixture_halves(signature, len, fixture_coordinate(pkey));
	third = fixture_base64url(signature, len);
	(void)snprintf(token + strlen(token), room - strlen(token), ".%s", third);
	EVP_MD_CTX_free(context);
	free(first);
	free(second);
	free(third);
	return token;
}

#endif
