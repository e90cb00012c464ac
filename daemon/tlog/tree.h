/* One log's growing tree and the files that it becomes. Appending touches memory only; tree_flush()
 * writes what is new, each file under another name first, synced, then renamed, full files before
 * partial ones, so that a checkpoint written afterwards (tlog_publish()) never speaks of what is
 * not there. One writer a directory. Temporary names begin with a dot, and lie in the log's
 * directory itself. */
#ifndef TALLYD_TLOG_TREE_H
#define TALLYD_TLOG_TREE_H

#include "tlog/files.h"

#define TREE_PENDING_MAX (1u << 18) /* entries between two flushes */

struct tree;

/* The tree of the first `size` entries as the files have it: every file is read and held against
 * the others, entries to leaves to tiles, so a torn, missing or altered one is found. 0; -EBADMSG:
 * they do not agree, and *ret_bad names the first (static or borrowed text in ret_bad); -ENOENT: a
 * file is missing (named likewise); -ENOMEM; -errno. `dir` is an open descriptor, borrowed; made
 * where there is nothing. size 0 begins anew, whatever files there are. */
__attribute__((warn_unused_result)) int tree_open(
    int dir, uint64_t size, struct tree **ret_tree, char ret_bad[TLOG_PATH_MAX]);
void tree_free(struct tree *tree);

uint64_t tree_size(const struct tree *tree);
void tree_root(const struct tree *tree, uint8_t ret_root[MERKLE_SIZE]);
/* 0; -ENOBUFS: flush first (TREE_PENDING_MAX); -ENOMEM. */
__attribute__((warn_unused_result)) int tree_append(
    struct tree *tree, const uint8_t entry[TLOG_ENTRY_SIZE]);
/* Writes all tiles and entry bundles up to the tree's size. A file that is there with the same
 * bytes is left alone. 0 or -errno (ENOSPC…): nothing is lost, call again. Partial files of a tile
 * that is full now go, but not those of the last two flushes before this one: of the published
 * checkpoint and the one before it. */
__attribute__((warn_unused_result)) int tree_flush(struct tree *tree);

/* Writes a small file ("checkpoint", "issued", "statement") in place of what was there: written
 * under another name, synced, renamed, directory synced. 0 or -errno. */
__attribute__((warn_unused_result)) int tlog_publish(int dir, const char *name, struct slice text);

#endif
