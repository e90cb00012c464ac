/* Whether shards take ballots: a stream whose last ID is above its last entry, since somebody
 * deleted from its end, refuses every entry that would come next (daemon/store/ballot.lua). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/await.h"
#include "ctl/sealed.h"
#include "store/redis.h"

struct asking {
	struct await await;
	uint64_t last; /* first part of the last ID that the stream has had */
};

/* Of what XINFO answers, names and values in turn. */
static const struct redis_reply *member(const struct redis_reply *reply, const char *name)
{
	for (size_t i = 0; i + 1 < redis_reply_count(reply); i += 2)
		if (slice_is(redis_reply_text(redis_reply_at(reply, i)), name))
			return redis_reply_at(reply, i + 1);
	return NULL;
}

static void on_info(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct asking *asking = arg;
	const struct redis_reply *last =
	    outcome == REDIS_OK ? member(reply, "last-generated-id") : NULL;
	char id[48];

	asking->last = 0;
	if (last) {
		struct slice text = redis_reply_text(last);
		(void)snprintf(id, sizeof(id), "%.*s", (int)text.len, text.ptr);
		asking->last = strtoull(id, NULL, 10);
	}
	await_done(&asking->await, outcome == REDIS_OK ? 0 : -EIO);
}

int sealed_ask_taken(struct sealed *sealed)
{
	const struct session *session = sealed->session;

	for (unsigned i = 0; i < session->round->contest->shards; i++) {
		struct sealed_shard *shard = &sealed->shard[i];
		struct asking asking = {.await = {.base = session->base}};
		char key[SEAL_WHY_MAX];

		(void)snprintf(key, sizeof(key), "{%s/%u}:log", session->round->name, i);
		redis_call(session->redis, on_info, &asking, 3,
		    (struct slice[]){slice_text("XINFO"), slice_text("STREAM"), slice_text(key)});
		int r = await(&asking.await);
		if (r < 0)
			return r;
		/* The next ballot's ID would be ballots + 1. */
		shard->refuses =
		    shard->error == -EBADMSG || (shard->error == 0 && asking.last > shard->ballots);
	}
	return 0;
}
