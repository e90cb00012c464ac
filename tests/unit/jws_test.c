/* crypto/jws: the published ES256 vector, the way there and back, and everything else refused. */
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

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include "base/encode.h"
#include "crypto/jws.h"

/* RFC 7515 appendix A.3: header, payload, signature; and its key (x | y) as SubjectPublicKeyInfo.
 */
#define A3_HEADER "eyJhbGciOiJFUzI1NiJ9"
#define A3_PAYLOAD                                                                                 \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0" \
	"cnVlfQ"
#define A3_SIGNATURE                                                                               \
	"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define A3_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define A3_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"

static const uint8_t p256_prefix[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    0x04};

static struct jws_key *key, *public_key;
static char public_pem[1000];
static EVP_PKEY *raw_pkey;
static char *good; /* a token of `key` */

static size_t pem_of(EVP_PKEY *pkey, bool private, char *ret_pem, size_t cap)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes;
	size_t len;

	assert_int_equal(private ? PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL)
				 : PEM_write_bio_PUBKEY(bio, pkey),
	    1);
	len = (size_t)BIO_get_mem_data(bio, &bytes);
	assert_true(len < cap);
	memcpy(ret_pem, bytes, len);
	ret_pem[len] = '\0';
	BIO_free(bio);
	return len;
}

static int make_keys(void **state)
{
	char pem[2000];
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	json_t *claims = json_pack("{s:s, s:i}", "sub", "expert-1", "exp", 5);

	(void)state;
	(void)pem_of(pkey, true, pem, sizeof(pem));
	assert_int_equal(jws_key_private(slice_text(pem), &key), 0);
	(void)pem_of(pkey, false, public_pem, sizeof(public_pem));
	assert_int_equal(jws_key_public(slice_text(public_pem), &public_key), 0);
	EVP_PKEY_free(pkey);
	good = jws_sign(key, claims);
	assert_non_null(good);
	json_decref(claims);
	return 0;
}

static int drop_keys(void **state)
{
	(void)state;
	jws_key_free(key);
	jws_key_free(public_key);
	free(good);
	return 0;
}

static void published_vector_verifies(void **state)
{
	uint8_t der[sizeof(p256_prefix) + 64];
	const unsigned char *at = der;
	size_t len;
	char pem[400];
	struct jws_key *a3 = NULL;
	json_t *claims = NULL;
	EVP_PKEY *pkey;

	(void)state;
	memcpy(der, p256_prefix, sizeof(p256_prefix));
	assert_int_equal(base64url_decode(slice_text(A3_X), der + 27, 32, &len), 0);
	assert_int_equal(base64url_decode(slice_text(A3_Y), der + 59, 32, &len), 0);
	pkey = d2i_PUBKEY(NULL, &at, sizeof(der));
	assert_non_null(pkey);
	(void)pem_of(pkey, false, pem, sizeof(pem));
	EVP_PKEY_free(pkey);
	assert_int_equal(jws_key_public(slice_text(pem), &a3), 0);
	assert_int_equal(
	    jws_verify(a3, slice_text(A3_HEADER "." A3_PAYLOAD "." A3_SIGNATURE), &claims), 0);
	assert_string_equal(json_string_value(json_object_get(claims, "iss")), "joe");
	assert_int_equal(json_integer_value(json_object_get(claims, "exp")), 1300819380);
	json_decref(claims);
	/* another key's signature */
	assert_int_equal(
	    jws_verify(public_key, slice_text(A3_HEADER "." A3_PAYLOAD "." A3_SIGNATURE), &claims),
	    -EBADMSG);
	jws_key_free(a3);
}

static void there_and_back(void **state)
{
	json_t *claims = NULL;
	json_t *sent = json_pack("{s:s, s:I}", "name", "김하늘", "iat", (json_int_t)1766275200);
	char *token = jws_sign(key, sent);

	(void)state;
	assert_non_null(token);
	assert_null(strchr(token, '='));
	assert_int_equal(jws_verify(public_key, slice_text(token), &claims), 0);
	assert_true(json_equal(sent, claims));
	json_decref(claims);
	assert_int_equal(jws_verify(key, slice_text(token), &claims), 0); /* it holds both halves */
	json_decref(claims);
	assert_null(jws_sign(public_key, sent));
	free(token);
	json_decref(sent);
}

static void assert_refused(const char *token, const char *what)
{
	json_t *claims = NULL;
	int r = jws_verify(public_key, slice_text(token), &claims);

	if (r != -EBADMSG || claims != NULL)
		fail_msg("%s: %d: %s", what, r, token);
}

/* Every character of a token replaced by every digit of its alphabet, and some that are none. */
static void every_change_is_noticed(void **state)
{
	static const char others[] = "A-_z9.=+/ \n";
	char *token = strdup(good);
	size_t changes = 0;

	(void)state;
	for (size_t i = 0; token[i] != '\0'; i++)
		for (const char *other = others; *other != '\0'; other++) {
			char was = token[i];
			if (*other == was)
				continue;
			token[i] = *other;
			assert_refused(token, "changed");
			token[i] = was;
			changes++;
		}
	assert_true(changes > 1000);
	free(token);
}

static void truncated_and_extended(void **state)
{
	char longer[JWS_MAX + 2];
	json_t *claims = NULL;

	(void)state;
	for (size_t len = 0; len < strlen(good); len++)
		assert_int_equal(jws_verify(public_key, slice_make(good, len), &claims), -EBADMSG);
	(void)snprintf(longer, sizeof(longer), "%s.", good);
	assert_refused(longer, "a fourth part");
	(void)snprintf(longer, sizeof(longer), ".%s", good);
	assert_refused(longer, "an empty part before");
	(void)snprintf(longer, sizeof(longer), "%s=", good);
	assert_refused(longer, "padding");
	(void)snprintf(longer, sizeof(longer), " %s", good);
	assert_refused(longer, "a space");
	memset(longer, 'A', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	memcpy(longer, good, strlen(good));
	assert_refused(longer, "oversize");
}

/* Signs any header over any payload with the very key, as an attacker who had it could. */
static char *sign_raw(const char *header, const char *payload)
{
	char *token = malloc(JWS_MAX), first[1000], second[2000];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t der[80], raw[64] = {0};
	size_t len = sizeof(der);
	const unsigned char *at = der;
	ECDSA_SIG *signature;

	(void)base64url_encode(header, strlen(header), first);
	(void)base64url_encode(payload, strlen(payload), second);
	(void)snprintf(token, JWS_MAX, "%s.%s", first, second);
	assert_int_equal(
	    EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, raw_pkey, NULL), 1);
	assert_int_equal(
	    EVP_DigestSign(context, der, &len, (const uint8_t *)token, strlen(token)), 1);
	signature = d2i_ECDSA_SIG(NULL, &at, (long)len);
	assert_non_null(signature);
	(void)BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, 32);
	(void)BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + 32, 32);
	ECDSA_SIG_free(signature);
	EVP_MD_CTX_free(context);
	(void)base64url_encode(raw, sizeof(raw), first);
	(void)snprintf(token + strlen(token), JWS_MAX - strlen(token), ".%s", first);
	return token;
}

/* Right signatures under wrong headers, and over what are no claims. */
static void only_plain_headers(void **state)
{
	static const struct {
		const char *header, *payload;
		bool taken;
	} rows[] = {
	    {"{\"alg\":\"ES256\"}", "{}", true},
	    {"{\"typ\":\"JWT\",\"alg\":\"ES256\",\"kid\":\"k\"}", "{\"a\":1}", true},
	    {"{\"alg\":\"none\"}", "{}", false},
	    {"{\"alg\":\"es256\"}", "{}", false},
	    {"{\"alg\":\"ES384\"}", "{}", false},
	    {"{\"alg\":\"HS256\"}", "{}", false},
	    {"{\"alg\":\"RS256\"}", "{}", false},
	    {"{\"alg\":[\"ES256\"]}", "{}", false},
	    {"{\"alg\":\"ES256\",\"alg\":\"ES256\"}", "{}", false},
	    {"{\"alg\":\"ES256\",\"crit\":[\"exp\"],\"exp\":1}", "{}", false},
	    {"{\"alg\":\"ES256\",\"crit\":[]}", "{}", false},
	    {"{\"alg\":\"ES256\",\"b64\":false}", "{}", false},
	    {"{\"alg\":\"ES256\",\"jwk\":{}}", "{}", false},
	    {"{\"alg\":\"ES256\",\"jku\":\"https://evil.example/\"}", "{}", false},
	    {"{\"alg\":\"ES256\",\"x5c\":[]}", "{}", false},
	    {"{\"alg\":\"ES256\",\"typ\":1}", "{}", false},
	    {"{\"alg\":\"ES256\",\"kid\":null}", "{}", false},
	    {"{\"alg\":\"ES256\"} x", "{}", false},
	    {"[\"ES256\"]", "{}", false},
	    {"{}", "{}", false},
	    {"", "{}", false},
	    {"{\"alg\":\"ES256\"}", "[]", false},
	    {"{\"alg\":\"ES256\"}", "\"x\"", false},
	    {"{\"alg\":\"ES256\"}", "{\"a\":1,\"a\":2}", false},
	    {"{\"alg\":\"ES256\"}", "{}{}", false},
	    {"{\"alg\":\"ES256\"}", "", false},
	};
	char pem[1000];
	struct jws_key *raw = NULL;

	(void)state;
	raw_pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	(void)pem_of(raw_pkey, false, pem, sizeof(pem));
	assert_int_equal(jws_key_public(slice_text(pem), &raw), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *token = sign_raw(rows[i].header, rows[i].payload);
		json_t *claims = NULL;
		int r = jws_verify(raw, slice_text(token), &claims);
		if (r != (rows[i].taken ? 0 : -EBADMSG))
			fail_msg("%s %s: %d", rows[i].header, rows[i].payload, r);
		json_decref(claims);
		free(token);
	}
	jws_key_free(raw);
	EVP_PKEY_free(raw_pkey);
}

/* RFC 8725 section 2.1: an RSA or EC public key used as an HMAC secret; and no signature at all. */
static void no_other_algorithm(void **state)
{
	static const char *const headers[] = {
	    "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", "{\"alg\":\"ES256\",\"typ\":\"JWT\"}"};
	char input[600], token[1200], mac_text[100], header[200];
	uint8_t mac[32];
	unsigned mac_len;
	const char *payload = strchr(good, '.') + 1;
	int payload_len = (int)(strchr(payload, '.') - payload);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		(void)base64url_encode(headers[i], strlen(headers[i]), header);
		(void)snprintf(input, sizeof(input), "%s.%.*s", header, payload_len, payload);
		(void)HMAC(EVP_sha256(), public_pem, (int)strlen(public_pem), (uint8_t *)input,
		    strlen(input), mac, &mac_len);
		(void)base64url_encode(mac, sizeof(mac), mac_text);
		(void)snprintf(token, sizeof(token), "%s.%s", input, mac_text);
		assert_refused(token, "an HMAC with the public key");
	}
	for (size_t i = 0; i < 2; i++) {
		const char *none[] = {"{\"alg\":\"none\"}", "{\"alg\":\"ES256\"}"};
		(void)base64url_encode(none[i], strlen(none[i]), header);
		(void)snprintf(token, sizeof(token), "%s.%.*s.", header, payload_len, payload);
		assert_refused(token, "no signature");
		(void)snprintf(token, sizeof(token), "%s.%.*s", header, payload_len, payload);
		assert_refused(token, "two parts");
		(void)base64url_encode((uint8_t[64]){0}, 64, mac_text);
		(void)snprintf(
		    token, sizeof(token), "%s.%.*s.%s", header, payload_len, payload, mac_text);
		assert_refused(token, "a signature of zeros (CVE-2022-21449)");
	}
}

/* The last digit of a part has bits that stand for nothing: they must be zero. */
static void one_text_for_one_token(void **state)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t len = strlen(good);
	char *token = strdup(good);
	size_t value = (size_t)(strchr(digits, token[len - 1]) - digits);

	(void)state;
	assert_int_equal(value % 16, 0); /* 64 bytes: 86 digits, four bits unused */
	for (size_t other = value + 1; other < value + 16; other++) {
		token[len - 1] = digits[other];
		assert_refused(token, "another text of the same bytes");
	}
	free(token);
}

static void other_keys_are_refused(void **state)
{
	static const struct {
		const char *type, *group;
	} rows[] = {{"EC", "P-384"}, {"EC", "secp256k1"}, {"ED25519", NULL}};
	char pem[4000];
	struct jws_key *other = NULL;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		EVP_PKEY *pkey = rows[i].group
				     ? EVP_PKEY_Q_keygen(NULL, NULL, rows[i].type, rows[i].group)
				     : EVP_PKEY_Q_keygen(NULL, NULL, rows[i].type);
		(void)pem_of(pkey, false, pem, sizeof(pem));
		assert_int_equal(jws_key_public(slice_text(pem), &other), -EINVAL);
		assert_int_equal(jws_key_private(slice_text(pem), &other), -EINVAL);
		(void)pem_of(pkey, true, pem, sizeof(pem));
		assert_int_equal(jws_key_private(slice_text(pem), &other), -EINVAL);
		EVP_PKEY_free(pkey);
	}
	assert_int_equal(jws_key_private(slice_text(public_pem), &other), -EINVAL);
	assert_int_equal(jws_key_public(slice_text("not a key"), &other), -EINVAL);
	assert_null(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(published_vector_verifies),
	    cmocka_unit_test(there_and_back),
	    cmocka_unit_test(every_change_is_noticed),
	    cmocka_unit_test(truncated_and_extended),
	    cmocka_unit_test(only_plain_headers),
	    cmocka_unit_test(no_other_algorithm),
	    cmocka_unit_test(one_text_for_one_token),
	    cmocka_unit_test(other_keys_are_refused),
	};

	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
