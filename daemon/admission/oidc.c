/* Admission by OpenID Connect: the bearer is what the login's callback gave (admission/person.h);
 * it says an identity and nothing else. The login itself is api/login.c. */
#include "admission/person.h"

#include <errno.h>
#include <stdio.h>

static enum admission_verdict admit(
    const struct admission_request *request, struct admission_answer *ret_answer)
{
	char round[CONTEST_ID_MAX + 16];
	int rc;

	if (!request->identity_key)
		return ADMISSION_CLOSED;
	if (request->bearer.len == 0)
		return ADMISSION_ABSENT;
	contest_round(request->contest, round, sizeof(round));
	rc = person_bearer_read(
	    request->identity_key, round, request->bearer, request->now_ms, ret_answer->identity);
	if (rc == 0)
		return ADMITTED;
	(void)snprintf(ret_answer->why, sizeof(ret_answer->why),
	    rc == -ETIME ? "A login admits for %d minutes; log in again."
			 : "This is not what a login of this contest ends with.",
	    PERSON_BEARER_MS / 60000);
	return rc == -ETIME ? ADMISSION_EXPIRED : ADMISSION_MALFORMED;
}

const struct admission_method admission_oidc = {.name = "oidc", .admit = admit};
