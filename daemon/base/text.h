/* Lines of text that people typed: names, reasons, fields of a table. */
#ifndef TALLYD_BASE_TEXT_H
#define TALLYD_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* The bytes of the character at the beginning, or 0 where there is none: the text is at its end, or
 * it is not UTF-8 (RFC 3629: shortest forms, no surrogates). */
size_t text_next(struct slice text, uint32_t *ret_point);

/* How many characters (code points) a line has. -EINVAL where it is not UTF-8, or holds what no
 * line holds: control characters (C0, DEL, C1), line and paragraph separators, marks that change
 * the direction of what follows, behind which a name could hide (the Unicode property
 * Bidi_Control), tag characters, noncharacters. */
long text_characters(struct slice line);
/* The same for a text of several lines: LF may stand in it. */
long text_characters_of_lines(struct slice text);
/* Whether nothing of it is seen: white space and characters that are displayed as nothing (the
 * Unicode properties White_Space, Default_Ignorable_Code_Point), or empty. */
bool text_is_blank(struct slice text);
/* Whether a terminal must not be given this character as it is: what text_characters() refuses, and
 * all other format characters (category Cf). */
bool text_is_unshown(uint32_t point);

/* Without the white space around it: ASCII's, U+00A0 and U+3000, which Korean keyboards and
 * spreadsheets leave behind. */
struct slice text_trim(struct slice line);

#endif
