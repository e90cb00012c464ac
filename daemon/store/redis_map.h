/* Which of a cluster's servers has which slot, as one of them tells it. Pure. */
#ifndef TALLYD_STORE_REDIS_MAP_H
#define TALLYD_STORE_REDIS_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "store/redis.h"
#include "store/redis_wire.h"

#define REDIS_MASTERS_MAX 250
#define REDIS_HOST_MAX    256
#define REDIS_NOBODY      255 /* has this slot */

struct redis_place {
	char host[REDIS_HOST_MAX];
	int port;
};

struct redis_map {
	struct redis_place masters[REDIS_MASTERS_MAX];
	unsigned n;
	uint8_t of[REDIS_SLOTS]; /* index into masters, or REDIS_NOBODY */
	bool whole;              /* each slot has somebody */
};

/* Of a reply to CLUSTER SLOTS (redis.io/commands/cluster-slots). A master without an address is the
 * one that was asked. 0, or -EBADMSG: it is no such reply, and the map is of no use. */
__attribute__((warn_unused_result)) int redis_map_read(
    const struct redis_reply *slots, const struct redis_place *asked, struct redis_map *ret);

enum redis_move { REDIS_STAYS, REDIS_MOVED, REDIS_ASK };
/* "MOVED 3999 127.0.0.1:6381", "ASK 3999 127.0.0.1:6381": what an error reply says of its command,
 * which was not carried out. Without a host it is that of `asked`. */
enum redis_move redis_map_move(struct slice error, const struct redis_place *asked,
    unsigned *ret_slot, struct redis_place *ret_place);

bool redis_place_is(const struct redis_place *a, const struct redis_place *b);

#endif
