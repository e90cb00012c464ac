/* One invitation by itself, on its way to a person's record. For people_invite.c. */
#ifndef TALLYD_OFFICE_INVITATION_H
#define TALLYD_OFFICE_INVITATION_H

#include "office/people.h"

/* Of an invitation that invitation_check() has passed: the person without id, jti and time of
 * issue. 0 or -ENOMEM. */
__attribute__((warn_unused_result)) int invitation_person(
    const struct contest *contest, const struct invitation *invitation, struct person *ret_person);

#endif
