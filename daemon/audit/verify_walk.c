/* What there is in a bundle's directory, by name: plain files that SHA256SUMS lists, and nothing
 * else. Opens directories only, and follows no link. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/verify_impl.h"

struct walk {
	struct verify *verify;
	char path[VERIFY_PATH_MAX]; /* from the bundle's directory */
};

static void note_file(struct walk *walk)
{
	struct verify_file *file = verify_file_at(walk->verify, walk->path);

	if (file)
		file->there = true;
	else if (strcmp(walk->path, "SHA256SUMS") != 0 &&
		 strcmp(walk->path, "SHA256SUMS.note") != 0 && strcmp(walk->path, "_headers") != 0)
		verify_find(walk->verify, VERIFY_AT(walk->path),
		    "is there, but does not stand in SHA256SUMS.");
}

static void walk_into(struct walk *walk, int fd, size_t len, unsigned depth);

static void walk_directory(
    struct walk *walk, int parent, const char *name, size_t len, unsigned depth)
{
	if (depth == VERIFY_PARTS_MAX) {
		verify_find(walk->verify, VERIFY_AT(walk->path), "lies deeper than any file may.");
		return;
	}
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		verify_fail(walk->verify, -errno, walk->path);
	else
		walk_into(walk, fd, len, depth + 1);
}

static mode_t kind_of(int fd, const struct dirent *item)
{
	struct stat status;

	if (item->d_type != DT_UNKNOWN)
		return DTTOIF(item->d_type);
	return fstatat(fd, item->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0
		   ? status.st_mode & S_IFMT
		   : 0;
}

static void walk_item(
    struct walk *walk, int fd, const struct dirent *item, size_t len, unsigned depth)
{
	int n = snprintf(
	    walk->path + len, sizeof(walk->path) - len, "%s%s", len > 0 ? "/" : "", item->d_name);
	mode_t kind = kind_of(fd, item);

	if (n < 0 || (size_t)n >= sizeof(walk->path) - len)
		verify_find(walk->verify, VERIFY_AT(walk->path), "begins a name that is too long.");
	else if (kind == S_IFREG)
		note_file(walk);
	else if (kind == S_IFDIR)
		walk_directory(walk, fd, item->d_name, len + (size_t)n, depth);
	else
		verify_find(walk->verify, VERIFY_AT(walk->path),
		    kind == S_IFLNK ? "is a symbolic link; a bundle has plain files."
				    : "is no plain file.");
	walk->path[len] = '\0';
}

/* `fd` is taken over. */
static void walk_into(struct walk *walk, int fd, size_t len, unsigned depth)
{
	DIR *directory = fdopendir(fd);
	const struct dirent *item;

	if (!directory) {
		verify_fail(walk->verify, -errno, walk->path);
		(void)close(fd);
		return;
	}
	while (walk->verify->error == 0 && (errno = 0, item = readdir(directory)) != NULL)
		if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0)
			walk_item(walk, fd, item, len, depth);
	if (walk->verify->error == 0 && errno != 0)
		verify_fail(walk->verify, -errno, walk->path);
	(void)closedir(directory);
}

void verify_walk(struct verify *verify)
{
	struct walk walk = {.verify = verify};

	walk_directory(&walk, verify->dir, ".", 0, 0);
	for (size_t i = 0; i < verify->n_files && verify->error == 0; i++) {
		char path[VERIFY_PATH_MAX];

		if (verify->files[i].there)
			continue;
		(void)snprintf(path, sizeof(path), "%.*s", (int)verify->files[i].path.len,
		    verify->files[i].path.ptr);
		verify_find(verify, VERIFY_AT(path), "stands in SHA256SUMS and is missing.");
	}
}
