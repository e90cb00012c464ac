/* One expert's place at the desk, as one reading shows it: the person, the panel, what keeps them
 * from which entry, and the sheet that stands. Decides nothing. For office/sheets.c. */
#ifndef TALLYD_OFFICE_SEAT_H
#define TALLYD_OFFICE_SEAT_H

#include "contest/sheet.h"
#include "office/people.h"
#include "office/record.h"

#define SEAT_WANTS 4

struct seat {
	const struct contest *contest;
	struct person person;
	const struct panel *panel;
	struct record record; /* notice: dead after the view */
	int64_t now_ms;
	const char *conflict[CONTEST_ENTRIES_MAX]; /* organisation id, or NULL */
	struct slice ruling[CONTEST_ENTRIES_MAX];  /* JSON in the view; ptr NULL: none */
	struct sheet_excluded excluded;            /* by either */
	uint64_t revision;                         /* 0: no sheet yet, and then `sheet` is empty */
	int64_t saved_ms;
	struct sheet *sheet;
	char *text; /* its canonical bytes */
};

/* What seat_read() needs of this person; `refusals` is borrowed by the wants. */
void seat_wants(const struct bearer *bearer, char refusals[DESK_FIELD_MAX],
    struct desk_want ret_wants[SEAT_WANTS]);

/* True; or the refusal: 401 invalid-bearer, 403 forbidden, 404 no-panels, 500 damaged. Either way
 * seat_release() frees what it holds. */
__attribute__((warn_unused_result)) bool seat_read(const struct contest *contest,
    const struct bearer *bearer, const struct desk_view *view, struct seat *ret_seat,
    struct verdict *ret_refusal);
void seat_release(struct seat *seat);

/* The seat as GET …/sheet shows it. NULL: memory. While the view is there. */
json_t *seat_json(const struct seat *seat);

#endif
