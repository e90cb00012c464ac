/* The supervisor: owns the listening sockets and every other process of tallyd: the private Redis
 * where there is one, the signer, the sealer, the workers. Starts them in that order, restarts what
 * dies, replaces them by others with a new configuration (SIGHUP) or program (SIGUSR2), ends them
 * in the reverse order (SIGTERM, SIGINT). Takes no requests and holds no key. */
#ifndef TALLYD_WORKER_SUPERVISOR_H
#define TALLYD_WORKER_SUPERVISOR_H

/* Serves with the configuration at `config` until it is told to end; prints "ready
 * http://HOST:PORT/" on standard output when all workers take votes. `argv` starts this program, or
 * the next one at its place. Returns the exit status (sysexits). */
int supervisor_run(const char *config, char **argv);

/* Whether this program could go on with what the running one has described in the environment, and
 * with the configuration at `config`: HANDOVER_YES, else another exit status and the reasons in the
 * log. Changes nothing. */
int supervisor_check(const char *config);

#endif
