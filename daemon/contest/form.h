/* Ballot forms: one row each. A form reads a ballot from JSON, prints it canonically, turns it into
 * counter increments, and counters into a tally. Pure rules; knows nothing of HTTP or Redis.
 *
 * Canonical ballots (⚑; they enter the log's commitment): the form's name and then one line an
 * item, each ended by LF; ASCII ids, integers only, no spaces.
 *   choices   "choices\nupstage\n"                   in the contest file's order
 *   scores    "scores\nnaver-cloud=3\nupstage=8\n"   in the contest file's order; integer steps
 * from the minimum: (score - min) / step
 *   ranking   "ranking\nupstage\nnc-ai\n"            in the order of the ranks, the best first
 *
 * Packed ballots (⚑; as Redis keeps them, store/ledger.h): of the same items in the same order one
 * byte each, the entry's place in the contest file from 0; for scores with the steps behind it,
 * seven bits a byte, the lowest first, the high bit on all but the last. One ballot has one packed
 * form. The rules record has the entries in their order, so no other contest file reads them. */
#ifndef TALLYD_CONTEST_FORM_H
#define TALLYD_CONTEST_FORM_H

#include <jansson.h>

#include "base/buf.h"
#include "base/slice.h"
#include "contest/contest.h"

#define FORM_COUNTER_MAX 96
#define FORM_WHY_MAX     200
#define FORM_PACKED_MAX  (CONTEST_ENTRIES_MAX * 6)

struct form_increment {
	char counter[FORM_COUNTER_MAX];
	int64_t by;
};

/* What a ballot says, whatever its form: per entry of the contest (in the file's order) whether it
 * occurs and its value: 1 for choices, the integer step for scores, the place (from 1) for ranking.
 */
struct ballot {
	bool present[CONTEST_ENTRIES_MAX];
	int value[CONTEST_ENTRIES_MAX];
};

/* A tally row. Ties share a rank ("1, 2, 2, 4"). */
struct tally_row {
	int entry;     /* index in the contest */
	int64_t votes; /* ballots that name the entry */
	int64_t sum;   /* scores: sum of the integer steps; ranking: Borda points; else = votes */
	double share;  /* choices: votes / ballots, 0 when there is none */
	double mean;   /* scores: mean score on the contest's scale; NaN when votes = 0 */
	/* choices: share in ten-thousandths; scores: mean in hundredths; exact, half away from
	 * zero: a double may lie on the wrong side of a half */
	int64_t shown;
	int schulze; /* ranking: the rank by Schulze's method; else 0 */
	int rank;
};

struct form {
	bool has_mean; /* an entry's value is its mean rather than its sum */
	const char
	    *name; /* "choices": also the one member of the request's body and the first line */

	/* `body` is the request's whole JSON: an object with the member `name` and no other.
	 * check() is called after it. 0; -EINVAL with a sentence in ret_why that says what is wrong
	 * and what would be right. */
	int (*parse)(const struct contest *contest, const json_t *body, struct ballot *ret_ballot,
	    char ret_why[FORM_WHY_MAX]);
	/* Whether a ballot whose items are all well-formed has as many as the contest wants. 0;
	 * -EINVAL with ret_why. */
	int (*check)(
	    const struct contest *contest, const struct ballot *ballot, char ret_why[FORM_WHY_MAX]);
	/* Appends the items, without the form's name. 0 or -ENOMEM/-ENOBUFS. */
	int (*print)(const struct contest *contest, const struct ballot *ballot, struct buf *out);
	/* Reads one item line (without LF) back into the ballot; the lines come in the contest
	 * file's order. 0 or -EINVAL. */
	int (*read_item)(const struct contest *contest, struct slice line, struct ballot *ballot);
	/* Packs the items, and reads one packed item, which it takes off `packed`, with all the
	 * strictness of read_item(). pack() returns how many bytes. */
	size_t (*pack)(const struct contest *contest, const struct ballot *ballot,
	    uint8_t ret_packed[FORM_PACKED_MAX]);
	int (*unpack_item)(
	    const struct contest *contest, struct slice *packed, struct ballot *ballot);
	/* At most CONTEST_INCREMENTS_MAX; returns how many. */
	size_t (*increments)(const struct contest *contest, const struct ballot *ballot,
	    struct form_increment *ret_increments);
	/* counter(arg, name) gives a counter's value, 0 when it does not exist. Fills one row per
	 * entry, in the contest's order, ranks included. */
	void (*tally)(const struct contest *contest,
	    int64_t (*counter)(void *arg, const char *name), void *arg, int64_t ballots,
	    struct tally_row *ret_rows);
	/* Adds to a row of the snapshot what the form has to say beside votes and rank; and to the
	 * snapshot (may be NULL). */
	void (*describe_row)(const struct tally_row *row, json_t *object);
	void (*describe_all)(const struct contest *contest,
	    int64_t (*counter)(void *arg, const char *name), void *arg, json_t *snapshot);
	/* The form as the public definition shows it: {"name":"choices","min":1,"max":1}. */
	json_t *(*describe)(const struct contest *contest);
};

/* The row of this name, or NULL. */
const struct form *form_find(struct slice name);
/* "choices, scores": for messages. */
const char *form_names(void);

/* ---- over all forms ---- */

/* The ballot of a request's body, form checked. 0; -EINVAL with ret_why. */
__attribute__((warn_unused_result)) int ballot_parse(const struct contest *contest,
    const json_t *body, struct ballot *ret_ballot, char ret_why[FORM_WHY_MAX]);
/* Its canonical text, appended to `out`. */
__attribute__((warn_unused_result)) int ballot_print(
    const struct contest *contest, const struct ballot *ballot, struct buf *out);
/* The inverse; strict: takes exactly what ballot_print() writes. 0 or -EINVAL. */
__attribute__((warn_unused_result)) int ballot_read(
    const struct contest *contest, struct slice canonical, struct ballot *ret_ballot);
/* From canonical text to a packed ballot, and back, appended to `out`. 0; -EINVAL: it is none of
 * this contest's ballots; or what buf_append() returns. */
__attribute__((warn_unused_result)) int ballot_pack(const struct contest *contest,
    struct slice canonical, uint8_t ret_packed[FORM_PACKED_MAX], size_t *ret_len);
__attribute__((warn_unused_result)) int ballot_unpack(
    const struct contest *contest, struct slice packed, struct buf *out);
/* New ballot's increments minus the old one's, zero ones left out; `old` may be NULL. */
size_t ballot_increments(const struct contest *contest, const struct ballot *ballot,
    const struct ballot *old, struct form_increment *ret_increments);

#endif
