/* Pieces of JSON that a contest's outside views share: contest_public.c, contest_rules.c
 * and contest_identity.c. Each
 * returns NULL when memory is short. */
#ifndef TALLYD_CONTEST_CONTEST_JSON_H
#define TALLYD_CONTEST_CONTEST_JSON_H

#include <jansson.h>

#include "contest/contest.h"

/* {"ko","en"}; null where there is no text. */
json_t *contest_text_json(const struct text *text);
/* An array of what `item` makes of each index below n. */
json_t *contest_array_json(size_t n, json_t *(*item)(const void *arg, size_t i), const void *arg);
/* An array of texts. */
json_t *contest_texts_json(char **list, size_t n);
/* Who is admitted where citizens identify themselves: for the rules {"acr","claims","person_claim",
 * "providers"} with the providers' ids; for everybody with their names, and "delete_at". */
json_t *contest_identity_rules_json(const struct contest *contest);
json_t *contest_identity_json(const struct contest *contest);
/* The ids of the panel's criteria, in the contest's order. */
json_t *contest_panel_criteria_json(const struct contest *contest, const struct panel *panel);
/* A part as the formula shows it: without names. "out_of" is what gets full points, whether it
 * stands in the file or is the panel's greatest total. */
json_t *contest_part_json(const struct contest *contest, const struct part *part);
/* {"count","refill","ties"} */
json_t *contest_advance_json(const struct contest *contest);

#endif
