/* Invitation codes as acts: that a batch of them was made, that some were revoked. The codes
 * themselves are in no record, their hashes are where tokens are issued (store/ledger.h). A batch
 * has the number of the audit log's entry that made it. */
#ifndef TALLYD_OFFICE_CODES_H
#define TALLYD_OFFICE_CODES_H

#include "office/office.h"

#define CODES_MAX        1000000 /* in one batch */
#define CODES_LABEL_MAX  60      /* characters */
#define CODES_LABEL_NONE "-"

/* 0; -EINVAL: not plain text of 1 to CODES_LABEL_MAX characters; -EDOM: a formula. */
__attribute__((warn_unused_result)) int codes_label_check(const char *label);
/* Whether a spreadsheet may compute a cell of this text, instead of showing it: it begins with
 * = + - or @, half or full width, and is not CODES_LABEL_NONE. */
bool codes_is_formula(const char *cell);

/* Entry {"act":"codes.made","label","count","why"?}. Good: members {"n"}: the batch. */
void codes_make(struct office *office, const char *label, uint64_t count, const char *who,
    const char *why, verdict_cb *cb, void *arg);

/* Entry {"act":"codes.revoked","batch","why"} or {…,"count","why"} where single ones of any batch
 * were revoked; written before they are. `batch` 0: single ones. */
void codes_revoke(struct office *office, uint64_t batch, uint64_t count, const char *who,
    const char *why, verdict_cb *cb, void *arg);

#endif
