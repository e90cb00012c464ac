/* YAML against one schema table. Every error of a file is collected in one run, as
 * "file:line:column: what is wrong, and what would be right". Unknown and repeated keys are errors. */
#ifndef TALLYD_CONFIG_SCHEMA_H
#define TALLYD_CONFIG_SCHEMA_H

#include <stddef.h>
#include <stdio.h>

struct config_error {
	int line, column; /* from 1; 0: of the whole file */
	char *text;
};

struct config_errors {
	char *file;
	struct config_error *list; /* in the file's order after config_errors_sort() */
	size_t count;
};

void config_errors_release(struct config_errors *errors);
void config_errors_print(const struct config_errors *errors, FILE *out);

#endif
