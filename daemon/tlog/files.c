/* Names of a log's files, and reading them. */
#include "tlog/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"

#define ITEM_SIZE  (2 + TLOG_ENTRY_SIZE) /* of a bundle */
#define GROUPS_MAX 6                     /* of three digits: tiles of a tree below 2^63 */
#define N_MAX      (INT64_MAX / TLOG_WIDTH)

/* ---- names ---- */

char *tlog_bundle_path(const char *under, uint64_t n, unsigned width, char ret_path[TLOG_PATH_MAX])
{
	unsigned groups[GROUPS_MAX + 1];
	size_t n_groups = 0, len;

	do
		groups[n_groups++] = (unsigned)(n % 1000);
	while ((n /= 1000) > 0 && n_groups <= GROUPS_MAX);
	len = (size_t)snprintf(ret_path, TLOG_PATH_MAX, "%s", under);
	while (n_groups-- > 0 && len < TLOG_PATH_MAX)
		len += (size_t)snprintf(ret_path + len, TLOG_PATH_MAX - len, "/%s%03u",
		    n_groups > 0 ? "x" : "", groups[n_groups]);
	if (width < TLOG_WIDTH && len < TLOG_PATH_MAX)
		(void)snprintf(ret_path + len, TLOG_PATH_MAX - len, ".p/%u", width);
	return ret_path;
}

char *tlog_tile_path(unsigned level, uint64_t n, unsigned width, char ret_path[TLOG_PATH_MAX])
{
	char under[20];

	(void)snprintf(under, sizeof(under), "tile/%u", level);
	return tlog_bundle_path(under, n, width, ret_path);
}

/* Takes `word` off the front. */
static bool take(struct slice *text, const char *word)
{
	size_t len = strlen(word);

	if (!slice_starts(*text, word))
		return false;
	*text = slice_make(text->ptr + len, text->len - len);
	return true;
}

/* Takes a number of at most `digits` digits off the front. */
static bool take_number(struct slice *text, size_t digits, uint64_t *ret_number)
{
	uint64_t number = 0;
	size_t len = 0;

	while (len < text->len && len < digits && text->ptr[len] >= '0' && text->ptr[len] <= '9')
		number = number * 10 + (uint64_t)(text->ptr[len++] - '0');
	*text = slice_make(text->ptr + len, text->len - len);
	*ret_number = number;
	return len > 0;
}

/* "x001/x234/067": all groups. */
static bool take_n(struct slice *text, uint64_t *ret_n)
{
	uint64_t group;
	bool more;

	*ret_n = 0;
	for (size_t i = 0; i < GROUPS_MAX; i++) {
		more = take(text, "x");
		if (!take_number(text, 3, &group) || (more && !take(text, "/")))
			return false;
		*ret_n = *ret_n * 1000 + group;
		if (!more)
			return *ret_n <= N_MAX;
	}
	return false;
}

/* How many leaves are below the first n + 1 full tiles of a level. */
static uint64_t leaves_below(unsigned level, uint64_t n)
{
	unsigned shift = 8 * (level + 1);

	return shift < 64 && n + 1 <= UINT64_MAX >> shift ? (n + 1) << shift : UINT64_MAX;
}

/* Reads it as a tile or a bundle, however the numbers are written, and then asks whether that one
 * is called so. *ret_covers stays where it is not. */
static bool is_tile(struct slice path, uint64_t *ret_covers)
{
	struct slice rest = path;
	char canonical[TLOG_PATH_MAX];
	uint64_t level = 0, n, width = TLOG_WIDTH;
	bool entries;

	if (!take(&rest, "tile/"))
		return false;
	entries = take(&rest, "entries/");
	if (!entries &&
	    (!take_number(&rest, 1, &level) || level >= TLOG_LEVELS_MAX || !take(&rest, "/")))
		return false;
	if (!take_n(&rest, &n))
		return false;
	if (rest.len > 0 && (!take(&rest, ".p/") || !take_number(&rest, 3, &width) || width == 0 ||
				width >= TLOG_WIDTH))
		return false;
	if (entries)
		(void)tlog_bundle_path("tile/entries", n, (unsigned)width, canonical);
	else
		(void)tlog_tile_path((unsigned)level, n, (unsigned)width, canonical);
	if (!slice_is(path, canonical))
		return false;
	*ret_covers = width == TLOG_WIDTH ? leaves_below((unsigned)level, n) : 0;
	return true;
}

/* "epoch-2/" and later, where it stands. */
static bool take_epoch(struct slice *path, uint64_t *ret_epoch)
{
	uint64_t epoch;

	if (!take(path, "epoch-"))
		return true;
	if (path->len == 0 || path->ptr[0] == '0' || !take_number(path, 9, &epoch) || epoch < 2 ||
	    !take(path, "/"))
		return false;
	*ret_epoch = epoch;
	return true;
}

bool tlog_path_is_valid(struct slice path, struct tlog_file *ret_file)
{
	*ret_file = (struct tlog_file){.epoch = 1};
	if (!take_epoch(&path, &ret_file->epoch))
		return false;
	return slice_is(path, "checkpoint") || slice_is(path, "issued") ||
	       slice_is(path, "statement") || is_tile(path, &ret_file->covers);
}

/* ---- reading ---- */

static int open_file(int dir, const char *path, size_t *ret_size)
{
	struct stat status;
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOTDIR ? -ENOENT : -errno;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		(void)close(fd);
		return -EBADMSG;
	}
	*ret_size = (size_t)status.st_size;
	return fd;
}

/* All of `len` bytes from the beginning. -EBADMSG: it is shorter. */
static int read_all(int fd, void *ret_bytes, size_t len)
{
	uint8_t *bytes = ret_bytes;
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, bytes + done, len - done, (off_t)done);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EBADMSG;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

int tlog_read(int dir, const char *path, size_t max, struct buf *out)
{
	size_t size = 0;
	int fd = open_file(dir, path, &size);
	int r;

	if (fd < 0)
		return fd;
	r = size > max ? -E2BIG : buf_reserve(out, size);
	if (r == 0 && size > 0)
		r = read_all(fd, out->data + out->len, size);
	if (r == 0)
		out->len += size;
	(void)close(fd);
	return r;
}

/* The first `len` bytes of a file that has `size`, no more, no less. */
static int read_beginning(int dir, const char *path, size_t size, void *ret_bytes, size_t len)
{
	size_t is = 0;
	int fd = open_file(dir, path, &is);
	int r;

	if (fd < 0)
		return fd;
	r = is == size ? read_all(fd, ret_bytes, len) : -EBADMSG;
	(void)close(fd);
	return r;
}

/* The first `width` items of the n-th file: of that width, or where it has gone of the full one; or
 * of a wider one, where somebody asks for an old tree's edge in a copy that has only the new
 * tree's. */
static int read_items(
    int dir, const char *under, uint64_t n, unsigned width, size_t item, void *ret_items)
{
	char path[TLOG_PATH_MAX];
	int r = read_beginning(
	    dir, tlog_bundle_path(under, n, width, path), item * width, ret_items, item * width);

	if (r == -ENOENT && width < TLOG_WIDTH)
		r = read_beginning(dir, tlog_bundle_path(under, n, TLOG_WIDTH, path),
		    item * TLOG_WIDTH, ret_items, item * width);
	for (unsigned wider = width + 1; r == -ENOENT && wider < TLOG_WIDTH; wider++)
		r = read_beginning(dir, tlog_bundle_path(under, n, wider, path), item * wider,
		    ret_items, item * width);
	return r;
}

int tlog_read_tile(int dir, unsigned level, uint64_t n, unsigned width, uint8_t *ret_hashes)
{
	char under[20];

	(void)snprintf(under, sizeof(under), "tile/%u", level);
	return read_items(dir, under, n, width, MERKLE_SIZE, ret_hashes);
}

int tlog_read_entries(int dir, uint64_t n, unsigned width, uint8_t (*ret_entries)[TLOG_ENTRY_SIZE])
{
	uint8_t items[TLOG_WIDTH][ITEM_SIZE] = {{0}};
	int r = read_items(dir, "tile/entries", n, width, ITEM_SIZE, items);

	for (unsigned i = 0; r == 0 && i < width; i++)
		if (get_u16be(items[i]) != TLOG_ENTRY_SIZE)
			r = -EBADMSG;
	for (unsigned i = 0; r == 0 && i < width; i++)
		memcpy(ret_entries[i], items[i] + 2, TLOG_ENTRY_SIZE);
	return r;
}
