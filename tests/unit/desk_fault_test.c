/* The desk with a rival, with damage, and with Redis absent, stopped, full, or emptied of its
 * functions. Whatever happens, a decision is carried out once or not at all, and told which;
 * and the audit log has exactly what was. */
#include "desk_fixture.h"

#include <errno.h>

#define C "{c~rehearsal}:"

/* ---- rivals ---- */

static void test_in_order(void **state)
{
	enum { N = 200 };
	struct desk_fixture f;
	struct deed deeds[N];
	unsigned pending = N;

	(void)state;
	desk_fixture_start(&f);
	for (int i = 0; i < N; i++) {
		deeds[i] = (struct deed){.fill = fill_increment, .pending = &pending};
		desk_update(f.desk[0], NULL, 0, deed_decide, deed_done, &deeds[i]);
	}
	desk_wait(&f, pending == 0);
	for (int i = 0; i < N; i++) {
		assert_int_equal(deeds[i].outcome, DESK_WRITTEN);
		assert_int_equal(deeds[i].n, i + 1);
		assert_int_equal(deeds[i].decided, 1);
	}
	assert_int_equal(server_integer(&f.server, "HGET " C "record count"), N);
	desk_fixture_close(&f);
}

/* Another desk's change, made while this decision is being taken. */
struct intrusion {
	struct deed deed;
	struct redis_server *server;
	unsigned times;
};

static void fill_intruded(
    struct deed *deed, const struct desk_view *view, struct desk_change *change)
{
	struct intrusion *intrusion = (struct intrusion *)deed;
	struct slice head = desk_get(view, DESK_RECORD, "head");

	fill_increment(deed, view, change);
	if (deed->decided > intrusion->times)
		return;
	server_do(intrusion->server,
	    "FCALL desk_write_1 3 " C "record " C "audit " C "revisions %llu %b 0 {} %b 0 %s %s %s",
	    (unsigned long long)desk_size(view), head.len ? head.ptr : "", head.len,
	    "0123456789abcdef0123456789abcdef", (size_t)32, "", "", "");
}

static void test_moved(void **state)
{
	static const struct {
		unsigned times, decided;
		enum desk_outcome outcome;
	} rows[] = {{0, 1, DESK_WRITTEN}, {1, 2, DESK_WRITTEN}, {99, 100, DESK_WRITTEN},
	    {1000, 100, DESK_BUSY}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct desk_fixture f;
		struct intrusion intrusion = {
		    .deed.fill = fill_intruded, .server = &f.server, .times = rows[i].times};

		desk_fixture_start(&f);
		deed_now(&f, &intrusion.deed);
		assert_int_equal(intrusion.deed.outcome, rows[i].outcome);
		assert_int_equal(intrusion.deed.decided, rows[i].decided);
		assert_int_equal(server_integer(&f.server, "HGET " C "record n"),
		    100 < rows[i].times ? 100 : rows[i].times + 1);
		desk_fixture_close(&f);
	}
}

static void test_queue_full(void **state)
{
	enum { N = DESK_QUEUE_MAX + 7 };
	struct desk_fixture f;
	struct deed *deeds = calloc(N, sizeof(*deeds));
	unsigned pending = N;

	(void)state;
	desk_fixture_start(&f);
	for (int i = 0; i < N; i++) {
		deeds[i] = (struct deed){.fill = fill_increment, .pending = &pending};
		desk_update(f.desk[0], NULL, 0, deed_decide, deed_done, &deeds[i]);
	}
	assert_int_equal(pending, N);
	desk_wait(&f, pending == 0);
	for (int i = 0; i < N; i++) {
		assert_int_equal(deeds[i].outcome, i < DESK_QUEUE_MAX ? DESK_WRITTEN : DESK_BUSY);
		assert_int_equal(deeds[i].decided, i < DESK_QUEUE_MAX);
	}
	/* And there is room again. */
	assert_int_equal(write_person(&f), DESK_WRITTEN);
	desk_fixture_close(&f);
	free(deeds);
}

/* ---- damage ---- */

static void fill_all(struct deed *deed, const struct desk_view *view, struct desk_change *change)
{
	fill_person(deed, view, change);
	(void)desk_set(change, DESK_METRICS, "m", slice_text("1"));
	(void)desk_revise(change, "kim", slice_text("{}"));
}

static void test_damage(void **state)
{
	static const char *const damages[] = {
	    "SET " C "record x",
	    "HSET " C "record n 01",
	    "HSET " C "record n -1",
	    "HSET " C "record n x",
	    "HSET " C "record n 3",
	    "HSET " C "record n 1",
	    "HSET " C "record version 1.5",
	    "HSET " C "record head short",
	    "HDEL " C "record head",
	    "DEL " C "record",
	    "DEL " C "audit",
	    "XDEL " C "audit 2-0",
	    "XDEL " C "audit 1-0",
	    "XADD " C "audit 3-0 j {}",
	    "XADD " C "audit 2-1 j {}",
	    "XTRIM " C "audit MAXLEN 0",
	    "XADD " C "revisions 3-0 e x",
	    "XADD " C "revisions 9-9 e x",
	    "SET " C "metrics x",
	    "SADD " C "revisions x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		struct desk_fixture f;
		struct deed deed = {.fill = fill_all};
		long long audit;

		desk_fixture_start(&f);
		for (int k = 0; k < 2; k++)
			assert_int_equal(write_person(&f), DESK_WRITTEN);
		server_do(&f.server, "HSET " C "people p 7");
		server_do(&f.server, damages[i]);
		audit = server_integer(&f.server, "XLEN " C "audit");
		deed_now(&f, &deed);
		if (deed.outcome != DESK_DAMAGED)
			print_message("%s\n", damages[i]);
		assert_int_equal(deed.outcome, DESK_DAMAGED);
		assert_int_equal(server_integer(&f.server, "HGET " C "people p"), 7);
		assert_int_equal(server_integer(&f.server, "XLEN " C "audit"), audit);
		desk_fixture_close(&f);
	}
}

static void test_damaged_lists(void **state)
{
	static const struct {
		const char *damage;
		uint64_t after;
		int error;
	} rows[] = {
	    {"PING", 0, 0},
	    {"SET " C "audit x", 0, -EBADMSG},
	    {"XDEL " C "audit 3-0", 0, -EBADMSG},
	    {"XDEL " C "audit 3-0", 3, 0},
	    {"XDEL " C "audit 1-0", 0, -EBADMSG},
	    {"XADD " C "audit 5-1 j x", 0, -EBADMSG},
	    {"XADD " C "audit 6-0 other x", 0, -EBADMSG},
	    {"XADD " C "audit 6-0 j x more y", 0, -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct desk_fixture f;
		struct listed *listed;

		desk_fixture_start(&f);
		for (int k = 0; k < 5; k++)
			assert_int_equal(write_person(&f), DESK_WRITTEN);
		if (strstr(rows[i].damage, "SET"))
			server_do(&f.server, "DEL " C "audit");
		server_do(&f.server, rows[i].damage);
		listed = audit_now(&f, rows[i].after, 100);
		assert_int_equal(listed->error, rows[i].error);
		free(listed);
		desk_fixture_close(&f);
	}
}

/* ---- Redis that cannot ---- */

struct read_record {
	unsigned calls;
	bool null;
};

static void record_read(void *arg, const struct desk_view *view)
{
	struct read_record *record = arg;

	record->calls++;
	record->null = !view;
}

static void test_refused_for_now(void **state)
{
	static const struct {
		const char *before, *after;
		enum desk_outcome outcome;
	} rows[] = {
	    {"CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", DESK_BUSY},
	    {"REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", DESK_BUSY},
	    {"CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0", DESK_BUSY},
	    {"FUNCTION FLUSH", "PING", DESK_WRITTEN},
	    {"FUNCTION DELETE tallyd_desk_1", "PING", DESK_WRITTEN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct desk_fixture f;

		desk_fixture_start(&f);
		assert_int_equal(write_person(&f), DESK_WRITTEN);
		server_do(&f.server, rows[i].before);
		assert_int_equal(write_person(&f), rows[i].outcome);
		server_do(&f.server, rows[i].after);
		assert_int_equal(write_person(&f), DESK_WRITTEN);
		assert_int_equal(server_integer(&f.server, "XLEN " C "audit"),
		    rows[i].outcome == DESK_WRITTEN ? 3 : 2);
		desk_fixture_close(&f);
	}
}

static void test_other_library(void **state)
{
	struct desk_fixture f;
	struct read_record read = {0};

	(void)state;
	desk_fixture_init(&f);
	server_start(&f.server, false);
	server_do(&f.server, "FUNCTION LOAD %s",
	    "#!lua name=tallyd_desk_1\n"
	    "redis.register_function('desk_read_1', function() return 1 end)");
	desk_fixture_open(&f);
	desk_fixture_connected(&f);
	assert_int_equal(write_person(&f), DESK_BUSY);
	desk_read(f.desk[0], NULL, 0, record_read, &read);
	desk_wait(&f, read.calls);
	assert_true(read.null);
	server_do(&f.server, "FUNCTION FLUSH");
	assert_int_equal(write_person(&f), DESK_WRITTEN);
	desk_fixture_close(&f);
}

static void test_absent(void **state)
{
	struct desk_fixture f;
	struct read_record read = {0};
	struct listed *listed;

	(void)state;
	desk_fixture_init(&f);
	desk_fixture_open(&f); /* no server at all */
	assert_int_equal(write_person(&f), DESK_BUSY);
	desk_read(f.desk[0], NULL, 0, record_read, &read);
	desk_wait(&f, read.calls);
	assert_true(read.null);
	listed = audit_now(&f, 0, 10);
	assert_int_equal(listed->error, -EIO);
	free(listed);
	server_start(&f.server, false);
	desk_fixture_connected(&f);
	assert_int_equal(write_person(&f), DESK_WRITTEN);
	desk_fixture_close(&f);
}

static void fill_and_stop(
    struct deed *deed, const struct desk_view *view, struct desk_change *change)
{
	struct redis_server *server = deed->arg;

	fill_person(deed, view, change);
	kill(server->pid, SIGSTOP);
}

static void test_stopped(void **state)
{
	struct desk_fixture f;
	struct deed deed = {.fill = fill_and_stop, .arg = &f.server};

	(void)state;
	desk_fixture_init(&f);
	f.deadline_ms = 2000;
	server_start(&f.server, false);
	desk_fixture_open(&f);
	desk_fixture_connected(&f);
	assert_int_equal(write_person(&f), DESK_WRITTEN);
	deed_now(&f, &deed);
	assert_int_equal(deed.outcome, DESK_UNKNOWN);
	/* Nothing could be read now. */
	assert_int_equal(write_person(&f), DESK_BUSY);
	kill(f.server.pid, SIGCONT);
	desk_fixture_connected(&f);
	/* It lay in the socket and was written: the log tells. */
	assert_int_equal(write_person(&f), DESK_WRITTEN);
	assert_int_equal(server_integer(&f.server, "XLEN " C "audit"), 3);
	desk_fixture_close(&f);
}

static void test_free_with_pending(void **state)
{
	enum { N = 50 };
	struct desk_fixture f;
	struct deed deeds[DESKS][N] = {0};
	struct read_record read = {0};
	struct listed *listed = calloc(1, sizeof(*listed));

	(void)state;
	desk_fixture_start(&f);
	assert_int_equal(write_person(&f), DESK_WRITTEN); /* desk 1 still awaits the library */
	for (int d = 0; d < DESKS; d++) {
		for (int i = 0; i < N; i++) {
			deeds[d][i].fill = fill_person;
			desk_update(f.desk[d], NULL, 0, deed_decide, deed_done, &deeds[d][i]);
		}
	}
	desk_read(f.desk[0], NULL, 0, record_read, &read);
	desk_audit(f.desk[0], 0, 10, record_audit, listed);
	desk_fixture_shut(&f);
	for (int d = 0; d < DESKS; d++) {
		for (int i = 0; i < N; i++) {
			assert_int_equal(deeds[d][i].done, 1);
			assert_int_equal(deeds[d][i].outcome, DESK_BUSY);
		}
	}
	assert_int_equal(read.calls, 1);
	assert_true(read.null);
	assert_int_equal(listed->error, -EIO);
	free(listed);
	desk_fixture_open(&f);
	desk_fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_in_order),
	    cmocka_unit_test(test_moved),
	    cmocka_unit_test(test_queue_full),
	    cmocka_unit_test(test_damage),
	    cmocka_unit_test(test_damaged_lists),
	    cmocka_unit_test(test_refused_for_now),
	    cmocka_unit_test(test_other_library),
	    cmocka_unit_test(test_absent),
	    cmocka_unit_test(test_stopped),
	    cmocka_unit_test(test_free_with_pending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
