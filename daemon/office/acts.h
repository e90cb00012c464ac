/* What organisers do to a contest: phases, notices, disqualifications. Each is one change of the
 * record with its audit entry, then carried to every shard; an interrupted one is finished by
 * acts_tend().
 *
 * With `approvals: 2` an early close and a disqualification (and metrics.h: replacing a metric)
 * first become a request in C:requests: {"act":{…as below},"who","at":ms,"why"}; it is done when a
 * second organiser, another than the first, approves. All operators (tallyctl without an
 * organiser's token, where anybody can give any name) count as one organiser.
 *
 * An act as JSON, as the API takes it and the request keeps it:
 *   {"act":"open"|"pause"|"resume"|"close"|"publish"}
 *   {"act":"extend","closes_at":RFC 3339}
 *   {"act":"notice","notice":{"ko","en"}|null}
 *   {"act":"disqualify","entry":id,"reason":{"ko","en"}}   {"act":"requalify","entry":id}
 *   {"act":"metrics", …office/metrics.h}
 * beside "why", at most 400 characters, required for all but open, publish, notice, and disqualify,
 * whose reason is one; and "confirm", which is the API's. certify and correct are in
 * office/results.h. */
#ifndef TALLYD_OFFICE_ACTS_H
#define TALLYD_OFFICE_ACTS_H

#include "office/office.h"

/* Good: 200 with members {"phase","version","n"}, after all shards have it; 202 with {"request":id}
 * when it waits for another organiser. Refused: 422 invalid-act, 409 not-possible (this act in this
 * phase; the sentence says which are), 409 would-shorten, 409 already-requested, 503.
 * `for_correction`: what is frozen by certifying may be changed, for a correction that follows. */
void acts_perform(struct office *office, const json_t *act, const char *who, bool for_correction,
    verdict_cb *cb, void *arg);

/* A second organiser's word on a request. 404 no-such-request; 403 same-organiser. */
void acts_decide(struct office *office, const char *request, bool approve, const char *who,
    const char *why, verdict_cb *cb, void *arg);

/* Once a second, by every worker: records that the hours have opened or closed the contest, carries
 * the record to shards that are behind, samples the turnout. Cheap when there is nothing to do. */
struct acts_tend;
struct acts_tend *acts_tend_new(struct event_base *base, struct office *office);
void acts_tend_free(struct acts_tend *tend);

#endif
