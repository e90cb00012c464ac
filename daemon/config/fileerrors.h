/* Errors of several files, gathered so that one run shows them all. */
#ifndef TALLYD_CONFIG_FILEERRORS_H
#define TALLYD_CONFIG_FILEERRORS_H

#include "config/errors.h"

struct file_errors { /* all zero: none */
	struct config_errors **list;
	size_t n;
};

/* A place for one file's errors, owned by the list; not yet initialised, for who does that itself
 * (contestfile_load). NULL: memory. */
struct config_errors *file_errors_new(struct file_errors *errors);
/* The same, initialised. */
struct config_errors *file_errors_of(struct file_errors *errors, const char *file);

/* Errors in all files together. */
size_t file_errors_count(const struct file_errors *errors);
/* File by file, each in its own order: one "file:line:column: text" a line. */
void file_errors_print(const struct file_errors *errors, FILE *out);
void file_errors_release(struct file_errors *errors);

#endif
