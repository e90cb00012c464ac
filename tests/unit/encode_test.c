/* base/encode: RFC 4648 section 10, and that no second text stands for the same bytes. */
#include <errno.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/encode.h"

static const struct {
	const char *bytes, *hex, *base64, *base64url;
} known[] = {
    {"", "", "", ""},
    {"f", "66", "Zg==", "Zg"},
    {"fo", "666f", "Zm8=", "Zm8"},
    {"foo", "666f6f", "Zm9v", "Zm9v"},
    {"foob", "666f6f62", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "666f6f6261", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "666f6f626172", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xfe", "fbfffe", "+//+", "-__-"},
};

static void known_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t len = strlen(known[i].bytes);
		char text[64];
		char back[16];
		size_t back_len;

		assert_int_equal(hex_encode(known[i].bytes, len, text), strlen(known[i].hex));
		assert_string_equal(text, known[i].hex);
		assert_int_equal(base64_encode(known[i].bytes, len, text), strlen(known[i].base64));
		assert_string_equal(text, known[i].base64);
		assert_int_equal(
		    base64url_encode(known[i].bytes, len, text), strlen(known[i].base64url));
		assert_string_equal(text, known[i].base64url);
		assert_int_equal(
		    base64url_encode_padded(known[i].bytes, len, text), strlen(known[i].base64));

		assert_int_equal(
		    hex_decode(slice_text(known[i].hex), back, sizeof(back), &back_len), 0);
		assert_true(slice_is(slice_make(back, back_len), known[i].bytes));
		assert_int_equal(
		    base64_decode(slice_text(known[i].base64), back, sizeof(back), &back_len), 0);
		assert_true(slice_is(slice_make(back, back_len), known[i].bytes));
		assert_int_equal(
		    base64url_decode(slice_text(known[i].base64url), back, sizeof(back), &back_len),
		    0);
		assert_true(slice_is(slice_make(back, back_len), known[i].bytes));
		assert_int_equal(
		    base64url_decode(slice_text(text), back, sizeof(back), &back_len), 0);
		assert_true(slice_is(slice_make(back, back_len), known[i].bytes));
	}
}

typedef int decoder(struct slice text, void *ret_bytes, size_t cap, size_t *ret_len);

static const struct {
	decoder *decode;
	const char *text;
	int error;
} refused[] = {
    {hex_decode, "6", -EINVAL},
    {hex_decode, "6g", -EINVAL},
    {hex_decode, " 66", -EINVAL},
    {hex_decode, "666f6f6261", -ENOBUFS}, /* a cap of 4 */
    {base64_decode, "Zg", -EINVAL},       /* padding is required here */
    {base64_decode, "Zg=", -EINVAL},
    {base64_decode, "Zg===", -EINVAL},
    {base64_decode, "Zh==", -EINVAL}, /* stray bits: the same byte as Zg== */
    {base64_decode, "Zm9=", -EINVAL},
    {base64_decode, "Zg==Zg==", -EINVAL},
    {base64_decode, "Zg\n=", -EINVAL},
    {base64_decode, "Z===", -EINVAL},
    {base64_decode, "====", -EINVAL},
    {base64_decode, "-__-", -EINVAL},
    {base64_decode, "Zm9vYmE=", -ENOBUFS},
    {base64url_decode, "+//+", -EINVAL},
    {base64url_decode, "Z", -EINVAL},
    {base64url_decode, "Zg=", -EINVAL},
    {base64url_decode, "Zm9v=", -EINVAL},
    {base64url_decode, "Zh", -EINVAL},
    {base64url_decode, "Zm9", -EINVAL},
    {base64url_decode, "Zm9vYmE", -ENOBUFS},
};

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char bytes[4];
		size_t len = 77;

		assert_int_equal(
		    refused[i].decode(slice_text(refused[i].text), bytes, sizeof(bytes), &len),
		    refused[i].error);
		assert_int_equal(len, 77);
	}
}

/* Every two bytes there and back; and of all three-digit texts exactly 65536 decode. */
static void one_text_for_given_bytes(void **state)
{
	(void)state;
	const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	int decoded = 0;
	char text[5] = "xxx=";
	uint8_t bytes[3];
	size_t len;

	for (int i = 0; i < 64 * 64 * 64; i++) {
		char again[8];
		text[0] = digits[i >> 12];
		text[1] = digits[i >> 6 & 63];
		text[2] = digits[i & 63];
		if (base64_decode(slice_text(text), bytes, sizeof(bytes), &len) < 0)
			continue;
		decoded++;
		assert_int_equal(len, 2);
		(void)base64_encode(bytes, len, again);
		assert_string_equal(again, text);
	}
	assert_int_equal(decoded, 65536);
}

static void integers(void **state)
{
	(void)state;
	uint8_t bytes[8];

	put_u64be(bytes, 0x0123456789abcdefu);
	assert_memory_equal(bytes, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
	assert_int_equal(get_u32be(bytes + 4), 0x89abcdefu);
	put_u16be(bytes, 0xfedc);
	assert_int_equal(get_u16be(bytes), 0xfedc);
}

static void decimals(void **state)
{
	(void)state;
	static const struct {
		uint64_t number;
		const char *text;
	} rows[] = {
	    {0, "0"},
	    {9, "9"},
	    {10, "10"},
	    {4294967296u, "4294967296"},
	    {UINT64_MAX, "18446744073709551615"},
	};
	char text[DECIMAL_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(decimal_encode(rows[i].number, text), strlen(rows[i].text));
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_texts),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(one_text_for_given_bytes),
	    cmocka_unit_test(integers),
	    cmocka_unit_test(decimals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
