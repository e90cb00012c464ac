/* A tree of files, staged and then moved into place. */
#include "ctl/sitetree.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

#define ADDED_MAX 8
#define NAME_SIZE 64

struct sitetree {
	char dir[PATH_MAX];
	char stage[PATH_MAX]; /* dir/.site-XXXXXX */
	char added[ADDED_MAX][NAME_SIZE];
	size_t n_added;
	size_t published;
	const char *const *left_out; /* NULL: nothing */
	bool unread;                 /* the last copy failed for what it was to read */
};

__attribute__((format(printf, 3, 4))) static int fail(
    int error, char ret_why[SITETREE_WHY_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(ret_why, SITETREE_WHY_MAX, format, args);
	va_end(args);
	return error;
}

static int join(char ret_path[PATH_MAX], const char *a, const char *b)
{
	int len = snprintf(ret_path, PATH_MAX, "%s/%s", a, b);

	return len < 0 || len >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int sitetree_new(const char *dir, struct sitetree **ret_tree, char ret_why[SITETREE_WHY_MAX])
{
	struct sitetree *tree = calloc(1, sizeof(*tree));

	if (tree == NULL)
		return fail(-ENOMEM, ret_why, "There is not enough memory.");
	if (mkdir(dir, 0755) < 0 && errno != EEXIST) {
		free(tree);
		return fail(-errno, ret_why, "%s: cannot be made: %s.", dir, strerror(errno));
	}
	if (realpath(dir, tree->dir) == NULL || join(tree->stage, tree->dir, ".site-XXXXXX") < 0 ||
	    mkdtemp(tree->stage) == NULL) {
		int error = errno ? errno : ENAMETOOLONG;
		free(tree);
		return fail(-error, ret_why, "%s: cannot be written: %s.", dir, strerror(error));
	}
	*ret_tree = tree;
	return 0;
}

static FTS *walk(char *root, int options)
{
	char *roots[] = {root, NULL};

	return fts_open(roots, FTS_NOCHDIR | FTS_XDEV | options, NULL);
}

static void remove_tree(char *root)
{
	FTS *tree = walk(root, FTS_PHYSICAL);
	FTSENT *entry;

	if (tree == NULL)
		return;
	while ((entry = fts_read(tree)) != NULL) {
		if (entry->fts_info == FTS_DP)
			(void)rmdir(entry->fts_accpath);
		else if (entry->fts_info != FTS_D)
			(void)unlink(entry->fts_accpath);
	}
	(void)fts_close(tree);
}

void sitetree_free(struct sitetree *tree)
{
	if (tree == NULL)
		return;
	remove_tree(tree->stage);
	free(tree);
}

static int create(const char *path, int *ret_fd)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int close_synced(int fd, int r)
{
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

static int copy_file(const char *from, const char *to, bool *ret_unread)
{
	char bytes[16384];
	ssize_t n;
	int out = -1;
	int r;
	int in = open(from, O_RDONLY | O_CLOEXEC);

	*ret_unread = in < 0;
	if (in < 0)
		return -errno;
	r = create(to, &out);
	if (r < 0) {
		(void)close(in);
		return r;
	}
	while (r == 0 && (n = read(in, bytes, sizeof(bytes))) != 0) {
		if (n > 0) {
			r = io_write_all(out, slice_make(bytes, (size_t)n));
		} else if (errno != EINTR) {
			r = -errno;
			*ret_unread = true;
		}
	}
	(void)close(in);
	return close_synced(out, r);
}

/* The path of an entry below the root of its walk, or "" for the root itself. */
static const char *below(const FTSENT *entry, size_t root_len)
{
	const char *rest = entry->fts_path + root_len;

	return *rest == '/' ? rest + 1 : rest;
}

static int copy_entry(struct sitetree *tree, const char *top, const FTSENT *entry, size_t root_len)
{
	char to[PATH_MAX];

	tree->unread = false;
	if (join(to, top, below(entry, root_len)) < 0)
		return -ENAMETOOLONG;
	switch (entry->fts_info) {
	case FTS_D:
		return entry->fts_level > 0 && mkdir(to, 0755) < 0 ? -errno : 0;
	case FTS_F:
		return copy_file(entry->fts_accpath, to, &tree->unread);
	case FTS_DP:
		return 0;
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		tree->unread = true;
		return -entry->fts_errno;
	default: /* a link that leads nowhere, a socket */
		tree->unread = true;
		return -EINVAL;
	}
}

bool sitetree_is_unread(const struct sitetree *tree)
{
	return tree->unread;
}

void sitetree_leave_out(struct sitetree *tree, const char *const *paths)
{
	tree->left_out = paths;
}

/* Hidden files, and what tells Node.js how to read the scripts in tests; and what is not wanted. */
static bool is_no_page(const struct sitetree *tree, const char *name, const char *path)
{
	for (const char *const *out = tree->left_out; out && *out; out++)
		if (strcmp(*out, path) == 0)
			return true;
	return name[0] == '.' || strcmp(name, "package.json") == 0;
}

int sitetree_copy(
    struct sitetree *tree, const char *from, const char *into, char ret_why[SITETREE_WHY_MAX])
{
	char root[PATH_MAX];
	char top[PATH_MAX];
	FTSENT *entry;
	FTS *source;
	int r = 0;

	tree->unread = realpath(from, root) == NULL;
	if (tree->unread)
		return fail(-errno, ret_why, "%s: %s.", from, strerror(errno));
	if (join(top, tree->stage, into ? into : "") < 0)
		return fail(-ENAMETOOLONG, ret_why, "%s: the path is too long.", tree->dir);
	if (into && mkdir(top, 0755) < 0)
		return fail(-errno, ret_why, "%s/%s: cannot be made: %s.", tree->dir, into,
		    strerror(errno));
	source = walk(root, FTS_LOGICAL);
	if (source == NULL)
		return fail(-errno, ret_why, "%s: %s.", from, strerror(errno));
	while (r == 0 && (entry = fts_read(source)) != NULL) {
		if (entry->fts_level > 0 &&
		    is_no_page(tree, entry->fts_name, below(entry, strlen(root)))) {
			(void)fts_set(source, entry, FTS_SKIP);
			continue;
		}
		r = copy_entry(tree, top, entry, strlen(root));
		if (r < 0 && tree->unread)
			r = fail(r, ret_why, "%s: cannot be read: %s.", entry->fts_path,
			    r == -EINVAL ? "it is no plain file" : strerror(-r));
		else if (r < 0)
			r = fail(r, ret_why, "%s: %s cannot be written: %s.", tree->dir,
			    below(entry, strlen(root)), strerror(-r));
	}
	(void)fts_close(source);
	return r;
}

int sitetree_add(
    struct sitetree *tree, const char *name, struct slice bytes, char ret_why[SITETREE_WHY_MAX])
{
	char to[PATH_MAX];
	int fd = -1;
	int r = -ENAMETOOLONG;

	if (tree->n_added < ADDED_MAX && strlen(name) < NAME_SIZE)
		r = join(to, tree->stage, name);
	if (r == 0)
		r = create(to, &fd);
	if (r == 0)
		r = close_synced(fd, io_write_all(fd, bytes));
	if (r < 0)
		return fail(
		    r, ret_why, "%s/%s: cannot be written: %s.", tree->dir, name, strerror(-r));
	memcpy(tree->added[tree->n_added++], name, strlen(name) + 1);
	return 0;
}

static bool is_added(const struct sitetree *tree, const char *name)
{
	for (size_t i = 0; i < tree->n_added; i++)
		if (strcmp(tree->added[i], name) == 0)
			return true;
	return false;
}

static int publish_path(struct sitetree *tree, const char *name, bool directory)
{
	char from[PATH_MAX];
	char to[PATH_MAX];

	if (join(from, tree->stage, name) < 0 || join(to, tree->dir, name) < 0)
		return -ENAMETOOLONG;
	if (directory)
		return mkdir(to, 0755) < 0 && errno != EEXIST ? -errno : 0;
	tree->published++;
	return rename(from, to) < 0 ? -errno : 0;
}

int sitetree_publish(struct sitetree *tree, size_t *ret_files, char ret_why[SITETREE_WHY_MAX])
{
	size_t root_len = strlen(tree->stage);
	FTS *stage = walk(tree->stage, FTS_PHYSICAL);
	FTSENT *entry;
	const char *name = ".";
	int r = 0;

	if (stage == NULL)
		return fail(-errno, ret_why, "%s: %s.", tree->stage, strerror(errno));
	while (r == 0 && (entry = fts_read(stage)) != NULL) {
		if (entry->fts_level == 0 || entry->fts_info == FTS_DP ||
		    (entry->fts_level == 1 && is_added(tree, entry->fts_name)))
			continue;
		name = below(entry, root_len);
		r = publish_path(tree, name, entry->fts_info == FTS_D);
		if (r < 0)
			r = fail(r, ret_why, "%s/%s: cannot be written: %s.", tree->dir, name,
			    strerror(-r));
	}
	(void)fts_close(stage);
	for (size_t i = 0; r == 0 && i < tree->n_added; i++) {
		r = publish_path(tree, tree->added[i], false);
		if (r < 0)
			r = fail(r, ret_why, "%s/%s: cannot be written: %s.", tree->dir,
			    tree->added[i], strerror(-r));
	}
	if (r == 0)
		*ret_files = tree->published;
	return r;
}
