/* Forgetting, step by step. That the shards are closed for good is seen to first, so that no token
 * is issued any more: not while identities are counted, and not after they are gone.
 *
 *   persons_forget -> on_record -> on_applied -> on_totals -> decide -> on_noted -> on_deleted */
#include "office/persons.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "office/people.h"

struct forgetting {
	struct office *office;
	char who[OFFICE_WHO_MAX];
	char *why;
	uint64_t persons; /* that have a token */
	int64_t at_ms;    /* when it was recorded */
	struct verdict verdict;
	verdict_cb *cb;
	void *arg;
};

bool persons_are_due(const struct round *round, const struct record *record, int64_t now_ms)
{
	const struct contest *contest = round->contest;

	return round->issues && contest_knows_persons(contest) && record->closed_ms &&
	       record->phase >= PHASE_CLOSED &&
	       (record->forgotten_ms || now_ms >= contest->identity.delete_ms);
}

static void finish(struct forgetting *forgetting)
{
	forgetting->cb(forgetting->arg, &forgetting->verdict);
	json_decref(forgetting->verdict.members);
	free(forgetting->why);
	free(forgetting);
}

static void fail(struct forgetting *forgetting, enum desk_outcome outcome)
{
	verdict_of_desk(outcome, &forgetting->verdict);
	finish(forgetting);
}

/* ---- deleting ---- */

static void on_deleted(void *arg, int error, uint64_t buckets)
{
	struct forgetting *forgetting = arg;
	(void)buckets;

	if (error < 0) {
		json_decref(forgetting->verdict.members);
		verdict_refuse(&forgetting->verdict, 503, "unavailable",
		    "Redis cannot be reached now",
		    "It is recorded, and not all of it is deleted yet. A server that runs goes on "
		    "with it; else ask again.");
	}
	finish(forgetting);
}

static void on_noted(void *arg, enum desk_outcome outcome, uint64_t n)
{
	struct forgetting *forgetting = arg;
	struct verdict *verdict = &forgetting->verdict;

	if (verdict->status == 0)
		verdict_of_desk(outcome, verdict);
	if (verdict->status != 200) {
		finish(forgetting);
		return;
	}
	verdict->members = json_pack("{s:I, s:I}", "persons", (json_int_t)forgetting->persons, "at",
	    (json_int_t)forgetting->at_ms);
	if (outcome == DESK_WRITTEN)
		json_object_set_new(verdict->members, "n", json_integer((json_int_t)n));
	ledger_forget(forgetting->office->ledger, on_deleted, forgetting);
}

/* ---- recording ---- */

/* Whoever else has recorded it meanwhile: their entry stands. */
static bool decide(void *arg, const struct desk_view *view, struct desk_change *change)
{
	struct forgetting *forgetting = arg;
	struct record record;
	char at[24];

	forgetting->verdict = (struct verdict){0};
	if (!organiser_stands(view, forgetting->who)) {
		refuse_revoked(&forgetting->verdict);
		return false;
	}
	if (record_read(office_contest(forgetting->office), view, &record) < 0) {
		verdict_of_desk(DESK_DAMAGED, &forgetting->verdict);
		return false;
	}
	forgetting->at_ms = record.forgotten_ms ? record.forgotten_ms : desk_now_ms(view);
	if (record.forgotten_ms)
		return false;
	(void)snprintf(at, sizeof(at), "%" PRId64, forgetting->at_ms);
	(void)desk_set(change, DESK_RECORD, "forgotten", slice_text(at));
	(void)desk_note(
	    change, json_pack("{s:s, s:s, s:s*, s:I}", "act", "persons.forgotten", "who",
			forgetting->who, "why", *forgetting->why ? forgetting->why : NULL,
			"persons", (json_int_t)forgetting->persons));
	return true; /* desk_update() remembers whatever went wrong, and writes nothing */
}

static void on_totals(void *arg, int error, const struct ledger_totals *totals)
{
	static const struct desk_want people = {DESK_PEOPLE, NULL};
	struct forgetting *forgetting = arg;

	if (error < 0) {
		fail(forgetting, DESK_BUSY);
		return;
	}
	forgetting->persons = totals->issued;
	desk_update(forgetting->office->desk, &people, 1, decide, on_noted, forgetting);
}

/* ---- closed for good ---- */

static void on_applied(void *arg, int error)
{
	struct forgetting *forgetting = arg;

	if (error < 0)
		fail(forgetting, DESK_BUSY);
	else
		ledger_totals(forgetting->office->ledger, on_totals, forgetting);
}

static void on_record(void *arg, const struct desk_view *view)
{
	struct forgetting *forgetting = arg;
	const struct contest *contest = office_contest(forgetting->office);
	struct record record;

	if (!view || record_read(contest, view, &record) < 0) {
		fail(forgetting, view ? DESK_DAMAGED : DESK_BUSY);
		return;
	}
	if (!forgetting->office->round->issues || !contest_knows_persons(contest) ||
	    !record.closed_ms || record.phase < PHASE_CLOSED) {
		verdict_refuse(&forgetting->verdict, 409, "not-possible",
		    "Identities cannot be deleted", "%s",
		    !forgetting->office->round->issues
			? "Voting rights are issued by another server, where identities are kept; "
			  "delete them there."
		    : contest_knows_persons(contest)
			? "Voting is not closed. Until it is, identities are what keeps a person "
			  "from a second voting right."
			: "Nobody identifies themselves in this contest, so nothing is kept of "
			  "persons.");
		finish(forgetting);
		return;
	}
	ledger_apply(forgetting->office->ledger, record.version, record.latched, record.opens_ms,
	    record.closes_ms, on_applied, forgetting);
}

void persons_forget(
    struct office *office, const char *who, const char *why, verdict_cb *cb, void *arg)
{
	struct forgetting *forgetting = calloc(1, sizeof(*forgetting));
	char *reason = strdup(why);

	if (!forgetting || !reason) {
		struct verdict verdict;

		verdict_of_desk(DESK_BUSY, &verdict);
		free(forgetting);
		free(reason);
		cb(arg, &verdict);
		return;
	}
	*forgetting = (struct forgetting){.office = office, .why = reason, .cb = cb, .arg = arg};
	(void)snprintf(forgetting->who, sizeof(forgetting->who), "%s", who);
	desk_read(office->desk, NULL, 0, on_record, forgetting);
}
