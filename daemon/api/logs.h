/* This host's copy of a contest's public logs (FORMAT.md section 3.2), for whoever serves from it:
 * opens directories once, and keeps each shard's newest checkpoint as long as its file stays the
 * same, and tiles from which proofs were made last. Reads files of at most some KiB, which is the
 * one thing that a worker waits for. Who writes them: worker/sealer. */
#ifndef TALLYD_API_LOGS_H
#define TALLYD_API_LOGS_H

#include <stdint.h>

#include "base/buf.h"
#include "contest/commitment.h"
#include "crypto/checkpoint.h"

struct logs;

struct logs_options {      /* all borrowed */
	const char *dir;   /* settings: ballot_log.dir */
	const char *round; /* contest_round() */
	unsigned shards;
	const char (*origins)[ORIGIN_MAX]; /* one a shard */
	const uint8_t *log_key;            /* 32 bytes, public */
};

/* Touches no file yet. NULL: memory. */
struct logs *logs_new(const struct logs_options *options);
void logs_free(struct logs *logs);

/* Appends a file below the shard's directory, "epoch-2/…" included; whether a log may have such a
 * one the caller has asked tlog_path_is_valid(). 0; -ENOENT; -errno. */
__attribute__((warn_unused_result)) int logs_read(
    struct logs *logs, unsigned shard, const char *path, struct buf *out);

struct logs_checkpoint { /* borrowed until the next call */
	struct slice note;
	struct checkpoint head;
};
/* 0; -ENOENT: none in this epoch yet; -EBADMSG: what is there is not signed by the log's key, told
 * to the operators' log once; -errno. */
__attribute__((warn_unused_result)) int logs_checkpoint(
    struct logs *logs, unsigned shard, uint64_t epoch, struct logs_checkpoint *ret_checkpoint);

/* The proof that the entry at `index` is in the log, by the shard's checkpoint as
 * logs_checkpoint() gave it just now. 0; -EINVAL: it is not that long; -errno: the files are not
 * whole. */
__attribute__((warn_unused_result)) int logs_prove(struct logs *logs, unsigned shard,
    uint64_t index, uint8_t ret_proof[MERKLE_PROOF_MAX][MERKLE_SIZE], size_t *ret_n);

#endif
