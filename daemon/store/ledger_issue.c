/* Issuing: one token an identity, decided and recorded in one call. */
#include "store/ledger_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/encode.h"

struct issuing {
	struct ledger *ledger;
	struct shard *shard;
	issue_cb *cb;
	void *arg;
};

/* How many are issued, as "new" and "same" say beside it. */
static void acknowledge(struct shard *shard, const struct redis_reply *issued)
{
	marks_raise(&shard->known->issued, (uint64_t)redis_reply_integer(issued));
}

/* {"new" or "same", how many are issued}, or one word. */
static enum issue_verdict verdict_of(
    struct ledger *ledger, struct shard *shard, const struct redis_reply *reply)
{
	static const struct {
		const char *word;
		enum issue_verdict verdict;
	} words[] = {{"new", ISSUE_NEW}, {"same", ISSUE_SAME}, {"other", ISSUE_OTHER},
	    {"not-open", ISSUE_NOT_OPEN}, {"paused", ISSUE_NOT_OPEN}, {"closed", ISSUE_CLOSED},
	    {"unknown", ISSUE_NO_CODE}, {"revoked", ISSUE_REVOKED}};
	struct slice text =
	    redis_reply_text(redis_reply_count(reply) == 2 ? redis_reply_at(reply, 0) : reply);
	enum refusal refusal;

	if (ledger_refused(ledger, reply, &refusal))
		return refusal == REFUSED_DAMAGED || refusal == REFUSED_BEHIND ? ISSUE_FAULT
									       : ISSUE_BUSY;
	if (redis_reply_count(reply) == 2) {
		if (!ledger_is_index(redis_reply_at(reply, 1)))
			return ISSUE_UNKNOWN;
		acknowledge(shard, redis_reply_at(reply, 1));
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (slice_is(text, words[i].word))
			return words[i].verdict;
	}
	return ISSUE_UNKNOWN;
}

static void on_issued(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct issuing *issuing = arg;
	enum issue_verdict verdict;

	if (outcome == REDIS_OK)
		verdict = verdict_of(issuing->ledger, issuing->shard, reply);
	else
		verdict = outcome == REDIS_NOT_SENT ? ISSUE_BUSY : ISSUE_UNKNOWN;
	issuing->cb(issuing->arg, verdict);
	free(issuing);
}

void ledger_issue(struct ledger *ledger, const uint8_t identity[LEDGER_IDENTITY_SIZE],
    const uint8_t blinded_hash[32], issue_cb *cb, void *arg)
{
	unsigned n = ledger_shard_of(ledger, identity);
	struct shard *shard = &ledger->shards[n];
	bool by_code = ledger->options.by_code;
	struct issuing *issuing = malloc(sizeof(*issuing));
	char issued[LEDGER_KEY_MAX], codes[LEDGER_KEY_MAX];
	struct slice call[12];
	size_t len = 0;

	if (!issuing)
		abort(); /* nobody could be told of the failure */
	*issuing = (struct issuing){ledger, shard, cb, arg};
	call[len++] = slice_text("FCALL");
	call[len++] = slice_text("issue_5");
	call[len++] = slice_text(by_code ? "5" : "3");
	call[len++] = slice_text(shard->rules_key);
	call[len++] = slice_text(ledger_bucket_key(ledger, n, "issued", identity, issued));
	call[len++] = slice_text(shard->issued_key);
	if (by_code) {
		call[len++] = slice_text(ledger_bucket_key(ledger, n, "codes", identity, codes));
		call[len++] = slice_text(shard->batches_key);
	}
	call[len++] = slice_make(ledger->options.rules_hash, 32);
	call[len++] = slice_make(identity, LEDGER_IDENTITY_SIZE);
	call[len++] = slice_make(blinded_hash, 32);
	call[len++] = mark_text(&shard->issued);
	redis_vote(ledger->redis, on_issued, issuing, len, call);
}

/* ---- what another host has issued ---- */

struct taking {
	taken_cb *cb;
	void *arg;
};

static void on_taken(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct taking *taking = arg;
	bool done = outcome == REDIS_OK && redis_reply_kind(reply) == REDIS_STATUS;

	taking->cb(taking->arg, done ? 0 : -EIO);
	free(taking);
}

void ledger_take_issued(
    struct ledger *ledger, unsigned shard, uint64_t issued, taken_cb *cb, void *arg)
{
	struct taking *taking = malloc(sizeof(*taking));
	char number[DECIMAL_SIZE];

	if (!taking)
		abort(); /* nobody could be told of the failure */
	*taking = (struct taking){cb, arg};
	(void)snprintf(number, sizeof(number), "%" PRIu64, issued);
	redis_write(ledger->redis, on_taken, taking, 3,
	    (const struct slice[]){slice_text("SET"), slice_text(ledger->shards[shard].issued_key),
		slice_text(number)});
}
