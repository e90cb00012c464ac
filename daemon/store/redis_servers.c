/* Who has which keys: one server, or the masters of a cluster. Connects to them, asks for the map
 * of slots anew whenever it shows that it is old (somebody says MOVED or CLUSTERDOWN, or a server
 * cannot be reached; then until all is well again, several times a second), and tells how it
 * stands. */
#include "store/redis_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"

enum {
	POLL_TROUBLED_MS = 100, /* how often a cluster is asked while something is wrong with it */
	POLL_QUIET_MS = 5000,
	AWAY_AFTER_MS = 1000, /* who is missing then is gone on without, where that is wanted */
};

/* ---- servers ---- */

bool server_is_connected(const struct server *server)
{
	return redis_node_is_connected(server->node) &&
	       (!server->group || redis_group_is_connected(server->group));
}

static void on_connection(void *arg, bool connected, const char *why);

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
								 .on_done = redis_errand_done,
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

unsigned redis_server_at(struct redis *redis, const struct redis_place *place)
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
	char text[REDIS_WHY_MAX];

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

void redis_note_news(struct redis *redis)
{
	if (!redis->news)
		redis->news_ms = clock_steady_ms();
	redis->news = true;
}

/* Those who are there are news, and the others had their time. */
static bool goes_on_without(const struct redis *redis)
{
	return redis->options.judged && redis->map_was_read && redis->news &&
	       clock_steady_ms() - redis->news_ms >= AWAY_AFTER_MS;
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
	} else if (connected > 0 && goes_on_without(redis)) {
		tell(redis, true, "connected in part");
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

void redis_suspect(struct redis *redis)
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
		at[i] = (uint8_t)redis_server_at(redis, &map->masters[i]);
		if (at[i] != REDIS_NOBODY)
			redis->servers[at[i]]->serves = true;
	}
	for (unsigned slot = 0; slot < REDIS_SLOTS; slot++) {
		old = redis->of[slot];
		redis->of[slot] = map->of[slot] == REDIS_NOBODY ? REDIS_NOBODY : at[map->of[slot]];
		if (redis->of[slot] != old)
			redis_note_news(redis);
	}
	redis->map_was_read = true;
	redis->troubled = !map->whole;
}

/* "ERR This instance has cluster support disabled" and the like. */
static void tell_no_map(struct redis *redis, const struct server *server, struct slice error)
{
	char why[REDIS_WHY_MAX];

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
	server->standing = STRANGER;
	snprintf(server->why, sizeof(server->why), "%s", connected ? "" : why);
	if (!redis->map) {
		if (server_is_connected(server))
			redis_note_news(redis);
		reckon(redis);
		return;
	}
	if (redis->up && server->serves)
		log_warn("redis %s:%d: %s", server->place.host, server->place.port, why);
	if (server_is_connected(server) && server->serves)
		redis_note_news(redis);
	redis->troubled = true;
	reckon(redis);
	poll_in(redis, connected ? 0 : POLL_TROUBLED_MS);
}

/* ---- life ---- */

void redis_servers_init(struct redis *redis)
{
	memset(redis->of, REDIS_NOBODY, sizeof(redis->of));
	evtimer_assign(&redis->poll, redis->base, on_poll, redis);
}

void redis_servers_watch(struct redis *redis)
{
	poll_in(redis, POLL_TROUBLED_MS);
}

void redis_servers_free(struct redis *redis)
{
	/* Their last commands end here, and whoever hears of it may ask for more. */
	for (unsigned i = 0; i < redis->n_servers; i++)
		redis->servers[i]->serves = false;
	memset(redis->of, REDIS_NOBODY, sizeof(redis->of));
	while (redis->n_servers > 0)
		server_free(redis->servers[--redis->n_servers]);
	evtimer_del(&redis->poll);
}
