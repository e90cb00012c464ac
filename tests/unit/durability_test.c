/* How a Redis is judged: one change to a good one, and what is found then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "store/durability.h"

#define GOOD_INFO                                                                                  \
	"# Server\r\nredis_version:7.0.15\r\n# Memory\r\nused_memory:1000000\r\n"                  \
	"total_system_memory:8000000000\r\nmaxmemory:4000000000\r\n"                               \
	"maxmemory_policy:noeviction\r\n# Persistence\r\nrdb_last_bgsave_status:ok\r\n"            \
	"aof_enabled:1\r\naof_last_bgrewrite_status:ok\r\naof_last_write_status:ok\r\n"            \
	"# Replication\r\nrole:master\r\nconnected_slaves:0\r\n"

static const char *const good[][2] = {
    {"appendonly", "yes"},
    {"appendfsync", "always"},
    {"no-appendfsync-on-rewrite", "no"},
    {"aof-load-truncated", "no"},
    {"aof-timestamp-enabled", "no"},
    {"aof-use-rdb-preamble", "yes"},
    {"notify-keyspace-events", ""},
    {"save", ""},
    {"stop-writes-on-bgsave-error", "yes"},
    {"maxmemory-policy", "noeviction"},
    {"hash-max-listpack-entries", "512"},
    {"hash-max-listpack-value", "64"},
    {"min-replicas-to-write", "0"},
    {"replica-read-only", "yes"},
    {"slowlog-log-slower-than", "-1"},
    {"slowlog-max-len", "0"},
    {"busy-reply-threshold", "1000"},
};

enum { GOOD = sizeof(good) / sizeof(*good), SETTINGS_MAX = GOOD + 1 };

struct row {
	const char *setting, *value;   /* instead of the good one */
	const char *also, *also_value; /* NULL: no second change */
	const char *line;              /* of INFO, instead of the one that begins so */
	const char *found;             /* the gravest finding's setting; NULL: none */
	enum durability_grade grade;
	const char *remedy;
	unsigned replicas; /* that are to be waited for */
};

static const struct durability_wants nothing_wanted;

static const struct row rows[] = {
    {.found = NULL},
    {"appendonly", "no", .found = "appendonly", .grade = DURABILITY_LOSES,
	.remedy = "appendonly yes"},
    {"appendfsync", "everysec", .found = "appendfsync", .grade = DURABILITY_LOSES,
	.remedy = "appendfsync always"},
    {"appendfsync", "no", .found = "appendfsync", .grade = DURABILITY_LOSES},
    {"no-appendfsync-on-rewrite", "yes", .found = "no-appendfsync-on-rewrite",
	.grade = DURABILITY_LOSES},
    {"aof-load-truncated", "yes", .found = "aof-load-truncated", .grade = DURABILITY_DOUBLES,
	.remedy = "aof-load-truncated no"},
    {"aof-load-truncated", "yes", "appendfsync", "no", .found = "aof-load-truncated",
	.grade = DURABILITY_DOUBLES},
    {"maxmemory-policy", "allkeys-lru", .found = "maxmemory-policy", .grade = DURABILITY_DOUBLES,
	.remedy = "maxmemory-policy noeviction"},
    {"maxmemory-policy", "volatile-ttl", .found = "maxmemory-policy", .grade = DURABILITY_ADVICE},
    {"aof-timestamp-enabled", "yes", .found = "aof-timestamp-enabled", .grade = DURABILITY_ADVICE},
    {"aof-use-rdb-preamble", "no", .found = "aof-use-rdb-preamble", .grade = DURABILITY_ADVICE},
    {"notify-keyspace-events", "KEA", .found = "notify-keyspace-events",
	.grade = DURABILITY_ADVICE},
    {"save", "3600 1", .found = "save", .grade = DURABILITY_ADVICE, .remedy = "save \"\""},
    {"save", "3600 1", .line = "rdb_last_bgsave_status:err", .found = "rdb_last_bgsave_status",
	.grade = DURABILITY_STOPS},
    {"save", "3600 1", "stop-writes-on-bgsave-error", "no", "rdb_last_bgsave_status:err",
	.found = "rdb_last_bgsave_status", .grade = DURABILITY_ADVICE},
    {.line = "rdb_last_bgsave_status:err",
	.found = "rdb_last_bgsave_status",
	.grade = DURABILITY_ADVICE},
    {"hash-max-listpack-entries", "64", .found = "hash-max-listpack-entries",
	.grade = DURABILITY_ADVICE},
    {"hash-max-listpack-value", "16", .found = "hash-max-listpack-value",
	.grade = DURABILITY_ADVICE},
    {"slowlog-log-slower-than", "10000", "slowlog-max-len", "128",
	.found = "slowlog-log-slower-than", .grade = DURABILITY_ADVICE},
    {"slowlog-log-slower-than", "10000", .found = NULL},
    {"busy-reply-threshold", "60000", .found = "busy-reply-threshold", .grade = DURABILITY_ADVICE},
    {.line = "connected_slaves:1", .replicas = 1, .found = NULL},
    {.line = "connected_slaves:2",
	.replicas = 1,
	.found = "connected_slaves",
	.grade = DURABILITY_ADVICE},
    {.line = "connected_slaves:1",
	.replicas = 2,
	.found = "connected_slaves",
	.grade = DURABILITY_STOPS},
    {"min-replicas-to-write", "2", .line = "min_slaves_good_slaves:1",
	.found = "min-replicas-to-write", .grade = DURABILITY_STOPS},
    {.line = "connected_slaves:1", .found = "connected_slaves", .grade = DURABILITY_ADVICE},
    {.line = "role:slave", .found = "role", .grade = DURABILITY_STOPS},
    {"replica-read-only", "no", .line = "role:slave", .found = "role", .grade = DURABILITY_LOSES},
    {.line = "redis_version:6.2.14", .found = "redis_version", .grade = DURABILITY_STOPS},
    {.line = "redis_version:8.2.0", .found = NULL},
    {.line = "aof_last_write_status:err",
	.found = "aof_last_write_status",
	.grade = DURABILITY_STOPS},
    {.line = "aof_last_bgrewrite_status:err",
	.found = "aof_last_bgrewrite_status",
	.grade = DURABILITY_ADVICE},
    {.line = "maxmemory:0",
	.found = "maxmemory",
	.grade = DURABILITY_ADVICE,
	.remedy = "maxmemory 5722mb"},
    /* 200,000 voters, 150 bytes each, beside the 1,000,000 that are used, and a tenth more. */
    {.line = "maxmemory:1000000",
	.found = "maxmemory",
	.grade = DURABILITY_STOPS,
	.remedy = "maxmemory 33mb"},
    {.line = "maxmemory:1100000",
	.found = "maxmemory",
	.grade = DURABILITY_ADVICE,
	.remedy = "maxmemory 33mb"},
    {.line = "maxmemory:20000000",
	.found = "maxmemory",
	.grade = DURABILITY_ADVICE,
	.remedy = "maxmemory 33mb"},
    {.line = "maxmemory:9000000000",
	.found = "maxmemory",
	.grade = DURABILITY_ADVICE,
	.remedy = "maxmemory 5722mb"},
    {.line = "aof_enabled:0", .found = "aof_enabled", .grade = DURABILITY_LOSES},
};

/* INFO with one line replaced, or added where none begins like it. */
static void change_info(const char *line, char *ret_info, size_t cap)
{
	size_t name = line ? (size_t)(strchr(line, ':') - line) + 1 : 0;
	const char *rest = GOOD_INFO;
	bool replaced = line == NULL;

	ret_info[0] = '\0';
	while (*rest) {
		size_t n = (size_t)(strchr(rest, '\n') - rest) + 1, at = strlen(ret_info);

		if (line && strncmp(rest, line, name) == 0) {
			(void)snprintf(ret_info + at, cap - at, "%s\r\n", line);
			replaced = true;
		} else {
			(void)snprintf(ret_info + at, cap - at, "%.*s", (int)n, rest);
		}
		rest += n;
	}
	if (!replaced)
		(void)snprintf(ret_info + strlen(ret_info), cap - strlen(ret_info), "%s\r\n", line);
}

static void change_settings(
    const struct row *row, struct durability_setting ret_settings[SETTINGS_MAX])
{
	for (size_t i = 0; i < GOOD; i++) {
		const char *value = good[i][1];

		if (row->setting && strcmp(row->setting, good[i][0]) == 0)
			value = row->value;
		if (row->also && strcmp(row->also, good[i][0]) == 0)
			value = row->also_value;
		ret_settings[i] =
		    (struct durability_setting){slice_text(good[i][0]), slice_text(value)};
	}
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		struct durability_setting settings[SETTINGS_MAX];
		struct durability found;
		char info[2000];

		print_message("%s %s %s\n", row->setting ? row->setting : "",
		    row->value ? row->value : "", row->line ? row->line : "");
		change_info(row->line, info, sizeof(info));
		change_settings(row, settings);
		durability_judge(slice_text(info), settings, GOOD,
		    &(struct durability_wants){.voters = 200000, .replicas = row->replicas},
		    &found);
		assert_true(found.settings_known);
		if (!row->found) {
			assert_int_equal(found.n, 0);
			assert_int_equal(durability_worst(&found), DURABILITY_ADVICE);
			continue;
		}
		assert_true(found.n >= 1);
		assert_string_equal(found.findings[0].setting, row->found);
		assert_int_equal(found.findings[0].grade, row->grade);
		assert_int_equal(durability_worst(&found), row->grade);
		if (row->remedy)
			assert_string_equal(found.findings[0].remedy, row->remedy);
		assert_true(strlen(found.findings[0].may) > 20);
	}
}

static const struct durability_finding *finding_of(
    const struct durability *durability, const char *setting)
{
	for (size_t i = 0; i < durability->n; i++)
		if (strcmp(durability->findings[i].setting, setting) == 0)
			return &durability->findings[i];
	return NULL;
}

/* Without CONFIG GET what INFO says is judged, and it is told that the rest is not known. */
static void test_refused(void **state)
{
	struct durability found;
	char info[2000];

	(void)state;
	durability_judge(slice_text(GOOD_INFO), NULL, 0, &nothing_wanted, &found);
	assert_false(found.settings_known);
	assert_int_equal(found.n, 1);
	assert_string_equal(found.findings[0].setting, "CONFIG GET");
	change_info("maxmemory_policy:allkeys-lfu", info, sizeof(info));
	durability_judge(slice_text(info), NULL, 0, &nothing_wanted, &found);
	assert_int_equal(durability_worst(&found), DURABILITY_DOUBLES);
	change_info("role:slave", info, sizeof(info));
	durability_judge(slice_text(info), NULL, 0, &nothing_wanted, &found);
	assert_int_equal(durability_worst(&found), DURABILITY_STOPS);
	durability_judge(slice_text(""), NULL, 0, &nothing_wanted, &found);
	assert_non_null(finding_of(&found, "INFO"));
	assert_int_equal(durability_worst(&found), DURABILITY_ADVICE);
}

/* More than the machine has is said so. */
static void test_too_many_voters(void **state)
{
	struct durability_setting settings[SETTINGS_MAX];
	struct durability found;

	(void)state;
	change_settings(&(struct row){.found = NULL}, settings);
	durability_judge(slice_text(GOOD_INFO), settings, GOOD,
	    &(struct durability_wants){.voters = 100000000}, &found);
	assert_string_equal(finding_of(&found, "maxmemory")->remedy,
	    "maxmemory 15896mb, on a machine that has a third more than that");
}

/* A replica is judged by what it would be as a master. */
static void test_replica(void **state)
{
	struct durability_setting settings[SETTINGS_MAX];
	const struct durability_wants wants = {.voters = 1, .replica = true};
	struct durability found;
	char info[2000];

	(void)state;
	change_settings(&(struct row){.setting = "min-replicas-to-write", .value = "2"}, settings);
	change_info("role:slave\r\nmaster_link_status:up", info, sizeof(info));
	durability_judge(slice_text(info), settings, GOOD, &wants, &found);
	assert_int_equal(found.n, 0);
	change_info("role:slave\r\nmaster_link_status:down", info, sizeof(info));
	durability_judge(slice_text(info), settings, GOOD, &wants, &found);
	assert_int_equal(found.n, 1);
	assert_string_equal(found.findings[0].setting, "master_link_status");
	change_settings(&(struct row){.setting = "appendfsync", .value = "no"}, settings);
	durability_judge(slice_text(info), settings, GOOD, &wants, &found);
	assert_int_equal(durability_worst(&found), DURABILITY_LOSES);
}

/* Debian's own settings: what must not be taken for good. */
static void test_as_shipped(void **state)
{
	static const char *const shipped[][2] = {{"appendonly", "no"}, {"appendfsync", "everysec"},
	    {"aof-load-truncated", "yes"}, {"save", "3600 1 300 100 60 10000"},
	    {"slowlog-log-slower-than", "10000"}, {"slowlog-max-len", "128"}};
	struct durability_setting settings[6];
	struct durability found;
	char text[400];

	(void)state;
	for (size_t i = 0; i < 6; i++)
		settings[i] = (struct durability_setting){
		    slice_text(shipped[i][0]), slice_text(shipped[i][1])};
	durability_judge(slice_text("redis_version:7.0.15\naof_enabled:0\nmaxmemory:0\n"), settings,
	    6, &nothing_wanted, &found);
	for (size_t i = 0; i < 5; i++)
		assert_non_null(finding_of(&found, shipped[i][0]));
	assert_null(finding_of(&found, "aof_enabled")); /* told once */
	for (size_t i = 1; i < found.n; i++)
		assert_true(found.findings[i - 1].grade >= found.findings[i].grade);
	durability_tell(finding_of(&found, "appendfsync"), text, sizeof(text));
	assert_string_equal(text,
	    "appendfsync is \"everysec\" (loses votes): votes are acknowledged before they are on "
	    "the disk: a power cut loses the last seconds; write: appendfsync always");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_as_shipped),
	    cmocka_unit_test(test_too_many_voters),
	    cmocka_unit_test(test_replica),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
