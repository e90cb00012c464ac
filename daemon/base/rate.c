/* Generic cell rate algorithm over a shared, set-associative table. Each slot remembers one key and
 * its theoretical arrival time: the moment at which the key's allowance will be whole again. */
#include "base/rate.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define WAYS 4

struct slot {
	_Atomic uint64_t key; /* 0: empty */
	_Atomic int64_t arrival_us;
};

struct rate_table {
	size_t bytes;
	size_t sets; /* a power of two */
	struct slot slots[];
};

static size_t sets_for(size_t slots)
{
	size_t sets = 1;
	while (sets * WAYS < slots)
		sets *= 2;
	return sets;
}

size_t rate_table_size(size_t slots)
{
	return sizeof(struct rate_table) + sets_for(slots) * WAYS * sizeof(struct slot);
}

struct rate_table *rate_table_in(void *memory, size_t slots)
{
	struct rate_table *table = memory;
	table->bytes = rate_table_size(slots);
	table->sets = sets_for(slots);
	return table;
}

struct rate_table *rate_table_new(size_t slots)
{
	void *memory = mmap(NULL, rate_table_size(slots), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return memory == MAP_FAILED ? NULL : rate_table_in(memory, slots);
}

void rate_table_free(struct rate_table *table)
{
	if (table)
		munmap(table, table->bytes);
}

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static struct slot *set_of(struct rate_table *table, uint64_t key)
{
	return &table->slots[(mix(key) & (table->sets - 1)) * WAYS];
}

/* The key's own slot, or the one of its set whose allowance was whole longest ago. Two processes
 * may race for an empty slot; one of the keys then starts anew, which errs on the generous side. */
static struct slot *find_slot(struct rate_table *table, uint64_t key)
{
	struct slot *set = set_of(table, key);
	struct slot *oldest = set;
	for (size_t i = 0; i < WAYS; i++) {
		if (atomic_load_explicit(&set[i].key, memory_order_relaxed) == key)
			return &set[i];
		if (atomic_load_explicit(&set[i].arrival_us, memory_order_relaxed) <
		    atomic_load_explicit(&oldest->arrival_us, memory_order_relaxed))
			oldest = &set[i];
	}
	atomic_store_explicit(&oldest->arrival_us, 0, memory_order_relaxed);
	atomic_store_explicit(&oldest->key, key, memory_order_relaxed);
	return oldest;
}

static int64_t interval_us(const struct rate_limit *limit)
{
	return 60000000 / (int64_t)limit->per_minute;
}

/* How far ahead of its time an arrival may be. */
static int64_t tolerance_us(const struct rate_limit *limit)
{
	return interval_us(limit) * (int64_t)(limit->burst > 0 ? limit->burst - 1 : 0);
}

static uint32_t seconds_up(int64_t us)
{
	return us > 0 ? (uint32_t)((us + 999999) / 1000000) : 0;
}

uint32_t rate_take(
    struct rate_table *table, uint64_t key, const struct rate_limit *limit, int64_t now_ms)
{
	if (limit->per_minute == 0)
		return 0;
	int64_t now_us = now_ms * 1000;

	struct slot *slot = find_slot(table, key ? key : 1);
	int64_t arrival_us = atomic_load_explicit(&slot->arrival_us, memory_order_relaxed);
	for (;;) {
		int64_t from_us = arrival_us > now_us ? arrival_us : now_us;
		int64_t early_us = from_us - now_us - tolerance_us(limit);
		if (early_us > 0)
			return seconds_up(early_us);
		if (atomic_compare_exchange_weak_explicit(&slot->arrival_us, &arrival_us,
			from_us + interval_us(limit), memory_order_relaxed, memory_order_relaxed))
			return 0;
	}
}

/* Of a key that was forgotten there is nothing to give back. */
void rate_give_back(struct rate_table *table, uint64_t key, const struct rate_limit *limit)
{
	struct slot *set = set_of(table, key ? key : 1);
	if (limit->per_minute == 0)
		return;
	for (size_t i = 0; i < WAYS; i++)
		if (atomic_load_explicit(&set[i].key, memory_order_relaxed) == (key ? key : 1)) {
			atomic_fetch_sub_explicit(
			    &set[i].arrival_us, interval_us(limit), memory_order_relaxed);
			return;
		}
}

/* Where ::/32 would be, which nobody has, so that it is no /64's. */
static uint64_t key_of_v4(const struct in_addr *address)
{
	const uint32_t parts[2] = {0, address->s_addr};
	uint64_t key;

	memcpy(&key, parts, sizeof(key));
	return key;
}

uint64_t rate_key(const struct sockaddr *peer, uint32_t purpose)
{
	uint64_t address = 0;
	if (peer && peer->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, peer, sizeof(in));
		address = key_of_v4(&in.sin_addr);
	} else if (peer && peer->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, peer, sizeof(in6));
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
			struct in_addr v4;
			memcpy(&v4, in6.sin6_addr.s6_addr + 12, sizeof(v4));
			address = key_of_v4(&v4);
		} else {
			memcpy(&address, in6.sin6_addr.s6_addr, sizeof(address));
		}
	}
	return mix(address ^ mix((uint64_t)purpose + 1)) | 1;
}
