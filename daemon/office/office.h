/* One contest round's office: where people are admitted, acts are done, sheets are kept, and the
 * result is put together. Everything here is shared by the server (api, worker) and by tallyctl:
 * both decide by the same rules against the same desk. Knows nothing of HTTP or of terminals.
 *
 * Who acts is a text for the audit log: "organiser:<id>", "expert:<id>", "operator:<user name>"
 * (tallyctl), "hours" (the clock). */
#ifndef TALLYD_OFFICE_OFFICE_H
#define TALLYD_OFFICE_OFFICE_H

#include <jansson.h>

#include "config/round.h"
#include "store/desk.h"
#include "store/ledger.h"

#define OFFICE_WHO_MAX 120
#define OFFICE_WHY_MAX 400 /* of an act: the reason given; characters */

struct office { /* all borrowed */
	const struct round *round;
	struct desk *desk;
	struct ledger *ledger;
};

/* What the ledger of a round must know; `in_flight_max`, on_ready and arg are the caller's to fill
 * in. Text is borrowed from the round. */
struct ledger_options office_ledger_options(const struct round *round);

static inline const struct contest *office_contest(const struct office *office)
{
	return office->round->contest;
}

/* How an undertaking ended. `slug`, `status` and `detail` serve HTTP and terminal alike. */
struct verdict {
	int status;        /* an HTTP status; 200 and 202 (waits for approval) are good */
	const char *slug;  /* of the problem; NULL when good; static */
	const char *title; /* of the problem; static */
	char detail[1024]; /* a sentence: what is wrong and what would be right */
	json_t *members;   /* further members of answer or problem; owned by whoever gives the
			      verdict, borrowed by the callback (json_incref to keep) */
};

typedef void verdict_cb(void *arg, const struct verdict *verdict);

/* The verdict that a desk's outcome alone means: 503 unavailable, outcome-unknown, 500 damaged; 403
 * closed for DESK_LATE. */
void verdict_of_desk(enum desk_outcome outcome, struct verdict *ret);
/* Overwrites all of *ret, so further members are added afterwards. */
__attribute__((format(printf, 5, 6))) void verdict_refuse(
    struct verdict *ret, int status, const char *slug, const char *title, const char *format, ...);

#endif
