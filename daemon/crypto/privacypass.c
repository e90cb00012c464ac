/* Privacy Pass structures, built and read by hand: fixed layouts of a few fields. */
#include "crypto/privacypass.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/encode.h"
#include "crypto/digest.h"

/* AlgorithmIdentifier of RFC 9578 section 8.2.2: id-RSASSA-PSS with SHA-384, MGF1 with SHA-384,
 * salt 48. By hand, because OpenSSL writes NULL parameters into the inner identifiers. */
static const uint8_t pss_algorithm[] = {
    0x30, 0x3d,                                                       /* SEQUENCE */
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, /* id-RSASSA-PSS */
    0x30, 0x30,                                                       /* parameters */
    0xa0, 0x0d, 0x30, 0x0b,                                           /* [0] hash */
    0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, /* id-sha384 */
    0xa1, 0x1a, 0x30, 0x18,                                           /* [1] mask generation */
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, /* id-mgf1 */
    0x30, 0x0b,                                                       /* its hash */
    0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, /* id-sha384 */
    0xa2, 0x03, 0x02, 0x01, 0x30,                                     /* [2] salt length 48 */
};

/* A DER tag with the length of what follows, in the two-byte form that all our sizes (256 to 65535)
 * take. */
static uint8_t *put_der(uint8_t *out, uint8_t tag, size_t len)
{
	assert(len >= 256 && len <= UINT16_MAX);
	out[0] = tag;
	out[1] = 0x82;
	put_u16be(out + 2, (uint16_t)len);
	return out + 4;
}

static uint8_t *put_bytes(uint8_t *out, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(out, bytes, len);
	return out + len;
}

size_t pp_spki(const struct blindrsa_public *key, uint8_t ret_spki[PP_SPKI_MAX])
{
	uint8_t der[BLINDRSA_DER_MAX];
	size_t der_len = blindrsa_public_der(key, der);
	size_t bits_len =
	    1 + der_len; /* of the BIT STRING: the count of unused bits, and the key */
	uint8_t *out = ret_spki;

	out = put_der(out, 0x30, sizeof(pss_algorithm) + 4 + bits_len);
	out = put_bytes(out, pss_algorithm, sizeof(pss_algorithm));
	out = put_der(out, 0x03, bits_len);
	*out++ = 0;
	out = put_bytes(out, der, der_len);
	return (size_t)(out - ret_spki);
}

void pp_key_id(const struct blindrsa_public *key, uint8_t ret_key_id[PP_KEY_ID_SIZE])
{
	uint8_t spki[PP_SPKI_MAX];
	size_t len = pp_spki(key, spki);

	sha256(slice_make(spki, len), ret_key_id);
}

void pp_redemption_context(const char *contest, int rehearsal, const uint8_t key_id[PP_KEY_ID_SIZE],
    uint8_t ret_context[32])
{
	const struct slice parts[] = {
	    slice_text("tallyd challenge v1\n"),
	    slice_text(contest),
	    slice_text(rehearsal ? "\nrehearsal\n" : "\nreal\n"),
	    slice_make(key_id, PP_KEY_ID_SIZE),
	};

	sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), ret_context);
}

int pp_challenge(const char *issuer_name, struct slice redemption_context, const char *origin_info,
    uint8_t ret_challenge[PP_CHALLENGE_MAX], size_t *ret_len)
{
	struct slice issuer = slice_text(issuer_name);
	struct slice origin = slice_text(origin_info);
	uint8_t *out = ret_challenge;

	if (issuer.len == 0 || (redemption_context.len != 0 && redemption_context.len != 32) ||
	    issuer.len > PP_CHALLENGE_MAX || origin.len > PP_CHALLENGE_MAX ||
	    2 + 2 + issuer.len + 1 + redemption_context.len + 2 + origin.len > PP_CHALLENGE_MAX)
		return -EINVAL;
	put_u16be(out, PP_TOKEN_TYPE);
	put_u16be(out + 2, (uint16_t)issuer.len);
	out = put_bytes(out + 4, issuer.ptr, issuer.len);
	*out++ = (uint8_t)redemption_context.len;
	out = put_bytes(out, redemption_context.ptr, redemption_context.len);
	put_u16be(out, (uint16_t)origin.len);
	out = put_bytes(out + 2, origin.ptr, origin.len);
	*ret_len = (size_t)(out - ret_challenge);
	return 0;
}

void pp_token_input(const uint8_t nonce[PP_NONCE_SIZE], const uint8_t challenge_digest[32],
    const uint8_t key_id[PP_KEY_ID_SIZE], uint8_t ret_input[PP_TOKEN_INPUT_SIZE])
{
	put_u16be(ret_input, PP_TOKEN_TYPE);
	memcpy(ret_input + 2, nonce, PP_NONCE_SIZE);
	memcpy(ret_input + 34, challenge_digest, 32);
	memcpy(ret_input + 66, key_id, PP_KEY_ID_SIZE);
}

int pp_token_read(struct slice bytes, struct pp_token *ret_token)
{
	const char *at = bytes.ptr;

	if (bytes.len != PP_TOKEN_SIZE)
		return -EINVAL;
	*ret_token = (struct pp_token){
	    .type = get_u16be((const uint8_t *)at),
	    .input = slice_make(at, PP_TOKEN_INPUT_SIZE),
	    .nonce = slice_make(at + 2, PP_NONCE_SIZE),
	    .challenge_digest = slice_make(at + 34, 32),
	    .key_id = slice_make(at + 66, PP_KEY_ID_SIZE),
	    .authenticator = slice_make(at + 98, BLINDRSA_BYTES),
	};
	return 0;
}

int pp_token_request_read(struct slice bytes, struct pp_token_request *ret_request)
{
	const uint8_t *at = (const uint8_t *)bytes.ptr;

	if (bytes.len != PP_TOKEN_REQUEST_SIZE)
		return -EINVAL;
	*ret_request = (struct pp_token_request){
	    .type = get_u16be(at),
	    .truncated_key_id = at[2],
	    .blinded = slice_make(at + 3, BLINDRSA_BYTES),
	};
	return 0;
}
