/* What the desk keeps in order: the audit log, revisions of sheets, turnout; and the hashes that
 * chain and commit. */
#include "desk_fixture.h"

/* ---- hashes ---- */

/* Computed by another program (Python's hashlib). */
static void test_hashes(void **state)
{
	uint8_t hash[32], salt[32];
	char text[HEX_SIZE(32)];

	(void)state;
	desk_genesis("c~rehearsal", hash);
	hex_encode(hash, 32, text);
	assert_string_equal(
	    text, "1b45eaf267f55af5b18bfb6f7089f862decc9aa8211c3acd896e0c1e9a0e4a94");
	desk_entry_hash(slice_text("{\"act\":\"a\"}"), hash);
	hex_encode(hash, 32, text);
	assert_string_equal(
	    text, "fb517c4d61364f7f90c411d8c98de8a7a061b3f9afa7295902ecce8bd39ff568");
	memset(salt, 7, sizeof(salt));
	desk_commitment(salt, slice_text("sheet"), hash);
	hex_encode(hash, 32, text);
	assert_string_equal(
	    text, "f48503f3fdb5c73f93833e273578b20014b40e7d5f0d76689a1bf174998e8b5e");
}

/* ---- the log ---- */

static void fill_revision(
    struct deed *deed, const struct desk_view *view, struct desk_change *change)
{
	char sheet[16];

	(void)deed;
	snprintf(sheet, sizeof(sheet), "sheet-%d", (int)desk_size(view));
	(void)desk_note(change, note("test.saved"));
	(void)desk_revise(change, "kim", slice_text(sheet));
}

static void record_revisions(
    void *arg, int error, const struct desk_revision *revisions, size_t n_revisions)
{
	struct listed *listed = arg;

	listed->called = true;
	listed->error = error;
	listed->n = n_revisions;
	for (size_t i = 0; i < n_revisions; i++) {
		uint8_t hash[32];

		desk_commitment((const uint8_t *)revisions[i].salt.ptr, revisions[i].sheet, hash);
		hex_encode(hash, 32, listed->text[i]);
		listed->number[i] = revisions[i].n;
		if (!slice_is(revisions[i].person, "kim") || revisions[i].salt.len != 32)
			listed->number[i] = 0;
	}
}

static void test_revisions(void **state)
{
	struct desk_fixture f;
	struct deed deed = {.fill = fill_revision};
	struct listed *revisions = calloc(1, sizeof(*revisions)), *audit;

	(void)state;
	desk_fixture_start(&f);
	assert_int_equal(write_person(&f), DESK_WRITTEN);
	for (int i = 0; i < 3; i++) {
		deed_now(&f, &deed);
		assert_int_equal(deed.outcome, DESK_WRITTEN);
	}
	desk_revisions(f.desk[1], 2, 10, record_revisions, revisions);
	desk_wait(&f, revisions->called);
	assert_int_equal(revisions->error, 0);
	assert_int_equal(revisions->n, 2);
	audit = audit_now(&f, 2, 10);
	for (size_t i = 0; i < 2; i++) {
		char member[100];

		assert_int_equal(revisions->number[i], 3 + i);
		snprintf(member, sizeof(member), "\"sheet\":\"%.64s\"", revisions->text[i]);
		assert_non_null(strstr(audit->text[i], member));
	}
	/* Salts differ, so that equal sheets do not show. */
	assert_string_not_equal(revisions->text[0], revisions->text[1]);
	free(audit);
	free(revisions);
	desk_fixture_close(&f);
}

static void test_audit_pages(void **state)
{
	struct desk_fixture f;
	struct listed *listed;

	(void)state;
	desk_fixture_start(&f);
	listed = audit_now(&f, 0, 10);
	assert_int_equal(listed->error, 0);
	assert_int_equal(listed->n, 0);
	free(listed);
	for (int i = 0; i < 9; i++)
		assert_int_equal(write_person(&f), DESK_WRITTEN);
	listed = audit_now(&f, 4, 3);
	assert_int_equal(listed->n, 3);
	assert_int_equal(listed->number[0], 5);
	assert_int_equal(listed->number[2], 7);
	free(listed);
	listed = audit_now(&f, 9, 1000000);
	assert_int_equal(listed->error, 0);
	assert_int_equal(listed->n, 0);
	free(listed);
	listed = audit_now(&f, 0, 0);
	assert_int_equal(listed->error, 0);
	assert_int_equal(listed->n, 0);
	listed->called = false;
	desk_audit_last(f.desk[0], 4, record_audit, listed);
	desk_wait(&f, listed->called);
	assert_int_equal(listed->n, 4);
	assert_int_equal(listed->number[0], 9);
	assert_int_equal(listed->number[3], 6);
	free(listed);
	desk_fixture_close(&f);
}

/* ---- turnout ---- */

static void record_turnout(
    void *arg, int error, const struct desk_minute *minutes, size_t n_minutes)
{
	struct listed *listed = arg;

	listed->called = true;
	listed->error = error;
	listed->n = n_minutes;
	for (size_t i = 0; i < n_minutes; i++) {
		listed->number[i] = (uint64_t)minutes[i].minute;
		snprintf(listed->text[i], TEXT_MAX, "%.*s", (int)minutes[i].counters.len,
		    minutes[i].counters.ptr);
	}
}

static void test_turnout(void **state)
{
	struct desk_fixture f;
	struct listed *listed = calloc(1, sizeof(*listed));

	(void)state;
	desk_fixture_start(&f);
	assert_int_equal(write_person(&f), DESK_WRITTEN);
	for (int i = 0; i < 2; i++) {
		desk_sample(f.desk[0], 29000100, slice_text(i ? "later" : "ballots 3"));
		desk_sample(f.desk[0], 9, slice_text("ballots 1"));
		desk_sample(f.desk[0], 29000099, slice_text("ballots 2"));
	}
	desk_turnout(f.desk[0], record_turnout, listed);
	desk_wait(&f, listed->called);
	assert_int_equal(listed->error, 0);
	assert_int_equal(listed->n, 3);
	assert_int_equal(listed->number[0], 9);
	assert_int_equal(listed->number[1], 29000099);
	assert_int_equal(listed->number[2], 29000100);
	assert_string_equal(listed->text[2], "ballots 3");
	free(listed);
	desk_fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hashes),
	    cmocka_unit_test(test_revisions),
	    cmocka_unit_test(test_audit_pages),
	    cmocka_unit_test(test_turnout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
