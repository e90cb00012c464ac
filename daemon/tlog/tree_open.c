/* A tree from its files: grown again from the entries, and every tile on the way held against what
 * grew. */
#include "tlog/tree_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tlog/put.h"

void tree_free(struct tree *tree)
{
	if (tree == NULL)
		return;
	for (unsigned i = 0; i < RUNS; i++)
		free(tree->runs[i].items);
	free(tree);
}

static struct tree *tree_new(int dir)
{
	struct tree *tree = calloc(1, sizeof(*tree));

	if (tree == NULL)
		return NULL;
	tree->dir = dir;
	for (unsigned i = 0; i < RUNS; i++)
		tree->runs[i].item = i == RUN_ENTRIES ? 2 + TLOG_ENTRY_SIZE : (size_t)MERKLE_SIZE;
	return tree;
}

struct check {
	const struct tree *tree;
	uint64_t size; /* of the tree that is opened */
	char *bad;
};

/* A leaf tile that does not fit its bundle: which of the two is it? The level above knows, for full
 * tiles. */
static bool is_known_above(
    const struct check *check, const struct tree_file *file, const uint8_t *hashes)
{
	uint64_t above = check->size / TLOG_WIDTH, n = file->n / TLOG_WIDTH;
	uint8_t tile[TLOG_WIDTH][MERKLE_SIZE], root[MERKLE_SIZE];
	unsigned width = n < above / TLOG_WIDTH ? TLOG_WIDTH : (unsigned)(above % TLOG_WIDTH);

	if (file->width < TLOG_WIDTH || tlog_read_tile(check->tree->dir, 1, n, width, tile[0]) < 0)
		return false;
	merkle_root(hashes, TLOG_WIDTH, root);
	return memcmp(root, tile[file->n % TLOG_WIDTH], sizeof(root)) == 0;
}

static int check_tile(void *arg, const struct tree_file *file)
{
	const struct check *check = arg;
	uint8_t hashes[TLOG_TILE_MAX];
	int r = tlog_read_tile(check->tree->dir, file->run, file->n, file->width, hashes);

	if (r == 0 && memcmp(hashes, file->bytes.ptr, file->bytes.len) == 0)
		return 0;
	if (r == 0 && file->run == 0 && is_known_above(check, file, hashes)) {
		(void)tlog_bundle_path("tile/entries", file->n, file->width, check->bad);
		return -EBADMSG;
	}
	(void)tree_file_path(file, check->bad);
	return r < 0 ? r : -EBADMSG;
}

static int read_bundle(struct tree *tree, uint64_t n, unsigned width, char *ret_bad)
{
	uint8_t entries[TLOG_WIDTH][TLOG_ENTRY_SIZE];
	int r = tlog_read_entries(tree->dir, n, width, entries);

	if (r < 0) {
		(void)tlog_bundle_path("tile/entries", n, width, ret_bad);
		return r;
	}
	for (unsigned i = 0; r == 0 && i < width; i++)
		r = tree_append(tree, entries[i]);
	run_drop(&tree->runs[RUN_ENTRIES]);
	tree->flushed = tree_size(tree);
	return r;
}

static int read_tree(struct tree *tree, uint64_t size, char *ret_bad)
{
	struct check check = {.tree = tree, .size = size, .bad = ret_bad};
	int r = 0;

	for (uint64_t n = 0; r == 0 && n * TLOG_WIDTH < size; n++) {
		uint64_t rest = size - n * TLOG_WIDTH;
		r = read_bundle(tree, n, rest < TLOG_WIDTH ? (unsigned)rest : TLOG_WIDTH, ret_bad);
		if (r == 0)
			r = tree_each_file(tree, true, check_tile, &check);
		for (unsigned level = 0; r == 0 && level < TLOG_LEVELS_MAX; level++)
			if (tree->runs[level].total % TLOG_WIDTH == 0)
				run_drop(&tree->runs[level]);
	}
	if (r == 0)
		r = tree_each_file(tree, false, check_tile, &check);
	for (unsigned i = 0; r == 0 && i < RUNS; i++)
		run_drop(&tree->runs[i]);
	return r;
}

int tree_open(int dir, uint64_t size, struct tree **ret_tree, char ret_bad[TLOG_PATH_MAX])
{
	struct tree *tree = tree_new(dir);
	int r;

	ret_bad[0] = '\0';
	if (tree == NULL)
		return -ENOMEM;
	put_tidy(dir);
	r = read_tree(tree, size, ret_bad);
	if (r < 0) {
		tree_free(tree);
		return r;
	}
	tree->flushed_old = 0; /* partial files are cleaned after the next flushes */
	*ret_tree = tree;
	return 0;
}
