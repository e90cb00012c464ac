/* Named people at the door: the Authorization header with a signed token (RFC 6750), the role a
 * route wants, the person's record at the desk; and how a verdict of the office becomes a reply. */
#ifndef TALLYD_API_BEARER_H
#define TALLYD_API_BEARER_H

#include "api/gate.h"
#include "http/request.h"
#include "office/people.h"

struct service;

/* What can be judged without Redis. True with *ret_bearer; else the request has been replied to:
 * 401 invalid-bearer (WWW-Authenticate), 403 forbidden when the role is none of `roles` (or'ed), or
 * 429 above this person's rate.
 */
bool bearer_header(
    const struct service *service, struct request *req, unsigned roles, struct bearer *ret_bearer);

/* The same, and the person is looked up: calls back only when all is well, in a later turn;
 * `person` is borrowed for the call. Else it has been replied to: also 401 when revoked, 503 when
 * Redis does not answer. */
typedef void bearer_cb(struct service *service, struct request *req, const struct bearer *bearer,
    const struct person *person);
void bearer_admit(struct service *service, struct request *req, unsigned roles, bearer_cb *cb);

/* Takes one from this person's allowance, in this worker and all others. True when it is used up:
 * it has been replied to, 429 with Retry-After. */
bool bearer_too_fast(const struct service *service, struct request *req,
    const struct bearer *bearer, enum gate_identity what, const struct rate_limit *limit,
    const char *title, const char *detail);

/* Replies with a verdict: its members as JSON, or as a problem; 401 gets its WWW-Authenticate.
 * `headers` go out with a good answer only. */
void reply_verdict(struct request *req, const struct verdict *verdict,
    const struct reply_header *headers, size_t n_headers);

/* The request's body as JSON, of any kind; false: it has been replied to (415, 400 invalid-json,
 * 422 ambiguous-json). The caller drops it. */
bool request_document(struct request *req, json_t **ret_body);
/* The same, where only an object will do; false: it has been replied to, an array likewise (400
 * invalid-json). The caller drops it. */
bool request_json(struct request *req, json_t **ret_body);

#endif
