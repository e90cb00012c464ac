/* Identities, taken out of Redis: bucket by bucket, in bounded steps, so that an interrupted run is
 * simply begun again. Not a function of the library: nobody writes to an issued bucket of a shard
 * that is closed for good, so there is nothing to be decided with it. */
#include "store/ledger_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUCKETS_AT_ONCE = 64 };

struct forgetting {
	struct ledger *ledger;
	unsigned shard, bucket; /* the next one */
	uint64_t buckets;       /* that were there */
	forget_cb *cb;
	void *arg;
};

static void finish(struct forgetting *forgetting, int error)
{
	forgetting->cb(forgetting->arg, error, forgetting->buckets);
	free(forgetting);
}

static void go_on(struct forgetting *forgetting);

static void on_unlinked(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct forgetting *forgetting = arg;
	int r = outcome == REDIS_OK ? 0 : -EIO;

	if (r == 0 && redis_reply_kind(reply) == REDIS_ERROR)
		r = ledger_error(forgetting->ledger, reply);
	if (r < 0) {
		finish(forgetting, r);
		return;
	}
	forgetting->buckets += (uint64_t)redis_reply_integer(reply);
	go_on(forgetting);
}

/* Keys of one shard have one hash tag, so one call may name many. */
static void go_on(struct forgetting *forgetting)
{
	const struct ledger *ledger = forgetting->ledger;
	char keys[BUCKETS_AT_ONCE][LEDGER_KEY_MAX];
	struct slice call[BUCKETS_AT_ONCE + 1] = {slice_text("UNLINK")};
	size_t n = 0;

	if (forgetting->bucket == ledger->options.buckets) {
		forgetting->shard++;
		forgetting->bucket = 0;
	}
	if (forgetting->shard == ledger->options.shards) {
		finish(forgetting, 0);
		return;
	}
	while (n < BUCKETS_AT_ONCE && forgetting->bucket < ledger->options.buckets) {
		(void)snprintf(keys[n], sizeof(keys[n]), "%.*s:issued:%u", LEDGER_PREFIX_MAX,
		    ledger->shards[forgetting->shard].prefix, forgetting->bucket++);
		call[n + 1] = slice_text(keys[n]);
		n++;
	}
	redis_write(ledger->redis, on_unlinked, forgetting, n + 1, call);
}

void ledger_forget(struct ledger *ledger, forget_cb *cb, void *arg)
{
	struct forgetting *forgetting = calloc(1, sizeof(*forgetting));

	if (!forgetting)
		abort(); /* nobody could be told of the failure */
	*forgetting = (struct forgetting){.ledger = ledger, .cb = cb, .arg = arg};
	go_on(forgetting);
}
