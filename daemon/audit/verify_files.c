/* Reads a bundle's files: only listed ones, never through a symbolic link, each hashed once. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "audit/verify_impl.h"

enum { PIECE = 64 * 1024 };

/* ---- the list ---- */

int verify_path_order(struct slice a, struct slice b)
{
	int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* The first file whose path is not before this one. */
static size_t lower_bound(const struct verify *verify, struct slice path)
{
	size_t low = 0, high = verify->n_files;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (verify_path_order(verify->files[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct verify_file *verify_listed(const struct verify *verify, struct slice path)
{
	size_t i = lower_bound(verify, path);

	return i < verify->n_files && slice_equal(verify->files[i].path, path) ? &verify->files[i]
									       : NULL;
}

size_t verify_under(const struct verify *verify, const char *prefix, size_t *ret_first)
{
	size_t first = lower_bound(verify, slice_text(prefix)), end = first;

	while (end < verify->n_files && slice_starts(verify->files[end].path, prefix))
		end++;
	*ret_first = first;
	return end - first;
}

struct verify_file *verify_file_at(struct verify *verify, const char *path)
{
	const struct verify_file *file = verify_listed(verify, slice_text(path));

	return file ? &verify->files[file - verify->files] : NULL;
}

/* ---- opening ---- */

/* Every component by itself, so that none is a link. `len`: of the directory's part. */
static int open_directory(const struct verify *verify, const char *path, size_t len)
{
	char name[VERIFY_PATH_MAX];
	int fd = openat(verify->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t at = 0; fd >= 0 && at < len;) {
		size_t n = strcspn(path + at, "/");

		(void)snprintf(name, sizeof(name), "%.*s", (int)n, path + at);
		int next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int error = errno;
		(void)close(fd);
		errno = error;
		fd = next;
		at += n + 1;
	}
	return fd;
}

/* A few directories stay open: a log's check goes around between three. -1 with errno. */
static int directory_of(struct verify *verify, const char *path, size_t len)
{
	for (unsigned i = 0; i < VERIFY_DIRS; i++)
		if (verify->dirs[i].fd >= 0 && strlen(verify->dirs[i].path) == len &&
		    memcmp(verify->dirs[i].path, path, len) == 0)
			return verify->dirs[i].fd;
	int fd = open_directory(verify, path, len);
	if (fd < 0)
		return -1;
	unsigned slot = verify->next_dir++ % VERIFY_DIRS;
	if (verify->dirs[slot].fd >= 0)
		(void)close(verify->dirs[slot].fd);
	verify->dirs[slot].fd = fd;
	(void)snprintf(verify->dirs[slot].path, VERIFY_PATH_MAX, "%.*s", (int)len, path);
	return fd;
}

/* A plain file for reading, and its size. -1: what hinders is noted. */
static int open_file(struct verify *verify, const char *path, uint64_t *ret_size)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	int parent = directory_of(verify, path, len);
	/* O_NONBLOCK: what has become a pipe meanwhile must not hold us up */
	int fd = parent < 0 ? -1
			    : openat(parent, slash ? slash + 1 : path,
				  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat status;

	if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENOTDIR))
		return -1; /* the walk has told */
	if (fd < 0 || fstat(fd, &status) != 0) {
		verify_fail(verify, -errno, path);
	} else if (S_ISREG(status.st_mode)) {
		*ret_size = (uint64_t)status.st_size;
		return fd;
	}
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/* ---- reading ---- */

static void judge_hash(struct verify *verify, struct verify_file *file, const char *path,
    const uint8_t is[SHA256_SIZE])
{
	char is_hex[HEX_SIZE(SHA256_SIZE)], should_hex[HEX_SIZE(SHA256_SIZE)];

	file->hashed = true;
	verify->done_files++;
	verify_progress(verify, "Checking files", verify->done_files, verify->n_files);
	if (memcmp(is, file->hash, SHA256_SIZE) == 0)
		return;
	hex_encode(is, SHA256_SIZE, is_hex);
	hex_encode(file->hash, SHA256_SIZE, should_hex);
	verify->out->faulty |= VERIFY_PART_FILES;
	verify_find(
	    verify, VERIFY_AT(path), "has the SHA-256 %s, should have %s.", is_hex, should_hex);
}

/* The whole of it into verify->bytes. */
static bool read_whole(struct verify *verify, int fd, const char *path, size_t max)
{
	struct buf *bytes = &verify->bytes;

	buf_clear(bytes);
	for (;;) {
		int rc = buf_reserve(bytes, bytes->len == 0 ? PIECE / 4 : PIECE);
		if (rc != 0) {
			verify_fail(verify, rc, path);
			return false;
		}
		ssize_t n = read(fd, bytes->data + bytes->len, bytes->cap - bytes->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			verify_fail(verify, -errno, path);
		if (n <= 0)
			return n == 0;
		bytes->len += (size_t)n;
		if (bytes->len > max) {
			verify_find(verify, VERIFY_AT(path), "has more than %zu bytes.", max);
			return false;
		}
	}
}

bool verify_read(struct verify *verify, const char *path, size_t max, struct slice *ret_bytes)
{
	uint64_t size;
	int fd = verify->error == 0 ? open_file(verify, path, &size) : -1;
	bool good = fd >= 0 && read_whole(verify, fd, path, max);

	if (fd >= 0)
		(void)close(fd);
	if (good)
		*ret_bytes = buf_slice(&verify->bytes);
	return good;
}

void verify_want_file(struct verify *verify, const char *path)
{
	if (!verify_listed(verify, slice_text(path)))
		verify_find(
		    verify, VERIFY_AT(path), "is missing, and SHA256SUMS does not list it.");
}

bool verify_take(struct verify *verify, const char *path, size_t max, struct slice *ret_bytes)
{
	struct verify_file *file = verify_file_at(verify, path);
	uint8_t hash[SHA256_SIZE];
	struct slice bytes;

	verify_want_file(verify, path);
	if (!file || !file->there || !verify_read(verify, path, max, &bytes))
		return false;
	if (!file->hashed) {
		sha256(bytes, hash);
		verify->done_bytes += bytes.len;
		judge_hash(verify, file, path, hash);
	}
	*ret_bytes = bytes;
	return true;
}

/* ---- the rest ---- */

static void hash_pieces(struct verify *verify, struct verify_file *file, const char *path, int fd)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t hash[SHA256_SIZE];
	static char piece[PIECE];
	ssize_t n = 0;
	bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);

	while (good && ((n = read(fd, piece, sizeof(piece))) > 0 || (n < 0 && errno == EINTR))) {
		good = n < 0 || EVP_DigestUpdate(context, piece, (size_t)n);
		verify->done_bytes += n > 0 ? (uint64_t)n : 0;
	}
	if (n < 0)
		verify_fail(verify, -errno, path);
	else if (!good || !EVP_DigestFinal_ex(context, hash, NULL))
		verify_fail(verify, -ENOMEM, path);
	else
		judge_hash(verify, file, path, hash);
	EVP_MD_CTX_free(context);
}

void verify_rest(struct verify *verify)
{
	for (size_t i = 0; i < verify->n_files && verify->error == 0; i++) {
		struct verify_file *file = &verify->files[i];
		char path[VERIFY_PATH_MAX];
		uint64_t size;

		if (file->hashed || !file->there)
			continue;
		(void)snprintf(path, sizeof(path), "%.*s", (int)file->path.len, file->path.ptr);
		int fd = open_file(verify, path, &size);
		if (fd < 0)
			continue;
		if (size <= VERIFY_REST_MAX)
			hash_pieces(verify, file, path, fd);
		else
			verify_find(verify, VERIFY_AT(path), "has more bytes than any file may.");
		(void)close(fd);
	}
}

void verify_files_release(struct verify *verify)
{
	for (unsigned i = 0; i < VERIFY_DIRS; i++)
		if (verify->dirs[i].fd >= 0)
			(void)close(verify->dirs[i].fd);
	buf_release(&verify->bytes);
	buf_release(&verify->sums_text);
	free(verify->files);
}
