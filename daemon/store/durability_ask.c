/* The two questions by which a Redis is judged, INFO and CONFIG GET, sent together to one master
 * after another. */
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
	struct durability_wants wants;
	unsigned master; /* the one that is asked */
	bool any;        /* one has answered */
	char *info;      /* NULL until it was told */
	size_t info_len;
	struct durability all; /* of those that have answered */
};

static void go_on(struct asking *asking);

static void finish(struct asking *asking, int error)
{
	asking->cb(asking->arg, error, error ? NULL : &asking->all);
	free(asking->info);
	free(asking);
}

/* ---- what several say ---- */

static bool is_found(const struct durability *all, const struct durability_finding *finding)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->findings[i].grade == finding->grade &&
		    strcmp(all->findings[i].setting, finding->setting) == 0)
			return true;
	return false;
}

static int by_grade(const void *a, const void *b)
{
	const struct durability_finding *x = a, *y = b;

	return (x->grade < y->grade) - (x->grade > y->grade);
}

static void add(struct asking *asking, const struct durability *durability)
{
	struct durability *all = &asking->all;

	all->settings_known = durability->settings_known && (!asking->any || all->settings_known);
	for (size_t i = 0; i < durability->n && all->n < DURABILITY_FINDINGS_MAX; i++) {
		struct durability_finding *finding = &all->findings[all->n];

		if (is_found(all, &durability->findings[i]))
			continue;
		*finding = durability->findings[i];
		if (redis_is_cluster(asking->redis))
			redis_master_name(asking->redis, asking->master, finding->server,
			    sizeof(finding->server));
		all->n++;
	}
	qsort(all->findings, all->n, sizeof(*all->findings), by_grade);
}

/* ---- one after another ---- */

/* A refusal (NOPERM) is an answer, too: nothing is known then. */
static void on_config(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct asking *asking = arg;
	struct durability_setting settings[SETTINGS_MAX];
	struct durability durability;
	size_t n = 0;

	if (outcome != REDIS_OK || !asking->info) {
		finish(asking, -EIO);
		return;
	}
	for (size_t i = 0; i + 1 < redis_reply_count(reply) && n < SETTINGS_MAX; i += 2)
		settings[n++] =
		    (struct durability_setting){redis_reply_text(redis_reply_at(reply, i)),
			redis_reply_text(redis_reply_at(reply, i + 1))};
	durability_judge(
	    slice_make(asking->info, asking->info_len), settings, n, &asking->wants, &durability);
	add(asking, &durability);
	asking->any = true;
	asking->master++;
	go_on(asking);
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

static void ask(struct asking *asking)
{
	/* By pattern where several settings begin alike; Redis 6 knows one pattern a call only, and
	 * is found by its version. */
	static const char *const names[] = {"CONFIG", "GET", "append*", "aof-*", "no-appendfsync-*",
	    "maxmemory*", "save", "stop-writes-*", "hash-max-listpack-*", "min-replicas-*",
	    "replica-read-only", "slowlog-*", "notify-keyspace-events", "busy-reply-threshold"};
	enum { N = sizeof(names) / sizeof(*names) };
	struct slice argv[N];

	free(asking->info);
	asking->info = NULL;
	for (size_t i = 0; i < N; i++)
		argv[i] = slice_text(names[i]);
	redis_call_master(asking->redis, asking->master, on_info, asking, 1,
	    (struct slice[]){slice_text("INFO")});
	redis_call_master(asking->redis, asking->master, on_config, asking, N, argv);
}

/* With the next master that is there. */
static void go_on(struct asking *asking)
{
	while (asking->master < redis_masters(asking->redis) &&
	       !redis_master_is_connected(asking->redis, asking->master))
		asking->master++;
	if (asking->master < redis_masters(asking->redis))
		ask(asking);
	else
		finish(asking, asking->any ? 0 : -EIO);
}

static void begin(
    struct redis *redis, const struct durability_wants *wants, durability_cb *cb, void *arg)
{
	struct asking *asking = calloc(1, sizeof(*asking));

	if (!asking)
		abort(); /* nobody could be told of the failure */
	asking->redis = redis;
	asking->cb = cb;
	asking->arg = arg;
	asking->wants = *wants;
	go_on(asking);
}

void durability_ask(struct redis *redis, uint64_t voters, durability_cb *cb, void *arg)
{
	begin(redis,
	    &(struct durability_wants){.voters = voters, .replicas = redis_replicas(redis)}, cb,
	    arg);
}

void durability_ask_replica(struct redis *redis, uint64_t voters, durability_cb *cb, void *arg)
{
	begin(redis, &(struct durability_wants){.voters = voters, .replica = true}, cb, arg);
}
