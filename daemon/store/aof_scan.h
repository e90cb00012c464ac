/* One file of commands in Redis' protocol, as its append-only file holds them, read from beginning
 * to end in bounded memory. Changes nothing. */
#ifndef TALLYD_STORE_AOF_SCAN_H
#define TALLYD_STORE_AOF_SCAN_H

#include <stdint.h>

enum {
	AOF_SCAN_WHOLE = 0,
	AOF_SCAN_UNFINISHED =
	    1, /* what begins at *ret_from has no end: a command, or MULTI without EXEC */
	AOF_SCAN_BAD = 2, /* no command begins at *ret_from */
};

/* From the file's present offset, which must be 0. One of the above, or -errno. *ret_end: how far
 * it was read, which is the end of the file unless AOF_SCAN_BAD. Adds to *commands. */
__attribute__((warn_unused_result)) int aof_scan(
    int fd, uint64_t *ret_from, uint64_t *ret_end, uint64_t *commands);

#endif
