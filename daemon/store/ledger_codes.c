/* Invitation codes: entering, revoking, counting them by batch. Codes lie in the shard and bucket
 * of their identity, beside what is issued for them. */
#include "store/ledger_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What an answer without a verdict of its own means: 0, -EIO, -EBADMSG. */
static int answer_error(
    struct ledger *ledger, enum redis_outcome outcome, const struct redis_reply *reply)
{
	if (outcome != REDIS_OK)
		return -EIO;
	return redis_reply_kind(reply) == REDIS_ERROR ? ledger_error(ledger, reply) : 0;
}

/* ---- entering ---- */

struct placed {
	unsigned shard, bucket;
	const uint8_t *identity;
};

struct entering {
	struct ledger *ledger;
	size_t pending;
	int error;
	uint64_t entered;
	enter_cb *cb;
	void *arg;
};

static int compare_places(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	if (x->shard != y->shard)
		return x->shard < y->shard ? -1 : 1;
	return (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

static void on_entered(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct entering *entering = arg;
	int error = answer_error(entering->ledger, outcome, reply);

	if (error == 0)
		entering->entered += (uint64_t)redis_reply_integer(reply);
	else if (entering->error == 0)
		entering->error = error;
	if (--entering->pending > 0)
		return;
	entering->cb(entering->arg, entering->error, entering->entered);
	free(entering);
}

/* One call for those of one bucket. `call` has room for them and seven more. */
static void enter_bucket(struct entering *entering, const char *batch, const struct placed *placed,
    size_t n, struct slice *call)
{
	const struct ledger *ledger = entering->ledger;
	const struct shard *shard = &ledger->shards[placed->shard];
	char codes[LEDGER_KEY_MAX];
	size_t len = 0;

	call[len++] = slice_text("FCALL");
	call[len++] = slice_text("enter_5");
	call[len++] = slice_text("3");
	call[len++] = slice_text(shard->rules_key);
	call[len++] =
	    slice_text(ledger_bucket_key(ledger, placed->shard, "codes", placed->identity, codes));
	call[len++] = slice_text(shard->batches_key);
	call[len++] = slice_make(ledger->options.rules_hash, 32);
	call[len++] = slice_text(batch);
	for (size_t i = 0; i < n; i++)
		call[len++] = slice_make(placed[i].identity, LEDGER_IDENTITY_SIZE);
	entering->pending++;
	redis_write(ledger->redis, on_entered, entering, len, call);
}

/* How many from the first on lie in its bucket. */
static size_t neighbours(const struct placed *placed, size_t n)
{
	size_t same = 1;

	while (same < n && compare_places(&placed[0], &placed[same]) == 0)
		same++;
	return same;
}

void ledger_enter(struct ledger *ledger, unsigned batch,
    const uint8_t (*identities)[LEDGER_IDENTITY_SIZE], size_t n, enter_cb *cb, void *arg)
{
	struct entering *entering = calloc(1, sizeof(*entering));
	struct placed *placed = calloc(n, sizeof(*placed));
	struct slice *call = calloc(n + 8, sizeof(*call));
	char number[12];

	if (!entering || !placed || !call)
		abort(); /* nobody could be told of the failure */
	*entering = (struct entering){.ledger = ledger, .cb = cb, .arg = arg};
	for (size_t i = 0; i < n; i++)
		placed[i] = (struct placed){ledger_shard_of(ledger, identities[i]),
		    ledger_bucket_of(ledger, identities[i]), identities[i]};
	qsort(placed, n, sizeof(*placed), compare_places);
	(void)snprintf(number, sizeof(number), "%u", batch);
	for (size_t i = 0, same; i < n; i += same) {
		same = neighbours(&placed[i], n - i);
		enter_bucket(entering, number, &placed[i], same, call);
	}
	free(call);
	free(placed);
}

/* ---- revoking ---- */

struct revoking {
	struct ledger *ledger;
	unsigned pending;
	enum revoke_verdict verdict;
	revoke_cb *cb;
	void *arg;
};

static enum revoke_verdict verdict_of(
    struct ledger *ledger, enum redis_outcome outcome, const struct redis_reply *reply)
{
	static const struct {
		const char *word;
		enum revoke_verdict verdict;
	} words[] = {{"revoked", REVOKE_DONE}, {"same", REVOKE_SAME}, {"used", REVOKE_USED},
	    {"unknown", REVOKE_NO_CODE}};
	int error = answer_error(ledger, outcome, reply);
	struct slice text;

	if (error != 0)
		return error == -EBADMSG ? REVOKE_FAULT : REVOKE_UNKNOWN;
	text = redis_reply_text(reply);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (slice_is(text, words[i].word))
			return words[i].verdict;
	}
	return REVOKE_FAULT;
}

/* Of several shards' answers: what failed comes first, then what was done anywhere. */
static enum revoke_verdict graver(enum revoke_verdict a, enum revoke_verdict b)
{
	static const int gravity[] = {[REVOKE_NO_CODE] = 0,
	    [REVOKE_USED] = 1,
	    [REVOKE_SAME] = 2,
	    [REVOKE_DONE] = 3,
	    [REVOKE_FAULT] = 4,
	    [REVOKE_UNKNOWN] = 5};

	return gravity[b] > gravity[a] ? b : a;
}

static void on_revoked(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct revoking *revoking = arg;
	enum revoke_verdict verdict = verdict_of(revoking->ledger, outcome, reply);

	revoking->verdict = graver(revoking->verdict, verdict);
	if (--revoking->pending > 0)
		return;
	revoking->cb(revoking->arg, revoking->verdict);
	free(revoking);
}

static struct revoking *revoking_new(
    struct ledger *ledger, unsigned pending, revoke_cb *cb, void *arg)
{
	struct revoking *revoking = malloc(sizeof(*revoking));

	if (!revoking)
		abort(); /* nobody could be told of the failure */
	*revoking = (struct revoking){ledger, pending, REVOKE_NO_CODE, cb, arg};
	return revoking;
}

void ledger_revoke(
    struct ledger *ledger, const uint8_t identity[LEDGER_IDENTITY_SIZE], revoke_cb *cb, void *arg)
{
	unsigned n = ledger_shard_of(ledger, identity);
	const struct shard *shard = &ledger->shards[n];
	char codes[LEDGER_KEY_MAX], issued[LEDGER_KEY_MAX];

	redis_write(ledger->redis, on_revoked, revoking_new(ledger, 1, cb, arg), 9,
	    (struct slice[]){slice_text("FCALL"), slice_text("revoke_5"), slice_text("4"),
		slice_text(shard->rules_key),
		slice_text(ledger_bucket_key(ledger, n, "codes", identity, codes)),
		slice_text(ledger_bucket_key(ledger, n, "issued", identity, issued)),
		slice_text(shard->batches_key), slice_make(ledger->options.rules_hash, 32),
		slice_make(identity, LEDGER_IDENTITY_SIZE)});
}

void ledger_revoke_batch(struct ledger *ledger, unsigned batch, revoke_cb *cb, void *arg)
{
	unsigned shards = ledger->options.shards;
	struct revoking *revoking = revoking_new(ledger, shards, cb, arg);
	char number[12];

	(void)snprintf(number, sizeof(number), "%u", batch);
	for (unsigned i = 0; i < shards; i++)
		redis_write(ledger->redis, on_revoked, revoking, 7,
		    (struct slice[]){slice_text("FCALL"), slice_text("revoke_batch_5"),
			slice_text("2"), slice_text(ledger->shards[i].rules_key),
			slice_text(ledger->shards[i].batches_key),
			slice_make(ledger->options.rules_hash, 32), slice_text(number)});
}

/* ---- counting ---- */

struct counting {
	struct ledger *ledger;
	struct ledger_batch_list list;
	batches_cb *cb;
	void *arg;
};

struct ledger_batch *ledger_batch_at(struct ledger_batch_list *list, unsigned number)
{
	struct ledger_batch *more;
	size_t at = 0;

	while (at < list->n && list->batches[at].batch < number)
		at++;
	if (at < list->n && list->batches[at].batch == number)
		return &list->batches[at];
	more = realloc(list->batches, (list->n + 1) * sizeof(*more));
	if (!more)
		return NULL;
	memmove(&more[at + 1], &more[at], (list->n - at) * sizeof(*more));
	more[at] = (struct ledger_batch){.batch = number};
	list->batches = more;
	list->n++;
	return &more[at];
}

/* A decimal of at most 15 digits, up to a space or the end. */
static bool take_decimal(struct slice *text, uint64_t *ret)
{
	size_t at = 0;

	*ret = 0;
	for (; at < text->len && text->ptr[at] >= '0' && text->ptr[at] <= '9' && at < 15; at++)
		*ret = *ret * 10 + (uint64_t)(text->ptr[at] - '0');
	*text = slice_make(text->ptr + at, text->len - at);
	return at > 0;
}

/* "<batch> made" and its number. */
static int add_field(struct counting *counting, struct slice field, struct slice value)
{
	struct ledger_batch *batch;
	uint64_t number, amount;

	if (!take_decimal(&field, &number) || number < 1 || number > LEDGER_BATCHES_MAX ||
	    !take_decimal(&value, &amount) || value.len > 0)
		return -EBADMSG;
	batch = ledger_batch_at(&counting->list, (unsigned)number);
	if (!batch)
		return -ENOMEM;
	if (slice_is(field, " made"))
		batch->made = amount;
	else if (slice_is(field, " issued"))
		batch->issued = amount;
	else if (slice_is(field, " revoked"))
		batch->revoked = amount;
	else if (slice_is(field, " off"))
		batch->off = true;
	else
		return -EBADMSG;
	return 0;
}

static void on_batches(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct counting *counting = arg;
	int error = answer_error(counting->ledger, outcome, reply);
	size_t n = error == 0 ? redis_reply_count(reply) : 0;

	for (size_t i = 0; error == 0 && i + 1 < n; i += 2)
		error = add_field(counting, redis_reply_text(redis_reply_at(reply, i)),
		    redis_reply_text(redis_reply_at(reply, i + 1)));
	counting->cb(
	    counting->arg, error, counting->list.batches, error == 0 ? counting->list.n : 0);
	free(counting->list.batches);
	free(counting);
}

void ledger_shard_batches(struct ledger *ledger, unsigned shard, batches_cb *cb, void *arg)
{
	struct counting *counting = calloc(1, sizeof(*counting));

	if (!counting)
		abort(); /* nobody could be told of the failure */
	*counting = (struct counting){.ledger = ledger, .cb = cb, .arg = arg};
	redis_call(ledger->redis, on_batches, counting, 2,
	    (struct slice[]){slice_text("HGETALL"), slice_text(ledger->shards[shard].batches_key)});
}
