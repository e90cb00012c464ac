/* Building a YAML document out of nodes of others. */
#include "config/yamltree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_WIDTH 100

static int scalar(yaml_document_t *to, const char *text, size_t len, yaml_scalar_style_t style)
{
	return yaml_document_add_scalar(to, NULL, (const yaml_char_t *)text, (int)len, style);
}

int yamltree_text(yaml_document_t *to, const char *text)
{
	return scalar(to, text, strlen(text), YAML_ANY_SCALAR_STYLE);
}

int yamltree_number(yaml_document_t *to, long number)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%ld", number);
	return yamltree_text(to, text);
}

int yamltree_block(yaml_document_t *to)
{
	return yaml_document_add_mapping(to, NULL, YAML_BLOCK_MAPPING_STYLE);
}

int yamltree_flow(yaml_document_t *to)
{
	return yaml_document_add_mapping(to, NULL, YAML_FLOW_MAPPING_STYLE);
}

int yamltree_list(yaml_document_t *to)
{
	return yaml_document_add_sequence(to, NULL, YAML_BLOCK_SEQUENCE_STYLE);
}

int yamltree_set(yaml_document_t *to, int map, const char *key, int value)
{
	int name = map && value ? yamltree_text(to, key) : 0;

	return name && yaml_document_append_mapping_pair(to, map, name, value) ? map : 0;
}

int yamltree_append(yaml_document_t *to, int list, int item)
{
	return list && item && yaml_document_append_sequence_item(to, list, item) ? list : 0;
}

/* ---- copies ---- */

static int copy_list(yaml_document_t *to, struct document *from, const yaml_node_t *node)
{
	int list = yaml_document_add_sequence(to, NULL, node->data.sequence.style);

	for (yaml_node_item_t *item = node->data.sequence.items.start;
	     list && item < node->data.sequence.items.top; item++)
		list =
		    yamltree_append(to, list, yamltree_copy(to, from, document_node(from, *item)));
	return list;
}

static int copy_map(yaml_document_t *to, struct document *from, const yaml_node_t *node)
{
	int map = yaml_document_add_mapping(to, NULL, node->data.mapping.style);

	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     map && pair < node->data.mapping.pairs.top; pair++) {
		int key = yamltree_copy(to, from, document_node(from, pair->key));
		int value = key ? yamltree_copy(to, from, document_node(from, pair->value)) : 0;

		if (!value || !yaml_document_append_mapping_pair(to, map, key, value))
			map = 0;
	}
	return map;
}

/* Not deeper than DOCUMENT_DEPTH_MAX: document_load() saw to it. */
int yamltree_copy(yaml_document_t *to, struct document *from, const yaml_node_t *node)
{
	switch (node->type) {
	case YAML_SCALAR_NODE:
		return scalar(to, (const char *)node->data.scalar.value, node->data.scalar.length,
		    node->data.scalar.style);
	case YAML_SEQUENCE_NODE:
		return copy_list(to, from, node);
	case YAML_MAPPING_NODE:
		return copy_map(to, from, node);
	default:
		return 0;
	}
}

/* ---- comparison ---- */

static bool same_list(
    struct document *a, const yaml_node_t *node_a, struct document *b, const yaml_node_t *node_b)
{
	const yaml_node_item_t *item_a = node_a->data.sequence.items.start;
	const yaml_node_item_t *item_b = node_b->data.sequence.items.start;
	ptrdiff_t n = node_a->data.sequence.items.top - item_a;

	if (node_b->data.sequence.items.top - item_b != n)
		return false;
	for (ptrdiff_t i = 0; i < n; i++)
		if (!yamltree_same(a, document_node(a, item_a[i]), b, document_node(b, item_b[i])))
			return false;
	return true;
}

static bool same_map(
    struct document *a, const yaml_node_t *node_a, struct document *b, const yaml_node_t *node_b)
{
	ptrdiff_t n = node_a->data.mapping.pairs.top - node_a->data.mapping.pairs.start;

	if (node_b->data.mapping.pairs.top - node_b->data.mapping.pairs.start != n)
		return false;
	for (ptrdiff_t i = 0; i < n; i++) {
		const yaml_node_pair_t *pair = &node_a->data.mapping.pairs.start[i];
		const yaml_node_t *key = document_node(a, pair->key);
		const yaml_node_t *other =
		    key->type == YAML_SCALAR_NODE
			? document_value(b, node_b, (const char *)key->data.scalar.value)
			: NULL;

		if (!other || !yamltree_same(a, document_node(a, pair->value), b, other))
			return false;
	}
	return true;
}

bool yamltree_same(
    struct document *a, const yaml_node_t *node_a, struct document *b, const yaml_node_t *node_b)
{
	if (node_a->type != node_b->type)
		return false;
	switch (node_a->type) {
	case YAML_SCALAR_NODE:
		return node_a->data.scalar.length == node_b->data.scalar.length &&
		       memcmp(node_a->data.scalar.value, node_b->data.scalar.value,
			   node_a->data.scalar.length) == 0;
	case YAML_SEQUENCE_NODE:
		return same_list(a, node_a, b, node_b);
	case YAML_MAPPING_NODE:
		return same_map(a, node_a, b, node_b);
	default:
		return true;
	}
}

/* ---- printing ---- */

int yamltree_print(yaml_document_t *document, char **ret_text, size_t *ret_len)
{
	yaml_emitter_t emitter;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int good;

	if (!out || !yaml_emitter_initialize(&emitter)) {
		yaml_document_delete(document);
		if (out)
			(void)fclose(out);
		free(text);
		return -ENOMEM;
	}
	yaml_emitter_set_output_file(&emitter, out);
	yaml_emitter_set_encoding(&emitter, YAML_UTF8_ENCODING);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, LINE_WIDTH);
	good = yaml_emitter_dump(&emitter, document); /* deletes it in any case */
	good = yaml_emitter_close(&emitter) && good;
	yaml_emitter_delete(&emitter);
	if (fclose(out) != 0 || !good) {
		free(text);
		return -ENOMEM;
	}
	*ret_text = text;
	*ret_len = len;
	return 0;
}
