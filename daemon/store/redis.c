/* Commands to the server that has their key. Knows what becomes of them when keys move; who has
 * which keys is redis_servers.c's, connections are redis_node.c's, waiting for replicas is
 * redis_group.c's.
 *
 * The way of a command: redis_call() -> its server's connection, or its group -> told. In a cluster
 * it is kept as an errand meanwhile: "MOVED" and "ASK" say that it was not carried out and where to
 * go, so it goes there. */
#include "store/redis_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "store/redis_link.h"
#include "store/redis_wire.h"

enum {
	MOVES_MAX = 5,       /* of one command */
	WIRE_MAX = 64 << 20, /* bytes of one command */
};

/* ---- commands ---- */

static void errand_end(
    struct redis_errand *errand, enum redis_outcome outcome, const struct redis_reply *reply)
{
	redis_cb *cb = errand->cb;
	void *arg = errand->arg;

	free(errand);
	cb(arg, outcome, reply);
}

static void end_later(struct redis *redis, struct redis_errand *errand)
{
	static const struct timeval at_once = {0, 0};

	errand->next = NULL;
	*redis->lost_tail = errand;
	redis->lost_tail = &errand->next;
	if (!evtimer_pending(&redis->turn, NULL))
		evtimer_add(&redis->turn, &at_once);
}

static void end_lost(struct redis *redis)
{
	struct redis_errand *errand, *list = redis->lost;

	redis->lost = NULL;
	redis->lost_tail = &redis->lost;
	while ((errand = list)) {
		list = errand->next;
		errand_end(errand, REDIS_NOT_SENT, NULL);
	}
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	end_lost(arg);
}

static void on_errand_reply(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	redis_errand_done(arg, outcome, reply);
}

static bool takes_votes(const struct server *server)
{
	return !server->redis->options.judged || server->standing == ADMITTED;
}

static void errand_send(struct redis_errand *errand, struct server *server)
{
	errand->server = server;
	if (!server || (errand->vote && !takes_votes(server))) {
		end_later(errand->redis, errand);
	} else if (errand->write && server->group) {
		redis_group_put(server->group, errand);
	} else {
		if (errand->asking)
			redis_node_send_asking(server->node);
		redis_node_send(server->node, on_errand_reply, errand, redis_errand_wire(errand));
	}
}

/* Where the error reply says that it should go. False: it says no such thing, or it has gone far
 * enough. */
static bool errand_move(struct redis_errand *errand, struct slice error)
{
	struct redis *redis = errand->redis;
	const struct server *from = errand->server;
	struct redis_place place;
	unsigned slot, at;
	enum redis_move move = redis_map_move(error, &from->place, &slot, &place);

	if (slice_starts(error, "CLUSTERDOWN") || move == REDIS_MOVED)
		redis_suspect(redis);
	if (move == REDIS_STAYS || errand->moves++ == MOVES_MAX)
		return false;
	at = redis_server_at(redis, &place);
	if (move == REDIS_MOVED && at != REDIS_NOBODY) {
		redis->of[slot] = (uint8_t)at;
		redis->servers[at]->serves = true;
		redis_note_news(redis);
	}
	errand->asking = move == REDIS_ASK;
	errand_send(errand, at == REDIS_NOBODY ? NULL : redis->servers[at]);
	return true;
}

void redis_errand_done(
    struct redis_errand *errand, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct redis *redis = errand->redis;

	if (redis->map && !redis->closing && outcome == REDIS_OK &&
	    redis_reply_kind(reply) == REDIS_ERROR && errand_move(errand, redis_reply_text(reply)))
		return;
	errand_end(errand, outcome, reply);
}

/* Any server that has slots and is there; NULL: none. */
static struct server *any_server(const struct redis *redis)
{
	for (unsigned i = 0; i < redis->n_servers; i++)
		if (redis->servers[i]->serves && server_is_connected(redis->servers[i]))
			return redis->servers[i];
	return NULL;
}

static struct server *server_of(const struct redis *redis, struct slice key)
{
	unsigned at = redis->of[redis->map ? redis_slot(key) : 0];

	return at == REDIS_NOBODY ? NULL : redis->servers[at];
}

static struct redis_errand *errand_new(
    struct redis *redis, redis_cb *cb, void *arg, struct slice key, struct slice wire)
{
	struct redis_errand *errand = malloc(sizeof(*errand) + wire.len + 1);
	struct slice tag = redis_hash_tag(key);

	if (!errand)
		abort(); /* nobody could be told of the failure */
	*errand = (struct redis_errand){.redis = redis, .cb = cb, .arg = arg, .len = wire.len};
	if (wire.len > 0) /* else it goes nowhere */
		memcpy(errand->wire, wire.ptr, wire.len);
	errand->wire[wire.len] = '\0'; /* as redis_wire() has it */
	errand->tag = slice_make(errand->wire, 0);
	if (key.len > 0) /* found again in the copy, where it outlives the caller's */
		errand->tag =
		    slice_make(memmem(errand->wire, errand->len, tag.ptr, tag.len), tag.len);
	return errand;
}

enum manner { CALL, WRITE, VOTE };

/* `server` NULL: whoever has the key. */
static void call(struct redis *redis, struct server *server, enum manner manner, redis_cb *cb,
    void *arg, size_t argc, const struct slice *argv)
{
	struct slice key = slice_text("");
	struct redis_errand *errand;

	buf_clear(&redis->wire);
	if (redis_wire(argc, argv, &redis->wire) != 0)
		server = NULL; /* too large: goes nowhere */
	else if (!server)
		server =
		    redis_wire_key(argc, argv, &key) ? server_of(redis, key) : any_server(redis);
	if (server && !redis->map && !(manner != CALL && server->group) &&
	    !(manner == VOTE && !takes_votes(server))) {
		redis_node_send(server->node, cb, arg, buf_slice(&redis->wire));
		return;
	}
	errand = errand_new(redis, cb, arg, key, buf_slice(&redis->wire));
	errand->write = manner != CALL && key.len > 0;
	errand->vote = manner == VOTE;
	errand_send(errand, server);
}

void redis_call(struct redis *redis, redis_cb *cb, void *arg, size_t argc, const struct slice *argv)
{
	call(redis, NULL, CALL, cb, arg, argc, argv);
}

void redis_write(
    struct redis *redis, redis_cb *cb, void *arg, size_t argc, const struct slice *argv)
{
	call(redis, NULL, WRITE, cb, arg, argc, argv);
}

void redis_vote(struct redis *redis, redis_cb *cb, void *arg, size_t argc, const struct slice *argv)
{
	call(redis, NULL, VOTE, cb, arg, argc, argv);
}

void redis_flush(struct redis *redis)
{
	for (unsigned i = 0; i < redis->n_servers; i++) {
		redis_node_flush(redis->servers[i]->node);
		if (redis->servers[i]->group)
			redis_group_flush(redis->servers[i]->group);
	}
}

/* ---- each master ---- */

static struct server *master(const struct redis *redis, unsigned n)
{
	for (unsigned i = 0; i < redis->n_servers; i++)
		if (redis->servers[i]->serves && n-- == 0)
			return redis->servers[i];
	return NULL;
}

unsigned redis_masters(const struct redis *redis)
{
	unsigned n = 0;

	while (master(redis, n))
		n++;
	return n;
}

void redis_master_name(const struct redis *redis, unsigned n, char *ret_name, size_t cap)
{
	const struct server *server = master(redis, n);

	if (!server)
		(void)snprintf(ret_name, cap, "%s", "");
	else if (server->place.port)
		(void)snprintf(ret_name, cap, "%s:%d", server->place.host, server->place.port);
	else
		(void)snprintf(ret_name, cap, "%s", server->place.host);
}

bool redis_master_is_connected(const struct redis *redis, unsigned n)
{
	const struct server *server = master(redis, n);

	return server && server_is_connected(server);
}

void redis_call_master(
    struct redis *redis, unsigned n, redis_cb *cb, void *arg, size_t argc, const struct slice *argv)
{
	struct server *server = master(redis, n);

	if (server)
		call(redis, server, CALL, cb, arg, argc, argv);
	else
		end_later(redis, errand_new(redis, cb, arg, slice_text(""), slice_text("")));
}

/* ---- who may have votes ---- */

void redis_judge(struct redis *redis)
{
	for (unsigned i = 0; i < redis->n_servers; i++) {
		struct server *server = redis->servers[i];

		if (server->standing == STRANGER && server->serves && server_is_connected(server))
			server->standing = JUDGED;
	}
}

void redis_admit(struct redis *redis)
{
	for (unsigned i = 0; i < redis->n_servers; i++)
		if (redis->servers[i]->standing == JUDGED)
			redis->servers[i]->standing = ADMITTED;
}

bool redis_is_cluster(const struct redis *redis)
{
	return redis->map;
}

unsigned redis_replicas(const struct redis *redis)
{
	return redis->options.replicas;
}

bool redis_is_connected(const struct redis *redis)
{
	return redis->up;
}

/* ---- life ---- */

static int copy_text(const char *text, char **ret)
{
	if (!text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int add_seed(struct redis *redis, const char *address)
{
	struct redis_place place = {{0}, 0};
	char *host = NULL;
	unsigned at;
	int r = redis_address_parse(address, &host, &place.port);

	if (r == 0 && strlen(host) >= sizeof(place.host))
		r = -EINVAL;
	if (r == 0) {
		memcpy(place.host, host, strlen(host));
		at = redis_server_at(redis, &place);
		if (at == REDIS_NOBODY)
			r = -ENOMEM;
		else
			redis->servers[at]->seed = true;
	}
	free(host);
	return r;
}

static int start(struct redis *redis)
{
	const struct redis_options *o = &redis->options;
	int r = copy_text(o->user, &redis->user);

	if (r == 0)
		r = copy_text(o->password, &redis->password);
	if (r == 0 && o->n_nodes > 0 && !(redis->map = calloc(1, sizeof(*redis->map))))
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < o->n_nodes; i++)
		r = add_seed(redis, o->nodes[i]);
	if (r == 0 && o->n_nodes == 0) {
		r = add_seed(redis, o->address);
		redis->of[0] = 0;
		if (r == 0)
			redis->servers[0]->serves = true;
	}
	redis_servers_watch(redis);
	return r;
}

struct redis *redis_new(struct event_base *base, const struct redis_options *options)
{
	struct redis *redis = calloc(1, sizeof(*redis));
	int r;

	if (!redis)
		return NULL;
	redis->base = base;
	redis->options = *options;
	redis->lost_tail = &redis->lost;
	buf_init(&redis->wire, WIRE_MAX);
	redis_servers_init(redis);
	evtimer_assign(&redis->turn, base, on_turn, redis);
	r = start(redis);
	if (r == 0)
		return redis;
	redis_free(redis);
	errno = -r;
	return NULL;
}

void redis_free(struct redis *redis)
{
	if (!redis)
		return;
	redis->closing = true;
	redis->up = false;
	redis_servers_free(redis);
	while (redis->lost)
		end_lost(redis);
	evtimer_del(&redis->turn);
	buf_release(&redis->wire);
	free(redis->map);
	free(redis->user);
	free(redis->password);
	free(redis);
}
