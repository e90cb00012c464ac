/* The supervisor: owns the listening sockets and every other process of tallyd: the private Redis
 * where there is one, the signer, the sealer, the workers. Starts them in that order, restarts what
 * dies, ends them in the reverse order. Takes no requests and holds no key. */
#ifndef TALLYD_WORKER_SUPERVISOR_H
#define TALLYD_WORKER_SUPERVISOR_H

#include <stddef.h>

struct round;
struct settings;

struct supervisor_options { /* all borrowed */
	const struct settings *settings;
	struct round *const *rounds; /* in the order of settings->contests */
	size_t n_rounds;
};

/* Serves until SIGTERM or SIGINT; prints "ready http://HOST:PORT/" on standard output when all
 * workers take votes. Returns the exit status (sysexits). */
int supervisor_run(const struct supervisor_options *options);

#endif
