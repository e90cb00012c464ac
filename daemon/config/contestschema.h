/* The keys of a contest's file. */
#ifndef TALLYD_CONFIG_CONTESTSCHEMA_H
#define TALLYD_CONFIG_CONTESTSCHEMA_H

#include "config/schema.h"

/* Of the whole file, and of its rehearsal: block. Both read into a struct contest. */
extern const struct schema contest_schema;
extern const struct schema rehearsal_schema;

#endif
