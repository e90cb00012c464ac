/* An expert's place as the API shows it: everything that the sheet's page needs, and nothing of
 * anybody else. */
#include "office/seat.h"

#include "base/clock.h"
#include "contest/conflict.h"

/* ---- pieces; each NULL: memory ---- */

static json_t *text_json(const struct text *text)
{
	return text->ko ? json_pack("{s:s, s:s}", "ko", text->ko, "en", text->en) : json_null();
}

static json_t *time_json(int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	return wall_ms ? json_string(clock_format(wall_ms, 1, text)) : json_null();
}

/* Takes `value` over; `object` is NULL already where something before it failed. */
static json_t *put(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) == 0)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *expert_json(const struct seat *seat)
{
	const struct person *person = &seat->person;
	const struct organisation *organisation =
	    person->affiliation ? conflict_organisation(seat->contest, person->affiliation) : NULL;

	return json_pack("{s:s, s:s, s:s?, s:s?, s:{s:s, s:o, s:b}}", "id", person->id, "name",
	    person->name, "affiliation", person->affiliation, "organisation",
	    organisation ? organisation->id : NULL, "panel", "id", seat->panel->id, "name",
	    text_json(&seat->panel->name), "comments_required", seat->panel->comments_required);
}

static json_t *criteria_json(const struct seat *seat)
{
	size_t own[CONTEST_CRITERIA_MAX];
	size_t n = panel_criteria(seat->contest, seat->panel, own);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct criterion *criterion = &seat->contest->criteria[own[i]];

		if (json_array_append_new(list,
			json_pack("{s:s, s:o, s:o, s:i, s:i, s:i, s:i}", "id", criterion->id,
			    "name", text_json(&criterion->name), "rubric",
			    text_json(&criterion->rubric), "min", criterion->min, "max",
			    criterion->max, "step", criterion->step, "weight", criterion->weight)) <
		    0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *conflicts_json(const struct seat *seat)
{
	json_t *conflicts = json_object();

	for (size_t i = 0; i < seat->contest->n_entries; i++)
		if (seat->conflict[i])
			conflicts = put(conflicts, seat->contest->entries[i].id,
			    json_string(seat->conflict[i]));
	return conflicts;
}

/* The names of those that conflicts are with. */
static json_t *organisations_json(const struct seat *seat)
{
	json_t *names = json_object();

	for (size_t i = 0; i < seat->contest->n_entries; i++) {
		const struct organisation *organisation =
		    seat->conflict[i] ? contest_organisation(seat->contest, seat->conflict[i])
				      : NULL;

		if (organisation)
			names = put(names, organisation->id, text_json(&organisation->name));
	}
	return names;
}

/* Who ruled is between organisers. */
static json_t *ruling_json(struct slice ruling)
{
	json_t *all = json_loadb(ruling.ptr, ruling.len, 0, NULL);
	const char *kind = json_string_value(json_object_get(all, "kind"));
	const char *why = json_string_value(json_object_get(all, "why"));
	json_t *shown =
	    json_pack("{s:s, s:s}", "kind", kind ? kind : "recusal", "why", why ? why : "");

	json_decref(all);
	return shown;
}

static json_t *rulings_json(const struct seat *seat)
{
	json_t *rulings = json_object();

	for (size_t i = 0; i < seat->contest->n_entries; i++)
		if (seat->ruling[i].ptr)
			rulings = put(
			    rulings, seat->contest->entries[i].id, ruling_json(seat->ruling[i]));
	return rulings;
}

static json_t *pledge_json(const struct seat *seat)
{
	const struct contest *contest = seat->contest;

	return json_pack("{s:o, s:b, s:o}", "text", text_json(&contest->pledge.text), "required",
	    contest->pledge.required, "given_at", time_json(seat->person.pledged_ms));
}

/* ---- the whole ---- */

static json_t *head_json(const struct seat *seat)
{
	const struct record *record = &seat->record;

	return json_pack("{s:s, s:o, s:s, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "contest",
	    seat->contest->id, "expert", expert_json(seat), "phase", phase_name(record->phase),
	    "now", time_json(seat->now_ms), "closes_at", time_json(record->closes_ms), "editable",
	    record->phase == PHASE_OPEN, "criteria", criteria_json(seat), "conflicts",
	    conflicts_json(seat), "organisations", organisations_json(seat), "rulings",
	    rulings_json(seat), "pledge", pledge_json(seat));
}

static json_t *numbers_json(const struct seat *seat)
{
	const struct contest *contest = seat->contest;

	return json_pack("{s:I, s:o, s:I, s:I}", "revision", (json_int_t)seat->revision, "saved_at",
	    time_json(seat->saved_ms), "missing",
	    (json_int_t)sheet_missing(contest, seat->panel, seat->sheet, &seat->excluded), "wanted",
	    (json_int_t)sheet_wanted(contest, seat->panel, seat->sheet, &seat->excluded));
}

json_t *seat_json(const struct seat *seat)
{
	json_t *json = head_json(seat);
	json_t *sheet = sheet_json(seat->contest, seat->sheet);
	json_t *numbers = numbers_json(seat);

	if (!json || json_object_update(json, sheet) < 0 || json_object_update(json, numbers) < 0) {
		json_decref(json);
		json = NULL;
	}
	json_decref(sheet);
	json_decref(numbers);
	return json;
}
