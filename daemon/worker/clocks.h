/* Keeps an eye on two clocks: Redis', by which a contest's hours are judged, and this host's. Tells
 * the app what Redis' clock says, and the log when they differ. Judges no hours. */
#ifndef TALLYD_WORKER_CLOCKS_H
#define TALLYD_WORKER_CLOCKS_H

#include <stdbool.h>

struct app;
struct clocks;

/* `tells`: this worker writes the log. Looks once a second while Redis is connected. Needs
 * app->base, and app->redis once it looks. NULL: memory. */
struct clocks *clocks_new(struct app *app, bool tells);
/* After redis_free(). */
void clocks_free(struct clocks *clocks);

/* To be called when Redis is connected: looks now. */
void clocks_look(struct clocks *clocks);

#endif
