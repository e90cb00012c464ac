/* worker/logdir: what a directory tells of its log when it is opened, with its checkpoint and
 * without, and that it comes back to what is published. */
#include "tlog_fixture.h"

#include "worker/logdir.h"

#define ORIGIN "vote.example/c/0"

static const uint8_t seed[32] = {1, 2, 3};
static uint8_t key[32];

static int make_key(void **state)
{
	(void)state;
	return note_public(seed, key);
}

static void put(const struct log_fixture *log, const char *name, struct buf *note)
{
	assert_int_equal(tlog_publish(log->dir, name, buf_slice(note)), 0);
	buf_release(note);
}

static void put_checkpoint(const struct log_fixture *log, uint64_t size)
{
	struct checkpoint head = {.size = size};
	struct tree *tree = log_open(log, size);
	struct buf note;

	tree_root(tree, head.root);
	tree_free(tree);
	buf_init(&note, LOGDIR_NOTE_MAX);
	assert_int_equal(checkpoint_sign(&head, ORIGIN, seed, &note), 0);
	put(log, "checkpoint", &note);
}

static void put_issued(const struct log_fixture *log, const char *text)
{
	struct buf note;

	buf_init(&note, LOGDIR_NOTE_MAX);
	assert_int_equal(note_sign(slice_text(text), ORIGIN, seed, &note), 0);
	put(log, "issued", &note);
}

static void test_opening(void **state)
{
	static const struct {
		const char *what;
		uint64_t files, checkpoint; /* entries; checkpoint 0: none */
		const char *issued;         /* a text to be signed; NULL: none */
		const char *gone[2];        /* files */
		uint64_t published, witnessed, issued_size;
	} table[] = {
	    {"nothing", 0, 0, NULL, {NULL}, 0, 0, 0},
	    {"all of it", 600, 600, "tallyd issued v1\n" ORIGIN "\n600\n7\n", {NULL}, 600, 0, 600},
	    {"files ahead of it", 600, 513, NULL, {NULL}, 513, 0, 0},
	    {"no checkpoint", 600, 0, "tallyd issued v1\n" ORIGIN "\n513\n7\n", {NULL}, 0, 600,
		513},
	    {"full files alone", 512, 0, NULL, {NULL}, 0, 512, 0},
	    {"one entry", 1, 0, NULL, {NULL}, 0, 1, 0},
	    {"leaves alone", 300, 0, NULL, {"tile/entries/000", "tile/entries/001.p/44"}, 0, 300,
		0},
	    {"entries alone", 300, 0, NULL, {"tile/0/000", "tile/0/001.p/44"}, 0, 300, 0},
	    {"the last ones gone", 300, 0, NULL, {"tile/entries/001.p/44", "tile/0/001.p/44"}, 0,
		256, 0},
	    {"another note", 3, 0, "tallyd issued v2\n" ORIGIN "\n9\n7\n", {NULL}, 0, 3, 0},
	    {"another log's note", 3, 0, "tallyd issued v1\n" ORIGIN "0\n9\n7\n", {NULL}, 0, 3, 0},
	    {"a note cut short", 3, 0, "tallyd issued v1\n" ORIGIN "\n9\n", {NULL}, 0, 3, 0},
	    {"a note of no number", 3, 0, "tallyd issued v1\n" ORIGIN "\n09\n7\n", {NULL}, 0, 3, 0},
	    {"a note and more", 3, 0, "tallyd issued v1\n" ORIGIN "\n9\n7\n\x20\n", {NULL}, 0, 3,
		0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct log_fixture log;
		struct logdir dir;

		log_start(&log);
		log_make(&log, table[i].files);
		if (table[i].checkpoint)
			put_checkpoint(&log, table[i].checkpoint);
		if (table[i].issued)
			put_issued(&log, table[i].issued);
		for (int k = 0; k < 2 && table[i].gone[k]; k++)
			assert_int_equal(unlinkat(log.dir, table[i].gone[k], 0), 0);
		assert_int_equal(logdir_open(&dir, log.path, ORIGIN, key), 0);
		if (dir.published.size != table[i].published || dir.mending ||
		    dir.witnessed != table[i].witnessed ||
		    dir.issued_size != table[i].issued_size ||
		    dir.issued_count != (table[i].issued_size > 0 ? 7U : 0U))
			fail_msg("%s: published %llu, witnessed %llu, issued of %llu",
			    table[i].what, (unsigned long long)dir.published.size,
			    (unsigned long long)dir.witnessed, (unsigned long long)dir.issued_size);
		assert_int_equal(tree_size(dir.tree), table[i].published);
		logdir_close(&dir);
		log_end(&log);
	}
}

/* Names that are of no log do not make it longer. */
static void test_other_names(void **state)
{
	struct log_fixture log;
	struct logdir dir;

	(void)state;
	log_start(&log);
	log_make(&log, 3);
	assert_int_equal(renameat(log.dir, "tile/0/000.p/3", log.dir, "tile/0/9"), 0);
	assert_int_equal(mkdirat(log.dir, "tile/entries/x001", 0755), 0);
	assert_int_equal(
	    renameat(log.dir, "tile/entries/000.p/3", log.dir, "tile/entries/x001/.tmp"), 0);
	assert_int_equal(logdir_open(&dir, log.path, ORIGIN, key), 0);
	assert_int_equal(dir.witnessed, 0);
	assert_int_equal(
	    renameat(log.dir, "tile/entries/x001/.tmp", log.dir, "tile/entries/x001/234"), 0);
	assert_int_equal(logdir_reach(&dir, &dir.witnessed), 0);
	assert_int_equal(dir.witnessed, 1235 * 256);
	logdir_close(&dir);
	log_end(&log);
}

static bool denies(const struct logdir *dir, uint64_t at, uint64_t entry_of)
{
	struct logdir_witness witness;
	uint8_t entry[TLOG_ENTRY_SIZE];

	log_entry(entry_of, entry);
	assert_int_equal(logdir_witness(dir, at / TLOG_WIDTH, &witness), 0);
	return logdir_denies(&witness, (unsigned)(at % TLOG_WIDTH), entry);
}

static void flip(const struct log_fixture *log, const char *name, off_t at)
{
	int fd = openat(log->dir, name, O_RDWR);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	(void)close(fd);
}

static void test_witnesses(void **state)
{
	struct log_fixture log;
	struct logdir dir;

	(void)state;
	log_start(&log);
	log_make(&log, 300);
	assert_int_equal(logdir_open(&dir, log.path, ORIGIN, key), 0);
	for (uint64_t i = 0; i < 300; i++)
		assert_true(!denies(&dir, i, i) && denies(&dir, i, i + 1));
	assert_false(denies(&dir, 300, 1)); /* nobody knows */
	assert_false(denies(&dir, 9999, 1));

	/* one of the two is damaged: the other one's word stands */
	flip(&log, "tile/entries/000", 2 + 34 * 5);
	assert_true(!denies(&dir, 5, 5) && denies(&dir, 5, 6) && !denies(&dir, 6, 6));
	flip(&log, "tile/0/000", 32 * 7);
	assert_true(!denies(&dir, 7, 7) && denies(&dir, 7, 8));
	flip(&log, "tile/0/000", 32 * 5); /* both: this one is neither's */
	assert_true(denies(&dir, 5, 5));
	assert_int_equal(unlinkat(log.dir, "tile/entries/001.p/44", 0), 0);
	assert_true(!denies(&dir, 299, 299) && denies(&dir, 299, 298));
	assert_int_equal(unlinkat(log.dir, "tile/0/001.p/44", 0), 0);
	assert_false(denies(&dir, 299, 298));
	logdir_close(&dir);
	log_end(&log);
}

static void append(struct logdir *dir, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		uint8_t entry[TLOG_ENTRY_SIZE];

		log_entry(i, entry);
		assert_int_equal(logdir_append(dir, entry, false), 0);
	}
}

/* Whatever was appended, also to files, is forgotten; and it may be another log's next time. */
static void test_stepping_back(void **state)
{
	struct log_fixture log;
	struct logdir dir;
	struct checkpoint head = {.size = 513};
	uint8_t root[MERKLE_SIZE];

	(void)state;
	log_start(&log);
	log_make(&log, 300);
	put_checkpoint(&log, 300);
	assert_int_equal(logdir_open(&dir, log.path, ORIGIN, key), 0);
	assert_true(logdir_is_back(&dir));
	append(&dir, 1000, 1200); /* not what comes later */
	assert_int_equal(tree_flush(dir.tree), 0);
	append(&dir, 1200, 1300);
	assert_false(logdir_is_back(&dir));
	assert_int_equal(logdir_step_back(&dir), 0);
	assert_true(logdir_is_back(&dir) && !dir.mending);
	tree_root(dir.tree, root);
	assert_memory_equal(root, dir.published.root, sizeof(root));
	append(&dir, 300, 513);
	assert_int_equal(tree_flush(dir.tree), 0);
	tree_root(dir.tree, head.root);
	assert_int_equal(logdir_publish(&dir, &head, slice_text("a checkpoint\n")), 0);
	assert_true(logdir_is_back(&dir));
	logdir_close(&dir);
	put_checkpoint(&log, 513);
	assert_int_equal(logdir_open(&dir, log.path, ORIGIN, key), 0);
	assert_false(dir.mending);
	assert_int_equal(dir.published.size, 513);
	assert_memory_equal(dir.published.root, head.root, MERKLE_SIZE);
	logdir_close(&dir);
	log_end(&log);
}

/* A tree that is being mended begins anew, too. */
static void test_stepping_back_while_mending(void **state)
{
	struct log_fixture log;
	struct logdir dir;

	(void)state;
	log_start(&log);
	log_make(&log, 300);
	put_checkpoint(&log, 300);
	flip(&log, "tile/0/000", 9);
	assert_int_equal(logdir_open(&dir, log.path, ORIGIN, key), 0);
	assert_true(dir.mending && logdir_is_back(&dir));
	append(&dir, 1000, 1100);
	assert_false(logdir_is_back(&dir));
	assert_int_equal(logdir_step_back(&dir), 0);
	assert_true(dir.mending && logdir_is_back(&dir));
	append(&dir, 0, 300);
	assert_int_equal(logdir_mend(&dir), 0);
	assert_true(!dir.mending && logdir_is_back(&dir));
	logdir_close(&dir);
	log_end(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_opening),
	    cmocka_unit_test(test_other_names),
	    cmocka_unit_test(test_witnesses),
	    cmocka_unit_test(test_stepping_back),
	    cmocka_unit_test(test_stepping_back_while_mending),
	};

	return cmocka_run_group_tests(tests, make_key, NULL);
}
