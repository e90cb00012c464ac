/* YAML against one schema table: each row says a key's type, range, default, sentence for people,
 * and its place in a struct. Every error of a file is collected in one run, as "file:line:column:
 * what is wrong, and what would be right". Unknown and repeated keys are errors.
 *
 * Scalars mean what their row says, never what YAML 1.1 would guess: `no` is a text where a text is
 * wanted, and an unquoted time is a time. Numbers and true/false must stand without quotes. */
#ifndef TALLYD_CONFIG_SCHEMA_H
#define TALLYD_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/document.h"
#include "config/errors.h"
#include "config/values.h"

enum schema_type {        /* the struct's member */
	SCHEMA_TEXT,      /* char * */
	SCHEMA_LOCALISED, /* struct text: ko and en, both or none */
	SCHEMA_NUMBER,    /* any integer of 4 or 8 bytes */
	SCHEMA_BOOLEAN,   /* bool */
	SCHEMA_WORD,      /* enum (or bool): index in `words` */
	SCHEMA_DURATION,  /* integer: milliseconds */
	SCHEMA_SIZE,      /* integer: bytes */
	SCHEMA_TIME,      /* int64_t: milliseconds since 1970, up to the year 9999 */
	SCHEMA_PATH,      /* char *, resolved against the file's directory */
	SCHEMA_TEXTS,     /* char ** and a size_t count */
	SCHEMA_PATHS,     /* likewise */
	SCHEMA_MAP,       /* the same struct, described by `sub` (offsets from its beginning) */
	SCHEMA_ASIDE,     /* none: the block is read by itself, along `sub` */
	SCHEMA_MAPS,      /* struct * and a size_t count; `sub` describes one item */
};

enum schema_empty {
	EMPTY_REFUSED,
	EMPTY_NULL,
	EMPTY_KEPT
}; /* what "" means where a text is wanted */

struct schema;

struct schema_key {
	const char *name; /* NULL ends the table */
	enum schema_type type;
	bool required;
	enum schema_empty empty;
	int64_t min,
	    max; /* of a number, ms, bytes; characters of a text (max 0: 200); items of a list */
	const char *const *words;         /* NULL-ended */
	const struct text_format *format; /* of a text, or of each text of a list */
	const struct schema *sub;
	size_t offset, size, count_offset; /* size: of integers */
	const char
	    *fallback;   /* as it would stand in the file; NULL: zero, NULL, none. A list: "[]" */
	const char *doc; /* one sentence */
};

struct schema {
	const struct schema_key *keys;
	size_t size; /* of the struct */
};

#define SCHEMA_AT(type, member)                                                                    \
	.offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define SCHEMA_LIST_AT(type, member, count)                                                        \
	.offset = offsetof(type, member), .count_offset = offsetof(type, count)

struct schema_source {
	struct document *document;
	struct config_errors *errors;
	const char *directory; /* paths are resolved against it */
	const char *within;    /* the block that the map is, for messages; NULL: the file */
	bool overlay; /* only what is given is read, over what the struct holds; nothing is required
		       */
};

/* Reads a map. `struct_at` is zeroed by the caller (or holds values: overlay) and gets the defaults
 * first. 0 whatever errors were noted, so that further checks can note theirs; -ENOMEM. What was
 * read stands in the struct; what was wrong keeps its default. */
__attribute__((warn_unused_result)) int schema_read(const struct schema *schema,
    const struct schema_source *source, const yaml_node_t *map, void *struct_at);

/* Frees all that schema_read() allocated. */
void schema_release(const struct schema *schema, void *struct_at);

/* Tells every key: "redis.deadline", "2s", its sentence. Blocks are left out for their keys, of a
 * list of blocks it is the list. */
void schema_each(const struct schema *schema,
    void (*each)(void *arg, const char *path, const struct schema_key *key), void *arg);

#endif
