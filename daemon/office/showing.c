/* Prints what everybody is shown. What of it may be shown now is board_json.c's and contest/tally's
 * business. */
#include "office/showing.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/encode.h"
#include "office/results.h"

/* ---- the definition ---- */

char *showing_definition(const struct round *round)
{
	char rules_hash[HEX_SIZE(SHA256_SIZE)];
	json_t *definition = contest_public_json(round->contest);
	char *text;

	(void)hex_encode(round->rules_hash, SHA256_SIZE, rules_hash);
	json_object_del(definition, "opens_at");
	json_object_del(definition, "closes_at");
	if (definition)
		json_object_set_new(definition, "rules_hash", json_string(rules_hash));
	text = definition ? json_dumps(definition, JSON_COMPACT) : NULL;
	json_decref(definition);
	if (text)
		text[strlen(text) - 1] = '\0';
	return text;
}

static int append_time(struct buf *out, const char *name, int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	return wall_ms ? buf_printf(out, ",\"%s\":\"%s\"", name, clock_format(wall_ms, 1, text))
		       : buf_printf(out, ",\"%s\":null", name);
}

int showing_define(const char *definition, const struct showing_now *now, struct buf *out)
{
	char text[CLOCK_TEXT_SIZE];
	int rc = buf_append_text(out, definition);

	if (rc == 0)
		rc = append_time(out, "opens_at", now->opens_ms);
	if (rc == 0)
		rc = append_time(out, "closes_at", now->closes_ms);
	if (rc == 0)
		rc = buf_printf(out,
		    ",\"notice\":%s,\"epoch\":%" PRIu64
		    ",\"log\":\"%s\",\"phase\":\"%s\",\"now\":\"%s\"}",
		    now->notice ? now->notice : "null", now->epoch, now->log,
		    phase_name(now->phase), clock_format(now->now_ms, 1, text));
	return rc;
}

/* ---- the snapshot ---- */

json_t *showing_record(const struct record *record, uint64_t epoch, const char *log)
{
	struct slice notice = record->notice;

	return json_pack("{s:s, s:I, s:s, s:o}", "phase", phase_name(record->phase), "epoch",
	    (json_int_t)epoch, "log", log, "notice",
	    notice.ptr ? json_loadb(notice.ptr, notice.len, 0, NULL) : json_null());
}

json_t *showing_dress(const struct contest *contest, const struct board *board, const char *log)
{
	json_t *formula, *standing = board_public_standing(contest, board, &formula);
	json_t *members = showing_record(&board->record, board->sealing.epoch, log);
	json_t *counted = json_pack(
	    "{s:o, s:o}", "experts", board_public_experts(contest, board), "standing", standing);

	if (!counted || json_object_update(members, counted) != 0) {
		json_decref(members);
		members = NULL;
	}
	json_decref(counted);
	if (members && formula)
		json_object_set(members, "formula", formula);
	json_decref(formula);
	size_t versions = json_array_size(board->results);
	if (members && versions > 0)
		json_object_set_new(members, "result",
		    json_pack("{s:I, s:O}", "version", (json_int_t)versions, "kind",
			json_object_get(board->result, "kind")));
	return members;
}

/* ---- results ---- */

json_t *showing_result(const json_t *stored)
{
	const json_t *text = json_object_get(stored, "document");
	struct slice bytes = slice_make(json_string_value(text), json_string_length(text));
	json_t *document = json_loadb(bytes.ptr, bytes.len, JSON_REJECT_DUPLICATES, NULL);
	json_t *row =
	    document
		? json_pack("{s:O, s:O, s:O, s:o}", "version", json_object_get(document, "version"),
		      "kind", json_object_get(document, "kind"), "at",
		      json_object_get(document, "at"), "sha256", result_sha256(bytes))
		: NULL;

	json_decref(document);
	return row;
}
