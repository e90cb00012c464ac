/* Reads what servers of a cluster say of slots: see redis_map.h. */
#include "store/redis_map.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool redis_place_is(const struct redis_place *a, const struct redis_place *b)
{
	return a->port == b->port && strcmp(a->host, b->host) == 0;
}

static bool place_set(
    struct slice host, int64_t port, const struct redis_place *asked, struct redis_place *ret)
{
	if (port < 1 || port > 65535 || host.len >= sizeof(ret->host))
		return false;
	memset(ret, 0, sizeof(*ret));
	if (host.len == 0 || slice_is(host, "?"))
		memcpy(ret->host, asked->host, sizeof(ret->host));
	else
		memcpy(ret->host, host.ptr, host.len);
	ret->port = (int)port;
	return true;
}

/* ---- CLUSTER SLOTS ---- */

/* The index of the master at this place, added if it is new; -1: too many. */
static int master_at(struct redis_map *map, const struct redis_place *place)
{
	for (unsigned i = 0; i < map->n; i++)
		if (redis_place_is(&map->masters[i], place))
			return (int)i;
	if (map->n == REDIS_MASTERS_MAX)
		return -1;
	map->masters[map->n] = *place;
	return (int)map->n++;
}

/* [first slot, last slot, [host, port, id, …], replicas …] */
static int read_range(
    const struct redis_reply *range, const struct redis_place *asked, struct redis_map *map)
{
	const struct redis_reply *master;
	struct redis_place place;
	int64_t first, last;
	int at;

	if (redis_reply_count(range) < 3)
		return -EBADMSG;
	first = redis_reply_integer(redis_reply_at(range, 0));
	last = redis_reply_integer(redis_reply_at(range, 1));
	master = redis_reply_at(range, 2);
	if (first < 0 || last < first || last >= REDIS_SLOTS || redis_reply_count(master) < 2 ||
	    !place_set(redis_reply_text(redis_reply_at(master, 0)),
		redis_reply_integer(redis_reply_at(master, 1)), asked, &place))
		return -EBADMSG;
	at = master_at(map, &place);
	if (at < 0)
		return -EBADMSG;
	memset(map->of + first, at, (size_t)(last - first + 1));
	return 0;
}

int redis_map_read(
    const struct redis_reply *slots, const struct redis_place *asked, struct redis_map *ret)
{
	if (redis_reply_kind(slots) != REDIS_ARRAY)
		return -EBADMSG;
	ret->n = 0;
	memset(ret->of, REDIS_NOBODY, sizeof(ret->of));
	for (size_t i = 0; i < redis_reply_count(slots); i++) {
		int r = read_range(redis_reply_at(slots, i), asked, ret);

		if (r < 0)
			return r;
	}
	ret->whole = !memchr(ret->of, REDIS_NOBODY, sizeof(ret->of));
	return 0;
}

/* ---- redirections ---- */

enum redis_move redis_map_move(struct slice error, const struct redis_place *asked,
    unsigned *ret_slot, struct redis_place *ret_place)
{
	char text[REDIS_HOST_MAX + 32], host[REDIS_HOST_MAX + 32];
	const char *colon;
	unsigned slot;
	enum redis_move move = slice_starts(error, "MOVED ") ? REDIS_MOVED
			       : slice_starts(error, "ASK ") ? REDIS_ASK
							     : REDIS_STAYS;

	if (move == REDIS_STAYS || error.len >= sizeof(text))
		return REDIS_STAYS;
	snprintf(text, sizeof(text), "%.*s", (int)error.len, error.ptr);
	if (sscanf(text, "%*s %u %255s", &slot, host) != 2 || slot >= REDIS_SLOTS ||
	    !(colon = strrchr(host, ':')) ||
	    !place_set(slice_make(host, (size_t)(colon - host)), strtol(colon + 1, NULL, 10), asked,
		ret_place))
		return REDIS_STAYS;
	*ret_slot = slot;
	return move;
}
