/* Building a YAML document out of nodes of others, and printing it. Node numbers are libyaml's, 0:
 * memory is short; every function takes 0 for a node and hands it on, so that a tree is built in
 * one go and judged at its end. */
#ifndef TALLYD_CONFIG_YAMLTREE_H
#define TALLYD_CONFIG_YAMLTREE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/document.h"

/* A copy of a node with all below it, each in the style in which it stands. */
int yamltree_copy(yaml_document_t *to, struct document *from, const yaml_node_t *node);
int yamltree_text(yaml_document_t *to, const char *text); /* a scalar; quoted where it must be */
int yamltree_number(yaml_document_t *to, long number);
int yamltree_block(yaml_document_t *to); /* an empty map, a line for each key */
int yamltree_flow(yaml_document_t *to);  /* an empty map in braces */
int yamltree_list(yaml_document_t *to);  /* an empty list, a line for each item */

/* Returns the map, the list; 0 when either is 0 or memory is short. */
int yamltree_set(yaml_document_t *to, int map, const char *key, int value);
int yamltree_append(yaml_document_t *to, int list, int item);

/* Whether both say the same, whatever their style. */
bool yamltree_same(
    struct document *a, const yaml_node_t *node_a, struct document *b, const yaml_node_t *node_b);

/* Prints and deletes the document. 0 with text to be freed; -ENOMEM. */
__attribute__((warn_unused_result)) int yamltree_print(
    yaml_document_t *document, char **ret_text, size_t *ret_len);

#endif
