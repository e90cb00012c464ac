/* What was acknowledged, known to several: places by name, numbers that only grow, epochs; and
 * ledgers that share it. */
#include "ledger_fixture.h"

#include <sys/mman.h>
#include <sys/wait.h>

#include "store/marks.h"

#define A "choices\nupstage\n"

static struct marks *marks_new(void)
{
	void *memory =
	    mmap(NULL, marks_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	return marks_in(memory);
}

static void marks_end(struct marks *marks)
{
	munmap(marks, marks_size());
}

static void test_places(void **state)
{
	struct marks *marks = marks_new();
	struct marks_shard *places[MARKS_MAX];
	char name[32];

	(void)state;
	for (unsigned i = 0; i < MARKS_MAX; i++) {
		snprintf(name, sizeof(name), "{c/%u}", i);
		places[i] = marks_of(marks, name);
		assert_non_null(places[i]);
		assert_int_equal(places[i]->ballots, 0);
		marks_raise(&places[i]->ballots, i + 1);
	}
	assert_null(marks_of(marks, "{c/one more}"));
	for (unsigned i = 0; i < MARKS_MAX; i++) {
		snprintf(name, sizeof(name), "{c/%u}", i);
		assert_ptr_equal(marks_of(marks, name), places[i]);
		assert_int_equal(places[i]->ballots, i + 1);
	}
	marks_end(marks);
}

static void test_only_grows_within_an_epoch(void **state)
{
	struct marks *marks = marks_new();
	struct marks_shard *shard = marks_of(marks, "{c/0}");
	static const struct {
		uint64_t epoch, raised, expected;
	} rows[] = {
	    {0, 5, 5},
	    {0, 4, 5},
	    {2, 0, 5}, /* the first one that is told */
	    {2, 7, 7},
	    {1, 0, 7}, /* an older Redis */
	    {1, 8, 8},
	    {2, 0, 0},
	    {2, 3, 3},
	    {3, 0, 0},
	    {3, 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (rows[i].epoch)
			marks_epoch(shard, rows[i].epoch);
		marks_raise(&shard->ballots, rows[i].raised);
		marks_raise(&shard->issued, 2 * rows[i].raised);
		assert_int_equal(shard->ballots, rows[i].expected);
		assert_int_equal(shard->issued, 2 * rows[i].expected);
	}
	marks_end(marks);
}

/* Every process claims the same places at once, and raises the same numbers. */
static void test_many_processes(void **state)
{
	enum { PROCESSES = 8, SHARDS = 32, STEPS = 20000 };
	struct marks *marks = marks_new();
	pid_t pids[PROCESSES];
	char name[32];

	(void)state;
	for (unsigned p = 0; p < PROCESSES; p++) {
		pids[p] = fork();
		if (pids[p] != 0)
			continue;
		for (unsigned i = 0; i < STEPS; i++) {
			snprintf(name, sizeof(name), "{c/%u}", (i + p) % SHARDS);
			marks_raise(&marks_of(marks, name)->ballots, i * PROCESSES + p);
		}
		_exit(0);
	}
	for (unsigned p = 0; p < PROCESSES; p++) {
		int status;

		assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
		assert_int_equal(status, 0);
	}
	for (unsigned s = 0; s < SHARDS; s++) {
		uint64_t most = 0;

		for (unsigned p = 0; p < PROCESSES; p++)
			for (unsigned i = STEPS - SHARDS; i < STEPS; i++)
				if ((i + p) % SHARDS == s && i * PROCESSES + p > most)
					most = i * PROCESSES + p;
		snprintf(name, sizeof(name), "{c/%u}", s);
		assert_int_equal(marks_of(marks, name)->ballots, most);
	}
	marks_end(marks);
}

static void lose_last(struct fixture *f)
{
	server_do(&f->server, "XDEL {c/0}:log 2-0");
	server_do(&f->server, "XSETID {c/0}:log 1-0");
}

/* A worker that was started, or reloaded, after the others had acknowledged. */
static void test_a_later_ledger_knows(void **state)
{
	(void)state;
	for (size_t shared = 0; shared < 2; shared++) {
		struct marks *marks = marks_new();
		struct fixture f;
		uint8_t spent[16];

		fixture_init(&f);
		f.options.marks = shared ? marks : NULL;
		fixture_open_ready(&f);
		for (uint32_t i = 0; i < 2; i++) {
			make_spent(spent, 0, 0, i);
			assert_int_equal(
			    cast_now(&f, spent, A, "x", -1).result.verdict, CAST_COUNTED);
		}
		fixture_shut(&f);
		lose_last(&f);
		fixture_open(&f);
		if (shared) {
			wait_until(&f, strstr(ledger_why(f.ledger), "behind: shard "));
			ledger_in_epoch(f.ledger, 1); /* the first that anybody tells of */
			server_do(&f.server, "FLUSHALL");
			assert_false(ledger_is_ready(f.ledger));
			ledger_in_epoch(f.ledger, 2);
		}
		wait_until(&f, ledger_is_ready(f.ledger));
		make_spent(spent, 0, 0, 7);
		assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_COUNTED);
		fixture_close(&f);
		marks_end(marks);
	}
}

/* And one that acknowledged less than its neighbour, while both are connected. */
static void test_a_neighbour_knows(void **state)
{
	struct marks *marks = marks_new();
	struct fixture f;
	struct marks_shard *place = marks_of(marks, "{c/0}");
	uint8_t spent[16];

	(void)state;
	fixture_init(&f);
	f.options.marks = marks;
	fixture_open_ready(&f);
	make_spent(spent, 0, 0, 1);
	assert_int_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_COUNTED);
	assert_int_equal(place->ballots, 1);
	marks_raise(&place->ballots, 2);
	make_spent(spent, 0, 0, 2);
	assert_int_not_equal(cast_now(&f, spent, A, "x", -1).result.verdict, CAST_COUNTED);
	assert_int_equal(server_integer(&f.server, "XLEN {c/0}:log"), 1);
	fixture_close(&f);
	marks_end(marks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_places),
	    cmocka_unit_test(test_only_grows_within_an_epoch),
	    cmocka_unit_test(test_many_processes),
	    cmocka_unit_test(test_a_later_ledger_knows),
	    cmocka_unit_test(test_a_neighbour_knows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
