/* The hashes that tie a token, a ballot and its place in the log together (⚑).
 *
 *   spent = first 16 bytes of SHA-256("tallyd spent v1\n" | token_input)      token_input: 98 bytes
 *   salt  = HMAC-SHA-256(K, origin | "\n" | u64be(index) | spent)
 *   entry = SHA-256("tallyd ballot v1\n" | origin | "\n" | u64be(index) | spent | salt | ballot)
 *
 *   tag   = HMAC-SHA-256(K, "tallyd tag v1\n" | origin | "\n" | u64be(r) | spent | ballot)[0..4]
 *
 * r is 1 + the index of the ballot that this one replaces, 0 where it replaces none.
 *
 * A tag never leaves the hosts: it stands beside the ballot in Redis, which does not know K, so
 * that a recount can tell what a voter cast from what was put there behind the daemon's back, even
 * before it was sealed. Nobody can try tags out but by having a recount made, so 4 bytes are
 * plenty.
 *
 * origin = "<log name>/<round>/<shard>", the log's identity; round as in contest_round(). It is the
 * first line of the shard's checkpoints in epoch 1, and the same in every epoch in what is above.
 */
#ifndef TALLYD_CONTEST_COMMITMENT_H
#define TALLYD_CONTEST_COMMITMENT_H

#include <stdint.h>

#include "base/slice.h"

#define SPENT_SIZE      16
#define SALT_SIZE       32
#define COMMITMENT_SIZE 32
#define TAG_SIZE        4
#define ORIGIN_MAX      160

struct hmac_key; /* crypto/digest.h */
struct contest;

/* 0 or -ENOBUFS. */
__attribute__((warn_unused_result)) int commitment_origin(const char *log_name,
    const struct contest *contest, unsigned shard, char ret_origin[ORIGIN_MAX]);

/* The first line of the shard's checkpoints in an epoch (FORMAT.md section 1). 0 or -ENOBUFS. */
__attribute__((warn_unused_result)) int commitment_epoch_origin(
    const char *origin, uint64_t epoch, char ret_origin[ORIGIN_MAX]);

void commitment_spent(struct slice token_input, uint8_t ret_spent[SPENT_SIZE]);
void commitment_salt(struct hmac_key *key, const char *origin, uint64_t index,
    const uint8_t spent[SPENT_SIZE], uint8_t ret_salt[SALT_SIZE]);
/* `replaces`: an index, or below 0. */
void commitment_tag(struct hmac_key *key, const char *origin, int64_t replaces,
    const uint8_t spent[SPENT_SIZE], struct slice ballot, uint8_t ret_tag[TAG_SIZE]);
void commitment_entry(const char *origin, uint64_t index, const uint8_t spent[SPENT_SIZE],
    const uint8_t salt[SALT_SIZE], struct slice ballot, uint8_t ret_entry[COMMITMENT_SIZE]);

#endif
