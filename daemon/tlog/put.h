/* Putting files in their place so that a crash at any point leaves each either as it was or as it
 * is to be: written under a temporary name, synced, renamed, and at the end the directories
 * synced. Files are gathered first and synced together, which costs the disk a third of syncing one
 * after the other. */
#ifndef TALLYD_TLOG_PUT_H
#define TALLYD_TLOG_PUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "tlog/files.h"

#define PUT_FILES 32 /* gathered at a time: so many descriptors */
#define PUT_DIRS  64

struct put {
	int dir;
	bool all_parents; /* sync directories that were there before, too */
	size_t n_files;
	struct put_file {
		int fd;
		char path[TLOG_PATH_MAX];
	} files[PUT_FILES];
	size_t n_dirs; /* to be synced */
	char dirs[PUT_DIRS][TLOG_PATH_MAX];
};

/* `all_parents`: what made the directories above is not known to have synced them. */
void put_init(struct put *put, int dir, bool all_parents);
/* Directories above are made. A file that is there with these bytes is left alone. 0 or -errno:
 * then put_release() is all that may follow. */
__attribute__((warn_unused_result)) int put_file(
    struct put *put, const char *path, struct slice bytes);
/* 0: all files are in their place and stay there. -errno as above. */
__attribute__((warn_unused_result)) int put_finish(struct put *put);
/* Removes what was gathered and not put; after put_finish() it does nothing. */
void put_release(struct put *put);

/* Removes temporary files that a crash left behind. */
void put_tidy(int dir);
/* Removes a directory of files, no deeper ones; whatever fails stays. */
void put_remove_dir(int dir, const char *path);

#endif
