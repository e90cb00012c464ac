/* TIME, and what it says of two clocks. */
#include "store/redis_clock.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/redis.h"

struct asking {
	redis_clock_cb *cb;
	void *arg;
	int64_t wall_ms, steady_ms; /* when it was asked */
};

static int64_t number(const struct redis_reply *reply)
{
	struct slice text = redis_reply_text(reply);
	char digits[24];

	(void)snprintf(digits, sizeof(digits), "%.*s", (int)text.len, text.len ? text.ptr : "");
	return strtoll(digits, NULL, 10);
}

static void on_time(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct asking *asking = arg;
	bool answered = outcome == REDIS_OK && redis_reply_count(reply) == 2;
	struct redis_clock clock = {0};

	if (answered) {
		int64_t took_ms = clock_steady_ms() - asking->steady_ms;

		clock.now_ms = number(redis_reply_at(reply, 0)) * 1000 +
			       number(redis_reply_at(reply, 1)) / 1000;
		clock.steady_ms = asking->steady_ms + took_ms / 2;
		/* It stood there somewhere between question and answer; how long that was, only the
		 * steady clock knows. */
		clock.ahead_ms = clock.now_ms > asking->wall_ms + took_ms
				     ? clock.now_ms - asking->wall_ms - took_ms
				 : clock.now_ms < asking->wall_ms ? clock.now_ms - asking->wall_ms
								  : 0;
	}
	asking->cb(asking->arg, answered ? &clock : NULL);
	free(asking);
}

void redis_clock_ask(struct redis *redis, unsigned master, redis_clock_cb *cb, void *arg)
{
	struct asking *asking = malloc(sizeof(*asking));

	if (!asking)
		abort(); /* nobody could be told of the failure */
	*asking = (struct asking){cb, arg, clock_wall_ms(), clock_steady_ms()};
	redis_call_master(redis, master, on_time, asking, 1, (struct slice[]){slice_text("TIME")});
}
