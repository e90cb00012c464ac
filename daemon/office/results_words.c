/* A result in words: the public document, its annex, and the note that signs both; and the check of
 * all three. */
#include "office/results_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/encode.h"
#include "crypto/digest.h"
#include "crypto/note.h"

#define NOTE_MAX 4096

/* ---- the note ---- */

/* The text that is signed; -EINVAL when it does not fit. */
static int note_text(
    const struct round *round, uint64_t version, struct slice document, char ret_text[NOTE_MAX])
{
	uint8_t hash[SHA256_SIZE];
	char hex[HEX_SIZE(SHA256_SIZE)];
	sha256(document, hash);
	hex_encode(hash, sizeof(hash), hex);
	int n = snprintf(ret_text, NOTE_MAX, "tallyd result v1\n%s\n%" PRIu64 "\n%s\n", round->name,
	    version, hex);
	return n > 0 && n < NOTE_MAX ? 0 : -EINVAL;
}

static int note_name(const struct round *round, const char *log_name, char ret[NOTE_NAME_MAX + 1])
{
	int n = snprintf(ret, NOTE_NAME_MAX + 1, "%s/%s/result", log_name, round->name);
	return n > 0 && n <= NOTE_NAME_MAX ? 0 : -EINVAL;
}

static json_t *sign(const struct signing *signing, const char *document)
{
	const struct round *round = signing->office->round;
	char text[NOTE_MAX], name[NOTE_NAME_MAX + 1];
	struct buf note;
	json_t *signed_note = NULL;
	buf_init(&note, NOTE_MAX);
	if (note_text(round, signing->version, slice_text(document), text) == 0 &&
	    note_name(round, signing->log_name, name) == 0 &&
	    note_sign(slice_text(text), name, signing->seed, &note) == 0)
		signed_note = json_stringn(note.data, note.len);
	buf_release(&note);
	return signed_note;
}

static uint64_t version_of(struct slice document)
{
	json_t *json = json_loadb(document.ptr, document.len, JSON_REJECT_DUPLICATES, NULL);
	json_int_t version = json_integer_value(json_object_get(json, "version"));
	json_decref(json);
	return version > 0 ? (uint64_t)version : 0;
}

int result_verify(
    const struct round *round, const char *log_name, struct slice document, struct slice note)
{
	char text[NOTE_MAX], name[NOTE_NAME_MAX + 1];
	struct slice said;
	if (note_text(round, version_of(document), document, text) != 0 ||
	    note_name(round, log_name, name) != 0 ||
	    note_open(note, name, round->keys.result_key, &said) != 0)
		return -EBADMSG;
	return slice_is(said, text) ? 0 : -EBADMSG;
}

json_t *result_sha256(struct slice bytes)
{
	uint8_t hash[SHA256_SIZE];
	char hex[HEX_SIZE(SHA256_SIZE)];
	sha256(bytes, hash);
	hex_encode(hash, sizeof(hash), hex);
	return json_string(hex);
}

int result_verify_annex(struct slice document, struct slice annex)
{
	json_t *json = json_loadb(document.ptr, document.len, JSON_REJECT_DUPLICATES, NULL);
	json_t *hash = result_sha256(annex);
	int rc = hash && json_equal(json_object_get(json, "annex_sha256"), hash) ? 0 : -EBADMSG;
	json_decref(hash);
	json_decref(json);
	return rc;
}

/* ---- the texts ---- */

char *result_canonical(const json_t *json)
{
	return json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15));
}

/* A text of a stored result without what every signing changes; annex_sha256 follows from a salt.
 */
static json_t *substance(const json_t *stored, const char *name)
{
	static const char *const changing[] = {
	    "version", "kind", "at", "who", "why", "audit", "annex_sha256", "salt"};
	const json_t *text = json_object_get(stored, name);
	json_t *json = json_is_string(text)
			   ? json_loads(json_string_value(text), JSON_REJECT_DUPLICATES, NULL)
			   : NULL;
	for (size_t i = 0; i < sizeof(changing) / sizeof(changing[0]); i++)
		(void)json_object_del(json, changing[i]);
	return json;
}

bool result_says_the_same(const json_t *record, struct slice stored)
{
	static const char *const texts[] = {"document", "annex"};
	json_t *before = json_loadb(stored.ptr, stored.len, JSON_REJECT_DUPLICATES, NULL);
	bool same = before != NULL;
	for (size_t i = 0; i < 2 && same; i++) {
		json_t *was = substance(before, texts[i]), *is = substance(record, texts[i]);
		/* as text: numbers that were read differ from those in a document of old */
		char *one = was ? result_canonical(was) : NULL,
		     *other = is ? result_canonical(is) : NULL;
		same = one && other && strcmp(one, other) == 0;
		free(one);
		free(other);
		json_decref(was);
		json_decref(is);
	}
	json_decref(before);
	return same;
}

json_t *result_citizen(const struct signing *signing)
{
	struct tally_input input = signing->count->input;
	input.phase = PHASE_CERTIFIED; /* so that no embargo holds */
	json_t *snapshot = tally_snapshot(office_contest(signing->office), &input, false);
	json_t *rows = json_incref(json_object_get(snapshot, "citizen"));
	json_decref(snapshot);
	return rows;
}

static json_t *advanced(const struct contest *contest, const struct board *board)
{
	json_t *list = json_array();
	for (size_t i = 0; i < contest->n_entries && contest->stage.n_parts > 0; i++)
		if (board->standing.row[i].advance == ADVANCE_YES)
			json_array_append_new(list, json_string(contest->entries[i].id));
	return list;
}

/* As if it were provisional: what was certified before says nothing of what is signed now. */
static json_t *public_part(const struct contest *contest, struct board *board)
{
	enum phase phase = board->record.phase;
	json_t *formula = NULL;
	board->record.phase = PHASE_PROVISIONAL;
	json_t *standing = board_public_standing(contest, board, &formula);
	json_t *experts = board_public_experts(contest, board);
	board->record.phase = phase;
	return json_pack("{s:o, s:o, s:o}", "experts", experts, "standing", standing, "formula",
	    formula ? formula : json_null());
}

static json_t *annex_json(const struct signing *signing)
{
	const struct contest *contest = office_contest(signing->office);
	const struct board *board = signing->board;
	char salt[HEX_SIZE(sizeof(signing->salt))];
	hex_encode(signing->salt, sizeof(signing->salt), salt);
	return json_pack("{s:I, s:s, s:o, s:o, s:O, s:O}", "version", (json_int_t)signing->version,
	    "salt", salt, "experts", board_all_experts(contest, board), "standing",
	    contest->stage.n_parts > 0 ? standing_json(contest, &board->input, &board->standing)
				       : json_null(),
	    "metrics", board->metrics, "rulings", board->rulings);
}

static json_t *audit_json(const struct board *board, const struct desk_view *view)
{
	struct slice head = desk_get(view, DESK_RECORD, "head");
	char hex[HEX_SIZE(SHA256_SIZE)] = "";
	if (head.len == SHA256_SIZE)
		hex_encode(head.ptr, head.len, hex);
	return json_pack("{s:I, s:s}", "n", (json_int_t)board->size, "head", hex);
}

static json_t *document_json(
    const struct signing *signing, const struct desk_view *view, const char *annex)
{
	const struct round *round = signing->office->round;
	const struct ledger_totals *totals = &signing->count->totals;
	char at[CLOCK_TEXT_SIZE], rules[HEX_SIZE(SHA256_SIZE)];
	hex_encode(round->rules_hash, SHA256_SIZE, rules);
	return json_pack(
	    "{s:I, s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:O, s:o, s:o, s:o, s:o, s:o}",
	    "version", (json_int_t)signing->version, "kind",
	    signing->correct ? "corrected" : "certified", "contest", round->contest->id,
	    "rehearsal", round->contest->rehearsal, "rules_hash", rules, "at",
	    clock_format(desk_now_ms(view), 1, at), "who", signing->who, "why", signing->why,
	    "ballots", (json_int_t)totals->ballots, "issued", (json_int_t)totals->issued,
	    "log_size", (json_int_t)totals->log_size, "log", signing->evidence.log, "citizen",
	    result_citizen(signing), "advanced", advanced(round->contest, signing->board), "public",
	    public_part(round->contest, signing->board), "audit", audit_json(signing->board, view),
	    "annex_sha256", result_sha256(slice_text(annex)));
}

int result_words(struct signing *signing, const struct desk_view *view)
{
	json_t *annex = annex_json(signing);
	char *annex_text = annex ? result_canonical(annex) : NULL, *text = NULL;
	json_t *note = NULL;
	if (annex_text)
		signing->document = document_json(signing, view, annex_text);
	if (signing->document)
		text = result_canonical(signing->document);
	if (text)
		note = sign(signing, text);
	if (note)
		signing->record = json_pack(
		    "{s:s, s:s, s:O}", "document", text, "annex", annex_text, "note", note);
	json_decref(note);
	json_decref(annex);
	free(annex_text);
	free(text);
	return signing->record ? 0 : -ENOMEM;
}
