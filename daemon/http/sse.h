/* A hub of Server-Sent Events subscribers (WHATWG HTML, section 9.2) that all see the same latest
 * state. A frame is built once and sent to all from one reference-counted buffer, in slices of
 * about 128 subscribers a turn. A subscriber who still holds an unsent frame later gets only the
 * newest; one who takes nothing for `stall_ms` is dropped. */
#ifndef TALLYD_HTTP_SSE_H
#define TALLYD_HTTP_SSE_H

#include <stddef.h>
#include <stdint.h>

#include "http/request.h"

struct event_base;
struct sse_hub;

struct sse_options {
	unsigned max_subscribers;
	unsigned heartbeat_ms; /* a comment when nothing else was sent for so long */
	unsigned stall_ms;
	unsigned retry_ms; /* told to the client on connect */
	/* Called with the new count whenever it goes from 0 to 1 or from 1 to 0; may be NULL. */
	void (*on_watched)(void *arg, size_t subscribers);
	void *arg;
};

struct sse_hub *sse_hub_new(struct event_base *base, const struct sse_options *options);
/* Ends every stream cleanly (a retry: line, then close). Whoever subscribes later gets the newest
 * state and the same end: to an EventSource any refusal would be the last word. */
void sse_end(struct sse_hub *hub);
/* As sse_end(), and releases the hub. */
void sse_hub_free(struct sse_hub *hub);

/* Takes the request's connection over: status line, headers, retry, and the current frame where
 * there is one. Counts as the reply; when the hub is full the reply is 503. */
void sse_subscribe(struct sse_hub *hub, struct request *req);

/* Makes "event, id, data" the newest state and sends it to all. `data` must hold no line feed.
 * Bytes are copied. Equal to the frame before: does nothing. */
void sse_publish(struct sse_hub *hub, const char *event, const char *id, struct slice data);

size_t sse_subscribers(const struct sse_hub *hub);
uint64_t sse_deliveries(const struct sse_hub *hub);

#endif
