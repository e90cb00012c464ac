/* Reads UTF-8 one character after another, and judges it as a line. */
#include "base/text.h"

#include <errno.h>
#include <stdint.h>

/* The bytes of the character that begins here, or 0 where none does. */
static size_t decode(const unsigned char *at, size_t len, uint32_t *ret_point)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
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

static int is_unfit(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 ||
	       point == 0x2029 || (point >= 0x202a && point <= 0x202e) ||
	       (point >= 0x2066 && point <= 0x2069) || point == 0x200e || point == 0x200f ||
	       point == 0xfeff;
}

long text_characters(struct slice line)
{
	const unsigned char *at = (const unsigned char *)line.ptr;
	size_t left = line.len;
	long n = 0;

	while (left > 0) {
		uint32_t point;
		size_t size = decode(at, left, &point);

		if (size == 0 || is_unfit(point))
			return -EINVAL;
		at += size;
		left -= size;
		n++;
	}
	return n;
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
