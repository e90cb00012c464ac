/* The rows of `redis:` in config/tallyd.yaml, and the rules that tie them together. For settings.c
 * alone. */
#ifndef TALLYD_CONFIG_SETTINGS_REDIS_H
#define TALLYD_CONFIG_SETTINGS_REDIS_H

#include "config/document.h"
#include "config/schema.h"
#include "config/settings.h"

extern const struct schema redis_settings_schema;

void settings_check_redis(
    const struct settings *settings, struct document *document, struct config_errors *errors);
/* Relative paths go from the directory of the configuration. 0 or -ENOMEM. */
__attribute__((warn_unused_result)) int settings_resolve_redis(
    struct settings *settings, const char *directory);

#endif
