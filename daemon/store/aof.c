/* Repairs the tail of an append-only file: see aof.h. Walks through every incremental file
 * command by command, in bounded memory, and cuts the last one where a command or a transaction
 * begins that never ended. Understands commands, not what they do. */
#include "store/aof.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "store/aof_manifest.h"
#include "store/aof_scan.h"
#include "store/hold.h"

int aof_fault(struct aof_report *report, int error, uint64_t offset, const char *why)
{
	report->offset = offset;
	snprintf(report->why, sizeof(report->why), "%s", why);
	return error;
}

/* ---- checking and cutting ---- */

/* An RDB ends in an EOF mark and 8 bytes of checksum, which Redis itself verifies. */
static int check_rdb(int fd, struct aof_report *report)
{
	struct stat st;
	unsigned char mark = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < 18 || pread(fd, &mark, 1, st.st_size - 9) != 1 || mark != 0xff)
		return aof_fault(
		    report, -EBADMSG, (uint64_t)st.st_size, "the base file ends too early");
	return 0;
}

/* A new file for the cut bytes, whose name does not exist yet. */
static int create_kept(int dir, const char *name, char *ret, size_t size)
{
	long long now = (long long)time(NULL);

	for (int i = 0; i < 100; i++) {
		int fd;

		if (i == 0)
			snprintf(ret, size, "%s.cut-%lld", name, now);
		else
			snprintf(ret, size, "%s.cut-%lld.%d", name, now, i);
		fd = openat(dir, ret, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd < 0 ? -errno : fd;
	}
	return -EEXIST;
}

/* The cut bytes are on the disk before the file is shortened. */
static int keep(int dir, int fd, const char *bytes, size_t len)
{
	int r = io_write_all(fd, slice_make(bytes, len));

	if (r == 0 && (fsync(fd) < 0 || fsync(dir) < 0))
		r = -errno;
	return r;
}

/* All or nothing: where the file is not shortened, nothing lies beside it either. */
static int shorten(int dir, const char *name, const struct hold *hold, uint64_t from,
    const char *bytes, size_t len, struct aof_report *report)
{
	char kept[AOF_NAME_SIZE + 64];
	int fd = create_kept(dir, name, kept, sizeof(kept)), r;

	if (fd < 0)
		return aof_fault(report, fd, from, "what would be cut cannot be kept");
	r = keep(dir, fd, bytes, len);
	close(fd);
	if (r < 0)
		aof_fault(report, r, from, "what would be cut cannot be kept");
	else if ((r = hold_confirm(hold)) < 0)
		aof_fault(report, r, from, "another process opens it");
	else if (ftruncate(hold->fd, (off_t)from) < 0)
		r = aof_fault(report, -errno, from, "cannot be shortened");
	if (r < 0) {
		unlinkat(dir, kept, 0);
		return r;
	}
	snprintf(report->kept, sizeof(report->kept), "%.*s%s",
	    (int)(strrchr(report->file, '/') - report->file + 1), report->file, kept);
	return fsync(hold->fd) < 0
		   ? aof_fault(report, -errno, from, "cannot be written to the disk")
		   : 0;
}

/* A whole EXEC, or a second MULTI, in what would be cut: that was acknowledged, and a damaged
 * length before it only makes it look like the inside of an unfinished command. */
static bool holds_transaction(const char *bytes, size_t len)
{
	static const char exec[] = "*1\r\n$4\r\nEXEC\r\n", multi[] = "*1\r\n$5\r\nMULTI\r\n";

	return memmem(bytes, len, exec, sizeof(exec) - 1) ||
	       (len > 1 && memmem(bytes + 1, len - 1, multi, sizeof(multi) - 1));
}

static int cut_tail(int dir, const char *name, const struct hold *hold, uint64_t from, uint64_t end,
    struct aof_report *report)
{
	size_t len = (size_t)(end - from);
	char *bytes;
	int r;

	if (end - from > AOF_CUT_MAX)
		return aof_fault(report, -EBADMSG, from,
		    "an unfinished command, but more than a tail lies behind it");
	bytes = malloc(len);
	if (!bytes)
		return -ENOMEM;
	if (pread(hold->fd, bytes, len, (off_t)from) != (ssize_t)len)
		r = aof_fault(report, -EIO, from, "cannot be read again");
	else if (holds_transaction(bytes, len))
		r = aof_fault(
		    report, -EBADMSG, from, "a damaged command, with whole ones behind it");
	else
		r = shorten(dir, name, hold, from, bytes, len, report);
	free(bytes);
	if (r < 0)
		return r;
	report->cut = len;
	return aof_fault(report, 0, from, "the last command was never finished");
}

/* ---- the files ---- */

static int fault_of_opening(struct aof_report *report, int error)
{
	switch (error) {
	case -ENOENT:
		return aof_fault(report, error, 0, "missing, though the manifest names it");
	case -EBADMSG:
		return aof_fault(report, error, 0, "not a regular file");
	case -EBUSY:
		return aof_fault(report, error, 0, "another process has it open");
	default:
		return aof_fault(report, error, 0, "cannot be opened");
	}
}

static int check_earlier(int dir, const struct aof_entry *entry, struct aof_report *report)
{
	char magic[5] = {0};
	uint64_t from = 0, end = 0;
	int fd = hold_open_regular(dir, entry->name, O_RDONLY);
	int r;

	if (fd < 0)
		return fault_of_opening(report, fd);
	if (entry->type == 'b' && pread(fd, magic, 5, 0) == 5 && memcmp(magic, "REDIS", 5) == 0) {
		r = check_rdb(fd, report);
	} else {
		r = aof_scan(fd, &from, &end, &report->commands);
		if (r == AOF_SCAN_BAD)
			r = aof_fault(report, -EBADMSG, from, "no command begins here");
		else if (r == AOF_SCAN_UNFINISHED)
			r = aof_fault(
			    report, -EBADMSG, from, "ends too early, and is not the last file");
	}
	close(fd);
	return r;
}

/* The only file that may be cut. */
static int check_last(
    int dir, const struct aof_entry *entry, const struct hold *hold, struct aof_report *report)
{
	uint64_t from = 0, end = 0;
	int r = aof_scan(hold->fd, &from, &end, &report->commands);

	if (r == AOF_SCAN_BAD)
		return aof_fault(report, -EBADMSG, from, "no command begins here");
	if (r == AOF_SCAN_UNFINISHED)
		return cut_tail(dir, entry->name, hold, from, end, report);
	return r;
}

static void name_file(struct aof_report *report, const char *dir, const char *name)
{
	snprintf(report->file, sizeof(report->file), "%s/appendonlydir/%s", dir, name);
}

static int check_files(const char *dir, int fd, const struct aof_manifest *manifest,
    const struct hold *hold, struct aof_report *report)
{
	const struct aof_entry *last = aof_manifest_last(manifest);

	for (size_t i = 0; i < manifest->n; i++) {
		const struct aof_entry *entry = &manifest->entries[i];
		int r;

		if (entry->type == 'h')
			continue;
		name_file(report, dir, entry->name);
		r = entry == last ? check_last(fd, entry, hold, report)
				  : check_earlier(fd, entry, report);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A Redis that rewrites its files turns to a new one, and writes that into the manifest, before it
 * lets the last one go. */
static int confirm_manifest(
    const char *dir, int fd, const struct aof_manifest *manifest, struct aof_report *report)
{
	struct aof_manifest *now = calloc(1, sizeof(*now));
	int r;

	name_file(report, dir, AOF_MANIFEST);
	r = now ? aof_manifest_load(fd, now, report) : -ENOMEM;
	if (r == 0 && !aof_manifest_same(now, manifest))
		r = aof_fault(report, -EBUSY, 0, "another process has just changed it");
	free(now);
	return r;
}

/* Held before anything is judged: what a Redis is just writing looks torn. */
static int hold_and_check(
    const char *dir, int fd, const struct aof_manifest *manifest, struct aof_report *report)
{
	const struct aof_entry *last = aof_manifest_last(manifest);
	struct hold hold = {.fd = -1};
	int r = 0;

	if (last) {
		name_file(report, dir, last->name);
		r = hold_open(fd, last->name, &hold);
		if (r < 0)
			return fault_of_opening(report, r);
		r = confirm_manifest(dir, fd, manifest, report);
	}
	if (r == 0)
		r = check_files(dir, fd, manifest, &hold, report);
	hold_release(&hold);
	return r;
}

/* Redis was killed in its very first start, before it wrote the manifest: at most the base file of
 * an empty data set is there. */
static bool never_used(int dir)
{
	static const off_t EMPTY_BASE_MAX = 512;
	DIR *stream = fdopendir(dup(dir));
	const struct dirent *found;
	bool empty = stream != NULL;
	struct stat st;

	while (stream && (found = readdir(stream))) {
		if (fstatat(dir, found->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    (!S_ISDIR(st.st_mode) && (!S_ISREG(st.st_mode) || st.st_size > EMPTY_BASE_MAX)))
			empty = false;
	}
	if (stream)
		closedir(stream);
	return empty;
}

int aof_repair_tail(const char *dir, struct aof_report *ret)
{
	char path[AOF_PATH_SIZE];
	struct aof_manifest *manifest;
	int fd, r;

	memset(ret, 0, sizeof(*ret));
	if (snprintf(path, sizeof(path), "%s/appendonlydir", dir) >=
	    (int)(sizeof(path) - AOF_NAME_SIZE - 64))
		return aof_fault(ret, -ENAMETOOLONG, 0, "the path is too long");
	name_file(ret, dir, AOF_MANIFEST);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return aof_fault(ret, -errno, 0, "cannot be opened");
	manifest = calloc(1, sizeof(*manifest));
	r = manifest ? aof_manifest_load(fd, manifest, ret) : -ENOMEM;
	if (r == -ENOENT && never_used(fd))
		r = 0;
	else if (r == 0)
		r = hold_and_check(dir, fd, manifest, ret);
	free(manifest);
	close(fd);
	return r;
}

void aof_explain(const struct aof_report *report, int error, char *ret, size_t size)
{
	char user[HOLD_USER_SIZE], reason[96] = "";

	if (error == -EBUSY) {
		snprintf(ret, size,
		    "%s is in use by %s, and can be repaired only while nobody has it open. "
		    "Nothing was changed",
		    report->file, hold_user(report->file, user));
		return;
	}
	if (error != -EBADMSG) /* whose text, "Bad message", says nothing more */
		snprintf(reason, sizeof(reason), " (%s)", strerror(-error));
	snprintf(ret, size, "%s, offset %" PRIu64 ": %s%s. %s%s", report->file, report->offset,
	    report->why, reason, *report->kept ? "What was cut is in " : "Nothing was changed",
	    report->kept);
}
