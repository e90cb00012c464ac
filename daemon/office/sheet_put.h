/* Whether a sheet may take the place of the one that stands, and what is then written. The rules of
 * sheets_put(), one after another; for office/sheets.c. */
#ifndef TALLYD_OFFICE_SHEET_PUT_H
#define TALLYD_OFFICE_SHEET_PUT_H

#include "office/seat.h"

struct sheet_put {
	struct seat *seat;
	const json_t *body;
	uint64_t if_match;
	const struct desk_view *view;
	struct desk_change *change;
	struct verdict *verdict; /* what is answered when nothing goes wrong at the desk */
};

/* True: the change is to be written, which may be the audit entry of a refusal alone. */
bool sheet_put_decide(const struct sheet_put *put);

/* True: the sheet says something of an entry that this expert has to keep away from; it is refused,
 * and *ret_write says whether an entry of the audit log is to be written about it. */
bool sheet_put_offends(const struct sheet_put *put, const struct sheet *sheet, bool *ret_write);

#endif
