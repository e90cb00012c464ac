/* Walks a YAML tree along a schema table. Scalars are read in schema_scalar.c. */
#include "config/schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema_scalar.h"
#include "contest/contest.h"

#define KEYS_MAX 64

static int read_map(const struct schema *schema, const struct schema_source *source,
    const struct schema_place *place, const yaml_node_t *map, void *base);
static int set_defaults(
    const struct schema *schema, const struct schema_source *source, void *base);

/* ko and en of a localised text, with the limits of its key. */
struct localised {
	struct schema_key keys[3];
	struct schema schema;
};

static void localised_init(struct localised *localised, const struct schema_key *key)
{
	*localised = (struct localised){
	    .keys = {{.name = "ko",
			 .type = SCHEMA_TEXT,
			 .required = true,
			 .max = key->max,
			 SCHEMA_AT(struct text, ko)},
		{.name = "en",
		    .type = SCHEMA_TEXT,
		    .required = true,
		    .max = key->max,
		    SCHEMA_AT(struct text, en)}},
	    .schema = {NULL, sizeof(struct text)},
	};
	localised->schema.keys = localised->keys;
}

static bool is_list(const struct schema_key *key)
{
	return key->type == SCHEMA_TEXTS || key->type == SCHEMA_PATHS || key->type == SCHEMA_MAPS;
}

/* ---- release ---- */

static void release_list(const struct schema_key *key, void *base)
{
	char **list = schema_member(key, base);
	size_t *count = schema_count(key, base);

	for (size_t i = 0; i < *count; i++) {
		if (key->type == SCHEMA_MAPS)
			schema_release(key->sub, *list + i * key->sub->size);
		else
			free((*(char ***)list)[i]);
	}
	free(*list);
	*list = NULL;
	*count = 0;
}

static void release_key(const struct schema_key *key, void *base)
{
	char **text = schema_member(key, base);
	struct localised localised;

	switch (key->type) {
	case SCHEMA_TEXT:
	case SCHEMA_PATH:
		free(*text);
		*text = NULL;
		return;
	case SCHEMA_LOCALISED:
		localised_init(&localised, key);
		schema_release(&localised.schema, schema_member(key, base));
		return;
	case SCHEMA_TEXTS:
	case SCHEMA_PATHS:
	case SCHEMA_MAPS:
		release_list(key, base);
		return;
	case SCHEMA_MAP:
		schema_release(key->sub, base);
		return;
	default:
		return;
	}
}

void schema_release(const struct schema *schema, void *struct_at)
{
	for (const struct schema_key *key = schema->keys; key->name; key++)
		release_key(key, struct_at);
}

/* ---- lists ---- */

static size_t list_length(const yaml_node_t *list)
{
	return (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
}

static int read_item(const struct schema_key *key, const struct schema_source *source,
    const struct schema_place *place, const yaml_node_t *node, void *item)
{
	struct schema_key text = *key;
	int error;

	if (key->type == SCHEMA_MAPS) {
		error = set_defaults(key->sub, source, item);
		return error ? error : read_map(key->sub, source, place, node, item);
	}
	text.type = key->type == SCHEMA_PATHS ? SCHEMA_PATH : SCHEMA_TEXT;
	text.max = 0;
	text.empty = EMPTY_REFUSED;
	return schema_read_scalar(&text, source, place, node, item);
}

static int read_list(const struct schema_key *key, const struct schema_source *source,
    const struct schema_place *place, const yaml_node_t *node, void *base)
{
	size_t item_size = key->type == SCHEMA_MAPS ? key->sub->size : sizeof(char *);
	char **list = schema_member(key, base);
	size_t n;

	if (node->type != YAML_SEQUENCE_NODE)
		return schema_refuse(key, source, place, node);
	n = list_length(node);
	if (n < (size_t)key->min)
		document_error(source->errors, node, "\"%s\" has %zu items; at least %d are needed",
		    schema_path(place).text, n, (int)key->min);
	if (n > (size_t)key->max) {
		document_error(source->errors, node, "\"%s\" has %zu items; at most %d are taken",
		    schema_path(place).text, n, (int)key->max);
		return 0;
	}
	release_list(key, base);
	*list = calloc(n + 1, item_size); /* a list of texts ends with NULL for who wants that */
	if (!*list)
		return -ENOMEM;
	*schema_count(key, base) = n;
	for (size_t i = 0; i < n; i++) {
		const yaml_node_t *item =
		    document_node(source->document, node->data.sequence.items.start[i]);
		int error = read_item(key, source, place, item, *list + i * item_size);

		if (error)
			return error;
	}
	return 0;
}

/* ---- maps ---- */

static int read_localised(const struct schema_key *key, const struct schema_source *source,
    const struct schema_place *place, const yaml_node_t *node, void *base)
{
	struct localised localised;

	if (node->type != YAML_MAPPING_NODE)
		return schema_refuse(key, source, place, node);
	localised_init(&localised, key);
	return read_map(&localised.schema, source, place, node, schema_member(key, base));
}

static int read_value(const struct schema_key *key, const struct schema_source *source,
    const struct schema_place *place, const yaml_node_t *node, void *base)
{
	switch (key->type) {
	case SCHEMA_MAP:
		return read_map(key->sub, source, place, node, base);
	case SCHEMA_ASIDE:
		return 0;
	case SCHEMA_LOCALISED:
		return read_localised(key, source, place, node, base);
	case SCHEMA_TEXTS:
	case SCHEMA_PATHS:
	case SCHEMA_MAPS:
		return read_list(key, source, place, node, base);
	default:
		return schema_read_scalar(key, source, place, node, schema_member(key, base));
	}
}

static const struct schema_key *find_key(const struct schema *schema, const char *name)
{
	for (const struct schema_key *key = schema->keys; key->name; key++)
		if (strcmp(key->name, name) == 0)
			return key;
	return NULL;
}

static void refuse_unknown(
    const struct schema *schema, const struct schema_source *source, const yaml_node_t *name_node)
{
	const char *name = (const char *)name_node->data.scalar.value;
	const char *names[KEYS_MAX], *nearest;
	char list[600] = "";
	size_t n = 0, len = 0;

	for (const struct schema_key *key = schema->keys; key->name && n < KEYS_MAX; key++)
		names[n++] = key->name;
	nearest = value_nearest(name, names, n);
	if (nearest) {
		document_error(source->errors, name_node,
		    "unknown key \"%.60s\"; did you mean \"%s\"?", name, nearest);
		return;
	}
	for (size_t i = 0; i < n && len < sizeof(list); i++)
		len += (size_t)snprintf(
		    list + len, sizeof(list) - len, "%s%s", i ? ", " : "", names[i]);
	document_error(
	    source->errors, name_node, "unknown key \"%.60s\"; the keys here are: %s", name, list);
}

/* The line on which an earlier pair of the map has the same key, or 0. */
static size_t first_line_of(
    const struct schema_source *source, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
	const yaml_node_t *name = document_node(source->document, pair->key);

	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < pair; p++) {
		const yaml_node_t *other = document_node(source->document, p->key);

		if (other->type == YAML_SCALAR_NODE &&
		    strcmp((const char *)other->data.scalar.value,
			(const char *)name->data.scalar.value) == 0)
			return other->start_mark.line + 1;
	}
	return 0;
}

static int read_pair(const struct schema *schema, const struct schema_source *source,
    const struct schema_place *place, const yaml_node_t *map, const yaml_node_pair_t *pair,
    void *base)
{
	const yaml_node_t *name = document_node(source->document, pair->key);
	const struct schema_key *key;
	size_t first_line;

	if (name->type != YAML_SCALAR_NODE) {
		document_error(source->errors, name, "a key is to be a plain word");
		return 0;
	}
	key = find_key(schema, (const char *)name->data.scalar.value);
	if (!key) {
		refuse_unknown(schema, source, name);
		return 0;
	}
	first_line = first_line_of(source, map, pair);
	if (first_line) {
		document_error(source->errors, name,
		    "\"%s\" is given a second time; it stands on line %zu already", key->name,
		    first_line);
		return 0;
	}
	return read_value(key, source, &(struct schema_place){place, key->name},
	    document_node(source->document, pair->value), base);
}

static void require_keys(const struct schema *schema, const struct schema_source *source,
    const struct schema_place *place, const yaml_node_t *map)
{
	for (const struct schema_key *key = schema->keys; key->name; key++) {
		struct schema_place here = {place, key->name};
		char expected[SCHEMA_EXPECTED_MAX];

		if (!key->required || document_value(source->document, map, key->name))
			continue;
		schema_expected(key, expected);
		document_error(source->errors, map, "\"%s\" is missing; it is to be %s",
		    schema_path(&here).text, expected);
	}
}

static int read_map(const struct schema *schema, const struct schema_source *source,
    const struct schema_place *place, const yaml_node_t *map, void *base)
{
	if (map->type != YAML_MAPPING_NODE) {
		const struct schema_key block = {.type = SCHEMA_MAP, .sub = schema};

		return schema_refuse(&block, source, place, map);
	}
	for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	     pair < map->data.mapping.pairs.top; pair++) {
		int error = read_pair(schema, source, place, map, pair, base);

		if (error)
			return error;
	}
	if (!source->overlay)
		require_keys(schema, source, place, map);
	return 0;
}

static int set_defaults(const struct schema *schema, const struct schema_source *source, void *base)
{
	for (const struct schema_key *key = schema->keys; key->name; key++) {
		int error = 0;

		if (key->type == SCHEMA_MAP)
			error = set_defaults(key->sub, source, base);
		else if (key->fallback && !is_list(key))
			error = schema_set_default(key, source, schema_member(key, base));
		if (error)
			return error;
	}
	return 0;
}

int schema_read(const struct schema *schema, const struct schema_source *source,
    const yaml_node_t *map, void *struct_at)
{
	const struct schema_place block = {NULL, source->within};
	int error = source->overlay ? 0 : set_defaults(schema, source, struct_at);

	if (!error)
		error = read_map(schema, source, source->within ? &block : NULL, map, struct_at);
	return !error && source->errors->short_of_memory ? -ENOMEM : error;
}

/* ---- listing ---- */

static void each_key(const struct schema *schema, const struct schema_place *place,
    void (*each)(void *arg, const char *path, const struct schema_key *key), void *arg)
{
	for (const struct schema_key *key = schema->keys; key->name; key++) {
		struct schema_place here = {place, key->name};

		if (key->type == SCHEMA_MAP)
			each_key(key->sub, &here, each, arg);
		else
			each(arg, schema_path(&here).text, key);
	}
}

void schema_each(const struct schema *schema,
    void (*each)(void *arg, const char *path, const struct schema_key *key), void *arg)
{
	each_key(schema, NULL, each, arg);
}
