/* What must hold between a contest's file and the settings. */
#ifndef TALLYD_CONFIG_ROUNDCHECK_H
#define TALLYD_CONFIG_ROUNDCHECK_H

#include "config/settings.h"
#include "contest/contest.h"

#define ROUNDCHECK_WHY_MAX 400

/* Whether the settings know where citizens of this contest identify themselves and where they come
 * back to, and each place says what the contest asks: otherwise one person could be another at
 * another place, or be refused for want of a claim. 0; -EINVAL with a sentence. */
__attribute__((warn_unused_result)) int roundcheck_identity(const struct contest *contest,
    const struct settings *settings, char ret_why[ROUNDCHECK_WHY_MAX]);

#endif
