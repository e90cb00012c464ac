/* Reads the record of acts. Only here do amended hours, the clock, and what was latched become one
 * phase. */
#include "office/record.h"

#include <errno.h>

#include "contest/tally.h"

/* A time in ms; `otherwise` where the field is absent. 0 or -EBADMSG. */
static int read_time(
    const struct desk_view *view, const char *field, int64_t otherwise, int64_t *ret_ms)
{
	struct slice text = desk_get(view, DESK_RECORD, field);
	int64_t ms = 0;

	if (!text.ptr) {
		*ret_ms = otherwise;
		return 0;
	}
	if (text.len == 0 || text.len > 15 || (text.len > 1 && text.ptr[0] == '0'))
		return -EBADMSG;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -EBADMSG;
		ms = ms * 10 + (text.ptr[i] - '0');
	}
	*ret_ms = ms;
	return 0;
}

/* What the record may latch: a pause, or a phase behind the close. "": the hours decide. */
static int read_latched(const struct desk_view *view, const char **ret_latched)
{
	static const enum phase latching[] = {
	    PHASE_PAUSED, PHASE_CLOSED, PHASE_PROVISIONAL, PHASE_CERTIFIED, PHASE_CORRECTED};
	struct slice text = desk_get(view, DESK_RECORD, "phase");

	if (text.len == 0) {
		*ret_latched = "";
		return 0;
	}
	for (size_t i = 0; i < sizeof(latching) / sizeof(latching[0]); i++)
		if (slice_is(text, phase_name(latching[i]))) {
			*ret_latched = phase_name(latching[i]);
			return 0;
		}
	return -EBADMSG;
}

/* A pause ends with the hours, everything else that is latched stays. */
static enum phase phase_of(const struct record *record, int64_t now_ms)
{
	const struct contest hours = {.opens_ms = record->opens_ms, .closes_ms = record->closes_ms};
	enum phase by_hours = phase_by_hours(&hours, now_ms), latched;

	if (record->latched[0] == '\0' || phase_parse(record->latched, &latched) < 0)
		return by_hours;
	return latched == PHASE_PAUSED && by_hours == PHASE_CLOSED ? PHASE_CLOSED : latched;
}

int record_read(
    const struct contest *contest, const struct desk_view *view, struct record *ret_record)
{
	struct record record = {
	    .version = desk_version(view), .notice = desk_get(view, DESK_RECORD, "notice")};
	int r = read_latched(view, &record.latched);

	if (r == 0)
		r = read_time(view, "opens", contest->opens_ms, &record.opens_ms);
	if (r == 0)
		r = read_time(view, "closes", contest->closes_ms, &record.closes_ms);
	if (r == 0)
		r = read_time(view, "opened", 0, &record.opened_ms);
	if (r == 0)
		r = read_time(view, "closed", 0, &record.closed_ms);
	if (r == 0)
		r = read_time(view, "forgotten", 0, &record.forgotten_ms);
	if (r < 0)
		return r;
	record.phase = phase_of(&record, desk_now_ms(view));
	*ret_record = record;
	return 0;
}

bool record_experts_are_seen(const struct contest *contest, const struct desk_view *view)
{
	struct record record;

	return record_read(contest, view, &record) == 0 && record.phase < PHASE_CERTIFIED &&
	       (visibility_is_public(contest->experts, record.phase) ||
		   visibility_is_public(contest->standing, record.phase));
}
