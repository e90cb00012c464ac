/* What the ballot forms share among themselves: one row and one file each. Only the form files of
 * this folder include it; everybody else uses form.h. */
#ifndef TALLYD_CONTEST_FORM_ROWS_H
#define TALLYD_CONTEST_FORM_ROWS_H

#include "contest/form.h"

extern const struct form form_choices;
extern const struct form form_scores;
extern const struct form form_ranking;

/* "votes:<entry>": ballots that name the entry. Every form keeps it. */
#define COUNTER_VOTES "votes"

/* Writes the sentence and returns -EINVAL. A sentence that does not fit ends in "…" . */
__attribute__((format(printf, 2, 3))) int form_refuse(
    char ret_why[FORM_WHY_MAX], const char *format, ...);
/* Refuses an id that no entry has: names it, and lists the entries that there are. */
int form_refuse_entry(const struct contest *contest, struct slice id, char ret_why[FORM_WHY_MAX]);

/* The one member of a body that is a list of entries, each at most once. */
struct form_list {
	const char *name;  /* of the member */
	const char *items; /* "entry ids, the best first" */
	const char *twice; /* "is ranked twice; rank each entry once" */
	bool placed;       /* an entry's value is its place, from 1; else 1 */
};

/* 0; -EINVAL with ret_why. */
int form_read_list(const struct form_list *list, const struct contest *contest, const json_t *body,
    struct ballot *ret_ballot, char ret_why[FORM_WHY_MAX]);

/* Notes an item. -EINVAL when this entry or a later one is there already: canonical ballots keep
 * the contest file's order. */
int ballot_put_next(const struct contest *contest, struct ballot *ballot, int entry, int value);
size_t ballot_count(const struct contest *contest, const struct ballot *ballot);

/* Takes the entry's byte off a packed ballot. The entry, or -EINVAL. */
int form_unpack_entry(const struct contest *contest, struct slice *packed);

/* "share" and "mean", as rows of the snapshot show them: value / scale, with its decimal point. */
json_t *form_number(int64_t value, int64_t scale);

void form_counter(const char *kind, const struct contest *contest, size_t entry,
    char ret_counter[FORM_COUNTER_MAX]);

#endif
