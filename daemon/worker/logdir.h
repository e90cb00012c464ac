/* The directory of one shard's log in one epoch, as this host has it: the newest checkpoint that
 * was published here, which is never replaced by a smaller or another one, and the tree. What the
 * files lack or have wrong is mended from the ballots in Redis, beside what is there, and takes its
 * place only when it comes to the same signed root. Where the checkpoint itself is gone, what is
 * left tells how much there was (`witnessed`, `issued_size`), and which entries
 * (logdir_witness.c). Knows nothing of Redis, leases, or other hosts. */
#ifndef TALLYD_WORKER_LOGDIR_H
#define TALLYD_WORKER_LOGDIR_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "contest/commitment.h"
#include "crypto/checkpoint.h"
#include "tlog/tree.h"

#define LOGDIR_NOTE_MAX CHECKPOINT_MAX

struct logdir_note { /* a signed note as it stands on this host's disk */
	char text[LOGDIR_NOTE_MAX];
	size_t len; /* 0: none */
};

static inline struct slice logdir_note_slice(const struct logdir_note *note)
{
	return slice_make(note->text, note->len);
}

struct logdir { /* embedded; fields are read by its owner, changed by logdir_* only */
	char path[PATH_MAX];
	int fd; /* -1: not open */
	char origin[ORIGIN_MAX];
	const uint8_t *key;          /* the log's public key; borrowed */
	struct checkpoint published; /* size 0: none, or that of the empty log */
	struct logdir_note checkpoint, issued, statement;
	/* Files are here, and no checkpoint that covers them: so many entries they are of. Somebody
	 * may have seen them signed, so nothing else may be, and no fewer. 0: all is covered. */
	uint64_t witnessed;
	/* Entries and tokens that a good issued note told of, at the start. */
	uint64_t issued_size, issued_count;
	struct tree *tree; /* while mending: the one that grows beside the files */
	bool mending;
	int mend_fd;
};

/* Makes the directory where it is missing and takes it for this process alone; reads the checkpoint
 * and opens the tree. A checkpoint that is none of this log's is renamed aside, told in the log,
 * and taken as absent. Without one the tree is empty, and dir->witnessed tells of the files. Files
 * that do not agree with it: 0, and dir->mending. -EBUSY: another process has it; -errno.
 * logdir_close() is right after either. */
__attribute__((warn_unused_result)) int logdir_open(
    struct logdir *dir, const char *path, const char *origin, const uint8_t key[32]);
void logdir_close(struct logdir *dir);
/* A log directory that is not open. */
void logdir_init(struct logdir *dir);

/* The tree is brought back to the published checkpoint, without what was appended since; one that
 * is being mended begins anew. */
__attribute__((warn_unused_result)) int logdir_step_back(struct logdir *dir);
/* Whether the tree is where logdir_step_back() would bring it. */
bool logdir_is_back(const struct logdir *dir);

/* `sealed`: a checkpoint covers it, so it may go to the disk on the way. What is not sealed yet
 * stays in memory until tree_flush(), or the files' growth would tell when a vote came in. 0;
 * -ENOBUFS: flush first (TREE_PENDING_MAX); -errno. */
__attribute__((warn_unused_result)) int logdir_append(
    struct logdir *dir, const uint8_t entry[TLOG_ENTRY_SIZE], bool sealed);
/* While mending, once the tree has the published size: it takes the place of the damaged files,
 * which are kept beside it. -EBADMSG: it has another root, and all stays as it was; -errno. */
__attribute__((warn_unused_result)) int logdir_mend(struct logdir *dir);

/* Publishes the signed head of the tree that has been flushed. Its size is the tree's. */
__attribute__((warn_unused_result)) int logdir_publish(
    struct logdir *dir, const struct checkpoint *head, struct slice checkpoint);
/* "issued" and "statement"; one that is there already is left alone. */
__attribute__((warn_unused_result)) int logdir_put_issued(struct logdir *dir, struct slice note);
__attribute__((warn_unused_result)) int logdir_put_statement(struct logdir *dir, struct slice note);

/* ---- logdir_witness.c: files whose checkpoint is gone ---- */

/* What the files have of 256 entries, from a full file or the widest partial one. */
struct logdir_witness {
	unsigned n_entries, n_leaves; /* 0: no file, or one that cannot be read as such */
	uint8_t entries[TLOG_WIDTH][TLOG_ENTRY_SIZE];
	uint8_t leaves[TLOG_WIDTH][MERKLE_SIZE];
};

/* How many entries the files go up to, as their names tell. 0; -errno. */
__attribute__((warn_unused_result)) int logdir_reach(const struct logdir *dir, uint64_t *ret_size);
/* The entries from n * 256 on. 0; -errno. */
__attribute__((warn_unused_result)) int logdir_witness(
    const struct logdir *dir, uint64_t n, struct logdir_witness *ret_witness);
/* Whether the files have another entry at `i` than this one: bundle or tile says so, and neither
 * has this one (one of them may be damaged). */
bool logdir_denies(
    const struct logdir_witness *witness, unsigned i, const uint8_t entry[TLOG_ENTRY_SIZE]);

#endif
