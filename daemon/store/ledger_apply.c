/* Acts on the phase: the contest's record carried to every shard, one call each, sent together. */
#include "store/ledger_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct application {
	struct ledger *ledger;
	applied_cb *cb;
	void *arg;
	unsigned pending;
	int error; /* the first shard's that failed; -EPERM before others, since asking again is
		      vain */
};

static int applied(struct ledger *ledger, const struct redis_reply *reply)
{
	struct slice word = redis_reply_text(reply);

	if (redis_reply_kind(reply) == REDIS_ERROR)
		return ledger_error(ledger, reply);
	if (slice_is(word, "applied") || slice_is(word, "same"))
		return 0;
	return slice_is(word, "further") ? -EPERM : -EBADMSG;
}

static void on_applied(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct application *a = arg;
	int r = outcome == REDIS_OK ? applied(a->ledger, reply) : -EIO;

	if (r == -EPERM || a->error == 0)
		a->error = r;
	if (--a->pending > 0)
		return;
	a->cb(a->arg, a->error);
	free(a);
}

void ledger_apply(struct ledger *ledger, uint64_t version, const char *phase, int64_t opens_ms,
    int64_t closes_ms, applied_cb *cb, void *arg)
{
	struct application *a = calloc(1, sizeof(*a));
	char number[24], opens[24], closes[24];

	if (!a)
		abort(); /* nobody could be told of the failure */
	a->ledger = ledger;
	a->cb = cb;
	a->arg = arg;
	a->pending = ledger->options.shards;
	snprintf(number, sizeof(number), "%llu", (unsigned long long)version);
	snprintf(opens, sizeof(opens), "%lld", (long long)opens_ms);
	snprintf(closes, sizeof(closes), "%lld", (long long)closes_ms);
	for (unsigned i = 0; i < ledger->options.shards; i++) {
		struct shard *shard = &ledger->shards[i];

		redis_write(ledger->redis, on_applied, a, 11,
		    (struct slice[]){slice_text("FCALL"), slice_text("apply_5"), slice_text("2"),
			slice_text(shard->rules_key), slice_text(shard->log_key),
			slice_make(ledger->options.rules_hash, 32), slice_text(number),
			slice_text(phase), slice_text(opens), slice_text(closes),
			mark_text(&shard->log)});
	}
}
