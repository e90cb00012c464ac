/* What tallyctl log does, one verb a file. */
#ifndef TALLYD_CTL_LOG_H
#define TALLYD_CTL_LOG_H

#include "ctl/ctl.h"
#include "ctl/session.h"

/* Each returns the exit status, told. */
int log_status(const struct ctl *ctl, const struct session_options *options);
/* `second_token`: a file; NULL: one organiser is enough. `changed_known`: ballots that were signed
 * and are others now hold nothing up. */
int log_new_epoch(const struct ctl *ctl, const struct session_options *options,
    const char *second_token, bool changed_known);

#endif
