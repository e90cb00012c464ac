/* Key files on disk: reading with care, writing once. */
#include "crypto/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "crypto/keyring.h"

static const struct {
	const char *name;
	bool secret;
	enum keyfile half; /* the other one of the pair */
} files[] = {
    [KEYFILE_TOKEN_PRIVATE] = {"token.private.pem", true, KEYFILE_TOKEN_PUBLIC},
    [KEYFILE_TOKEN_PUBLIC] = {"token.public.pem", false, KEYFILE_TOKEN_PRIVATE},
    [KEYFILE_LOG_PRIVATE] = {"log.private.pem", true, KEYFILE_LOG_PUBLIC},
    [KEYFILE_LOG_PUBLIC] = {"log.public.pem", false, KEYFILE_LOG_PRIVATE},
    [KEYFILE_SALT] = {"salt.key", true, KEYFILE_SALT},
    [KEYFILE_IDENTITY] = {"identity.key", true, KEYFILE_IDENTITY},
    [KEYFILE_BEARER_PRIVATE] = {"bearer.private.pem", true, KEYFILE_BEARER_PUBLIC},
    [KEYFILE_BEARER_PUBLIC] = {"bearer.public.pem", false, KEYFILE_BEARER_PRIVATE},
    [KEYFILE_RESULT_PRIVATE] = {"result.private.pem", true, KEYFILE_RESULT_PUBLIC},
    [KEYFILE_RESULT_PUBLIC] = {"result.public.pem", false, KEYFILE_RESULT_PRIVATE},
};

const char *keyfile_name(enum keyfile file)
{
	return files[file].name;
}

__attribute__((format(printf, 3, 4))) int ring_fail(
    const struct ring *ring, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(ring->why, KEYRING_WHY_MAX, format, args);
	va_end(args);
	return error;
}

static int path_of(const struct ring *ring, const char *file, char ret_path[PATH_MAX])
{
	int len = snprintf(ret_path, PATH_MAX, "%s/%s/%s", ring->keys_dir, ring->round, file);

	if (len < 0 || len >= PATH_MAX)
		return ring_fail(ring, -ENAMETOOLONG, "%s: the path is too long.", ring->keys_dir);
	return 0;
}

static bool others_may_read(const struct stat *st)
{
	return (st->st_mode & (S_IRWXG | S_IRWXO)) != 0;
}

static int check_mode(const struct ring *ring, int fd, enum keyfile file, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ring_fail(ring, -errno, "%s: %s.", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return ring_fail(ring, -EINVAL, "%s: is no plain file.", path);
	if (files[file].secret && others_may_read(&st))
		return ring_fail(ring, -EPERM,
		    "%s: mode %04o lets others read this secret. Run: chmod 600 %s (and where "
		    "somebody may have read it, make a new key).",
		    path, (unsigned)st.st_mode & 07777, path);
	return 0;
}

bool keyfile_exposed(const struct ring *ring, enum keyfile file)
{
	char path[PATH_MAX];
	struct stat st;

	return files[file].secret && path_of(ring, files[file].name, path) == 0 &&
	       lstat(path, &st) == 0 && S_ISREG(st.st_mode) && others_may_read(&st);
}

static bool is_there(const struct ring *ring, enum keyfile file)
{
	char path[PATH_MAX];
	struct stat st;

	return path_of(ring, files[file].name, path) == 0 && lstat(path, &st) == 0;
}

/* keygen makes a public half again, and keys that a round never had: the salt key is the last that
 * it makes. Whatever else is gone only a backup has. */
static int missing(const struct ring *ring, enum keyfile file, const char *path)
{
	bool half = is_there(ring, files[file].half), whole = is_there(ring, KEYFILE_SALT);

	if (files[file].secret ? half || whole : whole && !half)
		return ring_fail(ring, -ENOENT,
		    "%s: is missing. Restore it from the backup of the keys: another one would not "
		    "do.",
		    path);
	return ring_fail(ring, -ENOENT, "%s: is missing. `tallyctl keygen` makes it.", path);
}

int keyfile_read(
    const struct ring *ring, enum keyfile file, uint8_t ret_bytes[KEYFILE_MAX], size_t *ret_len)
{
	char path[PATH_MAX];
	size_t len = 0;
	ssize_t n = 0;
	int fd;
	int r = path_of(ring, files[file].name, path);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return missing(ring, file, path);
	if (fd < 0)
		return ring_fail(ring, -errno, "%s: %s.", path, strerror(errno));
	r = check_mode(ring, fd, file, path);
	while (
	    r == 0 && len < KEYFILE_MAX && (n = read(fd, ret_bytes + len, KEYFILE_MAX - len)) > 0)
		len += (size_t)n;
	if (r == 0 && n < 0)
		r = ring_fail(ring, -errno, "%s: %s.", path, strerror(errno));
	else if (r == 0 && len == KEYFILE_MAX)
		r = ring_fail(ring, -EFBIG, "%s: is too long for a key.", path);
	(void)close(fd);
	if (r == 0)
		*ret_len = len;
	return r;
}

int keyfile_damaged(const struct ring *ring, enum keyfile file, const char *wanted)
{
	return ring_fail(ring, -EINVAL, "%s/%s/%s: is not %s. Restore it from the backup.",
	    ring->keys_dir, ring->round, files[file].name, wanted);
}

static int make_directory(const struct ring *ring, const char *path)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return ring_fail(ring, -errno, "%s: cannot be made: %s.", path, strerror(errno));
	return 0;
}

static int open_round(const struct ring *ring, int *ret_fd)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;
	int r = make_directory(ring, ring->keys_dir);

	if (r == 0)
		r = path_of(ring, "", path);
	if (r == 0)
		r = make_directory(ring, path);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		r = ring_fail(ring, -errno, "%s: %s.", path, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	if ((st.st_mode & 077) != 0) {
		(void)close(fd);
		return ring_fail(ring, -EPERM,
		    "%s: mode %04o opens the keys to others. Run: chmod 700 %s", path,
		    (unsigned)st.st_mode & 07777, path);
	}
	*ret_fd = fd;
	return 0;
}

int keyfile_exists(const struct ring *ring, int dir, enum keyfile file)
{
	struct stat st;

	if (fstatat(dir, files[file].name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	if (errno == ENOENT)
		return 0;
	return ring_fail(ring, -errno, "%s/%s/%s: %s.", ring->keys_dir, ring->round,
	    files[file].name, strerror(errno));
}

int keyfile_open_directory(const struct ring *ring, int *ret_dir, int *ret_lock)
{
	int dir = -1, lock = -1;
	int r = open_round(ring, &dir);

	if (r < 0)
		return r;
	lock = open(ring->keys_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0 || flock(lock, LOCK_EX) < 0) {
		r = ring_fail(
		    ring, -errno, "%s: cannot be locked: %s.", ring->keys_dir, strerror(errno));
		if (lock >= 0)
			(void)close(lock);
		(void)close(dir);
		return r;
	}
	*ret_dir = dir;
	*ret_lock = lock;
	return 0;
}

/* Creates `file` with these bytes, synced, by linking a finished temporary file to its name: unlike
 * rename(2), link(2) refuses to replace a key that another process made meanwhile. */
int keyfile_write(
    const struct ring *ring, int dir, enum keyfile file, const void *bytes, size_t len)
{
	char temporary[80];
	int r = 0;
	int fd;

	(void)snprintf(
	    temporary, sizeof(temporary), ".%s.%ld.new", files[file].name, (long)getpid());
	(void)unlinkat(dir, temporary, 0); /* of a run that was interrupted */
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
	    files[file].secret ? 0600 : 0644);
	if (fd < 0)
		r = -errno;
	else {
		r = io_write_all(fd, slice_make(bytes, len));
		if (r == 0 && (fchmod(fd, files[file].secret ? 0600 : 0644) < 0 || fsync(fd) < 0))
			r = -errno;
		if (close(fd) < 0 && r == 0)
			r = -errno;
		if (r == 0 && linkat(dir, temporary, dir, files[file].name, 0) < 0)
			r = -errno;
		(void)unlinkat(dir, temporary, 0);
		if (r == 0 && fsync(dir) < 0)
			r = -errno;
	}
	if (r < 0)
		return ring_fail(ring, r, "%s/%s/%s: cannot be written: %s.", ring->keys_dir,
		    ring->round, files[file].name, strerror(-r));
	return 0;
}
