/* The two questions by which a Redis is judged: INFO and CONFIG GET, sent together. */
#include "store/durability.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis.h"

enum { SETTINGS_MAX = 64 };

struct asking {
	struct redis *redis;
	durability_cb *cb;
	void *arg;
	uint64_t voters;
	char *info; /* NULL until it was told */
	size_t info_len;
};

static void finish(struct asking *asking, int error, const struct durability *durability)
{
	asking->cb(asking->arg, error, durability);
	free(asking->info);
	free(asking);
}

/* A refusal (NOPERM) is an answer, too: nothing is known then. */
static void on_config(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct asking *asking = arg;
	struct durability_setting settings[SETTINGS_MAX];
	struct durability durability;
	size_t n = 0;

	if (outcome != REDIS_OK || !asking->info) {
		finish(asking, -EIO, NULL);
		return;
	}
	for (size_t i = 0; i + 1 < redis_reply_count(reply) && n < SETTINGS_MAX; i += 2)
		settings[n++] =
		    (struct durability_setting){redis_reply_text(redis_reply_at(reply, i)),
			redis_reply_text(redis_reply_at(reply, i + 1))};
	durability_judge(
	    slice_make(asking->info, asking->info_len), settings, n, asking->voters, &durability);
	finish(asking, 0, &durability);
}

static void on_info(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct asking *asking = arg;
	struct slice text = outcome == REDIS_OK && redis_reply_kind(reply) != REDIS_ERROR
				? redis_reply_text(reply)
				: slice_text("");

	if (outcome != REDIS_OK)
		return; /* on_config() is told the same next */
	asking->info = malloc(text.len + 1);
	if (!asking->info)
		return;
	memcpy(asking->info, text.ptr, text.len);
	asking->info_len = text.len;
}

void durability_ask(struct redis *redis, uint64_t voters, durability_cb *cb, void *arg)
{
	/* By pattern where several settings begin alike; Redis 6 knows one pattern a call only, and
	 * is found by its version. */
	static const char *const names[] = {"CONFIG", "GET", "append*", "aof-*", "no-appendfsync-*",
	    "maxmemory*", "save", "stop-writes-*", "hash-max-listpack-*", "min-replicas-*",
	    "replica-read-only", "slowlog-*", "notify-keyspace-events", "busy-reply-threshold"};
	enum { N = sizeof(names) / sizeof(*names) };
	struct asking *asking = calloc(1, sizeof(*asking));
	struct slice argv[N];

	if (!asking)
		abort(); /* nobody could be told of the failure */
	*asking = (struct asking){redis, cb, arg, voters, NULL, 0};
	for (size_t i = 0; i < N; i++)
		argv[i] = slice_text(names[i]);
	redis_call(redis, on_info, asking, 1, (struct slice[]){slice_text("INFO")});
	redis_call(redis, on_config, asking, N, argv);
}
