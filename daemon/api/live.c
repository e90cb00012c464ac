/* Reads, decides what the public may see, keeps the bytes, and hands them to the stream.
 *
 *   read -> on_look -> (in steps: on_step) -> settle
 *                  \-> (counters are damaged, or lack votes: stand) -> settle */
#include "api/live.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "api/app.h"
#include "api/steps.h"
#include "base/clock.h"
#include "contest/tally.h"
#include "http/sse.h"
#include "office/lookout.h"
#include "office/showing.h"
#include "store/ledger.h"

#define STALL_MS     20000
#define HEARTBEAT_MS 15000
#define RETRY_MS     2000
#define PHASE_AGE_MS 5000 /* how long a phase read from Redis is worth more than the hours */

struct reader {
	live_cb *cb;
	void *arg;
	struct reader *next;
};

struct live {
	const struct service *service;
	struct sse_hub *hub;
	struct event *tick;
	struct reader *readers;
	bool reading;

	/* What was read last. */
	struct live_state state;
	bool known;   /* the record was read */
	bool any;     /* and the counters: there is a snapshot */
	char *json;   /* state.snapshot's bytes */
	char *notice; /* JSON, or NULL */
	uint64_t sequence, shown_epoch;
	const char *shown_log; /* in `json` */
	json_t *shown;         /* likewise: all of it */
	int64_t read_steady_ms;

	struct steps *steps;

	struct tally_input input; /* without counters: they end with on_look() */
	/* Between on_look and settle(): what any snapshot shows of now: phase, log, notice,
	 * experts, standing… */
	json_t *dress;
};

static const struct timeval period = {0, LIVE_PERIOD_MS * 1000};

static const struct contest *contest_of(const struct live *live)
{
	return live->service->round->contest;
}

/* ---- the end of every reading ---- */

static void tell_readers(struct live *live, const struct live_state *state)
{
	struct reader *reader = live->readers;
	live->readers = NULL;
	live->reading = false;
	while (reader) {
		struct reader *next = reader->next;
		reader->cb(reader->arg, state);
		free(reader);
		reader = next;
	}
}

static void fail(struct live *live)
{
	json_decref(live->dress);
	live->dress = NULL;
	tell_readers(live, NULL);
}

static bool is_shown(const struct live *live, const json_t *snapshot, const char *member)
{
	return json_equal(json_object_get(live->shown, member), json_object_get(snapshot, member));
}

/* Sequences need not differ where Redis has lost something: a halt is news by itself, and so are
 * other numbers; under embargo there is no other number than that of the ballots. */
static bool is_news(const struct live *live, const json_t *snapshot, uint64_t sequence)
{
	return !live->any || sequence != live->sequence || live->input.phase != live->state.phase ||
	       live->state.epoch != live->shown_epoch || live->state.log != live->shown_log ||
	       !is_shown(live, snapshot, "ballots") || !is_shown(live, snapshot, "citizen");
}

/* Takes over `snapshot` as what everybody sees from now on, dressed with what is not counted. */
static void settle(struct live *live, json_t *snapshot)
{
	uint64_t sequence = (uint64_t)json_integer_value(json_object_get(snapshot, "sequence"));
	bool changed = is_news(live, snapshot, sequence);
	if (changed) {
		json_object_update(snapshot, live->dress);
		char *json = json_dumps(snapshot, JSON_COMPACT | JSON_REAL_PRECISION(15));
		if (json) {
			free(live->json);
			live->json = json;
			live->state.snapshot = slice_text(json);
			live->state.phase = live->input.phase;
			etag_make(live->state.snapshot, live->state.etag);
			live->sequence = sequence;
			live->shown_epoch = live->state.epoch;
			live->shown_log = live->state.log;
			json_decref(live->shown);
			live->shown = json_incref(snapshot);
			live->any = true;

			char id[24];
			snprintf(id, sizeof(id), "%" PRIu64, sequence);
			sse_publish(live->hub, "tally", id, live->state.snapshot);
		} else {
			live->any = false;
		}
	}
	json_decref(snapshot);
	json_decref(live->dress);
	live->dress = NULL;
	live->read_steady_ms = clock_steady_ms();
	tell_readers(live, live->any ? &live->state : NULL);
}

static void on_step(void *arg, json_t *snapshot)
{
	struct live *live = arg;

	if (snapshot)
		settle(live, snapshot);
	else
		fail(live);
}

/* ---- reading ---- */

/* In a word. A halt is everybody's, also where a host keeps no log. */
static const char *log_word(const struct service *service, bool halted)
{
	return halted ? "halted" : service->logs ? "ok" : "off";
}

/* What the contest's definition takes from the record. */
static void keep_record(
    struct live *live, const struct record *record, const struct sealing *sealing)
{
	live->known = true;
	live->state.epoch = sealing->epoch;
	live->state.log = log_word(live->service, sealing->halted);
	live->state.opens_ms = record->opens_ms;
	live->state.closes_ms = record->closes_ms;
	free(live->notice);
	live->notice = record->notice.ptr ? strndup(record->notice.ptr, record->notice.len) : NULL;
	live->state.notice = live->notice;
}

/* Nobody can tell what the counters say now: what they said last stays, with what the record says.
 */
static void stand(struct live *live, const struct record *record, const struct sealing *sealing)
{
	json_t *snapshot = live->any ? json_loads(live->json, 0, NULL) : NULL;
	keep_record(live, record, sealing);
	live->dress = showing_record(record, sealing->epoch, live->state.log);
	if (!snapshot || !live->dress) {
		json_decref(snapshot);
		if (!live->any) {
			live->state.phase = record->phase;
			live->read_steady_ms = clock_steady_ms();
		}
		fail(live);
		return;
	}
	/* How much of a new epoch's log there is cannot be told: whatever is read is newer. */
	uint64_t sequence = sealing->epoch != live->shown_epoch
				? record->version
				: live->sequence + (record->version - live->input.version);
	json_object_set_new(snapshot, "sequence", json_integer((json_int_t)sequence));
	live->input.version = record->version;
	live->input.phase = record->phase;
	settle(live, snapshot);
}

static void on_look(void *arg, const struct board *board, const struct count *count)
{
	struct live *live = arg;
	if (!board) {
		const struct lookout_alone *alone = lookout_alone(live->service->lookout);
		if (alone)
			stand(live, &alone->record, &alone->sealing);
		else
			fail(live);
		return;
	}
	if (lookout_is_behind(live->service->lookout)) {
		stand(live, &board->record, &board->sealing);
		return;
	}
	keep_record(live, &board->record, &board->sealing);
	live->input = count->input;
	live->input.phase = board->record.phase;
	live->input.version = board->record.version;
	live->input.epoch = board->sealing.epoch;
	json_t *draft = tally_snapshot(contest_of(live), &live->input, false);
	live->dress = showing_dress(contest_of(live), board, live->state.log);
	live->input.counter = NULL;
	live->input.arg = NULL;
	if (!draft || !live->dress) {
		json_decref(draft);
		fail(live);
	} else if (tally_moves_in_steps(contest_of(live), live->input.phase)) {
		steps_show(live->steps, live->service->ledger, &live->input, draft, on_step, live);
	} else {
		settle(live, draft);
	}
}

static void read_now(struct live *live)
{
	if (live->reading)
		return;
	live->reading = true;
	lookout_look(live->service->lookout, LOOK_PUBLIC, on_look, live);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	read_now(arg);
}

static void on_watched(void *arg, size_t subscribers)
{
	struct live *live = arg;
	if (subscribers > 0) {
		event_add(live->tick, &period);
		read_now(live);
	} else {
		event_del(live->tick);
	}
}

/* ---- for handlers ---- */

struct live *live_new(struct event_base *base, const struct service *service)
{
	struct live *live = calloc(1, sizeof(*live));
	if (!live)
		return NULL;
	live->service = service;
	live->tick = event_new(base, -1, EV_PERSIST, on_tick, live);
	live->hub = sse_hub_new(
	    base, &(struct sse_options){
		      .max_subscribers = (unsigned)service->app->settings->limits.subscribers,
		      .heartbeat_ms = HEARTBEAT_MS,
		      .stall_ms = STALL_MS,
		      .retry_ms = RETRY_MS,
		      .on_watched = on_watched,
		      .arg = live,
		  });
	live->steps = steps_new(contest_of(live));
	if (!live->tick || !live->hub || !live->steps) {
		live_free(live);
		return NULL;
	}
	return live;
}

void live_free(struct live *live)
{
	if (!live)
		return;
	sse_hub_free(live->hub);
	if (live->tick)
		event_free(live->tick);
	steps_free(live->steps);
	json_decref(live->dress);
	json_decref(live->shown);
	free(live->json);
	free(live->notice);
	free(live);
}

const struct live_state *live_fresh(struct live *live)
{
	return live->any && clock_steady_ms() - live->read_steady_ms < LIVE_PERIOD_MS ? &live->state
										      : NULL;
}

void live_read(struct live *live, live_cb *cb, void *arg)
{
	struct reader *reader = malloc(sizeof(*reader));
	if (!reader) {
		cb(arg, NULL);
		return;
	}
	*reader = (struct reader){.cb = cb, .arg = arg, .next = live->readers};
	live->readers = reader;
	read_now(live);
}

enum phase live_phase(const struct live *live, int64_t now_ms)
{
	if (live->known && clock_steady_ms() - live->read_steady_ms < PHASE_AGE_MS)
		return live->state.phase;
	return phase_by_hours(contest_of(live), now_ms);
}

const char *live_log(const struct live *live, uint64_t *ret_epoch)
{
	const struct service *service = live->service;
	bool halted = false;

	*ret_epoch = live->known ? live->state.epoch : 1;
	if (live->known)
		return live->state.log;
	for (unsigned i = 0; service->seals && i < contest_of(live)->shards; i++) {
		halted |= service->seals[i].state == SEAL_HALTING;
		if (service->seals[i].epoch > *ret_epoch)
			*ret_epoch = service->seals[i].epoch;
	}
	return log_word(service, halted);
}

uint64_t live_epoch_here(const struct live *live, unsigned shard)
{
	const struct seal_stats *seals = live->service->seals;
	uint64_t epoch;

	(void)live_log(live, &epoch);
	return seals && seals[shard].epoch > 0 ? seals[shard].epoch : epoch;
}

const struct live_state *live_known(const struct live *live)
{
	return live->known ? &live->state : NULL;
}

struct sse_hub *live_hub(struct live *live)
{
	return live->hub;
}

void live_end_streams(struct live *live)
{
	sse_end(live->hub);
}
