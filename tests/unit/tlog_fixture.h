/* A log in a directory of its own, its entries, and the leaves that a naive tree has of them. */
#ifndef TALLYD_TESTS_TLOG_FIXTURE_H
#define TALLYD_TESTS_TLOG_FIXTURE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <setjmp.h>

#include <cmocka.h>

#include "merkle_naive.h"
#include "tlog/tree.h"

struct log_fixture {
	char path[64];
	int dir;
};

/* In memory where there is a place: there are thousands of files, and none needs to last. */
static inline void log_start(struct log_fixture *log)
{
	const char *tmp = getenv("TMPDIR");

	if (tmp == NULL)
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	(void)snprintf(log->path, sizeof(log->path), "%s/tallyd-tlog-XXXXXX", tmp);
	assert_non_null(mkdtemp(log->path));
	log->dir = open(log->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(log->dir >= 0);
}

static inline int log_remove_one(
    const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)status;
	(void)kind;
	(void)where;
	return remove(path);
}

static inline void log_end(struct log_fixture *log)
{
	(void)close(log->dir);
	assert_int_equal(nftw(log->path, log_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* The i-th entry of every log here. */
static inline void log_entry(uint64_t i, uint8_t ret_entry[TLOG_ENTRY_SIZE])
{
	for (size_t k = 0; k < TLOG_ENTRY_SIZE; k++)
		ret_entry[k] = (uint8_t)((i >> 8 * (k % 4)) * (k + 3) + k);
}

static inline naive_hash *log_leaves(size_t n)
{
	naive_hash *leaves = calloc(n ? n : 1, sizeof(*leaves));

	assert_non_null(leaves);
	for (size_t i = 0; i < n; i++) {
		uint8_t entry[TLOG_ENTRY_SIZE];
		log_entry(i, entry);
		naive_leaf(entry, sizeof(entry), leaves[i]);
	}
	return leaves;
}

static inline void log_grow(struct tree *tree, uint64_t size)
{
	uint8_t entry[TLOG_ENTRY_SIZE];

	while (tree_size(tree) < size) {
		log_entry(tree_size(tree), entry);
		assert_int_equal(tree_append(tree, entry), 0);
	}
}

static inline struct tree *log_open(const struct log_fixture *log, uint64_t size)
{
	struct tree *tree = NULL;
	char bad[TLOG_PATH_MAX];
	int r = tree_open(log->dir, size, &tree, bad);

	if (r < 0)
		print_error("%s: %s\n", bad, strerror(-r));
	assert_int_equal(r, 0);
	assert_int_equal(tree_size(tree), size);
	return tree;
}

/* A log of this size, flushed at once. */
static inline void log_make(const struct log_fixture *log, uint64_t size)
{
	struct tree *tree = log_open(log, 0);

	log_grow(tree, size);
	assert_int_equal(tree_flush(tree), 0);
	tree_free(tree);
}

/* xorshift64*, for replayable draws. */
static inline uint64_t log_draw(uint64_t *seed, uint64_t below)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (*seed * 2685821657736338717ull >> 11) % below;
}

#endif
