/* The loop that tallyctl check asks one Redis in. */
#include <event2/event.h>

#include "ctl/check.h"
#include "store/redis.h"

enum { CONNECT_S = 3 };

bool check_loop_run(
    struct check_loop *loop, const struct redis_options *options, check_patience_cb *on_patience)
{
	loop->base = event_base_new();
	loop->patience = loop->base ? evtimer_new(loop->base, on_patience, options->arg) : NULL;
	loop->redis = loop->base ? redis_new(loop->base, options) : NULL;
	if (!loop->redis || !loop->patience)
		return false;
	event_add(loop->patience, &(struct timeval){CONNECT_S, 0});
	event_base_dispatch(loop->base);
	return true;
}

void check_loop_release(struct check_loop *loop)
{
	redis_free(loop->redis);
	if (loop->patience)
		event_free(loop->patience);
	if (loop->base)
		event_base_free(loop->base);
}
