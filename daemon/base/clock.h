/* Time: a steady clock for deadlines, the wall clock for people, RFC 3339 text for both ends.
 * Wall times are milliseconds since 1970-01-01T00:00:00Z. */
#ifndef TALLYD_BASE_CLOCK_H
#define TALLYD_BASE_CLOCK_H

#include <stdint.h>

#include "base/slice.h"

#define CLOCK_LAST_MS   INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */
#define CLOCK_TEXT_SIZE 32 /* "2026-12-21T00:00:00.000Z" and its NUL, with room */

int64_t clock_steady_ms(void);
int64_t clock_steady_us(void);
int64_t clock_wall_ms(void);

/* "2026-12-21T00:00:00.000Z"; the milliseconds only where `with_ms`. Returns ret_text. */
char *clock_format(int64_t wall_ms, int with_ms, char ret_text[CLOCK_TEXT_SIZE]);

/* RFC 3339 section 5.6 date-time with its offset ("2026-12-21T09:00:00+09:00"); the zone is
 * required, calendar errors are errors. Its offset may take a time out of the years that
 * clock_format() can say. 0 or -EINVAL. */
__attribute__((warn_unused_result)) int clock_parse(struct slice text, int64_t *ret_wall_ms);

#endif
