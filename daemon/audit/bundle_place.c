/* Where a bundle goes: what may be there already, and how the finished one takes its place. */
#include "audit/bundle_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/encode.h"
#include "crypto/digest.h"
#include "crypto/note.h"
#include "tlog/files.h"

#define SUMS_MAX ((size_t)1 << 30)
#define NOTE_MAX 4096

/* ---- names ---- */

/* The absolute path of what is to be made: only what it lies in must be there. */
static int resolve_new(const char *given, char ret_path[PATH_MAX])
{
	char copy[PATH_MAX], parent[PATH_MAX];
	size_t len = strlen(given);

	while (len > 1 && given[len - 1] == '/')
		len--;
	if (len == 0 || len >= sizeof(copy))
		return -ENAMETOOLONG;
	memcpy(copy, given, len);
	copy[len] = '\0';
	char *slash = strrchr(copy, '/');
	if (slash != NULL)
		*slash = '\0';
	if (realpath(slash == NULL ? "." : slash == copy ? "/" : copy, parent) == NULL)
		return -errno;
	size_t parent_len = strcmp(parent, "/") == 0 ? 0 : strlen(parent);
	const char *name = slash != NULL ? slash + 1 : copy;
	if (parent_len + 1 + strlen(name) >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(ret_path, parent, parent_len);
	ret_path[parent_len] = '/';
	memcpy(ret_path + parent_len + 1, name, strlen(name) + 1);
	return 0;
}

static int name_place(struct bundle *bundle, char ret_why[BUNDLE_WHY_MAX])
{
	const char *given = bundle->options->dir, *name;
	int r = realpath(given, bundle->dir) != NULL ? 0 : -errno;

	if (r == -ENOENT)
		r = resolve_new(given, bundle->dir);
	if (*given == '\0')
		return bundle_fail(-EINVAL, ret_why, "DIR is empty; say where the bundle goes.");
	if (r == -ENOENT)
		return bundle_fail(r, ret_why,
		    "%s: No such file or directory: make what it is to lie in first.", given);
	if (r < 0)
		return bundle_fail(r, ret_why, "%s: %s.", given, strerror(-r));
	name = strrchr(bundle->dir, '/') + 1;
	if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return bundle_fail(-EINVAL, ret_why, "%s: is no name for a bundle.", given);
	int len = (int)(name - bundle->dir) - 1;
	int parent = snprintf(bundle->parent, PATH_MAX, "%.*s", len == 0 ? 1 : len, bundle->dir);
	int stage =
	    snprintf(bundle->stage, PATH_MAX, "%.*s/.%s.unfinished", len, bundle->dir, name);
	if (parent >= PATH_MAX || stage >= PATH_MAX)
		return bundle_fail(-ENAMETOOLONG, ret_why, "%s: the path is too long.", given);
	return 0;
}

/* ---- what is there ---- */

static bool is_empty(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	bool empty = dir != NULL;

	while (empty && (entry = readdir(dir)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	if (dir != NULL)
		(void)closedir(dir);
	return empty;
}

/* The next "<hash>  <path>" of the sums; false at the end. */
static bool take_path(struct slice *sums, struct slice *ret_path)
{
	const size_t hash = 66;
	const char *lf = sums->len > 0 ? memchr(sums->ptr, '\n', sums->len) : NULL;
	size_t len = lf ? (size_t)(lf - sums->ptr) : 0;

	if (len <= hash)
		return false;
	*ret_path = slice_make(sums->ptr + hash, len - hash);
	*sums = slice_make(lf + 1, sums->len - len - 1);
	return true;
}

/* Whether the directory holds nothing but what its sums list, so that nothing of anybody else's is
 * lost with it. */
static bool has_no_others(const char *dir, struct slice sums)
{
	struct bundle_list list;
	struct slice path = {0};
	bool good = bundle_list_files(dir, &list) == 0;

	for (size_t i = 0; good && i < list.n; i++) {
		if (strcmp(list.paths[i], BUNDLE_SUMS) == 0 ||
		    strcmp(list.paths[i], BUNDLE_SUMS_NOTE) == 0 ||
		    strcmp(list.paths[i], BUNDLE_HEADERS) == 0)
			continue;
		/* Both are sorted; what is listed and missing does not matter here. */
		do
			good = take_path(&sums, &path);
		while (good && !slice_is(path, list.paths[i]));
	}
	bundle_list_release(&list);
	return good;
}

/* The note is the key's, of this round, and of these sums. */
static bool is_signed(const struct bundle_options *options, struct slice note, struct slice sums)
{
	uint8_t hash[SHA256_SIZE];
	char hex[HEX_SIZE(SHA256_SIZE)], begin[200], end[HEX_SIZE(SHA256_SIZE) + 2];
	struct slice text;

	sha256(sums, hash);
	(void)hex_encode(hash, sizeof(hash), hex);
	(void)snprintf(begin, sizeof(begin), "tallyd bundle v1\n%s\n", options->round);
	size_t end_len = (size_t)snprintf(end, sizeof(end), "\n%s\n", hex);
	return note_open(note, options->key_name, options->key, &text) == 0 &&
	       slice_starts(text, begin) && text.len > end_len &&
	       memcmp(text.ptr + text.len - end_len, end, end_len) == 0;
}

/* A bundle for auditors has one file that none for everybody has. */
static bool lists_secrets(struct slice sums)
{
	struct slice path;

	while (take_path(&sums, &path))
		if (slice_is(path, BUNDLE_AUDIT))
			return true;
	return false;
}

static bool is_earlier_bundle(const struct bundle *bundle, bool *ret_secret)
{
	int dir = open(bundle->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct buf sums, note;
	bool good;

	buf_init(&sums, SUMS_MAX);
	buf_init(&note, NOTE_MAX);
	good = dir >= 0 && tlog_read(dir, BUNDLE_SUMS, SUMS_MAX, &sums) == 0 &&
	       tlog_read(dir, BUNDLE_SUMS_NOTE, NOTE_MAX, &note) == 0 &&
	       is_signed(bundle->options, buf_slice(&note), buf_slice(&sums)) &&
	       has_no_others(bundle->dir, buf_slice(&sums));
	*ret_secret = good && lists_secrets(buf_slice(&sums));
	buf_release(&sums);
	buf_release(&note);
	if (dir >= 0)
		(void)close(dir);
	return good;
}

/* Somebody may be serving what is there to everybody, or rely on it that nobody does. */
static int refuse_other_kind(const struct bundle *bundle, char ret_why[BUNDLE_WHY_MAX])
{
	return bundle_fail(-EEXIST, ret_why,
	    bundle->options->secret
		? "%s: is a bundle for everybody, which may be served from there; one for auditors "
		  "does not take its place. Give another DIR, one that no host serves."
		: "%s: is a bundle for auditors; one for everybody does not take its place. Give "
		  "another DIR.",
	    bundle->dir);
}

int bundle_find_place(struct bundle *bundle, char ret_why[BUNDLE_WHY_MAX])
{
	struct stat there;
	bool secret = false;
	int r = name_place(bundle, ret_why);

	if (r < 0)
		return r;
	bundle->parent_fd = open(bundle->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (bundle->parent_fd < 0)
		return bundle_fail(-errno, ret_why, "%s: %s.", bundle->parent, strerror(errno));
	if (lstat(bundle->dir, &there) < 0)
		return errno == ENOENT
			   ? 0
			   : bundle_fail(-errno, ret_why, "%s: %s.", bundle->dir, strerror(errno));
	bundle->replaces = S_ISDIR(there.st_mode) && !is_empty(bundle->dir);
	if (S_ISDIR(there.st_mode) && (!bundle->replaces || is_earlier_bundle(bundle, &secret)))
		return bundle->replaces && secret != bundle->options->secret
			   ? refuse_other_kind(bundle, ret_why)
			   : 0;
	return bundle_fail(-EEXIST, ret_why,
	    "%s: is there, and neither empty nor an earlier bundle of %s with nothing else in it; "
	    "give another DIR.",
	    bundle->dir, bundle->options->round);
}

/* ---- taking the place ---- */

/* The earlier one's name is the finished one's in the same instant; a file system that cannot do
 * that has none of them for a moment. */
static int exchange(struct bundle *bundle)
{
	char old[PATH_MAX];

	if (renameat2(AT_FDCWD, bundle->stage, AT_FDCWD, bundle->dir, RENAME_EXCHANGE) == 0) {
		bundle_remove_tree(bundle->stage);
		return 0;
	}
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (snprintf(old, sizeof(old), "%s.old", bundle->stage) >= (int)sizeof(old))
		return -ENAMETOOLONG;
	bundle_remove_tree(old);
	if (rename(bundle->dir, old) < 0 || rename(bundle->stage, bundle->dir) < 0)
		return -errno;
	bundle_remove_tree(old);
	return 0;
}

int bundle_finish(struct bundle *bundle, char ret_why[BUNDLE_WHY_MAX])
{
	int r = bundle->replaces                         ? exchange(bundle)
		: rename(bundle->stage, bundle->dir) < 0 ? -errno
							 : 0;

	if (r < 0)
		return bundle_fail(
		    r, ret_why, "%s: cannot be put in its place: %s.", bundle->dir, strerror(-r));
	bundle->finished = true;
	if (fsync(bundle->parent_fd) < 0)
		return bundle_fail(
		    -errno, ret_why, "%s: cannot be synced: %s.", bundle->parent, strerror(errno));
	return 0;
}
