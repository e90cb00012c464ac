/* The private token keys, as the signer reads them at its start. */
#ifndef TALLYD_WORKER_SIGNER_KEYS_H
#define TALLYD_WORKER_SIGNER_KEYS_H

#include <stddef.h>

struct blindrsa_private;
struct round;

/* Loads the key of every round and holds it against the public one. EX_OK, or the exit status, told
 * in the log. The keys that were loaded are the caller's in either case; the others stay as they
 * were. */
__attribute__((warn_unused_result)) int signer_keys_load(const char *keys_dir,
    struct round *const *rounds, size_t n_rounds, struct blindrsa_private **ret_keys);

#endif
