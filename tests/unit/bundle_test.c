/* A bundle's place, files and sums; and logs copied into it, deep ones, of an old epoch, torn ones.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/bundle_impl.h"
#include "audit/bundle_log.h"
#include "base/encode.h"
#include "crypto/digest.h"
#include "tlog/tree.h"

#define NAME     "vote.example/kai/result"
#define IDENTITY "vote.example/kai/0"

static uint8_t seed[32] = {7}, other_seed[32] = {8}, key[32], log_seed[32] = {9}, log_key[32];

struct fixture {
	char dir[PATH_MAX]; /* of everything */
	char place[PATH_MAX + 20];
	char why[BUNDLE_WHY_MAX];
	struct bundle_options options;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	(void)snprintf(f->dir, sizeof(f->dir), "%s/bundle-XXXXXX",
	    getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->place, sizeof(f->place), "%s/out", f->dir);
	assert_int_equal(note_public(seed, key), 0);
	assert_int_equal(note_public(log_seed, log_key), 0);
	f->options =
	    (struct bundle_options){.dir = f->place, .round = "kai", .key_name = NAME, .key = key};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	bundle_remove_tree(f->dir);
	free(f);
	return 0;
}

/* Of the last two calls. */
static const char *in(const struct fixture *f, const char *name)
{
	static char paths[2][2 * PATH_MAX];
	static int at;

	at = !at;
	(void)snprintf(paths[at], sizeof(paths[at]), "%s/%s", f->dir, name);
	return paths[at];
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	(void)fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void read_file(const char *path, char *ret_text, size_t cap)
{
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	ret_text[fread(ret_text, 1, cap - 1, file)] = '\0';
	(void)fclose(file);
}

static bool is_there(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

/* Writes a bundle with these files, each holding its own name. */
static int write_bundle(struct fixture *f, const uint8_t *with, const char *const *files)
{
	struct bundle *bundle = NULL;
	int r = bundle_new(&f->options, &bundle, f->why);

	for (; r == 0 && *files; files++)
		r = bundle_put(bundle, *files, slice_text(*files), f->why);
	if (r == 0)
		r = bundle_sign(bundle, 3, with, f->why);
	if (r == 0)
		r = bundle_finish(bundle, f->why);
	bundle_free(bundle);
	return r;
}

static const char *const files[] = {"b/a", "b", "b.txt", "_headers", "é", "b/c/d", NULL};
static const char *const plain[] = {"b/a", "b.txt", "_headers", "é", "b/c/d", NULL};

static void test_writes(void **state)
{
	struct fixture *f = *state;
	char sums[1000], note[1000], should[1000] = "", hex[HEX_SIZE(32)];
	static const char *const order[] = {"b.txt", "b/a", "b/c/d", "é"};
	uint8_t hash[32];
	struct slice text;

	assert_int_equal(write_bundle(f, seed, files), -EEXIST); /* b is both */
	assert_false(is_there(f->place));
	assert_false(is_there(in(f, ".out.unfinished")));
	assert_int_equal(write_bundle(f, seed, plain), 0);
	assert_false(is_there(in(f, ".out.unfinished")));
	for (size_t i = 0; i < 4; i++) {
		size_t len = strlen(should);

		sha256(slice_text(order[i]), hash);
		hex_encode(hash, 32, hex);
		(void)snprintf(should + len, sizeof(should) - len, "%s  %s\n", hex, order[i]);
	}
	read_file(in(f, "out/SHA256SUMS"), sums, sizeof(sums));
	assert_string_equal(sums, should);
	read_file(in(f, "out/SHA256SUMS.note"), note, sizeof(note));
	assert_int_equal(note_open(slice_text(note), NAME, key, &text), 0);
	sha256(slice_text(sums), hash);
	hex_encode(hash, 32, hex);
	(void)snprintf(should, sizeof(should), "tallyd bundle v1\nkai\n3\n4\n%s\n", hex);
	assert_true(slice_is(text, should));
}

static void test_replaces_only_what_is_its_own(void **state)
{
	static const char *const fewer[] = {"one", NULL};
	struct fixture *f = *state;

	assert_int_equal(write_bundle(f, seed, plain), 0);
	assert_int_equal(write_bundle(f, seed, fewer), 0);
	assert_true(is_there(in(f, "out/one")));
	assert_false(is_there(in(f, "out/b/a")));

	write_file(in(f, "out/zz"), "somebody's");
	assert_int_equal(write_bundle(f, seed, plain), -EEXIST);
	assert_true(is_there(in(f, "out/zz")) && is_there(in(f, "out/one")));
	assert_int_equal(unlink(in(f, "out/zz")), 0);
	assert_int_equal(symlink("one", in(f, "out/link")), 0);
	assert_int_equal(write_bundle(f, seed, plain), -EEXIST);
	assert_int_equal(unlink(in(f, "out/link")), 0);
	assert_int_equal(link(in(f, "out/one"), in(f, "out/two")), 0);
	assert_int_equal(
	    unlink(in(f, "out/one")), 0); /* as many as there were, one of another name */
	assert_int_equal(write_bundle(f, seed, plain), -EEXIST);
	assert_int_equal(rename(in(f, "out/two"), in(f, "out/one")), 0);
	write_file(in(f, "out/one"), "changed"); /* it is the bundle's still */
	assert_int_equal(write_bundle(f, seed, fewer), 0);

	f->options.round = "other";
	assert_int_equal(write_bundle(f, seed, plain), -EEXIST);
	f->options.round = "kai";
	assert_int_equal(unlink(in(f, "out/SHA256SUMS.note")), 0);
	assert_int_equal(write_bundle(f, seed, plain), -EEXIST);
	assert_non_null(strstr(f->why, "neither empty nor an earlier bundle of kai"));
}

/* What is served to everybody must not become what only auditors may see, nor the reverse. */
static void test_replaces_only_its_own_kind(void **state)
{
	static const char *const secrets[] = {"audit.jsonl", "b.txt", NULL};
	struct fixture *f = *state;

	assert_int_equal(write_bundle(f, seed, plain), 0);
	f->options.secret = true;
	assert_int_equal(write_bundle(f, seed, secrets), -EEXIST);
	assert_non_null(strstr(f->why, "is a bundle for everybody"));
	assert_non_null(strstr(f->why, "Give another DIR"));
	assert_true(is_there(in(f, "out/b/a")));
	assert_false(is_there(in(f, ".out.unfinished")));

	f->options.dir = in(f, "whole");
	assert_int_equal(write_bundle(f, seed, secrets), 0);
	assert_int_equal(write_bundle(f, seed, secrets), 0);
	f->options.secret = false;
	assert_int_equal(write_bundle(f, seed, plain), -EEXIST);
	assert_non_null(strstr(f->why, "is a bundle for auditors"));
	assert_true(is_there(in(f, "whole/audit.jsonl")));
	f->options.dir = f->place;
	assert_int_equal(write_bundle(f, seed, plain), 0);
}

static void test_takes_another_key_for_another_bundle(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(write_bundle(f, other_seed, plain), 0);
	assert_int_equal(write_bundle(f, seed, plain), -EEXIST);
}

static void test_places(void **state)
{
	struct fixture *f = *state;

	write_file(in(f, "file"), "");
	f->options.dir = in(f, "file");
	assert_int_equal(write_bundle(f, seed, plain), -EEXIST);
	f->options.dir = in(f, "no/where");
	assert_int_equal(write_bundle(f, seed, plain), -ENOENT);
	f->options.dir = "/";
	assert_int_equal(write_bundle(f, seed, plain), -EINVAL);
	f->options.dir = "";
	assert_true(write_bundle(f, seed, plain) < 0);
	assert_int_equal(mkdir(in(f, "empty"), 0700), 0);
	assert_int_equal(symlink("empty", in(f, "link")), 0);
	f->options.dir = in(f, "link/");
	assert_int_equal(write_bundle(f, seed, plain), 0);
	assert_true(is_there(in(f, "empty/SHA256SUMS.note")));
}

/* Whoever loses is told that another is at it, in whatever moment the other comes. */
static void test_many_begin_at_once(void **state)
{
	struct fixture *f = *state;

	for (unsigned round = 0; round < 40; round++) {
		pid_t children[6];

		for (size_t i = 0; i < 6; i++) {
			children[i] = fork();
			assert_true(children[i] >= 0);
			if (children[i] == 0) {
				struct bundle *bundle = NULL;
				int r = bundle_new(&f->options, &bundle, f->why);
				bundle_free(bundle);
				_exit(r == 0 || r == -EBUSY ? 0 : -r);
			}
		}
		for (size_t i = 0; i < 6; i++) {
			int status = -1;
			assert_int_equal(waitpid(children[i], &status, 0), children[i]);
			assert_true(WIFEXITED(status));
			assert_int_equal(WEXITSTATUS(status), 0);
		}
	}
}

static void test_one_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct bundle *one = NULL, *other = NULL;

	assert_int_equal(bundle_new(&f->options, &one, f->why), 0);
	assert_int_equal(bundle_put(one, "a", slice_text("1"), f->why), 0);
	assert_int_equal(bundle_put(one, "a", slice_text("2"), f->why), -EEXIST);
	assert_int_equal(bundle_new(&f->options, &other, f->why), -EBUSY);
	assert_true(is_there(in(f, ".out.unfinished/a")));
	bundle_free(one);
	assert_false(is_there(in(f, ".out.unfinished")));
	/* Left behind by one that ended in the middle. */
	assert_int_equal(mkdir(in(f, ".out.unfinished"), 0700), 0);
	write_file(in(f, ".out.unfinished/rest"), "");
	assert_int_equal(write_bundle(f, seed, plain), 0);
	assert_false(is_there(in(f, "out/rest")));
}

/* ---- logs ---- */

static bool progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
	assert_true(done <= total);
	*(unsigned *)arg += strcmp(what, "log of shard 0") == 0;
	return true;
}

static void sign_note(int dir, const char *name, const char *text, const char *origin)
{
	struct buf note;

	buf_init(&note, 2048);
	assert_int_equal(note_sign(slice_text(text), origin, log_seed, &note), 0);
	assert_int_equal(tlog_publish(dir, name, buf_slice(&note)), 0);
	buf_release(&note);
}

static uint64_t first_entry; /* other than 0: another log */

/* A host's log of `size` entries, grown in steps, so that it has partial files of before. */
static int make_log(
    const char *path, const char *origin, uint64_t size, struct checkpoint *ret_checkpoint)
{
	char bad[TLOG_PATH_MAX], issued[200];
	struct tree *tree;
	struct buf note;
	int dir;

	assert_int_equal(mkdir(path, 0755), 0);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir >= 0);
	assert_int_equal(tree_open(dir, 0, &tree, bad), 0);
	for (uint64_t i = 0; i < size; i++) {
		uint8_t entry[TLOG_ENTRY_SIZE] = {1};

		put_u64be(entry + 8, first_entry + i);
		assert_int_equal(tree_append(tree, entry), 0);
		if (i == size / 2 || i == size - 2)
			assert_int_equal(tree_flush(tree), 0);
	}
	assert_int_equal(tree_flush(tree), 0);
	ret_checkpoint->size = size;
	tree_root(tree, ret_checkpoint->root);
	tree_free(tree);
	buf_init(&note, CHECKPOINT_MAX);
	assert_int_equal(checkpoint_sign(ret_checkpoint, origin, log_seed, &note), 0);
	assert_int_equal(tlog_publish(dir, "checkpoint", buf_slice(&note)), 0);
	buf_release(&note);
	(void)snprintf(issued, sizeof(issued), "tallyd issued v1\n%s\n%llu\n77\n", origin,
	    (unsigned long long)size);
	sign_note(dir, "issued", issued, origin);
	return dir;
}

static int copy(struct fixture *f, int host, struct bundle_log *log, struct bundle_list *ret_list)
{
	struct bundle *bundle = NULL;
	uint64_t issued = 0;
	unsigned told = 0;
	int r;

	log->progress = progress;
	log->arg = &told;
	assert_int_equal(bundle_new(&f->options, &bundle, f->why), 0);
	r = bundle_copy_log(bundle, host, log, &issued, f->why);
	if (r == 0) {
		assert_int_equal(issued, 77);
		assert_true(told > 0);
		assert_int_equal(bundle_list_files(bundle_stage(bundle), ret_list), 0);
	}
	bundle_free(bundle);
	return r;
}

/* 65,536 + 256 + 3: three levels, of each something full and something partial. */
static void test_copies_exactly_the_tree(void **state)
{
	static const char *const last[] = {"log/kai/0/checkpoint", "log/kai/0/issued"};
	struct fixture *f = *state;
	struct bundle_log log = {
	    .contest = "kai", .identity = IDENTITY, .log_key = log_key, .epoch = 1};
	struct bundle_list list;
	int host = make_log(in(f, "host"), IDENTITY, 65795, &log.certified);

	assert_int_equal(copy(f, host, &log, &list), 0);
	/* Tiles of level 0, entries: 257 full and one of 3; level 1: 1 full, one of 1; level 2:
	 * of 1.
	 */
	assert_int_equal(list.n, 2 * 258 + 2 + 1 + 2);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(list.paths[i], last[i]);
	bundle_list_release(&list);

	log.certified.size--;
	assert_int_equal(copy(f, host, &log, &list), -ESTALE);
	assert_non_null(strstr(f->why, "this host's is of 65795 entries, and 65794 are wanted"));
	log.certified.size++;
	log.certified.root[0] ^= 1;
	assert_int_equal(copy(f, host, &log, &list), -EBADMSG);
	log.certified.root[0] ^= 1;
	assert_int_equal(unlinkat(host, "tile/1/000", 0), 0);
	assert_int_equal(copy(f, host, &log, &list), -ENOENT);
	assert_non_null(strstr(f->why, "log/kai/0/tile/1/000: this host's copy cannot be taken"));
	(void)close(host);
}

/* The entries make the root, but an inner tile was changed: nobody who reads tiles would agree. */
static void test_finds_a_changed_tile(void **state)
{
	struct fixture *f = *state;
	struct bundle_log log = {
	    .contest = "kai", .identity = IDENTITY, .log_key = log_key, .epoch = 1};
	struct bundle_list list;
	int host = make_log(in(f, "host"), IDENTITY, 600, &log.certified);
	int tile = openat(host, "tile/1/000.p/2", O_RDWR | O_CLOEXEC);
	uint8_t byte;

	assert_int_equal(pread(tile, &byte, 1, 40), 1);
	byte ^= 1;
	assert_int_equal(pwrite(tile, &byte, 1, 40), 1);
	(void)close(tile);
	assert_int_equal(copy(f, host, &log, &list), -EBADMSG);
	assert_non_null(strstr(f->why, "tile/1/000.p/2: this host's copy is damaged"));
	(void)close(host);
}

/* Files that agree with one another, and are not those of the checkpoint. */
static void test_finds_another_log(void **state)
{
	struct fixture *f = *state;
	struct bundle_log log = {
	    .contest = "kai", .identity = IDENTITY, .log_key = log_key, .epoch = 1};
	struct checkpoint other;
	struct bundle_list list;
	char note[2000];
	int host = make_log(in(f, "host"), IDENTITY, 5, &log.certified);
	int dir;

	first_entry = 100;
	dir = make_log(in(f, "other"), IDENTITY, 5, &other);
	first_entry = 0;
	read_file(in(f, "host/checkpoint"), note, sizeof(note));
	assert_int_equal(tlog_publish(dir, "checkpoint", slice_text(note)), 0);
	assert_int_equal(copy(f, dir, &log, &list), -EBADMSG);
	assert_non_null(strstr(f->why, "has another root than the checkpoint of 5 entries"));
	(void)close(dir);
	(void)close(host);
}

static void test_takes_old_epochs_along(void **state)
{
	struct fixture *f = *state;
	const char *origin = IDENTITY "/epoch-2";
	struct bundle_log log = {
	    .contest = "kai", .identity = IDENTITY, .log_key = log_key, .epoch = 2};
	struct checkpoint old;
	struct bundle_list list;
	char root[BASE64_SIZE(32)], text[400];
	int host = make_log(in(f, "host"), IDENTITY, 5, &old);
	int dir = make_log(in(f, "host/epoch-2"), origin, 3, &log.certified);

	assert_int_equal(copy(f, host, &log, &list), -ENOENT); /* no statement */
	base64_encode(old.root, 32, root);
	(void)snprintf(
	    text, sizeof(text), "tallyd epoch v1\n%s\n%s\n5\n%s\n3\n", origin, IDENTITY, root);
	sign_note(dir, "statement", text, origin);
	assert_int_equal(copy(f, host, &log, &list), 0);
	assert_int_equal(list.n, 4 + 5);
	bundle_list_release(&list);
	(void)snprintf(
	    text, sizeof(text), "tallyd epoch v1\n%s\n%s\n6\n%s\n3\n", origin, IDENTITY, root);
	sign_note(dir, "statement", text, origin);
	assert_int_equal(copy(f, host, &log, &list), -ESTALE);
	(void)snprintf(text, sizeof(text), "tallyd epoch v2\n%s\n", origin);
	sign_note(dir, "statement", text, origin);
	assert_int_equal(copy(f, host, &log, &list), -EBADMSG);
	(void)close(dir);
	(void)close(host);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_writes),
	    TEST(test_replaces_only_what_is_its_own),
	    TEST(test_replaces_only_its_own_kind),
	    TEST(test_takes_another_key_for_another_bundle),
	    TEST(test_places),
	    TEST(test_many_begin_at_once),
	    TEST(test_one_at_a_time),
	    TEST(test_copies_exactly_the_tree),
	    TEST(test_finds_a_changed_tile),
	    TEST(test_finds_another_log),
	    TEST(test_takes_old_epochs_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
