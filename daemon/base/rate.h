/* Rate limits by key: the generic cell rate algorithm over a table of fixed size that any number of
 * processes may share (it lies in a shared mapping made before the fork). Lock-free.
 * Under pressure the least recently limited key of a set is forgotten: a limit may then be
 * generous, never unjust. */
#ifndef TALLYD_BASE_RATE_H
#define TALLYD_BASE_RATE_H

#include <stdint.h>
#include <stddef.h>

struct sockaddr;
struct rate_table;

/* `slots` is rounded up to a power of two. NULL when memory is short. */
struct rate_table *rate_table_new(size_t slots);
/* The same in memory of the caller's, of rate_table_size(slots) bytes and aligned to 64: a table if
 * it is all zeros, or the one that lies there. Not to be freed. */
size_t rate_table_size(size_t slots);
struct rate_table *rate_table_in(void *memory, size_t slots);
void rate_table_free(struct rate_table *table);

struct rate_limit {
	uint32_t per_minute; /* steady rate; 0 = no limit */
	uint32_t burst;      /* how many at once after a rest, at least 1 */
};

/* Takes one from `key`'s allowance at steady time `now_ms`. 0: taken. Else the seconds (at least 1)
 * after which it is worth asking again, and nothing was taken. */
uint32_t rate_take(
    struct rate_table *table, uint64_t key, const struct rate_limit *limit, int64_t now_ms);

/* Gives back one that rate_take() took. For limits on what goes wrong, which is known afterwards
 * only: taken before, so that those who ask at once do not all pass, and given back if it went
 * well. */
void rate_give_back(struct rate_table *table, uint64_t key, const struct rate_limit *limit);

/* A key for the address behind a connection: IPv4 whole, IPv6 its /64, unix sockets all one.
 * `purpose` keeps limits of different kinds apart. Anybody can compute it: what people choose
 * themselves needs keys under a secret. */
uint64_t rate_key(const struct sockaddr *peer, uint32_t purpose);

#endif
