/* tlog/tree when the disk fails or the power does. This program's openat(), write(), fsync() and
 * their like stand before the C library's: each can be told to fail, and each is recorded, so that
 * afterwards the directory can be built again as a power failure after any of them may leave it.
 *
 * What a power failure may leave, as POSIX promises no more: a file's bytes only as of its last
 * fdatasync(), a name (made, moved, removed) only when its directory was synced afterwards; of all
 * other names any may be there and any may not. */
#include "tlog_fixture.h"
#include "vectors.h"

#include <sys/syscall.h>

/* ---- what happened ---- */

enum { OPS = 4000, FILES = 1500, DIRS_OPEN = 64 };

struct file { /* one inode */
	uint8_t *bytes;
	size_t len;
	size_t synced; /* bytes as of the last fdatasync() */
};

enum op_kind { ADD_FILE, ADD_DIR, REMOVE_NAME, WRITTEN, SYNCED, DIR_SYNCED };

struct op {
	enum op_kind kind;
	char path[TLOG_PATH_MAX]; /* of a name or a directory; "." is the log's */
	int file;
	size_t len; /* WRITTEN: bytes of the file now */
};

static struct {
	bool on;
	int dir; /* the log's */
	struct op ops[OPS];
	size_t n_ops;
	struct file files[FILES];
	int n_files;
	struct { /* open files and directories, by descriptor */
		int file;
		char path[TLOG_PATH_MAX];
	} fds[256];
	/* failures */
	long countdown; /* 1: the next operation fails; 0: none does */
	int error;
	bool sticky; /* all after it as well */
	bool short_writes;
} disk;

static void disk_watch(int dir)
{
	for (int i = 0; i < disk.n_files; i++)
		free(disk.files[i].bytes);
	memset(&disk, 0, sizeof(disk));
	disk.on = true;
	disk.dir = dir;
}

static struct op *disk_note(enum op_kind kind, const char *path, int file)
{
	struct op *op = &disk.ops[disk.n_ops++];

	assert_true(disk.n_ops < OPS);
	*op = (struct op){.kind = kind, .file = file};
	(void)snprintf(op->path, sizeof(op->path), "%s", path);
	return op;
}

static bool disk_fails(void)
{
	if (!disk.on || disk.countdown == 0)
		return false;
	if (disk.countdown == 1) {
		disk.countdown = disk.sticky ? 1 : 0;
		errno = disk.error;
		return true;
	}
	disk.countdown--;
	return false;
}

/* The inode behind a name as it is now, or -1. */
static int disk_find(const char *path)
{
	for (size_t i = disk.n_ops; i-- > 0;) {
		const struct op *op = &disk.ops[i];
		if ((op->kind == ADD_FILE || op->kind == REMOVE_NAME) &&
		    strcmp(op->path, path) == 0)
			return op->kind == ADD_FILE ? op->file : -1;
	}
	return -1;
}

/* ---- the calls that tlog/put.c makes ---- */

static int watched_open(int dir, const char *path, int flags, mode_t mode)
{
	bool counts = disk.on && (flags & (O_CREAT | O_DIRECTORY));
	int fd;

	if (counts && disk_fails())
		return -1;
	fd = (int)syscall(SYS_openat, dir, path, flags, mode);
	if (!counts || fd < 0)
		return fd;
	assert_true(fd < 256 && dir == disk.dir);
	(void)snprintf(disk.fds[fd].path, TLOG_PATH_MAX, "%s", path);
	if (flags & O_CREAT) {
		assert_true(disk.n_files < FILES && (flags & O_EXCL));
		disk.fds[fd].file = disk.n_files;
		(void)disk_note(ADD_FILE, path, disk.n_files++);
	}
	return fd;
}

int openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	va_start(args, flags);
	if (flags & O_CREAT)
		mode = va_arg(args, mode_t);
	va_end(args);
	return watched_open(dir, path, flags, mode);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
	struct file *file = &disk.files[disk.fds[fd < 256 ? fd : 0].file];

	if (!disk.on || fd <= 2)
		return syscall(SYS_write, fd, bytes, len);
	if (disk_fails())
		return -1;
	if (disk.short_writes && len > 1)
		len = len / 2;
	file->bytes = realloc(file->bytes, file->len + len);
	assert_non_null(file->bytes);
	memcpy(file->bytes + file->len, bytes, len);
	file->len += len;
	disk_note(WRITTEN, "", disk.fds[fd].file)->len = file->len;
	return syscall(SYS_write, fd, bytes, len);
}

int fdatasync(int fd)
{
	if (disk_fails())
		return -1;
	if (disk.on)
		(void)disk_note(SYNCED, "", disk.fds[fd].file);
	return 0; /* the real one would only make this test slow */
}

int fsync(int fd)
{
	if (disk_fails())
		return -1;
	if (disk.on)
		(void)disk_note(DIR_SYNCED, disk.fds[fd].path, 0);
	return 0;
}

int sync_file_range(int fd, off_t at, off_t len, unsigned flags)
{
	(void)fd;
	(void)at;
	(void)len;
	(void)flags;
	return 0;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	int file = disk.on ? disk_find(from) : 0;

	if (disk_fails() || syscall(SYS_renameat2, from_dir, from, to_dir, to, 0) < 0)
		return -1;
	if (disk.on) {
		(void)disk_note(ADD_FILE, to, file);
		(void)disk_note(REMOVE_NAME, from, 0);
	}
	return 0;
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	if (disk_fails() || syscall(SYS_mkdirat, dir, path, mode) < 0)
		return -1;
	if (disk.on)
		(void)disk_note(ADD_DIR, path, 0);
	return 0;
}

int unlinkat(int dir, const char *path, int flags)
{
	char full[2 * TLOG_PATH_MAX + 1];

	if (disk.on && dir != disk.dir)
		(void)snprintf(full, sizeof(full), "%s/%s", disk.fds[dir].path, path);
	else
		(void)snprintf(full, sizeof(full), "%s", path);
	if (disk_fails() || syscall(SYS_unlinkat, dir, path, flags) < 0)
		return -1;
	if (disk.on)
		(void)disk_note(REMOVE_NAME, full, 0);
	return 0;
}

/* ---- what a power failure leaves ---- */

enum remains {
	NOTHING_MORE, /* than what was synced */
	NAMES_ONLY,   /* all names, but of the bytes only what was synced */
	ALL,          /* nothing is lost: the process died, the machine did not */
	SOME_NAMES,   /* any names */
	REMAINS_KINDS,
};

static void parent_of(const char *path, char ret_parent[TLOG_PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	(void)snprintf(
	    ret_parent, TLOG_PATH_MAX, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
}

/* Whether the name's directory was synced between it and `end`. */
static bool is_durable(size_t at, size_t end)
{
	char parent[TLOG_PATH_MAX];

	parent_of(disk.ops[at].path, parent);
	for (size_t i = at + 1; i < end; i++)
		if (disk.ops[i].kind == DIR_SYNCED && strcmp(disk.ops[i].path, parent) == 0)
			return true;
	return false;
}

static void rebuild_file(int dir, const char *path, int which, size_t end, enum remains remains)
{
	size_t len = 0, synced = 0;
	int fd;

	for (size_t i = 0; i < end; i++) {
		if (disk.ops[i].file != which)
			continue;
		if (disk.ops[i].kind == WRITTEN)
			len = disk.ops[i].len;
		else if (disk.ops[i].kind == SYNCED)
			synced = len;
	}
	/* a name whose directory is not there cannot be reached */
	fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		return;
	len = remains == ALL ? len : synced;
	assert_int_equal(syscall(SYS_write, fd, disk.files[which].bytes, len), len);
	assert_int_equal(close(fd), 0);
}

/* The directory as it may be when the power fails before operation `end`. */
static void rebuild(const struct log_fixture *log, size_t end, enum remains remains, uint64_t *seed)
{
	for (size_t i = 0; i < end; i++) {
		const struct op *op = &disk.ops[i];
		if (op->kind > REMOVE_NAME)
			continue;
		if (!is_durable(i, end) &&
		    (remains == NOTHING_MORE || (remains == SOME_NAMES && log_draw(seed, 2))))
			continue;
		if (op->kind == ADD_FILE)
			rebuild_file(log->dir, op->path, op->file, end, remains);
		else if (op->kind == ADD_DIR)
			(void)mkdirat(log->dir, op->path, 0755);
		else if (unlinkat(log->dir, op->path, 0) < 0)
			(void)unlinkat(log->dir, op->path, AT_REMOVEDIR);
	}
}

/* ---- a log's life ---- */

static const uint64_t steps[] = {1, 2, 200, 255, 256, 257, 300, 520, 521, 522, 523, 524};
#define STEPS (sizeof(steps) / sizeof(steps[0]))
#define SIZE  (525 + 300)

static naive_hash *leaves;

static int make_leaves(void **state)
{
	(void)state;
	leaves = log_leaves(SIZE);
	return 0;
}

static int free_leaves(void **state)
{
	(void)state;
	disk_watch(-1);
	disk.on = false;
	free(leaves);
	return 0;
}

static int publish(const struct log_fixture *log, uint64_t size)
{
	char text[40];

	(void)snprintf(text, sizeof(text), "%llu\n", (unsigned long long)size);
	return tlog_publish(log->dir, "checkpoint", slice_text(text));
}

/* The size of the published tree; 0 where there is none yet. */
static uint64_t published(const struct log_fixture *log)
{
	struct buf text;
	uint64_t size = 0;
	int r;

	buf_init(&text, 40);
	r = tlog_read(log->dir, "checkpoint", 39, &text);
	assert_true(r == 0 || r == -ENOENT);
	if (r == 0) {
		assert_int_equal(buf_append(&text, "", 1), 0);
		size = strtoull(text.data, NULL, 10);
		assert_true(size > 0); /* never empty */
	}
	buf_release(&text);
	return size;
}

/* The published tree is there, whole, and goes on growing. */
static void assert_sound(const struct log_fixture *log, bool grows)
{
	uint64_t size = published(log);
	struct tree *tree = log_open(log, size);
	naive_hash root, wanted;

	for (int more = 0; more <= grows; more++) {
		tree_root(tree, root);
		naive_root(leaves, tree_size(tree), wanted);
		assert_memory_equal(root, wanted, MERKLE_SIZE);
		assert_int_equal(tlog_root(log->dir, tree_size(tree), root), 0);
		assert_memory_equal(root, wanted, MERKLE_SIZE);
		if (grows) {
			log_grow(tree, size + 300);
			assert_int_equal(tree_flush(tree), 0);
		}
	}
	tree_free(tree);
	if (grows)
		tree_free(log_open(log, size + 300));
}

static void live(const struct log_fixture *log)
{
	struct tree *tree = log_open(log, 0);

	for (size_t i = 0; i < STEPS; i++) {
		log_grow(tree, steps[i]);
		assert_int_equal(tree_flush(tree), 0);
		assert_int_equal(publish(log, steps[i]), 0);
		if (i % 4 == 3) { /* a new process */
			tree_free(tree);
			tree = log_open(log, steps[i]);
		}
	}
	tree_free(tree);
}

static void assert_sound_after(size_t end, enum remains remains, uint64_t at_least, uint64_t *seed)
{
	struct log_fixture log;

	log_start(&log);
	rebuild(&log, end, remains, seed);
	if (published(&log) < at_least)
		fail_msg("after %zu operations a published tree is gone", end);
	assert_sound(&log, end % 3 == 0);
	log_end(&log);
}

static void power_fails_anywhere(void **state)
{
	uint64_t seed = 1 + (uint64_t)test_seed();
	struct log_fixture log;

	(void)state;
	log_start(&log);
	disk_watch(log.dir);
	live(&log);
	disk.on = false;
	assert_true(disk.n_ops > 200);
	for (size_t end = 0; end <= disk.n_ops; end++) {
		bool all = end == disk.n_ops || disk.ops[end].kind == DIR_SYNCED;
		uint64_t at_least = end == disk.n_ops ? steps[STEPS - 1] : 0;
		for (enum remains remains = NOTHING_MORE; remains < REMAINS_KINDS; remains++)
			if (all || end % REMAINS_KINDS == remains) /* to be quick */
				assert_sound_after(end, remains, at_least, &seed);
	}
	log_end(&log);
}

/* ---- the disk fails ---- */

static int flush_and_publish(const struct log_fixture *log, struct tree *tree)
{
	int r = tree_flush(tree);

	return r < 0 ? r : publish(log, tree_size(tree));
}

/* The n-th operation fails, once or from then on until the disk is mended: the tree is as it was,
 * and a later flush completes what is missing, so that a power failure then loses nothing. Returns
 * whether anything failed. */
static bool fails_at(long n, int error, bool sticky, uint64_t *seed)
{
	struct log_fixture log;
	struct tree *tree;
	bool failed = false;

	log_start(&log);
	disk_watch(log.dir);
	disk.error = error;
	disk.sticky = sticky;
	disk.short_writes = n % 2;
	tree = log_open(&log, 0);
	disk.countdown = n;
	for (size_t i = 0; i < STEPS; i++) {
		int r;
		log_grow(tree, steps[i]);
		r = flush_and_publish(&log, tree);
		if (r == 0)
			continue;
		failed = true;
		assert_int_equal(r, -error);
		assert_int_equal(tree_size(tree), steps[i]);
		if (!sticky) /* nothing is left lying about */
			assert_int_equal(faccessat(log.dir, ".new-0", F_OK, 0), -1);
		if (sticky)
			assert_int_equal(flush_and_publish(&log, tree), -error);
		disk.countdown = 0;
		if (n % 3 == 0) /* it grows meanwhile */
			log_grow(tree, steps[i] + 1);
		assert_int_equal(flush_and_publish(&log, tree), 0);
		break;
	}
	disk.on = false;
	if (failed) {
		assert_sound_after(
		    disk.n_ops, n % 4 == 3 ? SOME_NAMES : NOTHING_MORE, tree_size(tree), seed);
	} else {
		assert_sound(&log, true);
	}
	tree_free(tree);
	log_end(&log);
	return failed || disk.countdown == 0;
}

static void disk_fails_anywhere(void **state)
{
	static const struct {
		int error;
		bool sticky;
	} rows[] = {{EIO, false}, {ENOSPC, true}};
	uint64_t seed = 13;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		long n = 1;
		while (fails_at(n, rows[i].error, rows[i].sticky, &seed))
			n += rows[i].sticky ? 3 : 1;
		assert_true(n > 150);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(power_fails_anywhere),
	    cmocka_unit_test(disk_fails_anywhere),
	};

	return cmocka_run_group_tests(tests, make_leaves, free_leaves);
}
