/* Casting: gathers ballots a shard, sends them in batches, hands each its verdict. The hot path of
 * the daemon: records and batches come from free lists, and the arguments of a ballot are made
 * once.
 *
 * The way of a ballot: ledger_cast() -> shard.gathered -> a batch in flight -> told. On the way it
 * may be sent once more, alone, when its batch was refused; or wait in `parked` for the function
 * library. One refused at once waits in `done` for the next turn. */
#include "store/ledger_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"

/* Batches of a shard that wait for Redis' disk, beyond which ballots are gathered on: the more
 * come, the more go together, and each costs less. A lone ballot never waits. */
#define IN_FLIGHT_MAX 2

enum { CALL_HEAD = 8 }; /* FCALL cast_5 n rules log count … hash least */

struct batch {
	struct batch *next;
	struct ledger *ledger;
	struct shard *shard;
	unsigned n;
	struct cast *casts[LEDGER_BATCH_MAX];
};

/* ---- telling ---- */

static void cast_tell(struct ledger *ledger, struct cast *cast, const struct cast_result *result)
{
	cast_cb *cb = cast->cb;
	void *arg = cast->arg;

	ledger->casting--;
	cast_free(&ledger->free_casts, cast);
	cb(arg, result);
}

static void cast_tell_verdict(struct ledger *ledger, struct cast *cast, enum cast_verdict verdict)
{
	cast_tell(ledger, cast, &(struct cast_result){.verdict = verdict, .shard = cast->shard});
}

/* ---- gathering ---- */

static void refuse_later(struct ledger *ledger, struct cast *cast, enum cast_verdict verdict)
{
	static const struct timeval at_once = {0, 0};

	cast->verdict = verdict;
	cast_list_put(&ledger->done, cast);
	if (!evtimer_pending(&ledger->turn, NULL))
		evtimer_add(&ledger->turn, &at_once);
}

/* The same ballot as Redis keeps it; its text lies in `bytes`. */
static int pack(
    const struct ledger *ledger, struct ledger_ballot *ballot, uint8_t bytes[FORM_PACKED_MAX])
{
	size_t len;

	if (!ledger->options.packing)
		return 0;
	if (ballot_pack(ledger->options.packing, ballot->text, bytes, &len) < 0)
		return -EINVAL;
	ballot->text = slice_make(bytes, len);
	return 0;
}

void ledger_cast(struct ledger *ledger, const struct ledger_ballot *given, cast_cb *cb, void *arg)
{
	bool room = ledger->casting < ledger->options.in_flight_max;
	uint8_t bytes[FORM_PACKED_MAX];
	struct ledger_ballot ballot = *given;
	bool packed = pack(ledger, &ballot, bytes) == 0;
	struct cast *cast = cast_new(&ledger->free_casts, &ballot);

	cast->cb = cb;
	cast->arg = arg;
	cast->parked = false;
	cast->shard = ledger_shard_of(ledger, cast->spent);
	cast->bucket = ledger_bucket_of(ledger, cast->spent);
	ledger->casting++;
	if (!ledger_takes(ledger, cast->shard) || !room || !packed ||
	    ballot.text.len > LEDGER_BALLOT_MAX) {
		refuse_later(ledger, cast, packed ? CAST_BUSY : CAST_FAULT);
		return;
	}
	cast_list_put(&ledger->shards[cast->shard].gathered, cast);
	ledger->gathered++;
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct ledger *ledger = arg;
	struct cast *cast;

	(void)fd;
	(void)what;
	/* Only what is there now: a callback that casts again must not keep the loop. */
	for (unsigned n = ledger->done.n; n > 0; n--) {
		cast = cast_list_take(&ledger->done);
		cast_tell_verdict(ledger, cast, cast->verdict);
	}
	if (ledger->done.head)
		evtimer_add(&ledger->turn, (&(struct timeval){0, 0}));
}

/* ---- sending ---- */

static void on_batch(void *arg, enum redis_outcome outcome, const struct redis_reply *reply);

/* The texts "1" … "67", which number the keys of a call. */
static struct slice small_number(size_t n)
{
	static char texts[CALL_HEAD + LEDGER_BATCH_MAX][3];
	char *text = texts[n];

	if (!text[0])
		snprintf(text, 3, "%u", (unsigned)n % 100);
	return slice_make(text, n < 10 ? 1 : 2);
}

static bool reserve_argv(struct ledger *ledger, const struct batch *batch)
{
	size_t n = CALL_HEAD + LEDGER_BATCH_MAX;
	struct slice *grown;

	for (unsigned i = 0; i < batch->n; i++)
		n += batch->casts[i]->n_args;
	if (n <= ledger->argv_cap)
		return true;
	grown = reallocarray(ledger->argv, n, sizeof(*grown));
	if (!grown)
		return false;
	ledger->argv = grown;
	ledger->argv_cap = n;
	return true;
}

static struct slice bucket_key(const struct cast *cast, const char *prefix, char *ret_key)
{
	static const char middle[] = ":spent:";
	size_t len = strlen(prefix);

	memcpy(ret_key, prefix, len);
	memcpy(ret_key + len, middle, sizeof(middle) - 1);
	len += sizeof(middle) - 1;
	len += decimal_encode(cast->bucket, ret_key + len);
	return slice_make(ret_key, len);
}

_Static_assert(LEDGER_KEY_MAX >= LEDGER_PREFIX_MAX + sizeof(":spent:") + DECIMAL_SIZE,
    "a bucket's key has room");

/* Gives every ballot the number of its bucket's key; returns how many distinct buckets there are.
 */
static size_t number_buckets(struct ledger *ledger, struct batch *batch, struct slice *ret_keys)
{
	unsigned seen[LEDGER_BATCH_MAX];
	size_t n = 0, k;

	for (unsigned i = 0; i < batch->n; i++) {
		struct cast *cast = batch->casts[i];

		for (k = 0; k < n && seen[k] != cast->bucket; k++)
			;
		if (k == n) {
			ret_keys[n] = bucket_key(cast, batch->shard->prefix, ledger->keys[n]);
			seen[n++] = cast->bucket;
		}
		cast->args[CAST_ARG_KEY] =
		    small_number(4 + k); /* KEYS counts from 1: rules, log, count */
	}
	return n;
}

static void send_batch(struct ledger *ledger, struct batch *batch)
{
	struct shard *shard = batch->shard;
	struct slice *argv;
	size_t argc, buckets;

	if (!reserve_argv(ledger, batch)) {
		shard->in_flight++;
		on_batch(batch, REDIS_NOT_SENT, NULL);
		return;
	}
	argv = ledger->argv;
	buckets = number_buckets(ledger, batch, argv + 6);
	argv[0] = slice_text("FCALL");
	argv[1] = slice_text("cast_5");
	argv[2] = small_number(3 + buckets);
	argv[3] = slice_text(shard->rules_key);
	argv[4] = slice_text(shard->log_key);
	argv[5] = slice_text(shard->count_key);
	argc = 6 + buckets;
	argv[argc++] = slice_make(ledger->options.rules_hash, 32);
	argv[argc++] = mark_text(&shard->log);
	for (unsigned i = 0; i < batch->n; i++) {
		const struct cast *cast = batch->casts[i];

		memcpy(argv + argc, cast->args, cast->n_args * sizeof(*argv));
		argc += cast->n_args;
	}
	shard->in_flight++;
	redis_vote(ledger->redis, on_batch, batch, argc, argv);
}

static struct batch *batch_new(struct ledger *ledger, struct shard *shard)
{
	struct batch *batch = ledger->free_batches;

	if (batch)
		ledger->free_batches = batch->next;
	else
		batch = malloc(sizeof(*batch));
	if (!batch)
		abort(); /* as in cast_record.c */
	batch->ledger = ledger;
	batch->shard = shard;
	batch->n = 0;
	return batch;
}

static void batch_free(struct batch *batch)
{
	batch->next = batch->ledger->free_batches;
	batch->ledger->free_batches = batch;
}

static void send_gathered(struct ledger *ledger, struct shard *shard)
{
	while (shard->gathered.n >= LEDGER_BATCH_MAX ||
	       (shard->gathered.head && shard->in_flight < IN_FLIGHT_MAX)) {
		struct batch *batch = batch_new(ledger, shard);

		while (batch->n < LEDGER_BATCH_MAX && shard->gathered.head)
			batch->casts[batch->n++] = cast_list_take(&shard->gathered);
		ledger->gathered -= batch->n;
		send_batch(ledger, batch);
	}
}

static void send_alone(struct ledger *ledger, struct cast *cast)
{
	struct batch *batch = batch_new(ledger, &ledger->shards[cast->shard]);

	batch->casts[batch->n++] = cast;
	send_batch(ledger, batch);
}

/* What waits must not go out on a later connection, which may be to another Redis and has to be
 * looked at first. */
static void refuse_gathered(struct ledger *ledger, struct shard *shard)
{
	struct cast *cast;

	while ((cast = cast_list_take(&shard->gathered))) {
		ledger->gathered--;
		refuse_later(ledger, cast, CAST_BUSY);
	}
}

void ledger_flush(struct ledger *ledger)
{
	for (unsigned i = 0; ledger->gathered > 0 && i < ledger->options.shards; i++) {
		if (ledger_takes(ledger, i))
			send_gathered(ledger, &ledger->shards[i]);
		else
			refuse_gathered(ledger, &ledger->shards[i]);
	}
	redis_flush(ledger->redis);
}

/* ---- answers ---- */

/* One verdict of ballot.lua: an index, or {word}, or {word, index, replacements[, ballot]}. */
static void read_verdict(
    struct ledger *ledger, const struct redis_reply *reply, int64_t now_ms, struct cast_result *ret)
{
	static const struct {
		const char *word;
		enum cast_verdict verdict;
		size_t elements;
		bool timed;
	} words[] = {
	    {"same", CAST_SAME, 3, false},
	    {"spent", CAST_SPENT, 4, false},
	    {"replaced", CAST_REPLACED, 3, false},
	    {"never", CAST_NEVER, 1, false},
	    {"too-often", CAST_REPLACED_TOO_OFTEN, 4, false},
	    {"not-open", CAST_NOT_OPEN, 1, true},
	    {"closed", CAST_CLOSED, 1, true},
	    {"paused", CAST_PAUSED, 1, true},
	    {"differ", CAST_RULES_DIFFER, 1, false},
	    {"fault", CAST_FAULT, 1, false},
	};
	struct slice word;

	if (ledger_is_index(reply)) {
		ret->verdict = CAST_COUNTED;
		ret->index = (uint64_t)redis_reply_integer(reply);
		return;
	}
	ret->verdict = CAST_UNKNOWN;
	if (redis_reply_count(reply) == 0)
		return;
	word = redis_reply_text(redis_reply_at(reply, 0));
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!slice_is(word, words[i].word) || redis_reply_count(reply) != words[i].elements)
			continue;
		if (words[i].elements >= 3 && !ledger_is_index(redis_reply_at(reply, 1)))
			return;
		ret->verdict = words[i].verdict;
		ret->server_ms = words[i].timed ? now_ms : 0;
		if (words[i].elements >= 3) {
			ret->index = (uint64_t)redis_reply_integer(redis_reply_at(reply, 1));
			ret->replacements = (unsigned)redis_reply_integer(redis_reply_at(reply, 2));
		}
		if (words[i].elements == 4 &&
		    !ledger_read_stored(
			ledger, redis_reply_text(redis_reply_at(reply, 3)), &ret->ballot))
			ret->verdict = CAST_FAULT;
		return;
	}
}

/* Damage meets every ballot anew: a line a second is enough. */
static void log_damage(struct ledger *ledger, unsigned shard, struct slice text)
{
	int64_t now_ms = clock_steady_ms();

	if (now_ms - ledger->damage_logged_ms < 1000)
		return;
	ledger->damage_logged_ms = now_ms;
	log_error(
	    "shard %u: a ballot was not counted: %.*s; see \"A shard refuses every ballot\" "
	    "in ops/runbook.md",
	    shard, (int)text.len, text.ptr);
}

static void hand_out(struct batch *batch, const struct redis_reply *reply)
{
	struct ledger *ledger = batch->ledger;
	int64_t now_ms = redis_reply_integer(redis_reply_at(reply, 0));

	for (unsigned i = 0; i < batch->n; i++) {
		struct cast_result result = {.shard = batch->casts[i]->shard};

		read_verdict(ledger, redis_reply_at(reply, i + 1), now_ms, &result);
		if (result.verdict == CAST_FAULT)
			log_damage(ledger, batch->casts[i]->shard,
			    slice_text("what is stored of its token, or a counter, is damaged"));
		if (result.verdict == CAST_RULES_DIFFER)
			ledger_recheck(ledger, "rules-differ: a ballot went to the wrong place");
		if (result.verdict == CAST_COUNTED || result.verdict == CAST_REPLACED ||
		    result.verdict == CAST_SAME)
			ledger_acknowledge(
			    &ledger->shards[result.shard], result.index, batch->casts[i]->spent);
		cast_tell(ledger, batch->casts[i], &result);
	}
}

static void tell_all(struct batch *batch, enum cast_verdict verdict)
{
	for (unsigned i = 0; i < batch->n; i++)
		cast_tell_verdict(batch->ledger, batch->casts[i], verdict);
}

/* Nothing of the batch was counted. A ballot that damages it must not take its neighbours along, so
 * each gets one more try, alone. */
static void retry_alone(struct batch *batch, enum cast_verdict verdict)
{
	if (batch->n == 1) {
		tell_all(batch, verdict);
		return;
	}
	for (unsigned i = 0; i < batch->n; i++)
		send_alone(batch->ledger, batch->casts[i]);
	redis_flush(batch->ledger->redis);
}

/* A fresh server lacks the library: the ballots wait until it is loaded, once. */
static void park(struct batch *batch)
{
	struct ledger *ledger = batch->ledger;

	for (unsigned i = 0; i < batch->n; i++) {
		struct cast *cast = batch->casts[i];

		if (cast->parked) {
			cast_tell_verdict(ledger, cast, CAST_BUSY);
			continue;
		}
		cast->parked = true;
		cast_list_put(&ledger->parked, cast);
	}
	ledger_load_library(ledger);
}

static void batch_refused(struct batch *batch, const struct redis_reply *error)
{
	switch (library_refusal(error)) {
	case REFUSED_FOR_NOW:
		tell_all(batch, CAST_BUSY);
		break;
	case REFUSED_BEHIND:
		ledger_log_behind(batch->ledger, redis_reply_text(error));
		tell_all(batch, CAST_FAULT);
		break;
	case REFUSED_ALONE:
		retry_alone(batch, CAST_BUSY);
		break;
	case REFUSED_MISSING:
		park(batch);
		break;
	case REFUSED_RULES:
		ledger_recheck(batch->ledger, "rules-differ: the shard holds other rules");
		tell_all(batch, CAST_RULES_DIFFER);
		break;
	case REFUSED_DAMAGED:
		if (batch->n == 1)
			log_damage(batch->ledger, batch->casts[0]->shard, redis_reply_text(error));
		retry_alone(batch, CAST_FAULT);
		break;
	}
}

static void on_batch(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct batch *batch = arg;

	batch->shard->in_flight--;
	if (outcome != REDIS_OK) {
		tell_all(batch, outcome == REDIS_NOT_SENT ? CAST_BUSY : CAST_UNKNOWN);
	} else if (redis_reply_kind(reply) == REDIS_ERROR) {
		batch_refused(batch, reply);
	} else if (redis_reply_count(reply) != batch->n + 1) {
		log_error("cast_5 answered %zu of %u verdicts", redis_reply_count(reply), batch->n);
		tell_all(batch, CAST_UNKNOWN);
	} else {
		hand_out(batch, reply);
	}
	batch_free(batch);
}

/* ---- life ---- */

void ledger_cast_unpark(struct ledger *ledger)
{
	struct cast *cast;

	while ((cast = cast_list_take(&ledger->parked))) {
		if (!ledger_takes(ledger, cast->shard)) {
			refuse_later(ledger, cast, CAST_BUSY);
			continue;
		}
		cast_list_put(&ledger->shards[cast->shard].gathered, cast);
		ledger->gathered++;
	}
	if (ledger->ready)
		ledger_flush(ledger);
}

void ledger_cast_init(struct ledger *ledger)
{
	cast_list_init(&ledger->parked);
	cast_list_init(&ledger->done);
	evtimer_assign(&ledger->turn, ledger->base, on_turn, ledger);
}

/* What was never sent is certainly not counted. */
void ledger_cast_release(struct ledger *ledger)
{
	struct cast *cast;
	struct batch *batch;

	for (unsigned i = 0; ledger->shards && i < ledger->options.shards; i++) {
		while ((cast = cast_list_take(&ledger->shards[i].gathered)))
			cast_tell_verdict(ledger, cast, CAST_BUSY);
	}
	while ((cast = cast_list_take(&ledger->parked)))
		cast_tell_verdict(ledger, cast, CAST_BUSY);
	while ((cast = cast_list_take(&ledger->done)))
		cast_tell_verdict(ledger, cast, cast->verdict);
	evtimer_del(&ledger->turn);
	cast_release_all(&ledger->free_casts);
	while ((batch = ledger->free_batches)) {
		ledger->free_batches = batch->next;
		free(batch);
	}
}
