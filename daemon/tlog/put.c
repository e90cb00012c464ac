/* Temporary names are few and always the same, ".new-0" … in the log's directory: what a crash
 * leaves behind is overwritten or tidied, and cannot grow. */
#include "tlog/put.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

#define TEMPORARY_MAX 16

static char *temporary(size_t i, char ret_name[TEMPORARY_MAX])
{
	(void)snprintf(ret_name, TEMPORARY_MAX, ".new-%u", (unsigned)i);
	return ret_name;
}

void put_init(struct put *put, int dir, bool all_parents)
{
	put->dir = dir;
	put->all_parents = all_parents;
	put->n_files = 0;
	put->n_dirs = 0;
}

/* ---- directories ---- */

static int sync_dir(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		r = -errno;
	(void)close(fd);
	return r;
}

static int sync_dirs(struct put *put)
{
	for (; put->n_dirs > 0; put->n_dirs--) {
		int r = sync_dir(put->dir, put->dirs[put->n_dirs - 1]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Notes the directory of `path`, whose entries have changed. */
static int touch_parent(struct put *put, const char *path)
{
	const char *slash = strrchr(path, '/');
	char parent[TLOG_PATH_MAX] = ".";
	int r = 0;

	if (slash != NULL)
		(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	for (size_t i = put->n_dirs; i-- > 0;)
		if (strcmp(put->dirs[i], parent) == 0)
			return 0;
	if (put->n_dirs == PUT_DIRS)
		r = sync_dirs(put);
	if (r == 0)
		memcpy(put->dirs[put->n_dirs++], parent, sizeof(parent));
	return r;
}

/* Each directory above `path`, from the top: made where it is missing, and noted in its own
 * parent where it is new or where that is not known. */
static int make_parents(struct put *put, const char *path)
{
	char parent[TLOG_PATH_MAX];
	int r = 0;

	for (const char *slash = strchr(path, '/'); r == 0 && slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
		if (mkdirat(put->dir, parent, 0755) == 0 || (errno == EEXIST && put->all_parents))
			r = touch_parent(put, parent);
		else if (errno != EEXIST)
			r = -errno;
	}
	return r;
}

/* ---- files ---- */

static bool is_there(int dir, const char *path, struct slice bytes)
{
	struct buf there;
	bool same;

	buf_init(&there, bytes.len);
	same =
	    tlog_read(dir, path, bytes.len, &there) == 0 && slice_equal(buf_slice(&there), bytes);
	buf_release(&there);
	return same;
}

static int rename_into(struct put *put, const char *name, const char *path)
{
	int r = put->all_parents ? make_parents(put, path) : 0;

	if (r < 0 || renameat(put->dir, name, put->dir, path) == 0)
		return r;
	if (errno != ENOENT)
		return -errno;
	r = make_parents(put, path);
	if (r == 0 && renameat(put->dir, name, put->dir, path) < 0)
		r = -errno;
	return r;
}

/* What was gathered goes to its places. Only data is synced, with the length: a file's times are
 * nobody's concern. */
static int put_gathered(struct put *put)
{
	char name[TEMPORARY_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < put->n_files; i++) {
		struct put_file *file = &put->files[i];
		if (fdatasync(file->fd) < 0)
			return -errno;
		r = close(file->fd) < 0 ? -errno : 0;
		file->fd = -1;
	}
	for (size_t i = 0; r == 0 && i < put->n_files; i++) {
		r = rename_into(put, temporary(i, name), put->files[i].path);
		if (r == 0)
			r = touch_parent(put, put->files[i].path);
	}
	if (r == 0)
		put->n_files = 0;
	return r;
}

/* A new file, never one that is there: in a file system that a power failure left with two names
 * for one file, emptying it would empty the other. */
static int open_temporary(struct put *put, size_t i)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	char name[TEMPORARY_MAX];
	int fd = openat(put->dir, temporary(i, name), flags, 0644);

	if (fd < 0 && errno == EEXIST && unlinkat(put->dir, name, 0) == 0)
		fd = openat(put->dir, name, flags, 0644);
	return fd < 0 ? -errno : fd;
}

int put_file(struct put *put, const char *path, struct slice bytes)
{
	struct put_file *file;
	int r = put->n_files == PUT_FILES ? put_gathered(put) : 0;

	if (r < 0)
		return r;
	if (is_there(put->dir, path, bytes)) { /* its name may not have been synced */
		r = put->all_parents ? make_parents(put, path) : 0;
		return r < 0 ? r : touch_parent(put, path);
	}
	file = &put->files[put->n_files];
	r = open_temporary(put, put->n_files);
	if (r < 0)
		return r;
	file->fd = r;
	put->n_files++;
	(void)snprintf(file->path, sizeof(file->path), "%s", path);
	r = io_write_all(file->fd, bytes);
	if (r == 0) /* begins writing without waiting; fdatasync() then waits once for all */
		(void)sync_file_range(file->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	return r;
}

int put_finish(struct put *put)
{
	int r = put_gathered(put);

	return r < 0 ? r : sync_dirs(put);
}

void put_release(struct put *put)
{
	char name[TEMPORARY_MAX];

	for (size_t i = 0; i < put->n_files; i++) {
		if (put->files[i].fd >= 0)
			(void)close(put->files[i].fd);
		(void)unlinkat(put->dir, temporary(i, name), 0); /* a full disk needs the room */
	}
	put->n_files = 0;
	put->n_dirs = 0;
}

void put_tidy(int dir)
{
	char name[TEMPORARY_MAX];

	for (size_t i = 0; i < PUT_FILES; i++)
		(void)unlinkat(dir, temporary(i, name), 0);
}

void put_remove_dir(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (entries == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while ((entry = readdir(entries)) != NULL)
		if (entry->d_name[0] != '.')
			(void)unlinkat(fd, entry->d_name, 0);
	(void)closedir(entries);
	(void)unlinkat(dir, path, AT_REMOVEDIR);
}
