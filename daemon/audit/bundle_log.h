/* The shards' logs in a bundle: copied from this host's files and held against what was certified;
 * and the openings of their entries, read from Redis, each held against the entry that was sealed
 * (FORMAT.md sections 3.2, 5.5, 6). */
#ifndef TALLYD_AUDIT_BUNDLE_LOG_H
#define TALLYD_AUDIT_BUNDLE_LOG_H

#include "audit/bundle.h"
#include "contest/commitment.h"
#include "crypto/checkpoint.h"

struct event_base;
struct retally;
struct seal;

/* Told how far it is; `arg` is the caller's. False: it stops, with -EINTR. */
typedef bool bundle_progress_cb(void *arg, const char *what, uint64_t done, uint64_t total);

struct bundle_log {          /* of one shard; borrowed */
	const char *contest; /* id */
	unsigned shard;
	const char *identity;   /* log identity (FORMAT.md section 1) */
	const uint8_t *log_key; /* 32 bytes */
	uint64_t epoch;
	struct checkpoint certified; /* of this epoch */
	bundle_progress_cb *progress;
	void *arg;
};

/* Tells how far it is. 0, or -EINTR with ret_why. */
__attribute__((warn_unused_result)) int bundle_log_show(const struct bundle_log *log,
    const char *what, uint64_t done, uint64_t total, char ret_why[BUNDLE_WHY_MAX]);

/* `host` is the shard's log on this host, "<ballot_log.dir>/<round>/<shard>", open; it is read
 * only. Copies all epochs. `ret_issued`: what the issued note of the last one says. 0; -ESTALE: the
 * host's log does not reach what was certified; -EBADMSG: it is another one, or its files do not
 * agree; -ENOENT: a file is missing; -errno; with ret_why. */
__attribute__((warn_unused_result)) int bundle_copy_log(struct bundle *bundle, int host,
    const struct bundle_log *log, uint64_t *ret_issued, char ret_why[BUNDLE_WHY_MAX]);

/* Writes the openings of the shard's entries, after bundle_copy_log(). `salt_key` as in
 * contest/commitment.h. Each ballot goes to `retally` as well. Turns the loop. 0; -EBADMSG: a
 * ballot is not the one that was sealed, or may not be there; -EIO: Redis; -errno; with ret_why. */
__attribute__((warn_unused_result)) int bundle_openings(struct bundle *bundle,
    struct event_base *base, struct seal *seal, struct hmac_key *salt_key,
    const struct bundle_log *log, struct retally *retally, char ret_why[BUNDLE_WHY_MAX]);

#endif
