/* Writes a tree of files as one step where that can be had: everything is first staged in a hidden
 * directory on the same file system, and only a complete stage is moved into place, file by file,
 * each atomically. Knows nothing of what the files say. */
#ifndef TALLYD_CTL_SITETREE_H
#define TALLYD_CTL_SITETREE_H

#include <stdbool.h>

#include "base/slice.h"

#define SITETREE_WHY_MAX 4200

struct sitetree;

/* Stages for `dir`, which is made where it is missing. 0, or -errno with ret_why. */
__attribute__((warn_unused_result)) int sitetree_new(
    const char *dir, struct sitetree **ret_tree, char ret_why[SITETREE_WHY_MAX]);
/* Removes what is still staged. */
void sitetree_free(struct sitetree *tree);

/* Paths below what is copied that are left out from now on, with all below them; ended by NULL, and
 * borrowed. NULL: none. */
void sitetree_leave_out(struct sitetree *tree, const char *const *paths);
/* Stages every plain file under `from`, at the top or in the directory `into` (NULL: at the top),
 * which must not be there yet; names that begin with a dot are left out. */
__attribute__((warn_unused_result)) int sitetree_copy(
    struct sitetree *tree, const char *from, const char *into, char ret_why[SITETREE_WHY_MAX]);
/* After sitetree_copy() failed: because of what it was to read, and not of where it writes. */
bool sitetree_is_unread(const struct sitetree *tree);
/* Stages one file at the top. */
__attribute__((warn_unused_result)) int sitetree_add(
    struct sitetree *tree, const char *name, struct slice bytes, char ret_why[SITETREE_WHY_MAX]);
/* Moves the staged files into place; those at the top last, in the order in which they were added.
 */
__attribute__((warn_unused_result)) int sitetree_publish(
    struct sitetree *tree, size_t *ret_files, char ret_why[SITETREE_WHY_MAX]);

#endif
