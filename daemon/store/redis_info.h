/* What Redis says of itself (INFO; redis.io/commands/info), as text. Pure. */
#ifndef TALLYD_STORE_REDIS_INFO_H
#define TALLYD_STORE_REDIS_INFO_H

#include <stdint.h>

#include "base/slice.h"

/* What stands behind "name:" at the beginning of a line; its ptr is NULL where there is none. */
struct slice redis_info(struct slice info, const char *name);
/* A whole number from 0, of at most 17 digits; -1: it is none. */
int64_t redis_number(struct slice text);

#endif
