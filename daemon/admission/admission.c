/* The table of admission methods. */
#include "admission/admission.h"

#include <stddef.h>

const struct admission_method *admission_method(enum admission_kind kind)
{
	switch (kind) {
	case ADMISSION_OPEN:
		return &admission_open;
	case ADMISSION_CODES:
		return &admission_codes;
	case ADMISSION_OIDC:
		return &admission_oidc;
	case ADMISSION_ASSERTION:
		return &admission_assertion;
	}
	return NULL;
}
