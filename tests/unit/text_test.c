/* base/text: which characters a line may hold, of which nothing is seen, and which no terminal is
 * given. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"

static size_t encode(uint32_t point, char ret_text[8])
{
	if (point < 0x80)
		return (size_t)(ret_text[0] = (char)point, 1);
	if (point < 0x800) {
		ret_text[0] = (char)(0xc0 | point >> 6);
		ret_text[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		ret_text[0] = (char)(0xe0 | point >> 12);
		ret_text[1] = (char)(0x80 | (point >> 6 & 0x3f));
		ret_text[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	ret_text[0] = (char)(0xf0 | point >> 18);
	ret_text[1] = (char)(0x80 | (point >> 12 & 0x3f));
	ret_text[2] = (char)(0x80 | (point >> 6 & 0x3f));
	ret_text[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}

/* First and last of a range, and whether a line, a text of lines, and a terminal take them. */
static void ranges(void **state)
{
	static const struct {
		uint32_t first, last;
		bool line, lines, shown;
	} rows[] = {
	    {0x01, 0x09, false, false, false},
	    {'\n', '\n', false, true, false},
	    {0x0b, 0x1f, false, false, false},
	    {' ', '~', true, true, true},
	    {0x7f, 0x9f, false, false, false},
	    {0xa0, 0xa0, true, true, true},
	    {0xad, 0xad, true, true, false}, /* soft hyphen */
	    {0x61c, 0x61c, false, false, false},
	    {0x200b, 0x200d, true, true, false}, /* zero width; emoji are joined by one */
	    {0x200e, 0x200f, false, false, false},
	    {0x2028, 0x202e, false, false, false},
	    {0x2066, 0x2069, false, false, false},
	    {0xac00, 0xd7a3, true, true, true}, /* 한글 */
	    {0xfdd0, 0xfdef, false, false, true},
	    {0xfeff, 0xfeff, false, false, false},
	    {0xfff9, 0xfffb, false, false, false},
	    {0xfffe, 0xffff, false, false, true},
	    {0x1f600, 0x1f64f, true, true, true},
	    {0xe0000, 0xe007f, false, false, false},
	    {0x10fffe, 0x10ffff, false, false, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (uint32_t c = rows[i].first; c <= rows[i].last; c++) {
			char text[8];
			struct slice slice = slice_make(text, encode(c, text));
			if ((text_characters(slice) == 1) != rows[i].line ||
			    (text_characters_of_lines(slice) == 1) != rows[i].lines)
				fail_msg("U+%04X in a text", c);
			/* Noncharacters are not shown either: what no text holds is escaped. */
			if (text_is_unshown(c) != (!rows[i].shown || !rows[i].lines))
				fail_msg("U+%04X on a terminal", c);
		}
}

static void blanks(void **state)
{
	static const struct {
		const char *text;
		bool blank;
	} rows[] = {
	    {"", true}, {" \t\n\u00a0\u3000\u2003", true}, {"\u200b\u2060\u00ad\u200d\ufe0f", true},
	    {"\u115f\u1160\u3164\uffa0", true}, /* Hangul fillers */
	    {"\u2800", true}, {" .", false}, {"\u3164가", false},
	    {"\xff", false}, /* no text at all: text_characters() says so */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (text_is_blank(slice_text(rows[i].text)) != rows[i].blank)
			fail_msg("row %zu", i);
}

static void stepping(void **state)
{
	uint32_t point = 7;

	(void)state;
	assert_int_equal(text_next(slice_text("가a"), &point), 3);
	assert_int_equal(point, 0xac00);
	assert_int_equal(text_next(slice_text(""), &point), 0);
	assert_int_equal(text_next(slice_text("\x9b"), &point), 0);
	assert_int_equal(text_next(slice_make("가", 2), &point), 0);
	assert_int_equal(point, 0xac00);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ranges),
	    cmocka_unit_test(blanks),
	    cmocka_unit_test(stepping),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
