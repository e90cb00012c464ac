/* The sum over all shards: one call a shard, sent together; counters of one name are added up. Or
 * one shard's numbers alone. */
#include "store/ledger_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum { NAMES_MAX = 16 << 20 };

/* Names are kept by offset, since the buffer that holds them moves while it grows. */
struct counted {
	size_t name, len;
	int64_t value;
};

struct asked { /* one shard */
	struct reading *reading;
	uint64_t issued; /* that were acknowledged when it was asked */
};

struct reading {
	struct ledger *ledger;
	totals_cb *cb;
	void *arg;
	unsigned pending;
	int error;
	struct ledger_totals totals;
	int phase; /* rank of totals.phase */
	struct buf names;
	struct counted *entries;
	size_t n, cap;
	struct asked asked[]; /* one a shard */
};

/* Least advanced first, as in contest/phase.h. */
static const char *const phases[] = {
    "announced", "open", "paused", "closed", "provisional", "certified", "corrected"};

enum { N_PHASES = sizeof(phases) / sizeof(*phases) };

/* Redis gives the values of a hash as text. 0 or -EBADMSG. */
static int read_integer(struct slice text, int64_t *ret)
{
	bool negative = text.len > 0 && text.ptr[0] == '-';
	size_t at = negative;
	int64_t value = 0;

	if (text.len == at || text.len > 17)
		return -EBADMSG;
	for (; at < text.len; at++) {
		if (text.ptr[at] < '0' || text.ptr[at] > '9')
			return -EBADMSG;
		value = value * 10 + (text.ptr[at] - '0');
	}
	*ret = negative ? -value : value;
	return 0;
}

static int add_counter(struct reading *reading, struct slice name, int64_t value)
{
	struct counted *entry;

	if (name.len == 0)
		return -EBADMSG; /* none of ours */
	if (reading->n == reading->cap) {
		size_t cap = reading->cap ? 2 * reading->cap : 64;
		struct counted *grown = reallocarray(reading->entries, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		reading->entries = grown;
		reading->cap = cap;
	}
	entry = &reading->entries[reading->n];
	entry->name = reading->names.len;
	entry->len = name.len;
	entry->value = value;
	if (buf_append_slice(&reading->names, name) < 0)
		return -ENOMEM;
	reading->n++;
	return 0;
}

static int add_counters(struct reading *reading, const struct redis_reply *counters)
{
	for (size_t i = 0; i + 1 < redis_reply_count(counters); i += 2) {
		struct slice name = redis_reply_text(redis_reply_at(counters, i));
		int64_t value;
		int r = read_integer(redis_reply_text(redis_reply_at(counters, i + 1)), &value);

		if (r < 0)
			return r;
		if (slice_is(name, "ballots")) {
			reading->totals.ballots += (uint64_t)value;
			continue;
		}
		r = add_counter(reading, name, value);
		if (r < 0)
			return r;
	}
	return 0;
}

static int phase_rank(struct slice phase)
{
	for (int i = 0; i < N_PHASES; i++) {
		if (slice_is(phase, phases[i]))
			return i;
	}
	return -1;
}

/* {clock in ms, phase, version, size of the log, issued, {counter, value, …}, opens, closes} */
static int add_shard(const struct asked *asked, const struct redis_reply *reply)
{
	struct reading *reading = asked->reading;
	struct ledger_totals *totals = &reading->totals;
	uint64_t version, issued;
	int64_t now_ms;
	int phase;

	if (redis_reply_count(reply) != 8)
		return -EBADMSG;
	now_ms = redis_reply_integer(redis_reply_at(reply, 0));
	phase = phase_rank(redis_reply_text(redis_reply_at(reply, 1)));
	if (phase < 0)
		return -EBADMSG;
	if (now_ms < totals->now_ms)
		totals->now_ms = now_ms;
	if (phase < reading->phase)
		reading->phase = phase;
	version = (uint64_t)redis_reply_integer(redis_reply_at(reply, 2));
	if (version < totals->least_version) {
		totals->least_version = version;
		totals->opens_ms = redis_reply_integer(redis_reply_at(reply, 6));
		totals->closes_ms = redis_reply_integer(redis_reply_at(reply, 7));
	}
	totals->version += version;
	totals->log_size += (uint64_t)redis_reply_integer(redis_reply_at(reply, 3));
	issued = (uint64_t)redis_reply_integer(redis_reply_at(reply, 4));
	totals->issued += issued;
	totals->lacks_issued = totals->lacks_issued || issued < asked->issued;
	return add_counters(reading, redis_reply_at(reply, 5));
}

static int compare_counters(const void *a, const void *b)
{
	const struct ledger_counter *x = a, *y = b;
	size_t shorter = x->name.len < y->name.len ? x->name.len : y->name.len;
	int order = shorter ? memcmp(x->name.ptr, y->name.ptr, shorter) : 0;

	return order ? order : (x->name.len > y->name.len) - (x->name.len < y->name.len);
}

/* Sorted, and one of each name. */
static size_t merge_counters(struct ledger_counter *counters, size_t n)
{
	size_t kept = 0;

	if (n > 0)
		qsort(counters, n, sizeof(*counters), compare_counters);
	for (size_t i = 0; i < n; i++) {
		if (kept > 0 && slice_equal(counters[kept - 1].name, counters[i].name))
			counters[kept - 1].value += counters[i].value;
		else
			counters[kept++] = counters[i];
	}
	return kept;
}

static void reading_finish(struct reading *reading)
{
	struct ledger_counter *counters = NULL;

	if (!reading->error) {
		counters = calloc(reading->n + 1, sizeof(*counters));
		reading->error = counters ? 0 : -EIO;
	}
	if (!reading->error) {
		for (size_t i = 0; i < reading->n; i++) {
			const struct counted *entry = &reading->entries[i];

			counters[i].name =
			    slice_make(reading->names.data + entry->name, entry->len);
			counters[i].value = entry->value;
		}
		reading->totals.counters = counters;
		reading->totals.n_counters = merge_counters(counters, reading->n);
		reading->totals.phase = phases[reading->phase];
	}
	reading->cb(reading->arg, reading->error, reading->error ? NULL : &reading->totals);
	free(counters);
	free(reading->entries);
	buf_release(&reading->names);
	free(reading);
}

/* One shard less to wait for. */
static void reading_step(struct reading *reading, int error)
{
	if (error == -ENOMEM)
		error = -EIO;
	if (error < 0 && reading->error == 0)
		reading->error = error;
	if (--reading->pending == 0)
		reading_finish(reading);
}

static void on_shard(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	const struct asked *asked = arg;
	int r;

	if (outcome != REDIS_OK)
		r = -EIO;
	else if (redis_reply_kind(reply) == REDIS_ERROR)
		r = ledger_error(asked->reading->ledger, reply);
	else
		r = add_shard(asked, reply);
	reading_step(asked->reading, r);
}

static void on_counters(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct reading *reading = arg;
	int r = -EIO;

	if (outcome == REDIS_OK)
		r = redis_reply_kind(reply) == REDIS_ARRAY ? add_counters(reading, reply)
							   : -EBADMSG;
	reading_step(reading, r);
}

static struct reading *reading_new(struct ledger *ledger, unsigned shards, totals_cb *cb, void *arg)
{
	struct reading *reading = calloc(1, sizeof(*reading) + shards * sizeof(reading->asked[0]));

	if (!reading)
		abort(); /* nobody could be told of the failure */
	reading->ledger = ledger;
	reading->cb = cb;
	reading->arg = arg;
	reading->pending = shards;
	reading->totals.now_ms = INT64_MAX;
	reading->totals.least_version = UINT64_MAX;
	reading->phase = N_PHASES - 1;
	buf_init(&reading->names, NAMES_MAX);
	return reading;
}

static void ask(struct reading *reading, unsigned place, unsigned number, bool as_it_is)
{
	struct ledger *ledger = reading->ledger;
	struct shard *shard = &ledger->shards[number];
	struct asked *asked = &reading->asked[place];

	*asked = (struct asked){reading, atomic_load(shard->issued.known)};
	redis_call(ledger->redis, on_shard, asked, 9,
	    (struct slice[]){slice_text("FCALL"), slice_text("read_5"), slice_text("4"),
		slice_text(shard->rules_key), slice_text(shard->log_key),
		slice_text(shard->count_key), slice_text(shard->issued_key),
		slice_make(ledger->options.rules_hash, 32),
		as_it_is ? slice_text("0") : mark_text(&shard->log)});
}

static void ask_all(struct ledger *ledger, bool as_it_is, totals_cb *cb, void *arg)
{
	struct reading *reading = reading_new(ledger, ledger->options.shards, cb, arg);

	for (unsigned i = 0; i < ledger->options.shards; i++)
		ask(reading, i, i, as_it_is);
}

void ledger_totals(struct ledger *ledger, totals_cb *cb, void *arg)
{
	ask_all(ledger, false, cb, arg);
}

void ledger_totals_as_they_are(struct ledger *ledger, totals_cb *cb, void *arg)
{
	ask_all(ledger, true, cb, arg);
}

void ledger_shard_totals(struct ledger *ledger, unsigned shard, totals_cb *cb, void *arg)
{
	ask(reading_new(ledger, 1, cb, arg), 0, shard, false);
}

void ledger_shard_counters(struct ledger *ledger, unsigned shard, totals_cb *cb, void *arg)
{
	redis_call(ledger->redis, on_counters, reading_new(ledger, 1, cb, arg), 2,
	    (struct slice[]){slice_text("HGETALL"), slice_text(ledger->shards[shard].count_key)});
}
