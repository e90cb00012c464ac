/* The tree of one log: entries to leaves, leaves to tiles, all levels, to the root that is signed.
 * Reads each file once and holds one tile a level. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/verify_impl.h"

enum { ENTRY_RECORD = 2 + TLOG_ENTRY_SIZE };

struct level {
	uint8_t hashes[(TLOG_WIDTH + 1) * MERKLE_SIZE]; /* one more, for the tree's ragged edge */
	size_t n;
	uint64_t tiles; /* full ones before these */
};

struct growth {
	struct verify *verify;
	const struct verify_log *log;
	struct level levels[TLOG_LEVELS_MAX];
	bool broken; /* something is missing: no more is known of the tree */
};

static void path_of(const struct verify_log *log, const char *name, char ret_path[VERIFY_PATH_MAX])
{
	(void)snprintf(ret_path, VERIFY_PATH_MAX, "%.200s/%s", log->dir, name);
}

static size_t width_at(const struct verify_log *log, uint64_t number)
{
	uint64_t left = log->checkpoint.size - number * TLOG_WIDTH;

	return left < TLOG_WIDTH ? (size_t)left : TLOG_WIDTH;
}

void verify_entries_path(
    const struct verify_log *log, uint64_t number, char ret_path[VERIFY_PATH_MAX])
{
	char name[TLOG_PATH_MAX];

	path_of(log,
	    tlog_bundle_path("tile/entries", number, (unsigned)width_at(log, number), name),
	    ret_path);
}

/* ---- tiles ---- */

static void tell_hash(struct growth *growth, const char *path, unsigned level, uint64_t number,
    const char *is, const uint8_t *should)
{
	char is_text[BASE64_SIZE(MERKLE_SIZE)], should_text[BASE64_SIZE(MERKLE_SIZE)];
	char entries[VERIFY_PATH_MAX];

	base64_encode(is, MERKLE_SIZE, is_text);
	base64_encode(should, MERKLE_SIZE, should_text);
	verify_entries_path(growth->log, number / TLOG_WIDTH, entries);
	if (level == 0)
		verify_find(growth->verify, VERIFY_AT_INDEX(path, growth->log->shard, number),
		    "the tile's leaf is %s, the entry in %s gives %s.", is_text, entries,
		    should_text);
	else
		verify_find(growth->verify, VERIFY_AT_SHARD(path, growth->log->shard),
		    "hash %" PRIu64 " of level %u is %s, the level below gives %s.", number, level,
		    is_text, should_text);
}

/* The tile's file must say what the level below gave. */
static void judge_tile(struct growth *growth, unsigned level)
{
	const struct level *ours = &growth->levels[level];
	char name[TLOG_PATH_MAX], path[VERIFY_PATH_MAX];
	struct slice theirs;
	size_t told = 0;

	path_of(growth->log, tlog_tile_path(level, ours->tiles, (unsigned)ours->n, name), path);
	if (!verify_take(growth->verify, path, TLOG_TILE_MAX, &theirs))
		return;
	if (theirs.len != ours->n * MERKLE_SIZE) {
		verify_find(growth->verify, VERIFY_AT_SHARD(path, growth->log->shard),
		    "has %zu bytes, should have %zu hashes of 32.", theirs.len, ours->n);
		return;
	}
	if (memcmp(theirs.ptr, ours->hashes, theirs.len) == 0)
		return;
	for (size_t i = 0; i < ours->n && told < 3; i++) {
		const char *is = theirs.ptr + i * MERKLE_SIZE;
		const uint8_t *should = ours->hashes + i * MERKLE_SIZE;

		if (memcmp(is, should, MERKLE_SIZE) == 0)
			continue;
		tell_hash(growth, path, level, ours->tiles * TLOG_WIDTH + i, is, should);
		told++;
	}
}

static void push(struct growth *growth, unsigned at, const uint8_t hash[MERKLE_SIZE])
{
	uint8_t carried[MERKLE_SIZE];

	memcpy(carried, hash, MERKLE_SIZE);
	for (; at < TLOG_LEVELS_MAX; at++) {
		struct level *level = &growth->levels[at];

		memcpy(level->hashes + level->n * MERKLE_SIZE, carried, MERKLE_SIZE);
		if (++level->n < TLOG_WIDTH)
			return;
		judge_tile(growth, at);
		merkle_root(level->hashes, level->n, carried);
		level->n = 0;
		level->tiles++;
	}
}

/* What stands incomplete at the right edge, from below: each level's is the last node of the next.
 */
static void close_tree(struct growth *growth, uint8_t ret_root[MERKLE_SIZE])
{
	bool any = false;

	merkle_root(NULL, 0, ret_root);
	for (unsigned at = 0; at < TLOG_LEVELS_MAX; at++) {
		struct level *level = &growth->levels[at];
		size_t n = level->n;

		if (n == 0)
			continue;
		judge_tile(growth, at);
		if (any)
			memcpy(level->hashes + n++ * MERKLE_SIZE, ret_root, MERKLE_SIZE);
		merkle_root(level->hashes, n, ret_root);
		any = true;
	}
}

/* ---- entries ---- */

/* Of the log's bundle `number`; false: it is not there or no bundle, and that is noted. */
static bool read_entries(struct verify *verify, const struct verify_log *log, uint64_t number,
    size_t n, uint8_t (*ret_entries)[TLOG_ENTRY_SIZE])
{
	char path[VERIFY_PATH_MAX];
	struct slice bytes;

	verify_entries_path(log, number, path);
	if (!verify_take(verify, path, TLOG_BUNDLE_MAX, &bytes))
		return false;
	if (bytes.len != n * ENTRY_RECORD) {
		verify_find(verify, VERIFY_AT_SHARD(path, log->shard),
		    "has %zu bytes, should have %zu entries of 2 + 32.", bytes.len, n);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		const char *record = bytes.ptr + i * ENTRY_RECORD;

		if (get_u16be((const uint8_t *)record) != TLOG_ENTRY_SIZE) {
			verify_find(verify,
			    VERIFY_AT_INDEX(path, log->shard, number * TLOG_WIDTH + i),
			    "the entry has %u bytes, should have 32.",
			    get_u16be((const uint8_t *)record));
			return false;
		}
		memcpy(ret_entries[i], record + 2, TLOG_ENTRY_SIZE);
	}
	return true;
}

static void take_bundle(struct growth *growth, uint64_t number, verify_entries_cb *on_entries)
{
	uint8_t entries[TLOG_WIDTH][TLOG_ENTRY_SIZE], leaf[MERKLE_SIZE];
	size_t n = width_at(growth->log, number);

	if (!read_entries(growth->verify, growth->log, number, n, entries)) {
		growth->broken = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		merkle_leaf(slice_make(entries[i], TLOG_ENTRY_SIZE), leaf);
		push(growth, 0, leaf);
	}
	if (on_entries)
		on_entries(growth->verify, growth->log, number * TLOG_WIDTH, n,
		    (const uint8_t(*)[TLOG_ENTRY_SIZE])entries);
}

/* ---- the root ---- */

static void judge_root(struct growth *growth)
{
	char path[VERIFY_PATH_MAX];
	char is[BASE64_SIZE(MERKLE_SIZE)], should[BASE64_SIZE(MERKLE_SIZE)];
	uint8_t root[MERKLE_SIZE];

	close_tree(growth, root);
	if (memcmp(root, growth->log->checkpoint.root, MERKLE_SIZE) == 0)
		return;
	path_of(growth->log, "checkpoint", path);
	base64_encode(root, MERKLE_SIZE, is);
	base64_encode(growth->log->checkpoint.root, MERKLE_SIZE, should);
	verify_find(growth->verify, VERIFY_AT_SHARD(path, growth->log->shard),
	    "the %" PRIu64 " entries give the root %s, signed is %s.", growth->log->checkpoint.size,
	    is, should);
}

void verify_tree(struct verify *verify, const struct verify_log *log, verify_entries_cb *on_entries)
{
	struct growth growth = {.verify = verify, .log = log};
	uint64_t bundles = (log->checkpoint.size + TLOG_WIDTH - 1) / TLOG_WIDTH;

	for (uint64_t i = 0; i < bundles && !growth.broken && verify->error == 0; i++)
		take_bundle(&growth, i, on_entries);
	if (!growth.broken && verify->error == 0)
		judge_root(&growth);
}

/* ---- two epochs ---- */

uint64_t verify_common(
    struct verify *verify, const struct verify_log *a, const struct verify_log *b)
{
	uint64_t size =
	    a->checkpoint.size < b->checkpoint.size ? a->checkpoint.size : b->checkpoint.size;
	uint8_t of_a[TLOG_WIDTH][TLOG_ENTRY_SIZE], of_b[TLOG_WIDTH][TLOG_ENTRY_SIZE];

	for (uint64_t at = 0; at < size; at += TLOG_WIDTH) {
		uint64_t number = at / TLOG_WIDTH;

		if (!read_entries(verify, a, number, width_at(a, number), of_a) ||
		    !read_entries(verify, b, number, width_at(b, number), of_b))
			return at;
		for (uint64_t i = 0; i < TLOG_WIDTH && at + i < size; i++)
			if (memcmp(of_a[i], of_b[i], TLOG_ENTRY_SIZE) != 0)
				return at + i;
	}
	return size;
}
