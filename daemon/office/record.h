/* The contest's record of acts as the desk keeps it (hash C:record), in plain values. Fields:
 *   phase     "" (by the hours) | paused | closed | provisional | certified | corrected
 *   opens, closes   ms; amended hours; absent: those of the contest's file
 *   opened, closed  ms; when the act was recorded, by whomever; absent: not yet
 *   forgotten ms; when it was recorded that identities are deleted (office/persons.h); absent: they
 *             are kept
 *   notice    JSON {"ko","en"}; absent: none
 *   halt, epoch   of the public log: office/sealing.h */
#ifndef TALLYD_OFFICE_RECORD_H
#define TALLYD_OFFICE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "contest/contest.h"
#include "contest/phase.h"
#include "store/desk.h"

#define NOTICE_MAX 300 /* characters in each language */

struct record {
	uint64_t version;
	enum phase phase;            /* hours and clock taken in */
	const char *latched;         /* the field `phase`; static text */
	int64_t opens_ms, closes_ms; /* 0: none (rehearsal) */
	int64_t opened_ms, closed_ms, forgotten_ms;
	struct slice notice; /* JSON, borrowed from the view; ptr NULL: none */
};

/* 0 or -EBADMSG. */
__attribute__((warn_unused_result)) int record_read(
    const struct contest *contest, const struct desk_view *view, struct record *ret_record);

/* Whether the public sees now how experts are and rate: a change about them is then one that the
 * public sees (desk_bump()). False where the record is damaged, and from certifying on. */
bool record_experts_are_seen(const struct contest *contest, const struct desk_view *view);

#endif
