/* Makes the ledger ready, again after every reconnection: the function libraries are there and are
 * this program's own (library.c), and every shard holds this worker's rules, one call a shard.
 * Whatever fails is tried again until it is done. */
#include "store/ledger_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#include "base/encode.h"

enum { RETRY_MS = 250 };

/* The only place that changes readiness. */
static void set_ready(struct ledger *ledger, bool ready, const char *why)
{
	char text[sizeof(ledger->why)];

	snprintf(text, sizeof(text), "%s", why); /* `why` may be a reply's text, or ledger->why */
	if (ledger->ready == ready && strcmp(ledger->why, text) == 0)
		return;
	ledger->ready = ready;
	memcpy(ledger->why, text, sizeof(text));
	if (ledger->options.on_ready)
		ledger->options.on_ready(ledger->options.arg, ready, ready ? "ready" : ledger->why);
}

bool ledger_is_ready(const struct ledger *ledger)
{
	return ledger->ready;
}

bool ledger_is_refused(const struct ledger *ledger)
{
	return ledger->refused;
}

const char *ledger_why(const struct ledger *ledger)
{
	return ledger->ready ? NULL : ledger->why;
}

static void setup_fail(struct ledger *ledger, const char *why)
{
	static const struct timeval retry = {0, RETRY_MS * 1000};

	ledger->step = SETUP_IDLE;
	evtimer_add(&ledger->setup_timer, &retry);
	set_ready(ledger, false, why);
	ledger_cast_unpark(ledger);
}

/* ---- the libraries ---- */

static void lay_rules(struct ledger *ledger);

static void on_libraries(void *arg, int error, const char *why)
{
	struct ledger *ledger = arg;

	if (error == 0) {
		lay_rules(ledger);
		return;
	}
	if (error == -EEXIST)
		ledger->refused = true;
	setup_fail(ledger, why);
}

static void ensure_libraries(struct ledger *ledger)
{
	ledger->step = SETUP_LIBRARIES;
	library_ensure(ledger->redis, on_libraries, ledger);
}

/* ---- the rules ---- */

static void rules_refused(struct ledger *ledger, const struct redis_reply *error)
{
	struct slice text = redis_reply_text(error);
	char why[sizeof(ledger->why)], ours[HEX_SIZE(32)];
	int len = (int)(text.len < 90 ? text.len : 90);

	ledger->setup_failed = true;
	if (library_refusal(error) == REFUSED_RULES) {
		ledger->refused = true;
		hex_encode(ledger->options.rules_hash, 32, ours);
		snprintf(why, sizeof(why), "rules-differ: Redis holds%.*s, this worker has %s",
		    len - (int)strlen("RULESDIFFER"), text.ptr + strlen("RULESDIFFER"), ours);
	} else {
		snprintf(why, sizeof(why), "redis: %.*s", len, text.ptr);
	}
	set_ready(ledger, false, why);
}

static void on_rules(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct ledger *ledger = arg;

	if (outcome != REDIS_OK) {
		ledger->setup_failed = true;
		set_ready(ledger, false, "redis is not connected: no answer");
	} else if (redis_reply_kind(reply) == REDIS_ERROR) {
		rules_refused(ledger, reply);
	}
	if (--ledger->setup_pending > 0)
		return;
	if (ledger->setup_failed) {
		setup_fail(ledger, ledger->why);
		return;
	}
	ledger->step = SETUP_IDLE;
	ledger->refused = false;
	set_ready(ledger, true, "");
	ledger_cast_unpark(ledger);
}

static void lay_rules_in(struct ledger *ledger, unsigned n)
{
	const struct ledger_options *o = &ledger->options;
	struct shard *shard = &ledger->shards[n];
	char opens[24], closes[24], number[12], shards[12], buckets[12];

	snprintf(opens, sizeof(opens), "%lld", (long long)o->opens_ms);
	snprintf(closes, sizeof(closes), "%lld", (long long)o->closes_ms);
	snprintf(number, sizeof(number), "%u", n);
	snprintf(shards, sizeof(shards), "%u", o->shards);
	snprintf(buckets, sizeof(buckets), "%u", o->buckets);
	redis_call(ledger->redis, on_rules, ledger, 14,
	    (struct slice[]){slice_text("FCALL"), slice_text("open_2"), slice_text("3"),
		slice_text(shard->rules_key), slice_text(shard->log_key),
		slice_text(shard->issued_key), o->rules, slice_make(o->rules_hash, 32),
		slice_text(opens), slice_text(closes), slice_text(number), slice_text(shards),
		slice_text(buckets), slice_text(o->replaceable ? "replace" : "refuse")});
}

static void lay_rules(struct ledger *ledger)
{
	ledger->step = SETUP_RULES;
	ledger->setup_failed = false;
	ledger->setup_pending = ledger->options.shards;
	for (unsigned i = 0; i < ledger->options.shards; i++)
		lay_rules_in(ledger, i);
}

/* ---- when ---- */

static void setup_start(struct ledger *ledger)
{
	/* One under way ends by itself, at the latest with the connection, and is then tried again.
	 */
	if (ledger->step != SETUP_IDLE || !redis_is_connected(ledger->redis))
		return;
	evtimer_del(&ledger->setup_timer);
	ensure_libraries(ledger);
}

static void on_setup_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	setup_start(arg);
}

void ledger_on_redis(struct ledger *ledger, bool connected, const char *why)
{
	char text[sizeof(ledger->why)];

	if (connected) {
		setup_start(ledger);
		return;
	}
	snprintf(text, sizeof(text), "redis is not connected: %s", why ? why : "");
	set_ready(ledger, false, text);
}

void ledger_recheck(struct ledger *ledger, const char *why)
{
	set_ready(ledger, false, why);
	setup_start(ledger);
}

void ledger_setup_init(struct ledger *ledger)
{
	evtimer_assign(&ledger->setup_timer, ledger->base, on_setup_timer, ledger);
	snprintf(ledger->why, sizeof(ledger->why), "redis is not connected: connecting");
}

void ledger_setup_release(struct ledger *ledger)
{
	evtimer_del(&ledger->setup_timer);
}
