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
#include "crypto/digest.h"

#define IDENTITY_SIZE 16

struct gateway; /* admission/assertion.h */

struct admission_request {
	const struct contest *contest;
	struct hmac_key *identity_key;  /* of a round that knows persons; else NULL */
	const struct gateway *gateways; /* of the contest, where it takes assertions */
	size_t n_gateways;
	int64_t now_ms;
	struct slice bearer;  /* of the request's Authorization; empty when absent */
	struct slice blinded; /* the blinded message */
};

enum admission_verdict {
	ADMITTED,
	ADMISSION_CLOSED,    /* the method does not serve this contest as it stands */
	ADMISSION_ABSENT,    /* no bearer */
	ADMISSION_MALFORMED, /* the bearer is none of this method, or mistyped; nobody was asked */
	ADMISSION_EXPIRED,   /* it was one, but its time is over */
	ADMISSION_EXCLUDED,  /* it is one, of somebody who may not vote here */
};

#define ADMISSION_WHY_MAX 200

struct admission_answer {
	uint8_t identity[IDENTITY_SIZE]; /* of whom is ADMITTED */
	char why[ADMISSION_WHY_MAX];     /* MALFORMED: a sentence for whoever sent it */
};

struct admission_method {
	const char *name;
	enum admission_verdict (*admit)(
	    const struct admission_request *request, struct admission_answer *ret_answer);
};

/* The method of this kind, or NULL when it is not built in. */
const struct admission_method *admission_method(enum admission_kind kind);

extern const struct admission_method admission_open, admission_codes, admission_oidc,
    admission_assertion;

#endif
