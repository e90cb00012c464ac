/* What organisers and observers see while a contest runs: everything, also under embargo, but for
 * what single experts scored. Gathered while somebody watches, at most once in PROGRESS_PERIOD_MS.
 */
#ifndef TALLYD_API_PROGRESS_H
#define TALLYD_API_PROGRESS_H

#include "http/request.h"

struct event_base;
struct progress;
struct service;

#define PROGRESS_PERIOD_MS    500
#define PROGRESS_WATCHERS     64 /* streams of one contest and worker */
#define PROGRESS_STREAMS_EACH 4  /* of them one person's */

/* `service` is borrowed. NULL: memory. */
struct progress *progress_new(struct event_base *base, const struct service *service);
void progress_free(struct progress *progress);

/* Ends every stream cleanly: the worker is going. */
void progress_end_streams(struct progress *progress);

#endif
