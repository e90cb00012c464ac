/* Holds a file: see hold.h. */
#include "store/hold.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- who has it open ---- */

static bool has_open(const char *pid, const struct stat *file)
{
	char path[64];
	DIR *fds;
	const struct dirent *entry;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	fds = opendir(path);
	while (fds && !found && (entry = readdir(fds))) {
		struct stat st;

		found = fstatat(dirfd(fds), entry->d_name, &st, 0) == 0 &&
			st.st_dev == file->st_dev && st.st_ino == file->st_ino;
	}
	if (fds)
		closedir(fds);
	return found;
}

/* The first process but this one; 0: none that may be looked at. */
static pid_t find_user(const struct stat *file)
{
	DIR *processes = opendir("/proc");
	const struct dirent *entry;
	pid_t found = 0;

	while (processes && !found && (entry = readdir(processes))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && pid != getpid() && has_open(entry->d_name, file))
			found = pid;
	}
	if (processes)
		closedir(processes);
	return found;
}

/* A process gives itself its name: it may hold anything. */
static void read_name(pid_t pid, char *ret, size_t size)
{
	char path[64];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, ret, size - 1);
		close(fd);
	}
	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	for (char *p = ret; *p; p++) {
		if (!isprint((unsigned char)*p))
			*p = '?';
	}
}

const char *hold_user(const char *path, char ret[HOLD_USER_SIZE])
{
	char name[32];
	struct stat st;
	pid_t pid = stat(path, &st) == 0 ? find_user(&st) : 0;

	if (pid == 0) {
		snprintf(ret, HOLD_USER_SIZE, "another process");
		return ret;
	}
	read_name(pid, name, sizeof(name));
	snprintf(ret, HOLD_USER_SIZE, "process %d (%s)", (int)pid, *name ? name : "?");
	return ret;
}

/* ---- opening ---- */

int hold_open_regular(int dir, const char *name, int flags)
{
	struct stat st;
	int fd;

	/* A device should not even be opened; what is put in its place after this is seen below. */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
		return -EBADMSG;
	fd = openat(dir, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ELOOP ? -EBADMSG : -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return -EBADMSG;
}

/* 0: had. -EAGAIN: others have it open. -EINVAL and more: there are no leases here. */
static int lease(int fd, int type)
{
	/* Who waits for us is told of by a signal, which by default would be SIGIO and our end.
	 * This one nobody minds. */
	if (fcntl(fd, F_SETSIG, SIGURG) < 0)
		return -errno;
	return fcntl(fd, F_SETLEASE, type) < 0 ? -errno : 0;
}

/* Others have it open. A write lease needs to be alone; a read lease only that nobody writes. */
static int open_beside_readers(int dir, const char *name, struct hold *ret)
{
	int r;

	ret->fd = hold_open_regular(dir, name, O_RDONLY);
	if (ret->fd < 0)
		return ret->fd;
	r = lease(ret->fd, F_RDLCK);
	if (r == 0)
		return 0;
	close(ret->fd);
	return r == -EAGAIN ? -EBUSY : r;
}

static int look(const struct hold *hold)
{
	struct stat st;

	if (fstat(hold->fd, &st) < 0)
		return -errno;
	if (!hold->leased && find_user(&st) != 0)
		return -EBUSY;
	return st.st_size == hold->size ? 0 : -EBUSY;
}

/* Held, by a lease or by looking. */
static int take(int dir, const char *name, struct hold *hold)
{
	int r = lease(hold->fd, F_WRLCK);

	hold->leased = r == 0 || r == -EAGAIN;
	if (r != -EAGAIN)
		return 0;
	close(hold->fd);
	hold->alone = false;
	return open_beside_readers(dir, name, hold);
}

int hold_open(int dir, const char *name, struct hold *ret)
{
	struct hold hold = {.fd = hold_open_regular(dir, name, O_RDWR), .alone = true};
	struct stat st;
	int r;

	if (hold.fd < 0)
		return hold.fd;
	r = take(dir, name, &hold);
	if (r < 0)
		return r;
	if (fstat(hold.fd, &st) == 0) {
		hold.size = st.st_size;
		r = look(&hold);
	} else {
		r = -errno;
	}
	if (r < 0)
		hold_release(&hold);
	else
		*ret = hold;
	return r;
}

int hold_confirm(const struct hold *hold)
{
	/* A lease that somebody waits for is told as the one that he leaves us. */
	if (!hold->alone || (hold->leased && fcntl(hold->fd, F_GETLEASE) != F_WRLCK))
		return -EBUSY;
	return look(hold);
}

void hold_release(struct hold *hold)
{
	if (hold->fd >= 0)
		close(hold->fd); /* and with it the lease */
	hold->fd = -1;
}
