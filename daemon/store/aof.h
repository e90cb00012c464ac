/* The end of Redis 7's append-only file, repaired before Redis reads it. Files only: a Redis that
 * runs on them would lose what it writes meanwhile, so the last one is held from before the first
 * look at it until it is cut (store/hold.h says what that warrants, and where).
 *
 * A crash can leave the last command, or the last transaction (MULTI without its EXEC), written in
 * part. Nothing of it was ever acknowledged. Left in place it is worse than lost: Redis would go on
 * appending behind it, and the next start would swallow or replay what followed. So it is cut, and
 * only it: at the very end of the last incremental file, at most AOF_CUT_MAX bytes. Whatever else
 * is wrong is damage, which this refuses to touch: it names the file and the offset. */
#ifndef TALLYD_STORE_AOF_H
#define TALLYD_STORE_AOF_H

#include <stddef.h>
#include <stdint.h>

#define AOF_CUT_MAX   (1 << 20)
#define AOF_PATH_SIZE 512

struct aof_report {
	char file[AOF_PATH_SIZE]; /* the one that was cut, or that is at fault */
	char kept[AOF_PATH_SIZE]; /* where the cut bytes are now; empty when nothing was cut */
	uint64_t offset;          /* of the cut or of the fault */
	uint64_t cut;             /* bytes; 0: nothing had to be done */
	uint64_t commands;        /* whole ones read in the incremental files */
	char why[160];            /* of the cut or of the fault */
};

/* `dir` is the one that holds appendonlydir (Redis' `dir`); no such directory yet is fine.
 * 0: the files are whole now. -EBADMSG: damaged, or more than a tail would have to go. -ENOENT: a
 * file that the manifest names is missing. -EBUSY: a Redis has them, or somebody reads what must be
 * cut; files that only are read and need no cut are fine. Other -errno: of reading or writing. In
 * all cases but memory *ret is filled, and unless it is 0 nothing was changed, but for the one
 * where the cut is done and the disk fails (`kept` then says where). A crash in here
 * leaves the files as they were, or repaired. */
__attribute__((warn_unused_result)) int aof_repair_tail(const char *dir, struct aof_report *ret);

/* What an error came to, for people: "FILE, offset 12: … (…). Nothing was changed", without a full
 * stop. For -EBUSY it looks for who has the file. */
#define AOF_EXPLAINED_MAX 1400
void aof_explain(const struct aof_report *report, int error, char *ret, size_t size);

/* For what reads a part of the files: notes it, and returns `error`. */
int aof_fault(struct aof_report *report, int error, uint64_t offset, const char *why);

#endif
