/* Reads a table line by line through libcsv, so that each row and fault has its line, and a broken
 * quotation spoils its own line only. */
#include "ctl/csvfile_impl.h"

#include <csv.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define NOT_THERE ((size_t)-1)

struct reader {
	struct csvfile *csv;
	struct csv_parser parser;
	size_t line;     /* being read, from 1 */
	bool row_faulty; /* a field of it is; the row is not kept */
	bool has_header;
	size_t n_seen;                         /* rows below the header, faulty ones included */
	size_t n_header;                       /* fields of the header row */
	size_t column_of[CSVFILE_COLUMNS_MAX]; /* of the header's fields in the caller's table */
	size_t n_fields;                       /* of this row so far */
	char *fields[CSVFILE_COLUMNS_MAX];
};

static void drop_fields(struct reader *reader)
{
	for (size_t i = 0; i < CSVFILE_COLUMNS_MAX; i++) {
		free(reader->fields[i]);
		reader->fields[i] = NULL;
	}
	reader->n_fields = 0;
	reader->row_faulty = false;
}

/* What the field at this place is called, for a fault. */
static const char *name_of(const struct reader *reader, size_t i)
{
	const struct csvfile *csv = reader->csv;

	if (reader->has_header && i < reader->n_header && reader->column_of[i] != NOT_THERE)
		return csv->columns[reader->column_of[i]].name;
	return NULL;
}

static void on_field(void *bytes, size_t len, void *arg)
{
	struct reader *reader = arg;
	size_t i = reader->n_fields++;
	struct slice field = text_trim(slice_make(bytes, len));

	if (i >= CSVFILE_COLUMNS_MAX)
		return; /* counted, and told when the row ends */
	if (text_characters(field) < 0) {
		const char *name = name_of(reader, i);
		reader->row_faulty = true;
		csv_fault_at(reader->csv, reader->line, name,
		    "field %zu is no line of plain text in UTF-8.", i + 1);
		return;
	}
	if (field.len == 0)
		return;
	reader->fields[i] = strndup(field.ptr, field.len);
	if (reader->fields[i] == NULL)
		reader->csv->short_of_memory = true;
}

/* ---- the header ---- */

static size_t find_column(const struct csvfile *csv, const char *name)
{
	for (size_t i = 0; i < csv->n_columns; i++)
		if (strcmp(csv->columns[i].name, name) == 0)
			return i;
	return NOT_THERE;
}

/* "name, affiliation, email" */
static void list_columns(const struct csvfile *csv, char *ret_text, size_t cap)
{
	size_t len = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; i < csv->n_columns && len < cap; i++)
		len += (size_t)snprintf(
		    ret_text + len, cap - len, "%s%s", i > 0 ? ", " : "", csv->columns[i].name);
}

static void take_name(struct reader *reader, size_t i)
{
	struct csvfile *csv = reader->csv;
	const char *name = reader->fields[i] != NULL ? reader->fields[i] : "";
	size_t column = find_column(csv, name);
	char known[400];

	reader->column_of[i] = column;
	list_columns(csv, known, sizeof(known));
	if (column == NOT_THERE)
		csv_fault_at(csv, reader->line, NULL,
		    "\"%s\" is no column of this table; its columns are %s.", name, known);
	for (size_t k = 0; column != NOT_THERE && k < i; k++)
		if (reader->column_of[k] == column)
			csv_fault_at(
			    csv, reader->line, NULL, "the column \"%s\" is there twice.", name);
}

static void take_header(struct reader *reader)
{
	struct csvfile *csv = reader->csv;

	if (reader->n_fields > CSVFILE_COLUMNS_MAX)
		csv_fault_at(csv, reader->line, NULL, "has %zu columns; up to %d are possible.",
		    reader->n_fields, CSVFILE_COLUMNS_MAX);
	reader->n_header =
	    reader->n_fields < CSVFILE_COLUMNS_MAX ? reader->n_fields : CSVFILE_COLUMNS_MAX;
	for (size_t i = 0; i < reader->n_header; i++)
		take_name(reader, i);
	for (size_t column = 0; column < csv->n_columns; column++) {
		bool there = !csv->columns[column].required;
		for (size_t i = 0; i < reader->n_header; i++)
			there = there || reader->column_of[i] == column;
		if (!there)
			csv_fault_at(csv, reader->line, NULL, "the column \"%s\" is missing.",
			    csv->columns[column].name);
	}
	reader->has_header = true;
	csv->is_read = csv->n_faults == 0;
}

/* ---- rows ---- */

static bool is_whole(struct reader *reader)
{
	struct csvfile *csv = reader->csv;
	bool whole = !reader->row_faulty;

	if (reader->n_fields != reader->n_header) {
		csv_fault_at(csv, reader->line, NULL, "has %zu field%s, and the header has %zu.",
		    reader->n_fields, reader->n_fields == 1 ? "" : "s", reader->n_header);
		return false;
	}
	if (!whole)
		return false;
	for (size_t i = 0; i < reader->n_header; i++) {
		size_t column = reader->column_of[i];
		if (column == NOT_THERE || !csv->columns[column].required ||
		    reader->fields[i] != NULL)
			continue;
		csv_fault_at(csv, reader->line, csv->columns[column].name, "is empty.");
		whole = false;
	}
	return whole;
}

static void keep_row(struct reader *reader)
{
	struct csvfile *csv = reader->csv;
	struct csv_row *rows = csv_grown(csv->rows, csv->n_rows, &csv->cap_rows, sizeof(*rows));
	struct csv_row *row;

	if (rows == NULL) {
		csv->short_of_memory = true;
		return;
	}
	csv->rows = rows;
	row = &rows[csv->n_rows++];
	*row = (struct csv_row){.line = reader->line};
	for (size_t i = 0; i < reader->n_header; i++) {
		size_t column = reader->column_of[i];
		if (column == NOT_THERE || row->fields[column] != NULL)
			continue;
		row->fields[column] = reader->fields[i];
		reader->fields[i] = NULL;
	}
}

static void on_row(int character, void *arg)
{
	struct reader *reader = arg;

	(void)character;
	if (!reader->has_header) {
		take_header(reader);
	} else {
		reader->n_seen++;
		if (is_whole(reader))
			keep_row(reader);
	}
	drop_fields(reader);
}

/* ---- lines ---- */

/* The next line with its end: LF, CR LF, or CR. */
static struct slice take_line(struct slice *text)
{
	size_t len = 0;
	struct slice line;

	while (len < text->len && text->ptr[len] != '\n' && text->ptr[len] != '\r')
		len++;
	if (len < text->len && text->ptr[len] == '\r' && len + 1 < text->len &&
	    text->ptr[len + 1] == '\n')
		len++;
	if (len < text->len)
		len++;
	line = slice_make(text->ptr, len);
	*text = slice_make(text->ptr + len, text->len - len);
	return line;
}

static int begin(struct reader *reader)
{
	const unsigned char options = CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL;

	return csv_init(&reader->parser, options) == 0 ? 0 : -ENOMEM;
}

/* The parser does not go on after an error; the next line is read anew. */
static int begin_again(struct reader *reader)
{
	csv_fault_at(reader->csv, reader->line, NULL,
	    "a quotation mark stands where none may, or has no other one on this line: a field "
	    "with one is written \"so \"\"quoted\"\"\".");
	csv_free(&reader->parser);
	drop_fields(reader);
	reader->n_seen++;
	return begin(reader);
}

/* A line is a row: fields are lines of text themselves, so no quotation goes over its end. */
static int feed(struct reader *reader, struct slice line)
{
	if (csv_parse(&reader->parser, line.ptr, line.len, on_field, on_row, reader) == line.len &&
	    csv_fini(&reader->parser, on_field, on_row, reader) == 0)
		return 0;
	return csv_error(&reader->parser) == CSV_EPARSE ? begin_again(reader) : -ENOMEM;
}

static bool has_room(const struct reader *reader)
{
	if (reader->n_seen < CSVFILE_ROWS_MAX)
		return true;
	csv_fault_at(reader->csv, reader->line, NULL, "too long: a table may have %d rows.",
	    CSVFILE_ROWS_MAX);
	return false;
}

static int read_lines(struct reader *reader, struct slice text)
{
	while (text.len > 0 && !reader->csv->short_of_memory) {
		struct slice line = take_line(&text);
		reader->line++;
		if (text_trim(line).len == 0)
			continue;
		if (!has_room(reader))
			return 0;
		if (feed(reader, line) < 0)
			return -ENOMEM;
		if (!reader->csv->is_read)
			return 0; /* the header is broken: nothing can be said of the rows */
	}
	if (!reader->has_header)
		csv_fault_at(reader->csv, 1, NULL, "the file is empty.");
	else if (reader->n_seen == 0)
		csv_fault_at(reader->csv, reader->line, NULL, "there is no row below the header.");
	return 0;
}

int csv_parse_text(struct csvfile *csv, struct slice text)
{
	struct reader reader = {.csv = csv};
	int r = begin(&reader);

	if (r < 0)
		return r;
	if (slice_starts(text, "\xef\xbb\xbf"))
		text = slice_make(text.ptr + 3, text.len - 3);
	r = read_lines(&reader, text);
	drop_fields(&reader);
	csv_free(&reader.parser);
	return csv->short_of_memory ? -ENOMEM : r;
}
