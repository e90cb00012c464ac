/* What a contest needs without anybody asking: the hours are noted, an act that was interrupted
 * between the record and the shards is finished, what is kept of persons is deleted on its day, and
 * the turnout is sampled.
 *
 *   on_tick -> on_record -> (decide_hours -> on_hours) | on_forgotten | on_totals -> on_applied */
#include "office/acts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "base/log.h"
#include "contest/form.h"
#include "office/count.h"
#include "office/persons.h"
#include "office/record.h"
#include "office/sealing.h"

#define LOOK_EVERY 5 /* ticks between looks at shards that should be up to date */

struct acts_tend {
	struct office *office;
	struct event *timer;
	bool busy;      /* something of this is under way */
	bool ended;     /* freed while busy: the last callback lets go */
	bool forgotten; /* identities were deleted since Redis was connected: a copy of its data
			   that is brought back may have them again */
	struct record record;
	int64_t now_ms;
	unsigned idle_ticks;
	uint64_t settled;       /* every shard was seen with this version */
	uint64_t epoch_version; /* the record's when its log's epoch was read */
	int64_t sampled_minute;
	uint64_t sampled_ballots;
	uint64_t ballots; /* of the look before; each spent a voting right issued before it */
	uint64_t excess;  /* of spent voting rights above issued ones */
};

/* True when the tend lives on. */
static bool rest(struct acts_tend *tend)
{
	tend->busy = false;
	if (!tend->ended)
		return true;
	free(tend);
	return false;
}

/* ---- the hours ---- */

static bool opening_is_due(const struct record *record, int64_t now_ms)
{
	return record->opens_ms && !record->opened_ms && now_ms >= record->opens_ms;
}

/* The phase is closed by the clock, and the record does not say so yet. */
static bool close_is_due(const struct record *record)
{
	return record->phase == PHASE_CLOSED &&
	       strcmp(record->latched, phase_name(PHASE_CLOSED)) != 0;
}

static int set_now(struct desk_change *change, const char *field, int64_t now_ms)
{
	char text[24];
	(void)snprintf(text, sizeof(text), "%" PRId64, now_ms);
	return desk_set(change, DESK_RECORD, field, slice_text(text));
}

static bool note(struct desk_change *change, const char *act)
{
	(void)desk_note(change, json_pack("{s:s, s:s}", "act", act, "who", "hours"));
	return true; /* desk_update() remembers whatever went wrong, and writes nothing */
}

/* Decided at the desk, so it is noted once, however many look at the clock. Opening by the hours
 * changes nothing in the shards, which know them; the close is latched there. */
static bool decide_hours(void *arg, const struct desk_view *view, struct desk_change *change)
{
	struct acts_tend *tend = arg;
	struct record record;
	int64_t now_ms = desk_now_ms(view);
	if (tend->ended || record_read(office_contest(tend->office), view, &record) != 0)
		return false;
	if (opening_is_due(&record, now_ms)) {
		(void)set_now(change, "opened", now_ms);
		return note(change, "open");
	}
	if (!close_is_due(&record))
		return false;
	(void)desk_set(change, DESK_RECORD, "phase", slice_text(phase_name(PHASE_CLOSED)));
	(void)set_now(change, "closed", now_ms);
	desk_bump(change);
	return note(change, "close");
}

static void look(struct acts_tend *tend);

static void on_hours(void *arg, enum desk_outcome outcome, uint64_t n)
{
	struct acts_tend *tend = arg;
	(void)n;
	/* The record has changed: on to the shards with what it says now. Else with the next tick.
	 */
	if (rest(tend) && outcome == DESK_WRITTEN)
		look(tend);
}

/* ---- persons ---- */

static void on_forgotten(void *arg, const struct verdict *verdict)
{
	struct acts_tend *tend = arg;
	const json_t *members = verdict->members;

	tend->forgotten = verdict->status == 200; /* else: again with the next tick */
	if (json_object_get(members, "n"))
		log_info("%s: what was kept of persons is deleted: %" JSON_INTEGER_FORMAT
			 " had a token; entry %" JSON_INTEGER_FORMAT " of the audit log",
		    tend->office->round->name,
		    json_integer_value(json_object_get(members, "persons")),
		    json_integer_value(json_object_get(members, "n")));
	(void)rest(tend);
}

static bool persons_wait(const struct acts_tend *tend)
{
	return !tend->forgotten &&
	       persons_are_due(tend->office->round, &tend->record, tend->now_ms);
}

/* ---- the shards ---- */

static void on_applied(void *arg, int error)
{
	struct acts_tend *tend = arg;
	if (error == 0)
		tend->settled = tend->record.version;
	(void)rest(tend); /* else: again with the next tick */
}

/* {"ballots":n,"votes":{entry:n}} */
static json_t *sample_json(const struct contest *contest, const struct count *count)
{
	const struct tally_input *input = &count->input;
	struct tally_row rows[CONTEST_ENTRIES_MAX];
	json_t *votes = json_object();
	contest->form->tally(contest, input->counter, input->arg, (int64_t)input->ballots, rows);
	for (size_t i = 0; i < contest->n_entries; i++)
		json_object_set_new(votes, contest->entries[rows[i].entry].id,
		    json_integer((json_int_t)rows[i].votes));
	return json_pack("{s:I, s:o}", "ballots", (json_int_t)input->ballots, "votes", votes);
}

static void sample(struct acts_tend *tend, const struct ledger_totals *totals)
{
	struct count *count = count_new(totals);
	json_t *json = count ? sample_json(office_contest(tend->office), count) : NULL;
	char *text = json ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (text) {
		tend->sampled_minute = tend->now_ms / 60000;
		tend->sampled_ballots = totals->ballots;
		desk_sample(tend->office->desk, tend->sampled_minute, slice_text(text));
	}
	free(text);
	json_decref(json);
	count_free(count);
}

/* A minute that has not been noted while votes can come in. */
static bool minute_is_due(const struct acts_tend *tend)
{
	return tend->now_ms / 60000 != tend->sampled_minute &&
	       (tend->record.phase == PHASE_OPEN || tend->record.phase == PHASE_PAUSED);
}

/* And once more after the last of them. */
static bool sample_is_due(const struct acts_tend *tend, const struct ledger_totals *totals)
{
	return minute_is_due(tend) || totals->ballots != tend->sampled_ballots;
}

/* ---- spent and issued ---- */

/* The shards are read one after the other, and votes come in meanwhile: only what was spent by the
 * end of the look before must have been issued by now. */
static void compare_spent(struct acts_tend *tend, const struct ledger_totals *totals)
{
	const struct round *round = tend->office->round;
	bool told = round->issues || totals->issued > 0;
	uint64_t excess =
	    told && tend->ballots > totals->issued ? tend->ballots - totals->issued : 0;

	if (excess > tend->excess)
		log_error("contest %s: %" PRIu64 " ballots are counted with %" PRIu64
			  " voting rights. See \"More ballots than voting rights\" in "
			  "ops/runbook.md",
		    round->name, tend->ballots, totals->issued);
	tend->excess = excess;
	tend->ballots = totals->ballots;
}

uint64_t acts_tend_excess(const struct acts_tend *tend)
{
	return tend->excess;
}

static void on_totals(void *arg, int error, const struct ledger_totals *totals)
{
	struct acts_tend *tend = arg;
	const struct record *record = &tend->record;
	if (error != 0 || tend->ended) {
		(void)rest(tend);
		return;
	}
	compare_spent(tend, totals);
	if (sample_is_due(tend, totals))
		sample(tend, totals);
	if (totals->least_version >= record->version) {
		tend->settled = record->version;
		(void)rest(tend);
		return;
	}
	ledger_apply(tend->office->ledger, record->version, record->latched, record->opens_ms,
	    record->closes_ms, on_applied, tend);
}

/* ---- looking ---- */

static bool shards_are_due(struct acts_tend *tend)
{
	if (tend->record.version == tend->settled && !minute_is_due(tend) &&
	    ++tend->idle_ticks < LOOK_EVERY)
		return false;
	tend->idle_ticks = 0;
	return true;
}

/* A new epoch begins with what Redis has: the organisers gave up what it lacks. */
static void notice_epoch(struct acts_tend *tend, const struct desk_view *view)
{
	struct sealing sealing;

	if (tend->record.version == tend->epoch_version || sealing_read(view, &sealing) != 0)
		return;
	ledger_in_epoch(tend->office->ledger, sealing.epoch);
	tend->epoch_version = tend->record.version;
	sealing_release(&sealing);
}

static void on_record(void *arg, const struct desk_view *view)
{
	struct acts_tend *tend = arg;
	if (tend->ended || !view ||
	    record_read(office_contest(tend->office), view, &tend->record) != 0) {
		(void)rest(tend);
		return;
	}
	tend->now_ms = desk_now_ms(view);
	notice_epoch(tend, view);
	tend->record.notice = slice_make(NULL, 0); /* borrowed from the view */
	if (!ledger_is_ready(tend->office->ledger))
		(void)rest(tend);
	else if (opening_is_due(&tend->record, tend->now_ms) || close_is_due(&tend->record))
		desk_update(tend->office->desk, NULL, 0, decide_hours, on_hours, tend);
	else if (persons_wait(tend))
		persons_forget(tend->office, "hours", "", on_forgotten, tend);
	else if (shards_are_due(tend))
		ledger_totals(tend->office->ledger, on_totals, tend);
	else
		(void)rest(tend);
}

static void look(struct acts_tend *tend)
{
	if (!ledger_is_ready(tend->office->ledger))
		tend->forgotten = false;
	if (tend->busy)
		return;
	tend->busy = true;
	desk_read(tend->office->desk, NULL, 0, on_record, tend);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look(arg);
}

struct acts_tend *acts_tend_new(struct event_base *base, struct office *office)
{
	const struct timeval second = {1, 0};
	struct acts_tend *tend = calloc(1, sizeof(*tend));
	if (!tend)
		return NULL;
	tend->office = office;
	tend->settled = tend->epoch_version = UINT64_MAX; /* not looked at yet */
	tend->timer = event_new(base, -1, EV_PERSIST, on_tick, tend);
	if (!tend->timer || event_add(tend->timer, &second) != 0) {
		acts_tend_free(tend);
		return NULL;
	}
	return tend;
}

void acts_tend_free(struct acts_tend *tend)
{
	if (!tend)
		return;
	if (tend->timer)
		event_free(tend->timer);
	tend->ended = true;
	if (!tend->busy)
		free(tend);
}
