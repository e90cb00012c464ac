/* Holds a file that another program writes, so that it can be changed while nobody has it. Knows
 * nothing of what is in it.
 *
 * Where the file system has leases (fcntl(2), F_SETLEASE: the local ones of Linux, for the file's
 * owner and for root), the kernel vouches for it: a hold is had only while no process of this host
 * has the file open, in whatever container, and whoever opens it later waits until the hold is
 * released. He waits 45 s (/proc/sys/fs/lease-break-time), and hold_confirm() tells that he does:
 * so a change right after it is safe, unless this process is stopped for that long in between.
 *
 * Elsewhere (NFS; a file of another user's) it is a look, not a promise: /proc is searched, before
 * and in hold_confirm(), for whoever has the file open, as far as this process may look, which on a
 * file system of the network is not beyond this host; and the size must have stayed the same. Who
 * opens it right after that is not noticed. */
#ifndef TALLYD_STORE_HOLD_H
#define TALLYD_STORE_HOLD_H

#include <stdbool.h>
#include <sys/types.h>

#define HOLD_USER_SIZE 64

struct hold {
	int fd; /* at the beginning of the file; goes with the hold */
	bool leased;
	bool alone; /* false: others read it, so it may be read but not changed */
	off_t size;
};

/* For reading and writing. -EBUSY: somebody else writes it, or, where there are no leases, has it
 * open. -EBADMSG: not a regular file. */
__attribute__((warn_unused_result)) int hold_open(int dir, const char *name, struct hold *ret);

/* Right before the change. 0, or -EBUSY: somebody has it open, or waits for it to be released. */
__attribute__((warn_unused_result)) int hold_confirm(const struct hold *hold);

void hold_release(struct hold *hold);

/* Who has it open, for a message: "process 4242 (redis-server)", or "another process" where /proc
 * does not tell. */
const char *hold_user(const char *path, char ret[HOLD_USER_SIZE]);

/* A descriptor for what need not be held, or -errno; -EBADMSG: not a regular file. Follows no link,
 * and waits for no writer of a FIFO. `flags`: O_RDONLY or O_RDWR. */
__attribute__((warn_unused_result)) int hold_open_regular(int dir, const char *name, int flags);

#endif
