/* A quick hash for tables whose keys a stranger may have chosen: without the key nobody can make
 * them collide. Not for anything that is written down. */
#ifndef TALLYD_AUDIT_KEYEDHASH_H
#define TALLYD_AUDIT_KEYEDHASH_H

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

struct keyedhash {
	uint64_t key[2];
};

/* 0 or -EIO: the system gave no random bytes. */
__attribute__((warn_unused_result)) static inline int keyedhash_init(struct keyedhash *hash)
{
	if (getrandom(hash, sizeof(*hash), 0) != (ssize_t)sizeof(*hash))
		return -EIO;
	hash->key[1] |= 1;
	return 0;
}

__extension__ typedef unsigned __int128 keyedhash_wide;

static inline uint64_t keyedhash_mix(uint64_t a, uint64_t b)
{
	keyedhash_wide product = (keyedhash_wide)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t keyedhash(const struct keyedhash *hash, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	uint64_t h = hash->key[0] ^ len;

	for (size_t left = len; left > 0;) {
		size_t n = left < 8 ? left : 8;
		uint64_t word = 0;
		memcpy(&word, at, n);
		h = keyedhash_mix(h ^ word, hash->key[1]) + hash->key[0];
		at += n;
		left -= n;
	}
	return keyedhash_mix(h, hash->key[1]);
}

/* The place in a table of `cap` slots, any number of them. */
static inline size_t keyedhash_place(uint64_t h, size_t cap)
{
	return (size_t)(((keyedhash_wide)h * cap) >> 64);
}

#endif
