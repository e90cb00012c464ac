/* Reads an expert's place from the desk. As JSON it is in office/seat_json.c. */
#include "office/seat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "contest/conflict.h"
#include "crypto/digest.h"
#include "office/rulings.h"

void seat_wants(const struct bearer *bearer, char refusals[DESK_FIELD_MAX],
    struct desk_want ret_wants[SEAT_WANTS])
{
	(void)snprintf(refusals, DESK_FIELD_MAX, "refused/%s", bearer->id);
	ret_wants[0] = (struct desk_want){DESK_PEOPLE, bearer->id};
	ret_wants[1] = (struct desk_want){DESK_SHEETS, bearer->id};
	ret_wants[2] = (struct desk_want){DESK_SHEETS, refusals};
	ret_wants[3] = (struct desk_want){DESK_RULINGS, NULL};
}

void seat_release(struct seat *seat)
{
	person_release(&seat->person);
	sheet_free(seat->sheet);
	free(seat->text);
	*seat = (struct seat){.contest = NULL};
}

/* ---- the person ---- */

static bool read_person(struct seat *seat, const struct bearer *bearer,
    const struct desk_view *view, struct verdict *refusal)
{
	const struct contest *contest = seat->contest;
	int panel = 0;

	if (bearer_person(bearer, view, &seat->person) < 0) {
		verdict_refuse(refusal, 401, "invalid-bearer", "This token is no longer good",
		    "The invitation was revoked or replaced by another; ask the organisers.");
		return false;
	}
	if (seat->person.role != ROLE_EXPERT) {
		verdict_refuse(refusal, 403, "forbidden", "Experts only",
		    "Only experts have a score sheet; this token is an %s's.",
		    role_name(seat->person.role));
		return false;
	}
	if (contest->n_panels == 0) {
		verdict_refuse(refusal, 404, "no-panels", "Nothing to rate",
		    "No experts rate in this contest.");
		return false;
	}
	if (seat->person.panel)
		panel = contest_panel(contest, slice_text(seat->person.panel));
	if (panel < 0) {
		verdict_of_desk(DESK_DAMAGED, refusal);
		return false;
	}
	seat->panel = &contest->panels[panel];
	return true;
}

static void read_exclusions(struct seat *seat, const struct desk_view *view)
{
	const struct contest *contest = seat->contest;
	const char *affiliation = seat->person.affiliation;

	for (size_t i = 0; i < contest->n_entries; i++) {
		const struct organisation *with =
		    affiliation ? conflict_of(contest, affiliation, i) : NULL;

		seat->conflict[i] = with ? with->id : NULL;
		seat->ruling[i] = ruling_about(view, seat->person.id, contest->entries[i].id);
		seat->excluded.entry[i] = with || seat->ruling[i].ptr;
	}
}

/* ---- the sheet ---- */

/* The stored hash is over the bytes that were saved: a sheet that was changed behind the desk's
 * back is damaged, not another revision. */
static bool is_as_saved(const char *text, const json_t *record)
{
	const char *stored = json_string_value(json_object_get(record, "sha256"));
	uint8_t digest[SHA256_SIZE];
	char hex[HEX_SIZE(SHA256_SIZE)];

	sha256(slice_text(text), digest);
	(void)hex_encode(digest, sizeof(digest), hex);
	return stored && strcmp(stored, hex) == 0;
}

static int read_record(struct seat *seat, const json_t *record)
{
	const json_t *sheet = json_object_get(record, "sheet");
	json_int_t revision = json_integer_value(json_object_get(record, "revision"));
	json_int_t saved_ms = json_integer_value(json_object_get(record, "saved"));
	char why[SHEET_WHY_MAX];
	int r;

	if (!json_is_object(sheet) || revision <= 0 || saved_ms <= 0)
		return -EBADMSG;
	r = sheet_parse(seat->contest, seat->panel, sheet, &seat->sheet, why);
	if (r < 0)
		return r == -EINVAL ? -EBADMSG : r;
	seat->text = sheet_text(seat->contest, seat->sheet);
	if (!seat->text)
		return -ENOMEM;
	seat->revision = (uint64_t)revision;
	seat->saved_ms = saved_ms;
	return is_as_saved(seat->text, record) ? 0 : -EBADMSG;
}

static int read_sheet(struct seat *seat, const struct desk_view *view)
{
	struct slice value = desk_get(view, DESK_SHEETS, seat->person.id);
	json_t *record;
	int r;

	if (value.ptr) {
		record = json_loadb(value.ptr, value.len, JSON_REJECT_DUPLICATES, NULL);
		r = read_record(seat, record);
		json_decref(record);
		return r;
	}
	seat->sheet = sheet_new();
	seat->text = seat->sheet ? sheet_text(seat->contest, seat->sheet) : NULL;
	return seat->text ? 0 : -ENOMEM;
}

bool seat_read(const struct contest *contest, const struct bearer *bearer,
    const struct desk_view *view, struct seat *ret_seat, struct verdict *ret_refusal)
{
	struct seat *seat = ret_seat;

	*seat = (struct seat){.contest = contest, .now_ms = desk_now_ms(view)};
	if (!read_person(seat, bearer, view, ret_refusal))
		return false;
	read_exclusions(seat, view);
	if (record_read(contest, view, &seat->record) < 0 || read_sheet(seat, view) < 0) {
		verdict_of_desk(DESK_DAMAGED, ret_refusal);
		return false;
	}
	return true;
}
