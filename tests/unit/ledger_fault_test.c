/* The ledger when Redis fails: absent, stopped, killed, full, read-only, emptied of its functions,
 * or holding other rules. Whatever happens, a ballot is counted once or not at all, and told which.
 */
#include "ledger_fixture.h"

#include <errno.h>

#include "base/clock.h"

#define A "choices\na\n"

static int64_t ballots(struct fixture *f)
{
	return server_integer(&f->server, "HGET {c/0}:count ballots");
}

/* ---- library and rules ---- */

static void test_functions_gone(void **state)
{
	enum { N = 100 };
	struct fixture f;
	struct cast_record r[N] = {0};
	unsigned pending = N;
	uint8_t spent[16];

	(void)state;
	fixture_init(&f);
	fixture_open_ready(&f);
	server_do(&f.server, "FUNCTION FLUSH");
	for (uint32_t i = 0; i < N; i++) {
		r[i].pending = &pending;
		make_spent(spent, 0, i, i);
		cast_one(&f, spent, A, "x", -1, &r[i]);
	}
	wait_until(&f, pending == 0);
	for (int i = 0; i < N; i++)
		assert_int_equal(r[i].result.verdict, CAST_COUNTED);
	assert_int_equal(ballots(&f), N);
	assert_true(ledger_is_ready(f.ledger));
	assert_int_equal(f.not_ready_told, 1);
	fixture_close(&f);
}

static void test_other_library(void **state)
{
	struct fixture f;
	struct cast_record r;
	uint8_t spent[16] = {0};

	(void)state;
	fixture_init(&f);
	server_start(&f.server, false);
	server_do(&f.server, "FUNCTION LOAD %s",
	    "#!lua name=tallyd_5\nredis.register_function('cast_5', function() return 1 end)");
	fixture_open(&f);
	wait_until(&f, ledger_why(f.ledger) && strstr(ledger_why(f.ledger), "other code"));
	r = cast_now(&f, spent, A, "x", -1);
	assert_int_equal(r.result.verdict, CAST_BUSY);
	/* Removed by a person: it goes on by itself. */
	server_do(&f.server, "FUNCTION FLUSH");
	wait_until(&f, ledger_is_ready(f.ledger));
	fixture_close(&f);
}

static void test_rules_frozen(void **state)
{
	const int64_t hour = 3600 * 1000, now = clock_wall_ms();
	const struct {
		int64_t opens;
		const char *before;
		bool frozen;
	} rows[] = {
	    {0, "PING", false},
	    {now + hour, "PING", false},
	    {now - hour, "PING", true},
	    {0, "SET {c/0}:issued 1", true},
	    {0, "XADD {c/0}:log 1-0 b x", true},
	    {now + hour, "XADD {c/0}:log 1-0 b x", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fixture f;

		fixture_init(&f);
		f.options.opens_ms = rows[i].opens;
		f.options.may_replace = true;
		fixture_open_ready(&f);
		server_do(&f.server, rows[i].before);
		server_do(&f.server, "HSET {c/0}:rules version 7");
		fixture_shut(&f);
		memset(f.options.rules_hash, 0x11, 32);
		fixture_open(&f);
		if (rows[i].frozen) {
			wait_until(&f,
			    ledger_why(f.ledger) && strstr(ledger_why(f.ledger), "rules-differ: "));
			assert_non_null(strstr(ledger_why(f.ledger), "a5a5a5"));
			assert_non_null(strstr(ledger_why(f.ledger), "111111"));
		} else {
			wait_until(&f, ledger_is_ready(f.ledger));
		}
		/* So that the record's amended hours are carried to the new rules as well. */
		assert_int_equal(
		    server_integer(&f.server, "HGET {c/0}:rules version"), rows[i].frozen ? 7 : 0);
		fixture_close(&f);
	}
}

static bool holds(struct fixture *f, unsigned shard, int hash)
{
	redisReply *reply = server_ask(&f->server, "HGET {c/%u}:rules hash", shard);
	uint8_t rules[32];
	bool same;

	memset(rules, hash, sizeof(rules));
	same = reply->len == sizeof(rules) && memcmp(reply->str, rules, sizeof(rules)) == 0;
	freeReplyObject(reply);
	return same;
}

/* Whoever starts later, with other rules. */
static void start_with(struct fixture *f, int hash, bool may_replace)
{
	fixture_shut(f);
	memset(f->options.rules_hash, hash, 32);
	f->options.may_replace = may_replace;
	fixture_open(f);
}

/* A vote in one shard keeps all of them as they are. */
static void test_rules_frozen_in_one_shard(void **state)
{
	(void)state;
	for (unsigned voted = 0; voted < 3; voted++) {
		struct fixture f;

		fixture_init(&f);
		f.options.shards = 3;
		fixture_open_ready(&f);
		server_do(&f.server, "SET {c/%u}:issued 1", voted);
		start_with(&f, 0x11, true);
		wait_until(&f, ledger_is_refused(f.ledger));
		assert_non_null(strstr(ledger_why(f.ledger), "rules-differ: Redis holds a5a5a5"));
		for (unsigned i = 0; i < 3; i++)
			assert_true(holds(&f, i, 0xa5));
		fixture_close(&f);
	}
}

/* Two servers that replaced each other's rules would flap until one of them is frozen. */
static void test_rules_replaced_once(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.options.shards = 2;
	fixture_open_ready(&f);
	start_with(&f, 0x11, false); /* as tallyctl does */
	wait_until(&f, ledger_is_refused(f.ledger));
	assert_non_null(strstr(ledger_why(f.ledger), "Redis holds a5a5a5"));
	assert_non_null(strstr(ledger_why(f.ledger), "this process has 111111"));
	assert_non_null(strstr(ledger_why(f.ledger), "the host that was started last"));

	start_with(&f, 0x11, true);
	wait_until(&f, ledger_is_ready(f.ledger));
	assert_true(holds(&f, 0, 0x11) && holds(&f, 1, 0x11));

	/* Another one starts. This one sees it with the next thing it asks, and stays away. */
	server_do(&f.server, "HSET {c/0}:rules hash other");
	server_do(&f.server, "HSET {c/1}:rules hash other");
	assert_int_equal(totals_now(&f).error, -EIO);
	wait_until(&f, ledger_is_refused(f.ledger));
	assert_non_null(strstr(ledger_why(f.ledger), "the host that was started last"));
	assert_false(holds(&f, 0, 0x11) || holds(&f, 1, 0x11));

	/* Rules that are gone took others' ballots with them, for all that a running one knows. */
	server_do(&f.server, "FLUSHALL");
	wait_until(&f, strstr(ledger_why(f.ledger), "behind: shard "));
	assert_int_equal(server_integer(&f.server, "EXISTS {c/0}:rules"), 0);
	start_with(&f, 0x11, true);
	wait_until(&f, ledger_is_ready(f.ledger));
	fixture_close(&f);
}

/* What another version of tallyd has stored is not read, even under the same rules. */
static void test_other_layout(void **state)
{
	const char *const before[] = {
	    "HDEL {c/0}:rules layout", "HSET {c/0}:rules layout 4", "SET {c/0}:issued 1"};

	(void)state;
	for (size_t voted = 0; voted < 2; voted++) {
		struct fixture f;
		uint8_t spent[16] = {0};

		fixture_init(&f);
		f.options.may_replace = true;
		fixture_open_ready(&f);
		server_do(&f.server, before[voted]);
		/* While it runs, and at the next start: replaced where nobody has voted yet. */
		assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_RULES_DIFFER);
		wait_until(&f, ledger_is_refused(f.ledger));
		assert_int_equal(server_integer(&f.server, "EXISTS {c/0}:log"), 0);
		if (voted)
			server_do(&f.server, before[2]);
		start_with(&f, 0xa5, true);
		wait_until(&f, voted ? ledger_is_refused(f.ledger) : ledger_is_ready(f.ledger));
		if (voted)
			assert_non_null(strstr(ledger_why(f.ledger),
			    "rules-differ: Redis holds what another version "
			    "of tallyd has stored"));
		fixture_close(&f);
	}
}

/* A call of a function with one ballot or identity in the log, that says how much there must be. */
static void test_behind(void **state)
{
	static const struct {
		const char *call; /* %b: the rules' hash, then 16 bytes */
		const char *answer;
	} rows[] = {
	    {"FCALL cast_5 4 {c/0}:rules {c/0}:log {c/0}:count {c/0}:spent:0 %b 2 %b 4 x 0 0",
		"BEHIND 1 2"},
	    {"FCALL cast_5 4 {c/0}:rules {c/0}:log {c/0}:count {c/0}:spent:0 %b x %b 4 x 0 0",
		"BEHIND 1 0"},
	    {"FCALL find_5 3 {c/0}:rules {c/0}:log {c/0}:spent:0 %b %b 2", "BEHIND 1 2"},
	    {"FCALL find_5 3 {c/0}:rules {c/0}:log {c/0}:spent:0 %b %b 1", NULL},
	    {"FCALL read_5 4 {c/0}:rules {c/0}:log {c/0}:count {c/0}:issued %b 2", "BEHIND 1 2"},
	    {"FCALL read_5 4 {c/0}:rules {c/0}:log {c/0}:count {c/0}:issued %b 1", NULL},
	    {"FCALL apply_5 2 {c/0}:rules {c/0}:log %b 1 closed 0 0 2", "BEHIND 1 2"},
	    {"FCALL apply_5 2 {c/0}:rules {c/0}:log %b 1 paused 0 0 2", NULL},
	    {"FCALL issue_5 3 {c/0}:rules {c/0}:issued:0 {c/0}:issued %b %b "
	     "0123456789abcdef0123456789abcdef 2",
		"BEHIND 1 2 issued"},
	    {"FCALL issue_5 3 {c/0}:rules {c/0}:issued:0 {c/0}:issued %b %b "
	     "0123456789abcdef0123456789abcdef",
		"BEHIND 1 0 issued"},
	    {"FCALL open_5 4 {x/0}:rules {x/0}:log {x/0}:issued {x/0}:batches {} %b 0 0 0 1 4 "
	     "refuse %b replace known",
		"BEHIND 0 0"},
	};
	struct fixture f;
	uint8_t id[16];

	(void)state;
	fixture_init(&f);
	fixture_open_ready(&f);
	make_spent(id, 0, 0, 1);
	assert_int_equal(cast_now(&f, id, A, "x", -1).result.verdict, CAST_COUNTED);
	assert_int_equal(issue_now(&f, id, 1), ISSUE_NEW);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		redisReply *reply = server_ask(
		    &f.server, rows[i].call, f.options.rules_hash, (size_t)32, id, (size_t)16);

		assert_int_equal(reply->type == REDIS_REPLY_ERROR, rows[i].answer != NULL);
		if (rows[i].answer)
			assert_string_equal(reply->str, rows[i].answer);
		freeReplyObject(reply);
	}
	assert_int_equal(server_integer(&f.server, "XLEN {c/0}:log"), 1);
	assert_int_equal(server_integer(&f.server, "GET {c/0}:issued"), 1);
	assert_int_equal(server_integer(&f.server, "EXISTS {x/0}:rules"), 0);
	fixture_close(&f);
}

/* What lacks voting rights alone goes on counting ballots, and whoever reads the totals is told. */
static void test_lacks_issued(void **state)
{
	struct fixture f;
	uint8_t id[16];

	(void)state;
	fixture_init(&f);
	f.options.shards = 3;
	fixture_open_ready(&f);
	make_spent(id, 1, 0, 1);
	assert_int_equal(issue_now(&f, id, 1), ISSUE_NEW);
	assert_false(totals_now(&f).totals.lacks_issued);
	server_do(&f.server, "SET {c/1}:issued 0");
	assert_true(totals_now(&f).totals.lacks_issued);
	assert_int_equal(totals_now(&f).error, 0);
	assert_int_equal(cast_now(&f, id, A, "x", -1).result.verdict, CAST_COUNTED);
	make_spent(id, 1, 0, 2);
	assert_int_equal(issue_now(&f, id, 1), ISSUE_FAULT);
	make_spent(id, 2, 0, 2);
	assert_int_equal(issue_now(&f, id, 1), ISSUE_NEW);
	server_do(&f.server, "SET {c/1}:issued 1");
	assert_false(totals_now(&f).totals.lacks_issued);
	fixture_close(&f);
}

/* Who issues is told how many there are, to know it of a replica later. */
static void test_issued_is_told(void **state)
{
	struct fixture f;
	uint8_t id[16];

	(void)state;
	fixture_init(&f);
	fixture_open_ready(&f);
	for (uint32_t i = 0; i < 6; i++) {
		redisReply *reply;

		make_spent(id, 0, 0, i / 2);
		reply = server_ask(&f.server,
		    "FCALL issue_5 3 {c/0}:rules {c/0}:issued:0 {c/0}:issued %b %b "
		    "0123456789abcdef0123456789abcdef %d",
		    f.options.rules_hash, (size_t)32, id, (size_t)16, (i + 1) / 2);
		assert_int_equal(reply->elements, 2);
		assert_string_equal(reply->element[0]->str, i % 2 ? "same" : "new");
		assert_int_equal(reply->element[1]->integer, i / 2 + 1);
		freeReplyObject(reply);
	}
	fixture_close(&f);
}

/* The one member of the rules that is not in the contest's file is told by its values. */
static void test_log_names_differ(void **state)
{
	static const struct {
		const char *stored;
		bool told;
	} rows[] = {
	    {"{\"log_name\":\"vote.example\"}", true},
	    {"{\"log_name\":\"vote-b.example\"}", false},
	    {"{\"log_name\":1}", false},
	    {"{}", false},
	    {"not JSON", false},
	    {"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fixture f;
		const char *why;

		fixture_init(&f);
		f.options.shards = 3;
		fixture_open_ready(&f);
		fixture_shut(&f);
		for (int shard = 0; shard < 3; shard++)
			server_do(&f.server, "HSET {c/%d}:rules record %s opens 1", shard,
			    rows[i].stored);
		memset(f.options.rules_hash, 0x11, 32);
		f.options.rules = slice_text("{\"log_name\":\"vote-b.example\"}");
		fixture_open(&f);
		wait_until(&f, ledger_is_refused(f.ledger));
		why = ledger_why(f.ledger);
		if (rows[i].told)
			assert_string_equal(why,
			    "rules-differ: this host's log_name is \"vote-b.example\", the contest "
			    "began with \"vote.example\": set log_name in this host's tallyd.yaml "
			    "to "
			    "\"vote.example\" and start it again");
		else
			assert_non_null(strstr(why, "rules-differ: Redis holds a5a5a5"));
		fixture_close(&f);
	}
}

/* Another host has changed the rules while this one runs. */
static void test_rules_change_under_way(void **state)
{
	struct fixture f;
	uint8_t spent[16] = {0};

	(void)state;
	fixture_init(&f);
	fixture_open_ready(&f);
	assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_COUNTED);
	server_do(&f.server, "HSET {c/0}:rules hash other");
	make_spent(spent, 0, 0, 1);
	assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_RULES_DIFFER);
	assert_false(ledger_is_ready(f.ledger));
	assert_int_equal(ballots(&f), 1);
	assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_BUSY);
	server_do(&f.server, "HSET {c/0}:rules hash %b", f.options.rules_hash, (size_t)32);
	wait_until(&f, ledger_is_ready(f.ledger));
	assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_COUNTED);
	fixture_close(&f);
}

/* The shard counts its buckets differently: a token must not be spent in two places. */
static void test_other_buckets(void **state)
{
	struct fixture f;
	uint8_t spent[16];

	(void)state;
	fixture_init(&f);
	fixture_open_ready(&f);
	make_spent(spent, 0, 5, 1);
	server_do(&f.server, "HSET {c/0}:rules buckets 5");
	assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_RULES_DIFFER);
	assert_int_equal(server_integer(&f.server, "EXISTS {c/0}:log"), 0);
	fixture_close(&f);
}

/* ---- Redis that cannot ---- */

static void test_refused_for_now(void **state)
{
	static const char *const rows[][2] = {
	    {"CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"},
	    {"REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"},
	    {"CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fixture f;
		uint8_t spent[16] = {0};

		fixture_init(&f);
		fixture_open_ready(&f);
		server_do(&f.server, rows[i][0]);
		assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_BUSY);
		assert_int_equal(server_integer(&f.server, "EXISTS {c/0}:log"), 0);
		server_do(&f.server, rows[i][1]);
		assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_COUNTED);
		fixture_close(&f);
	}
}

static void test_absent(void **state)
{
	struct fixture f;
	uint8_t spent[16] = {0};

	(void)state;
	fixture_init(&f);
	fixture_open(&f); /* no server at all */
	assert_non_null(strstr(ledger_why(f.ledger), "redis is not connected"));
	assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_BUSY);
	assert_int_equal(totals_now(&f).error, -EIO);
	server_start(&f.server, false);
	wait_until(&f, ledger_is_ready(f.ledger));
	assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_COUNTED);
	fixture_close(&f);
}

static void test_stopped(void **state)
{
	struct fixture f;
	struct cast_record r;
	uint8_t spent[16] = {0};

	(void)state;
	fixture_init(&f);
	f.redis_options.deadline_ms = 1500;
	fixture_open_ready(&f);
	kill(f.server.pid, SIGSTOP);
	r = cast_now(&f, spent, A, "x", -1);
	assert_int_equal(r.result.verdict, CAST_UNKNOWN);
	assert_false(ledger_is_ready(f.ledger));
	kill(f.server.pid, SIGCONT);
	wait_until(&f, ledger_is_ready(f.ledger));
	/* It lay in the socket and was counted; asking again says so, and counts nothing. */
	r = cast_now(&f, spent, A, "x", -1);
	assert_int_equal(r.result.verdict, CAST_SAME);
	assert_int_equal(r.calls, 1);
	assert_int_equal(ballots(&f), 1);
	fixture_close(&f);
}

/* A ballot on its way each in two calls, and `n` more that wait for their answers: Redis stands
 * still.
 */
static void hold_back(struct fixture *f, struct cast_record *r, uint32_t n, unsigned *pending)
{
	uint8_t spent[16];

	kill(f->server.pid, SIGSTOP);
	*pending = n;
	for (uint32_t i = 0; i < n; i++) {
		r[i].pending = pending;
		make_spent(spent, 0, i, i);
		cast_one(f, spent, A, "x", -1, &r[i]);
		ledger_flush(f->ledger);
	}
	assert_int_equal(*pending, n);
}

static void test_gathers_while_two_wait(void **state)
{
	enum { N = 40 };
	struct fixture f;
	struct cast_record r[N] = {0};
	unsigned pending;
	redisReply *stats;

	(void)state;
	fixture_init(&f);
	fixture_open_ready(&f);
	freeReplyObject(server_ask(&f.server, "CONFIG RESETSTAT"));
	hold_back(&f, r, N, &pending);
	kill(f.server.pid, SIGCONT);
	wait_until(&f, pending == 0);
	for (int i = 0; i < N; i++) {
		assert_int_equal(r[i].result.verdict, CAST_COUNTED);
		assert_int_equal(r[i].result.index, i);
	}
	stats = server_ask(&f.server, "INFO commandstats");
	assert_non_null(strstr(stats->str, "cmdstat_fcall:calls=3,"));
	freeReplyObject(stats);
	fixture_close(&f);
}

static void test_what_waits_is_not_for_the_next_connection(void **state)
{
	enum { N = 5 };
	struct fixture f;
	struct cast_record r[N] = {0};
	unsigned pending;

	(void)state;
	fixture_init(&f);
	server_start(&f.server, true);
	fixture_open(&f);
	wait_until(&f, ledger_is_ready(f.ledger));
	hold_back(&f, r, N, &pending);
	server_end(&f.server, SIGKILL);
	server_start(&f.server, true);
	wait_until(&f, pending == 0 && ledger_is_ready(f.ledger));
	for (int i = 0; i < N; i++) {
		assert_int_equal(r[i].calls, 1);
		assert_int_equal(r[i].result.verdict, i < 2 ? CAST_UNKNOWN : CAST_BUSY);
	}
	assert_int_equal(ballots(&f), 0);
	fixture_close(&f);
}

/* Killed again and again in the middle of a stream of ballots, on durable settings: whatever was
 * acknowledged stands, and asking again for the rest counts each once. */
static void test_killed(void **state)
{
	enum { N = 300, ROUNDS = 5 };
	struct fixture f;
	struct cast_record *r = calloc(N, sizeof(*r));
	uint64_t index[N];
	bool acknowledged[N] = {false};
	uint8_t spent[16];
	struct totals_record totals;

	(void)state;
	fixture_init(&f);
	server_start(&f.server, true);
	fixture_open(&f);
	for (int round = 0; round <= ROUNDS; round++) {
		unsigned pending = N, kill_at = round < ROUNDS ? N - 40 * (unsigned)round - 1 : 0;

		wait_until(&f, ledger_is_ready(f.ledger));
		memset(r, 0, N * sizeof(*r));
		for (uint32_t i = 0; i < N; i++) {
			r[i].pending = &pending;
			make_spent(spent, 0, i, i);
			cast_one(&f, spent, A, "x", -1, &r[i]);
		}
		wait_until(&f, pending <= kill_at);
		if (round < ROUNDS) {
			server_end(&f.server, SIGKILL);
			wait_until(&f, pending == 0 && !ledger_is_ready(f.ledger));
			server_start(&f.server, true);
		}
		for (int i = 0; i < N; i++) {
			enum cast_verdict v = r[i].result.verdict;

			assert_int_equal(r[i].calls, 1);
			if (v == CAST_UNKNOWN || v == CAST_BUSY)
				continue;
			assert_true(v == CAST_SAME || (v == CAST_COUNTED && !acknowledged[i]));
			if (acknowledged[i])
				assert_int_equal(r[i].result.index, index[i]);
			acknowledged[i] = true;
			index[i] = r[i].result.index;
		}
	}
	for (int i = 0; i < N; i++)
		assert_true(acknowledged[i]);
	totals = totals_now(&f);
	assert_int_equal(totals.totals.ballots, N);
	assert_int_equal(totals.totals.log_size, N);
	fixture_close(&f);
	free(r);
}

/* ---- limits and the end ---- */

static void test_in_flight_cap(void **state)
{
	enum { N = 200, CAP = 150 };
	struct fixture f;
	struct cast_record r[N] = {0};
	unsigned pending = N;
	uint8_t spent[16];

	(void)state;
	fixture_init(&f);
	f.options.in_flight_max = CAP;
	fixture_open_ready(&f);
	for (uint32_t i = 0; i < N; i++) {
		r[i].pending = &pending;
		make_spent(spent, 0, i, i);
		cast_one(&f, spent, A, "x", -1, &r[i]);
	}
	assert_int_equal(pending, N);
	wait_until(&f, pending == 0);
	for (int i = 0; i < N; i++)
		assert_int_equal(r[i].result.verdict, i < CAP ? CAST_COUNTED : CAST_BUSY);
	assert_int_equal(ballots(&f), CAP);
	fixture_close(&f);
}

static void test_free_with_pending(void **state)
{
	enum { N = 100 };
	struct fixture f;
	struct cast_record r[N] = {0};
	struct totals_record totals = {0};
	uint8_t spent[16];

	(void)state;
	fixture_init(&f);
	fixture_open_ready(&f);
	for (uint32_t i = 0; i < N; i++) {
		make_spent(spent, 0, i, i);
		cast_one(&f, spent, A, "x", -1, &r[i]);
		if (i == N / 2)
			ledger_flush(f.ledger);
	}
	ledger_totals(f.ledger, record_totals, &totals);
	fixture_shut(&f);
	for (int i = 0; i < N; i++) {
		assert_int_equal(r[i].calls, 1);
		assert_int_equal(r[i].result.verdict, i <= N / 2 ? CAST_UNKNOWN : CAST_BUSY);
	}
	assert_true(totals.called);
	assert_int_equal(totals.error, -EIO);
	fixture_open(&f);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_functions_gone),
	    cmocka_unit_test(test_other_library),
	    cmocka_unit_test(test_rules_frozen),
	    cmocka_unit_test(test_rules_frozen_in_one_shard),
	    cmocka_unit_test(test_rules_replaced_once),
	    cmocka_unit_test(test_other_layout),
	    cmocka_unit_test(test_behind),
	    cmocka_unit_test(test_lacks_issued),
	    cmocka_unit_test(test_issued_is_told),
	    cmocka_unit_test(test_log_names_differ),
	    cmocka_unit_test(test_rules_change_under_way),
	    cmocka_unit_test(test_other_buckets),
	    cmocka_unit_test(test_refused_for_now),
	    cmocka_unit_test(test_absent),
	    cmocka_unit_test(test_stopped),
	    cmocka_unit_test(test_gathers_while_two_wait),
	    cmocka_unit_test(test_what_waits_is_not_for_the_next_connection),
	    cmocka_unit_test(test_killed),
	    cmocka_unit_test(test_in_flight_cap),
	    cmocka_unit_test(test_free_with_pending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
