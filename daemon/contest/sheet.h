/* Score sheets: what an expert says of each entry, criterion by criterion. Reads, checks, prints
 * and sums them up. Pure rules; knows nothing of people, Redis, or HTTP.
 *
 * As JSON, members in this order, entries and criteria in the contest's order:
 *   {"scores":{entry:{criterion:number}},"recused":{entry:reason},"comments":{entry:text},
 *    "state":"draft"|"submitted"} */
#ifndef TALLYD_CONTEST_SHEET_H
#define TALLYD_CONTEST_SHEET_H

#include <jansson.h>

#include "contest/contest.h"

#define SHEET_COMMENT_MAX 4000 /* characters of a comment */
#define SHEET_REASON_MAX  400  /* characters of a recusal's reason; at least 1 */
#define SHEET_WHY_MAX     300

struct sheet {
	bool submitted;
	bool scored[CONTEST_ENTRIES_MAX][CONTEST_CRITERIA_MAX]; /* by the contest's criteria */
	int score[CONTEST_ENTRIES_MAX][CONTEST_CRITERIA_MAX];   /* on the criterion's own scale */
	char *recused[CONTEST_ENTRIES_MAX];                     /* the reason, or NULL */
	char *comment[CONTEST_ENTRIES_MAX];                     /* NULL: none */
};

/* An empty draft; sheets are large, so they live on the heap. NULL: memory. */
struct sheet *sheet_new(void);
void sheet_free(struct sheet *sheet);

/* Every member may be left out but "state"; unknown members, entries and criteria, those of another
 * panel, wrong types, ranges and steps, texts too long, and scores beside a recusal are refused. An
 * empty comment is none. 0; -EINVAL with a sentence in ret_why that says where, what is wrong and
 * what would be right; -ENOMEM. The caller frees the sheet. */
__attribute__((warn_unused_result)) int sheet_parse(const struct contest *contest,
    const struct panel *panel, const json_t *body, struct sheet **ret_sheet,
    char ret_why[SHEET_WHY_MAX]);

/* The inverse, with all four members. NULL: memory. */
json_t *sheet_json(const struct contest *contest, const struct sheet *sheet);
/* The same as canonical bytes (compact, the order above); the caller frees it. NULL: memory. */
char *sheet_text(const struct contest *contest, const struct sheet *sheet);

/* Which entries this sheet says nothing of by right: conflicts, decided recusals, its own. */
struct sheet_excluded {
	bool entry[CONTEST_ENTRIES_MAX];
};

/* How many scores, and required comments (one for each entry to be scored), are missing before it
 * can be submitted. Here and below, a sheet that is NULL is an empty one, and `excluded` NULL
 * excludes none. */
size_t sheet_missing(const struct contest *contest, const struct panel *panel,
    const struct sheet *sheet, const struct sheet_excluded *excluded);
/* How many scores the panel's full sheet has without the excluded and recused entries. */
size_t sheet_wanted(const struct contest *contest, const struct panel *panel,
    const struct sheet *sheet, const struct sheet_excluded *excluded);

/* The sum of score times weight over the panel's criteria. False: not all of them are scored, or
 * there are none. */
bool sheet_total(const struct contest *contest, const struct panel *panel,
    const struct sheet *sheet, size_t entry, int64_t *ret_total);

#endif
