/* Shared by acts.c, which carries acts out, and acts_requests.c, which keeps those that wait for
 * another organiser. */
#ifndef TALLYD_OFFICE_ACTS_IMPL_H
#define TALLYD_OFFICE_ACTS_IMPL_H

#include "base/encode.h"
#include "office/act.h"
#include "office/acts.h"

#define REQUEST_ID_SIZE (HEX_SIZE(6) + 2) /* "r-<12 hex digits>" */

enum mode { MODE_PERFORM, MODE_APPROVE, MODE_REJECT };

struct doing {
	struct office *office;
	enum mode mode;
	struct act act; /* approve, reject: the request's, read anew with each decision */
	char who[OFFICE_WHO_MAX];
	bool for_correction;
	char request[REQUEST_ID_SIZE]; /* to be decided; or the id that a new one would get */
	char *word;                    /* why it is approved or rejected */
	json_t *stored;                /* the request that is decided */
	verdict_cb *cb;
	void *arg;
	struct verdict verdict; /* a refusal that stands already; status 0: none */
	bool misread;           /* it was refused before any decision */
	bool waits;             /* became a request */
	bool idle;              /* there was nothing to change */
	bool imports;
	struct act_case it; /* of the last decision; its pointers are dead after it */
	uint64_t n;
};

/* Whether the same act waits already; then the verdict refuses it. */
bool request_repeats(struct doing *doing, const struct desk_view *view);
/* Whether as many are open as may be; then the verdict refuses it. */
bool requests_are_full(struct doing *doing, const struct desk_view *view);
/* The act becomes a request. True: write the change. */
bool request_make(struct doing *doing, const struct desk_view *view, struct desk_change *change);
/* Reads the request that is to be decided into doing->stored and doing->act; or refuses. */
bool request_find(struct doing *doing, const struct desk_view *view);
/* Whether doing->who may approve it; or refuses. */
bool request_approvable(struct doing *doing, const struct desk_view *view);
/* Approved: it goes, and the entry names both organisers. 0 or -errno. */
__attribute__((warn_unused_result)) int request_settle(
    const struct doing *doing, struct desk_change *change, json_t *entry);
/* True: write the change. */
bool request_reject(struct doing *doing, struct desk_change *change);

#endif
