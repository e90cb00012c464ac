/* Picks two lines out of INFO. */
#include "api/redis_health.h"

#include <string.h>

#include "base/clock.h"
#include "store/redis.h"

#define ASK_EVERY_MS 5000

/* What stands behind "name:" at the beginning of a line; empty: nothing. */
static struct slice line_of(struct slice info, const char *name)
{
	size_t len = strlen(name);

	while (info.len > 0) {
		const char *end = memchr(info.ptr, '\r', info.len);
		size_t n = end ? (size_t)(end - info.ptr) : info.len;

		if (n > len && memcmp(info.ptr, name, len) == 0 && info.ptr[len] == ':')
			return slice_make(info.ptr + len + 1, n - len - 1);
		n = n + 2 < info.len ? n + 2 : info.len;
		info = slice_make(info.ptr + n, info.len - n);
	}
	return slice_text("");
}

static int64_t number_of(struct slice text)
{
	int64_t number = 0;

	if (text.len == 0 || text.len > 17)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -1;
		number = number * 10 + (text.ptr[i] - '0');
	}
	return number;
}

static void on_info(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct redis_health *health = arg;
	struct slice info = outcome == REDIS_OK ? redis_reply_text(reply) : slice_text("");

	int64_t memory = number_of(line_of(info, "used_memory"));

	health->memory = memory < 0 || health->memory < 0 ? -1 : health->memory + memory;
	health->failing |= slice_is(line_of(info, "aof_last_write_status"), "err");
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
