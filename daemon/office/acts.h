/* What organisers do to a contest: phases, notices, disqualifications. Each is one change of the
 * record with its audit entry, then carried to every shard; an interrupted one is finished by
 * acts_tend().
 *
 * With `approvals: 2` an early close, a disqualification, taking one back (and metrics.h: replacing
 * a metric) first become a request in C:requests: {"act":{…as below},"who","at":ms,"why"}; it is
 * done when a second organiser, another than the first, approves, and the first has not been
 * revoked meanwhile. At most REQUESTS_MAX are open at once. All operators (tallyctl without an
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

#define REQUESTS_MAX 16
/* Beyond the present close, by one extension: a slip must stay small. */
#define EXTEND_MAX_DAYS 30

/* Good: 200 with members {"phase","version","n"}, after all shards have it; 202 with {"request":id}
 * when it waits for another organiser. Refused: 422 invalid-act, 409 not-possible (this act in this
 * phase; the sentence says which are), 409 would-shorten, would-overreach (an extension by more
 * than EXTEND_MAX_DAYS), 409 already-requested, too-many-requests-open, 401 invalid-bearer (`who`
 * is an organiser who has been revoked meanwhile), 503. Metrics whose source the contest does not
 * know are taken with "warnings", a list of sentences. `for_correction`: what is frozen by
 * certifying may be changed, for a correction that follows. */
void acts_perform(struct office *office, const json_t *act, const char *who, bool for_correction,
    verdict_cb *cb, void *arg);

/* A second organiser's word on a request. 404 no-such-request; 403 same-organiser; 409
 * requester-revoked; 401 as above. */
void acts_decide(struct office *office, const char *request, bool approve, const char *who,
    const char *why, verdict_cb *cb, void *arg);

/* A request as it is listed: metrics become their number, {"act":"metrics","values":n,"file"?},
 * since hundreds of rows would swell every look at the contest. */
void acts_summarise_request(json_t *request);

/* Once a second, by every worker: records that the hours have opened or closed the contest, carries
 * the record to shards that are behind, deletes what is kept of persons on its day
 * (office/persons.h), samples the turnout. Cheap when there is nothing to do. */
struct acts_tend;
struct acts_tend *acts_tend_new(struct event_base *base, struct office *office);
void acts_tend_free(struct acts_tend *tend);
/* How many voting rights are spent above those that were issued, as seen last; 0 where they are
 * issued elsewhere and nobody has said how many. More than 0 is told in the log, too. */
uint64_t acts_tend_excess(const struct acts_tend *tend);

#endif
