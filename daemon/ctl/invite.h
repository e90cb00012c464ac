/* Inviting, for the subcommands that do it. */
#ifndef TALLYD_CTL_INVITE_H
#define TALLYD_CTL_INVITE_H

#include "ctl/session.h"

/* Admits them with the round's key; whoever was admitted is in the verdict's members
 * (people_invite()). 0, or the exit status, told. */
int invite_people(struct session *session, const struct invitation *invitations, size_t n);

#endif
