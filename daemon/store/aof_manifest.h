/* The manifest of Redis 7's append-only file: which files it is made of, in their order. */
#ifndef TALLYD_STORE_AOF_MANIFEST_H
#define TALLYD_STORE_AOF_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

#define AOF_MANIFEST "appendonly.aof.manifest"

struct aof_report;

enum {
	AOF_FILES_MAX = 256,
	AOF_NAME_SIZE = 128,
};

struct aof_entry {
	char name[AOF_NAME_SIZE]; /* no path */
	char type;                /* b: base, i: incremental, h: history, to be deleted */
};

struct aof_manifest {
	struct aof_entry entries[AOF_FILES_MAX];
	size_t n;
};

/* `dir`: appendonlydir. `ret` is all zero before. 0, -ENOENT, -EBADMSG: not a manifest, or another
 * -errno; then *report says why, and where. */
__attribute__((warn_unused_result)) int aof_manifest_load(
    int dir, struct aof_manifest *ret, struct aof_report *report);

/* The incremental file that Redis goes on with, which alone can be torn; NULL: none. */
const struct aof_entry *aof_manifest_last(const struct aof_manifest *manifest);

bool aof_manifest_same(const struct aof_manifest *a, const struct aof_manifest *b);

#endif
