/* sheets.json: every expert in office, what they handed in, and what they were kept from. */
#include "audit/bundle_desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "office/exports.h"

#define NAME_MAX_BYTES  40
#define SHORT_NAME_SIZE 3 /* bytes; a shorter name stands in too many words */

struct sheet_row {
	const struct board_expert *expert;
	uint8_t digest[SHA256_SIZE]; /* where experts are numbered: orders them */
};

static int compare_rows(const void *a, const void *b)
{
	const struct sheet_row *x = a, *y = b;
	int order;

	if (x->expert->panel != y->expert->panel)
		return x->expert->panel < y->expert->panel ? -1 : 1;
	order = memcmp(x->digest, y->digest, sizeof(x->digest));
	return order ? order : strcmp(x->expert->person.id, y->expert->person.id);
}

/* An order of its own: what exports number otherwise says nothing of these numbers. */
static struct sheet_row *sort_experts(
    const struct bundle_desk_options *options, const struct board *board, bool numbered)
{
	const uint8_t *salt = options->office->round->keys.salt;
	struct sheet_row *rows = calloc(board->n_experts + 1, sizeof(*rows));

	for (size_t i = 0; rows && i < board->n_experts; i++) {
		rows[i].expert = &board->experts[i];
		if (numbered)
			export_pseudonym(board->experts[i].person.id, "", salt, rows[i].digest);
	}
	if (rows)
		qsort(rows, board->n_experts, sizeof(*rows), compare_rows);
	return rows;
}

/* ---- one expert ---- */

/* By the rulings that the result was made of, not by those that came later. */
static bool is_ruled(const json_t *annex, const char *person, const char *entry)
{
	const json_t *rulings = json_object_get(annex, "rulings"), *ruling;
	char id[DESK_FIELD_MAX];
	size_t i;

	(void)snprintf(id, sizeof(id), "recusal/%s/%s", person, entry);
	json_array_foreach(rulings, i, ruling)
	{
		const char *its = json_string_value(json_object_get(ruling, "id"));

		if (its && strcmp(its, id) == 0)
			return true;
	}
	return false;
}

static json_t *excluded_json(
    const struct contest *contest, const struct board_expert *expert, const json_t *annex)
{
	json_t *excluded = json_object();

	for (size_t e = 0; e < contest->n_entries; e++) {
		const char *entry = contest->entries[e].id;
		bool conflict = expert->conflict[e] != NULL;

		if (conflict || is_ruled(annex, expert->person.id, entry))
			json_object_set_new(
			    excluded, entry, json_string(conflict ? "conflict" : "ruling"));
	}
	return excluded;
}

static json_t *expert_json(const struct contest *contest, const struct bundle_desk *desk,
    const struct board_expert *expert, const char *number)
{
	const struct person *person = &expert->person;
	json_t *kept = json_object_get(desk->sheets, person->id);
	json_t *row = json_pack("{s:s, s:s, s:o, s:O?, s:O?, s:O?}", "expert",
	    number ? number : person->id, "panel", contest->panels[expert->panel].id, "excluded",
	    excluded_json(contest, expert, desk->annex), "commitment",
	    json_object_get(kept, "commitment"), "salt", json_object_get(kept, "salt"), "sheet",
	    json_object_get(kept, "sheet"));

	if (row && !number) {
		json_object_set_new(row, "name", json_string(person->name));
		json_object_set_new(row, "affiliation",
		    person->affiliation ? json_string(person->affiliation) : json_null());
	}
	return row;
}

json_t *bundle_sheets(const struct bundle_desk_options *options, const struct bundle_desk *desk)
{
	const struct contest *contest = office_contest(options->office);
	bool numbered = contest->pseudonyms && !options->auditors;
	struct sheet_row *rows = sort_experts(options, desk->board, numbered);
	json_t *experts = rows ? json_array() : NULL;

	for (size_t i = 0; experts && i < desk->board->n_experts; i++) {
		char number[NAME_MAX_BYTES];
		json_t *row;

		(void)snprintf(number, sizeof(number), "expert-%zu", i + 1);
		row = expert_json(contest, desk, rows[i].expert, numbered ? number : NULL);
		if (json_array_append_new(experts, row) != 0) {
			json_decref(experts);
			experts = NULL;
		}
	}
	free(rows);
	return experts ? json_pack("{s:o, s:b, s:I}", "experts", experts, "pseudonyms", numbered,
			     "version", (json_int_t)desk->version)
		       : NULL;
}

/* ---- words that name somebody ---- */

static bool names_somebody(const char *sheet, const struct board *board)
{
	for (size_t i = 0; sheet && i < board->n_experts; i++) {
		const struct person *person = &board->experts[i].person;

		if ((strlen(person->name) >= SHORT_NAME_SIZE && strstr(sheet, person->name)) ||
		    strstr(sheet, person->id))
			return true;
	}
	return false;
}

json_t *bundle_sheets_warnings(const json_t *sheets, const struct bundle_desk *desk)
{
	json_t *warnings = json_array(), *row;
	size_t i;

	if (!json_is_true(json_object_get(sheets, "pseudonyms")))
		return warnings;
	json_array_foreach(json_object_get(sheets, "experts"), i, row)
	{
		const char *sheet = json_string_value(json_object_get(row, "sheet"));

		if (warnings && names_somebody(sheet, desk->board))
			json_array_append_new(warnings,
			    json_sprintf("The sheet of %s in sheets.json names an expert in its "
					 "words; read it before anybody else does.",
				json_string_value(json_object_get(row, "expert"))));
	}
	return warnings;
}
