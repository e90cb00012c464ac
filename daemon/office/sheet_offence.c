/* Scores and comments of entries that this expert has to keep away from: by a conflict of interest,
 * or because organisers ruled so. Refused, and noted in the audit log. */
#include "office/sheet_put.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED_FOR_MS 60000 /* so long one entry about a refusal serves for its repetitions */

/* ---- what is wrong ---- */

/* A recusal beside them says the same once more and harms nobody. */
static bool says_something(const struct sheet_put *put, const struct sheet *sheet, size_t entry)
{
	if (sheet->comment[entry])
		return true;
	for (size_t i = 0; i < put->seat->contest->n_criteria; i++)
		if (sheet->scored[entry][i])
			return true;
	return false;
}

struct offence {
	bool entry[CONTEST_ENTRIES_MAX];
	size_t n;
};

static void find_offence(
    const struct sheet_put *put, const struct sheet *sheet, struct offence *ret_offence)
{
	const struct seat *seat = put->seat;

	*ret_offence = (struct offence){.n = 0};
	for (size_t i = 0; i < seat->contest->n_entries; i++)
		if (seat->excluded.entry[i] && says_something(put, sheet, i)) {
			ret_offence->entry[i] = true;
			ret_offence->n++;
		}
}

/* {"conflicts":{entry:organisation},"ruled":[entry]}. NULL: memory. */
static json_t *offence_members(const struct sheet_put *put, const struct offence *offence)
{
	const struct seat *seat = put->seat;
	json_t *conflicts = json_object(), *ruled = json_array();

	for (size_t i = 0; i < seat->contest->n_entries; i++) {
		const char *id = seat->contest->entries[i].id;

		if (offence->entry[i] && seat->conflict[i])
			(void)json_object_set_new(conflicts, id, json_string(seat->conflict[i]));
		else if (offence->entry[i])
			(void)json_array_append_new(ruled, json_string(id));
	}
	return json_pack("{s:o, s:o}", "conflicts", conflicts, "ruled", ruled);
}

static void refuse_offence(const struct sheet_put *put, const struct offence *offence)
{
	const struct seat *seat = put->seat;
	char list[600] = "";
	size_t len = 0;

	for (size_t i = 0; i < seat->contest->n_entries && len < sizeof(list); i++)
		if (offence->entry[i])
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s (%s)",
			    len ? ", " : "", seat->contest->entries[i].id,
			    seat->conflict[i] ? seat->conflict[i] : "a ruling");
	verdict_refuse(put->verdict, 403, "conflict-of-interest", "A conflict of interest",
	    "Nothing was saved: you may neither rate nor comment on %s. Leave out their scores "
	    "and comments.",
	    list);
	put->verdict->members = offence_members(put, offence);
}

/* ---- the audit log ---- */

/* The entries about which a refusal was noted within the last minute, as {"at":ms,"entries":[…]};
 * NULL: none. */
static json_t *read_noted(const struct sheet_put *put)
{
	char field[DESK_FIELD_MAX];
	struct slice value;
	json_t *noted;

	(void)snprintf(field, sizeof(field), "refused/%s", put->seat->person.id);
	value = desk_get(put->view, DESK_SHEETS, field);
	noted = value.ptr ? json_loadb(value.ptr, value.len, 0, NULL) : NULL;
	if (json_integer_value(json_object_get(noted, "at")) > put->seat->now_ms - REFUSED_FOR_MS)
		return noted;
	json_decref(noted);
	return NULL;
}

static bool lists(const json_t *list, const char *id)
{
	size_t i;
	json_t *one;

	json_array_foreach((json_t *)list, i, one)
	{
		if (json_is_string(one) && strcmp(json_string_value(one), id) == 0)
			return true;
	}
	return false;
}

static int write_noted(const struct sheet_put *put, const json_t *noted)
{
	char field[DESK_FIELD_MAX];
	char *text = noted ? json_dumps(noted, JSON_COMPACT) : NULL;
	int r;

	(void)snprintf(field, sizeof(field), "refused/%s", put->seat->person.id);
	r = text ? desk_set(put->change, DESK_SHEETS, field, slice_text(text)) : -ENOMEM;
	free(text);
	return r;
}

/* True: there is an entry to be written. A refusal is noted once a minute for each entry of the
 * contest that it is about, so that no expert can fill the log by trying, and no attempt at another
 * entry is missed. */
static bool note_offence(const struct sheet_put *put, const struct offence *offence)
{
	const struct seat *seat = put->seat;
	json_t *noted = read_noted(put), *tried = json_array(), *listed;
	char who[OFFICE_WHO_MAX];
	bool news = false;

	if (!noted)
		noted = json_pack("{s:I, s:[]}", "at", (json_int_t)seat->now_ms, "entries");
	listed = json_object_get(noted, "entries");
	for (size_t i = 0; i < seat->contest->n_entries; i++) {
		const char *id = seat->contest->entries[i].id;

		if (!offence->entry[i])
			continue;
		(void)json_array_append_new(tried, json_string(id));
		if (lists(listed, id))
			continue;
		news = true;
		(void)json_array_append_new(listed, json_string(id));
	}
	if (news && write_noted(put, noted) == 0)
		(void)desk_note(put->change,
		    json_pack("{s:s, s:s, s:s, s:s, s:O}", "act", "sheet.refused", "who",
			person_who(&seat->person, who), "person", seat->person.id, "reason",
			"conflict-of-interest", "entries", tried));
	json_decref(noted);
	json_decref(tried);
	return news; /* desk_update() remembers what went wrong: without its entry nothing is
			written */
}

bool sheet_put_offends(const struct sheet_put *put, const struct sheet *sheet, bool *ret_write)
{
	struct offence offence;

	find_offence(put, sheet, &offence);
	if (offence.n == 0)
		return false;
	refuse_offence(put, &offence);
	*ret_write = note_offence(put, &offence);
	return true;
}
