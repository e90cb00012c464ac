/* Writes what a bundle says of the desk, file by file. */
#include "audit/bundle_desk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/bundle_impl.h"
#include "base/clock.h"
#include "base/encode.h"
#include "office/results.h"
#include "office/showing.h"
#include "tlog/files.h"

#define CONTEST_FILE_MAX ((size_t)4 << 20)
#define DEFINITION_MAX   ((size_t)16 << 20)

/* FORMAT.md as it stood when this was built. */
extern const char format_begin[] __asm__("_binary_daemon_FORMAT_md_start");
extern const char format_end[] __asm__("_binary_daemon_FORMAT_md_end");

struct recording {
	struct bundle *bundle;
	const struct bundle_desk_options *options;
	const struct bundle_desk *desk;
	char *why;
};

static int no_memory(const struct recording *it)
{
	return bundle_fail(-ENOMEM, it->why, "There is not enough memory.");
}

static int put(const struct recording *it, const char *path, struct slice bytes)
{
	return bundle_put(it->bundle, path, bytes, it->why);
}

/* Takes `json` over; NULL: memory. */
static int put_json(const struct recording *it, const char *path, json_t *json)
{
	char *text =
	    json ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15)) : NULL;
	int r = text ? put(it, path, slice_text(text)) : no_memory(it);

	free(text);
	json_decref(json);
	return r;
}

/* ---- what the round is ---- */

static json_t *base64_json(const void *bytes, size_t len)
{
	char text[BASE64_SIZE(PP_SPKI_MAX)];

	(void)base64_encode(bytes, len, text);
	return json_string(text);
}

static json_t *keys_json(const struct recording *it)
{
	const struct bundle_desk_options *options = it->options;
	const struct round *round = options->office->round;
	uint8_t spki[PP_SPKI_MAX];
	size_t spki_len = pp_spki(round->keys.token, spki);

	return json_pack("{s:o, s:s, s:o, s:s, s:s, s:o, s:s, s:o}", "bearer_key",
	    base64_json(round->keys.bearer_spki, round->keys.bearer_spki_len), "issuer_name",
	    options->issuer_name, "log_key", base64_json(round->keys.log_key, 32), "log_name",
	    options->log_name, "origin_info", options->origin_info, "result_key",
	    base64_json(round->keys.result_key, 32), "round", round->name, "token_key",
	    base64_json(spki, spki_len));
}

static int put_contest_file(const struct recording *it)
{
	struct buf text;
	int r;

	buf_init(&text, CONTEST_FILE_MAX);
	r = tlog_read(AT_FDCWD, it->options->contest_file, CONTEST_FILE_MAX, &text);
	r = r < 0 ? bundle_fail(r, it->why, "%s: cannot be read: %s.", it->options->contest_file,
			strerror(-r))
		  : put(it, "contest.yaml", buf_slice(&text));
	buf_release(&text);
	return r;
}

static int put_round(const struct recording *it)
{
	int r = put(it, "FORMAT.md",
	    slice_make(format_begin, (size_t)((uintptr_t)format_end - (uintptr_t)format_begin)));

	if (r == 0)
		r = put_contest_file(it);
	if (r == 0)
		r = put(it, "rules.json", slice_text(it->options->office->round->rules));
	return r == 0 ? put_json(it, "keys.json", keys_json(it)) : r;
}

/* ---- results ---- */

static struct slice text_of(const json_t *stored, const char *name)
{
	const json_t *text = json_object_get(stored, name);

	return slice_make(json_string_value(text), json_string_length(text));
}

static int put_result(const struct recording *it, size_t version, const json_t *stored)
{
	struct slice document = text_of(stored, "document"), note = text_of(stored, "note");
	char path[BUNDLE_PATH_MAX];
	int r;

	if (!document.ptr || !note.ptr ||
	    result_verify(it->options->office->round, it->options->log_name, document, note) != 0 ||
	    result_verify_annex(document, text_of(stored, "annex")) != 0)
		return bundle_fail(-EBADMSG, it->why,
		    "Version %zu of the result does not verify; see tallyctl result --verify.",
		    version);
	(void)snprintf(path, sizeof(path), "results/%zu.json", version);
	r = put(it, path, document);
	(void)snprintf(path, sizeof(path), "results/%zu.note", version);
	return r == 0 ? put(it, path, note) : r;
}

static int put_results(const struct recording *it)
{
	const json_t *results = it->desk->board->results, *stored;
	int r = 0;
	size_t i;

	json_array_foreach(results, i, stored)
	{
		if (r == 0)
			r = put_result(it, i + 1, stored);
	}
	return r;
}

/* ---- metrics, sheets, annex, audit log ---- */

/* A row of the annex without who imported it, and when. */
static json_t *metric_json(const json_t *metric)
{
	static const char *const members[] = {
	    "as_of", "entry", "method", "part", "source", "value"};
	json_t *row = json_object();

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		json_object_set(row, members[i], json_object_get(metric, members[i]));
	return row;
}

static bool is_of(const json_t *metric, const char *part, const char *entry)
{
	const char *its_part = json_string_value(json_object_get(metric, "part"));
	const char *its_entry = json_string_value(json_object_get(metric, "entry"));

	return its_part && its_entry && strcmp(its_part, part) == 0 &&
	       strcmp(its_entry, entry) == 0;
}

/* In the rules' order; those that the newest result was made of. */
static json_t *metrics_json(const struct recording *it)
{
	const struct contest *contest = office_contest(it->options->office);
	const json_t *metrics = json_object_get(it->desk->annex, "metrics"), *metric;
	json_t *rows = json_array();
	size_t i;

	for (size_t p = 0; p < contest->stage.n_parts; p++)
		for (size_t e = 0; e < contest->n_entries; e++)
			json_array_foreach(metrics, i, metric)
			{
				if (is_of(
					metric, contest->stage.parts[p].id, contest->entries[e].id))
					json_array_append_new(rows, metric_json(metric));
			}
	return rows;
}

static int put_published_parts(const struct recording *it)
{
	const struct contest *contest = office_contest(it->options->office);
	const json_t *results = it->desk->board->results;
	bool auditors = it->options->auditors;
	int r = 0;

	if (bundle_has_metrics(contest, auditors))
		r = put_json(it, "metrics.json", metrics_json(it));
	if (r == 0 && bundle_has_sheets(contest, auditors))
		r = put_json(it, "sheets.json", bundle_sheets(it->options, it->desk));
	if (r == 0 && bundle_has_annex(contest, auditors))
		r = put(it, "annex.json",
		    text_of(json_array_get(results, it->desk->version - 1), "annex"));
	if (r == 0 && auditors)
		r = put(it, "audit.jsonl", buf_slice(&it->desk->audit));
	return r;
}

/* ---- published.json ---- */

static int64_t certified_ms(const struct bundle_desk *desk)
{
	const char *at = json_string_value(json_object_get(desk->document, "at"));
	int64_t ms = 0;

	return at && clock_parse(slice_text(at), &ms) == 0 ? ms : 0;
}

/* As at the time of the newest result, so that the same is always published as the same; and only
 * what follows from the bundle's other files (FORMAT.md section 5.9). A notice does not, and hours
 * do where nobody amended them. */
static json_t *definition_json(const struct recording *it)
{
	const struct board *board = it->desk->board;
	const struct contest *contest = office_contest(it->options->office);
	char *definition = showing_definition(it->options->office->round);
	struct showing_now now = {
	    .opens_ms = board->record.opens_ms == contest->opens_ms ? contest->opens_ms : 0,
	    .closes_ms = board->record.closes_ms == contest->closes_ms ? contest->closes_ms : 0,
	    .epoch = board->sealing.epoch,
	    .log = "ok",
	    .phase = board->record.phase,
	    .now_ms = certified_ms(it->desk)};
	json_t *json = NULL;
	struct buf text;

	buf_init(&text, DEFINITION_MAX);
	if (definition && showing_define(definition, &now, &text) == 0)
		json = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	buf_release(&text);
	free(definition);
	return json;
}

static json_t *tally_json(const struct recording *it, const json_t *rows)
{
	const struct contest *contest = office_contest(it->options->office);
	const struct board *board = it->desk->board;
	struct tally_input input = it->desk->count->input;
	json_t *tally, *dress;

	input.phase = board->record.phase;
	input.version = 0; /* of the sequence the log's size is left, which the result has, too */
	input.now_ms = certified_ms(it->desk);
	tally = tally_snapshot(contest, &input, false);
	dress = showing_dress(contest, board, "ok");
	if (!tally || !dress || json_object_update(tally, dress) != 0) {
		json_decref(tally);
		tally = NULL;
	}
	json_decref(dress);
	if (tally && rows)
		json_object_set(tally, "citizen", (json_t *)(uintptr_t)rows);
	if (tally)
		json_object_set_new(tally, "notice", json_null());
	return tally;
}

static json_t *results_json(const struct bundle_desk *desk)
{
	json_t *list = json_array(), *stored;
	size_t i;

	json_array_foreach(desk->board->results, i, stored)
	{
		json_array_append_new(list, showing_result(stored));
	}
	return list;
}

/* Numbers that were read have the text's own form; as text they are alike. */
static bool are_alike(const json_t *a, const json_t *b)
{
	const size_t flags =
	    JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15) | JSON_ENCODE_ANY;
	char *one = a ? json_dumps(a, flags) : NULL, *other = b ? json_dumps(b, flags) : NULL;
	bool alike = one && other && strcmp(one, other) == 0;

	free(one);
	free(other);
	return alike;
}

/* Nothing but what was certified may stand there. */
static int check_tally(const struct recording *it, const json_t *tally)
{
	static const char *const members[] = {"citizen", "ballots", "contest", "rehearsal"};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (!are_alike(json_object_get(tally, members[i]),
			json_object_get(it->desk->document, members[i])))
			return bundle_fail(-EBADMSG, it->why,
			    "The count is not the one that was certified (\"%s\" differs from "
			    "version %" PRIu64 " of the result); see tallyctl recount.",
			    members[i], it->desk->version);
	return 0;
}

static int put_published(const struct recording *it, const json_t *rows)
{
	json_t *definition = definition_json(it), *tally = tally_json(it, rows);
	int r = definition && tally ? check_tally(it, tally) : no_memory(it);

	if (r == 0)
		return put_json(it, "published.json",
		    json_pack("{s:o, s:o, s:o}", "definition", definition, "results",
			results_json(it->desk), "tally", tally));
	json_decref(definition);
	json_decref(tally);
	return r;
}

int bundle_put_desk(struct bundle *bundle, const struct bundle_desk_options *options,
    const struct bundle_desk *desk, const json_t *rows, char ret_why[BUNDLE_WHY_MAX])
{
	const struct recording it = {bundle, options, desk, ret_why};
	int r = put_round(&it);

	if (r == 0)
		r = put_results(&it);
	if (r == 0)
		r = put_published_parts(&it);
	return r == 0 ? put_published(&it, rows) : r;
}
