/* What the two halves of the store's connection share: redis.c (commands on their way) and
 * redis_servers.c (who has which keys). For no one else. */
#ifndef TALLYD_STORE_REDIS_IMPL_H
#define TALLYD_STORE_REDIS_IMPL_H

#include <event2/event_struct.h>

#include "base/buf.h"
#include "store/redis.h"
#include "store/redis_errand.h"
#include "store/redis_group.h"
#include "store/redis_map.h"
#include "store/redis_node.h"

#define REDIS_WHY_MAX 384

struct server {
	struct redis *redis;
	struct redis_place place;
	struct redis_node *node;
	struct redis_group *group;                    /* writes; NULL: they need no replicas */
	bool seed;                                    /* of the configuration: stays */
	bool serves;                                  /* has slots, as far as we know */
	enum { STRANGER, JUDGED, ADMITTED } standing; /* of this connection */
	char why[REDIS_WHY_MAX];                      /* it is not connected */
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
	bool news;          /* a server has come (back), or keys have moved, since "up" was told: */
	int64_t news_ms;    /* so long ago, by the steady clock */
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

/* redis_servers.c */
bool server_is_connected(const struct server *server);
/* A server has come (back), or keys have moved. */
void redis_note_news(struct redis *redis);
/* Its index, added where it is new, which begins to connect; REDIS_NOBODY: memory, or too many. */
unsigned redis_server_at(struct redis *redis, const struct redis_place *place);
void redis_servers_init(struct redis *redis); /* has base */
void redis_servers_free(struct redis *redis);
/* The server that was asked says that the map is old: it is asked for at once, unless that was done
 * a moment ago. */
void redis_suspect(struct redis *redis);
/* Begins to look after the map; does nothing where there is one server. */
void redis_servers_watch(struct redis *redis);

/* redis.c: the end of an errand, or it goes on elsewhere. */
void redis_errand_done(
    struct redis_errand *errand, enum redis_outcome outcome, const struct redis_reply *reply);

#endif
