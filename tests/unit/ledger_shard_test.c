/* One shard's totals and buckets, as whoever counts anew reads them; whole and damaged. */
#include "ledger_fixture.h"

#include <errno.h>

#define A "choices\na\n"
#define B "choices\nb\n"

enum { TOKENS = 8 };

struct bucket_record {
	bool called;
	int error;
	uint64_t recorded;
	size_t n;
	struct ledger_spent tokens[TOKENS];
	uint8_t fields[TOKENS][LEDGER_FIELD_SIZE];
};

static void record_bucket(void *arg, unsigned bucket, int error, const struct ledger_spent *tokens,
    size_t n_tokens, struct ledger_recorded recorded)
{
	struct bucket_record *record = arg;

	(void)bucket;
	record->called = true;
	record->error = error;
	record->recorded = recorded.n;
	record->n = n_tokens;
	for (size_t i = 0; i < n_tokens && i < TOKENS; i++) {
		record->tokens[i] = tokens[i];
		if (tokens[i].field.len == LEDGER_FIELD_SIZE)
			memcpy(record->fields[i], tokens[i].field.ptr, LEDGER_FIELD_SIZE);
	}
}

static struct bucket_record bucket_now(struct fixture *f, unsigned shard, unsigned bucket)
{
	struct bucket_record record = {0};

	ledger_bucket(f->ledger, shard, bucket, record_bucket, &record);
	assert_false(record.called);
	wait_until(f, record.called);
	return record;
}

static void count_issue(void *arg, enum issue_verdict verdict)
{
	assert_int_equal(verdict, ISSUE_NEW);
	++*(int *)arg;
}

static void issue(struct fixture *f, uint32_t shard, uint32_t bucket, uint32_t id)
{
	uint8_t identity[16], hash[32] = {1};
	int told = 0;

	make_spent(identity, shard, bucket, id);
	ledger_issue(f->ledger, identity, hash, count_issue, &told);
	wait_until(f, told);
}

static void ask(struct fixture *f, const char *command)
{
	freeReplyObject(server_ask(&f->server, command));
}

static void set_token(
    struct fixture *f, const char *bucket, const uint8_t spent[16], const char *value)
{
	freeReplyObject(server_ask(
	    &f->server, "HSET {c/0}:spent:%s %b %s", bucket, spent + 12, (size_t)4, value));
}

static void test_buckets(void **state)
{
	struct fixture f;
	uint8_t spent[16], other[16];

	(void)state;
	fixture_init(&f);
	f.options.replaceable = true;
	f.options.shards = 2;
	fixture_open_ready(&f);
	make_spent(spent, 1, 3, 7);
	(void)cast_now(&f, spent, A, "votes:a", -1);
	(void)cast_now(&f, spent, B, "votes:b", 0);
	issue(&f, 1, 3, 1);
	issue(&f, 1, 3, 2);
	issue(&f, 0, 3, 3);

	struct bucket_record r = bucket_now(&f, 1, 3);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.recorded, 2);
	assert_int_equal(r.n, 1);
	assert_memory_equal(r.fields[0], spent + 12, LEDGER_FIELD_SIZE);
	assert_true(r.tokens[0].readable);
	assert_int_equal(r.tokens[0].index, 1);
	assert_int_equal(r.tokens[0].replacements, 1);
	r = bucket_now(&f, 1, 2);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.n + r.recorded, 0);

	/* What is a place in a log, or several of them, and what is none. */
	static const struct {
		const char *value;
		size_t n, readable; /* the first so many of them */
	} table[] = {{"5", 1, 1}, {"5 10", 1, 1}, {"5,7", 2, 2}, {"5 1,7,9 10", 3, 3}, {"", 1, 0},
	    {"-1", 1, 0}, {"05", 1, 0}, {"5 ", 1, 0}, {"5 11", 1, 0}, {"5 1 ", 1, 0},
	    {"1234567890123456", 1, 0}, {",", 1, 0}, {"5,", 1, 0}, {"5,x", 2, 1}, {"5,,6", 2, 1}};
	make_spent(other, 0, 1, 9);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		ask(&f, "DEL {c/0}:spent:1");
		set_token(&f, "1", other, table[i].value);
		r = bucket_now(&f, 0, 1);
		assert_int_equal(r.error, 0);
		assert_int_equal(r.n, table[i].n);
		for (size_t k = 0; k < r.n; k++)
			assert_int_equal(r.tokens[k].readable, k < table[i].readable);
		if (r.n == 3)
			assert_int_equal(r.tokens[2].index, 9);
	}
	/* Of which token it can be: of this field, this bucket, this shard. */
	assert_true(ledger_is_field_of(f.ledger, 0, 1, slice_make(other + 12, 4), other));
	assert_false(ledger_is_field_of(f.ledger, 1, 1, slice_make(other + 12, 4), other));
	assert_false(ledger_is_field_of(f.ledger, 0, 2, slice_make(other + 12, 4), other));
	assert_false(ledger_is_field_of(f.ledger, 0, 1, slice_make(other + 11, 4), other));
	assert_false(ledger_is_field_of(f.ledger, 0, 1, slice_make(other + 12, 3), other));
	ask(&f, "DEL {c/0}:spent:1");
	ask(&f, "HSET {c/0}:spent:1 short 5");
	r = bucket_now(&f, 0, 1);
	assert_false(r.tokens[0].readable);

	ask(&f, "DEL {c/0}:spent:1");
	ask(&f, "SET {c/0}:spent:1 x");
	assert_int_equal(bucket_now(&f, 0, 1).error, -EBADMSG);
	ask(&f, "SET {c/0}:issued:0 x");
	r = bucket_now(&f, 0, 0);
	assert_int_equal(r.error, -EBADMSG);
	assert_int_equal(r.n, 0);
	fixture_close(&f);
}

static struct totals_record ask_totals(struct fixture *f,
    void (*ask_for)(struct ledger *ledger, unsigned shard, totals_cb *cb, void *arg),
    unsigned shard)
{
	struct totals_record record = {0};

	ask_for(f->ledger, shard, record_totals, &record);
	assert_false(record.called);
	wait_until(f, record.called);
	return record;
}

static void test_totals_of_one_shard(void **state)
{
	struct fixture f;
	uint8_t spent[16];

	(void)state;
	fixture_init(&f);
	f.options.shards = 2;
	fixture_open_ready(&f);
	for (uint32_t i = 0; i < 5; i++) {
		make_spent(spent, i < 2 ? 0 : 1, 1, i + 1);
		(void)cast_now(&f, spent, A, "votes:a", -1);
	}
	issue(&f, 1, 3, 1);
	struct totals_record r = ask_totals(&f, ledger_shard_totals, 1);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.totals.ballots, 3);
	assert_int_equal(r.totals.log_size, 3);
	assert_int_equal(r.totals.issued, 1);
	assert_int_equal(counter_of(&r, "votes:a"), 3);
	assert_string_equal(r.phase, "open");
	r = ask_totals(&f, ledger_shard_totals, 0);
	assert_int_equal(r.totals.ballots, 2);
	assert_int_equal(r.totals.issued, 0);

	/* With a log that is none its counters are still told. */
	ask(&f, "DEL {c/0}:log");
	ask(&f, "SET {c/0}:log x");
	assert_int_equal(ask_totals(&f, ledger_shard_totals, 0).error, -EBADMSG);
	r = ask_totals(&f, ledger_shard_counters, 0);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.totals.ballots, 2);
	assert_int_equal(counter_of(&r, "votes:a"), 2);
	ask(&f, "HSET {c/0}:count votes:a many");
	assert_int_equal(ask_totals(&f, ledger_shard_counters, 0).error, -EBADMSG);
	ask(&f, "DEL {c/0}:count");
	ask(&f, "SET {c/0}:count x");
	assert_int_equal(ask_totals(&f, ledger_shard_counters, 0).error, -EBADMSG);
	fixture_close(&f);
}

static void test_without_redis(void **state)
{
	struct bucket_record record = {0};
	struct totals_record totals = {0};
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_open_ready(&f);
	ledger_bucket(f.ledger, 0, 0, record_bucket, &record);
	ledger_shard_counters(f.ledger, 0, record_totals, &totals);
	redis_free(f.redis); /* completes what is under way */
	f.redis = NULL;
	assert_true(record.called);
	assert_int_equal(record.error, -EIO);
	assert_int_equal(totals.error, -EIO);
	ledger_free(f.ledger);
	event_free(f.patience);
	event_base_free(f.base);
	server_remove(&f.server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_buckets),
	    cmocka_unit_test(test_totals_of_one_shard),
	    cmocka_unit_test(test_without_redis),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
