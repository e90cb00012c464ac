/* Which files there are under log/ and openings/: those that the checkpoints' sizes ask for, and no
 * others. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/verify_impl.h"

enum { ENTRIES = -1 }; /* in place of a level */

struct tile { /* a file's name taken apart */
	int level;
	uint64_t number;
	unsigned width;
};

/* ---- names ---- */

/* Takes a number off the front. */
static bool take_number(struct slice *text, uint64_t *ret_number)
{
	size_t digits = 0;

	while (digits < text->len && text->ptr[digits] >= '0' && text->ptr[digits] <= '9')
		digits++;
	if (!verify_number(slice_make(text->ptr, digits), ret_number))
		return false;
	*text = slice_make(text->ptr + digits, text->len - digits);
	return true;
}

/* "x001/x234/067": the digits alone; the name is held against the right one afterwards. */
static bool take_groups(struct slice *text, uint64_t *ret_number)
{
	uint64_t number = 0;
	size_t at = 0, digits = 0;

	for (; at < text->len && text->ptr[at] != '.'; at++) {
		char c = text->ptr[at];

		if (c == 'x' || c == '/')
			continue;
		if (c < '0' || c > '9' || ++digits > 15)
			return false;
		number = number * 10 + (uint64_t)(c - '0');
	}
	*ret_number = number;
	*text = slice_make(text->ptr + at, text->len - at);
	return digits > 0;
}

static bool take_prefix(struct slice *text, const char *prefix)
{
	if (!slice_starts(*text, prefix))
		return false;
	*text = slice_make(text->ptr + strlen(prefix), text->len - strlen(prefix));
	return true;
}

/* "tile/0/x001/067.p/5", from the log's directory. */
static bool read_tile_name(struct slice name, struct tile *ret_tile)
{
	struct tile tile = {.level = ENTRIES, .width = TLOG_WIDTH};
	struct slice rest = name;
	char again[TLOG_PATH_MAX];
	uint64_t level = 0, width = TLOG_WIDTH;

	if (!take_prefix(&rest, "tile/"))
		return false;
	if (!take_prefix(&rest, "entries/")) {
		if (!take_number(&rest, &level) || level >= TLOG_LEVELS_MAX ||
		    !take_prefix(&rest, "/"))
			return false;
		tile.level = (int)level;
	}
	if (!take_groups(&rest, &tile.number))
		return false;
	if (take_prefix(&rest, ".p/") &&
	    (!take_number(&rest, &width) || width == 0 || width >= TLOG_WIDTH))
		return false;
	tile.width = (unsigned)width;
	if (tile.level == ENTRIES)
		tlog_bundle_path("tile/entries", tile.number, tile.width, again);
	else
		tlog_tile_path(
		    level < TLOG_LEVELS_MAX ? (unsigned)level : 0, tile.number, tile.width, again);
	*ret_tile = tile;
	return slice_is(name, again);
}

/* ---- what the size asks for ---- */

/* How wide the file of this number is in a log of this size; 0: there is none. */
static unsigned width_wanted(const struct tile *tile, uint64_t size)
{
	unsigned shift = tile->level > 0 ? 8U * (unsigned)tile->level : 0;
	uint64_t hashes = size >> shift;

	if (tile->number > hashes / TLOG_WIDTH)
		return 0;
	return tile->number < hashes / TLOG_WIDTH ? TLOG_WIDTH : (unsigned)(hashes % TLOG_WIDTH);
}

static void judge_tile_file(
    struct verify *verify, const struct verify_log *log, const char *path, const struct tile *tile)
{
	unsigned width = width_wanted(tile, log->checkpoint.size);

	if (tile->width > width)
		verify_find(verify, VERIFY_AT_SHARD(path, log->shard),
		    "lies beyond the %" PRIu64 " entries that the checkpoint has.",
		    log->checkpoint.size);
	else if (tile->width < width)
		verify_find(verify, VERIFY_AT_SHARD(path, log->shard),
		    "is of an earlier size: the log has %" PRIu64
		    " entries, and a bundle only the files of that size.",
		    log->checkpoint.size);
}

static void judge_name(
    struct verify *verify, const struct verify_log *log, const char *path, struct slice name)
{
	struct tile tile;

	if ((slice_is(name, "statement") && log->epoch > 1) ||
	    (!log->empty && (slice_is(name, "checkpoint") || slice_is(name, "issued"))))
		return;
	if (read_tile_name(name, &tile))
		judge_tile_file(verify, log, path, &tile);
	else
		verify_find(
		    verify, VERIFY_AT_SHARD(path, log->shard), "is no file that a log may have.");
}

/* The log that a path belongs to; *ret_name: what is behind its directory. */
static const struct verify_log *log_of(
    const struct verify *verify, struct slice path, struct slice *ret_name)
{
	uint64_t shard, epoch = 1;
	char prefix[VERIFY_PATH_MAX];

	(void)snprintf(prefix, sizeof(prefix), "log/%s/", verify->contest->id);
	if (!take_prefix(&path, prefix) || !take_number(&path, &shard) ||
	    !take_prefix(&path, "/") || shard >= verify->contest->shards)
		return NULL;
	if (take_prefix(&path, "epoch-") &&
	    (!take_number(&path, &epoch) || epoch < 2 || !take_prefix(&path, "/")))
		return NULL;
	*ret_name = path;
	return epoch <= verify->n_epochs ? &verify->logs[shard * verify->n_epochs + epoch - 1]
					 : NULL;
}

void verify_logfiles(struct verify *verify)
{
	size_t first, n = verify_under(verify, "log/", &first);

	for (size_t i = first; i < first + n && verify->error == 0; i++) {
		char path[VERIFY_PATH_MAX];
		struct slice name;
		const struct verify_log *log = log_of(verify, verify->files[i].path, &name);

		(void)snprintf(path, sizeof(path), "%.*s", (int)verify->files[i].path.len,
		    verify->files[i].path.ptr);
		if (!log)
			verify_find(verify, VERIFY_AT(path), "belongs to no log of this contest.");
		else if (log->known)
			judge_name(verify, log, path, name);
	}
}

/* ---- openings ---- */

static bool is_wanted(const struct verify *verify, struct slice path)
{
	const unsigned epochs = verify->n_epochs;
	char under[VERIFY_PATH_MAX], again[TLOG_PATH_MAX];
	struct tile tile = {.level = ENTRIES};
	struct slice rest = path;
	uint64_t shard;

	if (!take_prefix(&rest, "openings/") || !take_number(&rest, &shard) ||
	    !take_prefix(&rest, "/") || shard >= verify->contest->shards ||
	    !take_groups(&rest, &tile.number))
		return false;
	tile.width = width_wanted(&tile, verify->logs[(shard + 1) * epochs - 1].checkpoint.size);
	(void)snprintf(under, sizeof(under), "openings/%" PRIu64, shard);
	return tile.width > 0 &&
	       slice_is(path, tlog_bundle_path(under, tile.number, tile.width, again));
}

void verify_opening_files(struct verify *verify)
{
	size_t first, n = verify_under(verify, "openings/", &first);

	for (size_t i = first; i < first + n; i++) {
		struct slice path = verify->files[i].path;
		char text[VERIFY_PATH_MAX];

		if (is_wanted(verify, path))
			continue;
		(void)snprintf(text, sizeof(text), "%.*s", (int)path.len, path.ptr);
		verify_find(verify, VERIFY_AT(text), "opens nothing that the logs have.");
	}
}
