/* The discipline of key files: a file comes into being whole, under its last name, with its last
 * permissions, or not at all, and is never overwritten; a secret that others can read is refused.
 * Knows nothing of what the files hold. For keyring.c and keyring_make.c. */
#ifndef TALLYD_CRYPTO_KEYFILE_H
#define TALLYD_CRYPTO_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/blindrsa.h"

#define KEYFILE_MAX BLINDRSA_PEM_MAX

enum keyfile {
	KEYFILE_TOKEN_PRIVATE,
	KEYFILE_TOKEN_PUBLIC,
	KEYFILE_LOG_PRIVATE,
	KEYFILE_LOG_PUBLIC,
	KEYFILE_SALT,
	KEYFILE_IDENTITY,
	KEYFILE_BEARER_PRIVATE,
	KEYFILE_BEARER_PUBLIC,
	KEYFILE_RESULT_PRIVATE,
	KEYFILE_RESULT_PUBLIC
};

struct ring { /* one round's directory, and where to say what is wrong (KEYRING_WHY_MAX) */
	const char *keys_dir;
	const char *round;
	char *why;
};

/* "token.private.pem" */
const char *keyfile_name(enum keyfile file);

/* Writes the sentence and returns `error`. */
__attribute__((format(printf, 3, 4))) int ring_fail(
    const struct ring *ring, int error, const char *format, ...);

/* The whole file; whoever gets a secret cleanses it. 0 or -errno with the sentence; -ENOENT where
 * there is none. */
__attribute__((warn_unused_result)) int keyfile_read(
    const struct ring *ring, enum keyfile file, uint8_t ret_bytes[KEYFILE_MAX], size_t *ret_len);
/* A secret that is there, and that group or others may read: keyfile_read() would refuse it. */
bool keyfile_exposed(const struct ring *ring, enum keyfile file);
/* "…/token.public.pem: is not <wanted>." Returns -EINVAL. */
int keyfile_damaged(const struct ring *ring, enum keyfile file, const char *wanted);

/* The public token key of a round, 2048 bits. In keyring.c. */
__attribute__((warn_unused_result)) int keyring_token_public(
    const struct ring *ring, struct blindrsa_public **ret_key);

/* Makes the directories where they are missing, and locks the directory of all rounds until
 * *ret_lock is closed, so that one keygen runs at a time. */
__attribute__((warn_unused_result)) int keyfile_open_directory(
    const struct ring *ring, int *ret_dir, int *ret_lock);
/* 1: is there; 0: is not; or -errno. */
__attribute__((warn_unused_result)) int keyfile_exists(
    const struct ring *ring, int dir, enum keyfile file);
/* Creates the file, synced. -EEXIST where there is one. */
__attribute__((warn_unused_result)) int keyfile_write(
    const struct ring *ring, int dir, enum keyfile file, const void *bytes, size_t len);

#endif
