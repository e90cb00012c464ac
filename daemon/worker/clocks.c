/* Asks one master after the other, since each judges the hours of its own shards. */
#include "worker/clocks.h"

#include <stdint.h>
#include <stdlib.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "api/app.h"
#include "base/log.h"
#include "store/redis.h"
#include "store/redis_clock.h"

enum { NAME_MAX_BYTES = 128 };

struct clocks {
	struct app *app;
	bool tells;
	struct event timer;
	bool asking;
	unsigned master;  /* the one that is asked */
	unsigned worst;   /* of those asked in this round, the one that is off the most */
	int64_t worst_ms; /* by so much */
	bool told;        /* that they differ */
};

static void ask(struct clocks *clocks);

static int64_t size_of(int64_t ms)
{
	return ms < 0 ? -ms : ms;
}

static void tell(struct clocks *clocks)
{
	char name[NAME_MAX_BYTES];

	if (size_of(clocks->worst_ms) >= REDIS_CLOCK_OFF_MS && !clocks->told) {
		redis_master_name(clocks->app->redis, clocks->worst, name, sizeof(name));
		log_warn(
		    "clocks differ: that of Redis at %s is %lld s %s this host's. Hours are "
		    "judged by Redis' clock. See \"Clocks differ\" in ops/runbook.md",
		    name, (long long)(size_of(clocks->worst_ms) / 1000),
		    clocks->worst_ms > 0 ? "ahead of" : "behind");
		clocks->told = true;
	} else if (clocks->worst_ms == 0 && clocks->told) {
		log_info("Redis' clock and this host's agree again");
		clocks->told = false;
	}
}

static void on_clock(void *arg, const struct redis_clock *clock)
{
	struct clocks *clocks = arg;

	clocks->asking = false;
	if (!clock) /* also from within redis_free(): the next look begins anew */
		return;
	if (clocks->master == 0)
		app_set_clock(clocks->app, clock->now_ms, clock->steady_ms);
	if (size_of(clock->ahead_ms) > size_of(clocks->worst_ms)) {
		clocks->worst = clocks->master;
		clocks->worst_ms = clock->ahead_ms;
	}
	if (++clocks->master < redis_masters(clocks->app->redis))
		ask(clocks);
	else if (clocks->tells)
		tell(clocks);
}

static void ask(struct clocks *clocks)
{
	clocks->asking = true;
	redis_clock_ask(clocks->app->redis, clocks->master, on_clock, clocks);
}

void clocks_look(struct clocks *clocks)
{
	if (clocks->asking || !clocks->app->redis || !redis_is_connected(clocks->app->redis))
		return;
	clocks->master = clocks->worst = 0;
	clocks->worst_ms = 0;
	ask(clocks);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	clocks_look(arg);
}

struct clocks *clocks_new(struct app *app, bool tells)
{
	static const struct timeval second = {1, 0};
	struct clocks *clocks = calloc(1, sizeof(*clocks));

	if (!clocks)
		return NULL;
	clocks->app = app;
	clocks->tells = tells;
	event_assign(&clocks->timer, app->base, -1, EV_PERSIST, on_timer, clocks);
	event_add(&clocks->timer, &second);
	return clocks;
}

void clocks_free(struct clocks *clocks)
{
	if (!clocks)
		return;
	event_del(&clocks->timer);
	free(clocks);
}
