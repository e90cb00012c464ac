/* Reads, decides what the public may see, keeps the bytes, and hands them to the stream.
 *
 *   read -> on_totals -> (in steps: on_published -> on_stands) -> settle */
#include "api/live.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "api/app.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "contest/tally.h"
#include "crypto/digest.h"
#include "http/sse.h"
#include "store/ledger.h"

#define STALL_MS     30000
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
	bool any;
	char *json; /* state.snapshot's bytes */
	uint64_t sequence;
	int64_t read_steady_ms;

	/* The totals between on_totals and settle(), while the published snapshot is looked at. */
	struct tally_input input;
	json_t *draft; /* the snapshot that these totals make */
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
	json_decref(live->draft);
	live->draft = NULL;
	tell_readers(live, NULL);
}

static void make_etag(struct slice bytes, char ret_etag[24])
{
	uint8_t digest[SHA256_SIZE];
	char hex[HEX_SIZE(8)];
	sha256(bytes, digest);
	hex_encode(digest, 8, hex);
	snprintf(ret_etag, 24, "\"%s\"", hex);
}

/* Takes over `snapshot` as what everybody sees from now on. */
static void settle(struct live *live, json_t *snapshot, enum phase phase)
{
	uint64_t sequence = (uint64_t)json_integer_value(json_object_get(snapshot, "sequence"));
	bool changed = !live->any || sequence != live->sequence || phase != live->state.phase;
	if (changed) {
		char *json = json_dumps(snapshot, JSON_COMPACT | JSON_REAL_PRECISION(9));
		json_decref(snapshot);
		if (!json) {
			tell_readers(live, NULL);
			return;
		}
		free(live->json);
		live->json = json;
		live->state.snapshot = slice_text(json);
		live->state.phase = phase;
		make_etag(live->state.snapshot, live->state.etag);
		live->sequence = sequence;
		live->any = true;

		char id[24];
		snprintf(id, sizeof(id), "%" PRIu64, sequence);
		sse_publish(live->hub, "tally", id, live->state.snapshot);
	} else {
		json_decref(snapshot);
	}
	live->read_steady_ms = clock_steady_ms();
	tell_readers(live, &live->state);
}

static void settle_draft(struct live *live)
{
	json_t *draft = live->draft;
	live->draft = NULL;
	settle(live, draft, live->input.phase);
}

/* ---- numbers that move in steps: one published snapshot for all workers ---- */

/* "<sequence> <json>". NULL: none, or damaged. */
static json_t *parse_published(struct slice text)
{
	const char *space = text.len ? memchr(text.ptr, ' ', text.len) : NULL;
	if (!space)
		return NULL;
	size_t skip = (size_t)(space - text.ptr) + 1;
	return json_loadb(text.ptr + skip, text.len - skip, 0, NULL);
}

/* The published numbers with the phase of now. */
static void settle_published(struct live *live, json_t *published)
{
	json_decref(live->draft);
	live->draft = NULL;
	json_object_set_new(published, "phase", json_string(phase_name(live->input.phase)));
	settle(live, published, live->input.phase);
}

static void on_stands(void *arg, int error, struct slice text)
{
	struct live *live = arg;
	json_t *published = error == 0 ? parse_published(text) : NULL;
	if (published)
		settle_published(live, published);
	else
		fail(live);
}

static void on_published(void *arg, int error, struct slice text)
{
	struct live *live = arg;
	if (error != 0) {
		fail(live);
		return;
	}
	json_t *published = parse_published(text);
	struct tally_published last = {.any = published != NULL};
	if (published) {
		const char *as_of = json_string_value(json_object_get(published, "as_of"));
		last.sequence =
		    (uint64_t)json_integer_value(json_object_get(published, "sequence"));
		if (!as_of || clock_parse(slice_text(as_of), &last.at_ms) != 0)
			last.at_ms = 0;
	}
	if (tally_is_due(contest_of(live), &last, &live->input)) {
		json_decref(published);
		char *json = json_dumps(live->draft, JSON_COMPACT | JSON_REAL_PRECISION(9));
		char *line = NULL;
		if (json &&
		    asprintf(&line, "%" PRIu64 " %s", tally_sequence(&live->input), json) > 0)
			ledger_publish(live->service->ledger, slice_text(line), on_stands, live);
		else
			fail(live);
		free(line);
		free(json);
	} else if (published) {
		settle_published(live, published);
	} else {
		json_decref(live->draft);
		live->draft = tally_snapshot(contest_of(live), &live->input, true);
		settle_draft(live);
	}
}

/* ---- reading ---- */

static int compare_counter(const void *name, const void *counter)
{
	const struct ledger_counter *c = counter;
	size_t len = strlen(name);
	int order = memcmp(name, c->name.ptr, len < c->name.len ? len : c->name.len);
	return order ? order : (len > c->name.len) - (len < c->name.len);
}

static int64_t counter_value(void *arg, const char *name)
{
	const struct ledger_totals *totals = arg;
	const struct ledger_counter *found = bsearch(name, totals->counters, totals->n_counters,
	    sizeof(totals->counters[0]), compare_counter);
	return found ? found->value : 0;
}

static void on_totals(void *arg, int error, const struct ledger_totals *totals)
{
	struct live *live = arg;
	if (error != 0 || phase_parse(totals->phase, &live->input.phase) != 0) {
		fail(live);
		return;
	}
	live->input.counter = counter_value;
	live->input.arg = (void *)totals;
	live->input.ballots = totals->ballots;
	live->input.log_size = totals->log_size;
	live->input.version = totals->version;
	live->input.now_ms = totals->now_ms;
	bool moved = !live->any || tally_sequence(&live->input) != live->sequence ||
		     live->input.phase != live->state.phase;
	if (!moved) {
		live->read_steady_ms = clock_steady_ms();
		tell_readers(live, &live->state);
		return;
	}
	live->draft = tally_snapshot(contest_of(live), &live->input, false);
	live->input.counter = NULL; /* the totals end with this call */
	live->input.arg = NULL;
	if (!live->draft)
		fail(live);
	else if (tally_moves_freely(contest_of(live)))
		settle_draft(live);
	else
		ledger_published(live->service->ledger, on_published, live);
}

static void read_now(struct live *live)
{
	if (live->reading)
		return;
	live->reading = true;
	ledger_totals(live->service->ledger, on_totals, live);
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
	if (!live->tick || !live->hub) {
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
	json_decref(live->draft);
	free(live->json);
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
	if (live->any && clock_steady_ms() - live->read_steady_ms < PHASE_AGE_MS)
		return live->state.phase;
	return phase_by_hours(contest_of(live), now_ms);
}

struct sse_hub *live_hub(struct live *live)
{
	return live->hub;
}

void live_end_streams(struct live *live)
{
	sse_end(live->hub);
}
