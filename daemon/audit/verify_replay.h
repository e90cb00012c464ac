/* What the audit log makes of sheets, metrics, rulings and disqualifications, and whether the
 * bundle's other files say the same. For verify_audit.c alone. */
#ifndef TALLYD_AUDIT_VERIFY_REPLAY_H
#define TALLYD_AUDIT_VERIFY_REPLAY_H

#include "audit/verify_impl.h"

struct replay { /* what the log makes of the desk, up to the newest result */
	struct verify *verify;
	uint64_t n;
	uint8_t head[SHA256_SIZE];
	uint64_t until;       /* entries that the newest result rests on */
	json_t *sheets;       /* person -> {"act","sheet"} of the last */
	json_t *metrics;      /* "<part>/<entry>" -> row */
	json_t *disqualified; /* entry -> reason */
	json_t *ruled;        /* "<person>/<entry>" */
};

/* The next entry; those behind `until` are not for it. */
void replay_entry(struct replay *replay, const json_t *entry);
/* After the last one. */
void replay_compare(struct replay *replay);

#endif
