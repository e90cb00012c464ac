/* What the parts of the desk's recount share: redesk.c reads, redesk_replay.c says what follows
 * from an entry of the audit log, redesk_compare.c compares. For no one else. */
#ifndef TALLYD_AUDIT_REDESK_IMPL_H
#define TALLYD_AUDIT_REDESK_IMPL_H

#include "audit/await.h"
#include "audit/redesk.h"

struct redoing {
	struct office *office;
	struct await await;
	struct findings *findings;
	struct redesk *told;
	const char *log_name;

	json_t *actual[DESK_HASHES];   /* {field: value}, values parsed */
	json_t *expected[DESK_HASHES]; /* the same, as far as entries tell */
	json_t *revisions; /* {audit entry's number as text: {"person","sheet"}}, taken out as they
			      are met */
	json_t *newest;    /* {person: number of the entry about the newest revision} */

	uint64_t n; /* entries read */
	uint8_t head[32];
	uint64_t last_revision;
};

/* Names of the desk's hashes, as findings call them. */
extern const char *const redesk_checks[DESK_HASHES];

/* 0 or -ENOMEM. */
int redesk_replay(struct redoing *redoing, uint64_t n, const json_t *entry);
void redesk_compare(struct redoing *redoing);
/* One revision against its entry, and, if it is a person's newest, the sheet that stands. */
void redesk_compare_revision(struct redoing *redoing, const struct desk_revision *revision);

#endif
