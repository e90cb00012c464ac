/* Writes a bundle's files beside its place. Where that is, is bundle_place.c's business; sums and
 * signature are bundle_sums.c's. */
#include "audit/bundle_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

int bundle_fail(int error, char ret_why[BUNDLE_WHY_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(ret_why, BUNDLE_WHY_MAX, format, args);
	va_end(args);
	return error;
}

void bundle_remove_tree(const char *path)
{
	char root[PATH_MAX];
	char *const roots[] = {root, NULL};
	FTSENT *entry;
	FTS *tree;

	(void)snprintf(root, sizeof(root), "%s", path);
	tree = fts_open(roots, FTS_NOCHDIR | FTS_PHYSICAL | FTS_XDEV, NULL);
	while (tree != NULL && (entry = fts_read(tree)) != NULL) {
		if (entry->fts_info == FTS_DP)
			(void)rmdir(entry->fts_accpath);
		else if (entry->fts_info != FTS_D)
			(void)unlink(entry->fts_accpath);
	}
	if (tree != NULL)
		(void)fts_close(tree);
}

/* ---- the unfinished directory ---- */

/* Two runs for one place would write into each other's files: whoever holds the lock of the
 * directory is at it, and one that nobody holds was left behind. Others may do the same in between,
 * so what is locked must still be what bears the name. */
static bool is_stage(const struct bundle *bundle, int fd)
{
	struct stat open, named;

	return fstat(fd, &open) == 0 && lstat(bundle->stage, &named) == 0 &&
	       open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

static int lock_stage(const struct bundle *bundle, int *ret_fd)
{
	int fd = open(bundle->stage, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || !is_stage(bundle, fd)) {
		(void)close(fd);
		return -EBUSY;
	}
	*ret_fd = fd;
	return 0;
}

/* `left` is what was left behind, removed by now, or -1; still open, so that its number is not
 * another directory's. */
static int make_stage(struct bundle *bundle, int left, char ret_why[BUNDLE_WHY_MAX])
{
	if (mkdir(bundle->stage, 0700) < 0) {
		int error = errno;
		bool other = error == EEXIST && (left < 0 || !is_stage(bundle, left));
		return other ? -EBUSY
			     : bundle_fail(-error, ret_why, "%s: cannot be made: %s.",
				   bundle->stage, strerror(error));
	}
	int r = lock_stage(bundle, &bundle->stage_fd);

	if (r == 0 && fchmod(bundle->stage_fd, bundle->options->secret ? 0700 : 0755) < 0)
		r = -errno;
	if (r == 0 || r == -EBUSY || r == -ENOENT)
		return r == 0 ? 0 : -EBUSY;
	return bundle_fail(r, ret_why, "%s: cannot be opened: %s.", bundle->stage, strerror(-r));
}

static int take_stage(struct bundle *bundle, char ret_why[BUNDLE_WHY_MAX])
{
	int left = -1, r = lock_stage(bundle, &left);

	if (r == 0)
		bundle_remove_tree(bundle->stage);
	if (r != -EBUSY)
		r = make_stage(bundle, left, ret_why);
	if (left >= 0)
		(void)close(left);
	return r != -EBUSY ? r
			   : bundle_fail(r, ret_why, "%s: another tallyctl publish writes it now.",
				 bundle->dir);
}

int bundle_new(
    const struct bundle_options *options, struct bundle **ret_bundle, char ret_why[BUNDLE_WHY_MAX])
{
	struct bundle *bundle = calloc(1, sizeof(*bundle));
	int r;

	if (bundle == NULL)
		return bundle_fail(-ENOMEM, ret_why, "There is not enough memory.");
	bundle->options = options;
	bundle->parent_fd = bundle->stage_fd = -1;
	r = bundle_find_place(bundle, ret_why);
	if (r == 0)
		r = take_stage(bundle, ret_why);
	if (r < 0) {
		bundle_free(bundle);
		return r;
	}
	*ret_bundle = bundle;
	return 0;
}

void bundle_free(struct bundle *bundle)
{
	if (bundle == NULL)
		return;
	if (bundle->stage_fd >= 0 && !bundle->finished)
		bundle_remove_tree(bundle->stage);
	if (bundle->stage_fd >= 0)
		(void)close(bundle->stage_fd);
	if (bundle->parent_fd >= 0)
		(void)close(bundle->parent_fd);
	free(bundle);
}

const char *bundle_stage(const struct bundle *bundle)
{
	return bundle->stage;
}

int bundle_fd(const struct bundle *bundle)
{
	return bundle->stage_fd;
}

/* ---- files ---- */

static int make_parents(int dir, const char *path)
{
	char parent[BUNDLE_PATH_MAX];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		memcpy(parent, path, (size_t)(slash - path));
		parent[slash - path] = '\0';
		if (mkdirat(dir, parent, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* Most directories are there already. */
static int create(int dir, const char *path)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(dir, path, flags, 0644);
	int r;

	if (fd >= 0 || errno != ENOENT)
		return fd >= 0 ? fd : -errno;
	r = make_parents(dir, path);
	if (r < 0)
		return r;
	fd = openat(dir, path, flags, 0644);
	return fd >= 0 ? fd : -errno;
}

int bundle_put(
    struct bundle *bundle, const char *path, struct slice bytes, char ret_why[BUNDLE_WHY_MAX])
{
	int fd = strlen(path) < BUNDLE_PATH_MAX ? create(bundle->stage_fd, path) : -ENAMETOOLONG;
	int r = fd < 0 ? fd : io_write_all(fd, bytes);

	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = -errno;
	if (r < 0)
		return bundle_fail(
		    r, ret_why, "%s/%s: cannot be written: %s.", bundle->dir, path, strerror(-r));
	return 0;
}

uint64_t bundle_files(const struct bundle *bundle)
{
	return bundle->files;
}

uint64_t bundle_bytes(const struct bundle *bundle)
{
	return bundle->bytes;
}
