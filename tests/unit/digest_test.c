/* crypto/digest: FIPS 180-4's examples, RFC 4231, and that kept contexts carry nothing over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/encode.h"
#include "crypto/digest.h"

static void assert_hex(const uint8_t *bytes, size_t len, const char *hex)
{
	char text[256];

	(void)hex_encode(bytes, len, text);
	assert_string_equal(text, hex);
}

static void known_hashes(void **state)
{
	(void)state;
	uint8_t digest[SHA256_SIZE];

	for (int round = 0; round < 2; round++) { /* the second time the context is a used one */
		sha256(slice_text("abc"), digest);
		assert_hex(digest, sizeof(digest),
		    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
		sha256(slice_make(NULL, 0), digest);
		assert_hex(digest, sizeof(digest),
		    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
		sha256_parts(
		    (struct slice[]){slice_text("a"), slice_text(""), slice_text("bc")}, 3, digest);
		assert_hex(digest, sizeof(digest),
		    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	}
}

static const struct {
	const char *key, *data, *mac;
} rfc4231[] = {
    /* sections 4.2, 4.3 and 4.7 */
    {"\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", "Hi There",
	"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {"Jefe", "what do ya want for nothing?",
	"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"}, /* an empty key */
};

static void known_macs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rfc4231) / sizeof(rfc4231[0]); i++) {
		struct hmac_key *key = hmac_key_new(slice_text(rfc4231[i].key));
		struct slice data = slice_text(rfc4231[i].data);
		uint8_t mac[SHA256_SIZE];

		assert_non_null(key);
		for (int round = 0; round < 2; round++) {
			hmac_sha256(key, &data, 1, mac);
			assert_hex(mac, sizeof(mac), rfc4231[i].mac);
			if (data.len > 3) {
				hmac_sha256(key,
				    (struct slice[]){slice_make(data.ptr, 3),
					slice_make(data.ptr + 3, data.len - 3)},
				    2, mac);
				assert_hex(mac, sizeof(mac), rfc4231[i].mac);
			}
		}
		hmac_key_free(key);
	}
	hmac_key_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_hashes),
	    cmocka_unit_test(known_macs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
