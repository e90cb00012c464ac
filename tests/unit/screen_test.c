/* ctl/screen: nothing that others typed acts on the terminal, and JSON still means the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "ctl/screen.h"

static char *written(void (*write)(FILE *file, struct slice text), struct slice text)
{
	char *bytes = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&bytes, &len);

	assert_non_null(file);
	write(file, text);
	assert_int_equal(fclose(file), 0);
	return bytes;
}

static void texts(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
	    {"", ""},
	    {"김하늘, KAIST 👩\n", "김하늘, KAIST 👩\n"},
	    {"a\x1b[2Jb\tc\r", "a\\u{1b}[2Jb\\u{9}c\\u{d}"},
	    {"\xc2\x9b"
	     "31m\x7f",
		"\\u{9b}31m\\u{7f}"},
	    {"\u202eabc\u2066\u061c\u200f", "\\u{202e}abc\\u{2066}\\u{61c}\\u{200f}"},
	    {"\u200b\u00ad\u2028", "\\u{200b}\\u{ad}\\u{2028}"},
	    {"\U000e0041", "\\u{e0041}"},
	    {"a\x9b\xff가", "a\\x{9b}\\x{ff}가"},
	    {"\xea\xb0", "\\x{ea}\\x{b0}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *shown = written(screen_write, slice_text(rows[i].text));
		assert_string_equal(shown, rows[i].shown);
		free(shown);
	}
}

static void lines(void **state)
{
	char *shown = written(screen_write_line, slice_text("x\nVERIFIED\n\x1b[2J가"));

	(void)state;
	assert_string_equal(shown, "x\\u{a}VERIFIED\\u{a}\\u{1b}[2J가");
	free(shown);
}

static void json(void **state)
{
	json_t *before = json_pack("{s:s, s:s}", "why", "\u202e가\xc2\x9b", "tag", "\U000e0041\n"),
	       *after;
	char *text = json_dumps(before, JSON_INDENT(2) | JSON_SORT_KEYS), *shown;

	(void)state;
	shown = written(screen_write_json, slice_text(text));
	assert_string_equal(shown,
	    "{\n  \"tag\": \"\\udb40\\udc41\\n\",\n"
	    "  \"why\": \"\\u202e가\\u009b\"\n}");
	after = json_loads(shown, 0, NULL);
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	free(text);
	free(shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts),
	    cmocka_unit_test(lines),
	    cmocka_unit_test(json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
