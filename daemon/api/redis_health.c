/* Picks two lines out of INFO. */
#include "api/redis_health.h"

#include <string.h>

#include "base/clock.h"
#include "store/redis.h"
#include "store/redis_info.h"

#define ASK_EVERY_MS 5000

static void on_info(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct redis_health *health = arg;
	struct slice info = outcome == REDIS_OK ? redis_reply_text(reply) : slice_text("");

	int64_t memory = redis_number(redis_info(info, "used_memory"));

	health->memory = memory < 0 || health->memory < 0 ? -1 : health->memory + memory;
	health->failing |= slice_is(redis_info(info, "aof_last_write_status"), "err");
	if (--health->pending > 0)
		return;
	health->memory_bytes = health->memory;
	health->disk_failing = health->failing;
}

void redis_health_init(struct redis_health *health)
{
	*health = (struct redis_health){.memory_bytes = -1};
}

void redis_health_ask(struct redis_health *health, struct redis *redis)
{
	int64_t now_ms = clock_steady_ms();

	if (health->pending > 0 ||
	    (health->asked_steady_ms && now_ms < health->asked_steady_ms + ASK_EVERY_MS))
		return;
	health->asked_steady_ms = now_ms;
	health->pending = redis_masters(redis);
	health->memory = 0;
	health->failing = false;
	if (health->pending == 0)
		health->memory_bytes = -1;
	for (unsigned i = 0, n = health->pending; i < n; i++)
		redis_call_master(
		    redis, i, on_info, health, 1, (struct slice[]){slice_text("INFO")});
}
