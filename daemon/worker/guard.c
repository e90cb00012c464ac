/* Asks, tells, decides: see guard.h. */
#include "worker/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/log.h"
#include "store/durability.h"
#include "store/redis.h"

#define UNSAFE "redis-unsafe: "

enum {
	WHY_MAX = 400,
	ASK_AGAIN_S = 2, /* while it refuses: a setting can be changed without a new connection */
};

struct guard {
	struct guard_options options;
	struct redis *redis;
	struct event again;
	bool asking, ask_again; /* somebody has come meanwhile */
	/* What was told last: not again at each reconnection. */
	struct durability told;
	bool any_told;
};

static void ask(struct guard *guard);

static void ask_later(struct guard *guard)
{
	event_add(&guard->again, &(struct timeval){ASK_AGAIN_S, 0});
}

/* ---- telling ---- */

static bool is_told(const struct guard *guard, const struct durability *durability)
{
	if (!guard->any_told || guard->told.n != durability->n)
		return false;
	for (size_t i = 0; i < durability->n; i++) {
		const struct durability_finding *a = &guard->told.findings[i];
		const struct durability_finding *b = &durability->findings[i];

		/* The text of a value may be a number that grows. */
		if (a->grade != b->grade || strcmp(a->setting, b->setting) != 0)
			return false;
	}
	return true;
}

static void tell(struct guard *guard, const struct durability *durability)
{
	if (!guard->options.tells || is_told(guard, durability))
		return;
	for (size_t i = 0; i < durability->n; i++) {
		const struct durability_finding *finding = &durability->findings[i];
		char text[WHY_MAX];

		durability_tell(finding, text, sizeof(text));
		const char *of = finding->server[0] ? " " : "";
		if (finding->grade == DURABILITY_ADVICE && durability->settings_known)
			log_info("redis%s%s: %s", of, finding->server, text);
		else
			log_warn("redis%s%s: %s", of, finding->server, text);
	}
	if (durability_worst(durability) >= DURABILITY_LOSES && guard->options.lenient)
		log_warn(
		    "redis: with these settings votes can be lost or counted twice. It is "
		    "used all the same, "
		    "for a rehearsal or by redis.unsafe; a real contest would be refused");
	guard->told = *durability;
	guard->any_told = true;
}

/* ---- deciding ---- */

/* What Redis itself would refuse needs no second refusal: votes get 503 as long as it does. Only a
 * replica that takes writes is worse, and is graded so. */
static bool may_vote(const struct guard *guard, const struct durability *durability)
{
	return guard->options.lenient || durability_worst(durability) < DURABILITY_LOSES;
}

static void decide(struct guard *guard, const struct durability *durability)
{
	char text[WHY_MAX - 100], why[WHY_MAX];

	tell(guard, durability);
	if (may_vote(guard, durability)) {
		redis_admit(guard->redis);
		guard->options.on_verdict(guard->options.arg, NULL);
		return;
	}
	durability_tell(&durability->findings[0], text, sizeof(text));
	(void)snprintf(why, sizeof(why), UNSAFE "%s (tallyctl check)", text);
	ask_later(guard);
	guard->options.on_verdict(guard->options.arg, why);
}

static void on_answer(void *arg, int error, const struct durability *durability)
{
	struct guard *guard = arg;

	guard->asking = false;
	if (!redis_is_connected(guard->redis))
		return; /* the next connection asks again */
	if (error == 0)
		decide(guard, durability);
	else
		ask_later(guard);
	if (guard->ask_again)
		ask(guard);
}

static void ask(struct guard *guard)
{
	guard->ask_again = guard->asking;
	if (guard->asking || !redis_is_connected(guard->redis))
		return;
	guard->asking = true;
	redis_judge(guard->redis);
	durability_ask(guard->redis, guard->options.voters, on_answer, guard);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ask(arg);
}

/* ---- public ---- */

struct guard *guard_new(struct event_base *base, const struct guard_options *options)
{
	struct guard *guard = calloc(1, sizeof(*guard));

	if (!guard)
		return NULL;
	guard->options = *options;
	evtimer_assign(&guard->again, base, on_again, guard);
	return guard;
}

void guard_free(struct guard *guard)
{
	if (!guard)
		return;
	evtimer_del(&guard->again);
	free(guard);
}

void guard_on_redis(struct guard *guard, struct redis *redis, bool connected)
{
	guard->redis = redis;
	if (connected)
		ask(guard);
	else
		evtimer_del(&guard->again);
}

bool guard_says(const char *why)
{
	return strncmp(why, UNSAFE, sizeof(UNSAFE) - 1) == 0;
}
