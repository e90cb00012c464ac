/* The desk against a real Redis: what is read, written, and refused. Its lists are in
 * desk_log_test.c; how it fares with damage, with Redis away, and with a rival in desk_fault_test.c
 * and desk_race_test.c. */
#include "desk_fixture.h"

#include "base/clock.h"

#define C "{c~rehearsal}:"

/* ---- views ---- */

struct seen {
	bool called, null;
	void (*look)(struct seen *seen, const struct desk_view *view);
	int64_t now_ms;
	uint64_t size, version;
	char text[512];
};

static void record_view(void *arg, const struct desk_view *view)
{
	struct seen *seen = arg;

	seen->called = true;
	seen->null = !view;
	if (!view)
		return;
	seen->now_ms = desk_now_ms(view);
	seen->size = desk_size(view);
	seen->version = desk_version(view);
	if (seen->look)
		seen->look(seen, view);
}

static void look_now(
    struct desk_fixture *f, struct seen *seen, const struct desk_want *wants, size_t n)
{
	seen->called = false;
	desk_read(f->desk[0], wants, n, record_view, seen);
	assert_false(seen->called);
	desk_wait(f, seen->called);
	assert_false(seen->null);
}

static void test_empty(void **state)
{
	struct desk_fixture f;
	struct seen seen = {0};

	(void)state;
	desk_fixture_start(&f);
	look_now(&f, &seen, &(struct desk_want){DESK_PEOPLE, NULL}, 1);
	assert_int_equal(seen.size, 0);
	assert_int_equal(seen.version, 0);
	assert_true(llabs(seen.now_ms - clock_wall_ms()) < 60000);
	assert_int_equal(server_integer(&f.server, "DBSIZE"), 0);
	desk_fixture_close(&f);
}

/* "name=value " of each field that is there, in the order of their names, and "name? " for absent
 * ones of those looked up. */
static void look_up(struct seen *seen, const struct desk_view *view)
{
	static const struct {
		enum desk_hash hash;
		const char *field;
	} all[] = {{DESK_RECORD, "phase"}, {DESK_RECORD, "n"}, {DESK_RECORD, "none"},
	    {DESK_PEOPLE, "a"}, {DESK_PEOPLE, "b"}, {DESK_PEOPLE, "ab"}, {DESK_PEOPLE, ""},
	    {DESK_METRICS, "m"}, {DESK_METRICS, "empty"}};
	size_t len = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct slice value = desk_get(view, all[i].hash, all[i].field);

		len += (size_t)snprintf(seen->text + len, sizeof(seen->text) - len, "%s%s%.*s ",
		    all[i].field, value.ptr ? "=" : "?", (int)value.len,
		    value.len ? value.ptr : "");
	}
	snprintf(seen->text + len, sizeof(seen->text) - len, "%zu/%zu/%zu",
	    desk_count(view, DESK_PEOPLE), desk_count(view, DESK_METRICS),
	    desk_count(view, DESK_SHEETS));
}

static void fill_for_views(
    struct deed *deed, const struct desk_view *view, struct desk_change *change)
{
	(void)deed;
	(void)view;
	(void)desk_set(change, DESK_RECORD, "phase", slice_text("paused"));
	(void)desk_set(change, DESK_PEOPLE, "a", slice_text("1"));
	(void)desk_set(change, DESK_PEOPLE, "b", slice_text("2"));
	(void)desk_set(change, DESK_PEOPLE, "", slice_text("nameless"));
	(void)desk_set(change, DESK_METRICS, "m", slice_text("3"));
	(void)desk_set(change, DESK_METRICS, "empty", slice_text(""));
	(void)desk_note(change, note("test.views"));
}

static void test_views(void **state)
{
	static char long_field[DESK_FIELD_MAX + 2];
	const struct {
		struct desk_want wants[DESK_WANTS_MAX];
		size_t n;
		const char *text;
	} rows[] = {
	    {{{0}}, 0, "phase=paused n=1 none? a? b? ab? ? m? empty? 0/0/0"},
	    {{{DESK_RECORD, NULL}, {DESK_RECORD, "phase"}}, 2,
		"phase=paused n=1 none? a? b? ab? ? m? empty? 0/0/0"},
	    {{{DESK_PEOPLE, NULL}}, 1,
		"phase=paused n=1 none? a=1 b=2 ab? =nameless m? empty? 3/0/0"},
	    {{{DESK_PEOPLE, "a"}, {DESK_METRICS, "m"}, {DESK_PEOPLE, "ab"}, {DESK_SHEETS, "s"}}, 4,
		"phase=paused n=1 none? a=1 b? ab? ? m=3 empty? 1/1/0"},
	    {{{DESK_METRICS, "empty"}, {DESK_PEOPLE, "b"}, {DESK_PEOPLE, "b"}}, 3,
		"phase=paused n=1 none? a? b=2 ab? ? m? empty= 1/1/0"},
	    {{{DESK_PEOPLE, "b"}, {DESK_PEOPLE, NULL}, {DESK_PEOPLE, "a"}}, 3,
		"phase=paused n=1 none? a=1 b=2 ab? =nameless m? empty? 3/0/0"},
	    {{{DESK_PEOPLE, long_field}, {DESK_SHEETS, NULL}}, 2,
		"phase=paused n=1 none? a? b? ab? ? m? empty? 0/0/0"},
	};
	struct desk_fixture f;
	struct deed deed = {.fill = fill_for_views};
	struct seen seen = {.look = look_up};

	(void)state;
	memset(long_field, 'x', DESK_FIELD_MAX + 1);
	desk_fixture_start(&f);
	deed_now(&f, &deed);
	assert_int_equal(deed.outcome, DESK_WRITTEN);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		look_now(&f, &seen, rows[i].wants, rows[i].n);
		assert_string_equal(seen.text, rows[i].text);
	}
	desk_fixture_close(&f);
}

/* All hashes at once, many fields, the most wants. */
static void fill_many(struct deed *deed, const struct desk_view *view, struct desk_change *change)
{
	(void)deed;
	(void)view;
	for (int i = 0; i < 4000; i++) {
		char field[16];

		snprintf(field, sizeof(field), "f%d", i);
		(void)desk_set(change, (enum desk_hash)(i % DESK_HASHES), field, slice_text(field));
	}
	(void)desk_note(change, note("test.many"));
}

static void look_many(struct seen *seen, const struct desk_view *view)
{
	unsigned right = 0, listed = 0;

	for (int i = 0; i < 4000; i++) {
		char field[16];

		snprintf(field, sizeof(field), "f%d", i);
		right += slice_is(desk_get(view, (enum desk_hash)(i % DESK_HASHES), field), field);
	}
	for (int hash = 0; hash < DESK_HASHES; hash++) {
		for (size_t i = 0; i < desk_count(view, (enum desk_hash)hash); i++) {
			struct slice field, value;

			desk_at(view, (enum desk_hash)hash, i, &field, &value);
			listed += slice_equal(field, value);
		}
	}
	snprintf(seen->text, sizeof(seen->text), "%u %u", right, listed);
}

static void test_many_fields(void **state)
{
	static const struct desk_want all[] = {{DESK_PEOPLE, NULL}, {DESK_SHEETS, NULL},
	    {DESK_RULINGS, NULL}, {DESK_METRICS, NULL}, {DESK_REQUESTS, NULL},
	    {DESK_RESULTS, NULL}};
	struct desk_want singles[DESK_WANTS_MAX];
	char names[DESK_WANTS_MAX][8];
	struct desk_fixture f;
	struct deed deed = {.fill = fill_many};
	struct seen seen = {.look = look_many};

	(void)state;
	desk_fixture_start(&f);
	deed_now(&f, &deed);
	assert_int_equal(deed.outcome, DESK_WRITTEN);
	look_now(&f, &seen, all, 6);
	assert_string_equal(seen.text, "4000 4000");
	for (int i = 0; i < DESK_WANTS_MAX; i++) {
		int n = DESK_HASHES * i + 1; /* f1, f8 …: all in C:people */

		snprintf(names[i], sizeof(names[i]), "f%d", n);
		singles[i] = (struct desk_want){DESK_PEOPLE, names[i]};
	}
	look_now(&f, &seen, singles, DESK_WANTS_MAX);
	/* And the record, which is always there: 4000 / 7 fields, and n, head, version. */
	assert_string_equal(seen.text, "588 588");
	desk_fixture_close(&f);
}

/* ---- changes ---- */

static void fill_first(struct deed *deed, const struct desk_view *view, struct desk_change *change)
{
	*(int64_t *)deed->arg = desk_now_ms(view);
	(void)desk_set(change, DESK_RULINGS, "r", slice_text("{}"));
	(void)desk_set(change, DESK_PEOPLE, "gone", slice_text("1"));
	(void)desk_set(change, DESK_PEOPLE, "p", slice_text("1"));
	(void)desk_set(change, DESK_PEOPLE, "p", slice_make("2\0\xff", 3));
	(void)desk_unset(change, DESK_PEOPLE, "gone");
	(void)desk_unset(change, DESK_PEOPLE, "never");
	(void)desk_note(
	    change, json_pack("{s:s, s:s, s:s}", "who", "operator:kim", "act", "x", "why", "그냥"));
	desk_bump(change);
}

static void test_write(void **state)
{
	struct desk_fixture f;
	int64_t at_ms = 0;
	struct deed first = {.fill = fill_first, .arg = &at_ms}, second = {.fill = fill_person};
	struct listed *listed;
	char at[CLOCK_TEXT_SIZE], expected[TEXT_MAX], prev[HEX_SIZE(32)];
	uint8_t hash[32];
	redisReply *reply;

	(void)state;
	desk_fixture_start(&f);
	deed_now(&f, &first);
	assert_int_equal(first.outcome, DESK_WRITTEN);
	assert_int_equal(first.n, 1);
	deed_now(&f, &second);
	assert_int_equal(second.n, 2);

	listed = audit_now(&f, 0, 10);
	assert_int_equal(listed->error, 0);
	assert_int_equal(listed->n, 2);
	desk_genesis("c~rehearsal", hash);
	hex_encode(hash, 32, prev);
	snprintf(expected, sizeof(expected),
	    "{\"act\":\"x\",\"at\":\"%s\",\"n\":1,\"prev\":\"%s\",\"who\":\"operator:kim\","
	    "\"why\":\"그냥\"}",
	    clock_format(at_ms, 1, at), prev);
	assert_string_equal(listed->text[0], expected);
	desk_entry_hash(slice_text(expected), hash);
	hex_encode(hash, 32, prev);
	assert_non_null(strstr(listed->text[1], prev));
	desk_entry_hash(slice_text(listed->text[1]), hash);
	free(listed);

	reply = server_ask(&f.server, "HGET " C "record head");
	assert_int_equal(reply->len, 32);
	assert_memory_equal(reply->str, hash, 32);
	freeReplyObject(reply);
	assert_int_equal(server_integer(&f.server, "HGET " C "record n"), 2);
	assert_int_equal(server_integer(&f.server, "HGET " C "record version"), 1);
	assert_int_equal(server_integer(&f.server, "HLEN " C "people"), 1);
	assert_int_equal(server_integer(&f.server, "HGET " C "people p"), 1);
	assert_int_equal(server_integer(&f.server, "HLEN " C "rulings"), 1);
	assert_int_equal(server_integer(&f.server, "EXISTS " C "revisions"), 0);
	desk_fixture_close(&f);
}

static void fill_before(struct deed *deed, const struct desk_view *view, struct desk_change *change)
{
	const int64_t *offsets = deed->arg; /* to the clock; the last is INT64_MAX */

	for (; *offsets != INT64_MAX; offsets++)
		desk_before(change, *offsets == INT64_MIN ? 0 : desk_now_ms(view) + *offsets);
	fill_person(deed, view, change);
}

static void test_late_and_left(void **state)
{
	static const struct {
		int64_t before[4];
		bool leave;
		enum desk_outcome outcome;
	} rows[] = {
	    {{INT64_MAX}, true, DESK_LEFT},
	    {{0, INT64_MAX}, false, DESK_LATE},
	    {{-1000, INT64_MAX}, false, DESK_LATE},
	    {{60000, -1000, 30000, INT64_MAX}, false, DESK_LATE},
	    {{-1000, INT64_MIN, INT64_MAX}, false, DESK_LATE},
	    {{INT64_MIN, INT64_MAX}, false, DESK_WRITTEN},
	    {{60000, INT64_MAX}, false, DESK_WRITTEN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int64_t before[4];
		struct desk_fixture f;
		struct deed deed = {.fill = fill_before, .arg = before, .leave = rows[i].leave};

		memcpy(before, rows[i].before, sizeof(before));
		desk_fixture_start(&f);
		deed_now(&f, &deed);
		assert_int_equal(deed.outcome, rows[i].outcome);
		assert_int_equal(deed.decided, 1);
		assert_int_equal(deed.n, rows[i].outcome == DESK_WRITTEN);
		assert_int_equal(
		    server_integer(&f.server, "DBSIZE"), rows[i].outcome == DESK_WRITTEN ? 3 : 0);
		desk_fixture_close(&f);
	}
}

/* ---- limits ---- */

static const char *huge; /* one byte more than a value may have */

static void fill_wrong(struct deed *deed, const struct desk_view *view, struct desk_change *change)
{
	static const char *const reserved[] = {"n", "head", "version"};
	char field[DESK_FIELD_MAX + 2];
	int kind = *(int *)deed->arg;

	memset(field, 'x', sizeof(field));
	field[sizeof(field) - 1] = '\0';
	(void)view;
	if (kind != 8)
		(void)desk_note(change, note("test.wrong"));
	switch (kind) {
	case 0:
	case 1:
	case 2:
		(void)desk_set(change, DESK_RECORD, reserved[kind], slice_text("7"));
		break;
	case 3:
		(void)desk_set(change, DESK_PEOPLE, field, slice_text("7"));
		break;
	case 4:
		(void)desk_unset(change, DESK_PEOPLE, field);
		break;
	case 5:
		(void)desk_set(change, DESK_PEOPLE, "p", slice_make(huge, DESK_VALUE_MAX + 1));
		break;
	case 6:
		for (int i = 0; i <= DESK_CHANGES_MAX; i++)
			(void)desk_set(change, DESK_PEOPLE, "p", slice_text("7"));
		break;
	case 7: /* twice */
		(void)desk_note(change, note("test.again"));
		break;
	case 8: /* none */
		break;
	case 9:
		(void)desk_revise(change, "p", slice_make(huge, DESK_VALUE_MAX + 1));
		break;
	case 10:
		(void)desk_revise(change, "p", slice_text("1"));
		(void)desk_revise(change, "q", slice_text("2"));
		break;
	case 11:
		(void)desk_revise(change, "", slice_text("1"));
		break;
	case 12:
		(void)desk_revise(change, field, slice_text("1"));
		break;
	case 13: /* all together too long */
		for (int i = 0; i < DESK_CHANGE_BYTES_MAX / DESK_VALUE_MAX; i++)
			(void)desk_set(change, DESK_PEOPLE, "p", slice_make(huge, DESK_VALUE_MAX));
		break;
	default:
		break;
	}
	(void)desk_set(change, DESK_PEOPLE, "after", slice_text("7"));
}

static void fill_bare(struct deed *deed, const struct desk_view *view, struct desk_change *change)
{
	(void)view;
	(void)desk_note(change, *(int *)deed->arg ? json_pack("{s:s}", "act", "a")
						  : json_pack("{s:s, s:i}", "act", "a", "who", 1));
}

static void test_limits(void **state)
{
	struct desk_fixture f;
	int kind;
	struct deed deed = {.fill = fill_wrong, .arg = &kind},
		    bare = {.fill = fill_bare, .arg = &kind};

	(void)state;
	huge = calloc(1, DESK_VALUE_MAX + 1);
	desk_fixture_start(&f);
	for (kind = 0; kind <= 13; kind++) {
		deed_now(&f, &deed);
		assert_int_equal(deed.outcome, DESK_DAMAGED);
		assert_int_equal(deed.n, 0);
	}
	for (kind = 0; kind < 2; kind++) {
		deed_now(&f, &bare);
		assert_int_equal(bare.outcome, DESK_DAMAGED);
	}
	assert_int_equal(server_integer(&f.server, "DBSIZE"), 0);
	kind = -1; /* nothing wrong */
	deed_now(&f, &deed);
	assert_int_equal(deed.outcome, DESK_WRITTEN);
	assert_int_equal(deed.n, 1);
	desk_fixture_close(&f);
	free((void *)(uintptr_t)huge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_views),
	    cmocka_unit_test(test_many_fields),
	    cmocka_unit_test(test_write),
	    cmocka_unit_test(test_late_and_left),
	    cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
