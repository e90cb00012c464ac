/* A table in memory, between the reading of it (csvfile_parse.c) and its use (csvfile.c). */
#ifndef TALLYD_CTL_CSVFILE_IMPL_H
#define TALLYD_CTL_CSVFILE_IMPL_H

#include "base/slice.h"
#include "ctl/csvfile.h"

struct csv_row {
	size_t line;
	char *fields[CSVFILE_COLUMNS_MAX]; /* by the caller's columns; NULL: empty */
};

struct csv_fault {
	size_t line;
	char *text; /* behind the line's number: ":<column>: <sentence>", or ": <sentence>" */
};

struct csvfile {
	char *path;
	const struct csvfile_column *columns;
	size_t n_columns;
	struct csv_row *rows;
	size_t n_rows, cap_rows;
	struct csv_fault *faults;
	size_t n_faults, cap_faults;
	bool is_read;         /* the header is good */
	bool short_of_memory; /* something could not be kept */
};

/* `column` NULL: the line as a whole. */
__attribute__((format(printf, 4, 5))) void csv_fault_at(
    struct csvfile *csv, size_t line, const char *column, const char *format, ...);
/* Room for one more in a list. NULL: memory. */
void *csv_grown(void *list, size_t n, size_t *cap, size_t size);
/* 0, with rows and faults in `csv`; or -ENOMEM. */
__attribute__((warn_unused_result)) int csv_parse_text(struct csvfile *csv, struct slice text);

#endif
