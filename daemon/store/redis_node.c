/* One connection to one Redis server over hiredis' asynchronous client: see redis_node.h. Knows
 * connections and commands, not what they mean.
 *
 * Facts of hiredis 0.14 this file is built around: a context being freed calls back what is pending
 * with a NULL reply, and a command issued inside such a callback is never called back; a refused
 * connection calls the connect callback only, and freeing the context in there is a use after free;
 * there are no timeouts. So a command belongs to this file, not to hiredis: the moment a connection
 * is lost or dropped, ac->data is cleared, which makes hiredis' late callbacks void, and every
 * command of it is completed from here, in a later turn. */
#include "store/redis_node.h"

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

struct redis_node {
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
};

/* ---- commands ---- */

static void next_turn(struct redis_node *node)
{
	static const struct timeval at_once = {0, 0};

	if (!evtimer_pending(&node->turn, NULL))
		evtimer_add(&node->turn, &at_once);
}

static void on_output(void *owner)
{
	next_turn(owner);
}

static void finish_later(
    struct redis_node *node, struct redis_command *command, enum redis_outcome outcome)
{
	command->outcome = outcome;
	redis_commands_put(&node->done, command);
	next_turn(node);
}

static void arm_timer(struct redis_node *node, int64_t ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

	evtimer_add(&node->timer, &tv);
}

/* ---- connecting and losing ---- */

static void tell(struct redis_node *node, bool connected, const char *why)
{
	/* A server that stays away is told of once, not at every attempt. */
	if (!connected && node->told_down)
		return;
	node->told_down = !connected;
	if (node->on_state)
		node->on_state(node->arg, connected, why);
}

/* The only place that changes node->state. */
static void set_state(struct redis_node *node, enum state state)
{
	node->state = state;
	if (state == CONNECTED)
		node->backoff_ms = FIRST_BACKOFF_MS;
}

/* Between half and all of the backoff, so that workers do not come back in step. */
static int64_t next_backoff(struct redis_node *node)
{
	unsigned half = node->backoff_ms / 2;
	unsigned random;

	evutil_secure_rng_get_bytes(&random, sizeof(random));
	node->backoff_ms *= 2;
	if (node->backoff_ms > node->backoff_max_ms)
		node->backoff_ms = node->backoff_max_ms;
	return half + random % (half + 1);
}

/* The connection is gone, or is given up; whoever calls has seen to it that hiredis' callbacks for
 * it are void or over. Touches neither context nor link: hiredis cleans the link up before it tells
 * of the disconnection. */
static void lost(struct redis_node *node, const char *why)
{
	struct redis_command *command;

	node->link = NULL;
	node->write_failed = false;
	set_state(node, WAITING);
	while ((command = redis_commands_take(&node->sent)))
		finish_later(node, command, REDIS_UNKNOWN);
	arm_timer(node, next_backoff(node));
	tell(node, false, why);
}

/* Gives the connection up and frees it. Inside a reply's callback hiredis puts the freeing off by
 * itself; inside the connect callback this must not be called. */
static void drop(struct redis_node *node, const char *why)
{
	char text[WHY_MAX];
	redisAsyncContext *ac = node->link ? node->link->ac : NULL;

	snprintf(text, sizeof(text), "%s", why); /* `why` may lie in the context */
	if (ac)
		ac->data = NULL;
	node->link = NULL;
	if (ac)
		redisAsyncFree(ac);
	lost(node, text);
}

static void on_disconnect(const redisAsyncContext *ac, int status)
{
	struct redis_node *node = ac->data;
	char why[WHY_MAX];

	(void)status;
	if (!node)
		return;
	snprintf(why, sizeof(why), "connection lost: %s", ac->errstr ? ac->errstr : "closed");
	lost(node, why);
}

/* AUTH refused, LOADING and the like: better to come back later than to be half connected. */
static void on_greeting(redisAsyncContext *ac, void *r, void *last)
{
	struct redis_node *node = ac->data;
	const redisReply *reply = r;

	if (!node)
		return;
	if (!reply) { /* the context is being freed; on_disconnect() would come next */
		ac->data = NULL;
		lost(node, "connection lost while greeting");
	} else if (reply->type == REDIS_REPLY_ERROR) {
		drop(node, reply->str);
	} else if (last) {
		evtimer_del(&node->timer);
		set_state(node, CONNECTED);
		tell(node, true, "connected");
	}
}

static int greet(redisAsyncContext *ac, const struct redis_node *node)
{
	const char *auth[] = {"AUTH", node->user, node->password};
	const char *plain[] = {"AUTH", node->password};
	static char last; /* any address: marks the command that ends the greeting */
	int bad = 0;

	if (node->password && node->user)
		bad |= redisAsyncCommandArgv(ac, on_greeting, NULL, 3, auth, NULL);
	else if (node->password)
		bad |= redisAsyncCommandArgv(ac, on_greeting, NULL, 2, plain, NULL);
	bad |= redisAsyncCommand(ac, on_greeting, &last, "PING");
	return bad;
}

static void on_connect(const redisAsyncContext *const_ac, int status)
{
	struct redis_node *node = const_ac->data;
	char why[WHY_MAX];

	if (!node)
		return;
	if (status != REDIS_OK) {
		snprintf(why, sizeof(why), "cannot connect: %s", const_ac->c.errstr);
		node->link->ac->data = NULL; /* hiredis frees the context after this callback */
		lost(node, why);
		return;
	}
	node->link->connecting = false;
	set_state(node, GREETING);
	if (greet(node->link->ac, node) != 0)
		node->write_failed = true;
	next_turn(node);
}

static void connect_now(struct redis_node *node)
{
	redisAsyncContext *ac = node->port ? redisAsyncConnect(node->host, node->port)
					   : redisAsyncConnectUnix(node->host);
	char why[WHY_MAX] = "cannot connect: out of memory";

	if (ac && ac->err)
		snprintf(why, sizeof(why), "cannot connect: %s", ac->errstr);
	if (!ac || ac->err || !(node->link = redis_link_new(node->base, ac, on_output))) {
		if (ac)
			redisAsyncFree(ac);
		lost(node, why);
		return;
	}
	/* Bulk replies come and go: do not shrink the reader's buffer each time. */
	ac->c.reader->maxbuf = 64 * 1024;
	ac->data = node;
	set_state(node, CONNECTING);
	redisAsyncSetConnectCallback(ac, on_connect);
	redisAsyncSetDisconnectCallback(ac, on_disconnect);
	arm_timer(node, node->deadline_ms);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct redis_node *node = arg;
	int64_t left;

	(void)fd;
	(void)what;
	switch (node->state) {
	case WAITING:
		connect_now(node);
		break;
	case CONNECTING:
	case GREETING:
		drop(node, "cannot connect: no answer before the deadline");
		break;
	case CONNECTED:
		if (!node->sent.head)
			break;
		left = node->sent.head->deadline_ms - clock_steady_ms();
		if (left > 0)
			arm_timer(node, left);
		else
			drop(node, "no answer before the deadline");
		break;
	}
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct redis_node *node = arg;
	struct redis_commands batch;
	struct redis_command *command;

	(void)fd;
	(void)what;
	redis_node_flush(node);
	if (node->write_failed)
		drop(node, "connection lost: cannot write");

	/* Only what is there now: a callback that issues the next command must not keep the loop.
	 */
	if (!node->done.head)
		return;
	batch = node->done;
	redis_commands_init(&node->done);
	while ((command = batch.head)) {
		batch.head = command->next;
		redis_pool_finish(&node->pool, command, command->outcome, NULL);
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

struct redis_node *redis_node_new(struct event_base *base, const struct redis_node_options *options)
{
	struct redis_node *node = calloc(1, sizeof(*node));
	int r = -ENOMEM;

	if (!node)
		goto fail;
	node->base = base;
	node->deadline_ms = options->deadline_ms;
	node->in_flight_max = options->in_flight_max;
	node->backoff_max_ms =
	    options->backoff_max_ms > FIRST_BACKOFF_MS ? options->backoff_max_ms : FIRST_BACKOFF_MS;
	node->backoff_ms = FIRST_BACKOFF_MS;
	node->on_state = options->on_state;
	node->arg = options->arg;
	redis_commands_init(&node->sent);
	redis_commands_init(&node->done);
	evtimer_assign(&node->timer, base, on_timer, node);
	evtimer_assign(&node->turn, base, on_turn, node);

	node->port = options->port;
	r = copy_text(options->host, &node->host);
	if (r == 0)
		r = copy_text(options->user, &node->user);
	if (r == 0)
		r = copy_text(options->password, &node->password);
	if (r < 0)
		goto fail;

	r = redis_pool_init(&node->pool, node->in_flight_max);
	if (r < 0)
		goto fail;
	arm_timer(node, 0);
	return node;

fail:
	redis_node_free(node);
	errno = -r;
	return NULL;
}

void redis_node_free(struct redis_node *node)
{
	struct redis_command *command;

	if (!node)
		return;
	node->on_state = NULL;
	if (node->base) {
		redisAsyncContext *ac = node->link ? node->link->ac : NULL;

		if (ac)
			ac->data = NULL;
		lost(node, "closing"); /* everything sent now lies in `done` */
		if (ac)
			redisAsyncFree(ac);
		while ((command = redis_commands_take(&node->done)))
			redis_pool_finish(&node->pool, command, command->outcome, NULL);
		evtimer_del(&node->timer);
		evtimer_del(&node->turn);
	}
	redis_pool_release(&node->pool);
	free(node->host);
	free(node->user);
	free(node->password);
	free(node);
}

bool redis_node_is_connected(const struct redis_node *node)
{
	return node->state == CONNECTED;
}

static void on_reply(redisAsyncContext *ac, void *r, void *privdata)
{
	struct redis_node *node = ac->data;
	struct redis_command *command;

	if (!node)
		return;
	if (!r) {
		on_disconnect(ac, REDIS_ERR);
		return;
	}
	command = redis_commands_take(&node->sent);
	assert(command == privdata);
	redis_pool_finish(&node->pool, command, REDIS_OK, r);
}

void redis_node_send(struct redis_node *node, redis_cb *cb, void *arg, struct slice wire)
{
	bool room = node->pool.taken < node->in_flight_max;
	struct redis_command *command = redis_pool_take(&node->pool, cb, arg);

	if (!room || node->state != CONNECTED || node->write_failed ||
	    redisAsyncFormattedCommand(node->link->ac, on_reply, command, wire.ptr, wire.len) !=
		REDIS_OK) {
		finish_later(node, command, REDIS_NOT_SENT);
		return;
	}
	command->deadline_ms = clock_steady_ms() + node->deadline_ms;
	redis_commands_put(&node->sent, command);
	if (!evtimer_pending(&node->timer, NULL))
		arm_timer(node, node->deadline_ms);
}

static void ignore(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	(void)arg;
	(void)outcome;
	(void)reply;
}

void redis_node_send_asking(struct redis_node *node)
{
	static const char wire[] = "*1\r\n$6\r\nASKING\r\n";

	redis_node_send(node, ignore, NULL, slice_make(wire, sizeof(wire) - 1));
}

bool redis_node_is_idle(const struct redis_node *node)
{
	return node->pool.taken == 0;
}

/* Never completes anything by itself: a failed write is acted on in the next turn. */
void redis_node_flush(struct redis_node *node)
{
	struct redis_link *link = node->link;
	int all = 0;

	if (!link || link->connecting || node->write_failed)
		return;
	if (redisBufferWrite(&link->ac->c, &all) != REDIS_OK) {
		node->write_failed = true;
		next_turn(node);
		return;
	}
	if (!all)
		redis_link_watch_output(link);
	redis_link_watch_input(link);
}
