/* Decides whether a result can be signed, and keeps it beside those before it.
 *
 *   results_sign -> on_totals -> decide -> on_written -> on_applied -> finish */
#include "office/results_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>

#include "office/act.h"

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
	json_decref(signing->evidence.citizen);
	json_decref(signing->evidence.log);
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

static int store(const struct signing *signing, struct desk_change *change)
{
	char version[24];
	(void)snprintf(version, sizeof(version), "%" PRIu64, signing->version);
	char *text = result_canonical(signing->record);
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
	    "version", (json_int_t)signing->version, "sha256", result_sha256(slice_text(document)));
}

/* A version that says nothing new would be one more to explain. */
static bool differs(struct signing *signing, const struct desk_view *view)
{
	char newest[24];
	(void)snprintf(newest, sizeof(newest), "%" PRIu64, signing->version - 1);
	if (!signing->correct ||
	    !result_says_the_same(signing->record, desk_get(view, DESK_RESULTS, newest)))
		return true;
	verdict_refuse(&signing->verdict, 409, "nothing-to-correct", "Nothing to correct",
	    "Nothing was signed: the result would say what version %s says. First rule, or import "
	    "metrics, with --for-correction.",
	    newest);
	return false;
}

static bool decide(void *arg, const struct desk_view *view, struct desk_change *change)
{
	struct signing *signing = arg;
	forget_decision(signing);
	json_decref(signing->verdict.members);
	signing->verdict = (struct verdict){0};
	int rc = board_make(
	    office_contest(signing->office), view, &signing->count->input, &signing->board);
	if (rc == 0 && !result_possible(signing, view))
		return false;
	if (rc == 0) {
		signing->version = desk_count(view, DESK_RESULTS) + 1;
		rc = result_words(signing, view);
	}
	if (rc == 0 && !differs(signing, view))
		return false;
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

void results_sign(struct office *office, bool correct, const struct result_evidence *evidence,
    const uint8_t seed[32], const char *log_name, const char *who, const char *why, verdict_cb *cb,
    void *arg)
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
	    .evidence = *evidence,
	    .log_name = names,
	    .why = reason,
	    .cb = cb,
	    .arg = arg};
	json_incref(evidence->citizen);
	json_incref(evidence->log);
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
