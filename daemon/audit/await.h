/* A tool's way through asynchronous calls: it turns the loop until the call that it has just made
 * has answered. For tallyctl alone; a server never waits so. */
#ifndef TALLYD_AUDIT_AWAIT_H
#define TALLYD_AUDIT_AWAIT_H

#include <stdbool.h>

#include <event2/event.h>

struct await { /* embedded by whoever waits */
	struct event_base *base;
	bool done;
	int error;
};

/* From the callback. */
static inline void await_done(struct await *await, int error)
{
	await->error = error;
	await->done = true;
}

/* What await_done() was given; -EIO where the loop has nothing left to turn for. */
static inline int await(struct await *await)
{
	while (!await->done)
		if (event_base_loop(await->base, EVLOOP_ONCE) != 0)
			return -5;
	await->done = false;
	return await->error;
}

#endif
