/* Phases and acts by name, which act leads from which phase to which, and phases by the clock. Does
 * not ask who may act. */
#include "contest/phase.h"

#include <errno.h>
#include <string.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

static const char *const phase_names[] = {
    [PHASE_ANNOUNCED] = "announced",
    [PHASE_OPEN] = "open",
    [PHASE_PAUSED] = "paused",
    [PHASE_CLOSED] = "closed",
    [PHASE_PROVISIONAL] = "provisional",
    [PHASE_CERTIFIED] = "certified",
    [PHASE_CORRECTED] = "corrected",
};

static const char *const act_names[] = {
    [ACT_OPEN] = "open",
    [ACT_PAUSE] = "pause",
    [ACT_RESUME] = "resume",
    [ACT_EXTEND] = "extend",
    [ACT_CLOSE] = "close",
    [ACT_PUBLISH] = "publish",
    [ACT_CERTIFY] = "certify",
    [ACT_CORRECT] = "correct",
};

/* All that is possible. Nothing leads out of closed and what follows it back to open. */
static const struct {
	enum phase_act act;
	enum phase from, to;
} ways[] = {
    {ACT_OPEN, PHASE_ANNOUNCED, PHASE_OPEN},
    {ACT_PAUSE, PHASE_OPEN, PHASE_PAUSED},
    {ACT_RESUME, PHASE_PAUSED, PHASE_OPEN},
    {ACT_EXTEND, PHASE_ANNOUNCED, PHASE_ANNOUNCED},
    {ACT_EXTEND, PHASE_OPEN, PHASE_OPEN},
    {ACT_EXTEND, PHASE_PAUSED, PHASE_PAUSED},
    {ACT_CLOSE, PHASE_ANNOUNCED, PHASE_CLOSED}, /* called off before it opened */
    {ACT_CLOSE, PHASE_OPEN, PHASE_CLOSED},
    {ACT_CLOSE, PHASE_PAUSED, PHASE_CLOSED},
    {ACT_PUBLISH, PHASE_CLOSED, PHASE_PROVISIONAL},
    {ACT_CERTIFY, PHASE_PROVISIONAL, PHASE_CERTIFIED},
    {ACT_CORRECT, PHASE_CERTIFIED, PHASE_CORRECTED},
    {ACT_CORRECT, PHASE_CORRECTED, PHASE_CORRECTED},
};

static int index_of(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, names[i]) == 0)
			return (int)i;
	return -EINVAL;
}

const char *phase_act_name(enum phase_act act)
{
	return act_names[act];
}

int phase_act_parse(const char *name, enum phase_act *ret_act)
{
	int act = index_of(name, act_names, N(act_names));

	if (act < 0)
		return act;
	*ret_act = (enum phase_act)act;
	return 0;
}

int phase_after(enum phase phase, enum phase_act act, enum phase *ret_phase)
{
	for (size_t i = 0; i < N(ways); i++)
		if (ways[i].act == act && ways[i].from == phase) {
			*ret_phase = ways[i].to;
			return 0;
		}
	return -EPERM;
}

const char *phase_name(enum phase phase)
{
	return phase_names[phase];
}

int phase_parse(const char *name, enum phase *ret_phase)
{
	int phase = index_of(name, phase_names, N(phase_names));

	if (phase < 0)
		return phase;
	*ret_phase = (enum phase)phase;
	return 0;
}

enum phase phase_by_hours(const struct contest *contest, int64_t now_ms)
{
	if (contest->opens_ms && now_ms < contest->opens_ms)
		return PHASE_ANNOUNCED;
	if (contest->closes_ms && now_ms >= contest->closes_ms)
		return PHASE_CLOSED;
	return PHASE_OPEN;
}
