/* Whether an act is possible now, and what it changes in the contest's record. */
#include "office/act.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "office/acts.h"

#define EXTEND_MAX_MS (INT64_C(86400000) * EXTEND_MAX_DAYS)

const struct desk_want act_wants[] = {
    {DESK_RULINGS, NULL},
    {DESK_METRICS, NULL},
    {DESK_REQUESTS, NULL},
};
const size_t act_n_wants = sizeof(act_wants) / sizeof(act_wants[0]);

/* ---- whether it is possible ---- */

/* "resume, extend, close": what can be done instead. */
static void list_possible(const struct record *record, char *ret_text, size_t cap)
{
	size_t len = 0;
	ret_text[0] = '\0';
	for (int i = ACT_OPEN; i <= ACT_CORRECT && len < cap; i++) {
		enum phase after;
		if (i == ACT_EXTEND && record->closes_ms == 0)
			continue; /* without hours there is nothing to extend */
		if (phase_after(record->phase, (enum phase_act)i, &after) == 0)
			len += (size_t)snprintf(ret_text + len, cap - len, "%s%s",
			    len > 0 ? ", " : "", phase_act_name((enum phase_act)i));
	}
}

static bool refuse_phase(const struct act_case *it, struct verdict *refusal)
{
	char possible[120];
	list_possible(&it->record, possible, sizeof(possible));
	verdict_refuse(refusal, 409, "not-possible", "Not possible in this phase",
	    "The contest is %s, where \"%s\" is not possible; possible is: %s.",
	    phase_name(it->record.phase), it->act->name, possible[0] ? possible : "nothing");
	return false;
}

static bool extend_possible(const struct act_case *it, struct verdict *refusal)
{
	char closes[CLOCK_TEXT_SIZE];
	if (it->record.closes_ms == 0) {
		verdict_refuse(refusal, 409, "not-possible", "Not possible in this contest",
		    "This round has no hour at which it closes, so there is nothing to extend.");
		return false;
	}
	if (it->act->closes_ms > it->record.closes_ms + EXTEND_MAX_MS) {
		verdict_refuse(refusal, 409, "would-overreach", "An extension is short",
		    "One extension moves the close by %d days at most, here to %s; nothing takes "
		    "it "
		    "back.",
		    EXTEND_MAX_DAYS, clock_format(it->record.closes_ms + EXTEND_MAX_MS, 0, closes));
		return false;
	}
	if (it->act->closes_ms > it->record.closes_ms)
		return true;
	verdict_refuse(refusal, 409, "would-shorten", "An extension never shortens",
	    "The contest closes at %s; the new close must be later than that.",
	    clock_format(it->record.closes_ms, 0, closes));
	return false;
}

static bool phase_possible(struct act_case *it, struct verdict *refusal)
{
	if (phase_after(it->record.phase, it->act->phase_act, &it->after) != 0)
		return refuse_phase(it, refusal);
	return it->act->deed != DEED_EXTEND || extend_possible(it, refusal);
}

/* Certifying freezes what the result was made of; a correction thaws it. */
static bool is_thawed(const struct act_case *it, struct verdict *refusal)
{
	if (it->record.phase < PHASE_CERTIFIED || it->for_correction)
		return true;
	verdict_refuse(refusal, 403, "certified", "The result is certified",
	    "What a certified result was made of changes only for a correction: tallyctl %s "
	    "--for-correction, and then tallyctl correct.",
	    it->act->deed == DEED_METRICS ? "metrics import" : it->act->name);
	return false;
}

static char *disqualified_field(const struct act_case *it, char ret_field[DESK_FIELD_MAX])
{
	(void)snprintf(ret_field, DESK_FIELD_MAX, "disqualified/%s",
	    json_string_value(json_object_get(it->act->json, "entry")));
	return ret_field;
}

static bool ruling_possible(const struct act_case *it, struct verdict *refusal)
{
	char field[DESK_FIELD_MAX];
	bool stands = desk_get(it->view, DESK_RULINGS, disqualified_field(it, field)).ptr != NULL;
	if (!is_thawed(it, refusal))
		return false;
	if (stands == (it->act->deed == DEED_REQUALIFY))
		return true;
	verdict_refuse(refusal, 409, "not-possible", "Not possible for this entry",
	    stands
		? "This entry is disqualified already; requalify it first to name another reason."
		: "This entry is not disqualified.");
	return false;
}

static bool notice_possible(const struct act_case *it, struct verdict *refusal)
{
	if (it->record.notice.ptr || !json_is_null(json_object_get(it->act->json, "notice")))
		return true;
	verdict_refuse(
	    refusal, 409, "not-possible", "Not possible now", "There is no notice to take away.");
	return false;
}

static bool metrics_possible(struct act_case *it, struct verdict *refusal)
{
	if (!is_thawed(it, refusal))
		return false;
	if (metrics_compare(it) != 0) {
		verdict_of_desk(DESK_DAMAGED, refusal);
		return false;
	}
	return metrics_are_measured(it, refusal);
}

bool act_possible(struct act_case *it, struct verdict *ret_refusal)
{
	if (record_read(it->contest, it->view, &it->record) != 0) {
		verdict_of_desk(DESK_DAMAGED, ret_refusal);
		return false;
	}
	it->after = it->record.phase;
	switch (it->act->deed) {
	case DEED_PHASE:
	case DEED_EXTEND:
		return phase_possible(it, ret_refusal);
	case DEED_NOTICE:
		return notice_possible(it, ret_refusal);
	case DEED_DISQUALIFY:
	case DEED_REQUALIFY:
		return ruling_possible(it, ret_refusal);
	case DEED_METRICS:
		return metrics_possible(it, ret_refusal);
	}
	return false;
}

bool act_wants_second(const struct act_case *it)
{
	if (it->contest->approvals < 2)
		return false;
	switch (it->act->deed) {
	case DEED_PHASE: /* possible only before the hours have closed it */
		return it->act->phase_act == ACT_CLOSE;
	case DEED_DISQUALIFY:
	case DEED_REQUALIFY:
		return true;
	case DEED_METRICS:
		return it->replaced > 0;
	default:
		return false;
	}
}

bool act_is_idle(const struct act_case *it)
{
	return it->act->deed == DEED_METRICS && it->imported + it->replaced == 0;
}

/* ---- what it changes ---- */

static int set_number(struct desk_change *change, const char *field, int64_t number)
{
	char text[24];
	(void)snprintf(text, sizeof(text), "%" PRId64, number);
	return desk_set(change, DESK_RECORD, field, slice_text(text));
}

static int set_phase(struct act_case *it, struct desk_change *change, const char *latched)
{
	it->latched = latched;
	return desk_set(change, DESK_RECORD, "phase", slice_text(latched));
}

static int set_json(
    struct desk_change *change, enum desk_hash hash, const char *field, json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	int rc = text ? desk_set(change, hash, field, slice_text(text)) : -ENOMEM;
	free(text);
	json_decref(value);
	return rc;
}

static int fill_phase(struct act_case *it, struct desk_change *change)
{
	int64_t now_ms = desk_now_ms(it->view);
	int rc = 0;
	switch (it->act->phase_act) {
	case ACT_OPEN:
		it->opens_ms = now_ms;
		rc = set_number(change, "opens", now_ms);
		return rc == 0 ? set_number(change, "opened", now_ms) : rc;
	case ACT_PAUSE:
		return set_phase(it, change, "paused");
	case ACT_RESUME:
		return set_phase(it, change, "");
	case ACT_CLOSE:
	case ACT_PUBLISH:
		/* The hours may have closed it without anybody there to note it. */
		if (it->record.closed_ms == 0)
			rc = set_number(change, "closed", now_ms);
		return rc == 0 ? set_phase(it, change, phase_name(it->after)) : rc;
	default:
		return -EINVAL;
	}
}

/* An extension is only one before the close: Redis' clock judges once more at the writing. */
static int fill_extend(struct act_case *it, struct desk_change *change)
{
	it->closes_ms = it->act->closes_ms;
	desk_before(change, it->record.closes_ms);
	return set_number(change, "closes", it->closes_ms);
}

static int fill_notice(const struct act_case *it, struct desk_change *change)
{
	json_t *notice = json_object_get(it->act->json, "notice");
	if (json_is_null(notice))
		return desk_unset(change, DESK_RECORD, "notice");
	return set_json(change, DESK_RECORD, "notice", json_incref(notice));
}

static int fill_ruling(const struct act_case *it, struct desk_change *change)
{
	char field[DESK_FIELD_MAX];
	disqualified_field(it, field);
	if (it->act->deed == DEED_REQUALIFY)
		return desk_unset(change, DESK_RULINGS, field);
	return set_json(change, DESK_RULINGS, field,
	    json_pack("{s:O, s:s, s:I}", "why", json_object_get(it->act->json, "reason"), "who",
		it->who, "at", (json_int_t)desk_now_ms(it->view)));
}

static int fill_deed(struct act_case *it, struct desk_change *change)
{
	switch (it->act->deed) {
	case DEED_PHASE:
		return fill_phase(it, change);
	case DEED_EXTEND:
		return fill_extend(it, change);
	case DEED_NOTICE:
		return fill_notice(it, change);
	case DEED_DISQUALIFY:
	case DEED_REQUALIFY:
		return fill_ruling(it, change);
	case DEED_METRICS:
		return metrics_fill(it, change);
	}
	return -EINVAL;
}

int act_fill(struct act_case *it, struct desk_change *change)
{
	it->latched = it->record.latched;
	it->opens_ms = it->record.opens_ms;
	it->closes_ms = it->record.closes_ms;
	it->version = it->record.version;
	/* After certifying, the public sees the signed result until it is corrected. */
	it->bumped = it->record.phase < PHASE_CERTIFIED || it->act->deed == DEED_NOTICE;
	if (it->bumped) {
		desk_bump(change);
		it->version++;
	}
	return fill_deed(it, change);
}

json_t *act_entry(const struct act_case *it)
{
	json_t *entry = json_deep_copy(it->act->json); /* its "act" is the entry's */
	bool good = entry && json_object_set_new(entry, "who", json_string(it->who)) == 0;
	if (good && it->act->why[0])
		good = json_object_set_new(entry, "why", json_string(it->act->why)) == 0;
	if (good && it->for_correction)
		good = json_object_set_new(entry, "for_correction", json_true()) == 0;
	if (good)
		return entry;
	json_decref(entry);
	return NULL;
}
