/* Tables for people at a terminal: columns by how wide characters are shown (한글 takes two). */
#ifndef TALLYD_CTL_SCREEN_H
#define TALLYD_CTL_SCREEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

/* Columns that a text takes; what a terminal cannot show takes none. */
int screen_width(const char *text);
/* Appends the text and spaces up to `width` columns; with `right` the spaces first. Never cuts. 0
 * or -ENOMEM. */
int screen_cell(struct buf *out, const char *text, int width, bool right);
/* "12,345" */
char *screen_number(int64_t number, char ret_text[32]);
/* A bar of at most `width` columns in eighths, for 0 to 1. */
int screen_bar(struct buf *out, double share, int width);
/* "2d 3h", "5m 20s", "0s" */
char *screen_duration(int64_t ms, char ret_text[32]);

#endif
