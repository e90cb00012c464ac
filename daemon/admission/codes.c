/* Admission by invitation code: the bearer is the code, the identity its hash. Whether there is
 * such a code is for the atomic call that issues. */
#include "admission/admission.h"

#include "admission/code.h"

_Static_assert(CODE_IDENTITY == IDENTITY_SIZE, "a code's identity is one");
_Static_assert(CODE_WHY_MAX <= ADMISSION_WHY_MAX, "a sentence fits");

static enum admission_verdict admit(
    const struct admission_request *request, struct admission_answer *ret_answer)
{
	char round[CONTEST_ID_MAX + 16];
	uint8_t data[CODE_DATA];

	if (request->bearer.len == 0)
		return ADMISSION_ABSENT;
	if (code_read(request->bearer, data, ret_answer->why) < 0)
		return ADMISSION_MALFORMED;
	contest_round(request->contest, round, sizeof(round));
	code_identity(round, data, ret_answer->identity);
	return ADMITTED;
}

const struct admission_method admission_codes = {.name = "codes", .admit = admit};
