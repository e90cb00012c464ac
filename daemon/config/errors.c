/* A list of errors with their places. Does not know what an error means. */
#include "config/errors.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int config_errors_init(struct config_errors *errors, const char *file)
{
	*errors = (struct config_errors){.file = strdup(file)};
	return errors->file ? 0 : -ENOMEM;
}

void config_errors_release(struct config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++)
		free(errors->list[i].text);
	free(errors->list);
	free(errors->file);
	*errors = (struct config_errors){0};
}

static void add_text(struct config_errors *errors, int line, int column, char *text)
{
	struct config_error *list =
	    text ? realloc(errors->list, (errors->count + 1) * sizeof(*list)) : NULL;

	if (!list) {
		free(text);
		errors->short_of_memory = true;
		return;
	}
	list[errors->count++] = (struct config_error){line, column, text};
	errors->list = list;
}

void config_errors_add(struct config_errors *errors, int line, int column, const char *format, ...)
{
	va_list args;
	char *text;

	if (errors->count > CONFIG_ERRORS_MAX)
		return;
	if (errors->count == CONFIG_ERRORS_MAX) {
		add_text(errors, 0, 0, strdup("there are more errors; these are the first"));
		return;
	}
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	add_text(errors, line, column, text);
}

static int by_place(const void *left, const void *right)
{
	const struct config_error *a = left, *b = right;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return strcmp(a->text, b->text);
}

void config_errors_sort(struct config_errors *errors)
{
	if (errors->count > 0)
		qsort(errors->list, errors->count, sizeof(*errors->list), by_place);
}

void config_errors_print(const struct config_errors *errors, FILE *out)
{
	for (size_t i = 0; i < errors->count; i++) {
		const struct config_error *error = &errors->list[i];

		if (error->line)
			(void)fprintf(out, "%s:%d:%d: %s\n", errors->file, error->line,
			    error->column, error->text);
		else
			(void)fprintf(out, "%s: %s\n", errors->file, error->text);
	}
}
