/* An act done by a subcommand, for those of them that are not in acts.c. */
#ifndef TALLYD_CTL_ACTS_H
#define TALLYD_CTL_ACTS_H

#include "ctl/session.h"

/* Does it and tells how it ended. Takes `act` over and adds the reason. Returns the exit status. */
int ctl_act(const struct ctl *ctl, const struct session_options *options, json_t *act);

#endif
