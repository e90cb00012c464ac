/* SHA-256 and HMAC-SHA-256 with what OpenSSL makes expensive (fetching, allocating) done once. */
#include "crypto/digest.h"

#include <assert.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

/* OpenSSL fails here only when memory is gone at the first use or the library is broken. */
static void must(int ok)
{
	if (!ok)
		abort();
}

/* The one context of this process; OpenSSL frees nothing of ours at exit, and need not. */
static EVP_MD_CTX *sha256_context(void)
{
	static EVP_MD_CTX *context;
	static EVP_MD *algorithm;

	if (context == NULL) {
		algorithm = EVP_MD_fetch(NULL, "SHA2-256", NULL);
		context = EVP_MD_CTX_new();
		must(algorithm != NULL && context != NULL);
	}
	must(EVP_DigestInit_ex2(context, algorithm, NULL));
	return context;
}

void sha256(struct slice bytes, uint8_t ret_digest[SHA256_SIZE])
{
	sha256_parts(&bytes, 1, ret_digest);
}

void sha256_parts(const struct slice *parts, size_t n, uint8_t ret_digest[SHA256_SIZE])
{
	EVP_MD_CTX *context = sha256_context();

	for (size_t i = 0; i < n; i++)
		must(EVP_DigestUpdate(context, parts[i].ptr, parts[i].len));
	must(EVP_DigestFinal_ex(context, ret_digest, NULL));
}

struct hmac_key {
	EVP_MAC_CTX *context; /* holds the key; each MAC starts by resetting it */
};

struct hmac_key *hmac_key_new(struct slice secret)
{
	/* EVP_MAC wants a non-NULL pointer also for an empty key: NULL would mean "keep the old".
	 */
	static const unsigned char nothing[1];
	const unsigned char *bytes = secret.len ? (const unsigned char *)secret.ptr : nothing;
	char digest[] = "SHA2-256";
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
	    OSSL_PARAM_construct_end(),
	};
	struct hmac_key *key = calloc(1, sizeof(*key));
	EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);

	if (key != NULL && algorithm != NULL)
		key->context = EVP_MAC_CTX_new(algorithm);
	EVP_MAC_free(algorithm);
	if (key == NULL || key->context == NULL ||
	    !EVP_MAC_init(key->context, bytes, secret.len, params)) {
		hmac_key_free(key);
		return NULL;
	}
	return key;
}

void hmac_key_free(struct hmac_key *key)
{
	if (key == NULL)
		return;
	EVP_MAC_CTX_free(key->context); /* cleanses the key */
	free(key);
}

void hmac_sha256(
    struct hmac_key *key, const struct slice *parts, size_t n, uint8_t ret_mac[SHA256_SIZE])
{
	size_t len = 0;

	must(EVP_MAC_init(key->context, NULL, 0, NULL));
	for (size_t i = 0; i < n; i++)
		must(EVP_MAC_update(
		    key->context, (const unsigned char *)parts[i].ptr, parts[i].len));
	must(EVP_MAC_final(key->context, ret_mac, &len, SHA256_SIZE));
	assert(len == SHA256_SIZE);
}
