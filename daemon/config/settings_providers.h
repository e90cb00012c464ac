/* The settings' blocks of identity providers and gateways: for settings.c. */
#ifndef TALLYD_CONFIG_SETTINGS_PROVIDERS_H
#define TALLYD_CONFIG_SETTINGS_PROVIDERS_H

#include "config/settings.h"

extern const struct schema provider_settings_schema, gateway_settings_schema;

/* Notes ids that are taken twice. */
void settings_check_providers(
    const struct settings *settings, struct document *document, struct config_errors *errors);

#endif
