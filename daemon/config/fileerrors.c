/* Errors of several files. */
#include "config/fileerrors.h"

#include <stdlib.h>

struct config_errors *file_errors_new(struct file_errors *errors)
{
	struct config_errors **list =
	    realloc(errors->list, (errors->n + 1) * sizeof(*errors->list));

	if (!list)
		return NULL;
	errors->list = list;
	list[errors->n] = calloc(1, sizeof(**list));
	if (!list[errors->n])
		return NULL;
	return list[errors->n++];
}

struct config_errors *file_errors_of(struct file_errors *errors, const char *file)
{
	struct config_errors *one = file_errors_new(errors);

	return one && config_errors_init(one, file) == 0 ? one : NULL;
}

size_t file_errors_count(const struct file_errors *errors)
{
	size_t count = 0;

	for (size_t i = 0; i < errors->n; i++)
		count += errors->list[i]->count;
	return count;
}

void file_errors_print(const struct file_errors *errors, FILE *out)
{
	for (size_t i = 0; i < errors->n; i++) {
		config_errors_sort(errors->list[i]);
		config_errors_print(errors->list[i], out);
	}
}

void file_errors_release(struct file_errors *errors)
{
	for (size_t i = 0; i < errors->n; i++) {
		config_errors_release(errors->list[i]);
		free(errors->list[i]);
	}
	free(errors->list);
	*errors = (struct file_errors){0};
}
