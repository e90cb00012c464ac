/* The live state of one contest round: phase and public snapshot, read from Redis at most four
 * times a second and only while somebody watches or asks. Feeds the stream of the tally. */
#ifndef TALLYD_API_LIVE_H
#define TALLYD_API_LIVE_H

#include <stdint.h>

#include "base/slice.h"
#include "contest/phase.h"
#include "http/request.h"

struct event_base;
struct ledger;
struct live;
struct service;
struct sse_hub;

#define LIVE_PERIOD_MS 250

struct live_state {
	struct slice
	    snapshot; /* JSON; borrowed until the loop's next turn. Where counters are damaged:
			 the newest one before, with phase, log and notice of now */
	char etag[ETAG_SIZE];
	enum phase phase;
	int64_t opens_ms, closes_ms; /* as amended; 0: none */
	const char *notice;          /* JSON {"ko","en"}; NULL: none; borrowed likewise */
	uint64_t epoch;              /* of the public log */
	const char *log;             /* ok, halted, off (this host keeps none); static text */
};

/* `service` is borrowed and needs its round only. NULL: memory. */
struct live *live_new(struct event_base *base, const struct service *service);
void live_free(struct live *live);

/* The state when it was read within the last LIVE_PERIOD_MS, else NULL: then ask with live_read().
 */
const struct live_state *live_fresh(struct live *live);

/* Reads the state anew; readers who ask meanwhile share the reading. The callback comes once, in a
 * later turn, with NULL when Redis did not answer, or what it has is damaged and was not read
 * before. */
typedef void live_cb(void *arg, const struct live_state *state);
void live_read(struct live *live, live_cb *cb, void *arg);

/* The phase as known last, or by the contest's hours when nothing newer is known. */
enum phase live_phase(const struct live *live, int64_t now_ms);

/* The public log's state and epoch as known last; before anything was read, as this host's sealer
 * has them. */
const char *live_log(const struct live *live, uint64_t *ret_epoch);
/* The epoch whose files this host has of a shard. */
uint64_t live_epoch_here(const struct live *live, unsigned shard);

/* What was read last, however long ago; perhaps without a snapshot. NULL: nothing yet. */
const struct live_state *live_known(const struct live *live);

struct sse_hub *live_hub(struct live *live);

/* Ends every stream cleanly and refuses new ones: the worker is going. */
void live_end_streams(struct live *live);

#endif
