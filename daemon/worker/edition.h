/* One edition of the configuration: tallyd.yaml, the contests that it names with their public keys,
 * and the pages, read whole and checked at one moment. Nothing reads files of it later, so that
 * processes of one edition agree, and one that cannot be read changes nothing. */
#ifndef TALLYD_WORKER_EDITION_H
#define TALLYD_WORKER_EDITION_H

#include <stddef.h>
#include <stdio.h>

#include "config/settings.h"

struct assets;
struct round;

struct edition {
	struct settings settings;
	struct round **rounds; /* in the order of settings.contests */
	size_t n_rounds;
	struct assets *assets; /* NULL: serves no pages */
};

/* Reads the file at `path` and all that it names. 0; else the exit status, and `errors` has what is
 * wrong, a line each: "file:line:column: text" where there is a place. */
__attribute__((warn_unused_result)) int edition_load(
    const char *path, FILE *errors, struct edition **ret_edition);
void edition_free(struct edition *edition);

/* The files of settings and contests alone, without keys and pages, so that they can be checked
 * before there are any. 0, or as edition_load(). */
__attribute__((warn_unused_result)) int edition_check(
    const char *path, FILE *errors, size_t *ret_contests);

#endif
