/* Invitation codes in a real Redis: one token each, revoked or not, counted by batch; and that what
 * is stored of issuing does not tell in which order it came. */
#include <openssl/rand.h>

#include "ledger_fixture.h"

enum { SHARDS = 2 };

static void open_with_codes(struct fixture *f)
{
	fixture_init(f);
	f->options.shards = SHARDS;
	f->options.by_code = true;
	fixture_open_ready(f);
}

/* ---- calls that wait ---- */

struct enter_record {
	bool called;
	int error;
	uint64_t entered;
};

static void record_enter(void *arg, int error, uint64_t entered)
{
	*(struct enter_record *)arg = (struct enter_record){true, error, entered};
}

static struct enter_record enter_now(
    struct fixture *f, unsigned batch, const uint8_t (*identities)[16], size_t n)
{
	struct enter_record record = {0};

	ledger_enter(f->ledger, batch, identities, n, record_enter, &record);
	assert_false(record.called);
	wait_until(f, record.called);
	return record;
}

static void record_revoke(void *arg, enum revoke_verdict verdict)
{
	*(int *)arg = (int)verdict;
}

static enum revoke_verdict revoke_now(struct fixture *f, const uint8_t identity[16])
{
	int verdict = -1;

	ledger_revoke(f->ledger, identity, record_revoke, &verdict);
	wait_until(f, verdict >= 0);
	return (enum revoke_verdict)verdict;
}

static enum revoke_verdict revoke_batch_now(struct fixture *f, unsigned batch)
{
	int verdict = -1;

	ledger_revoke_batch(f->ledger, batch, record_revoke, &verdict);
	wait_until(f, verdict >= 0);
	return (enum revoke_verdict)verdict;
}

struct batches_record { /* sums of all shards, by the order in which they were met */
	bool called;
	int error; /* the first */
	struct ledger_batch batches[4];
	size_t n;
};

static void record_batches(void *arg, int error, const struct ledger_batch *batches, size_t n)
{
	struct batches_record *record = arg;

	record->called = true;
	if (record->error == 0)
		record->error = error;
	for (size_t i = 0; i < n; i++) {
		size_t at = 0;

		while (at < record->n && record->batches[at].batch != batches[i].batch)
			at++;
		if (at == 4)
			continue;
		record->n += at == record->n;
		record->batches[at].batch = batches[i].batch;
		record->batches[at].made += batches[i].made;
		record->batches[at].issued += batches[i].issued;
		record->batches[at].revoked += batches[i].revoked;
		record->batches[at].off |= batches[i].off;
	}
}

static struct batches_record batches_now(struct fixture *f)
{
	struct batches_record record = {0};

	for (unsigned i = 0; i < SHARDS; i++) {
		record.called = false;
		ledger_shard_batches(f->ledger, i, record_batches, &record);
		wait_until(f, record.called);
	}
	return record;
}

static void assert_batch(const struct ledger_batch *is, unsigned batch, uint64_t made,
    uint64_t issued, uint64_t revoked, bool off)
{
	assert_int_equal(is->batch, batch);
	assert_int_equal(is->made, made);
	assert_int_equal(is->issued, issued);
	assert_int_equal(is->revoked, revoked);
	assert_int_equal(is->off, off);
}

/* ---- tests ---- */

static void one_token_a_code(void **state)
{
	struct fixture f;
	uint8_t codes[6][16], stranger[16];
	struct batches_record batches;

	(void)state;
	open_with_codes(&f);
	for (unsigned i = 0; i < 6; i++)
		make_spent(codes[i], i % SHARDS, i, i + 1);
	make_spent(stranger, 0, 0, 99);
	assert_int_equal(batches_now(&f).n, 0);

	/* Entering again changes nothing, not even into another batch. */
	assert_int_equal(enter_now(&f, 1, codes, 4).entered, 4);
	assert_int_equal(enter_now(&f, 1, codes, 4).entered, 0);
	assert_int_equal(enter_now(&f, 7, codes + 3, 3).entered, 2);

	assert_int_equal(issue_now(&f, stranger, 1), ISSUE_NO_CODE);
	assert_int_equal(issue_now(&f, codes[0], 1), ISSUE_NEW);
	assert_int_equal(issue_now(&f, codes[0], 1), ISSUE_SAME);
	assert_int_equal(issue_now(&f, codes[0], 2), ISSUE_OTHER);
	assert_int_equal(issue_now(&f, codes[5], 3), ISSUE_NEW);
	assert_int_equal(issue_now(&f, stranger, 1), ISSUE_NO_CODE);
	assert_int_equal(totals_now(&f).totals.issued, 2);

	batches = batches_now(&f);
	assert_int_equal(batches.error, 0);
	assert_int_equal(batches.n, 2);
	assert_batch(&batches.batches[0], 1, 4, 1, 0, false);
	assert_batch(&batches.batches[1], 7, 2, 1, 0, false);
	fixture_close(&f);
}

static void revoked(void **state)
{
	struct fixture f;
	uint8_t codes[4][16], stranger[16];
	struct batches_record batches;

	(void)state;
	open_with_codes(&f);
	for (unsigned i = 0; i < 4; i++)
		make_spent(codes[i], i % SHARDS, 1, i + 1);
	make_spent(stranger, 0, 0, 99);
	assert_int_equal(enter_now(&f, 1, codes, 2).entered, 2);
	assert_int_equal(enter_now(&f, 2, codes + 2, 2).entered, 2);
	assert_int_equal(issue_now(&f, codes[0], 1), ISSUE_NEW);

	assert_int_equal(revoke_now(&f, stranger), REVOKE_NO_CODE);
	assert_int_equal(revoke_now(&f, codes[0]), REVOKE_USED);
	assert_int_equal(revoke_now(&f, codes[1]), REVOKE_DONE);
	assert_int_equal(revoke_now(&f, codes[1]), REVOKE_SAME);
	assert_int_equal(issue_now(&f, codes[1], 1), ISSUE_REVOKED);
	/* What was issued stays so. */
	assert_int_equal(issue_now(&f, codes[0], 1), ISSUE_SAME);
	/* Entering does not bring it back. */
	assert_int_equal(enter_now(&f, 1, codes, 2).entered, 0);
	assert_int_equal(issue_now(&f, codes[1], 1), ISSUE_REVOKED);

	assert_int_equal(issue_now(&f, codes[2], 1), ISSUE_NEW);
	assert_int_equal(revoke_batch_now(&f, 2), REVOKE_DONE);
	assert_int_equal(revoke_batch_now(&f, 2), REVOKE_SAME);
	assert_int_equal(issue_now(&f, codes[2], 1), ISSUE_SAME);
	assert_int_equal(issue_now(&f, codes[3], 1), ISSUE_REVOKED);

	batches = batches_now(&f);
	assert_int_equal(batches.n, 2);
	assert_batch(&batches.batches[0], 1, 2, 1, 1, false);
	assert_batch(&batches.batches[1], 2, 2, 1, 0, true);
	assert_int_equal(totals_now(&f).totals.issued, 2);
	fixture_close(&f);
}

static void outside_the_hours(void **state)
{
	struct fixture f;
	uint8_t codes[2][16];

	(void)state;
	open_with_codes(&f);
	make_spent(codes[0], 0, 0, 1);
	make_spent(codes[1], 0, 0, 2);
	assert_int_equal(enter_now(&f, 1, codes, 1).entered, 1);
	server_do(&f.server, "HSET {c/0}:rules phase paused");
	assert_int_equal(issue_now(&f, codes[0], 1), ISSUE_NOT_OPEN);
	/* Who has no code is told so, whatever the hour. */
	assert_int_equal(issue_now(&f, codes[1], 1), ISSUE_NO_CODE);
	server_do(&f.server, "HSET {c/0}:rules phase %s", "");
	assert_int_equal(issue_now(&f, codes[0], 1), ISSUE_NEW);
	fixture_close(&f);
}

/* A host that would let everybody in asks without the codes' keys, and a shard of codes refuses it.
 */
static void a_host_that_does_not_ask_for_codes(void **state)
{
	struct fixture f;
	uint8_t stranger[16];

	(void)state;
	open_with_codes(&f);
	make_spent(stranger, 0, 0, 1);
	fixture_shut(&f);
	f.options.by_code = false;
	fixture_open(&f);
	wait_until(&f, ledger_is_ready(f.ledger)); /* the rules' hash is the same: a test only */
	assert_int_equal(issue_now(&f, stranger, 1), ISSUE_BUSY);
	assert_int_equal(totals_now(&f).totals.issued, 0);
	fixture_close(&f);
}

static void damage(void **state)
{
	static const struct {
		const char *key, *field, *value; /* field NULL: a string in its place */
		enum issue_verdict issue;
		int enter;
		enum revoke_verdict revoke;
	} rows[] = {
	    {"{c/0}:codes:1", NULL, "x", ISSUE_FAULT, -EBADMSG, REVOKE_FAULT},
	    {"{c/0}:batches", NULL, "x", ISSUE_FAULT, -EBADMSG, REVOKE_FAULT},
	    {"{c/0}:batches", "1 issued", "x", ISSUE_FAULT, 0, REVOKE_DONE},
	    {"{c/0}:batches", "1 made", "x", ISSUE_NEW, -EBADMSG, REVOKE_DONE},
	    {"{c/0}:batches", "1 revoked", "01", ISSUE_NEW, 0, REVOKE_FAULT},
	    {"{c/0}:batches", "1 off", "yes", ISSUE_FAULT, 0, REVOKE_DONE},
	    {"{c/0}:issued:1", NULL, "123", ISSUE_FAULT, 0, REVOKE_FAULT},
	    {"{c/0}:issued:1", "a", "b", ISSUE_FAULT, 0, REVOKE_FAULT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fixture f;
		uint8_t codes[3][16];

		open_with_codes(&f);
		for (unsigned c = 0; c < 3; c++)
			make_spent(codes[c], 0, 1, c + 1);
		assert_int_equal(enter_now(&f, 1, codes, 2).entered, 2);
		if (rows[i].field)
			server_do(
			    &f.server, "HSET %s %s %s", rows[i].key, rows[i].field, rows[i].value);
		else
			server_do(&f.server, "SET %s %s", rows[i].key, rows[i].value);
		assert_int_equal(enter_now(&f, 1, codes + 2, 1).error, rows[i].enter);
		assert_int_equal(revoke_now(&f, codes[1]), rows[i].revoke);
		assert_int_equal(issue_now(&f, codes[0], 1), rows[i].issue);
		fixture_close(&f);
	}
}

/* ---- order ---- */

enum { PEOPLE = 300 };

/* All issued buckets, one after another, after these identities have come in this order. */
static size_t stored_after(
    uint8_t (*identities)[16], const unsigned *order, char *ret_stored, size_t cap)
{
	struct fixture f;
	size_t len = 0;

	fixture_init(&f);
	fixture_open_ready(&f);
	for (unsigned i = 0; i < PEOPLE; i++)
		assert_int_equal(
		    issue_now(&f, identities[order[i]], (int)order[i] % 256), ISSUE_NEW);
	for (unsigned b = 0; b < f.options.buckets; b++) {
		redisReply *reply = redisCommand(f.server.cli, "GET {c/0}:issued:%u", b);

		assert_int_equal(reply->type, REDIS_REPLY_STRING);
		assert_true(len + reply->len <= cap);
		memcpy(ret_stored + len, reply->str, reply->len);
		len += reply->len;
		freeReplyObject(reply);
	}
	/* And everybody is found again. */
	for (unsigned i = 0; i < PEOPLE; i++)
		assert_int_equal(issue_now(&f, identities[i], (int)i % 256), ISSUE_SAME);
	fixture_close(&f);
	return len;
}

static void order_leaves_no_trace(void **state)
{
	static uint8_t identities[PEOPLE][16];
	static char forwards[PEOPLE * 48], backwards[PEOPLE * 48];
	unsigned order[PEOPLE], reverse[PEOPLE];

	(void)state;
	assert_int_equal(RAND_bytes(identities[0], sizeof(identities)), 1);
	for (unsigned i = 0; i < PEOPLE; i++) {
		order[i] = i;
		reverse[i] = PEOPLE - 1 - i;
		identities[i][0] = 0; /* ties are decided further on */
	}
	assert_int_equal(stored_after(identities, order, forwards, sizeof(forwards)), PEOPLE * 48);
	assert_int_equal(
	    stored_after(identities, reverse, backwards, sizeof(backwards)), PEOPLE * 48);
	assert_memory_equal(forwards, backwards, sizeof(forwards));
}

/* ---- rules ---- */

/* Where codes lie depends on shards and buckets: once there are codes, those are fixed, and all
 * else of the rules is not. */
static void codes_fix_their_places(void **state)
{
	static const struct {
		unsigned buckets;
		bool by_code, ready;
	} rows[] = {{4, true, true}, {8, true, false}, {4, false, false}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fixture f;
		uint8_t code[1][16];

		open_with_codes(&f);
		make_spent(code[0], 0, 0, 1);
		assert_int_equal(enter_now(&f, 1, code, 1).entered, 1);
		fixture_shut(&f);
		f.options.buckets = rows[i].buckets;
		f.options.by_code = rows[i].by_code;
		f.options.rules_hash[0] ^= 1;
		f.options.may_replace = true;
		fixture_open(&f);
		wait_until(&f, ledger_is_ready(f.ledger) || ledger_is_refused(f.ledger));
		assert_int_equal(ledger_is_ready(f.ledger), rows[i].ready);
		fixture_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_token_a_code),
	    cmocka_unit_test(revoked),
	    cmocka_unit_test(outside_the_hours),
	    cmocka_unit_test(a_host_that_does_not_ask_for_codes),
	    cmocka_unit_test(damage),
	    cmocka_unit_test(order_leaves_no_trace),
	    cmocka_unit_test(codes_fix_their_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
