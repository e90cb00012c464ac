/* Puts a result into words, signs it, and keeps it beside those before it.
 *
 *   results_sign -> on_totals -> decide -> on_written -> on_applied -> finish */
#include "office/results.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/encode.h"
#include "crypto/digest.h"
#include "crypto/note.h"
#include "office/act.h"
#include "office/board.h"
#include "office/count.h"

#define NOTE_MAX    4096
#define MISSING_MAX 6 /* named in a sentence */

struct signing {
	struct office *office;
	bool correct;
	uint8_t seed[32];
	char *log_name, *why;
	char who[OFFICE_WHO_MAX];
	struct count *count;
	uint8_t salt[32];
	verdict_cb *cb;
	void *arg;
	struct verdict verdict;
	/* of the last decision */
	struct board *board;
	json_t *record; /* {"document","annex","note"} */
	json_t *document;
	uint64_t version;
};

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

static json_t *sha256_json(struct slice bytes)
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
	json_t *hash = sha256_json(annex);
	int rc = hash && json_equal(json_object_get(json, "annex_sha256"), hash) ? 0 : -EBADMSG;
	json_decref(hash);
	json_decref(json);
	return rc;
}

/* ---- the texts ---- */

static char *canonical(const json_t *json)
{
	return json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15));
}

static json_t *citizen_rows(const struct signing *signing)
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
	    "{s:I, s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}",
	    "version", (json_int_t)signing->version, "kind",
	    signing->correct ? "corrected" : "certified", "contest", round->contest->id,
	    "rehearsal", round->contest->rehearsal, "rules_hash", rules, "at",
	    clock_format(desk_now_ms(view), 1, at), "who", signing->who, "why", signing->why,
	    "ballots", (json_int_t)totals->ballots, "issued", (json_int_t)totals->issued,
	    "log_size", (json_int_t)totals->log_size, "citizen", citizen_rows(signing), "advanced",
	    advanced(round->contest, signing->board), "public",
	    public_part(round->contest, signing->board), "audit", audit_json(signing->board, view),
	    "annex_sha256", sha256_json(slice_text(annex)));
}

/* Makes signing->document and signing->record. 0 or -ENOMEM. */
static int put_into_words(struct signing *signing, const struct desk_view *view)
{
	json_t *annex = annex_json(signing);
	char *annex_text = annex ? canonical(annex) : NULL, *text = NULL;
	json_t *note = NULL;
	if (annex_text)
		signing->document = document_json(signing, view, annex_text);
	if (signing->document)
		text = canonical(signing->document);
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

/* ---- the end ---- */

static void forget_decision(struct signing *signing)
{
	board_free(signing->board);
	json_decref(signing->record);
	json_decref(signing->document);
	signing->board = NULL;
	signing->record = signing->document = NULL;
}

static void finish(struct signing *signing)
{
	signing->cb(signing->arg, &signing->verdict);
	json_decref(signing->verdict.members);
	forget_decision(signing);
	count_free(signing->count);
	OPENSSL_cleanse(signing->seed, sizeof(signing->seed));
	OPENSSL_cleanse(signing->salt, sizeof(signing->salt));
	free(signing->log_name);
	free(signing->why);
	free(signing);
}

static void on_applied(void *arg, int error)
{
	struct signing *signing = arg;
	struct verdict *verdict = &signing->verdict;
	if (error != 0) {
		json_decref(verdict->members);
		verdict->members = NULL;
		verdict_refuse(verdict, error == -EIO ? 503 : 500,
		    error == -EIO ? "unavailable" : "damaged", "Signed, not everywhere yet",
		    "Version %" PRIu64
		    " of the result is signed and recorded, but not every shard "
		    "has it yet; a worker carries it through. Do not repeat it: see tallyctl "
		    "result.",
		    signing->version);
	}
	finish(signing);
}

static void on_written(void *arg, enum desk_outcome outcome, uint64_t n)
{
	struct signing *signing = arg;
	struct verdict *verdict = &signing->verdict;
	if (verdict->status == 0 && outcome != DESK_WRITTEN)
		verdict_of_desk(outcome, verdict);
	if (verdict->status != 0) {
		finish(signing);
		return;
	}
	const struct record *record = &signing->board->record;
	verdict->status = 200;
	verdict->members = json_pack("{s:I, s:O, s:O, s:O, s:I}", "version",
	    (json_int_t)signing->version, "document", json_object_get(signing->record, "document"),
	    "note", json_object_get(signing->record, "note"), "advanced",
	    json_object_get(signing->document, "advanced"), "n", (json_int_t)n);
	ledger_apply(signing->office->ledger, record->version + 1,
	    signing->correct ? "corrected" : "certified", record->opens_ms, record->closes_ms,
	    on_applied, signing);
}

/* ---- deciding ---- */

static bool refuse_phase(struct signing *signing, enum phase phase)
{
	if (signing->correct)
		verdict_refuse(&signing->verdict, 409, "not-possible", "Not possible in this phase",
		    "The contest is %s; only a certified result is corrected.", phase_name(phase));
	else
		verdict_refuse(&signing->verdict, 409, "not-possible", "Not possible in this phase",
		    "The contest is %s; a result is certified once, when it is provisional "
		    "(tallyctl "
		    "close, then publish).",
		    phase_name(phase));
	return false;
}

static bool refuse_requests(struct signing *signing)
{
	verdict_refuse(&signing->verdict, 409, "not-possible", "Requests are open",
	    "%zu requests wait for another organiser; approve or reject them first (tallyctl "
	    "requests).",
	    json_array_size(signing->board->requests));
	return false;
}

/* "bench-global of upstage, experts of nc-ai and 3 more" */
static void name_missing(const json_t *missing, char *ret_text, size_t cap)
{
	size_t i, len = 0;
	const json_t *one;
	ret_text[0] = '\0';
	json_array_foreach(missing, i, one)
	{
		if (i == MISSING_MAX || len >= cap)
			break;
		len += (size_t)snprintf(ret_text + len, cap - len, "%s%s of %s", i > 0 ? ", " : "",
		    json_string_value(json_object_get(one, "part")),
		    json_string_value(json_object_get(one, "entry")));
	}
	if (json_array_size(missing) > MISSING_MAX && len < cap)
		(void)snprintf(ret_text + len, cap - len, " and %zu more",
		    json_array_size(missing) - MISSING_MAX);
}

static bool refuse_incomplete(struct signing *signing)
{
	const struct board *board = signing->board;
	char names[700];
	json_t *standing =
	    standing_json(office_contest(signing->office), &board->input, &board->standing);
	name_missing(json_object_get(standing, "missing"), names, sizeof(names));
	verdict_refuse(&signing->verdict, 409, "incomplete", "The result is not complete",
	    "Nothing was signed: something that weighs is missing: %s.", names);
	if (standing)
		signing->verdict.members =
		    json_pack("{s:O}", "missing", json_object_get(standing, "missing"));
	json_decref(standing);
	return false;
}

static bool is_possible(struct signing *signing)
{
	const struct board *board = signing->board;
	const struct contest *contest = office_contest(signing->office);
	enum phase after;
	if (phase_after(
		board->record.phase, signing->correct ? ACT_CORRECT : ACT_CERTIFY, &after) != 0)
		return refuse_phase(signing, board->record.phase);
	if (json_array_size(board->requests) > 0)
		return refuse_requests(signing);
	if (contest->stage.n_parts > 0 && !board->standing.complete)
		return refuse_incomplete(signing);
	if (signing->count->input.phase >= PHASE_PROVISIONAL)
		return true;
	verdict_refuse(&signing->verdict, 503, "unavailable", "Not every shard has closed yet",
	    "Nothing was signed: the act before this one has not reached every shard. Is a server "
	    "running? Ask again in a moment.");
	return false;
}

static int store(const struct signing *signing, struct desk_change *change)
{
	char version[24];
	(void)snprintf(version, sizeof(version), "%" PRIu64, signing->version);
	char *text = canonical(signing->record);
	int rc = text ? desk_set(change, DESK_RESULTS, version, slice_text(text)) : -ENOMEM;
	free(text);
	return rc == 0 ? desk_set(change, DESK_RECORD, "phase",
			     slice_text(signing->correct ? "corrected" : "certified"))
		       : rc;
}

static json_t *entry_json(const struct signing *signing)
{
	const char *document = json_string_value(json_object_get(signing->record, "document"));
	return json_pack("{s:s, s:s, s:s, s:I, s:o}", "act",
	    signing->correct ? "correct" : "certify", "who", signing->who, "why", signing->why,
	    "version", (json_int_t)signing->version, "sha256", sha256_json(slice_text(document)));
}

static bool decide(void *arg, const struct desk_view *view, struct desk_change *change)
{
	struct signing *signing = arg;
	forget_decision(signing);
	json_decref(signing->verdict.members);
	signing->verdict = (struct verdict){0};
	int rc = board_make(
	    office_contest(signing->office), view, &signing->count->input, &signing->board);
	if (rc == 0 && !is_possible(signing))
		return false;
	if (rc == 0) {
		signing->version = desk_count(view, DESK_RESULTS) + 1;
		rc = put_into_words(signing, view);
	}
	json_t *entry = rc == 0 ? entry_json(signing) : NULL;
	if (!entry || store(signing, change) != 0) {
		json_decref(entry);
		verdict_of_desk(DESK_DAMAGED, &signing->verdict);
		return false;
	}
	desk_bump(change);
	(void)desk_note(change, entry); /* desk_update() remembers a failure */
	return true;
}

/* ---- beginning ---- */

static void on_totals(void *arg, int error, const struct ledger_totals *totals)
{
	struct signing *signing = arg;
	signing->count = error == 0 ? count_new(totals) : NULL;
	if (signing->count) {
		desk_update(
		    signing->office->desk, board_wants, board_n_wants, decide, on_written, signing);
		return;
	}
	verdict_of_desk(error == -EBADMSG ? DESK_DAMAGED : DESK_BUSY, &signing->verdict);
	finish(signing);
}

static void refuse_for_memory(verdict_cb *cb, void *arg)
{
	struct verdict verdict = {0};
	verdict_refuse(&verdict, 503, "unavailable", "Not possible now",
	    "Memory is short; nothing was signed. Ask again.");
	cb(arg, &verdict);
}

static void check_why(struct signing *signing)
{
	long n = act_text_length(signing->why);
	if (n <= 0 || n > OFFICE_WHY_MAX)
		verdict_refuse(&signing->verdict, 422, "invalid-act", "Not an act",
		    "A result is signed for a reason: plain text of 1 to %d characters.",
		    OFFICE_WHY_MAX);
}

/* Gives a refusal that stands already, in a later turn like every other. */
static bool leave(void *arg, const struct desk_view *view, struct desk_change *change)
{
	(void)arg;
	(void)view;
	(void)change;
	return false;
}

void results_sign(struct office *office, bool correct, const uint8_t seed[32], const char *log_name,
    const char *who, const char *why, verdict_cb *cb, void *arg)
{
	struct signing *signing = calloc(1, sizeof(*signing));
	char *names = strdup(log_name), *reason = strdup(why);
	if (!signing || !names || !reason) {
		free(signing);
		free(names);
		free(reason);
		refuse_for_memory(cb, arg);
		return;
	}
	*signing = (struct signing){.office = office,
	    .correct = correct,
	    .log_name = names,
	    .why = reason,
	    .cb = cb,
	    .arg = arg};
	memcpy(signing->seed, seed, sizeof(signing->seed));
	(void)snprintf(signing->who, sizeof(signing->who), "%s", who);
	check_why(signing);
	if (signing->verdict.status == 0 &&
	    getrandom(signing->salt, sizeof(signing->salt), 0) != (ssize_t)sizeof(signing->salt))
		verdict_of_desk(DESK_DAMAGED, &signing->verdict);
	if (signing->verdict.status != 0)
		desk_update(office->desk, NULL, 0, leave, on_written, signing);
	else
		ledger_totals(office->ledger, on_totals, signing);
}
