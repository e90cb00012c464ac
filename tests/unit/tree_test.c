/* tlog/tree: what grows in memory is what a naive tree is, its files are the same in whatever steps
 * they were written, and no altered file is opened. */
#include "tlog_fixture.h"
#include "vectors.h"

#define SIZE 2000

static naive_hash *leaves; /* SIZE of them */

static int make_leaves(void **state)
{
	(void)state;
	leaves = log_leaves(SIZE);
	return 0;
}

static int free_leaves(void **state)
{
	(void)state;
	free(leaves);
	return 0;
}

static void assert_root(const struct tree *tree)
{
	naive_hash root, wanted;

	tree_root(tree, root);
	naive_root(leaves, tree_size(tree), wanted);
	assert_memory_equal(root, wanted, MERKLE_SIZE);
}

static bool is_there(const struct log_fixture *log, const char *path)
{
	return faccessat(log->dir, path, F_OK, 0) == 0;
}

static void roots(void **state)
{
	struct log_fixture log;
	struct tree *tree;

	(void)state;
	log_start(&log);
	tree = log_open(&log, 0);
	for (uint64_t size = 0; size <= 600; size++) {
		log_grow(tree, size);
		assert_root(tree);
	}
	assert_false(is_there(&log, "tile")); /* nothing is written before the flush */
	tree_free(tree);
	log_end(&log);
}

/* ---- the same files in whatever steps ---- */

static uint64_t level_hashes(unsigned level, uint64_t size)
{
	return size >> 8 * level;
}

static void assert_same_file(
    const struct log_fixture *a, const struct log_fixture *b, const char *path)
{
	struct buf x, y;

	buf_init(&x, 10000);
	buf_init(&y, 10000);
	assert_int_equal(tlog_read(a->dir, path, 10000, &x), 0);
	assert_int_equal(tlog_read(b->dir, path, 10000, &y), 0);
	assert_true(slice_equal(buf_slice(&x), buf_slice(&y)));
	buf_release(&x);
	buf_release(&y);
}

static void assert_same_files(
    const struct log_fixture *a, const struct log_fixture *b, uint64_t size)
{
	char path[TLOG_PATH_MAX];

	for (unsigned level = 0; level < 3; level++)
		for (uint64_t at = 0; at < level_hashes(level, size); at += TLOG_WIDTH) {
			uint64_t rest = level_hashes(level, size) - at;
			unsigned width = rest < TLOG_WIDTH ? (unsigned)rest : TLOG_WIDTH;
			assert_same_file(a, b, tlog_tile_path(level, at / TLOG_WIDTH, width, path));
			if (level == 0)
				assert_same_file(a, b,
				    tlog_bundle_path("tile/entries", at / TLOG_WIDTH, width, path));
		}
}

static void random_steps(void **state)
{
	uint64_t seed = 1 + (uint64_t)test_seed();

	(void)state;
	for (int i = 0; i < 6; i++) {
		const uint64_t most[] = {1, 3, 40, 256, 300, 900};
		struct log_fixture steps, once;
		uint64_t size = i == 0 ? 150 : SIZE;
		struct tree *tree;
		log_start(&steps);
		log_start(&once);
		log_make(&once, size);
		tree = log_open(&steps, 0);
		while (tree_size(tree) < size) {
			uint64_t next = tree_size(tree) + 1 + log_draw(&seed, most[i]);
			log_grow(tree, next < size ? next : size);
			assert_int_equal(tree_flush(tree), 0);
			if (log_draw(&seed, 4) == 0) { /* another process goes on */
				next = tree_size(tree);
				tree_free(tree);
				tree = log_open(&steps, next);
			}
		}
		assert_root(tree);
		tree_free(tree);
		assert_same_files(&steps, &once, size);
		log_end(&steps);
		log_end(&once);
	}
}

/* After a crash there may be files that no checkpoint speaks of; growing goes over them, whether
 * the entries are the same again or others. */
static void goes_over_what_is_there(void **state)
{
	struct log_fixture log, once;
	struct tree *tree;
	uint8_t other[TLOG_ENTRY_SIZE] = {1};

	(void)state;
	log_start(&log);
	log_start(&once);
	log_make(&once, 900);
	tree = log_open(&log, 0);
	log_grow(tree, 300);
	assert_int_equal(tree_flush(tree), 0);
	while (tree_size(tree) < 900)
		assert_int_equal(tree_append(tree, other), 0);
	assert_int_equal(tree_flush(tree), 0);
	tree_free(tree);
	tree = log_open(&log, 300);
	log_grow(tree, 900);
	assert_int_equal(tree_flush(tree), 0);
	tree_free(tree);
	assert_same_files(&log, &once, 900);
	tree = log_open(&log, 0); /* anew */
	log_grow(tree, 900);
	assert_int_equal(tree_flush(tree), 0);
	tree_free(tree);
	assert_same_files(&log, &once, 900);
	log_end(&log);
	log_end(&once);
}

static ino_t inode(const struct log_fixture *log, const char *path)
{
	struct stat status;

	assert_int_equal(fstatat(log->dir, path, &status, 0), 0);
	return status.st_ino;
}

static void leaves_alone_what_is_the_same(void **state)
{
	struct log_fixture log;
	struct tree *tree;
	ino_t tile, bundle, partial;

	(void)state;
	log_start(&log);
	log_make(&log, 700);
	tile = inode(&log, "tile/0/000");
	bundle = inode(&log, "tile/entries/001");
	partial = inode(&log, "tile/0/002.p/188");
	log_make(&log, 700);
	assert_int_equal(inode(&log, "tile/0/000"), tile);
	assert_int_equal(inode(&log, "tile/entries/001"), bundle);
	assert_int_equal(inode(&log, "tile/0/002.p/188"), partial);
	tree = log_open(&log, 700);
	assert_int_equal(tree_flush(tree), 0);
	assert_int_equal(tree_flush(tree), 0);
	assert_int_equal(inode(&log, "tile/0/002.p/188"), partial);
	tree_free(tree);
	log_end(&log);
}

/* tlog-tiles: partial files stay at least until the full one is there; here until no one of the
 * last two flushes before names them. */
static void cleans_partial_files(void **state)
{
	struct log_fixture log;
	struct tree *tree;
	naive_hash root;

	(void)state;
	log_start(&log);
	tree = log_open(&log, 0);
	for (uint64_t size = 250; size < 256; size++) {
		log_grow(tree, size);
		assert_int_equal(tree_flush(tree), 0);
	}
	for (unsigned width = 250; width < 256; width++) {
		char path[TLOG_PATH_MAX];
		assert_true(is_there(&log, tlog_tile_path(0, 0, width, path)));
		assert_true(is_there(&log, tlog_bundle_path("tile/entries", 0, width, path)));
	}
	log_grow(tree, 300);
	assert_int_equal(tree_flush(tree), 0); /* full: 255 may be what is published */
	assert_true(is_there(&log, "tile/0/000.p/255"));
	log_grow(tree, 301);
	assert_int_equal(tree_flush(tree), 0); /* 300 may be published, 255 the one before it */
	assert_true(is_there(&log, "tile/0/000.p/255"));
	log_grow(tree, 302);
	assert_int_equal(tree_flush(tree), 0);
	assert_false(is_there(&log, "tile/0/000.p"));
	assert_false(is_there(&log, "tile/entries/000.p"));
	assert_true(is_there(&log, "tile/0/001.p/44"));
	assert_true(is_there(&log, "tile/1/000.p/1"));
	tree_free(tree);
	tree = log_open(&log, 302); /* and what another process had left */
	log_grow(tree, 512);
	assert_int_equal(tree_flush(tree), 0);
	log_grow(tree, 513);
	assert_int_equal(tree_flush(tree), 0);
	tree_free(tree);
	assert_true(is_there(&log, "tile/0/001.p/46"));
	tree = log_open(&log, 513);
	for (uint64_t size = 514; size < 517; size++) {
		log_grow(tree, size);
		assert_int_equal(tree_flush(tree), 0);
	}
	assert_false(is_there(&log, "tile/0/001.p"));
	tree_free(tree);
	for (uint64_t size = 0; size <= 516; size++) /* old trees are read from fuller files */
		assert_int_equal(tlog_root(log.dir, size, root), 0);
	log_end(&log);
}

static void has_a_limit(void **state)
{
	struct log_fixture log;
	uint8_t entry[TLOG_ENTRY_SIZE] = {1};
	struct tree *tree;

	(void)state;
	log_start(&log);
	tree = log_open(&log, 0);
	for (uint32_t i = 0; i < TREE_PENDING_MAX; i++)
		assert_int_equal(tree_append(tree, entry), 0);
	assert_int_equal(tree_append(tree, entry), -ENOBUFS);
	assert_int_equal(tree_size(tree), TREE_PENDING_MAX);
	assert_int_equal(tree_flush(tree), 0);
	assert_int_equal(tree_append(tree, entry), 0);
	assert_int_equal(tree_flush(tree), 0);
	assert_true(is_there(&log, "tile/entries/x001/023"));
	assert_true(is_there(&log, "tile/1/003"));
	assert_true(is_there(&log, "tile/2/000.p/4"));
	tree_free(tree);
	tree = log_open(&log, TREE_PENDING_MAX + 1);
	assert_int_equal(tree_append(tree, entry), 0);
	tree_free(tree);
	log_end(&log);
}

/* ---- opening ---- */

static void flip(const struct log_fixture *log, const char *path, off_t at)
{
	int fd = openat(log->dir, path, O_RDWR);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	assert_int_equal(close(fd), 0);
}

static void cut(const struct log_fixture *log, const char *path, off_t len)
{
	int fd = openat(log->dir, path, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, len), 0);
	assert_int_equal(close(fd), 0);
}

enum harm { FLIP_FIRST, FLIP_LAST, CUT, EMPTY, LONG, REMOVE };

static void do_harm(const struct log_fixture *log, const char *path, enum harm harm)
{
	struct stat status;

	assert_int_equal(fstatat(log->dir, path, &status, 0), 0);
	if (harm == FLIP_FIRST)
		flip(log, path, 2); /* of an entry, not of its length */
	else if (harm == FLIP_LAST)
		flip(log, path, status.st_size - 1);
	else if (harm == REMOVE)
		assert_int_equal(unlinkat(log->dir, path, 0), 0);
	else
		cut(log, path,
		    harm == CUT     ? status.st_size - 1
		    : harm == EMPTY ? 0
				    : status.st_size + 1);
}

static void mend(const struct log_fixture *log, const char *path, const struct buf *bytes)
{
	int fd = openat(log->dir, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes->data, bytes->len), bytes->len);
	assert_int_equal(close(fd), 0);
}

static void finds_every_harm(void **state)
{
	static const char *const files[] = {"tile/entries/000", "tile/0/000", "tile/entries/257",
	    "tile/entries/258.p/7", "tile/0/001", "tile/0/257", "tile/0/258.p/7", "tile/1/000",
	    "tile/1/001.p/2", "tile/2/000.p/1"};
	enum { LARGE = 258 * 256 + 7 };
	struct log_fixture log;

	(void)state;
	log_start(&log);
	log_make(&log, LARGE);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct buf bytes;
		buf_init(&bytes, TLOG_BUNDLE_MAX);
		assert_int_equal(tlog_read(log.dir, files[i], TLOG_BUNDLE_MAX, &bytes), 0);
		for (enum harm harm = FLIP_FIRST; harm <= REMOVE; harm++) {
			struct tree *tree = NULL;
			char bad[TLOG_PATH_MAX];
			int r;
			if (i >= 2 && harm > FLIP_LAST)
				break; /* the kinds of harm are all the same there */
			do_harm(&log, files[i], harm);
			r = tree_open(log.dir, LARGE, &tree, bad);
			assert_int_equal(r, harm == REMOVE ? -ENOENT : -EBADMSG);
			assert_null(tree);
			/* of the last bundle and its tile nobody says which is wrong */
			assert_string_equal(bad, strcmp(files[i], "tile/entries/258.p/7") == 0
						     ? "tile/0/258.p/7"
						     : files[i]);
			mend(&log, files[i], &bytes);
		}
		buf_release(&bytes);
	}
	tree_free(log_open(&log, LARGE)); /* all was mended: each was found by itself */
	log_end(&log);
}

static void opens_what_is_left(void **state)
{
	struct log_fixture log;
	char bad[TLOG_PATH_MAX];
	struct tree *tree = NULL;

	(void)state;
	log_start(&log);
	log_make(&log, SIZE);
	for (uint64_t size = 0; size <= SIZE; size += size < 520 ? 1 : 97) {
		tree = log_open(&log, size); /* each from the fuller files */
		assert_root(tree);
		tree_free(tree);
	}
	tree = NULL;
	assert_int_equal(tree_open(log.dir, SIZE + 1, &tree, bad), -ENOENT);
	assert_string_equal(bad, "tile/entries/007.p/209");
	assert_int_equal(tree_open(log.dir, SIZE + 256, &tree, bad), -ENOENT);
	assert_string_equal(bad, "tile/entries/007");
	assert_null(tree);
	log_end(&log);
}

static void tidies(void **state)
{
	struct log_fixture log;
	struct tree *tree;
	int fd;

	(void)state;
	log_start(&log);
	for (int i = 0; i < 40; i++) {
		char name[20];
		(void)snprintf(name, sizeof(name), ".new-%d", i);
		fd = openat(log.dir, name, O_WRONLY | O_CREAT, 0600);
		assert_true(fd >= 0);
		assert_int_equal(close(fd), 0);
	}
	assert_int_equal(tlog_publish(log.dir, "statement", slice_text("x\n")), 0);
	tree = log_open(&log, 0);
	assert_false(is_there(&log, ".new-0"));
	assert_false(is_there(&log, ".new-31"));
	assert_true(is_there(&log, ".new-39")); /* nobody's here */
	assert_true(is_there(&log, "statement"));
	tree_free(tree);
	log_end(&log);
}

static void publishes(void **state)
{
	struct log_fixture log;
	struct buf text;

	(void)state;
	log_start(&log);
	buf_init(&text, 100);
	assert_int_equal(tlog_publish(log.dir, "checkpoint", slice_text("one, and longer\n")), 0);
	assert_int_equal(tlog_publish(log.dir, "checkpoint", slice_text("two\n")), 0);
	assert_int_equal(tlog_read(log.dir, "checkpoint", 100, &text), 0);
	assert_true(slice_is(buf_slice(&text), "two\n"));
	assert_int_equal(mkdirat(log.dir, "issued", 0700), 0);
	assert_true(tlog_publish(log.dir, "issued", slice_text("x\n")) < 0);
	assert_false(is_there(&log, ".new-0"));
	buf_release(&text);
	log_end(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(roots),
	    cmocka_unit_test(random_steps),
	    cmocka_unit_test(goes_over_what_is_there),
	    cmocka_unit_test(leaves_alone_what_is_the_same),
	    cmocka_unit_test(cleans_partial_files),
	    cmocka_unit_test(has_a_limit),
	    cmocka_unit_test(finds_every_harm),
	    cmocka_unit_test(opens_what_is_left),
	    cmocka_unit_test(tidies),
	    cmocka_unit_test(publishes),
	};

	return cmocka_run_group_tests(tests, make_leaves, free_leaves);
}
