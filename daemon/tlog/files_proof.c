/* Roots and proofs from tiles. A proof's hashes lie beside the path to one leaf and at the tree's
 * right edge, so two tiles a level are enough. */
#include "tlog/files.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NODES ((size_t)2 * TLOG_WIDTH) /* one more than there are */

/* A tile and the hashes above it, each made when it is asked for first. */
struct tile {
	uint64_t log; /* whose */
	uint64_t n;
	unsigned level, width; /* width 0: nothing is here */
	uint64_t used;         /* when last, by the cache's own count */
	bool known[NODES];
	uint8_t nodes[NODES][MERKLE_SIZE]; /* by height, the tile's own hashes first */
};

struct tlog_cache {
	size_t n_max, n;
	uint64_t uses;
	struct tile *tiles[];
};

/* A tree in files while one proof is made. */
struct reader {
	struct tlog_cache *cache;
	uint64_t log;
	int dir;
	uint64_t size;
	struct tile *tiles[TLOG_LEVELS_MAX][2]; /* beside the path, at the right edge; NULL */
};

/* ---- tiles that are kept ---- */

struct tlog_cache *tlog_cache_new(size_t n_tiles)
{
	struct tlog_cache *cache = calloc(1, sizeof(*cache) + n_tiles * sizeof(cache->tiles[0]));

	assert(n_tiles >= TLOG_CACHE_MIN);
	if (cache)
		cache->n_max = n_tiles;
	return cache;
}

void tlog_cache_free(struct tlog_cache *cache)
{
	for (size_t i = 0; cache && i < cache->n; i++)
		free(cache->tiles[i]);
	free(cache);
}

void tlog_cache_forget(struct tlog_cache *cache, uint64_t log)
{
	for (size_t i = 0; i < cache->n; i++)
		if (cache->tiles[i]->log == log)
			cache->tiles[i]->width = 0;
}

/* One that is empty, or new, or has not been used for the longest time: never one of the proof that
 * is being made, since there are more than a proof needs. */
static struct tile *take_place(struct tlog_cache *cache)
{
	struct tile *oldest = NULL;

	for (size_t i = 0; i < cache->n; i++) {
		struct tile *tile = cache->tiles[i];
		if (tile->width == 0)
			return tile;
		if (!oldest || tile->used < oldest->used)
			oldest = tile;
	}
	if (cache->n == cache->n_max)
		return oldest;
	cache->tiles[cache->n] = malloc(sizeof(struct tile));
	return cache->tiles[cache->n] ? cache->tiles[cache->n++] : oldest;
}

static struct tile *find(
    const struct tlog_cache *cache, uint64_t log, unsigned level, uint64_t n, unsigned width)
{
	for (size_t i = 0; i < cache->n; i++) {
		struct tile *tile = cache->tiles[i];
		if (tile->n == n && tile->width == width && tile->level == level &&
		    tile->log == log)
			return tile;
	}
	return NULL;
}

static int load(
    struct reader *reader, unsigned level, uint64_t n, unsigned width, struct tile **ret_tile)
{
	struct tlog_cache *cache = reader->cache;
	struct tile *tile = find(cache, reader->log, level, n, width);
	int r;

	if (!tile) {
		tile = take_place(cache);
		if (!tile)
			return -ENOMEM;
		tile->width = 0;
		r = tlog_read_tile(reader->dir, level, n, width, tile->nodes[0]);
		if (r < 0)
			return r;
		memset(tile->known, 0, sizeof(tile->known));
		memset(tile->known, 1, width * sizeof(tile->known[0]));
		tile->log = reader->log;
		tile->level = level;
		tile->n = n;
		tile->width = width;
	}
	tile->used = ++cache->uses;
	*ret_tile = tile;
	return 0;
}

/* ---- reading ---- */

static int reader_init(struct reader *reader, int dir, uint64_t size)
{
	*reader =
	    (struct reader){.cache = tlog_cache_new(TLOG_CACHE_MIN), .dir = dir, .size = size};
	return reader->cache == NULL ? -ENOMEM : 0;
}

static void reader_release(struct reader *reader)
{
	tlog_cache_free(reader->cache);
}

static int tile_read(struct reader *reader, unsigned level, uint64_t n, struct tile **ret_tile)
{
	uint64_t hashes = reader->size >> 8 * level;
	bool edge = n == hashes / TLOG_WIDTH;
	struct tile **tile = &reader->tiles[level][edge];
	int r;

	if (!*tile || (*tile)->n != n) {
		r = load(
		    reader, level, n, edge ? (unsigned)(hashes % TLOG_WIDTH) : TLOG_WIDTH, tile);
		if (r < 0)
			return r;
	}
	*ret_tile = *tile;
	return 0;
}

/* The i-th hash of a height, of a full subtree within the tile. */
static const uint8_t *node(struct tile *tile, unsigned height, size_t i)
{
	size_t at = NODES - (NODES >> height) + i;

	if (!tile->known[at]) {
		merkle_node(node(tile, height - 1, 2 * i), node(tile, height - 1, 2 * i + 1),
		    tile->nodes[at]);
		tile->known[at] = true;
	}
	return tile->nodes[at];
}

/* The root of the full subtree over the leaves from `from`, 2^height of them. */
static int full_root(
    struct reader *reader, uint64_t from, unsigned height, uint8_t ret_root[MERKLE_SIZE])
{
	unsigned level = height / 8;
	uint64_t first = from >> 8 * level;
	struct tile *tile;
	int r = tile_read(reader, level, first / TLOG_WIDTH, &tile);

	if (r == 0)
		memcpy(ret_root, node(tile, height % 8, first % TLOG_WIDTH >> (height % 8)),
		    MERKLE_SIZE);
	return r;
}

static unsigned height_of(uint64_t n) /* of the largest full subtree in n leaves, n > 0 */
{
	return 63u - (unsigned)__builtin_clzll(n);
}

/* The root over the leaves [from, to): full subtrees from the left, the largest first, folded from
 * the right. */
static int range_root(
    struct reader *reader, uint64_t from, uint64_t to, uint8_t ret_root[MERKLE_SIZE])
{
	uint8_t roots[MERKLE_PROOF_MAX][MERKLE_SIZE];
	size_t n = 0;
	int r = 0;

	while (r == 0 && from < to) {
		unsigned height = height_of(to - from);
		r = full_root(reader, from, height, roots[n++]);
		from += (uint64_t)1 << height;
	}
	if (r < 0)
		return r;
	for (; n > 1; n--)
		merkle_node(roots[n - 2], roots[n - 1], roots[n - 2]);
	memcpy(ret_root, roots[0], MERKLE_SIZE);
	return 0;
}

/* Where RFC 6962 divides [from, to): at the largest power of two that is smaller. */
static uint64_t split(uint64_t from, uint64_t to)
{
	return from + ((uint64_t)1 << height_of(to - from - 1));
}

/* Proofs are found from the root downwards and written from the leaf upwards. */
static void reverse(uint8_t (*hashes)[MERKLE_SIZE], size_t n)
{
	uint8_t hash[MERKLE_SIZE];

	for (size_t i = 0; i < n / 2; i++) {
		memcpy(hash, hashes[i], sizeof(hash));
		memcpy(hashes[i], hashes[n - 1 - i], sizeof(hash));
		memcpy(hashes[n - 1 - i], hash, sizeof(hash));
	}
}

/* RFC 6962 section 2.1.1, PATH(index, D[from:to]). */
static int path(struct reader *reader, uint64_t index, uint8_t (*proof)[MERKLE_SIZE], size_t *ret_n)
{
	uint64_t from = 0, to = reader->size;
	size_t n = 0;
	int r = 0;

	while (r == 0 && to - from > 1) {
		uint64_t middle = split(from, to);
		if (index < middle) {
			r = range_root(reader, middle, to, proof[n++]);
			to = middle;
		} else {
			r = range_root(reader, from, middle, proof[n++]);
			from = middle;
		}
	}
	*ret_n = n;
	return r;
}

/* RFC 6962 section 2.1.2, SUBPROOF(old_size, D[from:to], whole), 0 < old_size < size. */
static int subproof(
    struct reader *reader, uint64_t old_size, uint8_t (*proof)[MERKLE_SIZE], size_t *ret_n)
{
	uint64_t from = 0, to = reader->size;
	size_t n = 0;
	int r = 0;

	while (r == 0 && to != old_size) {
		uint64_t middle = split(from, to);
		if (old_size <= middle) {
			r = range_root(reader, middle, to, proof[n++]);
			to = middle;
		} else {
			r = range_root(reader, from, middle, proof[n++]);
			from = middle;
		}
	}
	if (r == 0 && from > 0) /* else the old root itself, which the verifier has */
		r = range_root(reader, from, to, proof[n++]);
	*ret_n = n;
	return r;
}

int tlog_root(int dir, uint64_t size, uint8_t ret_root[MERKLE_SIZE])
{
	struct reader reader;
	int r;

	if (size == 0) {
		merkle_root(NULL, 0, ret_root);
		return 0;
	}
	r = reader_init(&reader, dir, size);
	if (r < 0)
		return r;
	r = range_root(&reader, 0, size, ret_root);
	reader_release(&reader);
	return r;
}

int tlog_inclusion(int dir, uint64_t size, uint64_t index,
    uint8_t ret_proof[MERKLE_PROOF_MAX][MERKLE_SIZE], size_t *ret_n)
{
	struct reader reader;
	size_t n;
	int r;

	if (index >= size)
		return -EINVAL;
	r = reader_init(&reader, dir, size);
	if (r < 0)
		return r;
	r = path(&reader, index, ret_proof, &n);
	reader_release(&reader);
	if (r < 0)
		return r;
	reverse(ret_proof, n);
	*ret_n = n;
	return 0;
}

/* A file of before may have been damaged and mended since, so nothing leaves here that does not
 * lead to the signed root. */
static int prove(struct reader *reader, const struct checkpoint *head, uint64_t index,
    uint8_t (*proof)[MERKLE_SIZE], size_t *ret_n)
{
	struct tile *tile;
	int r = path(reader, index, proof, ret_n);

	if (r == 0)
		r = tile_read(reader, 0, index / TLOG_WIDTH, &tile);
	if (r != 0)
		return r;
	reverse(proof, *ret_n);
	return merkle_includes(index, head->size, tile->nodes[index % TLOG_WIDTH],
		   (const uint8_t(*)[MERKLE_SIZE])proof, *ret_n, head->root)
		   ? 0
		   : -EBADMSG;
}

int tlog_cache_inclusion(struct tlog_cache *cache, uint64_t log, int dir,
    const struct checkpoint *head, uint64_t index, uint8_t ret_proof[MERKLE_PROOF_MAX][MERKLE_SIZE],
    size_t *ret_n)
{
	struct reader reader = {.cache = cache, .log = log, .dir = dir, .size = head->size};
	size_t n;
	int r;

	if (index >= head->size)
		return -EINVAL;
	r = prove(&reader, head, index, ret_proof, &n);
	if (r == -EBADMSG) {
		tlog_cache_forget(cache, log);
		memset(reader.tiles, 0, sizeof(reader.tiles));
		r = prove(&reader, head, index, ret_proof, &n);
	}
	if (r < 0)
		tlog_cache_forget(cache, log);
	else
		*ret_n = n;
	return r;
}

int tlog_consistency(int dir, uint64_t old_size, uint64_t size,
    uint8_t ret_proof[MERKLE_PROOF_MAX][MERKLE_SIZE], size_t *ret_n)
{
	struct reader reader;
	size_t n;
	int r;

	if (old_size > size)
		return -EINVAL;
	if (old_size == 0 || old_size == size) {
		*ret_n = 0;
		return 0;
	}
	r = reader_init(&reader, dir, size);
	if (r < 0)
		return r;
	r = subproof(&reader, old_size, ret_proof, &n);
	reader_release(&reader);
	if (r < 0)
		return r;
	reverse(ret_proof, n);
	*ret_n = n;
	return 0;
}
