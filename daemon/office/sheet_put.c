/* The rules of saving a sheet, in their order: what stands already is good whenever it is asked
 * for; then the phase, the pledge, the revision, conflicts of interest, completeness. */
#include "office/sheet_put.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/encode.h"
#include "contest/tally.h"
#include "crypto/digest.h"

#define NAMED_MAX 5 /* missing items that a sentence names */

/* ---- refusals without a trace ---- */

static bool may_edit(const struct sheet_put *put)
{
	const struct record *record = &put->seat->record;
	char when[CLOCK_TEXT_SIZE];

	switch (record->phase) {
	case PHASE_OPEN:
		return true;
	case PHASE_ANNOUNCED:
		verdict_refuse(put->verdict, 403, "not-open", "Rating has not begun",
		    "Nothing was saved: rating opens at %s.",
		    clock_format(record->opens_ms, 0, when));
		return false;
	case PHASE_PAUSED:
		verdict_refuse(put->verdict, 403, "paused", "Rating is paused",
		    "Nothing was saved: the organisers have paused the contest. What was saved "
		    "before is kept.");
		return false;
	default:
		verdict_refuse(put->verdict, 403, "closed", "Rating is closed",
		    "Nothing was saved: the contest is %s. Revision %" PRIu64 " stands.",
		    phase_name(record->phase), put->seat->revision);
		return false;
	}
}

static bool has_pledged(const struct sheet_put *put)
{
	if (!put->seat->contest->pledge.required || put->seat->person.pledged_ms)
		return true;
	verdict_refuse(put->verdict, 403, "pledge-required", "The pledge comes first",
	    "Nothing was saved: agree to the pledge first (POST …/pledge).");
	return false;
}

static bool is_current(const struct sheet_put *put)
{
	const struct seat *seat = put->seat;

	if (put->if_match == seat->revision)
		return true;
	verdict_refuse(put->verdict, 412, "stale-sheet", "Another revision stands",
	    "Nothing was saved: revision %" PRIu64 " stands, and If-Match named %" PRIu64
	    ". Look at what stands before saving over it.",
	    seat->revision, put->if_match);
	put->verdict->members = json_pack(
	    "{s:I, s:o}", "revision", (json_int_t)seat->revision, "sheet", seat_json(seat));
	return false;
}

/* ---- completeness ---- */

struct missing_list {
	char text[600];
	size_t len, named;
};

/* "scores.upstage.technology", "comments.upstage" */
static void name_missing(
    struct missing_list *list, const char *member, const char *entry, const char *criterion)
{
	if (list->named == NAMED_MAX)
		return;
	list->named++;
	list->len += (size_t)snprintf(list->text + list->len, sizeof(list->text) - list->len,
	    "%s%s.%s%s%s", list->len ? ", " : "", member, entry, criterion ? "." : "",
	    criterion ? criterion : "");
}

static void list_missing(
    const struct sheet_put *put, const struct sheet *sheet, struct missing_list *list)
{
	const struct contest *contest = put->seat->contest;
	const struct panel *panel = put->seat->panel;
	size_t criteria[CONTEST_CRITERIA_MAX];
	size_t n = panel_criteria(contest, panel, criteria);

	for (size_t e = 0; e < contest->n_entries; e++) {
		const char *entry = contest->entries[e].id;

		if (put->seat->excluded.entry[e] || sheet->recused[e])
			continue;
		for (size_t i = 0; i < n; i++)
			if (!sheet->scored[e][criteria[i]])
				name_missing(
				    list, "scores", entry, contest->criteria[criteria[i]].id);
		if (panel->comments_required && !sheet->comment[e])
			name_missing(list, "comments", entry, NULL);
	}
}

static bool is_complete(const struct sheet_put *put, const struct sheet *sheet)
{
	struct missing_list list = {.len = 0};
	size_t missing =
	    sheet_missing(put->seat->contest, put->seat->panel, sheet, &put->seat->excluded);

	if (!sheet->submitted || missing == 0)
		return true;
	list_missing(put, sheet, &list);
	verdict_refuse(put->verdict, 422, "invalid-sheet", "Not a sheet that can be saved so",
	    "Nothing was saved: a sheet is submitted complete, and %zu %s missing: %s%s. As a "
	    "draft it can be saved.",
	    missing, missing == 1 ? "item is" : "items are", list.text,
	    missing > list.named ? ", …" : "");
	put->verdict->members = json_pack("{s:I}", "missing", (json_int_t)missing);
	return false;
}

/* ---- writing ---- */

static int write_record(const struct sheet_put *put)
{
	const struct seat *seat = put->seat;
	uint8_t digest[SHA256_SIZE];
	char hex[HEX_SIZE(SHA256_SIZE)];
	json_t *record;
	char *text;
	int r;

	sha256(slice_text(seat->text), digest);
	(void)hex_encode(digest, sizeof(digest), hex);
	record =
	    json_pack("{s:I, s:s, s:I, s:o, s:s}", "revision", (json_int_t)seat->revision, "state",
		seat->sheet->submitted ? "submitted" : "draft", "saved", (json_int_t)seat->saved_ms,
		"sheet", sheet_json(seat->contest, seat->sheet), "sha256", hex);
	text = record ? json_dumps(record, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
	json_decref(record);
	r = text ? desk_set(put->change, DESK_SHEETS, seat->person.id, slice_text(text)) : -ENOMEM;
	free(text);
	return r;
}

static const char *act_of(bool was_submitted, const struct sheet *sheet)
{
	if (sheet->submitted)
		return "sheet.submitted";
	return was_submitted ? "sheet.withdrawn" : "sheet.saved";
}

/* What experts hand in moves what everybody sees where the contest shows it as it comes. */
static bool is_seen(const struct seat *seat, bool was_submitted)
{
	const struct contest *contest = seat->contest;

	return (was_submitted || seat->sheet->submitted) &&
	       (visibility_is_public(contest->experts, seat->record.phase) ||
		   visibility_is_public(contest->standing, seat->record.phase));
}

static int write_all(const struct sheet_put *put, bool was_submitted)
{
	const struct seat *seat = put->seat;
	char who[OFFICE_WHO_MAX];
	int r = desk_note(put->change,
	    json_pack("{s:s, s:s, s:s, s:I}", "act", act_of(was_submitted, seat->sheet), "who",
		person_who(&seat->person, who), "person", seat->person.id, "revision",
		(json_int_t)seat->revision));

	if (r == 0)
		r = desk_revise(put->change, seat->person.id, slice_text(seat->text));
	if (r == 0)
		r = write_record(put);
	if (r == 0 && is_seen(seat, was_submitted))
		desk_bump(put->change);
	if (r == 0)
		desk_before(put->change, seat->record.closes_ms);
	return r;
}

/* ---- deciding ---- */

static bool answer(const struct sheet_put *put)
{
	*put->verdict = (struct verdict){.status = 200, .members = seat_json(put->seat)};
	if (put->verdict->members)
		return true;
	verdict_of_desk(DESK_DAMAGED, put->verdict);
	return false;
}

/* The sheet takes its place in the seat, which is then what is answered. Takes over what it is
 * given. */
static bool take_place(const struct sheet_put *put, struct sheet *sheet, char *text)
{
	struct seat *seat = put->seat;
	bool was_submitted = seat->sheet->submitted;

	sheet_free(seat->sheet);
	free(seat->text);
	seat->sheet = sheet;
	seat->text = text;
	seat->revision++;
	seat->saved_ms = seat->now_ms;
	if (!answer(put))
		return false;
	if (write_all(put, was_submitted) == 0)
		return true;
	json_decref(put->verdict->members);
	verdict_of_desk(DESK_DAMAGED, put->verdict);
	return false;
}

/* A repetition: nothing has changed since the expert looked, or the one save that followed was this
 * very sheet, its answer lost. */
static bool stands_already(const struct sheet_put *put, const char *text)
{
	const struct seat *seat = put->seat;

	return (put->if_match == seat->revision || put->if_match + 1 == seat->revision) &&
	       strcmp(text, seat->text) == 0;
}

static bool decide_sheet(const struct sheet_put *put, struct sheet *sheet, char *text)
{
	bool write = false;

	if (stands_already(put, text))
		(void)answer(put);
	else if (may_edit(put) && has_pledged(put) && is_current(put) &&
		 !sheet_put_offends(put, sheet, &write) && is_complete(put, sheet))
		return take_place(put, sheet, text);
	free(text);
	sheet_free(sheet);
	return write;
}

bool sheet_put_decide(const struct sheet_put *put)
{
	char why[SHEET_WHY_MAX];
	struct sheet *sheet = NULL;
	char *text = NULL;
	int r = sheet_parse(put->seat->contest, put->seat->panel, put->body, &sheet, why);

	if (r == -EINVAL) {
		verdict_refuse(put->verdict, 422, "invalid-sheet",
		    "Not a sheet that can be saved so", "Nothing was saved: %s.", why);
		return false;
	}
	if (r == 0)
		text = sheet_text(put->seat->contest, sheet);
	if (!text) {
		sheet_free(sheet);
		verdict_of_desk(DESK_BUSY, put->verdict);
		return false;
	}
	return decide_sheet(put, sheet, text);
}
