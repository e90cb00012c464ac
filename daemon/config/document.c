/* Reads a YAML file: bounded bytes, a first pass that refuses what we do not take
 * (document_scan.c), then libyaml's tree. */
#include "config/document_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct document {
	yaml_document_t yaml;
};

/* ---- bytes ---- */

static int read_all(int fd, struct bytes *ret_bytes)
{
	unsigned char *data = malloc(DOCUMENT_BYTES_MAX + 1);
	size_t len = 0;
	ssize_t n = 1;

	if (!data)
		return -ENOMEM;
	while (n > 0 && len <= DOCUMENT_BYTES_MAX) {
		n = read(fd, data + len, DOCUMENT_BYTES_MAX + 1 - len);
		if (n < 0 && errno != EINTR) {
			int error = -errno;

			free(data);
			return error;
		}
		len += n > 0 ? (size_t)n : 0;
	}
	*ret_bytes = (struct bytes){data, len};
	return 0;
}

static int read_file(const char *path, struct config_errors *errors, struct bytes *ret_bytes)
{
	/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	int error = 0;

	if (fd < 0 || fstat(fd, &status) < 0)
		error = -errno;
	else if (S_ISDIR(status.st_mode))
		error = -EISDIR;
	else if (!S_ISREG(status.st_mode))
		error = -EINVAL;
	else
		error = read_all(fd, ret_bytes);
	if (fd >= 0)
		close(fd);
	if (error == -EINVAL)
		config_errors_add(errors, 0, 0, "is not a regular file");
	else if (error)
		config_errors_add(errors, 0, 0, "cannot be read: %s", strerror(-error));
	return error;
}

/* ---- tree ---- */

static int load_tree(
    const struct bytes *bytes, struct config_errors *errors, yaml_document_t *ret_tree)
{
	yaml_parser_t parser;
	int error = document_parser(&parser, bytes);

	if (error)
		return error;
	if (!yaml_parser_load(&parser, ret_tree)) {
		error = document_syntax_error(errors, bytes, &parser);
	} else if (!yaml_document_get_root_node(ret_tree)) {
		config_errors_add(errors, 0, 0, "is empty");
		yaml_document_delete(ret_tree);
		error = -EINVAL;
	}
	yaml_parser_delete(&parser);
	return error;
}

int document_load(const char *path, struct config_errors *errors, struct document **ret_document)
{
	struct document *document = NULL;
	struct bytes bytes = {0};
	int error = read_file(path, errors, &bytes);

	if (error)
		return error;
	if (bytes.len > DOCUMENT_BYTES_MAX) {
		config_errors_add(errors, 0, 0, "is too large; at most 1 MiB is read");
		error = -EFBIG;
		goto out;
	}
	error = document_scan(&bytes, errors);
	if (error)
		goto out;
	document = calloc(1, sizeof(*document));
	error = document ? load_tree(&bytes, errors, &document->yaml) : -ENOMEM;
	if (error) {
		free(document);
		goto out;
	}
	*ret_document = document;
out:
	free(bytes.data);
	return error;
}

void document_free(struct document *document)
{
	if (!document)
		return;
	yaml_document_delete(&document->yaml);
	free(document);
}

yaml_node_t *document_root(struct document *document)
{
	return yaml_document_get_root_node(&document->yaml);
}

yaml_node_t *document_node(struct document *document, int index)
{
	return yaml_document_get_node(&document->yaml, index);
}

yaml_node_t *document_value(struct document *document, const yaml_node_t *map, const char *key)
{
	if (!map || map->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	     pair < map->data.mapping.pairs.top; pair++) {
		const yaml_node_t *name = document_node(document, pair->key);

		if (name->type == YAML_SCALAR_NODE &&
		    strcmp((const char *)name->data.scalar.value, key) == 0)
			return document_node(document, pair->value);
	}
	return NULL;
}

static yaml_node_t *item_at(struct document *document, const yaml_node_t *list, size_t index)
{
	if (list->type != YAML_SEQUENCE_NODE ||
	    index >= (size_t)(list->data.sequence.items.top - list->data.sequence.items.start))
		return NULL;
	return document_node(document, list->data.sequence.items.start[index]);
}

yaml_node_t *document_at(struct document *document, const char *path_format, ...)
{
	yaml_node_t *node = document_root(document);
	char path[200], *rest = path;
	va_list args;

	va_start(args, path_format);
	(void)vsnprintf(path, sizeof(path), path_format, args);
	va_end(args);
	for (char *step = strsep(&rest, "/"); step && node; step = strsep(&rest, "/")) {
		if (node->type == YAML_SEQUENCE_NODE)
			node = item_at(document, node, strtoul(step, NULL, 10));
		else
			node = document_value(document, node, step);
	}
	return node;
}

void document_error(struct config_errors *errors, const yaml_node_t *node, const char *format, ...)
{
	int line = node ? (int)node->start_mark.line + 1 : 0;
	int column = node ? (int)node->start_mark.column + 1 : 0;
	char *text;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (text)
		config_errors_add(errors, line, column, "%s", text);
	else
		errors->short_of_memory = true;
	free(text);
}
