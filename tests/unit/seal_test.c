/* A shard's log as the sealer sees it: ballots in order from anywhere, the lease and its fences,
 * checkpoints by compare-and-set, halts and epochs, and what damage means. */
#include "ledger_fixture.h"

#include <errno.h>

#include "store/seal.h"

#define A     "choices\na\n"
#define KEY   "{c/0}:seal"
#define NOTE  slice_text("a checkpoint\n")
#define TOKEN slice_text("an issued note\n")

struct seals {
	struct fixture f;
	struct seal *seal[2];
};

static void seals_open_leased(struct seals *s, unsigned lease_ms)
{
	fixture_init(&s->f);
	fixture_open_ready(&s->f);
	for (int i = 0; i < 2; i++) {
		s->seal[i] = seal_new(s->f.redis, &(struct seal_options){.round = "c",
						      .shards = 1,
						      .holder = i == 0 ? "north" : "south",
						      .lease_ms = lease_ms});
		assert_non_null(s->seal[i]);
	}
}

static void seals_open(struct seals *s)
{
	seals_open_leased(s, 60000);
}

static void seals_close(struct seals *s)
{
	fixture_shut(&s->f);
	seal_free(s->seal[0]);
	seal_free(s->seal[1]);
	fixture_close(&s->f);
}

struct looked {
	bool called;
	int error;
	struct seal_view view;
	char checkpoint[64], issued[64], statement[64], halt[64], holder[64];
};

static void keep(struct slice *text, char buffer[64])
{
	memcpy(buffer, text->ptr ? text->ptr : "", text->len);
	buffer[text->len] = '\0';
	text->ptr = text->ptr ? buffer : NULL;
}

static void record_look(void *arg, int error, const struct seal_view *view)
{
	struct looked *looked = arg;

	looked->called = true;
	looked->error = error;
	if (!view)
		return;
	looked->view = *view;
	keep(&looked->view.checkpoint, looked->checkpoint);
	keep(&looked->view.issued_note, looked->issued);
	keep(&looked->view.statement, looked->statement);
	keep(&looked->view.halt, looked->halt);
	keep(&looked->view.holder, looked->holder);
}

static struct looked look(struct seals *s, int who, bool lease)
{
	struct looked looked = {0};

	seal_look(s->seal[who], 0, lease, record_look, &looked);
	assert_false(looked.called);
	wait_until(&s->f, looked.called);
	return looked;
}

static uint64_t fence_of(struct seals *s, int who)
{
	struct looked looked = look(s, who, true);

	assert_int_equal(looked.error, 0);
	return looked.view.fence;
}

static void record_outcome(void *arg, enum seal_outcome outcome)
{
	*(int *)arg = (int)outcome;
}

static enum seal_outcome store(
    struct seals *s, int who, uint64_t fence, uint64_t epoch, uint64_t old, uint64_t size)
{
	int outcome = -1;

	seal_store(s->seal[who], 0, fence, epoch, old, size, NOTE, TOKEN, record_outcome, &outcome);
	wait_until(&s->f, outcome >= 0);
	return (enum seal_outcome)outcome;
}

static enum seal_outcome halt(struct seals *s, uint64_t epoch, const char *why)
{
	int outcome = -1;

	seal_halt(s->seal[0], 0, epoch, why, record_outcome, &outcome);
	wait_until(&s->f, outcome >= 0);
	return (enum seal_outcome)outcome;
}

static enum seal_outcome begin(struct seals *s, uint64_t epoch)
{
	int outcome = -1;

	seal_begin(s->seal[0], 0, epoch, slice_text("a statement\n"), record_outcome, &outcome);
	wait_until(&s->f, outcome >= 0);
	return (enum seal_outcome)outcome;
}

static enum seal_outcome rewind_to(struct seals *s, uint64_t from, uint64_t epoch)
{
	int outcome = -1;

	seal_rewind(s->seal[0], 0, from, epoch, record_outcome, &outcome);
	wait_until(&s->f, outcome >= 0);
	return (enum seal_outcome)outcome;
}

static enum seal_outcome leave(struct seals *s, int who, uint64_t fence)
{
	int outcome = -1;

	seal_leave(s->seal[who], 0, fence, record_outcome, &outcome);
	wait_until(&s->f, outcome >= 0);
	return (enum seal_outcome)outcome;
}

enum { BALLOT_MAX = 320 };

/* Some are so long that their length takes two bytes. */
static void make_ballot(uint32_t number, char ret[BALLOT_MAX])
{
	snprintf(
	    ret, BALLOT_MAX, "choices\n%0*u\n", number % 7 ? 1 : 100 + (int)number % 200, number);
}

/* Ballots number `from` to `to`, each with a text of its own, `batch` in one call. */
static void cast_many(struct seals *s, uint32_t from, uint32_t to, uint32_t batch)
{
	struct cast_record record = {0};
	unsigned pending = 0;

	for (uint32_t i = from; i < to; i++) {
		char ballot[BALLOT_MAX];
		uint8_t spent[16];

		make_ballot(i, ballot);
		make_spent(spent, 0, i, i);
		record.pending = &pending;
		pending++;
		cast_one(&s->f, spent, ballot, "x", -1, &record);
		if ((i + 1) % batch == 0 || i + 1 == to)
			wait_until(&s->f, pending == 0);
	}
}

struct ballots {
	bool called;
	int error;
	uint64_t first, n; /* of those found */
	bool wrong;
};

static void record_ballots(
    void *arg, int error, const struct seal_ballot *ballots, size_t n_ballots)
{
	struct ballots *found = arg;

	found->called = true;
	found->error = error;
	found->n = n_ballots;
	found->first = n_ballots ? ballots[0].index : 0;
	for (size_t i = 0; i < n_ballots; i++) {
		uint32_t number = (uint32_t)ballots[i].index;
		char expected[BALLOT_MAX];
		uint8_t spent[16];

		make_ballot(number, expected);
		make_spent(spent, 0, number, number);
		found->wrong |= ballots[i].index != found->first + i ||
				!slice_is(ballots[i].ballot, expected) ||
				memcmp(ballots[i].spent, spent, sizeof(spent)) != 0;
	}
}

static struct ballots ballots(struct seals *s, uint64_t first, size_t count)
{
	struct ballots found = {0};

	seal_ballots(s->seal[0], 0, first, count, record_ballots, &found);
	wait_until(&s->f, found.called);
	return found;
}

/* ---- the log ---- */

static void test_ballots(void **state)
{
	enum { N = 300 };
	struct seals s;

	(void)state;
	seals_open(&s);
	assert_int_equal(ballots(&s, 0, 10).n, 0); /* no log yet */
	cast_many(&s, 0, 100, 1);
	cast_many(&s, 100, N, 37);
	assert_int_equal(look(&s, 0, false).view.log_size, N);
	for (uint64_t first = 0; first <= N + 2; first++) {
		uint64_t next = first;

		/* from everywhere, the middle of a batch included, to the end */
		for (;;) {
			struct ballots found = ballots(&s, next, 64);

			assert_int_equal(found.error, 0);
			assert_false(found.wrong);
			if (found.n == 0)
				break;
			assert_int_equal(found.first, next);
			next += found.n;
			assert_true(found.n < 64 + 37);
			if (first % 50 > 1)
				break; /* to the end only now and then */
		}
		if (first % 50 <= 1)
			assert_int_equal(next, first > N ? first : N);
		else if (first < N)
			assert_true(next > first);
	}
	seals_close(&s);
}

static void test_gaps_are_damage(void **state)
{
	static const struct {
		const char *damage;
		uint64_t first;
		int error;
		uint64_t n;
	} table[] = {
	    {"XDEL {c/0}:log 3-0", 0, -EBADMSG, 0},
	    {"XDEL {c/0}:log 3-0", 2, -EBADMSG, 0},
	    {"XDEL {c/0}:log 3-0", 3, 0, 7}, /* what is behind it is whole */
	    {"XDEL {c/0}:log 1-0", 0, -EBADMSG, 0},
	    {"XDEL {c/0}:log 10-0", 9, 0, 0}, /* shorter, which its size tells */
	    {"DEL {c/0}:log", 5, 0, 0},
	    {"XADD {c/0}:log 11-0 b short", 0, -EBADMSG, 0},
	    {"XADD {c/0}:log 11-0 b short", 10, -EBADMSG, 0},
	    {"XADD {c/0}:log 11-0 b 0123456789abcdef..", 10, -EBADMSG, 0},
	    {"XADD {c/0}:log 11-0 b 0123456789abcdef\003tag", 10, -EBADMSG,
		0}, /* less than a tag */
	    {"XADD {c/0}:log 11-0 b 0123456789abcdef\006tagx1", 10, -EBADMSG, 0},
	    {"XADD {c/0}:log 11-0 b 0123456789abcdef\201", 10, -EBADMSG, 0},
	    {"XADD {c/0}:log 11-0 b 0123456789abcdef\201tagx", 10, -EBADMSG, 0},
	    {"XADD {c/0}:log 12-0 b 0123456789abcdef\005tagx1", 10, -EBADMSG, 0},
	    {"XADD {c/0}:log 11-1 b 0123456789abcdef", 10, -EBADMSG, 0},
	    {"XADD {c/0}:log 11-0 c 0123456789abcdef", 10, -EBADMSG, 0},
	    {"XADD {c/0}:log 11-0 b", 0, 0, 10}, /* refused by Redis itself */
	    {"RENAME {c/0}:count {c/0}:log", 0, -EBADMSG, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct seals s;
		struct ballots found;

		seals_open(&s);
		cast_many(&s, 0, 10, 1);
		server_do(&s.f.server, table[i].damage);
		found = ballots(&s, table[i].first, 100);
		for (struct ballots more = found; !more.error && more.n > 0;) {
			more = ballots(&s, table[i].first + found.n, 100);
			found.error = more.error;
			found.n = more.error ? 0 : found.n + more.n;
			found.wrong |= more.wrong;
		}
		if (found.error != table[i].error || found.n != table[i].n || found.wrong)
			fail_msg("%s from %llu: error %d, %llu ballots", table[i].damage,
			    (unsigned long long)table[i].first, found.error,
			    (unsigned long long)found.n);
		seals_close(&s);
	}
}

/* ---- what stands ---- */

static void test_look(void **state)
{
	struct seals s;
	struct looked looked;
	struct seal *other;

	(void)state;
	seals_open(&s);
	other = seal_new(s.f.redis, &(struct seal_options){.round = "other", .shards = 1});
	looked = (struct looked){0};
	seal_look(other, 0, false, record_look, &looked);
	wait_until(&s.f, looked.called);
	assert_int_equal(looked.error, -ENOENT);
	seal_free(other);

	looked = look(&s, 0, false);
	assert_int_equal(looked.error, 0);
	assert_int_equal(looked.view.log_size, 0);
	assert_int_equal(looked.view.epoch, 1);
	assert_int_equal(looked.view.size, 0);
	assert_int_equal(looked.view.fence, 0);
	assert_false(looked.view.latched);
	assert_null(looked.view.checkpoint.ptr);
	assert_null(looked.view.issued_note.ptr);
	assert_null(looked.view.statement.ptr);
	assert_null(looked.view.halt.ptr);
	assert_int_equal(
	    server_integer(&s.f.server, "EXISTS " KEY), 0); /* looking is not writing */

	cast_many(&s, 0, 5, 5);
	server_do(&s.f.server, "SET {c/0}:issued 7");
	server_do(&s.f.server, "HSET {c/0}:rules phase closed size 5");
	looked = look(&s, 0, false);
	assert_int_equal(looked.view.log_size, 5);
	assert_int_equal(looked.view.issued, 7);
	assert_true(looked.view.latched);
	assert_int_equal(looked.view.latched_size, 5);
	assert_true(looked.view.now_ms > 0);
	server_do(&s.f.server, "HSET {c/0}:rules phase paused");
	assert_false(look(&s, 0, false).view.latched);
	seals_close(&s);
}

static void test_damage(void **state)
{
	static const struct {
		const char *damage;
		int error;                 /* of looking */
		enum seal_outcome outcome; /* of storing */
	} table[] = {
	    {"SET " KEY " x", -EBADMSG, SEAL_DAMAGED},
	    {"HSET " KEY " size x", -EBADMSG, SEAL_DAMAGED},
	    {"HSET " KEY " size 01", -EBADMSG, SEAL_DAMAGED},
	    {"HSET " KEY " epoch 0", -EBADMSG, SEAL_DAMAGED},
	    {"HSET " KEY " fence -1", -EBADMSG, SEAL_DAMAGED},
	    {"HSET " KEY " until 1e9", -EBADMSG, SEAL_DAMAGED},
	    {"HSET " KEY " late soon", -EBADMSG, SEAL_DAMAGED},
	    {"SET {c/0}:log x", -EBADMSG, SEAL_DAMAGED},
	    {"XDEL {c/0}:log 1-0", -EBADMSG, SEAL_DAMAGED}, /* emptied, not empty */
	    {"XADD {c/0}:log 9-0 b x", -EBADMSG, SEAL_DAMAGED},
	    {"XADD {c/0}:log 9-0 b 0123456789abcdef..", -EBADMSG, SEAL_DAMAGED},
	    {"XADD {c/0}:log 9-1 b 0123456789abcdef..", -EBADMSG, SEAL_DAMAGED},
	    {"SET {c/0}:issued x", -EBADMSG, SEAL_STORED},
	    {"HSET {c/0}:rules phase closed", -EBADMSG, SEAL_STORED},
	    {"DEL {c/0}:log", 0, SEAL_SHORT},
	    {"DEL {c/0}:rules", -ENOENT, SEAL_STORED},
	    {"CONFIG SET maxmemory 1", 0, SEAL_BUSY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct seals s;
		uint64_t fence;
		enum seal_outcome outcome;
		int error;

		seals_open(&s);
		cast_many(&s, 0, 3, 3);
		fence = fence_of(&s, 0);
		server_do(&s.f.server, "DEL x");
		if (strncmp(table[i].damage, "SET " KEY, strlen("SET " KEY)) == 0)
			server_do(&s.f.server, "DEL " KEY);
		server_do(&s.f.server, table[i].damage);
		error = look(&s, 0, false).error;
		outcome = store(&s, 0, fence, 1, 0, 3);
		if (error != table[i].error || outcome != table[i].outcome)
			fail_msg("%s: error %d, outcome %d", table[i].damage, error, (int)outcome);
		seals_close(&s);
	}
}

/* ---- the lease ---- */

static void test_lease(void **state)
{
	struct seals s;
	long long ends;

	(void)state;
	seals_open(&s);
	cast_many(&s, 0, 10, 10);
	assert_null(look(&s, 1, false).view.holder.ptr);
	assert_int_equal(fence_of(&s, 0), 1);
	assert_int_equal(fence_of(&s, 1), 0);
	struct looked other = look(&s, 1, false);
	assert_string_equal(other.holder, "north");
	assert_true(other.view.until_ms > other.view.now_ms);
	server_do(&s.f.server, "HINCRBY " KEY " until -9000");
	ends = server_integer(&s.f.server, "HGET " KEY " until");
	assert_int_equal(fence_of(&s, 0), 1);
	/* still nearly whole: not renewed; a third gone: renewed, under the same number */
	assert_int_equal(server_integer(&s.f.server, "HGET " KEY " until"), ends);
	server_do(&s.f.server, "HINCRBY " KEY " until -21000");
	assert_int_equal(fence_of(&s, 0), 1);
	assert_true(server_integer(&s.f.server, "HGET " KEY " until") >= ends + 9000);

	assert_int_equal(store(&s, 1, 0, 1, 0, 5), SEAL_LOST);
	assert_int_equal(store(&s, 1, 2, 1, 0, 5), SEAL_LOST);
	assert_int_equal(store(&s, 0, 1, 1, 0, 5), SEAL_STORED);

	/* run out: nobody's, and what its holder sends late is refused */
	server_do(&s.f.server, "HSET " KEY " until 1");
	assert_int_equal(store(&s, 0, 1, 1, 5, 6), SEAL_LOST);
	assert_int_equal(fence_of(&s, 1), 2);
	assert_int_equal(store(&s, 0, 1, 1, 5, 6), SEAL_LOST);
	assert_int_equal(leave(&s, 0, 1), SEAL_LOST);
	assert_int_equal(fence_of(&s, 0), 0);
	assert_int_equal(store(&s, 1, 2, 1, 5, 7), SEAL_STORED);

	/* given back: free at once, and the number grows even for the same holder */
	assert_int_equal(leave(&s, 1, 2), SEAL_STORED);
	assert_int_equal(store(&s, 1, 2, 1, 7, 8), SEAL_LOST);
	assert_int_equal(fence_of(&s, 1), 3);
	seals_close(&s);
}

static void test_lease_runs_out(void **state)
{
	struct seals s;
	uint64_t fence = 0;

	(void)state;
	seals_open_leased(&s, 200);
	assert_int_equal(fence_of(&s, 0), 1);
	for (int i = 0; i < 100000 && fence == 0; i++)
		fence = fence_of(&s, 1);
	assert_int_equal(fence, 2);
	seals_close(&s);
}

/* What a clock leaves behind that was far ahead while the lease was taken. */
static void test_lease_that_nobody_could_have_taken(void **state)
{
	struct seals s;

	(void)state;
	seals_open(&s);
	cast_many(&s, 0, 10, 10);
	assert_int_equal(fence_of(&s, 0), 1);
	server_do(&s.f.server, "HINCRBY " KEY " until -10000");
	assert_int_equal(fence_of(&s, 1), 0);
	assert_true(look(&s, 1, false).view.until_ms > 0);
	server_do(&s.f.server, "HINCRBY " KEY " until 31536000000");
	assert_int_equal(look(&s, 1, false).view.until_ms, 0);
	assert_int_equal(store(&s, 0, 1, 1, 0, 5), SEAL_LOST);
	assert_int_equal(fence_of(&s, 1), 2);
	assert_int_equal(fence_of(&s, 0), 0);
	assert_int_equal(store(&s, 1, 2, 1, 0, 5), SEAL_STORED);

	/* its own holder takes it anew, too */
	server_do(&s.f.server, "HINCRBY " KEY " until 31536000000");
	assert_int_equal(fence_of(&s, 1), 3);
	struct looked looked = look(&s, 1, false);
	assert_true(looked.view.until_ms - looked.view.now_ms <= 60000);
	seals_close(&s);
}

static enum seal_outcome late(struct seals *s, unsigned waited_ms)
{
	int outcome = -1;

	seal_late(s->seal[0], 0, waited_ms, record_outcome, &outcome);
	wait_until(&s->f, outcome >= 0);
	return (enum seal_outcome)outcome;
}

/* The first word stands, until something is sealed or an epoch begins. */
static void test_late(void **state)
{
	struct seals s;
	struct looked looked;
	int64_t since;
	uint64_t fence;

	(void)state;
	seals_open(&s);
	cast_many(&s, 0, 10, 10);
	fence = fence_of(&s, 0);
	assert_int_equal(look(&s, 1, false).view.late_ms, 0);
	assert_int_equal(late(&s, 7000), SEAL_STORED);
	looked = look(&s, 1, false);
	since = looked.view.late_ms;
	assert_in_range(looked.view.now_ms - since, 7000, 60000);
	assert_int_equal(late(&s, 1), SEAL_STORED);
	assert_int_equal(look(&s, 1, false).view.late_ms, since);
	assert_int_equal(store(&s, 0, fence, 1, 0, 4), SEAL_STORED);
	assert_int_equal(look(&s, 1, false).view.late_ms, 0);
	assert_int_equal(late(&s, 1), SEAL_STORED);
	assert_int_equal(begin(&s, 2), SEAL_STORED);
	assert_int_equal(look(&s, 1, false).view.late_ms, 0);
	seals_close(&s);
}

/* ---- checkpoints ---- */

static void test_store(void **state)
{
	struct seals s;
	struct looked looked;
	uint64_t fence;

	(void)state;
	seals_open(&s);
	cast_many(&s, 0, 10, 3);
	fence = fence_of(&s, 0);
	assert_int_equal(store(&s, 0, fence, 1, 0, 0), SEAL_STORED); /* an empty log's */
	assert_int_equal(store(&s, 0, fence, 1, 0, 4), SEAL_STORED);
	looked = look(&s, 1, false);
	assert_int_equal(looked.view.size, 4);
	assert_string_equal(looked.checkpoint, "a checkpoint\n");
	assert_string_equal(looked.issued, "an issued note\n");

	assert_int_equal(store(&s, 0, fence, 1, 0, 4), SEAL_MOVED); /* the same call again */
	assert_int_equal(store(&s, 0, fence, 1, 3, 5), SEAL_MOVED);
	assert_int_equal(store(&s, 0, fence, 1, 5, 6), SEAL_MOVED);
	assert_int_equal(store(&s, 0, fence, 2, 4, 5), SEAL_MOVED);
	assert_int_equal(store(&s, 0, fence, 1, 4, 11), SEAL_SHORT);
	assert_int_equal(look(&s, 0, false).view.size, 4);
	assert_int_equal(store(&s, 0, fence, 1, 4, 4), SEAL_STORED); /* a new issued note */
	assert_int_equal(store(&s, 0, fence, 1, 4, 10), SEAL_STORED);
	/* smaller: the function itself refuses, whoever asks */
	{
		redisReply *reply =
		    server_ask(&s.f.server, "FCALL seal_store_4 2 {c/0}:log " KEY " 1 1 10 9 c i");
		assert_int_equal(reply->type, REDIS_REPLY_ERROR);
		freeReplyObject(reply);
	}
	assert_int_equal(look(&s, 0, false).view.size, 10);
	seals_close(&s);
}

static void test_halt_and_begin(void **state)
{
	struct seals s;
	struct looked looked;
	uint64_t fence;

	(void)state;
	seals_open(&s);
	cast_many(&s, 0, 10, 3);
	fence = fence_of(&s, 0);
	assert_int_equal(store(&s, 0, fence, 1, 0, 4), SEAL_STORED);
	assert_int_equal(halt(&s, 2, "early"), SEAL_MOVED);
	assert_null(look(&s, 0, false).view.halt.ptr);
	assert_int_equal(halt(&s, 1, "roots differ"), SEAL_STORED);
	assert_int_equal(halt(&s, 1, "another reason"), SEAL_HALTED);
	looked = look(&s, 1, true);
	assert_string_equal(looked.halt, "roots differ");
	assert_int_equal(looked.view.size, 4); /* what was signed stays to be seen */
	assert_int_equal(store(&s, 0, fence, 1, 4, 5), SEAL_HALTED);
	assert_int_equal(store(&s, 0, fence, 1, 4, 4), SEAL_HALTED);

	assert_int_equal(begin(&s, 1), SEAL_MOVED);
	assert_int_equal(begin(&s, 2), SEAL_STORED);
	assert_int_equal(begin(&s, 2), SEAL_MOVED);
	looked = look(&s, 0, false);
	assert_int_equal(looked.view.epoch, 2);
	assert_int_equal(looked.view.size, 0);
	assert_null(looked.view.halt.ptr);
	assert_null(looked.view.checkpoint.ptr);
	assert_null(looked.view.issued_note.ptr);
	assert_string_equal(looked.statement, "a statement\n");
	/* whatever was under way for the old epoch comes too late */
	assert_int_equal(store(&s, 0, fence, 1, 0, 5), SEAL_MOVED);
	assert_int_equal(store(&s, 0, fence, 1, 4, 5), SEAL_MOVED);
	assert_int_equal(halt(&s, 1, "late"), SEAL_MOVED);
	assert_int_equal(store(&s, 0, fence, 2, 0, 5), SEAL_STORED);
	assert_int_equal(begin(&s, 4), SEAL_STORED);
	assert_int_equal(begin(&s, 3), SEAL_MOVED);
	seals_close(&s);
}

/* An epoch that somebody wrote into Redis by hand goes away again, the halt does not. */
static void test_rewind(void **state)
{
	struct seals s;
	struct looked looked;

	(void)state;
	seals_open(&s);
	cast_many(&s, 0, 10, 3);
	assert_int_equal(store(&s, 0, fence_of(&s, 0), 1, 0, 4), SEAL_STORED);
	server_do(&s.f.server, "HSET " KEY " epoch 7 late 5");
	assert_int_equal(rewind_to(&s, 7, 1), SEAL_MOVED); /* not halted */
	assert_int_equal(halt(&s, 7, "nobody has begun it"), SEAL_STORED);
	assert_int_equal(rewind_to(&s, 6, 1), SEAL_MOVED);
	assert_int_equal(rewind_to(&s, 8, 1), SEAL_MOVED);
	assert_int_equal(rewind_to(&s, 7, 7), SEAL_DAMAGED); /* malformed */
	assert_int_equal(rewind_to(&s, 7, 0), SEAL_DAMAGED);
	assert_int_equal(look(&s, 0, false).view.epoch, 7);
	assert_int_equal(rewind_to(&s, 7, 1), SEAL_STORED);
	looked = look(&s, 0, false);
	assert_int_equal(looked.view.epoch, 1);
	assert_int_equal(looked.view.size, 0);
	assert_int_equal(looked.view.late_ms, 0);
	assert_null(looked.view.checkpoint.ptr);
	assert_null(looked.view.issued_note.ptr);
	assert_null(looked.view.statement.ptr);
	assert_string_equal(looked.halt, "nobody has begun it");
	assert_int_equal(rewind_to(&s, 7, 1), SEAL_MOVED);
	assert_int_equal(begin(&s, 2), SEAL_STORED);
	assert_null(look(&s, 0, false).view.halt.ptr);
	seals_close(&s);
}

/* Two hosts that both believe to be the holder, each with what it knew: one checkpoint stands. */
static void test_race(void **state)
{
	struct seals s;

	(void)state;
	seals_open(&s);
	cast_many(&s, 0, 10, 3);
	for (uint64_t size = 1; size <= 10; size++) {
		int outcome[2] = {-1, -1};
		uint64_t fence[2] = {fence_of(&s, 0), 0};

		assert_int_equal(leave(&s, 0, fence[0]), SEAL_STORED);
		fence[1] = fence_of(&s, 1);
		for (int i = 0; i < 2; i++)
			seal_store(s.seal[(i + (int)size) % 2], 0, fence[(i + (int)size) % 2], 1,
			    size - 1, size, NOTE, TOKEN, record_outcome,
			    &outcome[(i + (int)size) % 2]);
		wait_until(&s.f, outcome[0] >= 0 && outcome[1] >= 0);
		assert_int_equal(outcome[0], SEAL_LOST);
		assert_int_equal(outcome[1], SEAL_STORED);
		assert_int_equal(leave(&s, 1, fence[1]), SEAL_STORED);
	}
	seals_close(&s);
}

/* ---- Redis in trouble ---- */

static void test_library_missing(void **state)
{
	struct seals s;

	(void)state;
	seals_open(&s);
	server_do(&s.f.server, "FUNCTION FLUSH");
	assert_int_equal(look(&s, 0, false).error, -EIO);
	for (int i = 0; i < 1000 && look(&s, 0, false).error == -EIO; i++)
		continue;
	assert_int_equal(fence_of(&s, 0), 1);
	seals_close(&s);
}

static void test_redis_away(void **state)
{
	struct seals s;
	struct looked looked = {0};
	int outcome = -1;

	(void)state;
	seals_open(&s);
	kill(s.f.server.pid, SIGSTOP);
	seal_look(s.seal[0], 0, true, record_look, &looked);
	seal_store(s.seal[0], 0, 1, 1, 0, 0, NOTE, TOKEN, record_outcome, &outcome);
	server_end(&s.f.server, SIGKILL);
	wait_until(&s.f, looked.called && outcome >= 0);
	assert_int_equal(looked.error, -EIO);
	assert_int_equal(outcome, SEAL_UNKNOWN);
	assert_int_equal(store(&s, 0, 1, 1, 0, 0), SEAL_BUSY);
	assert_int_equal(ballots(&s, 0, 1).error, -EIO);
	seals_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ballots),
	    cmocka_unit_test(test_gaps_are_damage),
	    cmocka_unit_test(test_look),
	    cmocka_unit_test(test_damage),
	    cmocka_unit_test(test_lease),
	    cmocka_unit_test(test_lease_runs_out),
	    cmocka_unit_test(test_lease_that_nobody_could_have_taken),
	    cmocka_unit_test(test_late),
	    cmocka_unit_test(test_store),
	    cmocka_unit_test(test_halt_and_begin),
	    cmocka_unit_test(test_rewind),
	    cmocka_unit_test(test_race),
	    cmocka_unit_test(test_library_missing),
	    cmocka_unit_test(test_redis_away),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
