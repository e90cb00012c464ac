/* What must hold between the keys of a contest's file. */
#ifndef TALLYD_CONFIG_CONTESTCHECK_H
#define TALLYD_CONFIG_CONTESTCHECK_H

#include "config/document.h"
#include "contest/contest.h"

/* Notes every breach at its place. The contest may be half-read: what is missing was noted already
 * and is passed over. 0 or -ENOMEM. */
__attribute__((warn_unused_result)) int contest_check(
    const struct contest *contest, struct document *document, struct config_errors *errors);

#endif
