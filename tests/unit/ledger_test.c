/* The ledger against a real Redis: what is counted, refused, found and summed up. How it fares when
 * Redis itself fails is in ledger_fault_test.c. */
#include "ledger_fixture.h"
#include "contest_fixture.h"

#include <errno.h>

#include "base/clock.h"

#define A "choices\na\n"
#define B "choices\nb\n"

static int64_t ballots(struct fixture *f)
{
	return server_integer(&f->server, "HGET {c/0}:count ballots");
}

/* ---- one token ---- */

static void test_cast_once(void **state)
{
	struct fixture f;
	struct cast_record r;
	uint8_t spent[16];

	(void)state;
	fixture_init(&f);
	fixture_open_ready(&f);
	make_spent(spent, 0, 1, 7);

	r = cast_now(&f, spent, A, "votes/a", -1);
	assert_int_equal(r.result.verdict, CAST_COUNTED);
	assert_int_equal(r.result.index, 0);
	r = cast_now(&f, spent, A, "votes/a", -1);
	assert_int_equal(r.result.verdict, CAST_SAME);
	assert_int_equal(r.result.index, 0);
	r = cast_now(&f, spent, B, "votes/b", -1);
	assert_int_equal(r.result.verdict, CAST_SPENT);
	assert_int_equal(r.result.index, 0);
	assert_string_equal(r.ballot, A);
	/* Replacing is off: a right If-Match does not help. */
	r = cast_now(&f, spent, B, "votes/b", 0);
	assert_int_equal(r.result.verdict, CAST_SPENT);
	make_spent(spent, 0, 1, 8);
	r = cast_now(&f, spent, B, "votes/b", 0);
	assert_int_equal(r.result.verdict, CAST_NEVER);
	assert_int_equal(ballots(&f), 1);
	fixture_close(&f);
}

static void test_replace(void **state)
{
	struct fixture f;
	struct cast_record r;
	uint8_t spent[16];

	(void)state;
	fixture_init(&f);
	f.options.replaceable = true;
	fixture_open_ready(&f);
	make_spent(spent, 0, 2, 9);

	assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_COUNTED);
	r = cast_now(&f, spent, B, "x", 0);
	assert_int_equal(r.result.verdict, CAST_REPLACED);
	assert_int_equal(r.result.index, 1);
	assert_int_equal(r.result.replacements, 1);
	/* Its retry, though index 0 is no longer what stands. */
	r = cast_now(&f, spent, B, "x", 0);
	assert_int_equal(r.result.verdict, CAST_SAME);
	assert_int_equal(r.result.index, 1);
	assert_int_equal(r.result.replacements, 1);
	/* A late retry of the first does not undo the second. */
	r = cast_now(&f, spent, A, "x", -1);
	assert_int_equal(r.result.verdict, CAST_SPENT);
	assert_int_equal(r.result.index, 1);
	assert_string_equal(r.ballot, B);
	assert_int_equal(cast_now(&f, spent, A, "x", 0).result.verdict, CAST_SPENT);

	for (int i = 2; i <= LEDGER_REPLACEMENTS_MAX; i++) {
		r = cast_now(&f, spent, i % 2 ? B : A, "x", i - 1);
		assert_int_equal(r.result.verdict, CAST_REPLACED);
		assert_int_equal(r.result.replacements, i);
	}
	r = cast_now(&f, spent, B, "x", LEDGER_REPLACEMENTS_MAX);
	assert_int_equal(r.result.verdict, CAST_REPLACED_TOO_OFTEN);
	assert_int_equal(r.result.index, LEDGER_REPLACEMENTS_MAX);
	assert_string_equal(r.ballot, A);
	assert_int_equal(ballots(&f), 1);
	fixture_close(&f);
}

static void test_thousand_of_one_token(void **state)
{
	enum { N = 1000 };
	struct fixture f;
	struct cast_record *r = calloc(N, sizeof(*r));
	unsigned pending = N, counted = 0, same = 0;
	uint8_t spent[16];

	(void)state;
	fixture_init(&f);
	fixture_open_ready(&f);
	make_spent(spent, 0, 3, 1);
	for (int i = 0; i < N; i++) {
		r[i].pending = &pending;
		cast_one(&f, spent, A, "x", -1, &r[i]);
	}
	wait_until(&f, pending == 0);
	for (int i = 0; i < N; i++) {
		counted += r[i].result.verdict == CAST_COUNTED;
		same += r[i].result.verdict == CAST_SAME;
		assert_int_equal(r[i].calls, 1);
		assert_int_equal(r[i].result.index, 0);
	}
	assert_int_equal(counted, 1);
	assert_int_equal(same, N - 1);
	assert_int_equal(ballots(&f), 1);
	free(r);
	fixture_close(&f);
}

/* ---- against a model ---- */

enum { TOKENS = 400, CHOICES = 4, SHARDS = 3, MAX_GATHERED = 150 };

struct model_token {
	uint8_t spent[16];
	bool cast;
	uint64_t index;
	unsigned replacements;
	int choice;
};

struct model {
	struct model_token tokens[TOKENS];
	uint64_t log_size[SHARDS], ballots;
	int64_t votes[CHOICES];
	unsigned seed;
};

static unsigned rnd(struct model *m, unsigned below)
{
	return (unsigned)rand_r(&m->seed) % below;
}

static void model_ballot(int choice, char ret[16])
{
	snprintf(ret, 16, "choices\n%c\n", 'a' + choice);
}

/* Casts something random; what must come of it is known at once, as ballots of a shard keep their
 * order. */
static void model_cast(
    struct fixture *f, struct model *m, struct cast_result *expected, struct cast_record *record)
{
	struct model_token *t = &m->tokens[rnd(m, TOKENS)];
	unsigned shard = (unsigned)(t->spent[3] % SHARDS);
	int choice = (int)rnd(m, CHOICES);
	int64_t replaces = -1;
	struct form_increment inc[2] = {{.by = 1}, {.by = -1}};
	char ballot[16];

	if (t->cast ? rnd(m, 2) : rnd(m, 20) == 0)
		replaces = rnd(m, 4) ? (int64_t)t->index : (int64_t)rnd(m, 50);
	model_ballot(choice, ballot);
	snprintf(inc[0].counter, sizeof(inc[0].counter), "votes/%c", 'a' + choice);
	snprintf(inc[1].counter, sizeof(inc[1].counter), "votes/%c", 'a' + t->choice);
	cast_with(f, t->spent, ballot, inc, replaces >= 0 ? 2 : 1, replaces, record);

	expected->shard = shard;
	expected->index = t->index;
	expected->replacements = t->replacements;
	if (t->cast && t->choice == choice) {
		expected->verdict = CAST_SAME;
	} else if (t->cast && replaces != (int64_t)t->index) {
		expected->verdict = CAST_SPENT;
	} else if (t->cast && t->replacements >= LEDGER_REPLACEMENTS_MAX) {
		expected->verdict = CAST_REPLACED_TOO_OFTEN;
	} else if (!t->cast && replaces >= 0) {
		expected->verdict = CAST_NEVER;
		expected->index = 0;
	} else {
		expected->verdict = t->cast ? CAST_REPLACED : CAST_COUNTED;
		if (t->cast) {
			m->votes[t->choice]--;
			t->replacements++;
		} else {
			m->ballots++;
		}
		m->votes[choice]++;
		t->cast = true;
		t->choice = choice;
		t->index = m->log_size[shard]++;
		expected->index = t->index;
		expected->replacements = t->replacements;
	}
}

static void model_compare_all(struct fixture *f, struct model *m)
{
	struct totals_record totals = totals_now(f);
	uint64_t size = 0;

	assert_int_equal(totals.error, 0);
	for (int i = 0; i < SHARDS; i++)
		size += m->log_size[i];
	assert_int_equal(totals.totals.log_size, size);
	assert_int_equal(totals.totals.ballots, m->ballots);
	assert_string_equal(totals.phase, "open");
	for (int i = 0; i < CHOICES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "votes/%c", 'a' + i);
		assert_int_equal(counter_of(&totals, name), m->votes[i]);
	}
	for (int i = 0; i < TOKENS; i++) {
		struct model_token *t = &m->tokens[i];
		struct cast_record r = {0};
		char ballot[16];

		ledger_find(f->ledger, t->spent, record_cast, &r);
		wait_until(f, r.calls > 0);
		assert_int_equal(r.result.verdict, t->cast ? CAST_SPENT : CAST_NEVER);
		if (!t->cast)
			continue;
		model_ballot(t->choice, ballot);
		assert_string_equal(r.ballot, ballot);
		assert_int_equal(r.result.index, t->index);
		assert_int_equal(r.result.replacements, t->replacements);
	}
}

static void test_against_model(void **state)
{
	const char *given = getenv("TEST_SEED");
	struct model *m = calloc(1, sizeof(*m));
	struct cast_record *got = calloc(MAX_GATHERED, sizeof(*got));
	struct contest *contest =
	    fixture_contest("choices", (const char *[]){"a", "b", "c", "d"}, 4);
	struct cast_result expected[MAX_GATHERED];
	struct fixture f;

	(void)state;
	m->seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)clock_wall_ms();
	print_message("TEST_SEED=%u\n", m->seed);
	fixture_init(&f);
	f.options.replaceable = true;
	f.options.shards = SHARDS;
	f.options.packing = contest;
	fixture_open_ready(&f);
	for (uint32_t i = 0; i < TOKENS; i++) {
		make_spent(m->tokens[i].spent, rnd(m, 250), rnd(m, 100), i);
		/* Half of them share what a bucket has of a token with many others. */
		if (i % 2)
			memset(m->tokens[i].spent + 12, (int)rnd(m, 3), LEDGER_FIELD_SIZE);
	}
	for (int round = 0; round < 80; round++) {
		unsigned n = 1 + rnd(m, rnd(m, 3) ? 10 : MAX_GATHERED);
		unsigned pending = n;

		memset(got, 0, n * sizeof(*got));
		for (unsigned i = 0; i < n; i++) {
			got[i].pending = &pending;
			memset(&expected[i], 0, sizeof(expected[i]));
			model_cast(&f, m, &expected[i], &got[i]);
		}
		wait_until(&f, pending == 0);
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(got[i].calls, 1);
			assert_int_equal(got[i].result.verdict, expected[i].verdict);
			assert_int_equal(got[i].result.shard, expected[i].shard);
			assert_int_equal(got[i].result.index, expected[i].index);
			assert_int_equal(got[i].result.replacements, expected[i].replacements);
		}
	}
	model_compare_all(&f, m);
	/* Another worker sees the same. */
	fixture_shut(&f);
	fixture_open(&f);
	wait_until(&f, ledger_is_ready(f.ledger));
	model_compare_all(&f, m);
	fixture_close(&f);
	contest_free(contest);
	free(got);
	free(m);
}

/* ---- hours and phases ---- */

static void test_hours(void **state)
{
	const int64_t hour = 3600 * 1000, now = clock_wall_ms();
	const struct {
		int64_t opens, closes;
		const char *phase;
		enum cast_verdict cast;
		enum issue_verdict issue;
		const char *shown;
	} rows[] = {
	    {0, 0, "", CAST_COUNTED, ISSUE_NEW, "open"},
	    {now - hour, now + hour, "", CAST_COUNTED, ISSUE_NEW, "open"},
	    {now + hour, now + 2 * hour, "", CAST_NOT_OPEN, ISSUE_NOT_OPEN, "announced"},
	    {now - 2 * hour, now - hour, "", CAST_CLOSED, ISSUE_CLOSED, "closed"},
	    {now - hour, now + hour, "paused", CAST_PAUSED, ISSUE_NOT_OPEN, "paused"},
	    {now - hour, now + hour, "closed", CAST_CLOSED, ISSUE_CLOSED, "closed"},
	    {0, 0, "paused", CAST_PAUSED, ISSUE_NOT_OPEN, "paused"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fixture f;
		struct cast_record r;
		struct totals_record totals;
		uint8_t early[16], late[16];

		fixture_init(&f);
		fixture_open_ready(&f);
		make_spent(early, 0, 0, 1);
		make_spent(late, 0, 0, 2);
		assert_int_equal(cast_now(&f, early, A, "x", -1).result.verdict, CAST_COUNTED);
		server_do(&f.server, "HSET {c/0}:rules opens %lld closes %lld phase %s size 1",
		    (long long)rows[i].opens, (long long)rows[i].closes, rows[i].phase);

		r = cast_now(&f, late, A, "x", -1);
		assert_int_equal(r.result.verdict, rows[i].cast);
		if (rows[i].cast != CAST_COUNTED)
			assert_true(llabs(r.result.server_ms - clock_wall_ms()) < 60000);
		/* What was counted is answered whatever the hour. */
		assert_int_equal(cast_now(&f, early, A, "x", -1).result.verdict, CAST_SAME);
		assert_int_equal(cast_now(&f, early, B, "x", -1).result.verdict, CAST_SPENT);
		totals = totals_now(&f);
		assert_string_equal(totals.phase, rows[i].shown);
		assert_int_equal(totals.totals.ballots, rows[i].cast == CAST_COUNTED ? 2 : 1);
		fixture_close(&f);
	}
}

/* ---- issuing ---- */

static void test_issue(void **state)
{
	struct fixture f;
	uint8_t one[16], two[16];

	(void)state;
	fixture_init(&f);
	f.options.shards = 2;
	fixture_open_ready(&f);
	make_spent(one, 0, 0, 1);
	make_spent(two, 1, 0, 2);
	assert_int_equal(issue_now(&f, one, 1), ISSUE_NEW);
	assert_int_equal(issue_now(&f, one, 1), ISSUE_SAME);
	assert_int_equal(issue_now(&f, one, 2), ISSUE_OTHER);
	assert_int_equal(issue_now(&f, two, 2), ISSUE_NEW);
	assert_int_equal(totals_now(&f).totals.issued, 2);
	/* The same again also after the close. */
	server_do(&f.server, "HSET {c/0}:rules phase closed");
	assert_int_equal(issue_now(&f, one, 1), ISSUE_SAME);
	/* Damage stays where it is. */
	server_do(&f.server, "SET {c/1}:issued:0 x");
	assert_int_equal(issue_now(&f, two, 2), ISSUE_FAULT);
	server_do(&f.server, "DEL {c/1}:issued:0");
	server_do(&f.server, "SET {c/1}:issued 1x");
	assert_int_equal(issue_now(&f, two, 2), ISSUE_FAULT);
	fixture_close(&f);
}

/* ---- damage ---- */

/* `n` ballots in one batch, token i in bucket i % 4, all voting for "x" but those where `bad`. */
static void cast_batch(
    struct fixture *f, unsigned n, const char *(*counter)(unsigned i), struct cast_record *records)
{
	unsigned pending = n;
	uint8_t spent[16];

	memset(records, 0, n * sizeof(*records));
	for (unsigned i = 0; i < n; i++) {
		records[i].pending = &pending;
		make_spent(spent, 0, i % 4, 1000 + i);
		cast_one(f, spent, A, counter(i), -1, &records[i]);
	}
	wait_until(f, pending == 0);
}

static const char *all_x(unsigned i)
{
	(void)i;
	return "x";
}

static const char *third_bad(unsigned i)
{
	return i % 3 == 2 ? "bad" : "x";
}

static void test_damaged_bucket(void **state)
{
	static const char *const damages[] = {"SET {c/0}:spent:2 junk", NULL};
	/* No index; beyond the log; where the log has another token. */
	static const char *const values[] = {
	    "12x", "999999", "", ",", "0", "0,999999", "0,", "1 x", "-1", "1234567890123456"};
	struct fixture f;
	struct cast_record r[40];
	uint8_t spent[16];

	(void)state;
	fixture_init(&f);
	fixture_open_ready(&f);
	server_do(&f.server, damages[0]);
	cast_batch(&f, 40, all_x, r);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(r[i].result.verdict, i % 4 == 2 ? CAST_FAULT : CAST_COUNTED);
	assert_int_equal(ballots(&f), 30);
	assert_int_equal(server_integer(&f.server, "XLEN {c/0}:log"), 1);
	/* Healed by a person, those ballots are counted too, and the shard has lived on. */
	server_do(&f.server, "DEL {c/0}:spent:2");
	cast_batch(&f, 40, all_x, r);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(r[i].result.verdict, i % 4 == 2 ? CAST_COUNTED : CAST_SAME);
	assert_int_equal(ballots(&f), 40);
	/* A value that is none, or that points nowhere. */
	make_spent(spent, 0, 1, 5);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		server_do(&f.server, "HSET {c/0}:spent:1 %b %s", spent + 12, (size_t)4, values[i]);
		assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_FAULT);
	}
	server_do(&f.server, "HDEL {c/0}:spent:1 %b", spent + 12, (size_t)4);
	assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_COUNTED);
	fixture_close(&f);
}

/* What a bucket has of a token is too little to tell tokens apart: the log does. */
static void test_tokens_share_a_field(void **state)
{
	enum { N = 12 };
	struct cast_record r[2 * N] = {0};
	struct fixture f;
	uint8_t spent[16], last[4];
	unsigned pending = 2 * N;

	(void)state;
	fixture_init(&f);
	f.options.replaceable = true;
	fixture_open_ready(&f);
	make_spent(spent, 0, 3, 0);
	memcpy(last, spent + 12, sizeof(last));
	/* One by one, then more of them in one batch, each twice. */
	for (uint32_t i = 0; i < 3; i++) {
		make_spent(spent, 0, 3, i);
		memcpy(spent + 12, last, sizeof(last));
		assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_COUNTED);
	}
	for (uint32_t i = 0; i < 2 * N; i++) {
		make_spent(spent, 0, 3, i / 2);
		memcpy(spent + 12, last, sizeof(last));
		r[i].pending = &pending;
		cast_one(&f, spent, A, "x", -1, &r[i]);
	}
	wait_until(&f, pending == 0);
	for (unsigned i = 0; i < 2 * N; i++) {
		bool again = i % 2 || i / 2 < 3;

		assert_int_equal(r[i].result.verdict, again ? CAST_SAME : CAST_COUNTED);
		assert_int_equal(r[i].result.index, i / 2);
	}
	assert_int_equal(server_integer(&f.server, "HLEN {c/0}:spent:3"), 1);
	assert_int_equal(ballots(&f), N);
	/* One in the middle is replaced; its neighbours stand. */
	for (uint32_t i = 0; i < N; i++) {
		struct cast_record one;

		make_spent(spent, 0, 3, i);
		memcpy(spent + 12, last, sizeof(last));
		one = cast_now(&f, spent, B, "x", i == 5 ? 5 : -1);
		assert_int_equal(one.result.verdict, i == 5 ? CAST_REPLACED : CAST_SPENT);
		assert_int_equal(one.result.index, i == 5 ? N : i);
		assert_int_equal(one.result.replacements, i == 5);
	}
	/* Whoever shares their field and has not voted has not voted. */
	make_spent(spent, 0, 3, N);
	memcpy(spent + 12, last, sizeof(last));
	assert_int_equal(cast_now(&f, spent, A, "x", 3).result.verdict, CAST_NEVER);
	/* In another bucket, those bytes are another field. */
	make_spent(spent, 0, 2, N);
	memcpy(spent + 12, last, sizeof(last));
	assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_COUNTED);
	/* The log has lost a ballot, and another came in its place: nobody is counted on that. */
	server_do(&f.server, "HSET {c/0}:spent:3 %b %d", last, (size_t)4, N + 1);
	make_spent(spent, 0, 3, 0);
	memcpy(spent + 12, last, sizeof(last));
	assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_FAULT);
	fixture_close(&f);
}

static void test_damaged_counter(void **state)
{
	static const char *const values[] = {"1.5", "007", "x", "", "9007199254740993", "-0", NULL};
	struct fixture f;
	struct cast_record r[40];

	(void)state;
	for (int v = 0; values[v]; v++) {
		fixture_init(&f);
		fixture_open_ready(&f);
		server_do(&f.server, "HSET {c/0}:count bad %s", values[v]);
		cast_batch(&f, 40, third_bad, r);
		for (unsigned i = 0; i < 40; i++)
			assert_int_equal(
			    r[i].result.verdict, i % 3 == 2 ? CAST_FAULT : CAST_COUNTED);
		assert_int_equal(ballots(&f), 27);
		assert_int_equal(server_integer(&f.server, "HGET {c/0}:count x"), 27);
		fixture_close(&f);
	}
}

/* Ten more fit below 9e15, and the batch itself counts. */
static void test_counter_full(void **state)
{
	struct fixture f;
	struct cast_record r[40];

	(void)state;
	fixture_init(&f);
	fixture_open_ready(&f);
	server_do(&f.server, "HSET {c/0}:count x 8999999999999989");
	cast_batch(&f, 40, all_x, r);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(r[i].result.verdict, i < 10 ? CAST_COUNTED : CAST_FAULT);
	assert_int_equal(server_integer(&f.server, "HGET {c/0}:count x"), 8999999999999999);
	assert_int_equal(ballots(&f), 10);
	fixture_close(&f);
}

static struct cast_record cast_many_counters(
    struct fixture *f, uint32_t id, const struct form_increment *increments, size_t n)
{
	struct cast_record r = {0};
	uint8_t spent[16];

	make_spent(spent, 0, id, id);
	cast_with(f, spent, A, increments, n, -1, &r);
	wait_until(f, r.calls > 0);
	return r;
}

/* A ballot that one bad counter refuses leaves no trace in its good ones. */
static void test_damaged_among_good(void **state)
{
	static const struct form_increment increments[] = {
	    {.counter = "good", .by = 1}, {.counter = "bad", .by = 1}};
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_open_ready(&f);
	server_do(&f.server, "HSET {c/0}:count bad x");
	assert_int_equal(cast_many_counters(&f, 1, increments, 2).result.verdict, CAST_FAULT);
	assert_int_equal(server_integer(&f.server, "HEXISTS {c/0}:count good"), 0);
	assert_int_equal(server_integer(&f.server, "EXISTS {c/0}:log"), 0);
	assert_int_equal(cast_many_counters(&f, 2, increments, 1).result.verdict, CAST_COUNTED);
	assert_int_equal(server_integer(&f.server, "HGET {c/0}:count good"), 1);
	fixture_close(&f);
}

/* A full batch in which no two ballots share a counter: the writes must not run into a limit of
 * Lua's after the first of them. */
static void test_counters_all_distinct(void **state)
{
	enum { EACH = 200 };
	struct form_increment increments[EACH];
	struct cast_record *r = calloc(LEDGER_BATCH_MAX, sizeof(*r));
	unsigned pending = LEDGER_BATCH_MAX;
	struct fixture f;
	uint8_t spent[16];

	(void)state;
	fixture_init(&f);
	fixture_open_ready(&f);
	for (uint32_t i = 0; i < LEDGER_BATCH_MAX; i++) {
		r[i].pending = &pending;
		for (int k = 0; k < EACH; k++) {
			increments[k].by = (int)i + 1;
			snprintf(increments[k].counter, FORM_COUNTER_MAX, "%u:%d", i, k);
		}
		make_spent(spent, 0, i, i);
		cast_with(&f, spent, A, increments, EACH, -1, &r[i]);
	}
	wait_until(&f, pending == 0);
	for (int i = 0; i < LEDGER_BATCH_MAX; i++)
		assert_int_equal(r[i].result.verdict, CAST_COUNTED);
	assert_int_equal(server_integer(&f.server, "XLEN {c/0}:log"), 1);
	assert_int_equal(
	    server_integer(&f.server, "HLEN {c/0}:count"), LEDGER_BATCH_MAX * EACH + 1);
	assert_int_equal(server_integer(&f.server, "HGET {c/0}:count 63:199"), 64);
	assert_int_equal(ballots(&f), LEDGER_BATCH_MAX);
	fixture_close(&f);
	free(r);
}

/* Rules that were in use are looked at again with every call, each field of them. */
static void test_rules_noticed(void **state)
{
	static const struct {
		const char *change;
		enum cast_verdict verdict;
	} rows[] = {
	    {"PING", CAST_REPLACED},
	    {"HSET {c/0}:rules revote no", CAST_SPENT},
	    {"HSET {c/0}:rules opens 9000000000000", CAST_NOT_OPEN},
	    {"HSET {c/0}:rules closes 1", CAST_CLOSED},
	    {"HSET {c/0}:rules phase paused", CAST_PAUSED},
	    {"HSET {c/0}:rules shards 7", CAST_RULES_DIFFER},
	    {"HSET {c/0}:rules shard 1", CAST_RULES_DIFFER},
	    {"HSET {c/0}:rules shard 2", CAST_FAULT},
	    {"HSET {c/0}:rules buckets 5", CAST_RULES_DIFFER},
	    {"HSET {c/0}:rules version 1x", CAST_FAULT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fixture f;
		uint8_t spent[16];

		fixture_init(&f);
		f.options.replaceable = true;
		f.options.shards = 2;
		fixture_open_ready(&f);
		make_spent(spent, 1u << 31, 6, 1); /* in shard 0 of 2, not of 7 */
		assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_COUNTED);
		server_do(&f.server, rows[i].change);
		assert_int_equal(cast_now(&f, spent, B, "x", 0).result.verdict, rows[i].verdict);
		assert_int_equal(ballots(&f), 1);
		fixture_close(&f);
	}
}

/* The log says what the next index is: without it nothing can be counted, and nothing is. */
static void test_damaged_log(void **state)
{
	static const char *const damages[][2] = {
	    {"DEL {c/0}:log", "SET {c/0}:log junk"},
	    {"XTRIM {c/0}:log MAXLEN 0", "PING"},
	    {"XADD {c/0}:log 100-0 b xx", "PING"},
	    {"XADD {c/0}:log 100-0 b %s", "PING"}, /* an empty text */
	    {"XADD {c/0}:log 100-5 b x", "PING"},
	    {"XADD {c/0}:log 100-0 other x", "PING"},
	};
	struct fixture f;
	struct cast_record r[5];
	uint8_t spent[16];

	(void)state;
	for (size_t d = 0; d < sizeof(damages) / sizeof(*damages); d++) {
		fixture_init(&f);
		fixture_open_ready(&f);
		make_spent(spent, 0, 0, 1);
		assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_COUNTED);
		server_do(&f.server, damages[d][0], "");
		server_do(&f.server, damages[d][1]);
		cast_batch(&f, 5, all_x, r);
		for (int i = 0; i < 5; i++)
			assert_int_equal(r[i].result.verdict, CAST_FAULT);
		assert_int_equal(ballots(&f), 1);
		assert_int_equal(totals_now(&f).error, -EBADMSG);
		fixture_close(&f);
	}
}

/* The stream remembers an ID that its entries no longer show: XADD is refused, first of all writes.
 */
static void test_log_tail_deleted(void **state)
{
	struct fixture f;
	struct cast_record r;
	uint8_t spent[16];

	(void)state;
	fixture_init(&f);
	fixture_open_ready(&f);
	for (uint32_t i = 0; i < 2; i++) {
		make_spent(spent, 0, 0, i);
		assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_COUNTED);
	}
	server_do(&f.server, "XDEL {c/0}:log 2-0");
	make_spent(spent, 0, 0, 2);
	r = cast_now(&f, spent, A, "x", -1);
	assert_int_equal(r.result.verdict, CAST_FAULT);
	assert_int_equal(ballots(&f), 2);
	assert_int_equal(server_integer(&f.server, "HLEN {c/0}:spent:0"), 2);
	fixture_close(&f);
}

/* ---- the published snapshot ---- */

struct published_record {
	bool called;
	int error;
	char text[64];
};

static void record_published(void *arg, int error, struct slice text)
{
	struct published_record *r = arg;

	r->called = true;
	r->error = error;
	snprintf(r->text, sizeof(r->text), "%.*s", (int)text.len, text.ptr);
}

/* Whoever looked before somebody else published overwrites nothing. */
static void test_published(void **state)
{
	static const struct {
		const char *text, *seen, *stands;
	} rows[] = {
	    {"1 9 nine", "", "1 9 nine"},
	    {"1 9 others", "", "1 9 nine"},
	    {"1 12 twelve", "1 9 nine", "1 12 twelve"},
	    {"1 10 late", "1 9 nine", "1 12 twelve"},
	    {"1 13 late", "1 9 nine", "1 12 twelve"},
	    {"1 4 lost", "1 12 twelve", "1 4 lost"},
	    {"1 13 late", "1 12 twelve", "1 4 lost"},
	    {"2 1 epoch", "1 4 lost", "2 1 epoch"},
	};
	struct published_record r = {0};
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.options.rehearsal = true;
	fixture_open_ready(&f);
	ledger_published(f.ledger, record_published, &r);
	wait_until(&f, r.called);
	assert_int_equal(r.error, 0);
	assert_string_equal(r.text, "");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		r.called = false;
		ledger_publish(f.ledger, slice_text(rows[i].text), slice_text(rows[i].seen),
		    record_published, &r);
		wait_until(&f, r.called);
		assert_int_equal(r.error, 0);
		assert_string_equal(r.text, rows[i].stands);
		r.called = false;
		ledger_published(f.ledger, record_published, &r);
		wait_until(&f, r.called);
		assert_string_equal(r.text, rows[i].stands);
	}
	assert_int_equal(server_integer(&f.server, "EXISTS {c~rehearsal}:published"), 1);
	/* Gone since, with Redis' data or by hand. */
	server_do(&f.server, "DEL {c~rehearsal}:published");
	r.called = false;
	ledger_publish(
	    f.ledger, slice_text("1 2 anew"), slice_text("2 1 epoch"), record_published, &r);
	wait_until(&f, r.called);
	assert_string_equal(r.text, "1 2 anew");
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cast_once),
	    cmocka_unit_test(test_replace),
	    cmocka_unit_test(test_thousand_of_one_token),
	    cmocka_unit_test(test_against_model),
	    cmocka_unit_test(test_hours),
	    cmocka_unit_test(test_issue),
	    cmocka_unit_test(test_damaged_bucket),
	    cmocka_unit_test(test_tokens_share_a_field),
	    cmocka_unit_test(test_damaged_counter),
	    cmocka_unit_test(test_counter_full),
	    cmocka_unit_test(test_damaged_among_good),
	    cmocka_unit_test(test_counters_all_distinct),
	    cmocka_unit_test(test_rules_noticed),
	    cmocka_unit_test(test_damaged_log),
	    cmocka_unit_test(test_log_tail_deleted),
	    cmocka_unit_test(test_published),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
