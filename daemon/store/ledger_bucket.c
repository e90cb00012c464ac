/* What the buckets of a shard hold, for whoever counts anew: nothing else reads a bucket whole.
 * Calls of one connection, which answers them in their order. */
#include "store/ledger_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct looking {
	struct ledger *ledger;
	unsigned shard, bucket;
	int error, pending;
	struct ledger_spent *tokens;
	size_t n_tokens, cap_tokens;
	char *issued; /* the records, until the codes are here */
	size_t issued_len;
	struct ledger_recorded recorded;
	bucket_cb *cb;
	void *arg;
};

/* A decimal of at most 15 digits without a leading zero, as ballot.lua writes it; *text goes on
 * behind it. */
static bool take_number(struct slice *text, uint64_t *ret)
{
	uint64_t value = 0;
	size_t at = 0;

	for (; at < text->len && text->ptr[at] >= '0' && text->ptr[at] <= '9'; at++)
		value = value * 10 + (uint64_t)(text->ptr[at] - '0');
	if (at == 0 || at > 15 || (at > 1 && text->ptr[0] == '0'))
		return false;
	*ret = value;
	*text = slice_make(text->ptr + at, text->len - at);
	return true;
}

/* Whether the text goes on with this byte, which it takes off. */
static bool take_byte(struct slice *text, char byte)
{
	if (text->len == 0 || text->ptr[0] != byte)
		return false;
	*text = slice_make(text->ptr + 1, text->len - 1);
	return true;
}

/* "<index>" or "<index> <replacements>", to the end or to the "," before the next one. */
static bool take_item(struct slice *value, struct ledger_spent *ret)
{
	uint64_t replacements = 0;

	if (!take_number(value, &ret->index) ||
	    (take_byte(value, ' ') && !take_number(value, &replacements)))
		return false;
	ret->replacements = (unsigned)replacements;
	return replacements <= LEDGER_REPLACEMENTS_MAX &&
	       (value->len == 0 || (take_byte(value, ',') && value->len > 0));
}

static struct ledger_spent *token_add(struct looking *looking)
{
	if (looking->n_tokens == looking->cap_tokens) {
		size_t cap = looking->cap_tokens ? 2 * looking->cap_tokens : 128;
		struct ledger_spent *grown =
		    reallocarray(looking->tokens, cap, sizeof(*looking->tokens));

		if (!grown)
			return NULL;
		looking->tokens = grown;
		looking->cap_tokens = cap;
	}
	return &looking->tokens[looking->n_tokens++];
}

/* Every token that a field tells of; behind what cannot be read, no more. */
static int add_field(struct looking *looking, struct slice field, struct slice value)
{
	struct ledger_spent *token;

	do {
		token = token_add(looking);
		if (!token)
			return -EIO;
		*token = (struct ledger_spent){.field = field};
		token->readable = field.len == LEDGER_FIELD_SIZE && take_item(&value, token);
	} while (token->readable && value.len > 0);
	return 0;
}

/* A call that could not be sent may be told of before the answer to the one that was. */
static void step(struct looking *looking, int error)
{
	if (error < 0 && looking->error == 0)
		looking->error = error;
	if (--looking->pending > 0)
		return;
	if (looking->error < 0)
		looking->n_tokens = 0;
	looking->cb(looking->arg, looking->bucket, looking->error,
	    looking->n_tokens > 0 ? looking->tokens : NULL, looking->n_tokens, looking->recorded);
	free(looking->tokens);
	free(looking->issued);
	free(looking->recorded.codes.batches);
	free(looking);
}

static int answer_error(
    struct ledger *ledger, enum redis_outcome outcome, const struct redis_reply *reply)
{
	if (outcome != REDIS_OK)
		return -EIO;
	return redis_reply_kind(reply) == REDIS_ERROR ? ledger_error(ledger, reply) : 0;
}

/* ---- identities ---- */

static const uint8_t *identity_at(const struct looking *looking, size_t i)
{
	return (const uint8_t *)looking->issued + i * LEDGER_ISSUED_RECORD;
}

/* Rising, each once, and each in its own shard and bucket. */
static int check_order(const struct looking *looking)
{
	for (size_t i = 0; i < looking->recorded.n; i++) {
		const uint8_t *identity = identity_at(looking, i);

		if (ledger_shard_of(looking->ledger, identity) != looking->shard ||
		    ledger_bucket_of(looking->ledger, identity) != looking->bucket)
			return -EBADMSG;
		if (i > 0 &&
		    memcmp(identity_at(looking, i - 1), identity, LEDGER_IDENTITY_SIZE) >= 0)
			return -EBADMSG;
	}
	return 0;
}

static void on_issued(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct looking *looking = arg;
	int r = answer_error(looking->ledger, outcome, reply);
	struct slice records = r == 0 ? redis_reply_text(reply) : slice_text("");

	if (records.len % LEDGER_ISSUED_RECORD != 0)
		r = -EBADMSG;
	if (r == 0 && records.len > 0) {
		looking->issued = malloc(records.len);
		if (looking->issued) {
			memcpy(looking->issued, records.ptr, records.len);
			looking->recorded.n = records.len / LEDGER_ISSUED_RECORD;
		}
		r = looking->issued ? check_order(looking) : -EIO;
	}
	step(looking, r);
}

/* A code's value: its batch, with "-" before it where the code was revoked. */
static bool read_batch(struct slice value, uint64_t *ret_batch, bool *ret_revoked)
{
	*ret_revoked = slice_starts(value, "-");
	if (*ret_revoked)
		value = slice_make(value.ptr + 1, value.len - 1);
	return take_number(&value, ret_batch) && value.len == 0 && *ret_batch >= 1 &&
	       *ret_batch <= LEDGER_BATCHES_MAX;
}

static int add_code(struct looking *looking, struct slice code, struct slice value)
{
	struct ledger_batch *batch;
	uint64_t number;
	bool revoked;

	if (code.len != LEDGER_IDENTITY_SIZE || !read_batch(value, &number, &revoked))
		return -EBADMSG;
	batch = ledger_batch_at(&looking->recorded.codes, (unsigned)number);
	if (!batch)
		return -EIO;
	batch->made++;
	batch->revoked += revoked;
	for (size_t k = 0; k < looking->recorded.n; k++)
		batch->issued += memcmp(identity_at(looking, k), code.ptr, code.len) == 0;
	return 0;
}

/* The records are here: both were asked on one connection, which answers in order. */
static void on_codes(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct looking *looking = arg;
	int r = answer_error(looking->ledger, outcome, reply);
	uint64_t found = 0;

	for (size_t i = 0; r == 0 && i + 1 < redis_reply_count(reply); i += 2)
		r = add_code(looking, redis_reply_text(redis_reply_at(reply, i)),
		    redis_reply_text(redis_reply_at(reply, i + 1)));
	for (size_t i = 0; i < looking->recorded.codes.n; i++)
		found += looking->recorded.codes.batches[i].issued;
	if (r == 0)
		looking->recorded.uncoded = looking->recorded.n - found;
	step(looking, r);
}

/* ---- tokens ---- */

static void on_tokens(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct looking *looking = arg;
	int r = answer_error(looking->ledger, outcome, reply);

	for (size_t i = 0; r == 0 && i + 1 < redis_reply_count(reply); i += 2)
		r = add_field(looking, redis_reply_text(redis_reply_at(reply, i)),
		    redis_reply_text(redis_reply_at(reply, i + 1)));
	step(looking, r);
}

void ledger_bucket(struct ledger *ledger, unsigned shard, unsigned bucket, bucket_cb *cb, void *arg)
{
	struct looking *looking = calloc(1, sizeof(*looking));
	const char *prefix = ledger->shards[shard].prefix;
	bool by_code = ledger->options.by_code;
	char issued[LEDGER_KEY_MAX], codes[LEDGER_KEY_MAX], spent[LEDGER_KEY_MAX];

	if (!looking)
		abort(); /* nobody could be told of the failure */
	*looking = (struct looking){.ledger = ledger,
	    .shard = shard,
	    .bucket = bucket,
	    .pending = by_code ? 3 : 2,
	    .cb = cb,
	    .arg = arg};
	(void)snprintf(issued, sizeof(issued), "%.*s:issued:%u", LEDGER_PREFIX_MAX, prefix, bucket);
	(void)snprintf(codes, sizeof(codes), "%.*s:codes:%u", LEDGER_PREFIX_MAX, prefix, bucket);
	(void)snprintf(spent, sizeof(spent), "%.*s:spent:%u", LEDGER_PREFIX_MAX, prefix, bucket);
	redis_call(ledger->redis, on_issued, looking, 2,
	    (struct slice[]){slice_text("GET"), slice_text(issued)});
	if (by_code)
		redis_call(ledger->redis, on_codes, looking, 2,
		    (struct slice[]){slice_text("HGETALL"), slice_text(codes)});
	redis_call(ledger->redis, on_tokens, looking, 2,
	    (struct slice[]){slice_text("HGETALL"), slice_text(spent)});
}
