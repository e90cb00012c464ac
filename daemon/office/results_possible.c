/* What stands against signing a result: phase and requests, which can be asked for before a
 * recount; damage, gaps, a halted log; and whatever is not as a recount has found it. */
#include "office/results_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "office/sealing.h"

#define MISSING_MAX 6 /* named in a sentence */

/* ---- phase and requests ---- */

static bool phase_possible(bool correct, enum phase phase, struct verdict *refusal)
{
	enum phase after;
	if (phase_after(phase, correct ? ACT_CORRECT : ACT_CERTIFY, &after) == 0)
		return true;
	if (correct)
		verdict_refuse(refusal, 409, "not-possible", "Not possible in this phase",
		    "The contest is %s; only a certified result is corrected.", phase_name(phase));
	else
		verdict_refuse(refusal, 409, "not-possible", "Not possible in this phase",
		    "The contest is %s; a result is certified once, when it is provisional "
		    "(tallyctl close, then publish).",
		    phase_name(phase));
	return false;
}

static bool requests_possible(size_t requests, struct verdict *refusal)
{
	if (requests == 0)
		return true;
	verdict_refuse(refusal, 409, "not-possible", "Requests are open",
	    "%zu requests wait for another organiser; approve or reject them first (tallyctl "
	    "requests).",
	    requests);
	return false;
}

struct asking {
	struct office *office;
	bool correct;
	verdict_cb *cb;
	void *arg;
};

static void on_asked(void *arg, const struct desk_view *view)
{
	struct asking *asking = arg;
	struct verdict verdict = {0};
	struct record record;
	if (!view)
		verdict_of_desk(DESK_BUSY, &verdict);
	else if (record_read(office_contest(asking->office), view, &record) != 0)
		verdict_of_desk(DESK_DAMAGED, &verdict);
	else if (phase_possible(asking->correct, record.phase, &verdict) &&
		 requests_possible(desk_count(view, DESK_REQUESTS), &verdict))
		verdict.status = 200;
	asking->cb(asking->arg, &verdict);
	free(asking);
}

void results_ask(struct office *office, bool correct, verdict_cb *cb, void *arg)
{
	static const struct desk_want requests = {DESK_REQUESTS, NULL};
	struct asking *asking = calloc(1, sizeof(*asking));
	struct verdict refusal;
	if (!asking) {
		verdict_of_desk(DESK_BUSY, &refusal);
		cb(arg, &refusal);
		return;
	}
	*asking = (struct asking){office, correct, cb, arg};
	desk_read(office->desk, &requests, 1, on_asked, asking);
}

/* ---- gaps and damage ---- */

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

/* What was changed behind the desk's back is nobody's word. */
static bool refuse_damaged(struct signing *signing)
{
	const struct board *board = signing->board;
	size_t i = 0;
	while (!board->experts[i].damaged)
		i++;
	verdict_refuse(&signing->verdict, 500, "damaged", "A sheet is damaged",
	    "Nothing was signed: the stored sheet of %s is not the one that was saved, nor are %zu "
	    "others. See ops/runbook.md.",
	    board->experts[i].person.id, board->damaged - 1);
	return false;
}

/* ---- the log, and what was counted anew ---- */

static bool is_sealing(struct signing *signing, const struct desk_view *view)
{
	struct sealing sealing;
	if (sealing_read(view, &sealing) != 0) {
		verdict_of_desk(DESK_DAMAGED, &signing->verdict);
		return false;
	}
	if (sealing.halted)
		verdict_refuse(&signing->verdict, 409, "not-possible", "Sealing has halted",
		    "Nothing was signed: sealing of the ballot log has halted (shard %u: %s). See "
		    "ops/runbook.md.",
		    sealing.halt_shard, sealing.halt_why);
	bool halted = sealing.halted;
	sealing_release(&sealing);
	return !halted;
}

static bool is_closed(struct signing *signing)
{
	if (signing->count->input.phase >= PHASE_PROVISIONAL)
		return true;
	verdict_refuse(&signing->verdict, 503, "unavailable", "Not every shard has closed yet",
	    "Nothing was signed: the act before this one has not reached every shard. Is a server "
	    "running? Ask again in a moment.");
	return false;
}

/* The numbers in Redis are those that the ballots gave, and nobody has done anything since. */
static bool is_as_counted(struct signing *signing, const struct desk_view *view)
{
	const struct result_evidence *evidence = &signing->evidence;
	const struct ledger_totals *totals = &signing->count->totals;
	struct slice head = desk_get(view, DESK_RECORD, "head");
	json_t *citizen = result_citizen(signing);
	bool same =
	    totals->ballots == evidence->ballots && totals->issued == evidence->issued &&
	    totals->log_size == evidence->log_size && json_equal(citizen, evidence->citizen) &&
	    desk_size(view) == evidence->audit_n && head.len == sizeof(evidence->audit_head) &&
	    memcmp(head.ptr, evidence->audit_head, head.len) == 0;
	json_decref(citizen);
	if (!same)
		verdict_refuse(&signing->verdict, 409, "not-recounted",
		    "Something has changed since the recount",
		    "Nothing was signed: ballots or the record are not what they were when they "
		    "were recounted. Ask again.");
	return same;
}

/* ---- all of it ---- */

bool result_possible(struct signing *signing, const struct desk_view *view)
{
	const struct board *board = signing->board;
	const struct contest *contest = office_contest(signing->office);
	if (!organiser_stands(view, signing->who)) {
		refuse_revoked(&signing->verdict);
		return false;
	}
	if (!phase_possible(signing->correct, board->record.phase, &signing->verdict) ||
	    !requests_possible(json_array_size(board->requests), &signing->verdict))
		return false;
	if (board->damaged > 0)
		return refuse_damaged(signing);
	if (contest->stage.n_parts > 0 && !board->standing.complete)
		return refuse_incomplete(signing);
	return is_closed(signing) && is_sealing(signing, view) && is_as_counted(signing, view);
}
