/* Tables for people at a terminal: columns by how wide characters are shown (한글 takes two). */
#ifndef TALLYD_CTL_SCREEN_H
#define TALLYD_CTL_SCREEN_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

/* Writes text to a terminal: LF as it is, and whatever could move the cursor, change colours or
 * turn the direction of text (base/text.h: text_is_unshown()) as \u{9b}; a byte that is no UTF-8 as
 * \x{ff}. What others typed goes out only through here. */
void screen_write(FILE *file, struct slice text);
/* The same with LF as \u{a}: a part of a line that a stranger wrote must not begin another. */
void screen_write_line(FILE *file, struct slice text);
__attribute__((format(printf, 2, 0))) void screen_vprint(
    FILE *file, const char *format, va_list args);
/* To standard output. */
__attribute__((format(printf, 1, 2))) void screen_print(const char *format, ...);
/* "tallyctl: warning: <sentence>" and a LF, to standard error. */
void screen_warn(const char *sentence);
/* JSON text, which means the same with such characters as \u009b. */
void screen_write_json(FILE *file, struct slice json);

/* Columns that a text takes; what a terminal cannot show takes none. */
int screen_width(const char *text);
/* Appends the text and spaces up to `width` columns; with `right` the spaces first. Never cuts. 0
 * or -ENOMEM. */
int screen_cell(struct buf *out, const char *text, int width, bool right);
/* "12,345" */
char *screen_number(int64_t number, char ret_text[32]);
/* The zone (IANA name) of screen_time(). */
void screen_time_zone(const char *name);
/* "2026-12-21T09:00:00+09:00", in that zone. Needs CLOCK_TEXT_SIZE bytes. Returns ret_text. */
char *screen_time(int64_t wall_ms, char *ret_text);
/* A bar of at most `width` columns in eighths, for 0 to 1. */
int screen_bar(struct buf *out, double share, int width);
/* "2d 3h", "5m 20s", "0s" */
char *screen_duration(int64_t ms, char ret_text[32]);

#endif
