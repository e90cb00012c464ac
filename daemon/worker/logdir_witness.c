/* What a log's files tell without a checkpoint. Bundles and leaf tiles are two witnesses of the
 * same entries; hashes above them are made of these. */
#include "worker/logdir.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* "…/x001/x234/067.p/88": the entry behind the last of that file. Groups are of three digits, so
 * those before the point are the number. */
static uint64_t end_of(const char *path)
{
	uint64_t n = 0, width = TLOG_WIDTH;

	for (; *path && *path != '.'; path++)
		if (*path >= '0' && *path <= '9')
			n = 10 * n + (uint64_t)(*path - '0');
	if (*path == '.')
		width = strtoull(path + strlen(".p/"), NULL, 10);
	return n * TLOG_WIDTH + width;
}

/* Names that no log has are passed over; the writer's own begin with a dot and lie elsewhere. */
static void take_file(const char *path, const char *below, const char *under, uint64_t *reach)
{
	const char *name = path + strlen(below) + 1;
	struct tlog_file file;
	uint64_t end;

	if (!tlog_path_is_valid(slice_text(name), &file))
		return;
	end = end_of(name + strlen(under));
	if (end > *reach)
		*reach = end;
}

static int reach_under(const struct logdir *dir, const char *under, uint64_t *reach)
{
	char path[PATH_MAX + TLOG_PATH_MAX], *const paths[] = {path, NULL};
	FTS *files;
	const FTSENT *file;
	int r = 0;

	(void)snprintf(path, sizeof(path), "%s/%s", dir->path, under);
	files = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!files)
		return -errno;
	while (r == 0 && (file = fts_read(files)))
		if (file->fts_info == FTS_F)
			take_file(file->fts_path, dir->path, under, reach);
		else if (file->fts_info == FTS_DNR || file->fts_info == FTS_ERR)
			r = -file->fts_errno;
	(void)fts_close(files);
	return r;
}

int logdir_reach(const struct logdir *dir, uint64_t *ret_size)
{
	uint64_t reach = 0;
	int r = reach_under(dir, "tile/entries", &reach);

	if (r == 0)
		r = reach_under(dir, "tile/0", &reach);
	if (r == 0)
		*ret_size = reach;
	return r;
}

/* The width of the file to read; 0: there is none. */
static unsigned widest(const struct logdir *dir, const char *under, uint64_t n)
{
	char path[TLOG_PATH_MAX];
	struct stat status;

	for (unsigned width = TLOG_WIDTH; width > 0; width--)
		if (fstatat(dir->fd, tlog_bundle_path(under, n, width, path), &status,
			AT_SYMLINK_NOFOLLOW) == 0)
			return width;
	return 0;
}

/* What is not as its name says is no witness. */
static int judge(int r, unsigned width, unsigned *ret_width)
{
	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return r;
	*ret_width = r == 0 ? width : 0;
	return 0;
}

int logdir_witness(const struct logdir *dir, uint64_t n, struct logdir_witness *ret_witness)
{
	struct logdir_witness *w = ret_witness;
	unsigned entries = widest(dir, "tile/entries", n), leaves = widest(dir, "tile/0", n);
	int r = entries ? tlog_read_entries(dir->fd, n, entries, w->entries) : -ENOENT;

	r = judge(r, entries, &w->n_entries);
	if (r < 0)
		return r;
	r = leaves ? tlog_read_tile(dir->fd, 0, n, leaves, w->leaves[0]) : -ENOENT;
	return judge(r, leaves, &w->n_leaves);
}

bool logdir_denies(
    const struct logdir_witness *witness, unsigned i, const uint8_t entry[TLOG_ENTRY_SIZE])
{
	bool bundle = i < witness->n_entries, tile = i < witness->n_leaves;
	uint8_t leaf[MERKLE_SIZE];

	merkle_leaf(slice_make(entry, TLOG_ENTRY_SIZE), leaf);
	if (bundle && memcmp(witness->entries[i], entry, TLOG_ENTRY_SIZE) == 0)
		return false;
	if (tile && memcmp(witness->leaves[i], leaf, MERKLE_SIZE) == 0)
		return false;
	return bundle || tile;
}
