/* The errors of one configuration file, gathered so that one run shows them all. */
#ifndef TALLYD_CONFIG_ERRORS_H
#define TALLYD_CONFIG_ERRORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CONFIG_ERRORS_MAX 100 /* the last one then says that there are more */

struct config_error {
	int line, column; /* from 1; 0: of the whole file */
	char *text;
};

struct config_errors {
	char *file;
	struct config_error *list; /* in the file's order after config_errors_sort() */
	size_t count;
	bool short_of_memory; /* an error could not be noted */
};

/* -ENOMEM or 0; release in any case. */
__attribute__((warn_unused_result)) int config_errors_init(
    struct config_errors *errors, const char *file);
void config_errors_release(struct config_errors *errors);

__attribute__((format(printf, 4, 5))) void config_errors_add(
    struct config_errors *errors, int line, int column, const char *format, ...);
void config_errors_sort(struct config_errors *errors);
/* One "file:line:column: text" a line. */
void config_errors_print(const struct config_errors *errors, FILE *out);

#endif
