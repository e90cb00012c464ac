/* Reads the standards' vectors (tests/unit/vectors) for unit tests, which run in the repository's
 * root. */
#ifndef TALLYD_TESTS_VECTORS_H
#define TALLYD_TESTS_VECTORS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <jansson.h>

#include "base/encode.h"

struct bytes {
	uint8_t data[4096];
	size_t len;
};

static inline json_t *vectors_load(const char *file)
{
	char path[256];
	json_error_t error;
	json_t *json;

	(void)snprintf(path, sizeof(path), "tests/unit/vectors/%s", file);
	json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (json == NULL) {
		(void)fprintf(stderr, "%s: %s (run in the repository's root)\n", path, error.text);
		abort();
	}
	return json;
}

static inline struct bytes vector_bytes(const json_t *vector, const char *name)
{
	struct bytes bytes;
	const char *hex = json_string_value(json_object_get(vector, name));

	if (hex == NULL ||
	    hex_decode(slice_text(hex), bytes.data, sizeof(bytes.data), &bytes.len) < 0) {
		(void)fprintf(stderr, "the vector lacks %s\n", name);
		abort();
	}
	return bytes;
}

static inline struct slice bytes_slice(const struct bytes *bytes)
{
	return slice_make(bytes->data, bytes->len);
}

/* A seed for random tests: TEST_SEED, or the clock's; printed, so that a failure can be repeated.
 */
static inline unsigned test_seed(void)
{
	const char *given = getenv("TEST_SEED");
	struct timespec now;
	unsigned seed;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)now.tv_nsec;
	(void)printf("TEST_SEED=%u\n", seed);
	return seed;
}

#endif
