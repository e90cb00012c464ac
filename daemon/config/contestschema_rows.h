/* What the tables of a contest's file share: how a row is written, and the blocks that stand in
 * files of their own. Only contestschema*.c include it; everybody else uses contestschema.h. */
#ifndef TALLYD_CONFIG_CONTESTSCHEMA_ROWS_H
#define TALLYD_CONFIG_CONTESTSCHEMA_ROWS_H

#include "config/schema.h"
#include "contest/contest.h"

#define ID(owner, member, sentence)                                                                \
	{                                                                                          \
		.name = "id", .type = SCHEMA_TEXT, .required = true, .format = &format_id,         \
		SCHEMA_AT(struct owner, member), .doc = (sentence)                                 \
	}
#define REFERENCE(key, owner, member, needed, sentence)                                            \
	{                                                                                          \
		.name = (key), .type = SCHEMA_TEXT, .required = (needed), .format = &format_id,    \
		SCHEMA_AT(struct owner, member), .doc = (sentence)                                 \
	}
#define LOCALISED(key, owner, member, needed, characters, sentence)                                \
	{                                                                                          \
		.name = (key), .type = SCHEMA_LOCALISED, .required = (needed),                     \
		.max = (characters), SCHEMA_AT(struct owner, member), .doc = (sentence)            \
	}
#define NUMBER(key, owner, member, least, most, standard, sentence)                                \
	{                                                                                          \
		.name = (key), .type = SCHEMA_NUMBER, .min = (least), .max = (most),               \
		.fallback = (standard), SCHEMA_AT(struct owner, member), .doc = (sentence)         \
	}
#define NEEDED_NUMBER(key, owner, member, least, most, sentence)                                   \
	{                                                                                          \
		.name = (key), .type = SCHEMA_NUMBER, .required = true, .min = (least),            \
		.max = (most), SCHEMA_AT(struct owner, member), .doc = (sentence)                  \
	}
#define DURATION(key, owner, member, least, most, standard, sentence)                              \
	{                                                                                          \
		.name = (key), .type = SCHEMA_DURATION, .min = (least), .max = (most),             \
		.fallback = (standard), SCHEMA_AT(struct owner, member), .doc = (sentence)         \
	}
#define WORD(key, owner, member, list, standard, sentence)                                         \
	{                                                                                          \
		.name = (key), .type = SCHEMA_WORD, .words = (list), .fallback = (standard),       \
		SCHEMA_AT(struct owner, member), .doc = (sentence)                                 \
	}
#define BLOCK(key, schema, needed, sentence)                                                       \
	{                                                                                          \
		.name = (key), .type = SCHEMA_MAP, .required = (needed), .sub = (schema),          \
		.doc = (sentence)                                                                  \
	}
#define BLOCKS(key, owner, member, count, schema, needed, least, most, sentence)                   \
	{                                                                                          \
		.name = (key), .type = SCHEMA_MAPS, .required = (needed), .min = (least),          \
		.max = (most), .sub = (schema), SCHEMA_LIST_AT(struct owner, member, count),       \
		.doc = (sentence)                                                                  \
	}
#define NEEDED_WORD(key, owner, member, list, sentence)                                            \
	{                                                                                          \
		.name = (key), .type = SCHEMA_WORD, .required = true, .words = (list),             \
		SCHEMA_AT(struct owner, member), .doc = (sentence)                                 \
	}
#define BOOLEAN(key, owner, member, standard, sentence)                                            \
	{                                                                                          \
		.name = (key), .type = SCHEMA_BOOLEAN, .fallback = (standard),                     \
		SCHEMA_AT(struct owner, member), .doc = (sentence)                                 \
	}
#define IDS(key, owner, member, count, most, sentence)                                             \
	{                                                                                          \
		.name = (key), .type = SCHEMA_TEXTS, .max = (most), .format = &format_id,          \
		.fallback = "[]", SCHEMA_LIST_AT(struct owner, member, count), .doc = (sentence)   \
	}
#define IN_CONTEST(keys)                                                                           \
	{                                                                                          \
		keys, sizeof(struct contest)                                                       \
	}

/* Items of the contest's lists: contestschema_field.c, contestschema_stage.c. */
extern const struct schema group_schema, organisation_schema, entry_schema;
extern const struct schema criterion_schema, panel_schema;
/* Blocks read into a struct contest: contestschema_identity.c, contestschema_stage.c. */
extern const struct schema identity_schema;
extern const struct schema stage_schema, pledge_schema, programme_schema;

#endif
