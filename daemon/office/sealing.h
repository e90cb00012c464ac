/* What the contest's record says of its log: whether sealing has halted, and which epoch it is in.
 * Every page learns of both from the record, whose version grows with them.
 *
 * Fields of C:record:
 *   halt    JSON {"shard":n,"why":text,"at":ms}; absent: sealing goes on
 *   epoch   JSON {"epoch":n,"at":ms,"old":[{"size":n,"root":base64,"now":n}…]}, one a shard:
 *           the old epoch's last checkpoint, and the ballots in Redis when the act was
 *           recorded; absent: epoch 1
 *
 * Acts in the audit log (FORMAT.md section 6):
 *   log.halted      who "sealer", epoch, shard, why
 *   log.new-epoch   who, why, epoch (the new one), old as above; changed: true, where ballots that
 *                   had been signed are others now, and whoever began the epoch knew of it */
#ifndef TALLYD_OFFICE_SEALING_H
#define TALLYD_OFFICE_SEALING_H

#include "crypto/checkpoint.h"
#include "office/office.h"

#define SEALING_WHY_MAX 200 /* bytes of a halt's reason, with the NUL */

struct sealing_old {                  /* of one shard */
	struct checkpoint checkpoint; /* size 0: nothing had been sealed */
	uint64_t now;
	bool changed; /* of the ballots that had been signed some are others now */
};

struct sealing {
	uint64_t epoch;
	bool halted;
	unsigned halt_shard;
	char halt_why[SEALING_WHY_MAX];
	int64_t halt_at_ms;
	struct sealing_old *old; /* one a shard in epochs from 2 on, else NULL; sealing_release() */
	size_t n_old;
};

/* `view` has DESK_RECORD, as every view. 0; -EBADMSG; -ENOMEM. */
__attribute__((warn_unused_result)) int sealing_read(
    const struct desk_view *view, struct sealing *ret_sealing);
void sealing_release(struct sealing *sealing);
/* An entry of the audit log that begins an epoch: which, and how the one before ended, is all that
 * is set. 0; -ENOENT: another act; -EBADMSG; -ENOMEM. */
__attribute__((warn_unused_result)) int sealing_read_begun(
    struct slice entry, struct sealing *ret_sealing);

/* Records that sealing has halted; one that is recorded already stays. `why`: one line of UTF-8 for
 * organisers, cut to SEALING_WHY_MAX. Good: no members. Needs of `office` its desk alone. */
void sealing_halt(
    struct office *office, unsigned shard, const char *why, verdict_cb *cb, void *arg);
/* Ends `old_epoch` and the halt, and begins the next one, for all shards; `old` has one for each of
 * them, copied. `old_epoch` is the record's, or a later one that a host's disk has where the record
 * itself was lost: an epoch is never begun twice. `who` may be two, with a comma between them. 409
 * not-possible: not halted, or a later epoch has begun; 422 invalid-reason; 401 invalid-bearer
 * (`who` has been revoked). Good: members {"epoch","n"}. The desk alone likewise. */
void sealing_new_epoch(struct office *office, uint64_t old_epoch, const struct sealing_old *old,
    size_t n_old, const char *who, const char *why, verdict_cb *cb, void *arg);

#endif
