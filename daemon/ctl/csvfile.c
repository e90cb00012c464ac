/* Tables in memory: rows and faults with the lines where they stand. Reading is in csvfile_parse.c.
 */
#include "ctl/csvfile_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- faults ---- */

void *csv_grown(void *list, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap > 0 ? *cap * 2 : 64;
	void *larger = list;

	if (n == *cap) {
		larger = reallocarray(list, more, size);
		if (larger != NULL)
			*cap = more;
	}
	return larger;
}

static void add_fault(struct csvfile *csv, size_t line, char *text)
{
	struct csv_fault *faults =
	    text != NULL ? csv_grown(csv->faults, csv->n_faults, &csv->cap_faults, sizeof(*faults))
			 : NULL;

	if (faults == NULL) {
		csv->short_of_memory = true;
		free(text);
		return;
	}
	csv->faults = faults;
	csv->faults[csv->n_faults++] = (struct csv_fault){line, text};
}

__attribute__((format(printf, 4, 0))) static void fault_in(
    struct csvfile *csv, size_t line, const char *column, const char *format, va_list args)
{
	char *sentence = NULL, *text = NULL;

	if (vasprintf(&sentence, format, args) < 0)
		sentence = NULL;
	else if (asprintf(&text, "%s%s: %s", column != NULL ? ":" : "",
		     column != NULL ? column : "", sentence) < 0)
		text = NULL;
	free(sentence);
	add_fault(csv, line, text);
}

void csv_fault_at(struct csvfile *csv, size_t line, const char *column, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fault_in(csv, line, column, format, args);
	va_end(args);
}

void csvfile_fault(struct csvfile *csv, size_t row, size_t column, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fault_in(csv, csv->rows[row].line, column == CSVFILE_ROW ? NULL : csv->columns[column].name,
	    format, args);
	va_end(args);
}

/* ---- the file ---- */

static int read_file(struct csvfile *csv, const char *path)
{
	FILE *file = fopen(path, "re");
	char *bytes = file != NULL ? malloc(CSVFILE_BYTES_MAX + 1) : NULL;
	size_t len;
	int r = 0;

	if (bytes == NULL) {
		r = file != NULL ? -ENOMEM : -errno;
		if (file != NULL)
			(void)fclose(file);
		return r;
	}
	errno = 0;
	len = fread(bytes, 1, CSVFILE_BYTES_MAX + 1, file);
	if (ferror(file))
		r = errno != 0 ? -errno : -EIO;
	else if (len > CSVFILE_BYTES_MAX)
		csv_fault_at(
		    csv, 1, NULL, "too long: a table may have %d bytes.", CSVFILE_BYTES_MAX);
	else
		r = csv_parse_text(csv, slice_make(bytes, len));
	(void)fclose(file);
	free(bytes);
	return r;
}

int csvfile_load(const char *path, const struct csvfile_column *columns, size_t n_columns,
    struct csvfile **ret_csv)
{
	struct csvfile *csv = calloc(1, sizeof(*csv));
	int r;

	if (csv == NULL)
		return -ENOMEM;
	csv->columns = columns;
	csv->n_columns = n_columns < CSVFILE_COLUMNS_MAX ? n_columns : CSVFILE_COLUMNS_MAX;
	csv->path = strdup(path);
	r = csv->path != NULL ? read_file(csv, path) : -ENOMEM;
	if (r < 0) {
		csvfile_free(csv);
		return r;
	}
	*ret_csv = csv;
	return 0;
}

void csvfile_free(struct csvfile *csv)
{
	if (csv == NULL)
		return;
	for (size_t i = 0; i < csv->n_rows; i++)
		for (size_t k = 0; k < CSVFILE_COLUMNS_MAX; k++)
			free(csv->rows[i].fields[k]);
	for (size_t i = 0; i < csv->n_faults; i++)
		free(csv->faults[i].text);
	free(csv->rows);
	free(csv->faults);
	free(csv->path);
	free(csv);
}

bool csvfile_is_read(const struct csvfile *csv)
{
	return csv->is_read;
}

size_t csvfile_rows(const struct csvfile *csv)
{
	return csv->n_rows;
}

const char *csvfile_get(const struct csvfile *csv, size_t row, size_t column)
{
	return csv->rows[row].fields[column];
}

size_t csvfile_line(const struct csvfile *csv, size_t row)
{
	return csv->rows[row].line;
}

size_t csvfile_faults(const struct csvfile *csv)
{
	return csv->n_faults;
}

/* By line; on one line in the order in which they were found. */
static int compare_faults(const void *a, const void *b)
{
	const struct csv_fault *const *one = a, *const *other = b;

	if ((*one)->line != (*other)->line)
		return (*one)->line < (*other)->line ? -1 : 1;
	return *one < *other ? -1 : *one > *other;
}

void csvfile_print_faults(const struct csvfile *csv, FILE *out)
{
	const struct csv_fault **order = calloc(csv->n_faults + 1, sizeof(*order));

	for (size_t i = 0; order != NULL && i < csv->n_faults; i++)
		order[i] = &csv->faults[i];
	if (order != NULL)
		qsort(order, csv->n_faults, sizeof(*order), compare_faults);
	for (size_t i = 0; i < csv->n_faults; i++) {
		const struct csv_fault *fault = order != NULL ? order[i] : &csv->faults[i];
		(void)fprintf(out, "%s:%zu%s\n", csv->path, fault->line, fault->text);
	}
	free(order);
}
