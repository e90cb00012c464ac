/* What tallyctl check asks of Redis: how durable it is, its replicas, its clock, and what tallyd's
 * user may do there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <event2/event.h>

#include "config/round.h"
#include "config/secret.h"
#include "ctl/check.h"
#include "store/redis.h"
#include "store/redis_clock.h"
#include "store/redis_info.h"
#include "store/redis_settings.h"

enum {
	ANSWER_MS = 10000,
	WORDS_MAX = 8,
};

struct asking {
	struct check *check;
	struct check_loop loop;
	unsigned pending;
	bool begun, failed;
	char user[64];
	char why[192]; /* why there is no connection */
};

static void stop_if_done(struct asking *asking)
{
	if (asking->pending == 0)
		event_base_loopbreak(asking->loop.base);
}

static void ask(
    struct asking *asking, redis_cb *cb, void *arg, size_t argc, const struct slice *argv)
{
	asking->pending++;
	redis_call(asking->loop.redis, cb, arg, argc, argv);
}

/* ---- durability ---- */

static void on_durability(void *arg, int error, const struct durability *durability)
{
	struct asking *asking = arg;

	asking->pending--;
	asking->failed = asking->failed || error != 0;
	if (error == 0)
		check_add(asking->check, durability, "redis");
	stop_if_done(asking);
}

static void on_info(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct asking *asking = arg;
	struct slice text = outcome == REDIS_OK ? redis_reply_text(reply) : slice_text("");
	static const char name[] = "redis_version:";
	const char *at = memmem(text.ptr, text.len, name, sizeof(name) - 1);

	asking->pending--;
	if (at) {
		at += sizeof(name) - 1;
		size_t left = text.len - (size_t)(at - text.ptr), n = 0;

		while (n < left && n < 32 && at[n] != '\r' && at[n] != '\n')
			n++;
		(void)snprintf(
		    asking->check->server, sizeof(asking->check->server), "Redis %.*s", (int)n, at);
	}
	stop_if_done(asking);
}

/* ---- replicas ---- */

/* What stands behind "name=" up to the next comma. */
static struct slice field_of(struct slice text, const char *name)
{
	const char *at = memmem(text.ptr, text.len, name, strlen(name)), *end;

	if (!at)
		return slice_make(NULL, 0);
	at += strlen(name);
	text.len -= (size_t)(at - text.ptr);
	end = memchr(at, ',', text.len);
	return slice_make(at, end ? (size_t)(end - at) : text.len);
}

/* "slave0:ip=10.0.0.22,port=6379,state=online,…" */
static void note_replica(struct check *check, struct slice line)
{
	struct slice ip = field_of(line, "ip="), port = field_of(line, "port=");
	bool v6 = ip.len > 0 && memchr(ip.ptr, ':', ip.len);

	if (ip.len == 0 || port.len == 0 || check->n_replicas == CHECK_REPLICAS_MAX)
		return;
	(void)snprintf(check->replicas[check->n_replicas++], sizeof(check->replicas[0]),
	    v6 ? "[%.*s]:%.*s" : "%.*s:%.*s", (int)ip.len, ip.ptr, (int)port.len, port.ptr);
}

static void on_replication(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct asking *asking = arg;
	struct slice info = outcome == REDIS_OK ? redis_reply_text(reply) : slice_text("");
	char name[16];

	asking->pending--;
	for (unsigned i = 0; i < CHECK_REPLICAS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "slave%u", i);
		struct slice line = redis_info(info, name);

		if (line.len > 0)
			note_replica(asking->check, line);
	}
	stop_if_done(asking);
}

static void ask_replication(struct asking *asking)
{
	for (unsigned i = 0; i < redis_masters(asking->loop.redis); i++) {
		asking->pending++;
		redis_call_master(asking->loop.redis, i, on_replication, asking, 2,
		    (struct slice[]){slice_text("INFO"), slice_text("replication")});
	}
}

/* ---- the clock ---- */

static void on_clock(void *arg, const struct redis_clock *clock)
{
	struct asking *asking = arg;
	char value[48];

	asking->pending--;
	if (clock &&
	    (clock->ahead_ms >= REDIS_CLOCK_OFF_MS || clock->ahead_ms <= -REDIS_CLOCK_OFF_MS)) {
		(void)snprintf(value, sizeof(value), "%+lld ms", (long long)clock->ahead_ms);
		check_find(asking->check, DURABILITY_ADVICE, "clock", "TIME", value,
		    "Redis' clock is off from this host's: hours are judged by Redis'. Synchronise "
		    "both");
	}
	stop_if_done(asking);
}

static void ask_clocks(struct asking *asking)
{
	for (unsigned i = 0; i < redis_masters(asking->loop.redis); i++) {
		asking->pending++;
		redis_clock_ask(asking->loop.redis, i, on_clock, asking);
	}
}

/* ---- rights ---- */

/* One of each command that server, sealer and tallyctl use, and the functions run; K: a key of a
 * contest. */
static const char *const commands[] = {"PING", "TIME", "FUNCTION LIST", "FUNCTION LOAD x",
    "FCALL f 1 K", "EXISTS K", "TYPE K", "GET K", "SET K v", "INCR K", "HGET K f", "HGETALL K",
    "HMGET K f", "HSET K f v", "HSETNX K f v", "HINCRBY K f 1", "HDEL K f", "XADD K 1-0 b v",
    "XINFO STREAM K", "XRANGE K - +", "XREVRANGE K + -", "UNLINK K"};

enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static void on_right(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct asking *asking = arg;
	struct slice text = outcome == REDIS_OK ? redis_reply_text(reply) : slice_text("OK");
	char value[120];

	asking->pending--;
	/* An error is not the answer to what was asked, but to the asking: told by on_user(). */
	if (outcome == REDIS_OK && redis_reply_kind(reply) != REDIS_ERROR &&
	    !slice_is(text, "OK")) {
		(void)snprintf(value, sizeof(value), "%.*s", (int)text.len, text.ptr);
		struct check_finding *finding =
		    check_find(asking->check, DURABILITY_STOPS, "rights", asking->user, value,
			"what needs it is answered with 503, or fails half way");

		(void)snprintf(finding->remedy, sizeof(finding->remedy),
		    "the user's line at the end of ops/redis.conf");
	}
	stop_if_done(asking);
}

static void ask_right(struct asking *asking, const char *command)
{
	struct slice argv[3 + WORDS_MAX] = {
	    slice_text("ACL"), slice_text("DRYRUN"), slice_text(asking->user)};
	char key[ROUND_NAME_MAX + 16];
	size_t argc = 3;

	(void)snprintf(key, sizeof(key), "{%s/0}:log", asking->check->rounds[0]->name);
	for (const char *at = command; *at && argc < sizeof(argv) / sizeof(*argv);) {
		size_t n = strcspn(at, " ");

		argv[argc++] = n == 1 && *at == 'K' ? slice_text(key) : slice_make(at, n);
		at += n + (at[n] == ' ');
	}
	ask(asking, on_right, asking, argc, argv);
}

static void on_user(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct asking *asking = arg;
	struct slice name = redis_reply_text(reply);

	asking->pending--;
	if (outcome == REDIS_OK && redis_reply_kind(reply) == REDIS_ERROR) {
		struct check_finding *finding =
		    check_find(asking->check, DURABILITY_ADVICE, "rights", "ACL", "refused",
			"nobody can tell what tallyd's user may do before it is tried");

		(void)snprintf(finding->remedy, sizeof(finding->remedy),
		    "user NAME … +acl|whoami +acl|dryrun");
	} else if (outcome == REDIS_OK && asking->check->n_rounds > 0) {
		(void)snprintf(asking->user, sizeof(asking->user), "%.*s", (int)name.len, name.ptr);
		for (size_t i = 0; i < COMMANDS; i++)
			ask_right(asking, commands[i]);
		if (redis_replicas(asking->loop.redis) > 0)
			ask_right(asking, "WAIT 1 1");
		if (redis_is_cluster(asking->loop.redis)) {
			ask_right(asking, "CLUSTER SLOTS");
			ask_right(asking, "ASKING");
		}
	}
	stop_if_done(asking);
}

/* ---- the connection ---- */

static void begin(struct asking *asking)
{
	asking->begun = true;
	asking->pending++;
	durability_ask(asking->loop.redis, check_voters(asking->check), on_durability, asking);
	ask_clocks(asking);
	ask_replication(asking);
	ask(asking, on_info, asking, 2, (struct slice[]){slice_text("INFO"), slice_text("server")});
	ask(asking, on_user, asking, 2, (struct slice[]){slice_text("ACL"), slice_text("WHOAMI")});
}

static void on_state(void *arg, bool connected, const char *why)
{
	struct asking *asking = arg;

	if (connected && !asking->begun)
		begin(asking);
	else if (!connected)
		ctl_clause(why, asking->why, sizeof(asking->why));
}

static void on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct asking *asking = arg;

	(void)fd;
	(void)what;
	asking->failed = true;
	event_base_loopbreak(asking->loop.base);
}

int check_redis(struct check *check)
{
	const struct settings *settings = &check->ctl->settings;
	struct asking asking = {.check = check};
	char password[SECRET_MAX];
	int status = EX_OK;

	if (secret_read("redis.password_file", settings->redis.password_file, password) != 0)
		return EX_CONFIG;
	struct redis_options options = redis_options_from(settings, password);

	options.deadline_ms = ANSWER_MS;
	options.in_flight_max = 64;
	options.backoff_max_ms = 200;
	options.on_state = on_state;
	options.arg = &asking;
	if (!check_loop_run(&asking.loop, &options, on_patience))
		status = ctl_fail(EX_OSERR, "out of memory.");
	else if (asking.failed || !asking.begun)
		status = ctl_fail(EX_UNAVAILABLE, "Redis at %s is not to be had: %s.",
		    redis_where(settings), asking.why[0] ? asking.why : "no answer");
	check_loop_release(&asking.loop);
	if (status == EX_OK)
		check_replicas(check, password);
	explicit_bzero(password, sizeof(password));
	return status;
}
