/* What of YAML is taken: a pass over the characters and one over libyaml's events, before there is
 * a tree. */
#include "config/document_impl.h"

#include <errno.h>
#include <stdbool.h>

#include "base/text.h"

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

int document_syntax_error(
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
	} else if (parser->context) {
		config_errors_add(errors, line, column,
		    "not valid YAML: %s %s that begins on line %zu", problem, parser->context,
		    parser->context_mark.line + 1);
	} else {
		config_errors_add(errors, line, column, "not valid YAML: %s", problem);
	}
	return -EINVAL;
}

/* ---- characters ---- */

/* What parsers of YAML take for different things: tabs, line ends that not all know, characters
 * that are not seen. A file that a verifier reads otherwise than its author would be worth nothing.
 */
static bool is_taken(uint32_t point, const struct bytes *bytes, size_t next)
{
	if (point == '\r')
		return next < bytes->len && bytes->data[next] == '\n';
	if (point < 0x20)
		return point == '\n';
	return !(point >= 0x7F && point <= 0x9F) && point != 0x2028 && point != 0x2029 &&
	       point != 0xFEFF && point != 0xFFFE && point != 0xFFFF;
}

/* -EINVAL: reading further makes no sense. What is no UTF-8 is libyaml's to say. */
static int check_characters(const struct bytes *bytes, struct config_errors *errors)
{
	struct slice text = slice_make((const char *)bytes->data, bytes->len);
	uint32_t point = '\n', before;
	int line, column;
	size_t size;

	for (before = point; (size = text_next(text, &point)) > 0; before = point) {
		size_t at = bytes->len - text.len;

		text = slice_make(text.ptr + size, text.len - size);
		if (is_taken(point, bytes, at + size) && !(before == '\n' && point == '%'))
			continue;
		place_of(bytes, at, &line, &column);
		if (point == '%')
			config_errors_add(
			    errors, line, column, "directives (%%) are not taken; leave it out");
		else if (point == '\t')
			config_errors_add(
			    errors, line, column, "a tab stands here; write spaces in its place");
		else
			config_errors_add(errors, line, column,
			    "the character U+%04X is not taken here; lines end with LF or CR LF",
			    (unsigned)point);
		return -EINVAL;
	}
	return 0;
}

/* ---- first pass ---- */

struct opened { /* a block or list that has begun */
	yaml_mark_t begin;
	size_t offset; /* of `begin`, in bytes */
	bool in_brackets;
	int column; /* of the innermost that is not in brackets; -1: none */
};

struct scan {
	const struct bytes *bytes;
	struct config_errors *errors;
	int depth;
	struct opened open[DOCUMENT_DEPTH_MAX + 2]; /* open[depth] is the innermost; open[0] none */
	int documents;
	/* How far the bytes are read; only forward, so that a file is read once. */
	size_t at, line, column;
};

static void step(struct scan *scan)
{
	const unsigned char *data = scan->bytes->data;
	bool ended = data[scan->at] == '\n';

	do
		scan->at++;
	while (scan->at < scan->bytes->len && (data[scan->at] & 0xC0) == 0x80);
	scan->line += ended;
	scan->column = ended ? 0 : scan->column + 1;
}

static bool is_before(const struct scan *scan, const yaml_mark_t *mark)
{
	return scan->at < scan->bytes->len &&
	       (scan->line < mark->line ||
		   (scan->line == mark->line && scan->column < mark->column));
}

/* The comment that begins here. Not all parsers see one right behind a bracket or a quote. */
static void pass_comment(struct scan *scan, const yaml_mark_t *until)
{
	const unsigned char *data = scan->bytes->data;

	if (scan->at > 0 && data[scan->at - 1] != ' ' && data[scan->at - 1] != '\n')
		config_errors_add(scan->errors, (int)scan->line + 1, (int)scan->column + 1,
		    "a comment begins right behind another sign; write a space before the #");
	while (is_before(scan, until) && data[scan->at] != '\n')
		step(scan);
}

/* What stands between the values: signs and comments. */
static void pass_signs(struct scan *scan, const yaml_mark_t *until)
{
	while (is_before(scan, until)) {
		unsigned char sign = scan->bytes->data[scan->at];

		if (sign == '#') {
			pass_comment(scan, until);
			continue;
		}
		if (sign == '?')
			config_errors_add(scan->errors, (int)scan->line + 1, (int)scan->column + 1,
			    "keys behind a question mark are not taken; write the key and its "
			    "colon on one line, or the text in quotes");
		step(scan);
	}
}

static void pass_scalar(struct scan *scan, const yaml_event_t *event)
{
	yaml_scalar_style_t style = event->data.scalar.style;
	bool is_block = style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE;

	while (is_before(scan, &event->end_mark)) {
		if (is_block && scan->bytes->data[scan->at] == '#')
			pass_comment(scan, &event->end_mark); /* beside | or > */
		is_block = is_block && scan->bytes->data[scan->at] != '\n';
		if (is_before(scan, &event->end_mark))
			step(scan);
	}
}

/* What goes on over lines without indentation of its own is read by some parsers alone. `at`: the
 * byte at `begin`. */
static void check_indent(
    struct scan *scan, size_t at, const yaml_mark_t *begin, const yaml_mark_t *end, int column)
{
	const unsigned char *data = scan->bytes->data;

	for (size_t line = begin->line; line < end->line; line++) {
		size_t spaces = 0;

		while (at < scan->bytes->len && data[at++] != '\n')
			;
		for (; at < scan->bytes->len && data[at] == ' '; at++)
			spaces++;
		if ((int)spaces <= column && at < scan->bytes->len && data[at] != '\n' &&
		    data[at] != '\r')
			config_errors_add(scan->errors, (int)line + 2, (int)spaces + 1,
			    "a value goes on here that begins on line %zu; indent it further than "
			    "its key",
			    begin->line + 1);
	}
}

static void begin_collection(struct scan *scan, const yaml_mark_t *mark, bool in_brackets)
{
	struct opened *outer = &scan->open[scan->depth], *inner = outer + 1;

	*inner = (struct opened){
	    *mark, scan->at, in_brackets, in_brackets ? outer->column : (int)mark->column};
}

static void end_collection(struct scan *scan, const yaml_event_t *event)
{
	const struct opened *inner = &scan->open[scan->depth--];

	if (inner->in_brackets)
		check_indent(scan, inner->offset, &inner->begin, &event->end_mark, inner->column);
}

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

static bool is_in_quotes(const yaml_event_t *scalar)
{
	yaml_scalar_style_t style = scalar->data.scalar.style;

	return style == YAML_SINGLE_QUOTED_SCALAR_STYLE || style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
}

/* 0: go on; -EINVAL: reading further makes no sense. */
static int scan_event(struct scan *scan, const yaml_event_t *event)
{
	const yaml_mark_t *mark = &event->start_mark;

	pass_signs(scan, mark);
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++scan->documents == 1)
			return 0;
		config_errors_add(scan->errors, (int)mark->line + 1, (int)mark->column + 1,
		    "a second document begins; a file holds one");
		return -EINVAL;
	case YAML_DOCUMENT_END_EVENT:
		if (!event->data.document_end.implicit)
			config_errors_add(scan->errors, (int)mark->line + 1, (int)mark->column + 1,
			    "the sign for a document's end (...) is not taken; leave it out");
		return 0;
	case YAML_ALIAS_EVENT:
		config_errors_add(scan->errors, (int)mark->line + 1, (int)mark->column + 1,
		    "aliases (*%.40s) are not taken; write the value out",
		    (const char *)event->data.alias.anchor);
		return 0;
	case YAML_SCALAR_EVENT:
		if (is_in_quotes(event))
			check_indent(
			    scan, scan->at, mark, &event->end_mark, scan->open[scan->depth].column);
		pass_scalar(scan, event);
		refuse_extras(scan, mark, event->data.scalar.anchor, event->data.scalar.tag);
		return 0;
	case YAML_SEQUENCE_START_EVENT:
		refuse_extras(
		    scan, mark, event->data.sequence_start.anchor, event->data.sequence_start.tag);
		begin_collection(
		    scan, mark, event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE);
		break;
	case YAML_MAPPING_START_EVENT:
		refuse_extras(
		    scan, mark, event->data.mapping_start.anchor, event->data.mapping_start.tag);
		begin_collection(
		    scan, mark, event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		end_collection(scan, event);
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

int document_parser(yaml_parser_t *ret_parser, const struct bytes *bytes)
{
	if (!yaml_parser_initialize(ret_parser))
		return -ENOMEM;
	yaml_parser_set_encoding(ret_parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(ret_parser, bytes->data, bytes->len);
	return 0;
}

static int scan_events(const struct bytes *bytes, struct config_errors *errors)
{
	struct scan scan = {.bytes = bytes, .errors = errors, .open = {{.column = -1}}};
	yaml_parser_t parser;
	bool ended = false;
	int error = document_parser(&parser, bytes);

	if (error)
		return error;
	while (!error && !ended) {
		yaml_event_t event;

		if (!yaml_parser_parse(&parser, &event)) {
			error = document_syntax_error(errors, bytes, &parser);
			break;
		}
		error = scan_event(&scan, &event);
		ended = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return error;
}

int document_scan(const struct bytes *bytes, struct config_errors *errors)
{
	int error = check_characters(bytes, errors);

	return error ? error : scan_events(bytes, errors);
}
