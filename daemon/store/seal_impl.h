/* What the parts of the seal share: seal.c (what stands, and changing it) and seal_ballots.c (the
 * log's ballots in order). For no one else. */
#ifndef TALLYD_STORE_SEAL_IMPL_H
#define TALLYD_STORE_SEAL_IMPL_H

#include "store/redis.h"
#include "store/seal.h"

#define SEAL_KEY_MAX 192

struct seal_shard {
	char rules_key[SEAL_KEY_MAX], log_key[SEAL_KEY_MAX];
	char issued_key[SEAL_KEY_MAX], seal_key[SEAL_KEY_MAX];
	size_t per_entry; /* ballots in an entry of the stream, as the last reading found them */
};

struct seal {
	struct redis *redis;
	struct seal_options options;
	struct seal_shard *shards;
	bool library_awaited;
};

#endif
