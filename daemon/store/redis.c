/* Commands to the server that has their key: one server, or the masters of a Redis Cluster. Knows
 * where commands go and what becomes of them when keys move; connections are redis_node.c's,
 * waiting for replicas is redis_group.c's.
 *
 * The way of a command: redis_call() -> its server's connection, or its group -> told. In a cluster
 * it is kept as an errand meanwhile: "MOVED" and "ASK" say that it was not carried out and where to
 * go, so it goes there.
 *
 * The map of slots is asked for anew whenever it shows that it is old: somebody says MOVED or
 * CLUSTERDOWN, or a server cannot be reached; then until all is well again, several times a second.
 */
#include "store/redis.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/buf.h"
#include "base/log.h"
#include "store/redis_group.h"
#include "store/redis_link.h"
#include "store/redis_map.h"
#include "store/redis_node.h"
#include "store/redis_wire.h"

enum {
	MOVES_MAX = 5,          /* of one command */
	WIRE_MAX = 64 << 20,    /* bytes of one command */
	POLL_TROUBLED_MS = 100, /* how often a cluster is asked while something is wrong with it */
	POLL_QUIET_MS = 5000,
	WHY_MAX = 384,
};

struct server {
	struct redis *redis;
	struct redis_place place;
	struct redis_node *node;
	struct redis_group *group; /* writes; NULL: they need no replicas */
	bool seed;                 /* of the configuration: stays */
	bool serves;               /* has slots, as far as we know */
	char why[WHY_MAX];         /* it is not connected */
};

struct redis {
	struct event_base *base;
	char *user, *password;
	struct redis_options options; /* its text is not ours: user and password are above */

	struct server *servers[REDIS_MASTERS_MAX];
	unsigned n_servers;
	struct redis_map *map;   /* NULL: one server */
	uint8_t of[REDIS_SLOTS]; /* index into servers, or REDIS_NOBODY */

	bool up, told_down; /* what was told last */
	bool news;          /* a server has come (back), or keys have moved, since "up" was told */
	bool troubled;      /* the map may be old */
	bool map_was_read;
	bool asking;    /* for the map */
	unsigned asked; /* index of the server that was asked last */
	struct event poll;

	struct redis_errand *lost,
	    **lost_tail; /* there is no server for them: told in the next turn */
	struct event turn;
	struct buf wire; /* scratch for one command */
	bool closing;
};

/* ---- servers ---- */

static bool server_is_connected(const struct server *server)
{
	return redis_node_is_connected(server->node) &&
	       (!server->group || redis_group_is_connected(server->group));
}

static void on_connection(void *arg, bool connected, const char *why);
static void on_errand_done(
    struct redis_errand *errand, enum redis_outcome outcome, const struct redis_reply *reply);

static void on_few_replicas(void *arg, unsigned have, unsigned want)
{
	const struct server *server = arg;

	log_error(
	    "redis %s:%d: %u of %u replicas have what was written within %u ms: its outcome "
	    "counts as unknown, and voters are told to ask again",
	    server->place.host, server->place.port, have, want, server->redis->options.wait_ms);
}

static void server_free(struct server *server)
{
	if (!server)
		return;
	redis_node_free(server->node);
	redis_group_free(server->group);
	free(server);
}

/* Begins to connect. NULL: memory, or too many. */
static struct server *server_add(struct redis *redis, const struct redis_place *place)
{
	const struct redis_options *o = &redis->options;
	struct server *server;
	struct redis_node_options node = {
	    .host = place->host,
	    .port = place->port,
	    .user = redis->user,
	    .password = redis->password,
	    .deadline_ms = o->deadline_ms,
	    .in_flight_max = o->in_flight_max,
	    .backoff_max_ms = o->backoff_max_ms,
	    .on_state = on_connection,
	};

	if (redis->n_servers == REDIS_MASTERS_MAX || !(server = calloc(1, sizeof(*server))))
		return NULL;
	server->redis = redis;
	server->place = *place;
	node.arg = server;
	server->node = redis_node_new(redis->base, &node);
	node.in_flight_max += 4; /* the group's own commands always have room */
	if (o->replicas > 0)
		server->group = redis_group_new(redis->base, &(struct redis_group_options){
								 .node = node,
								 .replicas = o->replicas,
								 .wait_ms = o->wait_ms,
								 .on_done = on_errand_done,
								 .on_few = on_few_replicas,
								 .arg = server,
							     });
	if (!server->node || (o->replicas > 0 && !server->group)) {
		server_free(server);
		return NULL;
	}
	redis->servers[redis->n_servers++] = server;
	return server;
}

/* Its index, added where it is new; REDIS_NOBODY: neither. */
static unsigned server_at(struct redis *redis, const struct redis_place *place)
{
	for (unsigned i = 0; i < redis->n_servers; i++)
		if (redis_place_is(&redis->servers[i]->place, place))
			return i;
	return server_add(redis, place) ? redis->n_servers - 1 : REDIS_NOBODY;
}

/* Those that have no slots any more and nothing under way. Not from within their callbacks. */
static void drop_servers(struct redis *redis)
{
	for (unsigned i = redis->n_servers; i-- > 0;) {
		struct server *server = redis->servers[i];

		if (server->seed || server->serves || !redis_node_is_idle(server->node) ||
		    (server->group && !redis_group_is_idle(server->group)))
			continue;
		redis->servers[i] = redis->servers[--redis->n_servers];
		for (unsigned slot = 0; slot < REDIS_SLOTS; slot++)
			if (redis->of[slot] == redis->n_servers)
				redis->of[slot] = (uint8_t)i;
		server_free(server);
	}
}

/* ---- how it stands ---- */

static void tell(struct redis *redis, bool up, const char *why)
{
	char text[WHY_MAX];

	if (!up && redis->told_down)
		return; /* what stays away is told of once, not at every attempt */
	snprintf(text, sizeof(text), "%s", why); /* `why` may lie in a server */
	redis->up = up;
	redis->told_down = !up;
	if (up)
		redis->news = false;
	if (redis->options.on_state)
		redis->options.on_state(redis->options.arg, up, text);
}

/* Up once everybody is there, and told again whenever that has changed; down when nobody is. In
 * between, what concerns those who are not there is refused. */
static void reckon(struct redis *redis)
{
	unsigned serving = 0, connected = 0;
	const char *why = "";

	for (unsigned i = 0; i < redis->n_servers; i++) {
		const struct server *server = redis->servers[i];
		bool is_there = server_is_connected(server);

		serving += server->serves;
		connected += server->serves && is_there;
		if (!is_there && (server->serves || !redis->up) && server->why[0])
			why = server->why;
	}
	if (serving > 0 && connected == serving && !redis->troubled) {
		if (redis->news)
			tell(redis, true, "connected");
	} else if (connected == 0 && why[0]) {
		tell(redis, false, why);
	} else if (!redis->up && redis->map && redis->map_was_read && !redis->map->whole) {
		tell(redis, false, "the cluster has slots that no server serves");
	}
}

/* ---- the map of a cluster ---- */

static void poll_in(struct redis *redis, int ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	if (redis->map && !redis->closing)
		evtimer_add(&redis->poll, &tv);
}

/* Asked at once, unless that was done a moment ago. */
static void suspect(struct redis *redis)
{
	if (redis->troubled)
		return;
	redis->troubled = true;
	poll_in(redis, 0);
}

static void take_map(struct redis *redis)
{
	const struct redis_map *map = redis->map;
	uint8_t at[REDIS_MASTERS_MAX] = {0}, old;

	for (unsigned i = 0; i < redis->n_servers; i++)
		redis->servers[i]->serves = false;
	for (unsigned i = 0; i < map->n; i++) {
		at[i] = (uint8_t)server_at(redis, &map->masters[i]);
		if (at[i] != REDIS_NOBODY)
			redis->servers[at[i]]->serves = true;
	}
	for (unsigned slot = 0; slot < REDIS_SLOTS; slot++) {
		old = redis->of[slot];
		redis->of[slot] = map->of[slot] == REDIS_NOBODY ? REDIS_NOBODY : at[map->of[slot]];
		redis->news = redis->news || redis->of[slot] != old;
	}
	redis->map_was_read = true;
	redis->troubled = !map->whole;
}

/* "ERR This instance has cluster support disabled" and the like. */
static void tell_no_map(struct redis *redis, const struct server *server, struct slice error)
{
	char why[WHY_MAX];

	snprintf(why, sizeof(why), "%.200s:%d does not tell who has which keys: %.*s",
	    server->place.host, server->place.port, (int)(error.len < 120 ? error.len : 120),
	    error.ptr);
	if (!redis->up)
		tell(redis, false, why);
}

static void on_slots(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct server *server = arg;
	struct redis *redis = server->redis;
	int r = -EIO;

	redis->asking = false;
	if (redis->closing)
		return;
	if (outcome == REDIS_OK)
		r = redis_map_read(reply, &server->place, redis->map);
	if (r == 0)
		take_map(redis);
	else if (outcome == REDIS_OK)
		tell_no_map(redis, server, redis_reply_text(reply));
	reckon(redis);
	poll_in(redis, redis->troubled || !redis->up ? POLL_TROUBLED_MS : POLL_QUIET_MS);
}

/* The next one after whom was asked last: what one cannot say, another may. */
static void ask_for_map(struct redis *redis)
{
	static const char wire[] = "*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n";

	for (unsigned i = 0; i < redis->n_servers; i++) {
		struct server *server = redis->servers[(redis->asked + 1 + i) % redis->n_servers];

		if (!redis_node_is_connected(server->node))
			continue;
		redis->asked = (redis->asked + 1 + i) % redis->n_servers;
		redis->asking = true;
		redis_node_send(server->node, on_slots, server, slice_make(wire, sizeof(wire) - 1));
		redis_node_flush(server->node);
		return;
	}
}

static bool all_connected(const struct redis *redis)
{
	for (unsigned i = 0; i < redis->n_servers; i++)
		if (redis->servers[i]->serves && !server_is_connected(redis->servers[i]))
			return false;
	return true;
}

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct redis *redis = arg;

	(void)fd;
	(void)what;
	if (!redis->asking) {
		drop_servers(redis);
		ask_for_map(redis);
	}
	if (!redis->asking)
		reckon(redis);
	poll_in(redis, redis->troubled || !all_connected(redis) ? POLL_TROUBLED_MS : POLL_QUIET_MS);
}

static void on_connection(void *arg, bool connected, const char *why)
{
	struct server *server = arg;
	struct redis *redis = server->redis;

	if (redis->closing)
		return;
	snprintf(server->why, sizeof(server->why), "%s", connected ? "" : why);
	if (!redis->map) {
		redis->news = redis->news || server_is_connected(server);
		reckon(redis);
		return;
	}
	if (redis->up && server->serves)
		log_warn("redis %s:%d: %s", server->place.host, server->place.port, why);
	if (server_is_connected(server) && server->serves)
		redis->news = true;
	redis->troubled = true;
	reckon(redis);
	poll_in(redis, connected ? 0 : POLL_TROUBLED_MS);
}

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
	on_errand_done(arg, outcome, reply);
}

static void errand_send(struct redis_errand *errand, struct server *server)
{
	errand->server = server;
	if (!server) {
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
		suspect(redis);
	if (move == REDIS_STAYS || errand->moves++ == MOVES_MAX)
		return false;
	at = server_at(redis, &place);
	if (move == REDIS_MOVED && at != REDIS_NOBODY) {
		redis->of[slot] = (uint8_t)at;
		redis->servers[at]->serves = true;
		redis->news = true;
	}
	errand->asking = move == REDIS_ASK;
	errand_send(errand, at == REDIS_NOBODY ? NULL : redis->servers[at]);
	return true;
}

static void on_errand_done(
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
	struct redis_errand *errand = malloc(sizeof(*errand) + wire.len);
	struct slice tag = redis_hash_tag(key);

	if (!errand)
		abort(); /* nobody could be told of the failure */
	*errand = (struct redis_errand){.redis = redis, .cb = cb, .arg = arg, .len = wire.len};
	memcpy(errand->wire, wire.ptr, wire.len);
	errand->tag = slice_make(errand->wire, 0);
	if (key.len > 0) /* found again in the copy, where it outlives the caller's */
		errand->tag =
		    slice_make(memmem(errand->wire, errand->len, tag.ptr, tag.len), tag.len);
	return errand;
}

/* `server` NULL: whoever has the key. */
static void call(struct redis *redis, struct server *server, bool write, redis_cb *cb, void *arg,
    size_t argc, const struct slice *argv)
{
	struct slice key = slice_text("");
	struct redis_errand *errand;

	buf_clear(&redis->wire);
	if (redis_wire(argc, argv, &redis->wire) != 0)
		server = NULL; /* too large: goes nowhere */
	else if (!server)
		server =
		    redis_wire_key(argc, argv, &key) ? server_of(redis, key) : any_server(redis);
	if (server && !redis->map && !(write && server->group)) {
		redis_node_send(server->node, cb, arg, buf_slice(&redis->wire));
		return;
	}
	errand = errand_new(redis, cb, arg, key, buf_slice(&redis->wire));
	errand->write = write && key.len > 0;
	errand_send(errand, server);
}

void redis_call(struct redis *redis, redis_cb *cb, void *arg, size_t argc, const struct slice *argv)
{
	call(redis, NULL, false, cb, arg, argc, argv);
}

void redis_write(
    struct redis *redis, redis_cb *cb, void *arg, size_t argc, const struct slice *argv)
{
	call(redis, NULL, true, cb, arg, argc, argv);
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

void redis_call_master(
    struct redis *redis, unsigned n, redis_cb *cb, void *arg, size_t argc, const struct slice *argv)
{
	struct server *server = master(redis, n);

	if (server)
		call(redis, server, false, cb, arg, argc, argv);
	else
		end_later(redis, errand_new(redis, cb, arg, slice_text(""), slice_text("")));
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
	struct server *server;
	int r = redis_address_parse(address, &host, &place.port);

	if (r == 0 && strlen(host) >= sizeof(place.host))
		r = -EINVAL;
	if (r == 0) {
		memcpy(place.host, host, strlen(host));
		server = server_add(redis, &place);
		if (server)
			server->seed = true;
		else
			r = -ENOMEM;
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
	poll_in(redis, POLL_TROUBLED_MS);
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
	memset(redis->of, REDIS_NOBODY, sizeof(redis->of));
	buf_init(&redis->wire, WIRE_MAX);
	evtimer_assign(&redis->poll, base, on_poll, redis);
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
	/* Their last commands end here, and whoever hears of it may ask for more. */
	for (unsigned i = 0; i < redis->n_servers; i++)
		redis->servers[i]->serves = false;
	memset(redis->of, REDIS_NOBODY, sizeof(redis->of));
	while (redis->n_servers > 0)
		server_free(redis->servers[--redis->n_servers]);
	while (redis->lost)
		end_lost(redis);
	evtimer_del(&redis->poll);
	evtimer_del(&redis->turn);
	buf_release(&redis->wire);
	free(redis->map);
	free(redis->user);
	free(redis->password);
	free(redis);
}
