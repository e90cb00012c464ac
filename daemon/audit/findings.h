/* What does not agree, in sentences: gathered while something is checked, told at its end. */
#ifndef TALLYD_AUDIT_FINDINGS_H
#define TALLYD_AUDIT_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#define FINDINGS_KEPT 1000 /* of as many as there may be */

struct findings {
	json_t *list; /* [{"check","what"}…], the first FINDINGS_KEPT */
	uint64_t n;
	bool failed; /* memory was short: the list is not whole */
};

/* 0 or -ENOMEM. */
__attribute__((warn_unused_result)) int findings_init(struct findings *findings);
void findings_release(struct findings *findings);

/* `check` names what was compared ("log", "sheets"…). The sentence may quote what was read: what a
 * terminal should not see of it becomes "?". */
__attribute__((format(printf, 3, 4))) void findings_add(
    struct findings *findings, const char *check, const char *format, ...);

#endif
