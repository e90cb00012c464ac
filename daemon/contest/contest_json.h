/* Pieces of JSON that a contest's outside views share: contest_public.c and contest_rules.c. Each
 * returns NULL when memory is short. */
#ifndef TALLYD_CONTEST_CONTEST_JSON_H
#define TALLYD_CONTEST_CONTEST_JSON_H

#include <jansson.h>

#include "contest/contest.h"

/* {"ko","en"}; null where there is no text. */
json_t *contest_text_json(const struct text *text);
/* An array of what `item` makes of each index below n. */
json_t *contest_array_json(size_t n, json_t *(*item)(const void *arg, size_t i), const void *arg);
/* The ids of the panel's criteria, in the contest's order. */
json_t *contest_panel_criteria_json(const struct contest *contest, const struct panel *panel);
/* A part as the formula shows it: without names. "out_of" is what gets full points, whether it
 * stands in the file or is the panel's greatest total. */
json_t *contest_part_json(const struct contest *contest, const struct part *part);
/* {"count","refill","ties"} */
json_t *contest_advance_json(const struct contest *contest);

#endif
