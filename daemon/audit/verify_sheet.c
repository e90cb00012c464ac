/* One expert of sheets.json: commitment, the sheet itself, and what the expert was kept from. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/verify_stage.h"
#include "contest/conflict.h"
#include "store/desk.h"

#define SHEETS "sheets.json"

struct row { /* what is looked at */
	struct stage *stage;
	const json_t *json;
	size_t number;
	const char *expert;
	bool good;
};

__attribute__((format(printf, 2, 3))) static void refuse(struct row *row, const char *format, ...)
{
	char why[600];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	verify_find(row->stage->verify, VERIFY_AT(SHEETS), "experts[%zu], %s: %s", row->number,
	    row->expert, why);
	row->good = false;
}

static struct slice text_of(const struct row *row, const char *name)
{
	const json_t *text = json_object_get(row->json, name);

	return slice_make(json_string_value(text), json_string_length(text));
}

/* ---- the sheet ---- */

static void judge_commitment(struct row *row, struct slice sheet)
{
	struct slice salt_hex = text_of(row, "salt"), commitment = text_of(row, "commitment");
	uint8_t salt[32], hash[32];
	char hex[HEX_SIZE(32)];
	size_t len = 0;

	if (hex_decode(salt_hex, salt, sizeof(salt), &len) != 0 || len != sizeof(salt)) {
		refuse(row, "the salt is no 32 bytes in hex.");
		return;
	}
	hex_encode(salt, sizeof(salt), hex);
	if (!slice_is(salt_hex, hex))
		refuse(row, "the salt is not in lower-case hex.");
	desk_commitment(salt, sheet, hash);
	hex_encode(hash, sizeof(hash), hex);
	if (!slice_is(commitment, hex))
		refuse(row, "the commitment is %.*s, salt and sheet give %s.",
		    VERIFY_TEXT(commitment), hex);
}

static void read_sheet(struct row *row, struct board_expert *expert)
{
	const struct contest *contest = row->stage->contest;
	struct slice text = text_of(row, "sheet");
	char why[SHEET_WHY_MAX];
	json_error_t error;
	json_t *body = verify_load(text, &error);
	int rc =
	    body ? sheet_parse(contest, &contest->panels[expert->panel], body, &expert->sheet, why)
		 : -EINVAL;

	if (!body)
		(void)snprintf(why, sizeof(why), "it is no JSON.");
	if (rc == -EINVAL)
		refuse(row, "the sheet is none: %s", why);
	else if (rc != 0)
		verify_fail(row->stage->verify, rc, SHEETS);
	json_decref(body);
	if (rc != 0)
		return;
	char *canonical = sheet_text(contest, expert->sheet);
	if (!canonical || !slice_is(text, canonical))
		refuse(row, "the sheet is not written as one is kept.");
	if (!expert->sheet->submitted)
		refuse(row, "the sheet was not handed in.");
	free(canonical);
	judge_commitment(row, text);
}

/* All three are there, or none. */
static void take_sheet(struct row *row, struct board_expert *expert)
{
	static const char *const names[] = {"commitment", "salt", "sheet"};
	size_t texts = 0, nulls = 0;

	for (size_t i = 0; i < 3; i++) {
		texts += json_is_string(json_object_get(row->json, names[i]));
		nulls += json_is_null(json_object_get(row->json, names[i]));
	}
	if (texts == 3)
		read_sheet(row, expert);
	else if (nulls != 3)
		refuse(row, "commitment, salt and sheet are to be texts, or all null.");
}

/* ---- what an expert says nothing of, by right ---- */

/* Conflicts follow from the affiliation where it is told. */
static void judge_conflicts(struct row *row, const struct board_expert *expert)
{
	const struct contest *contest = row->stage->contest;
	const struct organisation *with[CONTEST_ENTRIES_MAX];
	const json_t *affiliation = json_object_get(row->json, "affiliation");

	if (!affiliation)
		return;
	conflict_of_each(contest, json_string_value(affiliation), with);
	for (size_t e = 0; e < contest->n_entries; e++)
		if ((with[e] != NULL) != (expert->conflict[e] != NULL))
			refuse(row, "%s %s a conflict of interest with %s.",
			    json_string_value(affiliation) ? json_string_value(affiliation)
							   : "no affiliation",
			    with[e] ? "has" : "has not", contest->entries[e].id);
}

static void take_excluded(struct row *row, struct board_expert *expert)
{
	json_t *excluded = json_object_get(row->json, "excluded"), *value;
	const char *id;

	if (!json_is_object(excluded))
		refuse(row, "excluded is no object.");
	json_object_foreach(excluded, id, value)
	{
		int entry = contest_entry(row->stage->contest, slice_text(id));
		const char *why = json_string_value(value);
		bool conflict = why && strcmp(why, "conflict") == 0;

		if (entry < 0 || !why || (!conflict && strcmp(why, "ruling") != 0))
			refuse(row,
			    "is excluded from \"%s\", which is no entry, or for no reason that "
			    "there is.",
			    id);
		else if (conflict)
			expert->conflict[entry] = "conflict";
		else
			expert->ruled[entry] = true;
	}
	judge_conflicts(row, expert);
}

bool stage_expert(struct stage *stage, const json_t *json, size_t number, bool pseudonyms,
    struct board_expert *ret_expert)
{
	const char *expert = json_string_value(json_object_get(json, "expert"));
	const char *panel = json_string_value(json_object_get(json, "panel"));
	struct row row = {
	    .stage = stage, .json = json, .number = number, .expert = expert, .good = true};
	int p = contest_panel(stage->contest, slice_text(panel));

	if (p < 0) {
		refuse(&row, "there is no panel %s.", panel);
		return false;
	}
	ret_expert->panel = (size_t)p;
	if (json_object_size(json) != (pseudonyms ? 6 : 8) ||
	    pseudonyms == (json_object_get(json, "name") || json_object_get(json, "affiliation")))
		refuse(&row, pseudonyms
				 ? "has other members than an expert without a name."
				 : "has other members than an expert with name and affiliation.");
	const json_t *affiliation = json_object_get(json, "affiliation");
	if (!pseudonyms && (!json_is_string(json_object_get(json, "name")) ||
			       !(json_is_string(affiliation) || json_is_null(affiliation))))
		refuse(&row, "name is to be a text, affiliation a text or null.");
	take_excluded(&row, ret_expert);
	take_sheet(&row, ret_expert);
	return row.good;
}
