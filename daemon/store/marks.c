/* Open addressing by a hash of the name. */
#include "store/marks.h"

struct marks {
	struct marks_shard shards[MARKS_MAX];
};

size_t marks_size(void)
{
	return sizeof(struct marks);
}

struct marks *marks_in(void *memory)
{
	return memory;
}

/* FNV-1a. Names are the operators' own, and nobody gains by two that meet. Never 0. */
static uint64_t hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3u;
	return h ? h : 1;
}

struct marks_shard *marks_of(struct marks *marks, const char *shard)
{
	uint64_t name = hash(shard);

	for (size_t i = 0; i < MARKS_MAX; i++) {
		struct marks_shard *place = &marks->shards[(name + i) % MARKS_MAX];
		uint64_t there = 0;

		if (atomic_compare_exchange_strong(&place->name, &there, name) || there == name)
			return place;
	}
	return NULL;
}

void marks_raise(_Atomic uint64_t *number, uint64_t n)
{
	uint64_t there = atomic_load(number);

	while (there < n && !atomic_compare_exchange_weak(number, &there, n))
		;
}

/* Several may see the new epoch at once: who writes it down gives up what the old one had. */
void marks_epoch(struct marks_shard *shard, uint64_t epoch)
{
	uint64_t known = atomic_exchange(&shard->epoch, epoch);

	if (known == 0 || known >= epoch)
		return;
	atomic_store(&shard->ballots, 0);
	atomic_store(&shard->issued, 0);
}
