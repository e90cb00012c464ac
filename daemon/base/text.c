/* Reads UTF-8 one character after another, and judges it as a line. */
#include "base/text.h"

#include <errno.h>

#include <unictype.h>

size_t text_next(struct slice text, uint32_t *ret_point)
{
	const unsigned char *at = (const unsigned char *)text.ptr;
	size_t len = text.len;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	if (len == 0)
		return 0;
	size_t size = at[0] < 0x80             ? 1
		      : (at[0] & 0xe0) == 0xc0 ? 2
		      : (at[0] & 0xf0) == 0xe0 ? 3
		      : (at[0] & 0xf8) == 0xf0 ? 4
					       : 0;
	uint32_t point = size == 1 ? at[0] : at[0] & (0x7fu >> size);

	if (size == 0 || size > len)
		return 0;
	for (size_t i = 1; i < size; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (at[i] & 0x3f);
	}
	if (point < least[size] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return 0;
	*ret_point = point;
	return size;
}

/* The tags of U+E0000 are a second, unseen text; a byte order mark stands at a file's beginning or
 * nowhere; annotations between lines (U+FFF9 to U+FFFB) hide what they annotate. */
static bool is_unfit(uint32_t point)
{
	return uc_is_general_category_withtable(
		   point, UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Zl | UC_CATEGORY_MASK_Zp) ||
	       uc_is_property_bidi_control(point) || point == 0x061c ||
	       uc_is_property_not_a_character(point) || (point >= 0xe0000 && point <= 0xe007f) ||
	       point == 0xfeff || (point >= 0xfff9 && point <= 0xfffb);
}

static long count(struct slice text, bool lines)
{
	long n = 0;

	while (text.len > 0) {
		uint32_t point;
		size_t size = text_next(text, &point);

		if (size == 0 || (is_unfit(point) && !(lines && point == '\n')))
			return -EINVAL;
		text = slice_make(text.ptr + size, text.len - size);
		n++;
	}
	return n;
}

long text_characters(struct slice line)
{
	return count(line, false);
}

long text_characters_of_lines(struct slice text)
{
	return count(text, true);
}

/* U+2800 is a Braille pattern without a dot. */
static bool is_blank(uint32_t point)
{
	return uc_is_property_white_space(point) ||
	       uc_is_property_default_ignorable_code_point(point) || point == 0x2800 ||
	       uc_is_general_category_withtable(point, UC_CATEGORY_MASK_Cc);
}

bool text_is_blank(struct slice text)
{
	while (text.len > 0) {
		uint32_t point;
		size_t size = text_next(text, &point);

		if (size == 0 || !is_blank(point))
			return false;
		text = slice_make(text.ptr + size, text.len - size);
	}
	return true;
}

bool text_is_unshown(uint32_t point)
{
	return is_unfit(point) ||
	       uc_is_general_category_withtable(point, UC_CATEGORY_MASK_Cf | UC_CATEGORY_MASK_Cs);
}

/* White space at the beginning or, with `from_end`, at the end: how many bytes. */
static size_t space(struct slice line, int from_end)
{
	static const struct slice spaces[] = {{" ", 1}, {"\t", 1}, {"\r", 1}, {"\n", 1}, {"\v", 1},
	    {"\f", 1}, {"\xc2\xa0", 2}, {"\xe3\x80\x80", 3}};

	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
		size_t len = spaces[i].len;
		if (line.len >= len && memcmp(from_end ? line.ptr + line.len - len : line.ptr,
					   spaces[i].ptr, len) == 0)
			return len;
	}
	return 0;
}

struct slice text_trim(struct slice line)
{
	size_t len;

	while ((len = space(line, 0)) > 0)
		line = slice_make(line.ptr + len, line.len - len);
	while ((len = space(line, 1)) > 0)
		line.len -= len;
	return line;
}
