/* One Redis server over hiredis' asynchronous client: see redis.h. Knows connections and commands,
 * not what they mean.
 *
 * Facts of hiredis 0.14 this file is built around: a context being freed calls back what is pending
 * with a NULL reply, and a command issued inside such a callback is never called back; a refused
 * connection calls the connect callback only, and freeing the context in there is a use after free;
 * there are no timeouts. So a command belongs to this file, not to hiredis: the moment a connection
 * is lost or dropped, ac->data is cleared, which makes hiredis' late callbacks void, and every
 * command of it is completed from here, in a later turn. */
#include "store/redis.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/util.h>

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "store/redis_command.h"
#include "store/redis_link.h"

/* hiredis has a macro of the same name; both mean success and must stay the same number. */
static_assert(REDIS_OK == 0, "REDIS_OK of hiredis and of enum redis_outcome");

enum {
	FIRST_BACKOFF_MS = 20,
	WHY_MAX = 192,
};

enum state {
	WAITING,    /* for the backoff to pass */
	CONNECTING, /* connect(2) under way */
	GREETING,   /* AUTH and PING sent, not answered */
	CONNECTED,
};

struct redis {
	struct event_base *base;
	char *host; /* or the path of the socket */
	int port;   /* 0: unix socket */
	char *user, *password;
	unsigned deadline_ms, in_flight_max, backoff_max_ms;
	void (*on_state)(void *arg, bool connected, const char *why);
	void *arg;

	enum state state;
	bool told_down;
	unsigned backoff_ms;
	struct redis_link *link; /* NULL while WAITING */

	/* Sent and unanswered, oldest first: deadlines ascend, and replies come in this order. */
	struct redis_commands sent;
	struct redis_commands done; /* to be called back in the next turn */
	struct redis_pool pool;

	struct event timer; /* backoff, connecting or the oldest command's deadline */
	struct event turn;  /* next turn of the loop: flush, complete `done` */
	bool write_failed;

	const char **argv; /* scratch for hiredis, which wants two arrays */
	size_t *argvlen;
	size_t argv_cap;
};

/* ---- commands ---- */

static void next_turn(struct redis *redis)
{
	static const struct timeval at_once = {0, 0};

	if (!evtimer_pending(&redis->turn, NULL))
		evtimer_add(&redis->turn, &at_once);
}

static void on_output(void *owner)
{
	next_turn(owner);
}

static void finish_later(
    struct redis *redis, struct redis_command *command, enum redis_outcome outcome)
{
	command->outcome = outcome;
	redis_commands_put(&redis->done, command);
	next_turn(redis);
}

static void arm_timer(struct redis *redis, int64_t ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

	evtimer_add(&redis->timer, &tv);
}

/* ---- connecting and losing ---- */

static void tell(struct redis *redis, bool connected, const char *why)
{
	/* A server that stays away is told of once, not at every attempt. */
	if (!connected && redis->told_down)
		return;
	redis->told_down = !connected;
	if (redis->on_state)
		redis->on_state(redis->arg, connected, why);
}

/* The only place that changes redis->state. */
static void set_state(struct redis *redis, enum state state)
{
	redis->state = state;
	if (state == CONNECTED)
		redis->backoff_ms = FIRST_BACKOFF_MS;
}

/* Between half and all of the backoff, so that workers do not come back in step. */
static int64_t next_backoff(struct redis *redis)
{
	unsigned half = redis->backoff_ms / 2;
	unsigned random;

	evutil_secure_rng_get_bytes(&random, sizeof(random));
	redis->backoff_ms *= 2;
	if (redis->backoff_ms > redis->backoff_max_ms)
		redis->backoff_ms = redis->backoff_max_ms;
	return half + random % (half + 1);
}

/* The connection is gone, or is given up; whoever calls has seen to it that hiredis' callbacks for
 * it are void or over. Touches neither context nor link: hiredis cleans the link up before it tells
 * of the disconnection. */
static void lost(struct redis *redis, const char *why)
{
	struct redis_command *command;

	redis->link = NULL;
	redis->write_failed = false;
	set_state(redis, WAITING);
	while ((command = redis_commands_take(&redis->sent)))
		finish_later(redis, command, REDIS_UNKNOWN);
	arm_timer(redis, next_backoff(redis));
	tell(redis, false, why);
}

/* Gives the connection up and frees it. Inside a reply's callback hiredis puts the freeing off by
 * itself; inside the connect callback this must not be called. */
static void drop(struct redis *redis, const char *why)
{
	char text[WHY_MAX];
	redisAsyncContext *ac = redis->link ? redis->link->ac : NULL;

	snprintf(text, sizeof(text), "%s", why); /* `why` may lie in the context */
	if (ac)
		ac->data = NULL;
	redis->link = NULL;
	if (ac)
		redisAsyncFree(ac);
	lost(redis, text);
}

static void on_disconnect(const redisAsyncContext *ac, int status)
{
	struct redis *redis = ac->data;
	char why[WHY_MAX];

	(void)status;
	if (!redis)
		return;
	snprintf(why, sizeof(why), "connection lost: %s", ac->errstr ? ac->errstr : "closed");
	lost(redis, why);
}

/* AUTH refused, LOADING and the like: better to come back later than to be half connected. */
static void on_greeting(redisAsyncContext *ac, void *r, void *last)
{
	struct redis *redis = ac->data;
	const redisReply *reply = r;

	if (!redis)
		return;
	if (!reply) { /* the context is being freed; on_disconnect() would come next */
		ac->data = NULL;
		lost(redis, "connection lost while greeting");
	} else if (reply->type == REDIS_REPLY_ERROR) {
		drop(redis, reply->str);
	} else if (last) {
		evtimer_del(&redis->timer);
		set_state(redis, CONNECTED);
		tell(redis, true, "connected");
	}
}

static int greet(redisAsyncContext *ac, const struct redis *redis)
{
	const char *auth[] = {"AUTH", redis->user, redis->password};
	const char *plain[] = {"AUTH", redis->password};
	static char last; /* any address: marks the command that ends the greeting */
	int bad = 0;

	if (redis->password && redis->user)
		bad |= redisAsyncCommandArgv(ac, on_greeting, NULL, 3, auth, NULL);
	else if (redis->password)
		bad |= redisAsyncCommandArgv(ac, on_greeting, NULL, 2, plain, NULL);
	bad |= redisAsyncCommand(ac, on_greeting, &last, "PING");
	return bad;
}

static void on_connect(const redisAsyncContext *const_ac, int status)
{
	struct redis *redis = const_ac->data;
	char why[WHY_MAX];

	if (!redis)
		return;
	if (status != REDIS_OK) {
		snprintf(why, sizeof(why), "cannot connect: %s", const_ac->c.errstr);
		redis->link->ac->data = NULL; /* hiredis frees the context after this callback */
		lost(redis, why);
		return;
	}
	redis->link->connecting = false;
	set_state(redis, GREETING);
	if (greet(redis->link->ac, redis) != 0)
		redis->write_failed = true;
	next_turn(redis);
}

static void connect_now(struct redis *redis)
{
	redisAsyncContext *ac = redis->port ? redisAsyncConnect(redis->host, redis->port)
					    : redisAsyncConnectUnix(redis->host);
	char why[WHY_MAX] = "cannot connect: out of memory";

	if (ac && ac->err)
		snprintf(why, sizeof(why), "cannot connect: %s", ac->errstr);
	if (!ac || ac->err || !(redis->link = redis_link_new(redis->base, ac, on_output))) {
		if (ac)
			redisAsyncFree(ac);
		lost(redis, why);
		return;
	}
	/* Bulk replies come and go: do not shrink the reader's buffer each time. */
	ac->c.reader->maxbuf = 64 * 1024;
	ac->data = redis;
	set_state(redis, CONNECTING);
	redisAsyncSetConnectCallback(ac, on_connect);
	redisAsyncSetDisconnectCallback(ac, on_disconnect);
	arm_timer(redis, redis->deadline_ms);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct redis *redis = arg;
	int64_t left;

	(void)fd;
	(void)what;
	switch (redis->state) {
	case WAITING:
		connect_now(redis);
		break;
	case CONNECTING:
	case GREETING:
		drop(redis, "cannot connect: no answer before the deadline");
		break;
	case CONNECTED:
		if (!redis->sent.head)
			break;
		left = redis->sent.head->deadline_ms - clock_steady_ms();
		if (left > 0)
			arm_timer(redis, left);
		else
			drop(redis, "no answer before the deadline");
		break;
	}
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct redis *redis = arg;
	struct redis_commands batch;
	struct redis_command *command;

	(void)fd;
	(void)what;
	redis_flush(redis);
	if (redis->write_failed)
		drop(redis, "connection lost: cannot write");

	/* Only what is there now: a callback that issues the next command must not keep the loop.
	 */
	if (!redis->done.head)
		return;
	batch = redis->done;
	redis_commands_init(&redis->done);
	while ((command = batch.head)) {
		batch.head = command->next;
		redis_pool_finish(&redis->pool, command, command->outcome, NULL);
	}
}

/* ---- public ---- */

static int copy_text(const char *text, char **ret)
{
	if (!text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

struct redis *redis_new(struct event_base *base, const struct redis_options *options)
{
	struct redis *redis = calloc(1, sizeof(*redis));
	int r = -ENOMEM;

	if (!redis)
		goto fail;
	redis->base = base;
	redis->deadline_ms = options->deadline_ms;
	redis->in_flight_max = options->in_flight_max;
	redis->backoff_max_ms =
	    options->backoff_max_ms > FIRST_BACKOFF_MS ? options->backoff_max_ms : FIRST_BACKOFF_MS;
	redis->backoff_ms = FIRST_BACKOFF_MS;
	redis->on_state = options->on_state;
	redis->arg = options->arg;
	redis_commands_init(&redis->sent);
	redis_commands_init(&redis->done);
	evtimer_assign(&redis->timer, base, on_timer, redis);
	evtimer_assign(&redis->turn, base, on_turn, redis);

	r = redis_address_parse(options->address, &redis->host, &redis->port);
	if (r == 0)
		r = copy_text(options->user, &redis->user);
	if (r == 0)
		r = copy_text(options->password, &redis->password);
	if (r < 0)
		goto fail;

	r = redis_pool_init(&redis->pool, redis->in_flight_max);
	if (r < 0)
		goto fail;
	arm_timer(redis, 0);
	return redis;

fail:
	redis_free(redis);
	errno = -r;
	return NULL;
}

void redis_free(struct redis *redis)
{
	struct redis_command *command;

	if (!redis)
		return;
	redis->on_state = NULL;
	if (redis->base) {
		redisAsyncContext *ac = redis->link ? redis->link->ac : NULL;

		if (ac)
			ac->data = NULL;
		lost(redis, "closing"); /* everything sent now lies in `done` */
		if (ac)
			redisAsyncFree(ac);
		while ((command = redis_commands_take(&redis->done)))
			redis_pool_finish(&redis->pool, command, command->outcome, NULL);
		evtimer_del(&redis->timer);
		evtimer_del(&redis->turn);
	}
	free(redis->argv);
	free(redis->argvlen);
	redis_pool_release(&redis->pool);
	free(redis->host);
	free(redis->user);
	free(redis->password);
	free(redis);
}

bool redis_is_connected(const struct redis *redis)
{
	return redis->state == CONNECTED;
}

static void on_reply(redisAsyncContext *ac, void *r, void *privdata)
{
	struct redis *redis = ac->data;
	struct redis_command *command;

	if (!redis)
		return;
	if (!r) {
		on_disconnect(ac, REDIS_ERR);
		return;
	}
	command = redis_commands_take(&redis->sent);
	assert(command == privdata);
	redis_pool_finish(&redis->pool, command, REDIS_OK, r);
}

static bool make_argv(struct redis *redis, size_t argc, const struct slice *argv)
{
	if (argc > redis->argv_cap) {
		const char **grown = reallocarray(redis->argv, argc, sizeof(*grown));
		size_t *grown_len;

		if (!grown)
			return false;
		redis->argv = grown;
		grown_len = reallocarray(redis->argvlen, argc, sizeof(*grown_len));
		if (!grown_len)
			return false;
		redis->argvlen = grown_len;
		redis->argv_cap = argc;
	}
	for (size_t i = 0; i < argc; i++) {
		redis->argv[i] = argv[i].len ? argv[i].ptr : "";
		redis->argvlen[i] = argv[i].len;
	}
	return true;
}

void redis_call(struct redis *redis, redis_cb *cb, void *arg, size_t argc, const struct slice *argv)
{
	bool room = redis->pool.taken < redis->in_flight_max;
	struct redis_command *command = redis_pool_take(&redis->pool, cb, arg);

	if (!room || redis->state != CONNECTED || redis->write_failed ||
	    !make_argv(redis, argc, argv) ||
	    redisAsyncCommandArgv(redis->link->ac, on_reply, command, (int)argc, redis->argv,
		redis->argvlen) != REDIS_OK) {
		finish_later(redis, command, REDIS_NOT_SENT);
		return;
	}
	command->deadline_ms = clock_steady_ms() + redis->deadline_ms;
	redis_commands_put(&redis->sent, command);
	if (!evtimer_pending(&redis->timer, NULL))
		arm_timer(redis, redis->deadline_ms);
}

/* Never completes anything by itself: a failed write is acted on in the next turn. */
void redis_flush(struct redis *redis)
{
	struct redis_link *link = redis->link;
	int all = 0;

	if (!link || link->connecting || redis->write_failed)
		return;
	if (redisBufferWrite(&link->ac->c, &all) != REDIS_OK) {
		redis->write_failed = true;
		next_turn(redis);
		return;
	}
	if (!all)
		redis_link_watch_output(link);
	redis_link_watch_input(link);
}
