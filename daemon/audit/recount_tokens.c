/* Every token in the buckets against the log's last ballot of it, and every token of the log
 * against the buckets. A bucket says where in the log a token stands, and has a few of its bytes:
 * so what the log has there must be a token of this bucket and these bytes. Many buckets are asked
 * for at once; each answer is judged as it comes. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/recount_impl.h"
#include "base/encode.h"

enum { IN_FLIGHT = 64 };

struct token_name {
	char text[BASE64_SIZE(LEDGER_SPENT_SIZE)]; /* as receipts have it */
};

static struct token_name name_of(const uint8_t *spent)
{
	struct token_name name = {""};

	base64_encode(spent, LEDGER_SPENT_SIZE, name.text);
	return name;
}

/* What a bucket has of a token: its last bytes, "…7f03a2c1". */
static struct token_name field_name(struct slice field)
{
	struct token_name name = {"…"};
	size_t dots = strlen(name.text);
	size_t room = (sizeof(name.text) - dots - 1) / 2;

	hex_encode(field.ptr, field.len < room ? field.len : room, name.text + dots);
	return name;
}

/* ---- bucket by bucket ---- */

/* A token that has voted, or voted again, since the counters were read: looked at later. */
static int keep_late(struct shard_recount *shard, unsigned bucket, const struct ledger_spent *token)
{
	if (shard->n_late == shard->cap_late) {
		size_t cap = shard->cap_late ? 2 * shard->cap_late : 256;
		struct late *grown = reallocarray(shard->late, cap, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		shard->late = grown;
		shard->cap_late = cap;
	}
	struct late *late = &shard->late[shard->n_late++];
	memcpy(late->field, token->field.ptr, LEDGER_FIELD_SIZE);
	late->bucket = bucket;
	late->index = token->index;
	return 0;
}

/* The token that a field tells of; NULL, with a finding: the log has none such there. */
static const uint8_t *token_of(
    struct shard_recount *shard, unsigned bucket, struct slice field, uint64_t index)
{
	const struct ledger *ledger = shard->all->options->office->ledger;

	if (index < shard->n_spent &&
	    ledger_is_field_of(ledger, shard->number, bucket, field, shard->spent[index]))
		return shard->spent[index];
	findings_add(shard->findings, "tokens",
	    "shard %u: the token %s of bucket %u points to index %" PRIu64
	    ", but the log has no ballot of it there",
	    shard->number, field_name(field).text, bucket, index);
	return NULL;
}

static int judge_token(
    struct shard_recount *shard, unsigned bucket, const struct ledger_spent *token)
{
	const uint8_t *spent;
	struct retally_token told;
	struct token_name name;

	if (!token->readable) {
		findings_add(shard->findings, "tokens",
		    "shard %u: what bucket %u has of the token %s cannot be read", shard->number,
		    bucket, field_name(token->field).text);
		return 0;
	}
	if (shard->told->unread)
		return 0;
	if (token->index >= shard->told->size)
		return keep_late(shard, bucket, token);
	spent = token_of(shard, bucket, token->field, token->index);
	if (!spent || retally_find(shard->retally, spent, &told) < 0)
		return 0; /* told of; or the ballot itself was */
	retally_mark(shard->retally, spent);
	name = name_of(spent);
	if (told.marked)
		findings_add(shard->findings, "tokens",
		    "shard %u: the bucket of the token %s tells of it twice", shard->number,
		    name.text);
	else if (told.index != token->index)
		findings_add(shard->findings, "tokens",
		    "shard %u: the bucket of the token %s points to index %" PRIu64
		    ", but the log's last ballot of it is at %" PRIu64,
		    shard->number, name.text, token->index, told.index);
	else if (told.replacements != token->replacements)
		findings_add(shard->findings, "tokens",
		    "shard %u: the bucket of the token %s tells of %u replacements, the log of %u",
		    shard->number, name.text, token->replacements, told.replacements);
	return 0;
}

static void ask_more(struct shard_recount *shard);

static void on_bucket(void *arg, unsigned bucket, int error, const struct ledger_spent *tokens,
    size_t n_tokens, struct ledger_recorded recorded)
{
	struct shard_recount *shard = arg;
	struct await *await = &shard->all->await;

	shard->in_flight--;
	shard->recorded += recorded.n;
	shard->uncoded += recorded.uncoded;
	if (error == -EBADMSG)
		findings_add(shard->findings, "tokens",
		    "shard %u: a bucket of tokens or of identities is damaged: of another type, "
		    "out of "
		    "order, or with what belongs elsewhere",
		    shard->number);
	else if (error < 0)
		await->error = error;
	for (size_t i = 0; i < n_tokens && await->error == 0; i++)
		await->error = judge_token(shard, bucket, &tokens[i]);
	if (await->error == 0)
		await->error = codes_take(shard, &recorded.codes);
	ask_more(shard);
}

/* What is under way is waited for even when something has failed. */
static void ask_more(struct shard_recount *shard)
{
	const struct recount_options *options = shard->all->options;
	unsigned buckets = contest_shard_buckets(options->office->round->contest);

	while (shard->all->await.error == 0 && shard->in_flight < IN_FLIGHT &&
	       shard->bucket < buckets) {
		shard->in_flight++;
		ledger_bucket(
		    options->office->ledger, shard->number, shard->bucket++, on_bucket, shard);
	}
	if (options->progress)
		options->progress(options->arg, "tokens", shard->bucket, buckets);
	if (shard->in_flight == 0)
		await_done(&shard->all->await, shard->all->await.error);
}

/* ---- what no bucket has ---- */

static int name_unspent(void *arg, const uint8_t *spent, const struct retally_token *token)
{
	struct shard_recount *shard = arg;

	(void)spent;
	/* One that voted, or voted again, while the buckets were read was judged by what its bucket
	 * said; some buckets were read before it. */
	if (!token->marked && token->index < shard->told->size)
		findings_add(shard->findings, "tokens",
		    "shard %u, index %" PRIu64 ": a ballot that no token was spent for",
		    shard->number, token->index);
	return 0;
}

/* ---- what came while the buckets were read ---- */

static void judge_late(struct shard_recount *shard, const struct late *late)
{
	const uint8_t *spent =
	    token_of(shard, late->bucket, slice_make(late->field, LEDGER_FIELD_SIZE), late->index);

	if (spent)
		retally_mark(shard->retally, spent);
}

static int follow_late(struct shard_recount *shard)
{
	uint64_t end = 0;
	int r;

	if (shard->n_late == 0)
		return 0;
	for (size_t i = 0; i < shard->n_late; i++)
		if (shard->late[i].index >= end)
			end = shard->late[i].index + 1;
	shard->tree_too = false;
	shard->end = end;
	r = recount_feed(shard);
	for (size_t i = 0; i < shard->n_late && r == 0; i++)
		judge_late(shard, &shard->late[i]);
	return r;
}

int tokens_compare(struct shard_recount *shard)
{
	int r;

	shard->all->await.error = 0;
	ask_more(shard);
	r = await(&shard->all->await);
	if (r == 0)
		r = follow_late(shard);
	if (r == 0 && !shard->told->unread)
		(void)retally_each(shard->retally, name_unspent, shard);
	return r;
}
