/* How much of each shard was acknowledged: what all share that share the memory, the workers of a
 * host, whatever their edition. Lock-free. A number only grows until its shard begins a new epoch;
 * whoever is killed between two steps leaves a smaller one, never one that was not acknowledged. */
#ifndef TALLYD_STORE_MARKS_H
#define TALLYD_STORE_MARKS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define MARKS_MAX 8192 /* shards, of all contests that were served */

/* All zeros: nothing is known. */
struct marks_shard {
	_Atomic uint64_t name;            /* a hash of it; 0: free */
	_Atomic uint64_t epoch;           /* of the log; 0: not known */
	_Atomic uint64_t ballots, issued; /* that were acknowledged */
};

struct marks;

/* Marks in memory of the caller's, of marks_size() bytes and aligned to 64: none if it is all
 * zeros, or those that lie there. */
size_t marks_size(void);
struct marks *marks_in(void *memory);

/* The shard's place, for as long as the memory is there. NULL: no room is left. */
struct marks_shard *marks_of(struct marks *marks, const char *shard);

/* `number` is at least `n` from now on. */
void marks_raise(_Atomic uint64_t *number, uint64_t n);

/* The shard's log is in this epoch. A later one than known begins with what Redis has. */
void marks_epoch(struct marks_shard *shard, uint64_t epoch);

#endif
