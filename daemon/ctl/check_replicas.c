/* What tallyctl check asks of replicas, one after the other: each is a master some day, with its
 * own settings. */
#include <stdio.h>

#include <event2/event.h>

#include "ctl/check.h"
#include "store/redis.h"
#include "store/redis_settings.h"

enum { ANSWER_MS = 5000 };

struct visit {
	struct check *check;
	struct check_loop loop;
	char of[80];
	bool begun, answered;
	char why[160];
};

static void on_durability(void *arg, int error, const struct durability *durability)
{
	struct visit *visit = arg;

	visit->answered = error == 0;
	if (error == 0)
		check_add(visit->check, durability, visit->of);
	event_base_loopbreak(visit->loop.base);
}

static void on_state(void *arg, bool connected, const char *why)
{
	struct visit *visit = arg;

	if (connected && !visit->begun) {
		visit->begun = true;
		durability_ask_replica(
		    visit->loop.redis, check_voters(visit->check), on_durability, visit);
	} else if (!connected) {
		ctl_clause(why, visit->why, sizeof(visit->why));
	}
}

static void on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct visit *visit = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(visit->loop.base);
}

static void visit_replica(struct check *check, const char *address, const char *password)
{
	struct redis_options options = redis_options_from(&check->ctl->settings, password);
	struct visit visit = {.check = check};
	char where[80];

	(void)snprintf(where, sizeof(where), "tcp:%s", address);
	(void)snprintf(visit.of, sizeof(visit.of), "replica %s", address);
	options.address = where;
	options.nodes = NULL;
	options.n_nodes = 0;
	options.replicas = 0;
	options.deadline_ms = ANSWER_MS;
	options.in_flight_max = 64;
	options.backoff_max_ms = 200;
	options.on_state = on_state;
	options.arg = &visit;
	if (!check_loop_run(&visit.loop, &options, on_patience) || !visit.answered)
		check_find(check, DURABILITY_ADVICE, visit.of, "connection",
		    visit.why[0] ? visit.why : "no answer",
		    "it cannot be asked from here, as this user: whether it would keep votes as a "
		    "master, nobody can tell");
	check_loop_release(&visit.loop);
}

void check_replicas(struct check *check, const char *password)
{
	for (size_t i = 0; i < check->n_replicas; i++)
		visit_replica(check, check->replicas[i], password);
}
