/* Phases by name and by the clock. */
#include "contest/phase.h"

#include <errno.h>
#include <string.h>

static const char *const names[] = {
    [PHASE_ANNOUNCED] = "announced",
    [PHASE_OPEN] = "open",
    [PHASE_PAUSED] = "paused",
    [PHASE_CLOSED] = "closed",
    [PHASE_PROVISIONAL] = "provisional",
    [PHASE_CERTIFIED] = "certified",
};

const char *phase_name(enum phase phase)
{
	return names[phase];
}

int phase_parse(const char *name, enum phase *ret_phase)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0) {
			*ret_phase = (enum phase)i;
			return 0;
		}
	return -EINVAL;
}

enum phase phase_by_hours(const struct contest *contest, int64_t now_ms)
{
	if (contest->opens_ms && now_ms < contest->opens_ms)
		return PHASE_ANNOUNCED;
	if (contest->closes_ms && now_ms >= contest->closes_ms)
		return PHASE_CLOSED;
	return PHASE_OPEN;
}
