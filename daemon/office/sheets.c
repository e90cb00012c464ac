/* Experts at the desk: reading their sheet, saving it, giving the pledge. What may be saved is in
 * office/sheet_put.c. */
#include "office/sheets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "office/sheet_put.h"

struct visit {
	struct office *office;
	struct bearer bearer;
	json_t *body;
	uint64_t if_match;
	char refusals[DESK_FIELD_MAX];
	struct desk_want wants[SEAT_WANTS];
	struct verdict verdict;
	verdict_cb *cb;
	void *arg;
};

static void visit_finish(struct visit *visit)
{
	visit->cb(visit->arg, &visit->verdict);
	json_decref(visit->verdict.members);
	json_decref(visit->body);
	free(visit);
}

/* NULL: memory, and the caller has been told. */
static struct visit *visit_new(
    struct office *office, const struct bearer *bearer, verdict_cb *cb, void *arg)
{
	struct visit *visit = calloc(1, sizeof(*visit));
	struct verdict refusal;

	if (!visit) {
		verdict_of_desk(DESK_BUSY, &refusal);
		cb(arg, &refusal);
		return NULL;
	}
	visit->office = office;
	visit->bearer = *bearer;
	visit->cb = cb;
	visit->arg = arg;
	seat_wants(&visit->bearer, visit->refusals, visit->wants);
	return visit;
}

/* A decision is made anew: what an earlier one answered is gone. */
static void visit_begin_anew(struct visit *visit)
{
	json_decref(visit->verdict.members);
	visit->verdict = (struct verdict){.status = 0};
}

static void visit_answer(struct visit *visit, json_t *members)
{
	visit->verdict = (struct verdict){.status = 200, .members = members};
	if (!members)
		verdict_of_desk(DESK_BUSY, &visit->verdict);
}

static void on_done(void *arg, enum desk_outcome outcome, uint64_t n)
{
	struct visit *visit = arg;

	(void)n;
	if (outcome != DESK_WRITTEN && outcome != DESK_LEFT) {
		json_decref(visit->verdict.members);
		verdict_of_desk(outcome, &visit->verdict);
	}
	visit_finish(visit);
}

/* ---- reading ---- */

static void on_view(void *arg, const struct desk_view *view)
{
	struct visit *visit = arg;
	struct seat seat;

	if (!view) {
		verdict_of_desk(DESK_BUSY, &visit->verdict);
		visit_finish(visit);
		return;
	}
	if (seat_read(office_contest(visit->office), &visit->bearer, view, &seat, &visit->verdict))
		visit_answer(visit, seat_json(&seat));
	seat_release(&seat);
	visit_finish(visit);
}

void sheets_get(struct office *office, const struct bearer *bearer, verdict_cb *cb, void *arg)
{
	struct visit *visit = visit_new(office, bearer, cb, arg);

	if (visit)
		desk_read(office->desk, visit->wants, SEAT_WANTS, on_view, visit);
}

/* ---- saving ---- */

static bool decide_put(void *arg, const struct desk_view *view, struct desk_change *change)
{
	struct visit *visit = arg;
	struct seat seat;
	bool write = false;

	visit_begin_anew(visit);
	if (seat_read(office_contest(visit->office), &visit->bearer, view, &seat, &visit->verdict))
		write = sheet_put_decide(&(struct sheet_put){
		    &seat, visit->body, visit->if_match, view, change, &visit->verdict});
	seat_release(&seat);
	return write;
}

void sheets_put(struct office *office, const struct bearer *bearer, const json_t *body,
    uint64_t if_match, verdict_cb *cb, void *arg)
{
	struct visit *visit = visit_new(office, bearer, cb, arg);

	if (!visit)
		return;
	visit->body = json_incref((json_t *)body);
	visit->if_match = if_match;
	desk_update(office->desk, visit->wants, SEAT_WANTS, decide_put, on_done, visit);
}

/* ---- the pledge ---- */

static int write_pledge(const struct seat *seat, struct desk_change *change)
{
	json_t *record = person_json(&seat->person);
	char *text = record ? json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	char who[OFFICE_WHO_MAX];
	int r = text ? desk_set(change, DESK_PEOPLE, seat->person.id, slice_text(text)) : -ENOMEM;

	json_decref(record);
	free(text);
	if (r < 0)
		return r;
	return desk_note(change, json_pack("{s:s, s:s, s:s}", "act", "pledge.given", "who",
				     person_who(&seat->person, who), "person", seat->person.id));
}

/* Good once is good: the time of the first stays. */
static bool give_pledge(struct visit *visit, struct seat *seat, struct desk_change *change)
{
	bool given = seat->person.pledged_ms != 0;
	char when[CLOCK_TEXT_SIZE];

	if (!given)
		seat->person.pledged_ms = seat->now_ms;
	visit_answer(
	    visit, json_pack("{s:s}", "given_at", clock_format(seat->person.pledged_ms, 1, when)));
	if (given || visit->verdict.slug)
		return false;
	if (write_pledge(seat, change) == 0)
		return true;
	json_decref(visit->verdict.members);
	verdict_of_desk(DESK_DAMAGED, &visit->verdict);
	return false;
}

static bool decide_pledge(void *arg, const struct desk_view *view, struct desk_change *change)
{
	struct visit *visit = arg;
	struct seat seat;
	bool write = false;

	visit_begin_anew(visit);
	if (seat_read(office_contest(visit->office), &visit->bearer, view, &seat, &visit->verdict))
		write = give_pledge(visit, &seat, change);
	seat_release(&seat);
	return write;
}

void sheets_pledge(struct office *office, const struct bearer *bearer, verdict_cb *cb, void *arg)
{
	struct visit *visit = visit_new(office, bearer, cb, arg);

	if (visit)
		desk_update(office->desk, visit->wants, SEAT_WANTS, decide_pledge, on_done, visit);
}
