/* Score sheets at the desk: reading one's own, saving drafts, submitting, withdrawing, with every
 * revision kept and nobody overwritten unseen.
 *
 * A record in C:sheets:
 * {"revision":n,"state":"draft"|"submitted","saved":ms,"sheet":{…contest/sheet.h}, "sha256":hex of
 * the sheet's bytes}. Revisions count from 1 for each person.
 *
 * Acts in the audit log: sheet.saved, sheet.submitted, sheet.withdrawn (submitted -> draft),
 * sheet.refused
 * ("reason":"conflict-of-interest","entries":[…]), pledge.given. */
#ifndef TALLYD_OFFICE_SHEETS_H
#define TALLYD_OFFICE_SHEETS_H

#include "contest/sheet.h"
#include "office/people.h"

/* Good: members as GET …/sheet answers them (see the API description), "revision" among them (0:
 * none yet). Refused: 401, 403 forbidden (no expert), 503. */
void sheets_get(struct office *office, const struct bearer *bearer, verdict_cb *cb, void *arg);

/* `body` is borrowed for the call; `if_match` is the revision that the expert has seen (0: none).
 * Good: members as GET answers them then. 403 pledge-required, not-open, paused, closed,
 * conflict-of-interest (members.conflicts; audited) 412 stale-sheet: another revision stands;
 * members: "revision" and "sheet" that stand. Unless what stands is the very next revision and
 * equal to `body`: then it is a retry, and good. 422 invalid-sheet */
void sheets_put(struct office *office, const struct bearer *bearer, const json_t *body,
    uint64_t if_match, verdict_cb *cb, void *arg);

/* The expert agrees to the pledge; again is good. */
void sheets_pledge(struct office *office, const struct bearer *bearer, verdict_cb *cb, void *arg);

#endif
