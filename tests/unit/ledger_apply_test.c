/* Acts carried to the shards: once each, never back, latched with the size of the log; and what
 * ballots, tokens and readings then see. */
#include "ledger_fixture.h"

#include <errno.h>

#include "base/clock.h"

#define A "choices\na\n"
#define B "choices\nb\n"

struct applied_record {
	bool called;
	int error;
};

static void record_applied(void *arg, int error)
{
	struct applied_record *record = arg;

	record->called = true;
	record->error = error;
}

static int apply_now(
    struct fixture *f, uint64_t version, const char *phase, int64_t opens_ms, int64_t closes_ms)
{
	struct applied_record record = {0};

	ledger_apply(f->ledger, version, phase, opens_ms, closes_ms, record_applied, &record);
	assert_false(record.called);
	wait_until(f, record.called);
	return record.error;
}

static struct cast_result cast_id(struct fixture *f, uint32_t shard, uint32_t id)
{
	uint8_t spent[16];

	make_spent(spent, shard, id, id);
	return cast_now(f, spent, A, "x", -1).result;
}

static enum issue_verdict issue_id(struct fixture *f, uint32_t id)
{
	uint8_t identity[16];

	make_spent(identity, 0, id, id);
	return issue_now(f, identity, 0);
}

/* A whole contest: pause, resume, close, and on to a correction. */
static void test_phases(void **state)
{
	const int64_t hour = 3600 * 1000, opens = clock_wall_ms() - hour,
		      closes = clock_wall_ms() + hour;
	static const struct {
		const char *phase, *shown;
		enum cast_verdict cast;
		enum issue_verdict issue;
	} rows[] = {
	    {"paused", "paused", CAST_PAUSED, ISSUE_NOT_OPEN},
	    {"", "open", CAST_COUNTED, ISSUE_NEW},
	    {"closed", "closed", CAST_CLOSED, ISSUE_CLOSED},
	    {"provisional", "provisional", CAST_CLOSED, ISSUE_CLOSED},
	    {"certified", "certified", CAST_CLOSED, ISSUE_CLOSED},
	    {"corrected", "corrected", CAST_CLOSED, ISSUE_CLOSED},
	    {"corrected", "corrected", CAST_CLOSED, ISSUE_CLOSED},
	};
	struct fixture f;
	uint8_t early[16];
	uint32_t id = 1;

	(void)state;
	fixture_init(&f);
	fixture_open_ready(&f);
	make_spent(early, 0, 0, 0);
	assert_int_equal(cast_now(&f, early, A, "x", -1).result.verdict, CAST_COUNTED);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++, id++) {
		struct totals_record totals;

		assert_int_equal(apply_now(&f, i + 1, rows[i].phase, opens, closes), 0);
		assert_int_equal(cast_id(&f, 0, id).verdict, rows[i].cast);
		assert_int_equal(issue_id(&f, id), rows[i].issue);
		/* What was counted is answered in every phase. */
		assert_int_equal(cast_now(&f, early, A, "x", -1).result.verdict, CAST_SAME);
		assert_int_equal(cast_now(&f, early, B, "x", -1).result.verdict, CAST_SPENT);
		totals = totals_now(&f);
		assert_int_equal(totals.error, 0);
		assert_string_equal(totals.phase, rows[i].shown);
		assert_int_equal(totals.totals.version, i + 1);
		assert_int_equal(totals.totals.least_version, i + 1);
		assert_int_equal(totals.totals.opens_ms, opens);
		assert_int_equal(totals.totals.closes_ms, closes);
		assert_int_equal(totals.totals.ballots, i > 0 ? 2 : 1);
		assert_int_equal(
		    server_integer(&f.server, "HEXISTS {c/0}:rules size"), i >= 2 ? 1 : 0);
	}
	assert_int_equal(server_integer(&f.server, "HGET {c/0}:rules size"), 2);
	fixture_close(&f);
}

struct act {
	uint64_t version;
	const char *phase;
	int64_t closes; /* hours from now; 0: none */
	int error;
};

/* What two acts, one after the other, leave behind. */
static void test_order(void **state)
{
	static const struct {
		struct act acts[2];
		const char *phase;
		int64_t version, closes;
	} rows[] = {
	    /* Idempotent; an older one arrives late. */
	    {{{3, "paused", 2, 0}, {3, "", 4, 0}}, "paused", 3, 2},
	    {{{3, "paused", 2, 0}, {2, "", 4, 0}}, "paused", 3, 2},
	    {{{3, "paused", 2, 0}, {0, "closed", 4, 0}}, "paused", 3, 2},
	    /* Extending, and not shortening. */
	    {{{1, "", 2, 0}, {2, "", 3, 0}}, "", 2, 3},
	    {{{1, "", 2, 0}, {2, "", 1, -EPERM}}, "", 1, 2},
	    {{{1, "", 2, 0}, {2, "paused", 1, -EPERM}}, "", 1, 2},
	    {{{1, "", 0, 0}, {2, "", 1, 0}}, "", 2, 1},
	    /* A close comes with whatever hours, and is for good. */
	    {{{1, "", 2, 0}, {2, "closed", 1, 0}}, "closed", 2, 1},
	    {{{1, "closed", 2, 0}, {2, "", 2, -EPERM}}, "closed", 1, 2},
	    {{{1, "closed", 2, 0}, {2, "", 4, -EPERM}}, "closed", 1, 2},
	    {{{1, "closed", 2, 0}, {2, "paused", 2, -EPERM}}, "closed", 1, 2},
	    {{{1, "provisional", 2, 0}, {2, "closed", 2, -EPERM}}, "provisional", 1, 2},
	    {{{1, "corrected", 2, 0}, {2, "certified", 2, -EPERM}}, "corrected", 1, 2},
	    {{{1, "closed", 2, 0}, {2, "certified", 4, 0}}, "certified", 2, 2},
	    /* A shard that missed an act is latched by the next. */
	    {{{1, "", 2, 0}, {9, "certified", 2, 0}}, "certified", 9, 2},
	};
	const int64_t hour = 3600 * 1000, now = clock_wall_ms();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fixture f;
		redisReply *reply;

		fixture_init(&f);
		fixture_open_ready(&f);
		assert_int_equal(cast_id(&f, 0, 1).verdict, CAST_COUNTED);
		for (int k = 0; k < 2; k++) {
			const struct act *act = &rows[i].acts[k];

			assert_int_equal(apply_now(&f, act->version, act->phase, now - hour,
					     act->closes ? now + act->closes * hour : 0),
			    act->error);
		}
		reply = server_ask(&f.server, "HGET {c/0}:rules phase");
		assert_string_equal(reply->str, rows[i].phase);
		freeReplyObject(reply);
		assert_int_equal(
		    server_integer(&f.server, "HGET {c/0}:rules version"), rows[i].version);
		assert_int_equal(server_integer(&f.server, "HGET {c/0}:rules closes"),
		    now + rows[i].closes * hour);
		assert_int_equal(totals_now(&f).error, 0);
		fixture_close(&f);
	}
}

/* A close that has passed by the clock, not by an act, can still be extended: the decision fell
 * before it. */
static void test_extended_after_hours(void **state)
{
	const int64_t hour = 3600 * 1000, now = clock_wall_ms();
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.options.opens_ms = now - 2 * hour;
	f.options.closes_ms = now - hour;
	fixture_open_ready(&f);
	assert_int_equal(cast_id(&f, 0, 1).verdict, CAST_CLOSED);
	assert_string_equal(totals_now(&f).phase, "closed");
	assert_int_equal(apply_now(&f, 1, "", now - 2 * hour, now + hour), 0);
	assert_int_equal(cast_id(&f, 0, 1).verdict, CAST_COUNTED);
	assert_string_equal(totals_now(&f).phase, "open");
	fixture_close(&f);
}

/* Of several shards the one furthest behind speaks; applying again brings it along. */
static void test_shards(void **state)
{
	const int64_t hour = 3600 * 1000, now = clock_wall_ms();
	struct fixture f;
	struct totals_record totals;

	(void)state;
	fixture_init(&f);
	f.options.shards = 3;
	fixture_open_ready(&f);
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(cast_id(&f, i % 2, i).verdict, CAST_COUNTED);
	assert_int_equal(apply_now(&f, 4, "", now - hour, now + hour), 0);
	/* As an act that was interrupted leaves it. */
	assert_int_equal(apply_now(&f, 5, "closed", now - hour, now + 2 * hour), 0);
	server_do(&f.server, "HDEL {c/1}:rules size");
	server_do(&f.server, "HSET {c/1}:rules phase %s version 4 closes %lld", "",
	    (long long)(now + hour));
	totals = totals_now(&f);
	assert_string_equal(totals.phase, "open");
	assert_int_equal(totals.totals.least_version, 4);
	assert_int_equal(totals.totals.version, 14);
	assert_int_equal(totals.totals.closes_ms, now + hour);
	assert_int_equal(cast_id(&f, 0, 10).verdict, CAST_CLOSED);
	assert_int_equal(cast_id(&f, 1, 11).verdict, CAST_COUNTED);
	assert_int_equal(apply_now(&f, 5, "closed", now - hour, now + 2 * hour), 0);
	totals = totals_now(&f);
	assert_string_equal(totals.phase, "closed");
	assert_int_equal(totals.totals.least_version, 5);
	assert_int_equal(totals.totals.closes_ms, now + 2 * hour);
	assert_int_equal(server_integer(&f.server, "HGET {c/0}:rules size"), 3);
	assert_int_equal(server_integer(&f.server, "HGET {c/1}:rules size"), 4);
	assert_int_equal(server_integer(&f.server, "HGET {c/2}:rules size"), 0);
	assert_int_equal(cast_id(&f, 1, 12).verdict, CAST_CLOSED);
	fixture_close(&f);
}

/* ---- when it cannot ---- */

static void test_latched_log_changed(void **state)
{
	static const char *const damages[] = {
	    "XDEL {c/0}:log 2-0", "XADD {c/0}:log 9-0 b x", "HDEL {c/0}:rules size"};

	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		struct fixture f;

		fixture_init(&f);
		fixture_open_ready(&f);
		for (uint32_t id = 0; id < 2; id++)
			assert_int_equal(cast_id(&f, 0, id).verdict, CAST_COUNTED);
		assert_int_equal(apply_now(&f, 1, "closed", 0, 0), 0);
		assert_int_equal(totals_now(&f).error, 0);
		server_do(&f.server, damages[i]);
		assert_int_equal(totals_now(&f).error, -EBADMSG);
		fixture_close(&f);
	}
}

static void test_errors(void **state)
{
	static const struct {
		const char *before, *after;
		const char *phase;
		int error, later;
	} rows[] = {
	    {"PING", "PING", "closed", 0, 0},
	    {"SET {c/0}:log x", "DEL {c/0}:log", "closed", -EBADMSG, 0},
	    {"HSET {c/1}:rules version x", "HSET {c/1}:rules version 0", "", -EBADMSG, 0},
	    {"HSET {c/1}:rules phase unknown", "PING", "", -EBADMSG, -EBADMSG},
	    {"PING", "PING", "unknown", -EBADMSG, -EBADMSG},
	    {"PING", "PING", "open", -EBADMSG, -EBADMSG},
	    {"CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", "closed", -EIO, 0},
	    {"HSET {c/1}:rules hash other", "PING", "closed", -EIO, -EIO},
	    {"FUNCTION FLUSH", "PING", "closed", -EIO, -1000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fixture f;

		fixture_init(&f);
		f.options.shards = 2;
		fixture_open_ready(&f);
		server_do(&f.server, rows[i].before);
		assert_int_equal(apply_now(&f, 1, rows[i].phase, 0, 0), rows[i].error);
		server_do(&f.server, rows[i].after);
		if (rows[i].later == -1000) { /* the ledger looks after it */
			wait_until(&f, ledger_is_ready(f.ledger));
			assert_int_equal(apply_now(&f, 1, rows[i].phase, 0, 0), 0);
		} else {
			assert_int_equal(apply_now(&f, 1, rows[i].phase, 0, 0), rows[i].later);
		}
		fixture_close(&f);
	}
}

static void test_absent(void **state)
{
	struct fixture f;
	struct applied_record record = {0};

	(void)state;
	fixture_init(&f);
	fixture_open(&f); /* no server at all */
	assert_int_equal(apply_now(&f, 1, "closed", 0, 0), -EIO);
	server_start(&f.server, false);
	wait_until(&f, ledger_is_ready(f.ledger));
	assert_int_equal(apply_now(&f, 1, "closed", 0, 0), 0);
	ledger_apply(f.ledger, 2, "certified", 0, 0, record_applied, &record);
	fixture_shut(&f);
	assert_true(record.called);
	assert_int_equal(record.error, -EIO);
	fixture_open(&f);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_phases),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_extended_after_hours),
	    cmocka_unit_test(test_shards),
	    cmocka_unit_test(test_latched_log_changed),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
