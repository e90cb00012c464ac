/* The ledger's life, its keys, and the questions that are one call each: finding a ballot,
 * recording an issuance, the published snapshot. Casting is in ledger_cast.c, acts in
 * ledger_apply.c. */
#include "store/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "store/ledger_impl.h"

/* ---- keys ---- */

unsigned ledger_shard_of(const struct ledger *ledger, const uint8_t id[16])
{
	return get_u32be(id) % ledger->options.shards;
}

unsigned ledger_bucket_of(const struct ledger *ledger, const uint8_t id[16])
{
	return get_u32be(id + 8) % ledger->options.buckets;
}

bool ledger_is_field_of(const struct ledger *ledger, unsigned shard, unsigned bucket,
    struct slice field, const uint8_t spent[LEDGER_SPENT_SIZE])
{
	return field.len == LEDGER_FIELD_SIZE &&
	       memcmp(field.ptr, spent + LEDGER_SPENT_SIZE - LEDGER_FIELD_SIZE,
		   LEDGER_FIELD_SIZE) == 0 &&
	       ledger_shard_of(ledger, spent) == shard && ledger_bucket_of(ledger, spent) == bucket;
}

static void make_keys(struct ledger *ledger)
{
	const struct ledger_options *o = &ledger->options;
	const char *mark = o->rehearsal ? "~rehearsal" : "";

	snprintf(ledger->published_key, sizeof(ledger->published_key), "{%s%s}:published",
	    o->contest, mark);
	for (unsigned i = 0; i < o->shards; i++) {
		struct shard *s = &ledger->shards[i];

		snprintf(s->prefix, sizeof(s->prefix), "{%s%s/%u}", o->contest, mark, i);
		snprintf(s->rules_key, sizeof(s->rules_key), "%s:rules", s->prefix);
		snprintf(s->log_key, sizeof(s->log_key), "%s:log", s->prefix);
		snprintf(s->count_key, sizeof(s->count_key), "%s:count", s->prefix);
		snprintf(s->issued_key, sizeof(s->issued_key), "%s:issued", s->prefix);
		snprintf(s->batches_key, sizeof(s->batches_key), "%s:batches", s->prefix);
	}
}

/* ---- what was acknowledged ---- */

struct slice mark_text(struct mark *mark)
{
	uint64_t n = atomic_load(mark->known);

	if (n != mark->n || mark->len == 0) {
		mark->n = n;
		mark->len = decimal_encode(n, mark->text);
	}
	return slice_make(mark->text, mark->len);
}

void ledger_acknowledge(struct shard *shard, uint64_t index, const uint8_t *spent)
{
	if (index < shard->own_size)
		return;
	shard->own_size = index + 1;
	memcpy(shard->last_spent, spent, LEDGER_SPENT_SIZE);
	marks_raise(&shard->known->ballots, shard->own_size);
}

static bool ends_with(struct slice text, const char *end)
{
	size_t len = strlen(end);

	return text.len >= len && memcmp(text.ptr + text.len - len, end, len) == 0;
}

void ledger_log_behind(struct ledger *ledger, struct slice error)
{
	int64_t now_ms = clock_steady_ms();
	bool rights = ends_with(error, " issued");

	if (ledger->behind_logged_ms && now_ms - ledger->behind_logged_ms < 1000)
		return;
	ledger->behind_logged_ms = now_ms;
	log_error(
	    "contest %s: a shard in Redis lacks %s (%.*s), and %s there. See \"Redis is behind\" "
	    "in "
	    "ops/runbook.md",
	    ledger->options.contest,
	    rights ? "voting rights that were given out" : "ballots that were acknowledged",
	    (int)(error.len < 80 ? error.len : 80), error.ptr,
	    rights ? "none is given out" : "nothing is counted");
}

void ledger_in_epoch(struct ledger *ledger, uint64_t epoch)
{
	bool later = ledger->epoch > 0 && epoch > ledger->epoch;

	ledger->epoch = epoch;
	for (unsigned i = 0; i < ledger->options.shards; i++) {
		marks_epoch(ledger->shards[i].known, epoch);
		if (later)
			ledger->shards[i].own_size = 0;
	}
}

static void share_marks(struct ledger *ledger, struct shard *shard)
{
	struct marks *marks = ledger->options.marks;

	shard->known = marks ? marks_of(marks, shard->prefix) : NULL;
	if (!shard->known) {
		shard->known = &shard->own;
		if (marks)
			log_warn(
			    "contest %s: shard %s: each worker for itself knows what it "
			    "acknowledged: there are more than %d shards",
			    ledger->options.contest, shard->prefix, MARKS_MAX);
	}
	shard->log.known = &shard->known->ballots;
	shard->issued.known = &shard->known->issued;
}

/* ---- life ---- */

struct ledger *ledger_new(
    struct event_base *base, struct redis *redis, const struct ledger_options *options)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return NULL;
	ledger->base = base;
	ledger->redis = redis;
	ledger->options = *options;
	buf_init(&ledger->ballot, LEDGER_BALLOT_MAX);
	ledger_setup_init(ledger);
	ledger_cast_init(ledger);
	ledger->shards = calloc(options->shards, sizeof(*ledger->shards));
	ledger->keys = calloc(LEDGER_BATCH_MAX, sizeof(*ledger->keys));
	for (unsigned i = 0; ledger->shards && i < options->shards; i++) {
		ledger->shards[i].ledger = ledger;
		cast_list_init(&ledger->shards[i].gathered);
	}
	/* "{…~rehearsal/<shard>}" must fit; contest ids are far shorter. */
	if (!ledger->shards || !ledger->keys || strlen(options->contest) > LEDGER_PREFIX_MAX - 32) {
		ledger_free(ledger);
		return NULL;
	}
	make_keys(ledger);
	for (unsigned i = 0; i < options->shards; i++)
		share_marks(ledger, &ledger->shards[i]);
	ledger->known = options->known;
	if (redis_is_connected(redis))
		ledger_on_redis(ledger, true, NULL);
	return ledger;
}

void ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return;
	ledger_setup_release(ledger);
	ledger_cast_release(ledger);
	buf_release(&ledger->ballot);
	free(ledger->argv);
	free(ledger->keys);
	free(ledger->shards);
	free(ledger);
}

char *ledger_bucket_key(const struct ledger *ledger, unsigned shard, const char *kind,
    const uint8_t id[16], char ret_key[LEDGER_KEY_MAX])
{
	(void)snprintf(ret_key, LEDGER_KEY_MAX, "%.*s:%s:%u", LEDGER_PREFIX_MAX,
	    ledger->shards[shard].prefix, kind, ledger_bucket_of(ledger, id));
	return ret_key;
}

/* ---- questions of one call ---- */

struct question {
	struct ledger *ledger;
	unsigned shard;
	union {
		cast_cb *cast;
		published_cb *published;
	} cb;
	void *arg;
};

/* There is no way to refuse a question without a record of whom to tell. */
static struct question *question_new(struct ledger *ledger, unsigned shard, void *arg)
{
	struct question *q = calloc(1, sizeof(*q));

	if (!q)
		abort();
	q->ledger = ledger;
	q->shard = shard;
	q->arg = arg;
	return q;
}

bool ledger_refused(struct ledger *ledger, const struct redis_reply *reply, enum refusal *ret)
{
	if (redis_reply_kind(reply) != REDIS_ERROR)
		return false;
	*ret = library_refusal(reply);
	if (*ret == REFUSED_MISSING)
		ledger_load_library(ledger);
	else if (*ret == REFUSED_BEHIND)
		ledger_log_behind(ledger, redis_reply_text(reply));
	else if (*ret == REFUSED_RULES)
		ledger_recheck(ledger, "rules-differ: the shard holds other rules");
	return true;
}

int ledger_error(struct ledger *ledger, const struct redis_reply *error)
{
	enum refusal refusal;

	if (!ledger_refused(ledger, error, &refusal))
		return -EIO;
	return refusal == REFUSED_DAMAGED || refusal == REFUSED_BEHIND ? -EBADMSG : -EIO;
}

bool ledger_read_stored(struct ledger *ledger, struct slice stored, struct slice *ret_ballot)
{
	struct slice packed;

	if (stored.len < LEDGER_TAG_SIZE)
		return false;
	packed = slice_make(stored.ptr + LEDGER_TAG_SIZE, stored.len - LEDGER_TAG_SIZE);
	buf_clear(&ledger->ballot);
	if (!ledger->options.packing)
		*ret_ballot = packed;
	else if (ballot_unpack(ledger->options.packing, packed, &ledger->ballot) < 0)
		return false;
	else
		*ret_ballot = buf_slice(&ledger->ballot);
	return true;
}

bool ledger_is_index(const struct redis_reply *reply)
{
	return redis_reply_kind(reply) == REDIS_INTEGER && redis_reply_integer(reply) >= 0 &&
	       redis_reply_integer(reply) < LEDGER_INDEX_MAX;
}

static enum cast_verdict find_verdict(
    struct question *q, const struct redis_reply *reply, struct cast_result *ret)
{
	enum refusal refusal;

	if (ledger_refused(q->ledger, reply, &refusal))
		return refusal == REFUSED_DAMAGED || refusal == REFUSED_BEHIND ? CAST_FAULT
									       : CAST_BUSY;
	if (redis_reply_kind(reply) == REDIS_NIL)
		return CAST_NEVER;
	if (redis_reply_count(reply) != 3 || !ledger_is_index(redis_reply_at(reply, 0)))
		return CAST_FAULT;
	ret->index = (uint64_t)redis_reply_integer(redis_reply_at(reply, 0));
	ret->replacements = (unsigned)redis_reply_integer(redis_reply_at(reply, 1));
	return ledger_read_stored(
		   q->ledger, redis_reply_text(redis_reply_at(reply, 2)), &ret->ballot)
		   ? CAST_SPENT
		   : CAST_FAULT;
}

static void on_found(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct question *q = arg;
	struct cast_result result = {.shard = q->shard};

	if (outcome == REDIS_OK)
		result.verdict = find_verdict(q, reply, &result);
	else
		result.verdict = outcome == REDIS_NOT_SENT ? CAST_BUSY : CAST_UNKNOWN;
	q->cb.cast(q->arg, &result);
	free(q);
}

void ledger_find(
    struct ledger *ledger, const uint8_t spent[LEDGER_SPENT_SIZE], cast_cb *cb, void *arg)
{
	unsigned n = ledger_shard_of(ledger, spent);
	struct shard *shard = &ledger->shards[n];
	struct question *q = question_new(ledger, n, arg);
	char bucket[LEDGER_KEY_MAX];

	(void)ledger_bucket_key(ledger, n, "spent", spent, bucket);
	q->cb.cast = cb;
	redis_write(ledger->redis, on_found, q, 9,
	    (struct slice[]){slice_text("FCALL"), slice_text("find_5"), slice_text("3"),
		slice_text(shard->rules_key), slice_text(shard->log_key), slice_text(bucket),
		slice_make(ledger->options.rules_hash, 32), slice_make(spent, LEDGER_SPENT_SIZE),
		mark_text(&shard->log)});
}

/* ---- the published snapshot ---- */

static void on_published(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct question *q = arg;
	struct slice text = slice_make("", 0);
	int error = 0;

	if (outcome != REDIS_OK)
		error = -EIO;
	else if (redis_reply_kind(reply) == REDIS_ERROR)
		error = ledger_error(q->ledger, reply);
	else
		text = redis_reply_text(reply);
	q->cb.published(q->arg, error, text);
	free(q);
}

void ledger_published(struct ledger *ledger, published_cb *cb, void *arg)
{
	struct question *q = question_new(ledger, 0, arg);

	q->cb.published = cb;
	redis_call(ledger->redis, on_published, q, 2,
	    (struct slice[]){slice_text("GET"), slice_text(ledger->published_key)});
}

void ledger_publish(
    struct ledger *ledger, struct slice text, struct slice seen, published_cb *cb, void *arg)
{
	struct question *q = question_new(ledger, 0, arg);

	q->cb.published = cb;
	redis_call(ledger->redis, on_published, q, 6,
	    (struct slice[]){slice_text("FCALL"), slice_text("publish_5"), slice_text("1"),
		slice_text(ledger->published_key), text, seen});
}
