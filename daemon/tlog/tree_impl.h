/* Inside tlog/tree*.c alone.
 *
 * A tree is one run of entries, laid out as bundles are, and one run of hashes a level. A run is
 * what files are cut from, 256 items each, and keeps what no full file holds yet:
 *
 *      first (a multiple of 256)                     total
 *        │ item │ item │ … │ item ║ item │ … │ item │
 *        └──── a full file ───────┘└─ the partial one ┘
 */
#ifndef TALLYD_TLOG_TREE_IMPL_H
#define TALLYD_TLOG_TREE_IMPL_H

#include "base/encode.h"
#include "tlog/tree.h"

#define RUN_ENTRIES TLOG_LEVELS_MAX /* the runs before it are the levels' */
#define RUNS        (TLOG_LEVELS_MAX + 1)

struct run {
	size_t item;       /* bytes of an item */
	uint64_t first;    /* the first item that is kept */
	uint64_t total;    /* items that the tree has */
	uint64_t in_files; /* items that files are known to hold */
	uint64_t cleaned;  /* files up to here have no partial ones beside them */
	size_t cap;        /* items that there is room for */
	uint8_t *items;
};

struct tree {
	int dir; /* borrowed */
	struct run runs[RUNS];
	bool dirs_synced;     /* directories above files are known to be synced */
	uint64_t flushed;     /* size of the newest flush, or of the tree that was opened */
	uint64_t flushed_old; /* and of the one before */
};

/* One file that the tree has: the n-th of a run. */
struct tree_file {
	unsigned run;
	uint64_t n;
	unsigned width;
	struct slice bytes;
};

char *tree_file_path(const struct tree_file *file, char ret_path[TLOG_PATH_MAX]);
/* Visits what is not in files: the full files, from the entries' and the lowest level on, or the
 * partial ones. Stops at the first that does not return 0, and returns that. */
typedef int tree_visit(void *arg, const struct tree_file *file);
int tree_each_file(const struct tree *tree, bool full, tree_visit *visit, void *arg);
/* All of the run is in files now: forgets what full ones hold. */
void run_drop(struct run *run);

#endif
