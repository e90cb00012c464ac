/* What tallyctl verify prints of a verification, but for the verdict. */
#ifndef TALLYD_CTL_VERIFY_TELL_H
#define TALLYD_CTL_VERIFY_TELL_H

#include <stdbool.h>

#include "audit/verify.h"

void verify_tell_people(const struct verification *verification);
/* `pinned`: the key came from elsewhere than the bundle. */
void verify_tell_json(const struct verification *verification, bool pinned);

#endif
