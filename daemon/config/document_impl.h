/* What document.c (bytes, tree) and document_scan.c (what of YAML is taken) share. For no one else.
 */
#ifndef TALLYD_CONFIG_DOCUMENT_IMPL_H
#define TALLYD_CONFIG_DOCUMENT_IMPL_H

#include "config/document.h"

struct bytes {
	unsigned char *data;
	size_t len;
};

/* Over the bytes, which are borrowed. 0 or -ENOMEM. */
__attribute__((warn_unused_result)) int document_parser(
    yaml_parser_t *ret_parser, const struct bytes *bytes);
/* Why libyaml stopped, with its place. -EINVAL; -ENOMEM: it does not say. */
int document_syntax_error(
    struct config_errors *errors, const struct bytes *bytes, const yaml_parser_t *parser);

/* Notes what is not taken. 0: the tree can be loaded, though `errors` may hold some; -EINVAL,
 * -ENOMEM. */
__attribute__((warn_unused_result)) int document_scan(
    const struct bytes *bytes, struct config_errors *errors);

#endif
