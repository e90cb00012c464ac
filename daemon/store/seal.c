/* What stands in S:seal, and changing it: one function call each. A function found missing is
 * looked after in the background; the call that found it so has failed, and whoever made it asks
 * again. Reading the log is in seal_ballots.c. */
#include "store/seal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/log.h"
#include "store/library.h"
#include "store/seal_impl.h"

/* ---- life ---- */

struct seal *seal_new(struct redis *redis, const struct seal_options *options)
{
	struct seal *seal;

	/* "{<round>/<shard>}:issued" must fit; the names of rounds are far shorter. */
	if (strlen(options->round) > SEAL_KEY_MAX - 32)
		return NULL;
	seal = calloc(1, sizeof(*seal));
	if (!seal)
		return NULL;
	seal->redis = redis;
	seal->options = *options;
	seal->shards = calloc(options->shards, sizeof(*seal->shards));
	if (!seal->shards) {
		free(seal);
		return NULL;
	}
	for (unsigned i = 0; i < options->shards; i++) {
		struct seal_shard *shard = &seal->shards[i];

		shard->per_entry = LEDGER_BATCH_MAX;
		snprintf(shard->rules_key, SEAL_KEY_MAX, "{%s/%u}:rules", options->round, i);
		snprintf(shard->log_key, SEAL_KEY_MAX, "{%s/%u}:log", options->round, i);
		snprintf(shard->issued_key, SEAL_KEY_MAX, "{%s/%u}:issued", options->round, i);
		snprintf(shard->seal_key, SEAL_KEY_MAX, "{%s/%u}:seal", options->round, i);
	}
	return seal;
}

void seal_free(struct seal *seal)
{
	if (!seal)
		return;
	free(seal->shards);
	free(seal);
}

/* ---- calls ---- */

struct call {
	struct seal *seal;
	union {
		seal_view_cb *view;
		seal_outcome_cb *outcome;
	} cb;
	void *arg;
};

static struct call *call_new(struct seal *seal, void *arg)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		abort(); /* nobody could be told of the failure */
	call->seal = seal;
	call->arg = arg;
	return call;
}

static void on_library(void *arg, int error, const char *why)
{
	struct seal *seal = arg;

	seal->library_awaited = false;
	if (error == -EEXIST)
		log_error("%s: %s", seal->options.round, why);
}

/* What an error reply means; a library gone astray is looked after. */
static enum refusal refusal_of(struct seal *seal, const struct redis_reply *error)
{
	enum refusal refusal = library_refusal(error);

	if (refusal == REFUSED_MISSING && !seal->library_awaited) {
		seal->library_awaited = true;
		library_ensure(seal->redis, on_library, seal);
	}
	return refusal;
}

/* ---- what stands ---- */

enum { VIEW_NUMBERS = 10, VIEW_TEXTS = 6 };

static struct slice text_or_null(const struct redis_reply *reply)
{
	struct slice text = redis_reply_text(reply);

	return text.len > 0 ? text : slice_make(NULL, 0);
}

static int read_view(const struct redis_reply *reply, struct seal_view *ret)
{
	struct slice *const texts[VIEW_TEXTS] = {&ret->checkpoint, &ret->issued_note,
	    &ret->statement, &ret->halt, &ret->holder, &ret->rules};
	uint64_t numbers[VIEW_NUMBERS];

	if (redis_reply_kind(reply) == REDIS_NIL)
		return -ENOENT;
	if (redis_reply_count(reply) != VIEW_NUMBERS + VIEW_TEXTS)
		return -EBADMSG;
	for (size_t i = 0; i < VIEW_NUMBERS; i++)
		numbers[i] = (uint64_t)redis_reply_integer(redis_reply_at(reply, i));
	*ret = (struct seal_view){.now_ms = (int64_t)numbers[0],
	    .log_size = numbers[1],
	    .latched = numbers[2] != 0,
	    .latched_size = numbers[3],
	    .issued = numbers[4],
	    .epoch = numbers[5],
	    .size = numbers[6],
	    .fence = numbers[7],
	    .until_ms = (int64_t)numbers[8],
	    .late_ms = (int64_t)numbers[9]};
	for (size_t i = 0; i < VIEW_TEXTS; i++)
		*texts[i] = text_or_null(redis_reply_at(reply, VIEW_NUMBERS + i));
	return 0;
}

static void on_looked(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct call *call = arg;
	struct seal_view view;
	int error;

	if (outcome != REDIS_OK)
		error = -EIO;
	else if (redis_reply_kind(reply) == REDIS_ERROR)
		error = refusal_of(call->seal, reply) == REFUSED_DAMAGED ? -EBADMSG : -EIO;
	else
		error = read_view(reply, &view);
	call->cb.view(call->arg, error, error ? NULL : &view);
	free(call);
}

void seal_look(struct seal *seal, unsigned shard, bool lease, seal_view_cb *cb, void *arg)
{
	const struct seal_shard *s = &seal->shards[shard];
	struct call *call = call_new(seal, arg);
	char length[DECIMAL_SIZE];

	assert(!lease || seal->options.holder);
	decimal_encode(seal->options.lease_ms, length);
	call->cb.view = cb;
	/* Whoever holds the lease will sign what this shows: only what replicas have. */
	(lease ? redis_write : redis_call)(seal->redis, on_looked, call, lease ? 9 : 7,
	    (struct slice[]){slice_text("FCALL"),
		slice_text(lease ? "seal_lease_4" : "seal_look_4"), slice_text("4"),
		slice_text(s->rules_key), slice_text(s->log_key), slice_text(s->issued_key),
		slice_text(s->seal_key), slice_text(lease ? seal->options.holder : ""),
		slice_text(length)});
}

/* ---- changing it ---- */

static enum seal_outcome outcome_of(struct call *call, const struct redis_reply *reply)
{
	static const struct {
		const char *word;
		enum seal_outcome outcome;
	} words[] = {{"stored", SEAL_STORED}, {"lost", SEAL_LOST}, {"moved", SEAL_MOVED},
	    {"short", SEAL_SHORT}, {"halted", SEAL_HALTED}};
	struct slice text = redis_reply_text(reply);

	if (redis_reply_kind(reply) == REDIS_ERROR)
		return refusal_of(call->seal, reply) == REFUSED_DAMAGED ? SEAL_DAMAGED : SEAL_BUSY;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (slice_is(text, words[i].word))
			return words[i].outcome;
	return SEAL_UNKNOWN;
}

static void on_changed(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct call *call = arg;
	enum seal_outcome result;

	if (outcome == REDIS_OK)
		result = outcome_of(call, reply);
	else
		result = outcome == REDIS_NOT_SENT ? SEAL_BUSY : SEAL_UNKNOWN;
	call->cb.outcome(call->arg, result);
	free(call);
}

void seal_store(struct seal *seal, unsigned shard, uint64_t fence, uint64_t epoch,
    uint64_t old_size, uint64_t size, struct slice checkpoint, struct slice issued_note,
    seal_outcome_cb *cb, void *arg)
{
	const struct seal_shard *s = &seal->shards[shard];
	struct call *call = call_new(seal, arg);
	char numbers[4][DECIMAL_SIZE];

	assert(size >= old_size && checkpoint.len > 0 && issued_note.len > 0);
	decimal_encode(fence, numbers[0]);
	decimal_encode(epoch, numbers[1]);
	decimal_encode(old_size, numbers[2]);
	decimal_encode(size, numbers[3]);
	call->cb.outcome = cb;
	redis_write(seal->redis, on_changed, call, 11,
	    (struct slice[]){slice_text("FCALL"), slice_text("seal_store_4"), slice_text("2"),
		slice_text(s->log_key), slice_text(s->seal_key), slice_text(numbers[0]),
		slice_text(numbers[1]), slice_text(numbers[2]), slice_text(numbers[3]), checkpoint,
		issued_note});
}

/* A function of one key, with a number and perhaps a text. */
static void change(struct seal *seal, unsigned shard, const char *function, uint64_t number,
    struct slice text, seal_outcome_cb *cb, void *arg)
{
	struct call *call = call_new(seal, arg);
	char digits[DECIMAL_SIZE];

	decimal_encode(number, digits);
	call->cb.outcome = cb;
	redis_write(seal->redis, on_changed, call, 6,
	    (struct slice[]){slice_text("FCALL"), slice_text(function), slice_text("1"),
		slice_text(seal->shards[shard].seal_key), slice_text(digits), text});
}

void seal_halt(struct seal *seal, unsigned shard, uint64_t epoch, const char *why,
    seal_outcome_cb *cb, void *arg)
{
	change(seal, shard, "seal_halt_4", epoch, slice_text(why), cb, arg);
}

void seal_late(
    struct seal *seal, unsigned shard, unsigned waited_ms, seal_outcome_cb *cb, void *arg)
{
	change(seal, shard, "seal_late_4", waited_ms, slice_text(""), cb, arg);
}

void seal_begin(struct seal *seal, unsigned shard, uint64_t epoch, struct slice statement,
    seal_outcome_cb *cb, void *arg)
{
	change(seal, shard, "seal_begin_4", epoch, statement, cb, arg);
}

void seal_rewind(struct seal *seal, unsigned shard, uint64_t from, uint64_t epoch,
    seal_outcome_cb *cb, void *arg)
{
	char stands[DECIMAL_SIZE];

	decimal_encode(from, stands);
	change(seal, shard, "seal_rewind_4", epoch, slice_text(stands), cb, arg);
}

void seal_leave(struct seal *seal, unsigned shard, uint64_t fence, seal_outcome_cb *cb, void *arg)
{
	change(seal, shard, "seal_leave_4", fence, slice_text(""), cb, arg);
}
