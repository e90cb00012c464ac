/* The desk as the audit log tells it, against metrics.json, sheets.json and the newest result. */
#include "audit/verify_replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "contest/aggregate.h"

#define METRICS "metrics.json"
#define SHEETS  "sheets.json"

static const char *text(const json_t *json, const char *name)
{
	const char *value = json_string_value(json_object_get(json, name));

	return value ? value : "";
}

/* ---- the desk ---- */

static void replay_metrics(struct replay *replay, const json_t *entry)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(entry, "metrics"), i, row)
	{
		char key[2 * CONTEST_ID_MAX + 2];

		(void)snprintf(key, sizeof(key), "%s/%s", text(row, "part"), text(row, "entry"));
		(void)json_object_set(replay->metrics, key, (json_t *)(uintptr_t)row);
	}
}

void replay_entry(struct replay *replay, const json_t *entry)
{
	const char *act = text(entry, "act"), *of = text(entry, "entry");
	char key[200];

	(void)snprintf(key, sizeof(key), "%s/%s", text(entry, "person"), of);
	if (strcmp(act, "sheet.saved") == 0 || strcmp(act, "sheet.submitted") == 0 ||
	    strcmp(act, "sheet.withdrawn") == 0)
		(void)json_object_set(
		    replay->sheets, text(entry, "person"), (json_t *)(uintptr_t)entry);
	else if (strcmp(act, "metrics") == 0)
		replay_metrics(replay, entry);
	else if (strcmp(act, "disqualify") == 0)
		(void)json_object_set(replay->disqualified, of, json_object_get(entry, "reason"));
	else if (strcmp(act, "requalify") == 0)
		(void)json_object_del(replay->disqualified, of);
	else if (strcmp(act, "ruling.recusal") == 0 ||
		 (strcmp(act, "ruling.challenge") == 0 &&
		     strcmp(text(entry, "decision"), "upheld") == 0))
		(void)json_object_set_new(replay->ruled, key, json_true());
	else if (strcmp(act, "ruling.lifted") == 0)
		(void)json_object_del(replay->ruled, key);
}

/* ---- against the other files ---- */

static void judge_metric(struct replay *replay, const json_t *row)
{
	static const char *const names[] = {"as_of", "method", "source"};
	char key[2 * CONTEST_ID_MAX + 2];
	int64_t is = 0, should = 1;

	(void)snprintf(key, sizeof(key), "%s/%s", text(row, "part"), text(row, "entry"));
	const json_t *logged = json_object_get(replay->metrics, key);
	bool same = logged && fixed_parse(text(row, "value"), &is) == 0 &&
		    fixed_parse(text(logged, "value"), &should) == 0 && is == should;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && same; i++)
		same = strcmp(text(row, names[i]), text(logged, names[i])) == 0;
	if (!same)
		verify_find(replay->verify,
		    (struct verify_place){METRICS, -1, -1, text(row, "entry")},
		    "%s is %s (%s, %s), the audit log has %s (%s, %s).", key, text(row, "value"),
		    text(row, "source"), text(row, "as_of"),
		    logged ? text(logged, "value") : "none", text(logged, "source"),
		    text(logged, "as_of"));
}

static void judge_metrics(struct replay *replay)
{
	json_t *rows = verify_take_json(replay->verify, METRICS, JSON_ARRAY);
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		judge_metric(replay, row);
	}
	if (rows && json_array_size(rows) != json_object_size(replay->metrics))
		verify_find(replay->verify, VERIFY_AT(METRICS),
		    "has %zu values, the audit log has %zu.", json_array_size(rows),
		    json_object_size(replay->metrics));
	json_decref(rows);
}

static void judge_disqualified(struct replay *replay)
{
	const json_t *formula =
	    json_object_get(json_object_get(replay->verify->document, "public"), "formula");
	const json_t *list = json_object_get(formula, "disqualified"), *row;
	char path[VERIFY_PATH_MAX];
	size_t i;

	(void)snprintf(path, sizeof(path), "results/%" PRIu64 ".json", replay->verify->version);
	json_array_foreach(list, i, row)
	{
		const json_t *logged = json_object_get(replay->disqualified, text(row, "entry"));

		if (!json_equal(logged, json_object_get(row, "reason")))
			verify_find(replay->verify,
			    (struct verify_place){path, -1, -1, text(row, "entry")},
			    "the disqualification of %s, or its reason, is not that of the audit "
			    "log.",
			    text(row, "entry"));
	}
	if (json_is_object(formula) &&
	    json_array_size(list) != json_object_size(replay->disqualified))
		verify_find(replay->verify, VERIFY_AT(path),
		    "disqualifies %zu entries, the audit log %zu.", json_array_size(list),
		    json_object_size(replay->disqualified));
}

static void judge_rulings(struct replay *replay, const json_t *row)
{
	const struct contest *contest = replay->verify->contest;

	for (size_t e = 0; e < contest->n_entries; e++) {
		const char *excluded =
		    text(json_object_get(row, "excluded"), contest->entries[e].id);
		char key[200];

		(void)snprintf(
		    key, sizeof(key), "%s/%s", text(row, "expert"), contest->entries[e].id);
		bool logged = json_object_get(replay->ruled, key) != NULL;
		if (logged ? !excluded[0] : strcmp(excluded, "ruling") == 0)
			verify_find(replay->verify,
			    (struct verify_place){SHEETS, -1, -1, contest->entries[e].id},
			    "%s is %s from %s by a ruling, in the audit log %s.",
			    text(row, "expert"), logged ? "not excluded" : "excluded",
			    contest->entries[e].id, logged ? "is" : "is not");
	}
}

static void judge_sheet(struct replay *replay, const json_t *row)
{
	const json_t *last = json_object_get(replay->sheets, text(row, "expert"));
	bool submitted = strcmp(text(last, "act"), "sheet.submitted") == 0;
	const char *commitment = text(row, "commitment");

	if (strcmp(commitment, submitted ? text(last, "sheet") : "") != 0)
		verify_find(replay->verify, VERIFY_AT(SHEETS),
		    "%s: the commitment is %s, the audit log's last sheet is %s.",
		    text(row, "expert"), commitment[0] ? commitment : "none",
		    submitted ? text(last, "sheet") : "none that was handed in");
	if (replay->verify->contest)
		judge_rulings(replay, row);
}

static void judge_sheets(struct replay *replay)
{
	json_t *sheets = verify_take_json(replay->verify, SHEETS, JSON_OBJECT);
	const json_t *row;
	size_t i;

	if (json_is_true(json_object_get(sheets, "pseudonyms")))
		verify_leave(
		    replay->verify, "sheets against the audit log: sheets.json has pseudonyms");
	else
		json_array_foreach(json_object_get(sheets, "experts"), i, row)
		{
			judge_sheet(replay, row);
		}
	json_decref(sheets);
}

void replay_compare(struct replay *replay)
{
	struct verify *verify = replay->verify;

	if (!verify->document || replay->n < replay->until)
		return;
	if (verify_listed(verify, slice_text(METRICS)))
		judge_metrics(replay);
	if (verify_listed(verify, slice_text(SHEETS)))
		judge_sheets(replay);
	judge_disqualified(replay);
}
