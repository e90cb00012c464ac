/* Admission: who may have a token. One method a file, chosen by the contest, behind one interface.
 *
 * A method turns what the token request carries into an identity: 16 bytes that are the same
 * whenever the same person asks. It does no I/O. That a code or a login exists and is unused is
 * decided in Redis, in the same atomic call that records the identity's one token. */
#ifndef TALLYD_ADMISSION_ADMISSION_H
#define TALLYD_ADMISSION_ADMISSION_H

#include <stdint.h>

#include "base/slice.h"
#include "contest/contest.h"

#define IDENTITY_SIZE 16

struct admission_request {
	const struct contest *contest;
	struct slice authorization; /* the request's header; empty when absent */
	struct slice blinded;       /* the blinded message */
};

enum admission_verdict {
	ADMITTED,
	ADMISSION_CLOSED, /* the method does not serve this contest as it stands */
	ADMISSION_DENIED, /* the bearer is missing or is not one */
};

struct admission_method {
	const char *name;
	enum admission_verdict (*admit)(
	    const struct admission_request *request, uint8_t ret_identity[IDENTITY_SIZE]);
};

/* The method of this kind, or NULL when it is not built in. */
const struct admission_method *admission_method(enum admission_kind kind);

extern const struct admission_method admission_open;

#endif
