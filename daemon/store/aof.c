/* Repairs the tail of an append-only file: see aof.h. Reads the manifest, walks through every
 * incremental file command by command, in bounded memory, and cuts the last one where a command or
 * a transaction begins that never ended. Understands commands, not what they do. */
#include "store/aof.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "store/aof_scan.h"

#define MANIFEST "appendonly.aof.manifest"

enum {
	MANIFEST_MAX = 64 << 10,
	FILES_MAX = 256,
	NAME_SIZE = 128,
};

/* ---- the manifest ---- */

struct entry {
	char name[NAME_SIZE];
	char type; /* b: base, i: incremental, h: history, to be deleted */
};

struct manifest {
	struct entry entries[FILES_MAX];
	size_t n;
};

static int read_text(int dir, const char *name, char *ret, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int r = 0;

	if (fd < 0)
		return -errno;
	n = read(fd, ret, size);
	if (n < 0)
		r = -errno;
	else if ((size_t)n == size)
		r = -EBADMSG;
	else
		ret[n] = '\0';
	close(fd);
	return r;
}

/* Lines "file <name> seq <number> type <b|i|h>", the incremental ones in order. Names that Redis
 * had to quote are not ours. */
static int parse_manifest(char *text, struct manifest *ret, struct aof_report *report)
{
	char *rest = text, *line;

	ret->n = 0;
	while ((line = strsep(&rest, "\n"))) {
		struct entry *entry = &ret->entries[ret->n];
		unsigned long long seq;

		if (!*line || *line == '#')
			continue;
		if (ret->n == FILES_MAX ||
		    sscanf(line, "file %127s seq %llu type %c", entry->name, &seq, &entry->type) !=
			3 ||
		    strchr(entry->name, '/') || entry->name[0] == '"' ||
		    !strchr("bih", entry->type)) {
			report->offset = (uint64_t)(line - text);
			snprintf(report->why, sizeof(report->why), "not a line of a manifest");
			return -EBADMSG;
		}
		ret->n++;
	}
	return 0;
}

/* ---- checking and cutting ---- */

static int fault(struct aof_report *report, int error, uint64_t offset, const char *why)
{
	report->offset = offset;
	snprintf(report->why, sizeof(report->why), "%s", why);
	return error;
}

/* An RDB ends in an EOF mark and 8 bytes of checksum, which Redis itself verifies. */
static int check_rdb(int fd, struct aof_report *report)
{
	struct stat st;
	unsigned char mark = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < 18 || pread(fd, &mark, 1, st.st_size - 9) != 1 || mark != 0xff)
		return fault(
		    report, -EBADMSG, (uint64_t)st.st_size, "the base file ends too early");
	return 0;
}

/* The cut bytes are on the disk before the file is shortened. */
static int keep(int dir, const char *name, const char *bytes, size_t len, struct aof_report *report)
{
	char kept[NAME_SIZE + 64];
	long long now = (long long)time(NULL);
	int fd = -1, r;

	for (int i = 0; fd < 0 && i < 100; i++) {
		if (i == 0)
			snprintf(kept, sizeof(kept), "%s.cut-%lld", name, now);
		else
			snprintf(kept, sizeof(kept), "%s.cut-%lld.%d", name, now, i);
		fd = openat(dir, kept, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0 && errno != EEXIST)
			return -errno;
	}
	if (fd < 0)
		return -EEXIST;
	r = io_write_all(fd, slice_make(bytes, len));
	if (r == 0 && (fsync(fd) < 0 || fsync(dir) < 0))
		r = -errno;
	close(fd);
	snprintf(report->kept, sizeof(report->kept), "%.*s%s",
	    (int)(strrchr(report->file, '/') - report->file + 1), report->file, kept);
	return r;
}

/* A whole EXEC, or a second MULTI, in what would be cut: that was acknowledged, and a damaged
 * length before it only makes it look like the inside of an unfinished command. */
static bool holds_transaction(const char *bytes, size_t len)
{
	static const char exec[] = "*1\r\n$4\r\nEXEC\r\n", multi[] = "*1\r\n$5\r\nMULTI\r\n";

	return memmem(bytes, len, exec, sizeof(exec) - 1) ||
	       (len > 1 && memmem(bytes + 1, len - 1, multi, sizeof(multi) - 1));
}

static int cut_tail(
    int dir, const char *name, int fd, uint64_t from, uint64_t end, struct aof_report *report)
{
	size_t len = (size_t)(end - from);
	char *bytes;
	int r;

	if (end - from > AOF_CUT_MAX)
		return fault(report, -EBADMSG, from,
		    "an unfinished command, but more than a tail lies behind it");
	bytes = malloc(len);
	if (!bytes)
		return -ENOMEM;
	if (pread(fd, bytes, len, (off_t)from) != (ssize_t)len)
		r = fault(report, -EIO, from, "cannot be read again");
	else if (holds_transaction(bytes, len))
		r = fault(report, -EBADMSG, from, "a damaged command, with whole ones behind it");
	else
		r = keep(dir, name, bytes, len, report);
	if (r == 0 && (ftruncate(fd, (off_t)from) < 0 || fsync(fd) < 0))
		r = fault(report, -errno, from, "cannot be shortened");
	free(bytes);
	if (r < 0)
		return r;
	report->cut = len;
	return fault(report, 0, from, "the last command was never finished");
}

/* `last`: the only file that may be cut. */
static int check_commands(int dir, const char *name, int fd, bool last, struct aof_report *report)
{
	uint64_t from = 0, end = 0;
	int r = aof_scan(fd, &from, &end, &report->commands);

	if (r == AOF_SCAN_BAD)
		return fault(report, -EBADMSG, from, "no command begins here");
	if (r == AOF_SCAN_UNFINISHED && !last)
		return fault(report, -EBADMSG, from, "ends too early, and is not the last file");
	if (r == AOF_SCAN_UNFINISHED)
		return cut_tail(dir, name, fd, from, end, report);
	return r;
}

static int check_file(int dir, const struct entry *entry, bool last, struct aof_report *report)
{
	char magic[5] = {0};
	int fd = openat(dir, entry->name, (last ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	int r;

	if (fd < 0)
		return fault(report, -errno, 0,
		    errno == ENOENT ? "missing, though the manifest names it" : "cannot be opened");
	if (entry->type == 'b' && pread(fd, magic, 5, 0) == 5 && memcmp(magic, "REDIS", 5) == 0)
		r = check_rdb(fd, report);
	else
		r = check_commands(dir, entry->name, fd, last, report);
	close(fd);
	return r;
}

static void name_file(struct aof_report *report, const char *dir, const char *name)
{
	snprintf(report->file, sizeof(report->file), "%s/appendonlydir/%s", dir, name);
}

static int check_files(
    const char *dir, int fd, const struct manifest *manifest, struct aof_report *report)
{
	size_t last = FILES_MAX;

	for (size_t i = 0; i < manifest->n; i++) {
		if (manifest->entries[i].type == 'i')
			last = i;
	}
	for (size_t i = 0; i < manifest->n; i++) {
		int r;

		if (manifest->entries[i].type == 'h')
			continue;
		name_file(report, dir, manifest->entries[i].name);
		r = check_file(fd, &manifest->entries[i], i == last, report);
		if (r < 0)
			return r;
	}
	return 0;
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
		if (fstatat(dir, found->d_name, &st, 0) < 0 ||
		    (S_ISREG(st.st_mode) && st.st_size > EMPTY_BASE_MAX))
			empty = false;
	}
	if (stream)
		closedir(stream);
	return empty;
}

int aof_repair_tail(const char *dir, struct aof_report *ret)
{
	char path[AOF_PATH_SIZE];
	struct manifest *manifest = NULL;
	char *text = NULL;
	int fd, r;

	memset(ret, 0, sizeof(*ret));
	if (snprintf(path, sizeof(path), "%s/appendonlydir", dir) >=
	    (int)(sizeof(path) - NAME_SIZE - 64))
		return fault(ret, -ENAMETOOLONG, 0, "the path is too long");
	name_file(ret, dir, MANIFEST);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return fault(ret, -errno, 0, "cannot be opened");
	manifest = malloc(sizeof(*manifest));
	text = malloc(MANIFEST_MAX);
	r = manifest && text ? read_text(fd, MANIFEST, text, MANIFEST_MAX) : -ENOMEM;
	if (r == -ENOENT && never_used(fd)) {
		r = 0;
		goto out;
	}
	if (r < 0) {
		fault(ret, r, 0, "cannot be read, though its directory is there");
		goto out;
	}
	r = parse_manifest(text, manifest, ret);
	if (r == 0)
		r = check_files(dir, fd, manifest, ret);
out:
	free(text);
	free(manifest);
	close(fd);
	return r;
}
