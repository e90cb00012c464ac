/* What schema.c and schema_scalar.c share: a key's place in struct and file, and single values. */
#ifndef TALLYD_CONFIG_SCHEMA_SCALAR_H
#define TALLYD_CONFIG_SCHEMA_SCALAR_H

#include "config/schema.h"

#define SCHEMA_EXPECTED_MAX 400

struct schema_place { /* for messages: the keys on the way down, innermost first */
	const struct schema_place *parent;
	const char *name;
};

struct schema_path { /* "redis.server.dir"; "file" at the top */
	char text[120];
};
struct schema_path schema_path(const struct schema_place *place);

static inline void *schema_member(const struct schema_key *key, void *base)
{
	return (char *)base + key->offset;
}

static inline size_t *schema_count(const struct schema_key *key, void *base)
{
	return (size_t *)(void *)((char *)base + key->count_offset);
}

/* What a key takes, in words: "a whole number from 1 to 64". */
void schema_expected(const struct schema_key *key, char ret_text[SCHEMA_EXPECTED_MAX]);

/* Notes that the node is not what its key takes. Returns 0: reading goes on. */
int schema_refuse(const struct schema_key *key, const struct schema_source *source,
    const struct schema_place *place, const yaml_node_t *node);

/* Reads a scalar into the member, in place of what it held. 0 (errors are noted) or -ENOMEM. */
__attribute__((warn_unused_result)) int schema_read_scalar(const struct schema_key *key,
    const struct schema_source *source, const struct schema_place *place, const yaml_node_t *node,
    void *member);
__attribute__((warn_unused_result)) int schema_set_default(
    const struct schema_key *key, const struct schema_source *source, void *member);

#endif
