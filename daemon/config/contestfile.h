/* A contest's YAML file as a struct contest. Checks form and meaning: ids, references, hours,
 * limits. */
#ifndef TALLYD_CONFIG_CONTESTFILE_H
#define TALLYD_CONFIG_CONTESTFILE_H

#include <stdbool.h>

#include "config/schema.h"
#include "contest/contest.h"

/* With `rehearsal` the file's rehearsal: block is applied, hours are dropped, and contest.rehearsal
 * is set; without it the block is checked all the same. 0; -EINVAL when `ret_errors` holds
 * messages; -errno when unreadable (one message too). The caller frees the contest with
 * contest_free(), and in any case the errors with config_errors_release(). */
__attribute__((warn_unused_result)) int contestfile_load(const char *path, bool rehearsal,
    struct contest **ret_contest, struct config_errors *ret_errors);

#endif
