/* For tests: a loop with desks of one round, each on a connection of its own, on a private Redis;
 * and calls that wait for their answer. Nothing is asserted inside callbacks: they record. */
#ifndef TALLYD_TEST_DESK_FIXTURE_H
#define TALLYD_TEST_DESK_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/encode.h"
#include "office/office.h"
#include "store/desk.h"
#include "store/redis.h"

/* After the store's headers: hiredis has macros named as two of their constants. */
#include "redis_server.h"

enum { DESKS = 2, DESK_PATIENCE_S = 30 };

struct desk_fixture {
	struct redis_server server;
	struct event_base *base;
	struct event *patience;
	struct redis *redis[DESKS];
	struct desk *desk[DESKS];
	unsigned deadline_ms;
	bool out_of_patience;
};

static inline void desk_on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct desk_fixture *f = arg;

	(void)fd;
	(void)what;
	f->out_of_patience = true;
}

/* A macro, so that any condition can be waited for. */
#define desk_wait(f, condition)                                                                    \
	do {                                                                                       \
		event_add((f)->patience, &(struct timeval){DESK_PATIENCE_S, 0});                   \
		while (!(condition)) {                                                             \
			event_base_loop((f)->base, EVLOOP_ONCE);                                   \
			assert_false((f)->out_of_patience);                                        \
		}                                                                                  \
		event_del((f)->patience);                                                          \
	} while (0)

static inline void desk_fixture_init(struct desk_fixture *f)
{
	memset(f, 0, sizeof(*f));
	server_dir(&f->server);
	f->base = event_base_new();
	f->patience = evtimer_new(f->base, desk_on_patience, f);
	f->deadline_ms = 20000;
}

static inline void desk_fixture_open(struct desk_fixture *f)
{
	for (int i = 0; i < DESKS; i++) {
		f->redis[i] =
		    redis_new(f->base, &(struct redis_options){.address = f->server.address,
					   .deadline_ms = f->deadline_ms,
					   .in_flight_max = 2000,
					   .backoff_max_ms = 50});
		f->desk[i] =
		    desk_new(f->base, f->redis[i], &(struct desk_options){.round = "c~rehearsal"});
		assert_non_null(f->desk[i]);
	}
}

static inline void desk_fixture_connected(struct desk_fixture *f)
{
	for (int i = 0; i < DESKS; i++)
		desk_wait(f, redis_is_connected(f->redis[i]));
}

static inline void desk_fixture_start(struct desk_fixture *f)
{
	desk_fixture_init(f);
	server_start(&f->server, false);
	desk_fixture_open(f);
	desk_fixture_connected(f);
}

static inline void desk_fixture_shut(struct desk_fixture *f)
{
	for (int i = 0; i < DESKS; i++) {
		redis_free(f->redis[i]);
		desk_free(f->desk[i]);
	}
}

static inline void desk_fixture_close(struct desk_fixture *f)
{
	desk_fixture_shut(f);
	event_free(f->patience);
	event_base_free(f->base);
	server_remove(&f->server);
}

/* ---- changing ---- */

/* One update: what it does, and what came of it. */
struct deed {
	void (*fill)(struct deed *deed, const struct desk_view *view, struct desk_change *change);
	void *arg;
	bool leave;
	/* What came of it. */
	unsigned decided, done;
	enum desk_outcome outcome;
	uint64_t n;
	unsigned *pending; /* counted down; may be NULL */
};

static inline bool deed_decide(void *arg, const struct desk_view *view, struct desk_change *change)
{
	struct deed *deed = arg;

	deed->decided++;
	if (deed->fill)
		deed->fill(deed, view, change);
	return !deed->leave;
}

static inline void deed_done(void *arg, enum desk_outcome outcome, uint64_t n)
{
	struct deed *deed = arg;

	deed->done++;
	deed->outcome = outcome;
	deed->n = n;
	if (deed->pending)
		--*deed->pending;
}

static inline json_t *note(const char *act)
{
	return json_pack("{s:s, s:s}", "act", act, "who", "tester");
}

/* Sets C:people p to "1" and notes it. */
static inline void fill_person(
    struct deed *deed, const struct desk_view *view, struct desk_change *change)
{
	(void)deed;
	(void)view;
	(void)desk_set(change, DESK_PEOPLE, "p", slice_text("1"));
	(void)desk_note(change, note("test.person"));
}

/* Adds one to a number in the record: an update lost would be missing from it. */
static inline void fill_increment(
    struct deed *deed, const struct desk_view *view, struct desk_change *change)
{
	struct slice value = desk_get(view, DESK_RECORD, "count");
	char text[24] = "0";

	(void)deed;
	if (value.ptr)
		snprintf(text, sizeof(text), "%.*s", (int)value.len, value.ptr);
	snprintf(text, sizeof(text), "%lld", strtoll(text, NULL, 10) + 1);
	(void)desk_set(change, DESK_RECORD, "count", slice_text(text));
	(void)desk_note(change, note("test.increment"));
}

static inline void deed_now(struct desk_fixture *f, struct deed *deed)
{
	deed->decided = deed->done = 0;
	desk_update(f->desk[0], NULL, 0, deed_decide, deed_done, deed);
	assert_int_equal(deed->done, 0);
	desk_wait(f, deed->done > 0);
	assert_int_equal(deed->done, 1);
}

static inline enum desk_outcome write_person(struct desk_fixture *f)
{
	struct deed deed = {.fill = fill_person};

	deed_now(f, &deed);
	return deed.outcome;
}

/* ---- what came of an undertaking ---- */

struct outcome {
	unsigned told;          /* how often */
	struct verdict verdict; /* its members are the test's own: outcome_clear() */
};

static inline void on_verdict(void *arg, const struct verdict *verdict)
{
	struct outcome *outcome = arg;

	outcome->told++;
	outcome->verdict = *verdict;
	json_incref(outcome->verdict.members);
}

static inline void outcome_clear(struct outcome *outcome)
{
	json_decref(outcome->verdict.members);
	*outcome = (struct outcome){0};
}

/* ---- listing ---- */

enum { LISTED_MAX = 1100, TEXT_MAX = 600 };

struct listed {
	bool called;
	int error;
	size_t n;
	uint64_t number[LISTED_MAX];
	char text[LISTED_MAX][TEXT_MAX];
};

static inline void record_audit(
    void *arg, int error, const struct desk_entry *entries, size_t n_entries)
{
	struct listed *listed = arg;

	listed->called = true;
	listed->error = error;
	listed->n = n_entries;
	for (size_t i = 0; i < n_entries; i++) {
		listed->number[i] = entries[i].n;
		snprintf(listed->text[i], TEXT_MAX, "%.*s", (int)entries[i].json.len,
		    entries[i].json.ptr);
	}
}

/* To be freed. */
static inline struct listed *audit_now(struct desk_fixture *f, uint64_t after, size_t count)
{
	struct listed *listed = calloc(1, sizeof(*listed));

	desk_audit(f->desk[0], after, count, record_audit, listed);
	assert_false(listed->called);
	desk_wait(f, listed->called);
	return listed;
}

#endif
