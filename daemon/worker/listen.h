/* Listening sockets: one a worker slot, all on one address (SO_REUSEPORT), so that the kernel
 * spreads connections and a worker's successor inherits its queue. */
#ifndef TALLYD_WORKER_LISTEN_H
#define TALLYD_WORKER_LISTEN_H

#include <stddef.h>

#define LISTEN_WHY_MAX 200
#define LISTEN_URL_MAX 80

/* Opens `n` listening, non-blocking sockets on "HOST:PORT" ("127.0.0.1:8080", "[::1]:0", "*:8080").
 * 0; else -errno with the reason and the remedy in ret_why, and nothing stays open. ret_url
 * receives the address to open in a browser, "http://127.0.0.1:8080/". */
__attribute__((warn_unused_result)) int listen_open(const char *address, size_t n, int *ret_fds,
    char ret_url[LISTEN_URL_MAX], char ret_why[LISTEN_WHY_MAX]);

/* From now on nobody new comes to the listening socket `fd`: who begins to connect gets no answer
 * until it is closed, and is refused then. Who has begun still gets in, and what waits to be
 * accepted waits, so that a server which ends can serve all whom it has let in. 0 or -errno. */
__attribute__((warn_unused_result)) int listen_shut(int fd);

#endif
