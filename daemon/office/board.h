/* Everything that is known of a contest round at one moment, put together: who has rated, what the
 * panels say, the metrics, the standing. The one place that turns records into results; the public
 * snapshot, the organisers' page, exports, tallyctl and certifying all look at it. */
#ifndef TALLYD_OFFICE_BOARD_H
#define TALLYD_OFFICE_BOARD_H

#include "contest/aggregate.h"
#include "contest/sheet.h"
#include "contest/standing.h"
#include "contest/tally.h"
#include "office/count.h"
#include "office/people.h"
#include "office/record.h"
#include "office/sealing.h"

/* Public aggregates of experts need as many: fewer would tell too much of one. */
#define BOARD_PUBLIC_EXPERTS 5

struct board_expert {
	struct person person;
	size_t panel;
	uint64_t revision; /* 0: no sheet yet */
	int64_t saved_ms;
	struct sheet *sheet;                       /* NULL: none yet */
	const char *conflict[CONTEST_ENTRIES_MAX]; /* organisation id, or NULL */
	bool ruled[CONTEST_ENTRIES_MAX];           /* excluded by a ruling */
	bool damaged; /* the stored sheet is not the one that was saved; then sheet is NULL */
	size_t missing, wanted; /* scores (contest/sheet.h) */
};

struct board_panel_entry { /* what one panel says of one entry */
	size_t of;         /* experts of the panel, not revoked */
	size_t recused;    /* of them: conflicts, rulings, own recusals on a submitted sheet */
	struct aggregated result;
	struct aggregated
	    stepped;  /* of the first sheets submitted, in steps of BOARD_PUBLIC_EXPERTS: so that
			 what the public sees while experts rate tells no single one apart */
	bool too_few; /* fewer are left than the panel's min_experts */
};

struct board {
	struct record record; /* its phase is that of the shard furthest behind, where shards lag */
	struct sealing sealing;
	uint64_t size; /* of the audit log */
	int64_t now_ms;
	struct board_expert
	    *experts; /* by panel, then name; without those revoked before the close */
	size_t n_experts;
	struct board_panel_entry panel[CONTEST_PANELS_MAX][CONTEST_ENTRIES_MAX];
	size_t submitted[CONTEST_PANELS_MAX], of[CONTEST_PANELS_MAX];
	size_t damaged; /* sheets; while there is one nothing is signed */
	struct standing_input input;
	struct standing standing;
	json_t *metrics;  /* [{"part","entry","value",…}] */
	json_t *requests; /* [{"id",…}] */
	json_t *rulings;  /* [{"id",…}] */
	json_t *people;   /* [{"id","role","name",…}] without tokens; revoked ones included */
	json_t *result;   /* the newest signed result's document, or NULL */
	json_t *results;  /* all of them, oldest first */
	char *reasons[CONTEST_ENTRIES_MAX]; /* behind input.disqualified: Korean text */
};

/* The wants that a board is made of, for desk_read(). */
extern const struct desk_want board_wants[];
extern const size_t board_n_wants;

/* `tally` gives the citizens' part. 0; -EBADMSG; -ENOMEM. The board owns what it points to, but for
 * record.notice, which it copies. */
__attribute__((warn_unused_result)) int board_make(const struct contest *contest,
    const struct desk_view *view, const struct tally_input *tally, struct board **ret_board);
/* The same records under a later clock and with other counters; `view` is of the same size as the
 * board. 0 or -EBADMSG. */
__attribute__((warn_unused_result)) int board_refresh(const struct contest *contest,
    const struct desk_view *view, const struct tally_input *tally, struct board *board);
void board_free(struct board *board);

/* Two of board_make()'s steps, for whoever has what a board is made of from elsewhere: fills
 * `panel`, `of` and `submitted` from `experts`, of whom are used: panel, sheet, conflict, ruled,
 * saved_ms (0 or -ENOMEM); and what a row of the citizens' tally is worth in the standing. */
__attribute__((warn_unused_result)) int board_judge_panels(
    const struct contest *contest, struct board *board);
struct tally_row; /* contest/form.h */
struct standing_value board_citizens_value(
    const struct contest *contest, const struct tally_row *row);

/* Reads ledger and desk and makes a board of them. Both NULL: Redis did not answer, or its data are
 * damaged. Borrowed for the callback, which comes in a later turn. Where a decision rests on it,
 * read the ledger first and make the board from desk_update()'s view (board_wants). */
typedef void board_cb(void *arg, const struct board *board, const struct count *count);
void board_read(struct office *office, board_cb *cb, void *arg);

/* What the public may see of the experts now: {"panels":[…]} or {"withheld":"embargo"}. Per panel
 * {"id","name",
 * "aggregate","max","of","submitted","entries":[{"entry","n","of","recused","value","spread"} or,
 * below BOARD_PUBLIC_EXPERTS, {"entry","n"…,"withheld":"too-few"}]}. {} in a contest without
 * panels. */
json_t *board_public_experts(const struct contest *contest, const struct board *board);
/* The standing's rows for the snapshot's "standing" ([] while withheld), a disqualification's
 * reason in both languages ({"ko","en"}), and beside it, as "formula", parts, subtotals, cut and
 * what is missing; NULL while withheld. */
json_t *board_public_standing(
    const struct contest *contest, const struct board *board, json_t **ret_formula);

/* Completion by name; scores only where the contest lets organisers see them now. */
json_t *board_experts(const struct contest *contest, const struct board *board);
/* All panels with n, spread and recusals, nothing withheld: for the signed result, exports, and
 * organisers once they may see. */
json_t *board_all_experts(const struct contest *contest, const struct board *board);
/* Whether organisers may see single sheets, aggregates and the standing now. */
bool board_sheets_visible(const struct contest *contest, const struct board *board);

/* Panels that weigh something and have no value for an entry that is not disqualified:
 * [{"panel","weight","rated":whether any sheet is in,"entries":[ids]}…] in the order of the parts.
 * Sheets end with the close, so what is in it then keeps the result from ever being certified.
 * NULL: memory. */
json_t *board_unrated(const struct contest *contest, const struct board *board);

/* Everything that organisers see but clocks, health, and the audit log: GET …/progress. NULL:
 * memory. */
json_t *board_overview(
    const struct contest *contest, const struct board *board, const struct count *count);

#endif
