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
};

const char *phase_name(enum phase phase);
/* 0 or -EINVAL. */
__attribute__((warn_unused_result)) int phase_parse(const char *name, enum phase *ret_phase);

/* What the contest's hours alone say. */
enum phase phase_by_hours(const struct contest *contest, int64_t now_ms);

#endif
