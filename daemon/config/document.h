/* A YAML file as libyaml's tree, every node with its place. Takes the part of YAML that a person
 * would write by hand, and that all parsers read alike (FORMAT.md section 5.3): one document,
 * UTF-8, no tabs, directives, anchors, aliases or tags, keys before their colon on one line,
 * comments behind a space, values indented deeper than their keys, at most DOCUMENT_DEPTH_MAX
 * levels, at most 1 MiB. What a node means is the schema's business. */
#ifndef TALLYD_CONFIG_DOCUMENT_H
#define TALLYD_CONFIG_DOCUMENT_H

#include <yaml.h>

#include "config/errors.h"

#define DOCUMENT_BYTES_MAX (1 << 20)
#define DOCUMENT_DEPTH_MAX 16

struct document;

/* 0: there is a tree, though `errors` may hold some. -EINVAL: there is none, `errors` says why;
 * -EFBIG: because the file has more than DOCUMENT_BYTES_MAX. -errno when the file cannot be read:
 * one message, too. */
__attribute__((warn_unused_result)) int document_load(
    const char *path, struct config_errors *errors, struct document **ret_document);
void document_free(struct document *document);

yaml_node_t *document_root(struct document *document);
yaml_node_t *document_node(struct document *document, int index);

/* The value of a key, or NULL. */
yaml_node_t *document_value(struct document *document, const yaml_node_t *map, const char *key);
/* The node at a path such as "entries/2/lead" (list items from 0), or NULL. */
__attribute__((format(printf, 2, 3))) yaml_node_t *document_at(
    struct document *document, const char *path_format, ...);

/* Notes an error at the node's place; NULL: of the whole file. */
__attribute__((format(printf, 3, 4))) void document_error(
    struct config_errors *errors, const yaml_node_t *node, const char *format, ...);

#endif
