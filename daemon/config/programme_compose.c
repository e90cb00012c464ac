/* Writes a round's contest file: the base's keys in their order, with the round's own in place of
 * some. */
#include <errno.h>
#include <string.h>

#include "config/programme_impl.h"
#include "config/yamltree.h"

struct writing {
	const struct composition *of;
	yaml_document_t *to;
};

static const yaml_node_t *round_value(const struct writing *writing, const char *key)
{
	struct document *document = writing->of->programme->document;

	return document_value(
	    document, document_at(document, "rounds/%zu", writing->of->round), key);
}

static int copy_round_value(const struct writing *writing, const char *key)
{
	return yamltree_copy(
	    writing->to, writing->of->programme->document, round_value(writing, key));
}

static int list_items(const struct writing *writing, const struct items *items)
{
	int list = yamltree_list(writing->to);

	for (size_t i = 0; i < items->n; i++)
		list = yamltree_append(writing->to, list,
		    yamltree_copy(writing->to, items->list[i].document, items->list[i].node));
	return list;
}

/* ---- what a round says itself ---- */

static int write_id(const struct writing *writing)
{
	return copy_round_value(writing, "id");
}

static int write_name(const struct writing *writing)
{
	return copy_round_value(writing, "name");
}

static int write_opens(const struct writing *writing)
{
	return copy_round_value(writing, "opens_at");
}

static int write_closes(const struct writing *writing)
{
	return copy_round_value(writing, "closes_at");
}

static int write_programme(const struct writing *writing)
{
	const struct programme *programme = writing->of->programme;
	size_t round = writing->of->round;
	int map = yamltree_block(writing->to);

	map = yamltree_set(writing->to, map, "id", yamltree_text(writing->to, programme->id));
	map = yamltree_set(writing->to, map, "name",
	    yamltree_copy(
		writing->to, programme->document, document_at(programme->document, "name")));
	map =
	    yamltree_set(writing->to, map, "round", yamltree_number(writing->to, (long)round + 1));
	map = yamltree_set(
	    writing->to, map, "rounds", yamltree_number(writing->to, (long)programme->n_rounds));
	return yamltree_set(writing->to, map, "previous",
	    yamltree_text(writing->to, programme->rounds[round - 1].id));
}

static int write_groups(const struct writing *writing)
{
	return list_items(writing, &writing->of->lineup->groups);
}

static int write_organisations(const struct writing *writing)
{
	return list_items(writing, &writing->of->lineup->organisations);
}

static int write_entries(const struct writing *writing)
{
	return list_items(writing, &writing->of->lineup->entries);
}

/* Copies the map's pairs, but for those whose keys `over` has. */
static int copy_pairs(const struct writing *writing, int to, struct document *from,
    const yaml_node_t *map, struct document *over_document, const yaml_node_t *over)
{
	for (yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	     pair < map->data.mapping.pairs.top; pair++) {
		const char *key = (const char *)document_node(from, pair->key)->data.scalar.value;

		if (!over || !document_value(over_document, over, key))
			to = yamltree_set(writing->to, to, key,
			    yamltree_copy(writing->to, from, document_node(from, pair->value)));
	}
	return to;
}

/* The round's cut over that of the base. */
static int write_advance(const struct writing *writing, const yaml_node_t *base)
{
	struct document *own = writing->of->programme->document;
	const yaml_node_t *given = round_value(writing, "advance");
	int map = yamltree_flow(writing->to);

	if (base)
		map = copy_pairs(writing, map, writing->of->base, base, own, given);
	return copy_pairs(writing, map, own, given, NULL, NULL);
}

static int write_stage(const struct writing *writing)
{
	struct document *base = writing->of->base;
	const yaml_node_t *stage = document_at(base, "stage");
	int map = yamltree_block(writing->to);

	for (yaml_node_pair_t *pair = stage->data.mapping.pairs.start;
	     pair < stage->data.mapping.pairs.top; pair++) {
		const char *key = (const char *)document_node(base, pair->key)->data.scalar.value;

		if (strcmp(key, "advance") != 0)
			map = yamltree_set(writing->to, map, key,
			    yamltree_copy(writing->to, base, document_node(base, pair->value)));
	}
	return yamltree_set(writing->to, map, "advance",
	    write_advance(writing, document_value(base, stage, "advance")));
}

/* ---- the file ---- */

static const struct own_key {
	const char *name;
	int (*write)(const struct writing *writing);
} own_keys[] = {
    {"id", write_id},
    {"name", write_name},
    {"programme", write_programme},
    {"opens_at", write_opens},
    {"closes_at", write_closes},
    {"groups", write_groups},
    {"organisations", write_organisations},
    {"entries", write_entries},
    {"stage", write_stage},
};

#define OWN_KEYS (sizeof(own_keys) / sizeof(own_keys[0]))

static bool is_wanted(const struct writing *writing, const struct own_key *key)
{
	if (key->write == write_groups)
		return writing->of->lineup->groups.n > 0;
	if (key->write == write_stage)
		return round_value(writing, "advance") != NULL;
	return true;
}

static const struct own_key *own_key(const char *name)
{
	for (size_t i = 0; i < OWN_KEYS; i++)
		if (strcmp(own_keys[i].name, name) == 0)
			return &own_keys[i];
	return NULL;
}

/* The base's keys in the base's order, then what it lacks. 0: memory. */
static int write_file(const struct writing *writing)
{
	struct document *base = writing->of->base;
	const yaml_node_t *file = document_root(base);
	int map = yamltree_block(writing->to);

	for (yaml_node_pair_t *pair = file->data.mapping.pairs.start;
	     pair < file->data.mapping.pairs.top; pair++) {
		const char *key = (const char *)document_node(base, pair->key)->data.scalar.value;
		const struct own_key *own = own_key(key);
		int value = own && is_wanted(writing, own) ? own->write(writing)
							   : yamltree_copy(writing->to, base,
								 document_node(base, pair->value));

		map = yamltree_set(writing->to, map, key, value);
	}
	for (size_t i = 0; i < OWN_KEYS; i++)
		if (is_wanted(writing, &own_keys[i]) && !document_at(base, "%s", own_keys[i].name))
			map = yamltree_set(
			    writing->to, map, own_keys[i].name, own_keys[i].write(writing));
	return map;
}

int programme_compose(const struct composition *composition, char **ret_text)
{
	yaml_document_t document;
	size_t len;

	/* Without explicit marks of begin and end. */
	if (!yaml_document_initialize(&document, NULL, NULL, NULL, 1, 1))
		return -ENOMEM;
	if (!write_file(&(struct writing){composition, &document})) {
		yaml_document_delete(&document);
		return -ENOMEM;
	}
	return yamltree_print(&document, ret_text, &len);
}
