/* The signer process: holds the private token keys and answers workers. It has no network and no
 * files once it has started: a seccomp filter sees to that. */
#ifndef TALLYD_WORKER_SIGNER_H
#define TALLYD_WORKER_SIGNER_H

#include <stddef.h>

struct blindrsa_private;

/* Serves requests (client/signer.h) on `fds` until SIGQUIT (SIGTERM is ignored); the round's place
 * in `keys` is the number that requests give. Borrows everything. Returns the process' exit status.
 */
int signer_process(
    const int *fds, size_t n_fds, struct blindrsa_private *const *keys, size_t n_keys);

#endif
