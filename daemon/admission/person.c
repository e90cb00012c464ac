/* Everything is an HMAC under one key; the label at the beginning keeps the uses apart. */
#include "admission/person.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

void person_identity(struct hmac_key *key, const char *round, const char *claim, struct slice value,
    uint8_t ret_identity[IDENTITY_SIZE])
{
	const struct slice parts[] = {slice_text("tallyd person v1\n"), slice_text(round),
	    slice_text("\n"), slice_text(claim), slice_text("\n"), value};
	uint8_t mac[SHA256_SIZE];

	hmac_sha256(key, parts, sizeof(parts) / sizeof(parts[0]), mac);
	memcpy(ret_identity, mac, IDENTITY_SIZE);
}

/* Of what stands before the signature. */
static void sign(
    struct hmac_key *key, const char *round, const uint8_t *bytes, uint8_t ret_mac[SHA256_SIZE])
{
	const struct slice parts[] = {slice_text("tallyd admission v1\n"), slice_text(round),
	    slice_text("\n"), slice_make(bytes, PERSON_BEARER_BYTES - SHA256_SIZE)};

	hmac_sha256(key, parts, sizeof(parts) / sizeof(parts[0]), ret_mac);
}

void person_bearer_print(struct hmac_key *key, const char *round,
    const uint8_t identity[IDENTITY_SIZE], int64_t now_ms, char ret_bearer[PERSON_BEARER_SIZE])
{
	uint8_t bytes[PERSON_BEARER_BYTES];

	put_u64be(bytes, (uint64_t)(now_ms + PERSON_BEARER_MS) / 1000);
	memcpy(bytes + 8, identity, IDENTITY_SIZE);
	sign(key, round, bytes, bytes + 8 + IDENTITY_SIZE);
	base64url_encode(bytes, sizeof(bytes), ret_bearer);
}

int person_bearer_read(struct hmac_key *key, const char *round, struct slice bearer, int64_t now_ms,
    uint8_t ret_identity[IDENTITY_SIZE])
{
	uint8_t bytes[PERSON_BEARER_BYTES], mac[SHA256_SIZE];
	size_t len;

	if (base64url_decode(bearer, bytes, sizeof(bytes), &len) < 0 || len != sizeof(bytes))
		return -EBADMSG;
	sign(key, round, bytes, mac);
	if (CRYPTO_memcmp(mac, bytes + 8 + IDENTITY_SIZE, sizeof(mac)) != 0)
		return -EBADMSG;
	uint64_t ends_s = (uint64_t)get_u32be(bytes) << 32 | get_u32be(bytes + 4);
	if ((uint64_t)now_ms / 1000 >= ends_s)
		return -ETIME;
	memcpy(ret_identity, bytes + 8, IDENTITY_SIZE);
	return 0;
}
