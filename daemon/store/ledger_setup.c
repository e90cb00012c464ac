/* Makes the ledger ready, again after every reconnection: the function libraries are there and are
 * this program's own (library.c), and every shard holds this worker's rules, one call a shard.
 * Whatever fails is tried again until it is done. */
#include "store/ledger_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <event2/event.h>
#include <jansson.h>

#include "base/encode.h"
#include "base/log.h"

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

/* In a cluster one shard's server may be away while the others go on: what was found right stays
 * so, and calls that go astray are refused one by one. */
static bool stays_ready(const struct ledger *ledger)
{
	return ledger->ready && !ledger->refused && redis_is_cluster(ledger->redis);
}

/* Likewise from the start: those that have answered, where there is nothing to decide for all. */
static bool is_ready_in_part(const struct ledger *ledger)
{
	if (!redis_is_cluster(ledger->redis) || ledger->refused || ledger->theirs[0] != '\0')
		return false;
	for (unsigned i = 0; i < ledger->options.shards; i++)
		if (ledger->shards[i].ready)
			return true;
	return false;
}

static void setup_fail(struct ledger *ledger, const char *why)
{
	static const struct timeval retry = {0, RETRY_MS * 1000};

	ledger->step = SETUP_IDLE;
	ledger->setup_again = false;
	evtimer_add(&ledger->setup_timer, &retry);
	if (!stays_ready(ledger))
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

static void end_shard(struct ledger *ledger);
static void setup_start(struct ledger *ledger);

/* The name of the logs in a rules record. The caller frees what it is borrowed from. */
static const char *log_name_of(struct slice rules, json_t **ret_json)
{
	*ret_json = rules.len > 0 ? json_loadb(rules.ptr, rules.len, 0, NULL) : NULL;
	return json_string_value(json_object_get(*ret_json, "log_name"));
}

/* Names the one member that is not of the contest's file, so that nobody looks for it there. */
static bool tell_log_names(const struct ledger *ledger, struct slice stored, char *ret, size_t cap)
{
	json_t *a, *b;
	const char *theirs = log_name_of(stored, &a);
	const char *ours = log_name_of(ledger->options.rules, &b);
	bool differ = theirs && ours && strcmp(theirs, ours) != 0;

	if (differ)
		(void)snprintf(ret, cap,
		    "rules-differ: this host's log_name is \"%.80s\", the contest began with "
		    "\"%.80s\": set log_name in this host's tallyd.yaml to \"%.80s\" and start "
		    "it again",
		    ours, theirs, theirs);
	json_decref(a);
	json_decref(b);
	return differ;
}

/* The rules that stand in Redis: what is other in them is told as well as it can be. */
static void on_frozen(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct ledger *ledger = arg;
	char why[sizeof(ledger->why)], ours[HEX_SIZE(32)];
	bool told;
	struct slice stored = outcome == REDIS_OK && redis_reply_kind(reply) == REDIS_TEXT
				  ? redis_reply_text(reply)
				  : slice_text("");

	ledger->refused = true;
	ledger->options.may_replace = false; /* a start that was refused */
	hex_encode(ledger->options.rules_hash, 32, ours);
	told = ledger->frozen && tell_log_names(ledger, stored, why, sizeof(why));
	if (!told && ledger->frozen)
		(void)snprintf(why, sizeof(why), "rules-differ: Redis holds %s, this worker has %s",
		    ledger->theirs, ours);
	else if (!told)
		(void)snprintf(why, sizeof(why),
		    "rules-differ: Redis holds %s, this process has %s. Nobody has voted yet, so "
		    "the rules are those of the host that was started last: give every host the "
		    "same contest file and keys, and start tallyd again",
		    ledger->theirs, ours);
	set_ready(ledger, false, why);
	end_shard(ledger);
}

/* `theirs`: the hash of what stands there, in hex. */
static void meet_others(
    struct ledger *ledger, const struct shard *shard, struct slice theirs, bool frozen)
{
	bool told = ledger->setup_failed && ledger->theirs[0] != '\0';

	if (!told)
		(void)snprintf(
		    ledger->theirs, sizeof(ledger->theirs), "%.*s", (int)theirs.len, theirs.ptr);
	if (!frozen && ledger->options.may_replace)
		return; /* replaced once all shards have answered */
	ledger->setup_failed = true;
	ledger->frozen = ledger->frozen || frozen;
	if (told)
		return;
	ledger->setup_pending++;
	redis_call(ledger->redis, on_frozen, ledger, 3,
	    (struct slice[]){
		slice_text("HGET"), slice_text(shard->rules_key), slice_text("record")});
}

static void shard_failed(struct ledger *ledger, const char *why)
{
	ledger->setup_failed = true;
	if (!stays_ready(ledger))
		set_ready(ledger, false, why);
}

static void rules_refused(
    struct ledger *ledger, const struct shard *shard, const struct redis_reply *error)
{
	static const size_t word = sizeof("RULESDIFFER ") - 1;
	struct slice text = redis_reply_text(error);
	char why[sizeof(ledger->why)];

	if (library_refusal(error) == REFUSED_RULES) {
		meet_others(ledger, shard,
		    text.len > word ? slice_make(text.ptr + word, text.len - word) : slice_text(""),
		    true);
		return;
	}
	if (library_refusal(error) == REFUSED_BEHIND) {
		ledger_log_behind(ledger, text);
		(void)snprintf(why, sizeof(why),
		    "behind: shard %u in Redis lacks what was acknowledged (%.*s); see \"Redis is "
		    "behind\" in ops/runbook.md",
		    (unsigned)(shard - ledger->shards), (int)(text.len < 80 ? text.len : 80),
		    text.ptr);
	} else {
		(void)snprintf(why, sizeof(why), "redis: %.*s",
		    (int)(text.len < 90 ? text.len : 90), text.ptr);
	}
	shard_failed(ledger, why);
}

static void on_rules(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	static const char replaceable[] = "replaceable ";
	static const size_t word = sizeof(replaceable) - 1;
	struct shard *shard = arg;
	struct ledger *ledger = shard->ledger;
	struct slice text = outcome == REDIS_OK ? redis_reply_text(reply) : slice_text("");

	shard->ready = outcome == REDIS_OK && redis_reply_kind(reply) != REDIS_ERROR &&
		       !slice_starts(text, replaceable);
	if (outcome != REDIS_OK) {
		shard_failed(ledger, "redis is not connected: no answer");
	} else if (redis_reply_kind(reply) == REDIS_ERROR) {
		rules_refused(ledger, shard, reply);
	} else if (slice_starts(text, replaceable)) {
		meet_others(ledger, shard, slice_make(text.ptr + word, text.len - word), false);
	}
	end_shard(ledger);
}

static void lay_rules_as(struct ledger *ledger, enum setup_step step);

static void tell_replaced(const struct ledger *ledger)
{
	char ours[HEX_SIZE(32)];

	hex_encode(ledger->options.rules_hash, 32, ours);
	log_warn(
	    "contest %s: the rules %s that stood in Redis are replaced by this host's, %s: "
	    "nobody has voted yet. A host that has the other contest file or keys takes no "
	    "votes from now on",
	    ledger->options.contest, ledger->theirs, ours);
}

static void end_shard(struct ledger *ledger)
{
	if (--ledger->setup_pending > 0)
		return;
	if (ledger->setup_failed) {
		if (is_ready_in_part(ledger))
			set_ready(ledger, true, "");
		setup_fail(ledger, ledger->why);
		return;
	}
	if (ledger->step == SETUP_REPLACING) {
		tell_replaced(ledger);
	} else if (ledger->theirs[0]) {
		lay_rules_as(ledger, SETUP_REPLACING);
		return;
	}
	ledger->options.may_replace = false;
	ledger->step = SETUP_IDLE;
	ledger->refused = false;
	ledger->known = true;
	set_ready(ledger, true, "");
	ledger_cast_unpark(ledger);
	if (ledger->setup_again)
		setup_start(ledger);
}

static void lay_rules_in(struct ledger *ledger, unsigned n)
{
	const struct ledger_options *o = &ledger->options;
	struct shard *shard = &ledger->shards[n];
	char opens[24], closes[24], number[12], shards[12], buckets[12], own_size[DECIMAL_SIZE];
	bool known = ledger->known || shard->known->ballots > 0 || shard->known->issued > 0;

	snprintf(opens, sizeof(opens), "%lld", (long long)o->opens_ms);
	snprintf(closes, sizeof(closes), "%lld", (long long)o->closes_ms);
	snprintf(number, sizeof(number), "%u", n);
	snprintf(shards, sizeof(shards), "%u", o->shards);
	snprintf(buckets, sizeof(buckets), "%u", o->buckets);
	(void)decimal_encode(shard->own_size, own_size);
	redis_write(ledger->redis, on_rules, shard, 22,
	    (struct slice[]){slice_text("FCALL"), slice_text("open_5"), slice_text("4"),
		slice_text(shard->rules_key), slice_text(shard->log_key),
		slice_text(shard->issued_key), slice_text(shard->batches_key), o->rules,
		slice_make(o->rules_hash, 32), slice_text(opens), slice_text(closes),
		slice_text(number), slice_text(shards), slice_text(buckets),
		slice_text(o->replaceable ? "replace" : "refuse"),
		slice_text(o->by_code ? "codes" : ""),
		slice_text(ledger->step == SETUP_REPLACING ? "replace" : "look"),
		slice_text(known ? "known" : "new"), mark_text(&shard->log),
		mark_text(&shard->issued), slice_text(own_size),
		slice_make(shard->last_spent, shard->own_size > 0 ? LEDGER_SPENT_SIZE : 0)});
}

static void lay_rules_as(struct ledger *ledger, enum setup_step step)
{
	ledger->step = step;
	ledger->setup_failed = false;
	ledger->setup_pending = ledger->options.shards;
	for (unsigned i = 0; i < ledger->options.shards; i++)
		lay_rules_in(ledger, i);
}

static void lay_rules(struct ledger *ledger)
{
	ledger->theirs[0] = '\0';
	ledger->frozen = false;
	lay_rules_as(ledger, SETUP_RULES);
}

/* ---- when ---- */

static void setup_start(struct ledger *ledger)
{
	/* One under way ends by itself, at the latest with the connection; it has maybe asked too
	 * early. */
	ledger->setup_again = ledger->step != SETUP_IDLE;
	if (ledger->setup_again || ledger->held || !redis_is_connected(ledger->redis))
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

	ledger->held = !connected;
	if (connected) {
		setup_start(ledger);
		return;
	}
	snprintf(text, sizeof(text), "redis is not connected: %s", why ? why : "");
	set_ready(ledger, false, text);
}

void ledger_hold(struct ledger *ledger, const char *why)
{
	ledger->held = true;
	set_ready(ledger, false, why);
}

void ledger_recheck(struct ledger *ledger, const char *why)
{
	set_ready(ledger, false, why);
	setup_start(ledger);
}

/* Only where it is missing does it cost anything: calls there wait, or are refused. */
void ledger_load_library(struct ledger *ledger)
{
	if (!stays_ready(ledger))
		set_ready(ledger, false, "function library missing");
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
