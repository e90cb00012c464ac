/* The function libraries that this program brings along, embedded from *.lua: sees to it that each
 * master has them, and that they are this program's own; and what their error replies mean. One
 * already there is never replaced, since others may be using it: a change of code is a library of
 * the next number. */
#ifndef TALLYD_STORE_LIBRARY_H
#define TALLYD_STORE_LIBRARY_H

#include "store/redis.h"

#define LIBRARY_BALLOT "tallyd_5"      /* ballot.lua */
#define LIBRARY_DESK   "tallyd_desk_1" /* desk.lua */
#define LIBRARY_SEAL   "tallyd_seal_4" /* seal.lua */

/* 0; -EIO: Redis is away or refuses, try again later; -EEXIST: a library of that name has other
 * code. `why` is borrowed for the callback. */
typedef void library_cb(void *arg, int error, const char *why);
/* The callback comes exactly once, in a later turn of the loop or in redis_free(). */
void library_ensure(struct redis *redis, library_cb *cb, void *arg);

/* What an error reply means for the call of a function that got it. */
enum refusal {
	REFUSED_FOR_NOW, /* by Redis as it stands, before the function ran */
	REFUSED_ALONE,   /* likewise, but a smaller call may pass (TRYAGAIN) */
	REFUSED_MISSING, /* the function is not loaded */
	REFUSED_RULES,   /* the shard has other rules */
	REFUSED_BEHIND,  /* the shard has less than what the caller knows to have been acknowledged
			  */
	REFUSED_DAMAGED, /* data are not what they should be; nothing was written */
};
enum refusal library_refusal(const struct redis_reply *error);

#endif
