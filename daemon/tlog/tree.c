/* A tree that grows in memory and goes to files from time to time. */
#include "tlog/tree_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tlog/put.h"

#define ITEM_SIZE (2 + TLOG_ENTRY_SIZE) /* of a bundle */
#define RUN_KEEP  (4 * TLOG_WIDTH)      /* items that a run keeps room for */

/* ---- runs ---- */

static uint8_t *run_item(const struct run *run, uint64_t at)
{
	return run->items + (size_t)(at - run->first) * run->item;
}

static int run_resize(struct run *run, size_t cap)
{
	uint8_t *items = realloc(run->items, cap * run->item);

	if (items == NULL)
		return -ENOMEM;
	run->items = items;
	run->cap = cap;
	return 0;
}

/* Room for one item more. */
static int run_reserve(struct run *run)
{
	if (run->total - run->first < run->cap)
		return 0;
	return run_resize(run, run->cap ? 2 * run->cap : TLOG_WIDTH);
}

void run_drop(struct run *run)
{
	uint64_t first = run->total - run->total % TLOG_WIDTH;

	if (first > run->first)
		memmove(run->items, run_item(run, first), (size_t)(run->total - first) * run->item);
	run->first = first;
	run->in_files = run->total;
	if (run->cap > RUN_KEEP)
		(void)run_resize(run, RUN_KEEP); /* no harm where it stays large */
}

/* ---- growing ---- */

uint64_t tree_size(const struct tree *tree)
{
	return tree->runs[0].total;
}

/* The roots of full subtrees, the largest first: from the highest level's partial tile down to the
 * leaves', and within a tile by the bits of its width. Folded from the right. */
void tree_root(const struct tree *tree, uint8_t ret_root[MERKLE_SIZE])
{
	uint8_t roots[MERKLE_PROOF_MAX][MERKLE_SIZE];
	size_t n = 0;

	for (unsigned level = TLOG_LEVELS_MAX; level-- > 0;) {
		const struct run *run = &tree->runs[level];
		uint64_t at = run->total - run->total % TLOG_WIDTH;
		for (unsigned bit = TLOG_WIDTH / 2; bit > 0; bit /= 2) {
			if (!(run->total & bit))
				continue;
			merkle_root(run_item(run, at), bit, roots[n++]);
			at += bit;
		}
	}
	if (n == 0)
		merkle_root(NULL, 0, roots[n++]);
	for (; n > 1; n--)
		merkle_node(roots[n - 2], roots[n - 1], roots[n - 2]);
	memcpy(ret_root, roots[0], MERKLE_SIZE);
}

/* A full tile's root is a hash of the level above. */
static void add_hash(struct tree *tree, const uint8_t hash[MERKLE_SIZE])
{
	uint8_t root[MERKLE_SIZE];

	for (unsigned level = 0; level < TLOG_LEVELS_MAX; level++, hash = root) {
		struct run *run = &tree->runs[level];
		memcpy(run_item(run, run->total++), hash, MERKLE_SIZE);
		if (run->total % TLOG_WIDTH != 0)
			return;
		merkle_root(run_item(run, run->total - TLOG_WIDTH), TLOG_WIDTH, root);
	}
}

int tree_append(struct tree *tree, const uint8_t entry[TLOG_ENTRY_SIZE])
{
	struct run *entries = &tree->runs[RUN_ENTRIES];
	uint8_t hash[MERKLE_SIZE];
	uint8_t *item;

	if (entries->total - tree->flushed >= TREE_PENDING_MAX)
		return -ENOBUFS;
	for (unsigned run = 0; run < RUNS; run++)
		if (run_reserve(&tree->runs[run]) < 0)
			return -ENOMEM;
	item = run_item(entries, entries->total++);
	put_u16be(item, TLOG_ENTRY_SIZE);
	memcpy(item + 2, entry, TLOG_ENTRY_SIZE);
	merkle_leaf(slice_make(entry, TLOG_ENTRY_SIZE), hash);
	add_hash(tree, hash);
	return 0;
}

/* ---- to files ---- */

char *tree_file_path(const struct tree_file *file, char ret_path[TLOG_PATH_MAX])
{
	return file->run == RUN_ENTRIES
		   ? tlog_bundle_path("tile/entries", file->n, file->width, ret_path)
		   : tlog_tile_path(file->run, file->n, file->width, ret_path);
}

static int run_visit(
    const struct run *run, struct tree_file *file, uint64_t at, tree_visit *visit, void *arg)
{
	file->n = at / TLOG_WIDTH;
	file->bytes = slice_make(run_item(run, at), file->width * run->item);
	return visit(arg, file);
}

int tree_each_file(const struct tree *tree, bool full, tree_visit *visit, void *arg)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < RUNS; i++) {
		struct tree_file file = {.run = (RUN_ENTRIES + i) % RUNS, .width = TLOG_WIDTH};
		const struct run *run = &tree->runs[file.run];
		uint64_t edge = run->total - run->total % TLOG_WIDTH;
		if (full) {
			for (uint64_t at = run->first; r == 0 && at < edge; at += TLOG_WIDTH)
				r = run_visit(run, &file, at, visit, arg);
		} else if (edge < run->total && run->in_files < run->total) {
			file.width = (unsigned)(run->total - edge);
			r = run_visit(run, &file, edge, visit, arg);
		}
	}
	return r;
}

static int write_file(void *arg, const struct tree_file *file)
{
	struct put *put = arg;
	char path[TLOG_PATH_MAX];

	return put_file(put, tree_file_path(file, path), file->bytes);
}

/* Removes partial files beside files that were full in the flush before the last one already: who
 * reads at the published checkpoint or the one before it still finds what it names. Others read the
 * full file. */
static void clean(struct tree *tree)
{
	for (unsigned i = 0; i < RUNS; i++) {
		struct run *run = &tree->runs[i];
		uint64_t size = tree->flushed_old >> (i == RUN_ENTRIES ? 0 : 8 * i);
		for (; run->cleaned < size / TLOG_WIDTH; run->cleaned++) {
			const struct tree_file file = {.run = i, .n = run->cleaned, .width = 0};
			char path[TLOG_PATH_MAX];
			*strrchr(tree_file_path(&file, path), '/') = '\0'; /* "….p/0" */
			put_remove_dir(tree->dir, path);
		}
	}
}

int tree_flush(struct tree *tree)
{
	struct put put;
	int r;

	if (tree->dirs_synced && tree->flushed == tree_size(tree))
		return 0;
	put_init(&put, tree->dir, !tree->dirs_synced);
	r = tree_each_file(tree, true, write_file, &put);
	if (r == 0)
		r = tree_each_file(tree, false, write_file, &put);
	if (r == 0)
		r = put_finish(&put);
	put_release(&put);
	if (r < 0) {
		tree->dirs_synced = false; /* it may have made directories and not synced them */
		return r;
	}
	for (unsigned i = 0; i < RUNS; i++)
		run_drop(&tree->runs[i]);
	clean(tree);
	tree->dirs_synced = true;
	tree->flushed_old = tree->flushed;
	tree->flushed = tree_size(tree);
	return 0;
}

int tlog_publish(int dir, const char *name, struct slice text)
{
	struct put put;
	int r;

	put_init(&put, dir, false);
	r = put_file(&put, name, text);
	if (r == 0)
		r = put_finish(&put);
	put_release(&put);
	return r;
}
