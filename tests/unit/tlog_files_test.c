/* tlog/files: names, what may be served, and roots and proofs from tiles against the RFC's
 * recursive definitions. */
#include "tlog_fixture.h"
#include "vectors.h"

/* C2SP tlog-tiles names 1234067; the others follow from its text. */
static void names(void **state)
{
	static const struct {
		unsigned level;
		uint64_t n;
		unsigned width;
		const char *tile, *bundle;
	} rows[] = {
	    {0, 0, 256, "tile/0/000", "openings/3/000"},
	    {0, 5, 256, "tile/0/005", "openings/3/005"},
	    {3, 999, 1, "tile/3/999.p/1", "openings/3/999.p/1"},
	    {1, 1000, 256, "tile/1/x001/000", "openings/3/x001/000"},
	    {0, 1234067, 256, "tile/0/x001/x234/067", "openings/3/x001/x234/067"},
	    {0, 1234067, 255, "tile/0/x001/x234/067.p/255", "openings/3/x001/x234/067.p/255"},
	    {7, INT64_MAX / 256, 255, "tile/7/x036/x028/x797/x018/x963/967.p/255",
		"openings/3/x036/x028/x797/x018/x963/967.p/255"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char path[TLOG_PATH_MAX];
		struct tlog_file file;
		assert_string_equal(
		    tlog_tile_path(rows[i].level, rows[i].n, rows[i].width, path), rows[i].tile);
		assert_true(tlog_path_is_valid(slice_text(path), &file));
		assert_int_equal(file.covers > 0, rows[i].width == 256);
		assert_string_equal(
		    tlog_bundle_path("openings/3", rows[i].n, rows[i].width, path), rows[i].bundle);
		assert_false(tlog_path_is_valid(slice_text(path), &file)); /* not while voting */
		(void)tlog_bundle_path("tile/entries", rows[i].n, rows[i].width, path);
		assert_true(tlog_path_is_valid(slice_text(path), &file));
		assert_int_equal(file.covers > 0, rows[i].width == 256);
	}
}

/* From which size on a signed tree covers the whole file. */
static void covers(void **state)
{
	static const struct {
		const char *path;
		uint64_t epoch, covers;
	} rows[] = {
	    {"checkpoint", 1, 0},
	    {"epoch-3/statement", 3, 0},
	    {"tile/0/000", 1, 256},
	    {"tile/entries/000", 1, 256},
	    {"tile/0/001", 1, 512},
	    {"tile/0/001.p/255", 1, 0},
	    {"epoch-2/tile/entries/x001/000", 2, UINT64_C(1001) * 256},
	    {"tile/1/000", 1, 65536},
	    {"tile/1/002", 1, UINT64_C(3) * 65536},
	    {"epoch-999999999/tile/2/000", 999999999, 16777216},
	    {"tile/6/127", 1, UINT64_C(1) << 63},
	    {"tile/6/254", 1, UINT64_C(255) << 56},
	    {"tile/6/255", 1, UINT64_MAX},
	    {"tile/7/000", 1, UINT64_MAX},
	    {"tile/6/x036/x028/x797/x018/x963/967", 1, UINT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tlog_file file;
		assert_true(tlog_path_is_valid(slice_text(rows[i].path), &file));
		assert_true(file.epoch == rows[i].epoch && file.covers == rows[i].covers);
	}
}

static void served_names(void **state)
{
	static const char *const good[] = {"checkpoint", "issued", "statement",
	    "epoch-2/checkpoint", "epoch-2/statement", "epoch-17/tile/0/000",
	    "epoch-999999999/tile/entries/x001/000.p/255", "tile/7/000", "tile/0/001.p/255",
	    "tile/entries/999", "tile/entries/x001/000"};
	static const char *const bad[] = {"", "/", ".", "..", "tile", "tile/", "tile/0", "tile/0/",
	    "/checkpoint", "checkpoint/", "checkpoint ", "Checkpoint", "checkpoints", "check",
	    "./checkpoint", "../checkpoint", "epoch-2/../checkpoint", "tile/0/../0/000",
	    "tile/../checkpoint", ".new-0", "tile/0/.new-0", "tile/0/00", "tile/0/0000",
	    "tile/0/0001", "tile/0/1000", "tile/0/x000/000", "tile/0/x000/x001/000",
	    "tile/0/001/000", "tile/0/x001", "tile/0/x001/", "tile/0/x01/000", "tile/0/x001/x000",
	    "tile/0/x0001/000", "tile/0/X001/000", "tile/0/000.p", "tile/0/000.p/",
	    "tile/0/000.p/0", "tile/0/000.p/01", "tile/0/000.p/256", "tile/0/000.p/999",
	    "tile/0/000.p/1/", "tile/0/000.p/1 ", "tile/0/000.p/-1", "tile/0/000.P/1",
	    "tile/0/000p/1", "tile/8/000", "tile/9/000", "tile/00/000", "tile/10/000",
	    "tile/63/000", "tile/-1/000", "tile/a/000", "tile//000", "tile/0//000", "tile/entries",
	    "tile/entries/", "tile/entry/000", "tile/entries/0/000", "Tile/0/000", "tile/0/00a",
	    "tile/0/ 00", "tile/0/+00", "epoch-1/checkpoint", "epoch-0/checkpoint",
	    "epoch-02/checkpoint", "epoch-/checkpoint", "epoch-2", "epoch-2/",
	    "epoch-2/epoch-3/checkpoint", "epoch-2x/checkpoint", "epoch-2//checkpoint",
	    "epoch-9999999999/checkpoint", "epoch--2/checkpoint", "epoch-+2/checkpoint",
	    "openings/0/000", "SHA256SUMS", "tile/0/x036/x028/x797/x018/x963/968",
	    "tile/0/x001/x036/x028/x797/x018/x963/967", "tile/0/000%2ep/1", "tile\\0\\000"};
	struct tlog_file file;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!tlog_path_is_valid(slice_text(good[i]), &file))
			fail_msg("%s was refused", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (tlog_path_is_valid(slice_text(bad[i]), &file) || file.covers)
			fail_msg("%s was taken", bad[i]);
	assert_false(tlog_path_is_valid(slice_make("checkpoint\0", 11), &file));
	assert_false(tlog_path_is_valid(slice_make("tile/0/000\0", 11), &file));
	assert_true(tlog_path_is_valid(slice_make("tile/0/000.p/1", 10), &file));
	assert_int_equal(file.covers, 256); /* nothing is read behind the end */
}

/* ---- reading ---- */

static void write_file(
    const struct log_fixture *log, const char *name, const void *bytes, size_t len)
{
	int fd = openat(log->dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(close(fd), 0);
}

static void reads_whole_files(void **state)
{
	struct log_fixture log;
	struct buf out;

	(void)state;
	log_start(&log);
	buf_init(&out, 100);
	assert_int_equal(tlog_read(log.dir, "checkpoint", 10, &out), -ENOENT);
	write_file(&log, "checkpoint", "0123456789", 10);
	assert_int_equal(tlog_read(log.dir, "checkpoint", 9, &out), -E2BIG);
	assert_int_equal(tlog_read(log.dir, "checkpoint", 10, &out), 0);
	assert_int_equal(tlog_read(log.dir, "checkpoint", 10, &out), 0);
	assert_true(slice_is(buf_slice(&out), "01234567890123456789")); /* appended */
	write_file(&log, "empty", "", 0);
	assert_int_equal(tlog_read(log.dir, "empty", 10, &out), 0);
	assert_int_equal(out.len, 20);
	assert_int_equal(tlog_read(log.dir, "checkpoint/x", 10, &out), -ENOENT);
	assert_int_equal(mkdirat(log.dir, "d", 0700), 0);
	assert_int_equal(tlog_read(log.dir, "d", 10, &out), -EBADMSG);
	assert_int_equal(symlinkat("checkpoint", log.dir, "link"), 0);
	assert_int_equal(tlog_read(log.dir, "link", 10, &out), -ELOOP);
	assert_int_equal(mkfifoat(log.dir, "pipe", 0600), 0);
	assert_int_equal(tlog_read(log.dir, "pipe", 10, &out), -EBADMSG); /* does not wait */
	out.max = 21;
	assert_int_equal(tlog_read(log.dir, "checkpoint", 10, &out), -ENOBUFS);
	assert_int_equal(out.len, 20);
	buf_release(&out);
	log_end(&log);
}

/* A partial file that has gone is read from the full one, or from a wider one; and a file has
 * exactly the length that its name says. */
static void falls_back(void **state)
{
	struct log_fixture log;
	uint8_t hashes[TLOG_TILE_MAX], entries[TLOG_WIDTH][TLOG_ENTRY_SIZE],
	    wanted[TLOG_ENTRY_SIZE];
	naive_hash *leaves = log_leaves(300);

	(void)state;
	log_start(&log);
	log_make(&log, 300);
	assert_int_equal(unlinkat(log.dir, "tile/0/001.p/43", 0), -1); /* 44 it is */
	for (unsigned width = 1; width <= TLOG_WIDTH; width++) {
		assert_int_equal(tlog_read_tile(log.dir, 0, 0, width, hashes), 0);
		assert_memory_equal(hashes, leaves, (size_t)width * MERKLE_SIZE);
		assert_int_equal(tlog_read_entries(log.dir, 0, width, entries), 0);
		log_entry(width - 1, wanted);
		assert_memory_equal(entries[width - 1], wanted, TLOG_ENTRY_SIZE);
		assert_int_equal(
		    tlog_read_tile(log.dir, 0, 1, width, hashes), width <= 44 ? 0 : -ENOENT);
		if (width <= 44)
			assert_memory_equal(hashes, leaves[256], (size_t)width * MERKLE_SIZE);
	}
	assert_int_equal(tlog_read_tile(log.dir, 0, 2, 1, hashes), -ENOENT);
	assert_int_equal(tlog_read_tile(log.dir, 1, 0, 1, hashes), 0);
	assert_int_equal(tlog_read_tile(log.dir, 1, 0, 2, hashes), -ENOENT);
	write_file(&log, "tile/0/001.p/44", leaves[256], 43 * MERKLE_SIZE);
	assert_int_equal(tlog_read_tile(log.dir, 0, 1, 44, hashes), -EBADMSG);
	assert_int_equal(tlog_read_tile(log.dir, 0, 1, 1, hashes), -EBADMSG);
	write_file(&log, "tile/0/000", leaves[0], 257 * MERKLE_SIZE);
	assert_int_equal(tlog_read_tile(log.dir, 0, 0, 256, hashes), -EBADMSG);
	memset(entries, 0, sizeof(entries));
	write_file(&log, "tile/entries/001.p/44", entries, (size_t)44 * 34);
	assert_int_equal(tlog_read_entries(log.dir, 1, 44, entries), -EBADMSG); /* length 0 */
	log_end(&log);
	free(leaves);
}

/* ---- roots and proofs ---- */

static void check_tree(const struct log_fixture *log, const naive_hash *leaves, uint64_t size,
    uint64_t index_step, uint64_t old_step)
{
	naive_hash root, wanted, proof[MERKLE_PROOF_MAX], held[MERKLE_PROOF_MAX];
	size_t n = 77, n_held;

	assert_int_equal(tlog_root(log->dir, size, root), 0);
	naive_root(leaves, size, wanted);
	assert_memory_equal(root, wanted, MERKLE_SIZE);
	for (uint64_t index = 0; index < size; index += index_step) {
		n_held = 0;
		naive_path(index, leaves, size, held, &n_held);
		assert_int_equal(tlog_inclusion(log->dir, size, index, proof, &n), 0);
		assert_int_equal(n, n_held);
		assert_memory_equal(proof, held, n * MERKLE_SIZE);
		assert_true(merkle_includes(
		    index, size, leaves[index], (const naive_hash *)proof, n, root));
	}
	for (uint64_t old = 0; old <= size; old += old_step) {
		n_held = 0;
		if (old > 0)
			naive_subproof(old, leaves, size, 1, held, &n_held);
		assert_int_equal(tlog_consistency(log->dir, old, size, proof, &n), 0);
		assert_int_equal(n, n_held);
		assert_memory_equal(proof, held, n * MERKLE_SIZE);
		naive_root(leaves, old, wanted);
		assert_true(merkle_extends(old, wanted, size, root, (const naive_hash *)proof, n));
	}
	assert_int_equal(tlog_inclusion(log->dir, size, size, proof, &n), -EINVAL);
	assert_int_equal(tlog_consistency(log->dir, size + 1, size, proof, &n), -EINVAL);
}

static void proofs_of_small_trees(void **state)
{
	enum { SIZE = 600 };
	struct log_fixture log;
	naive_hash *leaves = log_leaves(SIZE);

	(void)state;
	log_start(&log);
	log_make(&log, SIZE); /* smaller trees are read from its files */
	for (uint64_t size = 0; size <= SIZE; size++)
		check_tree(&log, leaves, size, size > 40 ? size / 5 : 1, size > 20 ? size / 4 : 1);
	check_tree(&log, leaves, 512, 1, 37);
	check_tree(&log, leaves, 513, 37, 1);
	log_end(&log);
	free(leaves);
}

static void proofs_of_large_trees(void **state)
{
	uint64_t seed = 1 + (uint64_t)test_seed();
	const uint64_t sizes[] = {65536, 65537, 65536 + log_draw(&seed, 14000)};
	struct log_fixture log;
	naive_hash *leaves = log_leaves(65536 + 14000);

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		log_start(&log);
		log_make(&log, sizes[i]);
		check_tree(&log, leaves, sizes[i], 1 + sizes[i] / 6, 1 + sizes[i] / 5);
		log_end(&log);
	}
	free(leaves);
}

static void check_kept(struct tlog_cache *cache, uint64_t number, int dir, const naive_hash *leaves,
    uint64_t size, uint64_t index)
{
	struct checkpoint head = {.size = size};
	naive_hash proof[MERKLE_PROOF_MAX], held[MERKLE_PROOF_MAX];
	size_t n = 77, n_held = 0;

	naive_root(leaves, size, head.root);
	naive_path(index, leaves, size, held, &n_held);
	assert_int_equal(tlog_cache_inclusion(cache, number, dir, &head, index, proof, &n), 0);
	assert_int_equal(n, n_held);
	assert_memory_equal(proof, held, n * MERKLE_SIZE);
	assert_int_equal(tlog_cache_inclusion(cache, number, dir, &head, size, proof, &n), -EINVAL);
}

/* A log whose entries stand in the other order. */
static void make_other(const struct log_fixture *log, size_t size, naive_hash *leaves)
{
	struct tree *tree = log_open(log, 0);

	for (size_t i = 0; i < size; i++) {
		uint8_t entry[TLOG_ENTRY_SIZE];
		log_entry(size - 1 - i, entry);
		naive_leaf(entry, sizeof(entry), leaves[i]);
		assert_int_equal(tree_append(tree, entry), 0);
	}
	assert_int_equal(tree_flush(tree), 0);
	tree_free(tree);
}

/* Two logs whose tiles take each other's places, at sizes that come and go. */
static void kept_tiles(void **state)
{
	enum { SIZE = 9000 };
	uint64_t seed = 1 + (uint64_t)test_seed();
	struct tlog_cache *cache = tlog_cache_new(TLOG_CACHE_MIN);
	naive_hash *leaves = log_leaves(SIZE), *others = log_leaves(SIZE);
	struct log_fixture log, other;

	(void)state;
	log_start(&log);
	log_start(&other);
	log_make(&log, SIZE);
	make_other(&other, SIZE, others);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t size = 1 + log_draw(&seed, i % 3 ? SIZE : 600);
		bool here = log_draw(&seed, 2) == 1;
		check_kept(cache, here, here ? log.dir : other.dir, here ? leaves : others, size,
		    log_draw(&seed, size));
	}
	tlog_cache_free(cache);
	log_end(&log);
	log_end(&other);
	free(leaves);
	free(others);
}

static void flip(const struct log_fixture *log, const char *path, off_t at)
{
	int fd = openat(log->dir, path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	(void)close(fd);
}

/* What was damaged when it was read is not believed once it is mended, nor given out before. */
static void kept_tiles_that_were_damaged(void **state)
{
	enum { SIZE = 700 };
	struct tlog_cache *cache = tlog_cache_new(TLOG_CACHE_MIN);
	struct checkpoint head = {.size = SIZE};
	naive_hash *leaves = log_leaves(SIZE), proof[MERKLE_PROOF_MAX];
	struct log_fixture log;
	size_t n = 77;

	(void)state;
	log_start(&log);
	log_make(&log, SIZE);
	naive_root(leaves, SIZE, head.root);
	flip(&log, "tile/0/000", 40);
	flip(&log, "tile/1/000.p/2", 0);
	assert_int_equal(tlog_cache_inclusion(cache, 0, log.dir, &head, 3, proof, &n), -EBADMSG);
	assert_int_equal(tlog_cache_inclusion(cache, 0, log.dir, &head, 1, proof, &n), -EBADMSG);
	assert_int_equal(tlog_cache_inclusion(cache, 0, log.dir, &head, 699, proof, &n), -EBADMSG);
	assert_int_equal(n, 77);
	flip(&log, "tile/1/000.p/2", 0);
	check_kept(cache, 0, log.dir, leaves, SIZE, 699); /* and keeps what is not looked at */
	assert_int_equal(tlog_cache_inclusion(cache, 0, log.dir, &head, 1, proof, &n), -EBADMSG);
	flip(&log, "tile/0/000", 40);
	check_kept(cache, 0, log.dir, leaves, SIZE, 1);
	flip(&log, "tile/0/000", 40);
	check_kept(cache, 0, log.dir, leaves, SIZE, 3); /* as it was read */
	tlog_cache_forget(cache, 0);
	assert_int_equal(tlog_cache_inclusion(cache, 0, log.dir, &head, 3, proof, &n), -EBADMSG);
	assert_int_equal(unlinkat(log.dir, "tile/0/001", 0), 0);
	assert_int_equal(tlog_cache_inclusion(cache, 0, log.dir, &head, 300, proof, &n), -ENOENT);
	tlog_cache_free(cache);
	log_end(&log);
	free(leaves);
}

/* C2SP tlog-tiles: "a tree of size 70,000 will be represented by …"; and of size 256. */
static void files_as_specified(void **state)
{
	static const struct {
		uint64_t size;
		const char *there[8], *missing[4];
	} rows[] = {
	    {70000,
		{"tile/0/000", "tile/0/272", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17",
		    "tile/2/000.p/1", "tile/entries/272", "tile/entries/273.p/112"},
		{"tile/0/273", "tile/1/001", "tile/2/000", "tile/3/000.p/0"}},
	    {256, {"tile/0/000", "tile/1/000.p/1", "tile/entries/000"},
		{"tile/0/001.p/0", "tile/1/000", "tile/entries/001.p/0", "tile/2"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct log_fixture log;
		log_start(&log);
		log_make(&log, rows[i].size);
		for (size_t k = 0; k < 8 && rows[i].there[k] != NULL; k++)
			assert_int_equal(faccessat(log.dir, rows[i].there[k], R_OK, 0), 0);
		for (size_t k = 0; k < 4; k++)
			assert_int_equal(faccessat(log.dir, rows[i].missing[k], R_OK, 0), -1);
		log_end(&log);
	}
}

static void proofs_of_missing_files(void **state)
{
	struct log_fixture log;
	naive_hash proof[MERKLE_PROOF_MAX];
	size_t n = 77;

	(void)state;
	log_start(&log);
	assert_int_equal(tlog_root(log.dir, 1, proof[0]), -ENOENT);
	assert_int_equal(tlog_inclusion(log.dir, 2, 1, proof, &n), -ENOENT);
	assert_int_equal(tlog_consistency(log.dir, 1, 2, proof, &n), -ENOENT);
	assert_int_equal(n, 77);
	assert_int_equal(tlog_root(log.dir, 0, proof[0]), 0);
	assert_int_equal(tlog_consistency(log.dir, 0, 2, proof, &n), 0);
	assert_int_equal(n, 0);
	log_end(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test(covers),
	    cmocka_unit_test(served_names),
	    cmocka_unit_test(reads_whole_files),
	    cmocka_unit_test(falls_back),
	    cmocka_unit_test(proofs_of_small_trees),
	    cmocka_unit_test(proofs_of_large_trees),
	    cmocka_unit_test(kept_tiles),
	    cmocka_unit_test(kept_tiles_that_were_damaged),
	    cmocka_unit_test(files_as_specified),
	    cmocka_unit_test(proofs_of_missing_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
