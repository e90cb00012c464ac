/* An expert's score sheet in memory: as JSON, what is missing on it, an entry's total. Reading one
 * is in contest/sheet_parse.c. Does not know who the expert is or which entries are in conflict. */
#include "contest/sheet.h"

#include <stdlib.h>

struct sheet *sheet_new(void)
{
	return calloc(1, sizeof(struct sheet));
}

void sheet_free(struct sheet *sheet)
{
	if (!sheet)
		return;
	for (size_t i = 0; i < CONTEST_ENTRIES_MAX; i++) {
		free(sheet->recused[i]);
		free(sheet->comment[i]);
	}
	free(sheet);
}

/* ---- printing ---- */

/* Sets a member of an object that may be NULL already, as it is returned when one could not be set.
 */
static json_t *set(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) == 0)
		return object;
	json_decref(object);
	return NULL;
}

static bool has_scores(const struct contest *contest, const struct sheet *sheet, size_t entry)
{
	for (size_t i = 0; i < contest->n_criteria; i++)
		if (sheet->scored[entry][i])
			return true;
	return false;
}

static json_t *scores_of_entry_json(
    const struct contest *contest, const struct sheet *sheet, size_t entry)
{
	json_t *scores = json_object();

	for (size_t i = 0; i < contest->n_criteria; i++)
		if (sheet->scored[entry][i])
			scores = set(
			    scores, contest->criteria[i].id, json_integer(sheet->score[entry][i]));
	return scores;
}

static json_t *scores_json(const struct contest *contest, const struct sheet *sheet)
{
	json_t *scores = json_object();

	for (size_t i = 0; i < contest->n_entries; i++)
		if (has_scores(contest, sheet, i))
			scores = set(scores, contest->entries[i].id,
			    scores_of_entry_json(contest, sheet, i));
	return scores;
}

static json_t *texts_json(const struct contest *contest, char *const *texts)
{
	json_t *json = json_object();

	for (size_t i = 0; i < contest->n_entries; i++)
		if (texts[i])
			json = set(json, contest->entries[i].id, json_string(texts[i]));
	return json;
}

json_t *sheet_json(const struct contest *contest, const struct sheet *sheet)
{
	json_t *json = json_object();

	json = set(json, "scores", scores_json(contest, sheet));
	json = set(json, "recused", texts_json(contest, sheet->recused));
	json = set(json, "comments", texts_json(contest, sheet->comment));
	return set(json, "state", json_string(sheet->submitted ? "submitted" : "draft"));
}

char *sheet_text(const struct contest *contest, const struct sheet *sheet)
{
	json_t *json = sheet_json(contest, sheet);
	char *text = json ? json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;

	json_decref(json);
	return text;
}

/* ---- what it says ---- */

static bool is_wanted(
    const struct sheet *sheet, const struct sheet_excluded *excluded, size_t entry)
{
	return !(excluded && excluded->entry[entry]) && !(sheet && sheet->recused[entry]);
}

size_t sheet_missing(const struct contest *contest, const struct panel *panel,
    const struct sheet *sheet, const struct sheet_excluded *excluded)
{
	size_t criteria[CONTEST_CRITERIA_MAX], missing = 0;
	size_t n = panel_criteria(contest, panel, criteria);

	for (size_t i = 0; i < contest->n_entries; i++) {
		if (!is_wanted(sheet, excluded, i))
			continue;
		for (size_t k = 0; k < n; k++)
			missing += !(sheet && sheet->scored[i][criteria[k]]);
		missing += panel->comments_required && !(sheet && sheet->comment[i]);
	}
	return missing;
}

size_t sheet_wanted(const struct contest *contest, const struct panel *panel,
    const struct sheet *sheet, const struct sheet_excluded *excluded)
{
	size_t criteria[CONTEST_CRITERIA_MAX], entries = 0;

	for (size_t i = 0; i < contest->n_entries; i++)
		entries += is_wanted(sheet, excluded, i);
	return entries * panel_criteria(contest, panel, criteria);
}

bool sheet_total(const struct contest *contest, const struct panel *panel,
    const struct sheet *sheet, size_t entry, int64_t *ret_total)
{
	size_t criteria[CONTEST_CRITERIA_MAX];
	size_t n = panel_criteria(contest, panel, criteria);
	int64_t total = 0;

	for (size_t i = 0; i < n; i++) {
		if (!sheet->scored[entry][criteria[i]])
			return false;
		total += (int64_t)sheet->score[entry][criteria[i]] *
			 contest->criteria[criteria[i]].weight;
	}
	if (n == 0)
		return false;
	*ret_total = total;
	return true;
}
