/* A directory of our own for the files that configuration tests write, and their errors as text. */
#ifndef TALLYD_TESTS_CONFIG_FIXTURE_H
#define TALLYD_TESTS_CONFIG_FIXTURE_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/errors.h"

static char fixture_root[1000]; /* where the tests were started: the repository */
static char fixture_directory[] = "/tmp/tallyd-config-XXXXXX";

/* Group set-up: works in the new directory from then on, so that messages begin with a bare name.
 */
static inline int fixture_enter(void **state)
{
	(void)state;
	return getcwd(fixture_root, sizeof(fixture_root)) && mkdtemp(fixture_directory)
		   ? chdir(fixture_directory)
		   : -1;
}

static inline int fixture_leave(void **state)
{
	(void)state;
	(void)unlink("f.yaml");
	return chdir(fixture_root) || rmdir(fixture_directory);
}

static inline void fixture_write_bytes(const char *bytes, size_t len)
{
	FILE *file = fopen("f.yaml", "w");
	size_t written;

	assert(file);
	written = fwrite(bytes, 1, len, file);
	assert(written == len);
	(void)fclose(file);
}

static inline void fixture_write(const char *text)
{
	fixture_write_bytes(text, strlen(text));
}

/* What config_errors_print() prints; free() it. Releases the errors. */
static inline char *fixture_errors(struct config_errors *errors)
{
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	assert(file);
	config_errors_print(errors, file);
	(void)fclose(file);
	config_errors_release(errors);
	return text;
}

#endif
