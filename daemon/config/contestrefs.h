/* Ids of a contest's file and what refers to them: for contestcheck*.c. */
#ifndef TALLYD_CONFIG_CONTESTREFS_H
#define TALLYD_CONFIG_CONTESTREFS_H

#include "config/document.h"
#include "contest/contest.h"

struct check { /* one run over one file; all borrowed */
	const struct contest *contest;
	struct document *document;
	struct config_errors *errors;
};

/* A list whose items begin with their id. */
struct ids {
	const char *list; /* its place in the file: "stage/parts" */
	const void *items;
	size_t n, size;
};

/* Notes each id that an earlier item of the list has. */
void check_unique(const struct check *check, struct ids ids);

/* Notes that `id`, which stands at `node`, names none of the list; NULL passes. */
void check_reference(
    const struct check *check, struct ids ids, const char *id, const yaml_node_t *node);

/* Panels, the stage's parts, the pledge, the programme: contestcheck_stage.c. */
void contest_check_stage(const struct check *check);

/* Providers and claims: contestcheck_identity.c. */
void contest_check_identity(const struct check *check);

#endif
