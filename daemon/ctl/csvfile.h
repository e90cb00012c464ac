/* A table from a CSV file (RFC 4180, UTF-8, a byte order mark tolerated) for commands that import
 * one: columns are found by the names in the header row, in any order. Strict, and gathers every
 * fault of the file before anything is done with it. Knows nothing of what the columns mean. */
#ifndef TALLYD_CTL_CSVFILE_H
#define TALLYD_CTL_CSVFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CSVFILE_BYTES_MAX   (1024 * 1024)
#define CSVFILE_ROWS_MAX    10000
#define CSVFILE_COLUMNS_MAX 16

struct csvfile_column {
	const char *name;
	bool required; /* the column must be there, and filled in every row */
};

struct csvfile;

/* 0, also for a file with faults: look at csvfile_faults(). -ENOMEM; or -errno when it cannot be
 * read. Faults are: an unknown, repeated or missing column; a row with more or fewer fields than
 * the header; a broken quotation; what is not UTF-8; control characters; an empty field of a
 * required column; no row at all; too many rows or bytes. Where the header is faulty, or a row by
 * itself, nothing is said of the rows below or of its fields. `columns` is borrowed for the table's
 * life. */
__attribute__((warn_unused_result)) int csvfile_load(const char *path,
    const struct csvfile_column *columns, size_t n_columns, struct csvfile **ret_csv);
void csvfile_free(struct csvfile *csv);

/* Whether the header was good; else there are faults about it and no row. */
bool csvfile_is_read(const struct csvfile *csv);
size_t csvfile_rows(const struct csvfile *csv);
/* A field without white space around it; NULL when it is empty or its column is not there. `column`
 * counts in the caller's table. */
const char *csvfile_get(const struct csvfile *csv, size_t row, size_t column);
/* The line where the row begins, from 1. */
size_t csvfile_line(const struct csvfile *csv, size_t row);

#define CSVFILE_ROW ((size_t)-1) /* as column: the row as a whole */
/* Adds a fault that the caller found: "<file>:<line>:<column's name>: <sentence>". */
__attribute__((format(printf, 4, 5))) void csvfile_fault(
    struct csvfile *csv, size_t row, size_t column, const char *format, ...);
size_t csvfile_faults(const struct csvfile *csv);
/* All faults, one a line, in the file's order. */
void csvfile_print_faults(const struct csvfile *csv, FILE *out);

#endif
