/* For tests: a loop with a store, a ledger and a private Redis, and calls that wait for their
 * answer. Nothing is asserted inside callbacks: they record. */
#ifndef TALLYD_TEST_LEDGER_FIXTURE_H
#define TALLYD_TEST_LEDGER_FIXTURE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <event2/event.h>

#include "store/ledger.h"
#include "store/redis.h"

/* After the store's headers: hiredis has macros named as two of their constants. */
#include "redis_server.h"

enum { PATIENCE_S = 20 };

struct fixture {
	struct redis_server server;
	struct event_base *base;
	struct event *patience;
	struct redis *redis;
	struct ledger *ledger;
	struct ledger_options options;
	struct redis_options redis_options;
	int ready_told, not_ready_told;
	bool out_of_patience;
};

struct cast_record {
	unsigned calls;
	struct cast_result result;
	char ballot[LEDGER_BALLOT_MAX + 1];
	unsigned *pending; /* counted down; may be NULL */
};

static inline void record_cast(void *arg, const struct cast_result *result)
{
	struct cast_record *record = arg;

	record->calls++;
	record->result = *result;
	memcpy(record->ballot, result->ballot.len ? result->ballot.ptr : "", result->ballot.len);
	record->ballot[result->ballot.len] = '\0';
	record->result.ballot = slice_make(record->ballot, result->ballot.len);
	if (record->pending)
		--*record->pending;
}

static inline void fixture_on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct fixture *f = arg;

	(void)fd;
	(void)what;
	f->out_of_patience = true;
}

static inline void fixture_on_ready(void *arg, bool ready, const char *why)
{
	struct fixture *f = arg;

	(void)why;
	if (ready)
		f->ready_told++;
	else
		f->not_ready_told++;
}

static inline void fixture_on_state(void *arg, bool connected, const char *why)
{
	struct fixture *f = arg;

	if (f->ledger)
		ledger_on_redis(f->ledger, connected, why);
}

/* One turn. Tests cast outside of the loop, so the flush comes first. */
static inline void turn(struct fixture *f)
{
	if (f->ledger)
		ledger_flush(f->ledger);
	event_base_loop(f->base, EVLOOP_ONCE);
	assert_false(f->out_of_patience);
}

/* A macro, so that any condition can be waited for. */
#define wait_until(f, condition)                                                                   \
	do {                                                                                       \
		event_add((f)->patience, &(struct timeval){PATIENCE_S, 0});                        \
		while (!(condition))                                                               \
			turn(f);                                                                   \
		event_del((f)->patience);                                                          \
	} while (0)

/* Sets options only; a test may change them before fixture_open(). */
static inline void fixture_init(struct fixture *f)
{
	(void)signal(SIGPIPE, SIG_IGN); /* as the programs do */
	memset(f, 0, sizeof(*f));
	server_dir(&f->server);
	f->options = (struct ledger_options){
	    .contest = "c",
	    .shards = 1,
	    .buckets = 4,
	    .rules = slice_text("{\"rules\":1}"),
	    .in_flight_max = 10000,
	    .on_ready = fixture_on_ready,
	    .arg = f,
	};
	memset(f->options.rules_hash, 0xa5, 32);
	f->redis_options = (struct redis_options){
	    .address = f->server.address,
	    .deadline_ms = 20000,
	    .in_flight_max = 2000,
	    .backoff_max_ms = 50,
	    .on_state = fixture_on_state,
	    .arg = f,
	};
	f->base = event_base_new();
	f->patience = evtimer_new(f->base, fixture_on_patience, f);
}

static inline void fixture_open(struct fixture *f)
{
	f->redis = redis_new(f->base, &f->redis_options);
	assert_non_null(f->redis);
	f->ledger = ledger_new(f->base, f->redis, &f->options);
	assert_non_null(f->ledger);
}

static inline void fixture_open_ready(struct fixture *f)
{
	server_start(&f->server, false);
	fixture_open(f);
	wait_until(f, ledger_is_ready(f->ledger));
}

/* The daemon's side only. */
static inline void fixture_shut(struct fixture *f)
{
	redis_free(f->redis);
	ledger_free(f->ledger);
	f->redis = NULL;
	f->ledger = NULL;
}

static inline void fixture_close(struct fixture *f)
{
	fixture_shut(f);
	event_free(f->patience);
	event_base_free(f->base);
	server_remove(&f->server);
}

/* A token: shard and bucket come from its number, so that tests can place it. */
static inline void make_spent(uint8_t spent[16], uint32_t shard, uint32_t bucket, uint32_t id)
{
	const uint32_t words[4] = {shard, id, bucket, id * 2654435761u};

	for (int i = 0; i < 16; i++)
		spent[i] = (uint8_t)(words[i / 4] >> (24 - 8 * (i % 4)));
}

/* With a tag that no two calls share: whatever is said of a ballot must not depend on it. */
static inline void cast_with(struct fixture *f, const uint8_t spent[16], const char *ballot,
    const struct form_increment *increments, size_t n_increments, int64_t replaces,
    struct cast_record *record)
{
	static uint32_t calls;
	uint8_t tag[LEDGER_TAG_SIZE];

	memcpy(tag, &(uint32_t){++calls}, sizeof(tag));
	ledger_cast(f->ledger,
	    &(struct ledger_ballot){.spent = spent,
		.tag = tag,
		.text = slice_text(ballot),
		.replaces = replaces,
		.increments = increments,
		.n_increments = n_increments},
	    record_cast, record);
}

static inline void cast_one(struct fixture *f, const uint8_t spent[16], const char *ballot,
    const char *counter, int64_t replaces, struct cast_record *record)
{
	struct form_increment increment = {.by = 1};

	snprintf(increment.counter, sizeof(increment.counter), "%s", counter ? counter : "");
	cast_with(f, spent, ballot, &increment, counter != NULL, replaces, record);
}

static inline struct cast_record cast_now(struct fixture *f, const uint8_t spent[16],
    const char *ballot, const char *counter, int64_t replaces)
{
	struct cast_record record = {0};

	cast_one(f, spent, ballot, counter, replaces, &record);
	assert_int_equal(record.calls, 0);
	wait_until(f, record.calls > 0);
	return record;
}

static inline void record_issue(void *arg, enum issue_verdict verdict)
{
	*(int *)arg = (int)verdict;
}

static inline enum issue_verdict issue_now(struct fixture *f, const uint8_t id[16], int blinded)
{
	uint8_t hash[32];
	int verdict = -1;

	memset(hash, blinded, sizeof(hash));
	ledger_issue(f->ledger, id, hash, record_issue, &verdict);
	wait_until(f, verdict >= 0);
	return (enum issue_verdict)verdict;
}

struct totals_record {
	bool called;
	int error;
	struct ledger_totals totals;
	char phase[16];
	struct {
		char name[FORM_COUNTER_MAX];
		int64_t value;
	} counters[64];
};

static inline void record_totals(void *arg, int error, const struct ledger_totals *totals)
{
	struct totals_record *record = arg;

	record->called = true;
	record->error = error;
	if (!totals)
		return;
	record->totals = *totals;
	snprintf(record->phase, sizeof(record->phase), "%s", totals->phase);
	for (size_t i = 0; i < totals->n_counters && i < 64; i++) {
		snprintf(record->counters[i].name, sizeof(record->counters[i].name), "%.*s",
		    (int)totals->counters[i].name.len, totals->counters[i].name.ptr);
		record->counters[i].value = totals->counters[i].value;
	}
}

static inline struct totals_record totals_now(struct fixture *f)
{
	struct totals_record record = {0};

	ledger_totals(f->ledger, record_totals, &record);
	assert_false(record.called);
	wait_until(f, record.called);
	return record;
}

static inline int64_t counter_of(const struct totals_record *record, const char *name)
{
	for (size_t i = 0; i < record->totals.n_counters && i < 64; i++)
		if (strcmp(record->counters[i].name, name) == 0)
			return record->counters[i].value;
	return 0;
}

#endif
