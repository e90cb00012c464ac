/* office/sealing before a real desk: what halts stays halted, who may begin an epoch, what the
 * record says afterwards, and which records are none. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "office/sealing.h"

#include "desk_fixture.h"

#define FIRST  "organiser:organiser-aaaaaaaa"
#define SECOND "organiser:organiser-bbbbbbbb"

/* The record as it stands. */
struct looked {
	bool told;
	int error;
	uint64_t version, size;
	struct sealing sealing;
};

static void on_view(void *arg, const struct desk_view *view)
{
	struct looked *looked = arg;

	looked->told = true;
	looked->error = view ? sealing_read(view, &looked->sealing) : -EIO;
	looked->version = view ? desk_version(view) : 0;
	looked->size = view ? desk_size(view) : 0;
}

static struct looked look(struct desk_fixture *f)
{
	struct looked looked = {.sealing.epoch = 77};

	desk_read(f->desk[1], NULL, 0, on_view, &looked);
	desk_wait(f, looked.told);
	return looked;
}

static void halt(
    struct desk_fixture *f, int desk, unsigned shard, const char *why, struct outcome *outcome)
{
	struct office office = {NULL, f->desk[desk], NULL};

	sealing_halt(&office, shard, why, on_verdict, outcome);
}

static void begin_after(struct desk_fixture *f, uint64_t epoch, size_t n, const char *who,
    const char *why, struct outcome *outcome)
{
	struct office office = {NULL, f->desk[0], NULL};
	struct sealing_old old[4] = {{{0, {0}}, 0, false}};

	for (size_t i = 0; i < n; i++) {
		old[i].checkpoint.size = 100 * i;
		memset(old[i].checkpoint.root, (int)(0xa0 + i), MERKLE_SIZE);
		old[i].now = 100 * i + 7 - 2 * i;
	}
	outcome_clear(outcome);
	sealing_new_epoch(&office, epoch, old, n, who, why, on_verdict, outcome);
	memset(old, 0, sizeof(old)); /* it was copied */
	desk_wait(f, outcome->told > 0);
	assert_int_equal(outcome->told, 1);
}

static void begin(
    struct desk_fixture *f, size_t n, const char *who, const char *why, struct outcome *outcome)
{
	struct looked now = look(f);
	uint64_t epoch = now.sealing.epoch;

	sealing_release(&now.sealing);
	begin_after(f, epoch, n, who, why, outcome);
}

static void halts_once(void **state)
{
	struct desk_fixture f;
	struct outcome first = {0}, second = {0};
	struct looked before, after;
	struct listed *audit;
	(void)state;

	desk_fixture_start(&f);
	before = look(&f);
	assert_int_equal(before.error, 0);
	assert_int_equal(before.sealing.epoch, 1);
	assert_false(before.sealing.halted);

	/* Two sealers at once: the first reason stands, and both are told that it is halted. */
	halt(&f, 0, 2, "the log shrank", &first);
	halt(&f, 1, 3, "other bytes", &second);
	desk_wait(&f, first.told + second.told == 2);
	assert_int_equal(first.verdict.status, 200);
	assert_int_equal(second.verdict.status, 200);

	after = look(&f);
	assert_int_equal(after.error, 0);
	assert_true(after.sealing.halted);
	assert_int_equal(after.sealing.epoch, 1);
	assert_true(after.sealing.halt_at_ms > INT64_C(1700000000000));
	assert_int_equal(after.size, before.size + 1);
	assert_int_equal(after.version, before.version + 1);
	bool is_first = after.sealing.halt_shard == 2;
	assert_string_equal(after.sealing.halt_why, is_first ? "the log shrank" : "other bytes");
	assert_int_equal(after.sealing.halt_shard, is_first ? 2 : 3);

	audit = audit_now(&f, 0, 10);
	assert_int_equal(audit->n, 1);
	assert_non_null(strstr(audit->text[0], "\"act\":\"log.halted\""));
	assert_non_null(strstr(audit->text[0], "\"who\":\"sealer\""));
	assert_non_null(strstr(audit->text[0], "\"epoch\":1"));
	free(audit);
	desk_fixture_close(&f);
}

/* A reason is cut between characters; 66 of three bytes fit beside the NUL. */
static void cuts_a_long_reason(void **state)
{
	struct desk_fixture f;
	struct outcome outcome = {0};
	static const char line[] = "줄";
	char why[90 * 3 + 1] = "";
	(void)state;

	desk_fixture_start(&f);
	for (int i = 0; i < 90; i++)
		memcpy(why + 3 * (size_t)i, line, sizeof(line));
	halt(&f, 0, 0, why, &outcome);
	desk_wait(&f, outcome.told);
	struct looked after = look(&f);
	assert_int_equal(after.error, 0);
	assert_int_equal(strlen(after.sealing.halt_why), 198);
	assert_memory_equal(after.sealing.halt_why, why, 198);
	desk_fixture_close(&f);
}

static void begins_epochs(void **state)
{
	struct desk_fixture f;
	struct outcome outcome = {0};
	struct looked now;
	(void)state;

	desk_fixture_start(&f);
	begin(&f, 2, "operator:kim", "restored", &outcome);
	assert_int_equal(outcome.verdict.status, 409);
	assert_string_equal(outcome.verdict.slug, "not-possible");

	outcome_clear(&outcome);
	halt(&f, 0, 1, "short", &outcome);
	desk_wait(&f, outcome.told);
	begin(&f, 2, "operator:kim", " ", &outcome);
	assert_int_equal(outcome.verdict.status, 422);
	now = look(&f);
	assert_true(now.sealing.halted);

	uint64_t version = now.version;
	begin(&f, 2, "operator:kim", "restored", &outcome);
	assert_int_equal(outcome.verdict.status, 200);
	assert_int_equal(json_integer_value(json_object_get(outcome.verdict.members, "epoch")), 2);
	assert_int_equal(json_integer_value(json_object_get(outcome.verdict.members, "n")), 2);
	now = look(&f);
	assert_int_equal(now.error, 0);
	assert_false(now.sealing.halted);
	assert_int_equal(now.version, version + 1);
	assert_int_equal(now.sealing.epoch, 2);
	assert_int_equal(now.sealing.n_old, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(now.sealing.old[i].checkpoint.size, 100 * i);
		assert_int_equal(now.sealing.old[i].checkpoint.root[31], 0xa0 + i);
		assert_int_equal(now.sealing.old[i].now, 100 * i + 7 - 2 * i);
	}
	sealing_release(&now.sealing);

	/* The next halt is one of the new epoch, and the epoch after it replaces what is old. */
	outcome_clear(&outcome);
	halt(&f, 0, 0, "again", &outcome);
	desk_wait(&f, outcome.told);
	now = look(&f);
	assert_true(now.sealing.halted);
	assert_int_equal(now.sealing.epoch, 2);
	sealing_release(&now.sealing);
	begin(&f, 3, "operator:kim", "once more", &outcome);
	assert_int_equal(json_integer_value(json_object_get(outcome.verdict.members, "epoch")), 3);
	now = look(&f);
	assert_int_equal(now.sealing.epoch, 3);
	assert_int_equal(now.sealing.n_old, 3);
	sealing_release(&now.sealing);
	assert_null(now.sealing.old);

	/* What ended already does not end again; one that only a disk has is not begun again. */
	outcome_clear(&outcome);
	halt(&f, 0, 0, "and again", &outcome);
	desk_wait(&f, outcome.told);
	begin_after(&f, 2, 1, "operator:kim", "late", &outcome);
	assert_int_equal(outcome.verdict.status, 409);
	begin_after(&f, 6, 1, "operator:kim", "the record was lost", &outcome);
	assert_int_equal(json_integer_value(json_object_get(outcome.verdict.members, "epoch")), 7);

	struct listed *audit = audit_now(&f, 0, 10);
	assert_int_equal(audit->n, 6);
	assert_non_null(strstr(audit->text[1], "\"act\":\"log.new-epoch\""));
	assert_non_null(strstr(audit->text[1], "\"why\":\"restored\""));
	assert_non_null(strstr(audit->text[1], "\"old\":[{\"now\":7,\"root\":\"oKCg"));
	free(audit);
	outcome_clear(&outcome);
	desk_fixture_close(&f);
}

/* ---- who ---- */

static void fill_organisers(
    struct deed *deed, const struct desk_view *view, struct desk_change *change)
{
	static const char *const ids[] = {"organiser-aaaaaaaa", "organiser-bbbbbbbb"};
	(void)view;

	for (int i = 0; i < 2; i++) {
		json_t *json = json_pack("{s:s, s:s, s:s, s:i, s:i}", "role", "organiser", "name",
		    "Kim", "jti", "x", "issued", 1, "expires", 2);

		if (*(int *)deed->arg == i)
			json_object_set_new(json, "revoked", json_integer(3));
		char *text = json_dumps(json, JSON_COMPACT);
		(void)desk_set(change, DESK_PEOPLE, ids[i], slice_text(text));
		free(text);
		json_decref(json);
	}
	(void)desk_note(change, note("set"));
}

static void asks_all_organisers(void **state)
{
	static const struct {
		const char *who;
		int revoked, status;
	} rows[] = {
	    {FIRST, 0, 401},
	    {FIRST "," SECOND, 0, 401},
	    {FIRST "," SECOND, 1, 401},
	    {"organiser:organiser-zzzzzzzz", -1, 401},
	    {FIRST "," SECOND, -1, 200},
	};
	struct desk_fixture f;
	struct outcome outcome = {0};
	(void)state;

	desk_fixture_start(&f);
	halt(&f, 0, 0, "short", &outcome);
	desk_wait(&f, outcome.told);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int revoked = rows[i].revoked;
		struct deed deed = {.fill = fill_organisers, .arg = &revoked};

		deed_now(&f, &deed);
		begin(&f, 1, rows[i].who, "restored", &outcome);
		if (outcome.verdict.status != rows[i].status)
			fail_msg("row %zu: %d", i, outcome.verdict.status);
	}
	outcome_clear(&outcome);
	desk_fixture_close(&f);
}

/* ---- records that are none ---- */

static void fill_fields(struct deed *deed, const struct desk_view *view, struct desk_change *change)
{
	const char *const *fields = deed->arg;
	(void)view;

	for (int i = 0; i < 2; i++) {
		const char *name = i == 0 ? "halt" : "epoch";

		if (fields[i])
			(void)desk_set(change, DESK_RECORD, name, slice_text(fields[i]));
		else
			(void)desk_unset(change, DESK_RECORD, name);
	}
	(void)desk_note(change, note("set"));
}

#define ROOT32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define OLD    "[{\"now\":1,\"root\":\"" ROOT32 "\",\"size\":2}]"

static void refuses_damage(void **state)
{
	static const struct {
		const char *fields[2];
		int error;
	} rows[] = {
	    {{"{\"at\":1,\"shard\":0,\"why\":\"x\"}", "{\"at\":1,\"epoch\":2,\"old\":" OLD "}"}, 0},
	    {{"", NULL}, -EBADMSG},
	    {{"{\"at\":1,\"shard\":-1,\"why\":\"x\"}", NULL}, -EBADMSG},
	    {{"{\"at\":1,\"shard\":0}", NULL}, -EBADMSG},
	    {{"{\"shard\":0,\"why\":\"x\"}", NULL}, -EBADMSG},
	    {{NULL, "2"}, -EBADMSG},
	    {{NULL, "{\"at\":1,\"epoch\":1,\"old\":" OLD "}"}, -EBADMSG},
	    {{NULL, "{\"at\":1,\"epoch\":2,\"old\":[]}"}, -EBADMSG},
	    {{NULL, "{\"at\":1,\"epoch\":2,\"old\":[{\"now\":1,\"root\":\"AAAA\",\"size\":2}]}"},
		-EBADMSG},
	    {{NULL, "{\"at\":1,\"epoch\":2,\"old\":[{\"now\":1,\"root\":\"" ROOT32
		    "\",\"size\":-2}]}"},
		-EBADMSG},
	};
	struct desk_fixture f;
	(void)state;

	desk_fixture_start(&f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct deed deed = {.fill = fill_fields, .arg = (void *)(uintptr_t)rows[i].fields};
		struct outcome outcome = {0};
		struct looked now;

		deed_now(&f, &deed);
		assert_int_equal(deed.outcome, DESK_WRITTEN);
		now = look(&f);
		if (now.error != rows[i].error)
			fail_msg("row %zu: %d", i, now.error);
		if (now.error == 0)
			sealing_release(&now.sealing);
		else
			assert_int_equal(now.sealing.epoch, 77); /* untouched */
		halt(&f, 0, 0, "x", &outcome);
		desk_wait(&f, outcome.told);
		assert_int_equal(outcome.verdict.status, rows[i].error ? 500 : 200);
	}
	desk_fixture_close(&f);
}

static void reads_begun_epochs(void **state)
{
#define END_7 "{\"now\":5,\"root\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\",\"size\":7}"
	static const struct {
		const char *entry;
		int error;
	} cases[] = {
	    {"{\"act\":\"log.new-epoch\",\"at\":\"x\",\"epoch\":3,\"old\":[" END_7 "," END_7 "]}",
		0},
	    {"{\"act\":\"log.halted\",\"epoch\":3}", -ENOENT},
	    {"{\"epoch\":3,\"old\":[" END_7 "]}", -EBADMSG},
	    {"{\"act\":\"log.new-epoch\",\"epoch\":1,\"old\":[" END_7 "]}", -EBADMSG},
	    {"{\"act\":\"log.new-epoch\",\"epoch\":3,\"old\":[]}", -EBADMSG},
	    {"{\"act\":\"log.new-epoch\",\"epoch\":3,\"old\":[{\"now\":5,\"size\":7}]}", -EBADMSG},
	    {"no JSON", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sealing begun = {0};

		assert_int_equal(
		    sealing_read_begun(slice_text(cases[i].entry), &begun), cases[i].error);
		if (cases[i].error)
			continue;
		assert_int_equal(begun.epoch, 3);
		assert_int_equal(begun.n_old, 2);
		assert_int_equal(begun.old[1].checkpoint.size, 7);
		assert_int_equal(begun.old[1].checkpoint.root[31], 31);
		sealing_release(&begun);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(halts_once),
	    cmocka_unit_test(cuts_a_long_reason),
	    cmocka_unit_test(begins_epochs),
	    cmocka_unit_test(asks_all_organisers),
	    cmocka_unit_test(refuses_damage),
	    cmocka_unit_test(reads_begun_epochs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
