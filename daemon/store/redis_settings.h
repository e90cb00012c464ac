/* What the configuration says of Redis, as options of a connection. */
#ifndef TALLYD_STORE_REDIS_SETTINGS_H
#define TALLYD_STORE_REDIS_SETTINGS_H

#include "store/redis.h"

struct settings;

/* Borrows from both; an empty password is none. on_state and arg are the caller's to set. */
struct redis_options redis_options_from(const struct settings *settings, const char *password);

/* For messages: the address, or the first of a cluster's nodes. */
const char *redis_where(const struct settings *settings);

#endif
