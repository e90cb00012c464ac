/* Reads a YAML file: bounded bytes, a first pass over the events that refuses what we do not take,
 * then libyaml's tree. */
#include "config/document.h"

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

struct bytes {
	unsigned char *data;
	size_t len;
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

/* ---- errors of form ---- */

/* The place of a byte, as libyaml counts: characters, not bytes. */
static void place_of(const struct bytes *bytes, size_t offset, int *ret_line, int *ret_column)
{
	int line = 1, column = 1;

	for (size_t i = 0; i < offset && i < bytes->len; i++) {
		if (bytes->data[i] == '\n') {
			line++;
			column = 1;
		} else if ((bytes->data[i] & 0xC0) != 0x80) {
			column++;
		}
	}
	*ret_line = line;
	*ret_column = column;
}

static bool is_tab_at(const struct bytes *bytes, const yaml_mark_t *mark)
{
	size_t line = 0, column = 0;

	for (size_t i = 0; i < bytes->len && line <= mark->line; i++) {
		if (line == mark->line && column == mark->column)
			return bytes->data[i] == '\t';
		if (bytes->data[i] == '\n') {
			line++;
			column = 0;
		} else if ((bytes->data[i] & 0xC0) != 0x80) {
			column++;
		}
	}
	return false;
}

static int note_syntax_error(
    struct config_errors *errors, const struct bytes *bytes, const yaml_parser_t *parser)
{
	int line = (int)parser->problem_mark.line + 1;
	int column = (int)parser->problem_mark.column + 1;
	const char *problem = parser->problem;

	/* Short of memory, libyaml's loader fails without saying why. */
	if (parser->error == YAML_MEMORY_ERROR || !problem)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR) {
		place_of(bytes, parser->problem_offset, &line, &column);
		config_errors_add(errors, line, column,
		    "not valid UTF-8 text: %s; save the file as UTF-8", problem);
	} else if (is_tab_at(bytes, &parser->problem_mark)) {
		config_errors_add(
		    errors, line, column, "a tab stands here; YAML is indented with spaces");
	} else if (parser->context) {
		config_errors_add(errors, line, column,
		    "not valid YAML: %s %s that begins on line %zu", problem, parser->context,
		    parser->context_mark.line + 1);
	} else {
		config_errors_add(errors, line, column, "not valid YAML: %s", problem);
	}
	return -EINVAL;
}

/* ---- first pass ---- */

struct scan {
	struct config_errors *errors;
	int depth;
	int documents;
};

static void refuse_extras(
    struct scan *scan, const yaml_mark_t *mark, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	int line = (int)mark->line + 1, column = (int)mark->column + 1;

	if (anchor)
		config_errors_add(scan->errors, line, column,
		    "anchors (&%.40s) are not taken; write the value out where it is needed",
		    (const char *)anchor);
	if (tag)
		config_errors_add(scan->errors, line, column,
		    "tags (%.40s) are not taken; leave it out", (const char *)tag);
}

/* 0: go on; -EINVAL: reading further makes no sense. */
static int scan_event(struct scan *scan, const yaml_event_t *event)
{
	const yaml_mark_t *mark = &event->start_mark;

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++scan->documents == 1)
			return 0;
		config_errors_add(scan->errors, (int)mark->line + 1, (int)mark->column + 1,
		    "a second document begins; a file holds one");
		return -EINVAL;
	case YAML_ALIAS_EVENT:
		config_errors_add(scan->errors, (int)mark->line + 1, (int)mark->column + 1,
		    "aliases (*%.40s) are not taken; write the value out",
		    (const char *)event->data.alias.anchor);
		return 0;
	case YAML_SCALAR_EVENT:
		refuse_extras(scan, mark, event->data.scalar.anchor, event->data.scalar.tag);
		return 0;
	case YAML_SEQUENCE_START_EVENT:
		refuse_extras(
		    scan, mark, event->data.sequence_start.anchor, event->data.sequence_start.tag);
		break;
	case YAML_MAPPING_START_EVENT:
		refuse_extras(
		    scan, mark, event->data.mapping_start.anchor, event->data.mapping_start.tag);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		scan->depth--;
		return 0;
	default:
		return 0;
	}
	if (++scan->depth <= DOCUMENT_DEPTH_MAX)
		return 0;
	config_errors_add(scan->errors, (int)mark->line + 1, (int)mark->column + 1,
	    "nested too deeply; at most %d levels are taken", DOCUMENT_DEPTH_MAX);
	return -EINVAL;
}

static int parser_begin(yaml_parser_t *parser, const struct bytes *bytes)
{
	if (!yaml_parser_initialize(parser))
		return -ENOMEM;
	yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(parser, bytes->data, bytes->len);
	return 0;
}

static int scan_events(const struct bytes *bytes, struct config_errors *errors)
{
	struct scan scan = {.errors = errors};
	yaml_parser_t parser;
	bool ended = false;
	int error = parser_begin(&parser, bytes);

	if (error)
		return error;
	while (!error && !ended) {
		yaml_event_t event;

		if (!yaml_parser_parse(&parser, &event)) {
			error = note_syntax_error(errors, bytes, &parser);
			break;
		}
		error = scan_event(&scan, &event);
		ended = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return error;
}

/* ---- tree ---- */

static int load_tree(
    const struct bytes *bytes, struct config_errors *errors, yaml_document_t *ret_tree)
{
	yaml_parser_t parser;
	int error = parser_begin(&parser, bytes);

	if (error)
		return error;
	if (!yaml_parser_load(&parser, ret_tree)) {
		error = note_syntax_error(errors, bytes, &parser);
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
	error = scan_events(&bytes, errors);
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
