/* The repair of an append-only file's tail: on made-up files for what must be cut and what refused,
 * and on a real one, torn at every byte of its last transactions. */
#include "ledger_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "store/aof.h"

#define SET   "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nvv\r\n"
#define MULTI "*1\r\n$5\r\nMULTI\r\n"
#define EXEC  "*1\r\n$4\r\nEXEC\r\n"
#define TS    "#TS:1766275200\r\n"

static void put_file(const char *dir, const char *name, const char *bytes, size_t len)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static char *get_file(const char *dir, const char *name, size_t *ret_len)
{
	static char bytes[4 << 20];
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "", name);
	file = fopen(path, "r");
	if (!file)
		return NULL;
	*ret_len = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	return bytes;
}

/* ---- made-up files ---- */

struct row {
	const char *what;
	const char *first, *last; /* incremental files; NULL: missing */
	int error;
	size_t keep; /* of `last` */
	const char *file_at_fault;
	size_t offset;
};

static const struct row rows[] = {
    {"whole", SET, SET MULTI SET EXEC, 0, SIZE_MAX, NULL, 0},
    {"empty", SET, "", 0, SIZE_MAX, NULL, 0},
    {"annotated", TS SET, TS SET TS MULTI SET TS SET EXEC TS, 0, SIZE_MAX, NULL, 0},
    {"annotation torn", SET, SET "#TS:17662", 0, sizeof(SET) - 1, NULL, 0},
    {"command torn in a value", SET, SET "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nv", 0,
	sizeof(SET) - 1, NULL, 0},
    {"command torn after one byte", SET, SET "*", 0, sizeof(SET) - 1, NULL, 0},
    {"command torn between CR and LF", SET, SET "*3\r", 0, sizeof(SET) - 1, NULL, 0},
    {"transaction without EXEC", SET, SET MULTI SET SET, 0, sizeof(SET) - 1, NULL, 0},
    {"transaction torn in EXEC", SET, SET MULTI SET "*1\r\n$4\r\nEXEC\r", 0, sizeof(SET) - 1, NULL,
	0},
    {"nothing but a torn command", SET, "*3\r\n$3\r\nSE", 0, 0, NULL, 0},
    {"lower case", SET, SET "*1\r\n$5\r\nmulti\r\n" SET, 0, sizeof(SET) - 1, NULL, 0},
    {"garbage at the end", SET, SET "garbage", -EBADMSG, SIZE_MAX, "2.incr", sizeof(SET) - 1},
    {"garbage in the middle", SET, SET "x" SET, -EBADMSG, SIZE_MAX, "2.incr", sizeof(SET) - 1},
    {"wrong length", SET, SET "*3\r\n$3\r\nSET\r\n$1\r\nkk\r\n$2\r\nvv\r\n", -EBADMSG, SIZE_MAX,
	"2.incr", sizeof(SET) - 1},
    {"length that swallows a transaction", SET,
	SET "*2\r\n$3\r\nSET\r\n$99999\r\nk\r\n" MULTI SET EXEC, -EBADMSG, SIZE_MAX, "2.incr",
	sizeof(SET) - 1},
    {"length that swallows only its EXEC", SET, MULTI "*2\r\n$3\r\nSET\r\n$99999\r\nk\r\n" SET EXEC,
	-EBADMSG, SIZE_MAX, "2.incr", 0},
    {"EXEC without MULTI", SET, SET EXEC, -EBADMSG, SIZE_MAX, "2.incr", sizeof(SET) - 1},
    {"MULTI in MULTI", SET, MULTI SET MULTI SET EXEC, -EBADMSG, SIZE_MAX, "2.incr",
	sizeof(MULTI SET) - 1},
    {"no arguments", SET, SET "*0\r\n", -EBADMSG, SIZE_MAX, "2.incr", sizeof(SET) - 1},
    {"bare LF", SET, SET "*1\n$4\nPING\n", -EBADMSG, SIZE_MAX, "2.incr", sizeof(SET) - 1},
    {"negative length", SET, "*1\r\n$-1\r\n", -EBADMSG, SIZE_MAX, "2.incr", 0},
    {"earlier file torn", SET "*3\r\n", SET, -EBADMSG, SIZE_MAX, "1.incr", sizeof(SET) - 1},
    {"earlier transaction open", MULTI SET, SET, -EBADMSG, SIZE_MAX, "1.incr", 0},
    {"earlier file missing", NULL, SET, -ENOENT, SIZE_MAX, "1.incr", 0},
    {"last file missing", SET, NULL, -ENOENT, SIZE_MAX, "2.incr", 0},
};

static void make_aof(struct redis_server *at, char adir[96])
{
	static const char manifest[] =
	    "file a.1.base.rdb seq 1 type b\n"
	    "file a.0.incr.aof seq 0 type h\n"
	    "file a.1.incr.aof seq 1 type i\n"
	    "file a.2.incr.aof seq 2 type i\n";
	static const char base[] =
	    "REDIS0010......................\xff"
	    "12345678";

	server_dir(at);
	snprintf(adir, 96, "%s/appendonlydir", at->dir);
	assert_int_equal(mkdir(adir, 0700), 0);
	put_file(adir, "appendonly.aof.manifest", manifest, sizeof(manifest) - 1);
	put_file(adir, "a.1.base.rdb", base, sizeof(base) - 1);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		size_t len = row->last ? strlen(row->last) : 0;
		size_t keep = row->keep == SIZE_MAX ? len : row->keep, got_len;
		struct aof_report report;
		struct redis_server at;
		char adir[96], *got;

		print_message("%s\n", row->what);
		make_aof(&at, adir);
		if (row->first)
			put_file(adir, "a.1.incr.aof", row->first, strlen(row->first));
		if (row->last)
			put_file(adir, "a.2.incr.aof", row->last, len);
		assert_int_equal(aof_repair_tail(at.dir, &report), row->error);
		if (row->file_at_fault) {
			assert_non_null(strstr(report.file, row->file_at_fault));
			assert_int_equal(report.offset, row->offset);
			assert_true(report.why[0] != '\0');
		}
		if (row->last) {
			got = get_file(adir, "a.2.incr.aof", &got_len);
			assert_int_equal(got_len, keep);
			assert_memory_equal(got, row->last, keep);
		}
		assert_int_equal(report.cut, len - keep);
		if (keep < len) {
			got = get_file("", report.kept, &got_len);
			assert_non_null(got);
			assert_int_equal(got_len, len - keep);
			assert_memory_equal(got, row->last + keep, got_len);
			/* A second time there is nothing left to do. */
			assert_int_equal(aof_repair_tail(at.dir, &report), 0);
			assert_int_equal(report.cut, 0);
		}
		server_remove(&at);
	}
}

static void test_too_long_a_tail(void **state)
{
	enum { LEN = AOF_CUT_MAX + 100 };
	char *bytes = malloc(LEN);
	struct aof_report report;
	struct redis_server at;
	char adir[96];
	size_t len;

	(void)state;
	memset(bytes, 'x', LEN);
	memcpy(bytes, "*2\r\n$3\r\nSET\r\n$2000000\r\n", 24);
	make_aof(&at, adir);
	put_file(adir, "a.1.incr.aof", SET, sizeof(SET) - 1);
	put_file(adir, "a.2.incr.aof", bytes, LEN);
	assert_int_equal(aof_repair_tail(at.dir, &report), -EBADMSG);
	assert_non_null(get_file(adir, "a.2.incr.aof", &len));
	assert_int_equal(len, LEN);
	server_remove(&at);
	free(bytes);
}

static void test_manifest_and_base(void **state)
{
	struct aof_report report;
	struct redis_server at;
	char adir[96];

	(void)state;
	/* Nothing there yet. */
	server_dir(&at);
	assert_int_equal(aof_repair_tail(at.dir, &report), 0);
	server_remove(&at);
	/* A base file torn off. */
	make_aof(&at, adir);
	put_file(adir, "a.1.incr.aof", "", 0);
	put_file(adir, "a.2.incr.aof", "", 0);
	put_file(adir, "a.1.base.rdb", "REDIS0010......................", 31);
	assert_int_equal(aof_repair_tail(at.dir, &report), -EBADMSG);
	assert_non_null(strstr(report.file, "base"));
	/* A manifest that is none. */
	put_file(adir, "appendonly.aof.manifest", "file x\n", 7);
	assert_int_equal(aof_repair_tail(at.dir, &report), -EBADMSG);
	assert_non_null(strstr(report.file, "manifest"));
	server_remove(&at);
	/* None at all: fine when Redis was killed in its first start, not when there are data. */
	make_aof(&at, adir);
	snprintf(report.file, sizeof(report.file), "%s/appendonly.aof.manifest", adir);
	assert_int_equal(unlink(report.file), 0);
	assert_int_equal(aof_repair_tail(at.dir, &report), 0);
	for (int i = 0; i < 3; i++) {
		char much[1024];

		memset(much, 'x', sizeof(much));
		put_file(adir, "a.1.incr.aof", much, sizeof(much));
	}
	assert_int_equal(aof_repair_tail(at.dir, &report), -ENOENT);
	server_remove(&at);
}

#define NUL "file a.1.base.rdb seq 1 type b\nfile a.1\0"

/* Behind a NUL the lines were not seen, and so their files not. */
static void test_manifest_with_a_nul(void **state)
{
	struct aof_report report;
	struct redis_server at;
	char adir[96], why[AOF_EXPLAINED_MAX];

	(void)state;
	make_aof(&at, adir);
	put_file(adir, "a.1.incr.aof", SET, sizeof(SET) - 1);
	put_file(adir, "appendonly.aof.manifest", NUL ".incr.aof seq 1 type i\n",
	    sizeof(NUL ".incr.aof seq 1 type i\n") - 1);
	assert_int_equal(aof_repair_tail(at.dir, &report), -EBADMSG);
	assert_int_equal(report.offset, 39);
	assert_string_equal(report.why, "a NUL byte in line 2, column 9");
	put_file(adir, "appendonly.aof.manifest", "\0", 1);
	assert_int_equal(aof_repair_tail(at.dir, &report), -EBADMSG);
	assert_string_equal(report.why, "a NUL byte in line 1, column 1");
	/* No more is said of it than that. */
	aof_explain(&report, -EBADMSG, why, sizeof(why));
	assert_non_null(
	    strstr(why, "manifest, offset 0: a NUL byte in line 1, column 1. Nothing was"));
	server_remove(&at);
}

/* Nothing is opened that blocks, and nothing changed that lies elsewhere. */
static void test_not_files(void **state)
{
	static const char *const names[] = {
	    "appendonly.aof.manifest", "a.1.base.rdb", "a.1.incr.aof", "a.2.incr.aof"};
	static const char torn[] = SET "*3\r\n$3";

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(names) / sizeof(*names); i++) {
		const char *name = names[i / 2];
		struct aof_report report;
		struct redis_server at;
		char adir[96], path[128], away[128];
		size_t len;

		make_aof(&at, adir);
		put_file(adir, "a.1.incr.aof", SET, sizeof(SET) - 1);
		put_file(adir, "a.2.incr.aof", torn, sizeof(torn) - 1);
		snprintf(path, sizeof(path), "%s/%s", adir, name);
		snprintf(away, sizeof(away), "%s/away", at.dir);
		assert_int_equal(rename(path, away), 0);
		assert_int_equal(i % 2 ? mkfifo(path, 0600) : symlink(away, path), 0);
		alarm(30);
		assert_int_equal(aof_repair_tail(at.dir, &report), -EBADMSG);
		alarm(0);
		assert_non_null(strstr(report.file, name));
		assert_string_equal(report.why, "not a regular file");
		get_file(name == names[3] ? at.dir : adir,
		    name == names[3] ? "away" : "a.2.incr.aof", &len);
		assert_int_equal(len, sizeof(torn) - 1);
		server_remove(&at);
	}
}

static unsigned count_files(const char *dir)
{
	DIR *stream = opendir(dir);
	unsigned n = 0;

	while (readdir(stream))
		n++;
	closedir(stream);
	return n;
}

/* What somebody is writing looks torn, and what somebody reads must not change under him. */
static void test_in_use(void **state)
{
	static const struct {
		const char *last;
		int flags, error;
	} uses[] = {
	    {SET, O_WRONLY | O_APPEND, -EBUSY},
	    {SET "*3\r\n$3", O_WRONLY | O_APPEND, -EBUSY},
	    {SET "garbage", O_WRONLY | O_APPEND, -EBUSY}, /* who knows */
	    {SET "*3\r\n$3", O_RDONLY, -EBUSY},
	    {SET, O_RDONLY, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(uses) / sizeof(*uses); i++) {
		char adir[96], path[128], why[AOF_EXPLAINED_MAX], expected[160], *bytes;
		size_t len = strlen(uses[i].last), now;
		struct aof_report report;
		struct redis_server at;
		unsigned files;
		pid_t user;

		make_aof(&at, adir);
		put_file(adir, "a.1.incr.aof", SET, sizeof(SET) - 1);
		put_file(adir, "a.2.incr.aof", uses[i].last, len);
		files = count_files(adir);
		snprintf(path, sizeof(path), "%s/a.2.incr.aof", adir);
		user = server_stand_in(path, uses[i].flags);
		assert_int_equal(aof_repair_tail(at.dir, &report), uses[i].error);
		bytes = get_file(adir, "a.2.incr.aof", &now);
		assert_int_equal(now, len);
		assert_memory_equal(bytes, uses[i].last, len);
		assert_int_equal(count_files(adir), files);
		assert_int_equal(report.cut, 0);
		if (uses[i].error) {
			aof_explain(&report, uses[i].error, why, sizeof(why));
			snprintf(expected, sizeof(expected), "%s is in use by process %d (a", path,
			    (int)user);
			assert_memory_equal(why, expected, strlen(expected));
		}
		server_stand_in_end(user);
		if (i == 3)
			assert_int_equal(aof_repair_tail(at.dir, &report), 0);
		assert_int_equal(report.cut, i == 3 ? 6 : 0);
		server_remove(&at);
	}
}

/* A Redis that rewrites turns to another file between our look at the manifest and our hold of the
 * last file: here one that does nothing else. */
static void test_manifest_changes(void **state)
{
	struct aof_report report;
	struct redis_server at;
	char adir[96], path[128], other[128];
	pid_t rewriter;
	int r;

	(void)state;
	make_aof(&at, adir);
	put_file(adir, "a.1.incr.aof", SET, sizeof(SET) - 1);
	put_file(adir, "a.2.incr.aof", SET, sizeof(SET) - 1);
	put_file(adir, "other", "file a.1.incr.aof seq 1 type i\n", 31);
	snprintf(path, sizeof(path), "%s/appendonly.aof.manifest", adir);
	snprintf(other, sizeof(other), "%s/other", adir);
	rewriter = fork();
	if (rewriter == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE) == 0)
			;
		_exit(1);
	}
	alarm(30);
	do
		r = aof_repair_tail(at.dir, &report);
	while (r == 0);
	alarm(0);
	assert_int_equal(r, -EBUSY);
	assert_non_null(strstr(report.file, "manifest"));
	server_stand_in_end(rewriter);
	server_remove(&at);
}

/* ---- a real one, torn everywhere ---- */

enum { ACKNOWLEDGED = 6, TORN = 2, N = ACKNOWLEDGED + TORN };

/* Ballot i; those beyond ACKNOWLEDGED go out in one batch, so in one transaction. */
static void cast_some(struct fixture *f, uint32_t from, uint32_t to, struct cast_record *records)
{
	unsigned pending = to - from;
	uint8_t spent[16];

	for (uint32_t i = from; i < to; i++) {
		memset(&records[i], 0, sizeof(records[i]));
		records[i].pending = &pending;
		make_spent(spent, 0, i % 3, 100 + i);
		cast_one(f, spent, "choices\na\n", "x", -1, &records[i]);
	}
	wait_until(f, pending == 0);
}

static void serve(struct fixture *f)
{
	server_start(&f->server, true);
	fixture_open(f);
	wait_until(f, ledger_is_ready(f->ledger));
}

static void stop(struct fixture *f)
{
	fixture_shut(f);
	server_end(&f->server, SIGKILL);
}

static void check_votes(struct fixture *f, const struct cast_record *before, uint32_t n_before)
{
	struct cast_record again[N];
	struct totals_record totals;

	cast_some(f, 0, N, again);
	for (uint32_t i = 0; i < N; i++) {
		bool stood = again[i].result.verdict == CAST_SAME;

		if (!stood)
			assert_int_equal(again[i].result.verdict, CAST_COUNTED);
		if (i < n_before) {
			assert_true(stood);
			assert_int_equal(again[i].result.index, before[i].result.index);
		}
	}
	totals = totals_now(f);
	assert_int_equal(totals.error, 0);
	assert_int_equal(totals.totals.ballots, N);
	assert_int_equal(totals.totals.log_size, N);
	assert_int_equal(counter_of(&totals, "x"), N);
}

/* For every length that the file had while the last transaction was being written, the repair
 * leaves the very same bytes. Redis then starts from them, what was acknowledged is there under its
 * index, what was not can be cast again; and the same once more after another restart. As the bytes
 * are equal, Redis need not be started for each length: TEST_AOF_STEP=1 does it all the same. */
static void test_torn_everywhere(void **state)
{
	static char whole[1 << 20];
	struct cast_record acknowledged[N];
	struct aof_report report;
	struct fixture f;
	char adir[96], *bytes;
	const char *name = "appendonly.aof.1.incr.aof", *given = getenv("TEST_AOF_STEP");
	size_t before, len, step = given ? strtoul(given, NULL, 10) : 29;

	(void)state;
	fixture_init(&f);
	snprintf(adir, sizeof(adir), "%s/appendonlydir", f.server.dir);
	serve(&f);
	for (uint32_t i = 0; i < ACKNOWLEDGED; i++)
		cast_some(&f, i, i + 1, acknowledged);
	get_file(adir, name, &before);
	cast_some(&f, ACKNOWLEDGED, N, acknowledged);
	bytes = get_file(adir, name, &len);
	assert_true(len < sizeof(whole));
	memcpy(whole, bytes, len);
	assert_true(len > before);
	stop(&f);

	for (size_t at = before; at <= len; at++) {
		size_t now;

		put_file(adir, name, whole, at);
		if (aof_repair_tail(f.server.dir, &report) != 0)
			fail_msg("%zu: %s at %llu: %s", at, report.file,
			    (unsigned long long)report.offset, report.why);
		get_file(adir, name, &now);
		assert_int_equal(now, at == len ? len : before);
		assert_int_equal(report.cut, at - now);
		if (report.cut)
			assert_int_equal(unlink(report.kept), 0);
		assert_memory_equal(get_file(adir, name, &now), whole, at == len ? len : before);
		if ((at - before) % step != 0 && at != len)
			continue;

		serve(&f);
		check_votes(&f, acknowledged, at == len ? N : ACKNOWLEDGED);
		stop(&f);
		assert_int_equal(aof_repair_tail(f.server.dir, &report), 0);
		assert_int_equal(report.cut, 0);
		serve(&f);
		check_votes(&f, acknowledged, ACKNOWLEDGED);
		stop(&f);
	}
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_too_long_a_tail),
	    cmocka_unit_test(test_manifest_and_base),
	    cmocka_unit_test(test_manifest_with_a_nul),
	    cmocka_unit_test(test_not_files),
	    cmocka_unit_test(test_in_use),
	    cmocka_unit_test(test_manifest_changes),
	    cmocka_unit_test(test_torn_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
