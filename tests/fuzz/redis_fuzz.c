/* What comes from Redis, byte by byte: hiredis' reader, and behind it all that the ledger and the
 * sealer read. Each question is answered exactly once, with an error or with something sound: an
 * index that is one, a ballot of the contest, counters in order, ballots without a gap.
 *
 * The first byte chooses the question, the second how many; the others are the bytes of a
 * connection. The connection itself (store/redis.h) is replaced in here: what is asked is answered
 * with the next reply, in order, and once there is none, with no answer. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "base/log.h"
#include "store/ledger_impl.h"
#include "store/redis_map.h"
#include "store/seal.h"

/* After the store's headers: hiredis has macros named as two of their constants. */
#include <hiredis/hiredis.h>
#undef REDIS_OK
#undef REDIS_ERR

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define ASKED_MAX 512

static struct entry entries[] = {{.id = "naver-cloud"}, {.id = "upstage"}, {.id = "nc-ai"}};
static struct contest contest = {.id = "fuzz",
    .entries = entries,
    .n_entries = 3,
    .shards = 2,
    .ballot = {.choices_min = 1, .choices_max = 2}};
static struct event_base *base;

static struct {
	redis_cb *cb;
	void *arg;
} asked[ASKED_MAX];
static size_t n_asked, n_answered;
static unsigned told, expected;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	contest.form = form_find(slice_text("choices"));
	base = event_base_new();
	return 0;
}

/* ---- the connection and the log, replaced ---- */

/* A line is made, so that the sanitizers see it, and goes nowhere. */
void log_error(const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
}

void redis_call(struct redis *redis, redis_cb *cb, void *arg, size_t argc, const struct slice *argv)
{
	(void)redis;
	assert(argc > 0 && argv[0].len > 0 && n_asked < ASKED_MAX);
	asked[n_asked].cb = cb;
	asked[n_asked++].arg = arg;
}

void redis_write(
    struct redis *redis, redis_cb *cb, void *arg, size_t argc, const struct slice *argv)
{
	redis_call(redis, cb, arg, argc, argv);
}

void redis_vote(struct redis *redis, redis_cb *cb, void *arg, size_t argc, const struct slice *argv)
{
	redis_call(redis, cb, arg, argc, argv);
}

void redis_call_master(
    struct redis *redis, unsigned n, redis_cb *cb, void *arg, size_t argc, const struct slice *argv)
{
	(void)n;
	redis_call(redis, cb, arg, argc, argv);
}

void redis_flush(struct redis *redis)
{
	(void)redis;
}

bool redis_is_connected(const struct redis *redis)
{
	(void)redis;
	return false;
}

bool redis_is_cluster(const struct redis *redis)
{
	(void)redis;
	return false;
}

unsigned redis_masters(const struct redis *redis)
{
	(void)redis;
	return 1;
}

bool redis_master_is_connected(const struct redis *redis, unsigned n)
{
	(void)redis;
	return n == 0;
}

/* The answer to the oldest question. */
static void answer(redisReader *reader)
{
	void *reply = NULL;
	size_t n = n_answered++;
	bool good = redisReaderGetReply(reader, &reply) == 0 && reply;

	asked[n].cb(asked[n].arg, good ? REDIS_OK : REDIS_UNKNOWN, reply);
	if (reply)
		freeReplyObject(reply);
}

/* ---- what is told ---- */

static bool is_ballot(struct slice text)
{
	struct ballot ballot;

	return ballot_read(&contest, text, &ballot) == 0;
}

static void on_cast(void *arg, const struct cast_result *result)
{
	(void)arg;
	told++;
	assert(result->index < LEDGER_INDEX_MAX);
	if (result->verdict == CAST_SPENT || result->verdict == CAST_REPLACED_TOO_OFTEN)
		assert(is_ballot(result->ballot));
}

static void on_totals(void *arg, int error, const struct ledger_totals *totals)
{
	(void)arg;
	told++;
	assert(
	    (error == 0) == (totals != NULL) && (error == 0 || error == -EIO || error == -EBADMSG));
	for (size_t i = 1; totals && i < totals->n_counters; i++)
		assert(!slice_equal(totals->counters[i - 1].name, totals->counters[i].name));
	assert(!totals || totals->phase);
}

static void on_bucket(void *arg, unsigned bucket, int error, const struct ledger_spent *tokens,
    size_t n, struct ledger_recorded recorded)
{
	(void)arg;
	told++;
	assert(bucket == 0 && (error == 0 || n == 0));
	for (size_t i = 0; i < n; i++)
		assert(
		    !tokens[i].readable || (tokens[i].field.len == LEDGER_FIELD_SIZE &&
					       tokens[i].replacements <= LEDGER_REPLACEMENTS_MAX));
	assert(error != 0 || recorded.uncoded <= recorded.n);
}

static void on_view(void *arg, int error, const struct seal_view *view)
{
	(void)arg;
	told++;
	assert((error == 0) == (view != NULL));
	assert(!view || view->checkpoint.ptr == NULL || view->checkpoint.len > 0);
}

static void on_ballots(void *arg, int error, const struct seal_ballot *ballots, size_t n)
{
	const uint64_t first = *(const uint64_t *)arg;

	told++;
	assert(error == 0 || n == 0);
	for (size_t i = 0; i < n; i++) {
		assert(ballots[i].index == first + i && ballots[i].spent && ballots[i].tag);
		assert(ballots[i].ballot.len == 0 || is_ballot(ballots[i].ballot));
	}
}

static void on_outcome(void *arg, enum seal_outcome outcome)
{
	(void)arg;
	told++;
	assert(outcome >= SEAL_STORED && outcome <= SEAL_DAMAGED);
}

static void on_issue(void *arg, enum issue_verdict verdict)
{
	(void)arg;
	told++;
	assert(verdict >= ISSUE_NEW && verdict <= ISSUE_UNKNOWN);
}

static void on_revoke(void *arg, enum revoke_verdict verdict)
{
	(void)arg;
	told++;
	assert(verdict >= REVOKE_DONE && verdict <= REVOKE_UNKNOWN);
}

static void on_enter(void *arg, int error, uint64_t entered)
{
	(void)arg;
	(void)entered;
	told++;
	assert(error == 0 || error == -EIO || error == -EBADMSG);
}

static void on_batches(void *arg, int error, const struct ledger_batch *batches, size_t n)
{
	(void)arg;
	told++;
	assert(error == 0 || n == 0);
	for (size_t i = 1; i < n; i++)
		assert(batches[i - 1].batch < batches[i].batch);
}

static void on_published(void *arg, int error, struct slice text)
{
	(void)arg;
	told++;
	assert(error == 0 || text.len == 0);
}

static void on_done(void *arg, int error)
{
	(void)arg;
	told++;
	assert(error <= 0);
}

/* ---- questions ---- */

static void cast(struct ledger *ledger, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t spent[LEDGER_SPENT_SIZE] = {[7] = (uint8_t)i}, tag[LEDGER_TAG_SIZE] = {0};
		const struct form_increment one = {.counter = "votes:upstage", .by = 1};

		ledger_cast(ledger,
		    &(struct ledger_ballot){.spent = spent,
			.tag = tag,
			.text = slice_text("choices\nupstage\n"),
			.replaces = i & 1 ? 3 : LEDGER_NOT_REPLACING,
			.increments = &one,
			.n_increments = 1},
		    on_cast, NULL);
	}
	ledger_flush(ledger);
}

static void ask(struct ledger *ledger, struct seal *seal, uint8_t question, uint8_t amount)
{
	static const uint8_t id[32] = {7};
	static uint64_t first;
	static const uint8_t identities[3][LEDGER_IDENTITY_SIZE] = {{1}, {2}, {3}};

	expected = 1;
	switch (question) {
	case 'c':
		expected = 1 + amount % 5;
		cast(ledger, expected);
		break;
	case 't':
		ledger_totals(ledger, on_totals, NULL);
		break;
	case 'o':
		ledger_shard_counters(ledger, 0, on_totals, NULL);
		break;
	case 'b':
		ledger_bucket(ledger, 0, 0, on_bucket, NULL);
		break;
	case 'v':
		seal_look(seal, 0, amount & 1, on_view, NULL);
		break;
	case 'l':
		first = amount;
		seal_ballots(seal, 0, first, 1 + amount / 4, on_ballots, &first);
		break;
	case 's':
		seal_store(
		    seal, 0, 1, 1, 0, amount, slice_text("c"), slice_text("i"), on_outcome, NULL);
		seal_halt(seal, 0, 1, "why", on_outcome, NULL);
		seal_begin(seal, 0, 2, slice_text("s"), on_outcome, NULL);
		expected = 3;
		break;
	case 'i':
		ledger_issue(ledger, id, id, on_issue, NULL);
		break;
	case 'f':
		ledger_find(ledger, id, on_cast, NULL);
		break;
	case 'k':
		ledger_shard_batches(ledger, 0, on_batches, NULL);
		break;
	case 'e':
		ledger_enter(ledger, 1, identities, 3, on_enter, NULL);
		break;
	case 'r':
		ledger_revoke(ledger, id, on_revoke, NULL);
		ledger_revoke_batch(ledger, 1, on_revoke, NULL);
		expected = 2;
		break;
	case 'a':
		ledger_apply(ledger, 3, "paused", 0, 0, on_done, NULL);
		break;
	default:
		ledger_published(ledger, on_published, NULL);
		break;
	}
}

static void questions(redisReader *reader, uint8_t question, uint8_t amount)
{
	const struct ledger_options options = {.contest = "fuzz",
	    .packing = &contest,
	    .shards = 2,
	    .buckets = 2,
	    .by_code = true,
	    .rules = slice_text("{}"),
	    .in_flight_max = 100};
	const struct seal_options seal_options = {
	    .round = "fuzz", .packing = &contest, .shards = 2, .holder = "me", .lease_ms = 1000};
	struct redis *redis = (struct redis *)(void *)&asked; /* never looked into */
	struct ledger *ledger = ledger_new(base, redis, &options);
	struct seal *seal = seal_new(redis, &seal_options);

	assert(ledger && seal);
	ledger->ready = true;
	n_asked = n_answered = told = 0;
	ask(ledger, seal, question, amount);
	while (n_answered < n_asked)
		answer(reader);
	/* What a call says of what was acknowledged, ballot.lua must be able to read. */
	for (unsigned i = 0; i < options.shards; i++) {
		assert(atomic_load(ledger->shards[i].log.known) <= LEDGER_INDEX_MAX);
		assert(atomic_load(ledger->shards[i].issued.known) <= LEDGER_INDEX_MAX);
	}
	ledger_free(ledger);
	seal_free(seal);
	assert(told == expected);
}

/* ---- who has which slot ---- */

static void check_map(const struct redis_reply *reply, const struct redis_place *asked_one)
{
	static struct redis_map map;
	bool whole = true;

	if (redis_map_read(reply, asked_one, &map) < 0)
		return;
	assert(map.n <= REDIS_MASTERS_MAX);
	for (size_t i = 0; i < REDIS_SLOTS; i++) {
		whole = whole && map.of[i] != REDIS_NOBODY;
		assert(map.of[i] == REDIS_NOBODY || map.of[i] < map.n);
	}
	assert(whole == map.whole);
	for (unsigned i = 0; i < map.n; i++) {
		assert(memchr(map.masters[i].host, '\0', REDIS_HOST_MAX));
		assert(map.masters[i].port >= 1 && map.masters[i].port <= 65535);
	}
}

static void slots(redisReader *reader)
{
	const struct redis_place asked_one = {.host = "10.0.0.9", .port = 7000};
	struct redis_place place;
	void *reply = NULL;
	unsigned slot;

	while (redisReaderGetReply(reader, &reply) == 0 && reply) {
		struct slice text = redis_reply_text(reply);

		check_map(reply, &asked_one);
		if (redis_map_move(text, &asked_one, &slot, &place) != REDIS_STAYS) {
			assert(slice_starts(text, "MOVED ") || slice_starts(text, "ASK "));
			assert(slot < REDIS_SLOTS && place.port >= 1 && place.port <= 65535);
			assert(memchr(place.host, '\0', REDIS_HOST_MAX) && place.host[0]);
		}
		(void)redis_slot(text);
		freeReplyObject(reply);
		reply = NULL;
	}
}

/* hiredis takes an array's length at its word and makes room for it: millions are left out. */
static bool is_modest(const uint8_t *data, size_t size)
{
	for (size_t i = 0, digits = 0; i < size; i++) {
		digits = data[i] >= '0' && data[i] <= '9' ? digits + 1 : 0;
		if (digits > 6 && i >= digits && data[i - digits] == '*')
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	redisReader *reader;

	if (size < 2 || !is_modest(data, size))
		return 0;
	reader = redisReaderCreate();
	assert(reader);
	(void)redisReaderFeed(reader, (const char *)data + 2, size - 2);
	if (data[0] == 'm')
		slots(reader);
	else
		questions(reader, data[0], data[1]);
	redisReaderFree(reader);
	return 0;
}
