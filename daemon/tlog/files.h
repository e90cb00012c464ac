/* The files of one log (C2SP tlog-tiles; FORMAT.md section 3.2): their names, and reading them. A
 * log's directory is given as an open descriptor. Full files never change. Knows nothing of who
 * writes them (tlog/tree.h). */
#ifndef TALLYD_TLOG_FILES_H
#define TALLYD_TLOG_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "crypto/checkpoint.h"

#define TLOG_WIDTH      256 /* hashes of a full tile, entries of a full bundle */
#define TLOG_TILE_MAX   (TLOG_WIDTH * MERKLE_SIZE)
#define TLOG_ENTRY_SIZE 32
#define TLOG_BUNDLE_MAX (TLOG_WIDTH * (2 + TLOG_ENTRY_SIZE))
#define TLOG_PATH_MAX   80
#define TLOG_LEVELS_MAX 8

/* "tile/<level>/<n>", or with width < TLOG_WIDTH "tile/<level>/<n>.p/<width>". Returns ret_path. */
char *tlog_tile_path(unsigned level, uint64_t n, unsigned width, char ret_path[TLOG_PATH_MAX]);
/* "<under>/<n>…": "tile/entries" for entries, "openings/0" for openings. */
char *tlog_bundle_path(const char *under, uint64_t n, unsigned width, char ret_path[TLOG_PATH_MAX]);
struct tlog_file {
	uint64_t epoch;  /* 1 where the path names none */
	uint64_t covers; /* of a full tile or bundle: once a signed tree has so many leaves, the
			    file never changes; 0: not a full one */
};
/* Whether `path` ("tile/0/x001/067.p/5", "checkpoint", "issued", "statement", each perhaps behind
 * "epoch-2/") names a file that a log may have. For serving: whatever else is asked for is not
 * there. */
bool tlog_path_is_valid(struct slice path, struct tlog_file *ret_file);

/* ---- reading; a partial file that is gone is read from the fuller one ---- */

/* Appends a whole file of at most `max` bytes. 0; -ENOENT; -E2BIG; -errno. */
__attribute__((warn_unused_result)) int tlog_read(
    int dir, const char *path, size_t max, struct buf *out);
/* The first `width` hashes of a tile. 0; -ENOENT; -EBADMSG (not of the length that its name says);
 * -errno. */
__attribute__((warn_unused_result)) int tlog_read_tile(
    int dir, unsigned level, uint64_t n, unsigned width, uint8_t *ret_hashes);
/* The first `width` entries of a bundle. As above; -EBADMSG also where an entry has another length.
 */
__attribute__((warn_unused_result)) int tlog_read_entries(
    int dir, uint64_t n, unsigned width, uint8_t (*ret_entries)[TLOG_ENTRY_SIZE]);

/* ---- from tiles to proofs; the tree has `size` leaves. 0; -EINVAL (index >= size, old_size >
 * size); -ENOENT and -EBADMSG as above; -ENOMEM; -errno ---- */

__attribute__((warn_unused_result)) int tlog_root(
    int dir, uint64_t size, uint8_t ret_root[MERKLE_SIZE]);
__attribute__((warn_unused_result)) int tlog_inclusion(int dir, uint64_t size, uint64_t index,
    uint8_t ret_proof[MERKLE_PROOF_MAX][MERKLE_SIZE], size_t *ret_n);
__attribute__((warn_unused_result)) int tlog_consistency(int dir, uint64_t old_size, uint64_t size,
    uint8_t ret_proof[MERKLE_PROOF_MAX][MERKLE_SIZE], size_t *ret_n);

/* For who makes many proofs: tiles that were read last are kept, with the hashes above them, 17 KiB
 * each, for several logs. */
#define TLOG_CACHE_MIN (2 * TLOG_LEVELS_MAX + 1)   /* tiles: more than one proof needs */
struct tlog_cache *tlog_cache_new(size_t n_tiles); /* at least TLOG_CACHE_MIN; NULL: memory */
void tlog_cache_free(struct tlog_cache *cache);
/* `log`: a number by which the caller tells logs apart, one for each directory and epoch. */
void tlog_cache_forget(struct tlog_cache *cache, uint64_t log);
/* As tlog_inclusion(); and the proof leads to the head's root. -EBADMSG also where the files, read
 * anew, do not come to it. */
__attribute__((warn_unused_result)) int tlog_cache_inclusion(struct tlog_cache *cache, uint64_t log,
    int dir, const struct checkpoint *head, uint64_t index,
    uint8_t ret_proof[MERKLE_PROOF_MAX][MERKLE_SIZE], size_t *ret_n);

#endif
