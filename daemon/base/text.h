/* Lines of text that people typed: names, reasons, fields of a table. */
#ifndef TALLYD_BASE_TEXT_H
#define TALLYD_BASE_TEXT_H

#include "base/slice.h"

/* How many characters (code points) a line has. -EINVAL where it is not UTF-8 (RFC 3629: shortest
 * forms, no surrogates), or holds what no line holds: control characters, line and paragraph
 * separators, and marks that change the direction of what follows, behind which a name could hide.
 */
long text_characters(struct slice line);

/* Without the white space around it: ASCII's, U+00A0 and U+3000, which Korean keyboards and
 * spreadsheets leave behind. */
struct slice text_trim(struct slice line);

#endif
