/* The stage's standing: parts scaled, weighted and added up, ranks, the cut line. Pure arithmetic
 * on fixed-point numbers (contest/aggregate.h): each part's points are rounded to four decimals
 * once, half away from zero, and sums add rounded points; so everybody can check it by hand.
 *
 *   points of a part = weight * scaled value
 *     points             value / out_of
 *     share-of-maximum   value / greatest            (greatest <= 0: 0)
 *     min-max            (value - least) / (greatest - least)      (all equal: 1)
 *   below 0 counts as 0, above 1 as 1. Least and greatest go over all entries with a value, the
 *   disqualified included, so that no disqualification changes another entry's points.
 *
 * An entry without the value of a part that weighs something has no total, and while one that is
 * not disqualified has none, nobody has a rank and nobody advances. Ranks are shared by equal
 * totals (1, 2, 2, 4).
 *
 * Disqualified entries keep their points, have no rank and do not advance, whatever their points.
 * With `refill` the others are ranked without them; without it their places stay empty, so that
 * nobody moves up: a place is counted by all entries' totals, and the others' ranks, ties and
 * advance are what they were without the disqualification. The first `advance` places go on; a tie
 * across the line takes all of it along, or, with ties_excluded, none. */
#ifndef TALLYD_CONTEST_STANDING_H
#define TALLYD_CONTEST_STANDING_H

#include <jansson.h>

#include "contest/contest.h"

struct standing_value {
	bool known;
	/* citizens: votes, or the mean; panels: the aggregate; metrics: as given */
	int64_t value_e4;
};

struct standing_input {
	struct standing_value value[CONTEST_PARTS_MAX][CONTEST_ENTRIES_MAX];
	const char *disqualified[CONTEST_ENTRIES_MAX]; /* the named reason, or NULL */
};

enum advance { ADVANCE_OPEN, ADVANCE_YES, ADVANCE_NO }; /* OPEN: not known yet, or no cut line */

struct standing_row {
	bool complete;
	int64_t points_e4[CONTEST_PARTS_MAX]; /* 0 where the value is not known */
	int64_t subtotal_e4[CONTEST_SUBTOTALS_MAX];
	int64_t total_e4; /* what is known; meaningful when complete */
	int rank;         /* 0: none */
	bool tied;
	enum advance advance;
};

struct standing {
	bool complete; /* nothing that weighs is missing of an entry that is not disqualified */
	struct standing_row row[CONTEST_ENTRIES_MAX]; /* in the contest's order */
};

/* Nothing to compute in a contest without parts: then complete is false and rows are empty. */
void standing_compute(const struct contest *contest, const struct standing_input *input,
    struct standing *ret_standing);

/* For organisers, and in the signed result:
 *   {"complete":b,"parts":[{"id","name","source","panel"?,"subtotal"?,"weight","scale","out_of"?}…],
 *    "subtotals":[{"id","name"}…],"advance":{"count","refill","ties"},
 *    "missing":[{"part","entry"}…],
 *    "rows":[{"entry","rank":n|null,"tied":b,"points":x|null,"parts":{id:{"value":x|null,"points":x|null}},
 *             "subtotals":{id:x},"disqualified":reason|absent,"advanced":true|false|null}…]}
 * "missing" names what weighs and keeps the standing from being complete. A subtotal is null while
 * a part of it that weighs is missing. Numbers are fixed_json()'s. Rows in the contest's order.
 * NULL: memory. */
json_t *standing_json(const struct contest *contest, const struct standing_input *input,
    const struct standing *standing);

/* What the public sees of it by stage.publish; the same members, and "publish":
 *   full          all of it
 *   top-and-mean  rows: the best rank's only (not the first where that place stays empty), with
 *                 points but without parts and subtotals; "mean": of all complete entries' points,
 *                 the disqualified included, four decimals; null before the standing is complete;
 *                 "advanced": the ids of those that advance, in the contest's order, which tell
 *                 the decision and no points; null while it is open, and without a cut line
 *   advancers     rows: those that advance, in the contest's order, {"entry","advanced":true}
 *                 alone; nothing while that is open
 *
 * NULL: memory. */
json_t *standing_public_json(const struct contest *contest, const struct standing_input *input,
    const struct standing *standing);

/* An entry's own report: standing_json() with "entries":n, how many there are, and "row", its own,
 * instead of "rows"; "complete" and "missing" are its own, too. Nothing of any other entry. NULL:
 * memory. */
json_t *standing_report_json(const struct contest *contest, const struct standing_input *input,
    const struct standing *standing, size_t entry);

#endif
