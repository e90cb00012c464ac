/* The end of what is kept of persons: their identities in Redis (store/ledger.h, S:issued:<b>),
 * which only serve so that nobody has a second token. Once voting is closed for good they are
 * deleted: by the clock on the contest's own day (identity.delete_at), or when an organiser says
 * so. How many tokens were issued stays; invitation codes, which are no persons, stay too.
 *
 * Entry {"act":"persons.forgotten","who","why"?,"persons":n}, once a round, with the record's field
 * `forgotten`; it is written before anything is deleted, so whoever is interrupted is finished by
 * any worker (office/acts.h, acts_tend). */
#ifndef TALLYD_OFFICE_PERSONS_H
#define TALLYD_OFFICE_PERSONS_H

#include "office/office.h"
#include "office/record.h"

/* Whether identities are to be deleted now without anybody asking: on their day, or because an
 * entry says that they are. Never where voting rights are issued elsewhere: they are kept there. */
bool persons_are_due(const struct round *round, const struct record *record, int64_t now_ms);

/* Records it where that is not yet done, then deletes. `who`, `why`: of the entry; "": no reason.
 * Good: members {"persons":n,"at":ms,"n"?}, of an entry that stands already without "n". 409
 * not-possible: voting is not closed, the contest knows no persons, or voting rights are issued
 * elsewhere; 401 invalid-bearer (`who` has been revoked); 503 (ask again: what is begun goes on).
 */
void persons_forget(
    struct office *office, const char *who, const char *why, verdict_cb *cb, void *arg);

#endif
