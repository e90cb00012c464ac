/* The phases a contest goes through. Pure rules. */
#ifndef TALLYD_CONTEST_PHASE_H
#define TALLYD_CONTEST_PHASE_H

#include <stdint.h>

#include "contest/contest.h"

/* In the order in which they are gone through; open and paused may alternate. */
enum phase {
	PHASE_ANNOUNCED,
	PHASE_OPEN,
	PHASE_PAUSED,
	PHASE_CLOSED,
	PHASE_PROVISIONAL,
	PHASE_CERTIFIED,
	PHASE_CORRECTED, /* certified, then replaced by a signed correction */
};

/* What moves a contest from one phase to the next. Hours open and close by themselves. */
enum phase_act {
	ACT_OPEN,  /* now, before its hour */
	ACT_PAUSE, /* no ballot, no sheet, until resumed */
	ACT_RESUME,
	ACT_EXTEND,  /* a later close; never an earlier one */
	ACT_CLOSE,   /* latched: nothing reopens after it */
	ACT_PUBLISH, /* the provisional result; objections (이의제기) may be raised */
	ACT_CERTIFY,
	ACT_CORRECT, /* a certified result is replaced; both stay */
};

/* "open", "pause", "resume", "extend", "close", "publish", "certify", "correct" */
const char *phase_act_name(enum phase_act act);
__attribute__((warn_unused_result)) int phase_act_parse(const char *name, enum phase_act *ret_act);

/* Whether the act is possible in this phase, and the phase it leads to. 0; -EPERM. */
__attribute__((warn_unused_result)) int phase_after(
    enum phase phase, enum phase_act act, enum phase *ret_phase);

const char *phase_name(enum phase phase);
/* 0 or -EINVAL. */
__attribute__((warn_unused_result)) int phase_parse(const char *name, enum phase *ret_phase);

/* What the contest's hours alone say. */
enum phase phase_by_hours(const struct contest *contest, int64_t now_ms);

#endif
