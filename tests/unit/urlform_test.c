/* base/urlform against the example of RFC 6749 (appendix B), and what curl's own decoder makes of
 * it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "base/urlform.h"

static void encodes(void **state)
{
	static const struct {
		const char *text, *encoded;
	} rows[] = {
	    {" %&+\xc2\xa3\xe2\x82\xac", "+%25%26%2B%C2%A3%E2%82%AC"}, /* the RFC's */
	    {"AZaz09-._~", "AZaz09-._~"},
	    {"https://vote.example/a?b=c#d", "https%3A%2F%2Fvote.example%2Fa%3Fb%3Dc%23d"},
	    {"\r\n\"'<>\\*", "%0D%0A%22%27%3C%3E%5C%2A"},
	    {"", ""},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf out;

		buf_init(&out, 1000);
		assert_int_equal(urlform_encode(&out, rows[i].text), 0);
		assert_int_equal(buf_append(&out, "", 1), 0);
		assert_string_equal(out.data, rows[i].encoded);
		buf_release(&out);
	}
}

static void every_byte_comes_back(void **state)
{
	char text[256];
	struct buf out;
	int len;
	(void)state;

	for (int c = 1; c < 256; c++)
		text[c - 1] = (char)c;
	text[255] = '\0';
	buf_init(&out, 1000);
	assert_int_equal(urlform_encode(&out, text), 0);
	assert_int_equal(buf_append(&out, "", 1), 0);
	for (char *at = out.data; *at; at++)
		if (*at == '+') /* a form's, which no address decodes */
			*at = ' ';
	char *back = curl_easy_unescape(NULL, out.data, 0, &len);
	assert_int_equal(len, 255);
	assert_string_equal(back, text);
	curl_free(back);
	buf_release(&out);
}

static void adds(void **state)
{
	struct buf out;
	(void)state;

	buf_init(&out, 20);
	assert_int_equal(urlform_add(&out, "a", "1 2"), 0);
	assert_int_equal(urlform_add(&out, "b", NULL), 0);
	assert_int_equal(urlform_add(&out, "c", ""), 0);
	assert_int_equal(urlform_add(&out, "d", "&"), 0);
	assert_int_equal(buf_append(&out, "", 1), 0);
	assert_string_equal(out.data, "a=1+2&c=&d=%26");
	assert_int_equal(urlform_add(&out, "e", "too long"), -ENOBUFS);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(encodes),
	    cmocka_unit_test(every_byte_comes_back),
	    cmocka_unit_test(adds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
