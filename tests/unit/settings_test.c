/* config/tallyd.yaml: defaults, paths, rules between options, and that the shipped file documents
 * every option with its default. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/settings.h"
#include "config_fixture.h"

static void test_defaults(void **state)
{
	struct config_errors errors;
	struct settings settings;

	(void)state;
	fixture_write("contests: [a.yaml]\n");
	assert_int_equal(settings_load("f.yaml", &settings, &errors), 0);
	assert_string_equal(settings.listen, "127.0.0.1:8080");
	assert_null(settings.admin_listen);
	assert_int_equal(settings.n_contests, 1);
	assert_string_equal(settings.contests[0], "a.yaml");
	assert_string_equal(settings.keys, "/var/lib/tallyd/keys");
	assert_null(settings.pages);
	assert_string_equal(settings.api_origin, "");
	assert_string_equal(settings.public_url, "");
	assert_string_equal(settings.redis.address, "tcp:127.0.0.1:6379");
	assert_null(settings.redis.user);
	assert_string_equal(settings.redis.server.binary, "redis-server");
	assert_false(settings.redis.server.enabled);
	assert_string_equal(settings.ballot_log.dir, "/var/lib/tallyd/log");
	assert_true(settings.ballot_log.sign);
	assert_int_equal(settings.ballot_log.lease_ms, 5000);
	assert_int_equal(settings.limits.head_bytes, 8192);
	assert_int_equal(settings.limits.head_ms, 10000);
	assert_int_equal(settings.token_rate.burst, 300);
	assert_int_equal(settings.log_level, LOG_INFO);
	assert_null(settings.access_log);
	settings_release(&settings);
	config_errors_release(&errors);
}

static void test_paths_are_resolved(void **state)
{
	struct config_errors errors;
	struct settings settings;
	char path[200];

	(void)state;
	fixture_write(
	    "contests: [a.yaml, /b.yaml, c/d.yaml]\nkeys: keys\naccess_log: access.log\n"
	    "ballot_log: {dir: log}\n"
	    "redis: {address: unix:redis.sock, server: {binary: bin/redis-server}}\n");
	(void)snprintf(path, sizeof(path), "%s/f.yaml", fixture_directory);
	assert_int_equal(settings_load(path, &settings, &errors), 0);

#define ASSERT_BELOW(text, prefix, rest)                                                           \
	do {                                                                                       \
		char expected[200];                                                                \
		(void)snprintf(                                                                    \
		    expected, sizeof(expected), "%s%s/%s", prefix, fixture_directory, rest);       \
		assert_string_equal(text, expected);                                               \
	} while (0)

	ASSERT_BELOW(settings.contests[0], "", "a.yaml");
	assert_string_equal(settings.contests[1], "/b.yaml");
	ASSERT_BELOW(settings.contests[2], "", "c/d.yaml");
	ASSERT_BELOW(settings.keys, "", "keys");
	ASSERT_BELOW(settings.access_log, "", "access.log");
	ASSERT_BELOW(settings.ballot_log.dir, "", "log");
	ASSERT_BELOW(settings.redis.address, "unix:", "redis.sock");
	ASSERT_BELOW(settings.redis.server.binary, "", "bin/redis-server");
	settings_release(&settings);
	config_errors_release(&errors);

	fixture_write(
	    "contests: [a.yaml]\naccess_log: \"-\"\nredis: {address: unix:/run/r.sock}\n"
	    "ballot_log: {dir: \"\", sign: false, lease: 1s}\n");
	assert_int_equal(settings_load(path, &settings, &errors), 0);
	assert_string_equal(settings.access_log, "-");
	assert_string_equal(settings.redis.address, "unix:/run/r.sock");
	assert_null(settings.ballot_log.dir);
	assert_false(settings.ballot_log.sign);
	assert_int_equal(settings.ballot_log.lease_ms, 1000);
	settings_release(&settings);
	config_errors_release(&errors);
}

static void test_broken_files(void **state)
{
	static const struct {
		const char *yaml, *errors;
	} table[] = {
	    {"listen: 127.0.0.1:0\n",
		"f.yaml:1:1: \"contests\" is missing; it is to be a list of paths\n"},
	    {"contests: []\n", "f.yaml:1:11: \"contests\" has 0 items; at least 1 are needed\n"},
	    {"contests: [a, b, a]\n",
		"f.yaml:1:18: this contest file is listed a second time; name it once\n"},
	    {"contests: [a]\nlisten: 8080\nlog_level: verbose\nlimits:\n  head: 8kb\n  conections: "
	     "5\n",
		"f.yaml:2:9: \"listen\" is to be an address and a port, such as 127.0.0.1:8080, "
		"[::1]:8080 or *:8080, not \"8080\"\n"
		"f.yaml:3:12: \"log_level\" is to be one of error, warn, info, debug, not "
		"\"verbose\"\n"
		"f.yaml:5:9: \"limits.head\" is to be a size such as 8KiB or 1MiB, from 1KiB to "
		"1MiB, "
		"not \"8kb\"\n"
		"f.yaml:6:3: unknown key \"conections\"; did you mean \"connections\"?\n"},
	    {"contests: [a]\nballot_log: {lease: 100ms, sing: true}\n",
		"f.yaml:2:21: \"ballot_log.lease\" is to be a duration such as 500ms, 2s or 5m, "
		"from 200ms to 1m, not \"100ms\"\n"
		"f.yaml:2:28: unknown key \"sing\"; did you mean \"sign\"?\n"},
	    {"contests: [a]\norigins: [https://vote.example/]\n",
		"f.yaml:2:11: \"origins\" is to be an origin in lower case without a path, such as "
		"https://vote.example, not \"https://vote.example/\"\n"},
	    {"contests: [a]\nredis:\n  server:\n    enabled: true\n",
		"f.yaml:4:5: \"redis.server.config\" is missing; a Redis of our own needs its "
		"configuration file\n"
		"f.yaml:4:5: \"redis.server.dir\" is missing; a Redis of our own needs a directory "
		"for "
		"its data\n"
		"f.yaml:4:5: a Redis of our own listens on a unix socket only; \"redis.address\" "
		"is to "
		"be unix:/path/to/socket\n"},
	    {"contests: [a]\nredis:\n  address: unix:/a/b.sock\n"
	     "  server: {enabled: true, config: c, dir: /a/}\n",
		"f.yaml:3:12: a Redis of our own listens at redis.sock in its \"dir\": write "
		"unix:/a/redis.sock\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct config_errors errors;
		struct settings settings;
		char *text;

		fixture_write(table[i].yaml);
		assert_int_equal(settings_load("f.yaml", &settings, &errors), -EINVAL);
		text = fixture_errors(&errors);
		assert_string_equal(text, table[i].errors);
		free(text);
	}
}

static void test_an_absent_file(void **state)
{
	struct config_errors errors;
	struct settings settings;
	char *text;

	(void)state;
	assert_int_equal(settings_load("absent.yaml", &settings, &errors), -ENOENT);
	text = fixture_errors(&errors);
	assert_string_equal(text, "absent.yaml: cannot be read: No such file or directory\n");
	free(text);
}

/* ---- the shipped file ---- */

struct shipped {
	struct document *document;
	int options, missing;
};

/* The value of an option as the file writes it; NULL when it is not there. */
static const char *value_in(struct shipped *shipped, const char *option)
{
	char path[120];
	const yaml_node_t *node;

	(void)snprintf(path, sizeof(path), "%s", option);
	for (char *dot = strchr(path, '.'); dot; dot = strchr(dot, '.'))
		*dot = '/';
	node = document_at(shipped->document, "%s", path);
	if (!node)
		return NULL;
	if (node->type == YAML_SCALAR_NODE)
		return (const char *)node->data.scalar.value;
	return node->data.sequence.items.start == node->data.sequence.items.top ? "[]" : "[…]";
}

static void compare_option(void *arg, const char *path, const struct schema_key *key)
{
	struct shipped *shipped = arg;
	const char *value = value_in(shipped, path);

	shipped->options++;
	if (!key->doc || !*key->doc) {
		print_error("%s has no sentence\n", path);
		shipped->missing++;
	}
	if (!value || (key->fallback && strcmp(value, key->fallback) != 0)) {
		print_error("%s: the file says %s, the default is %s\n", path,
		    value ? value : "nothing", key->fallback ? key->fallback : "none");
		shipped->missing++;
	}
	if (!key->fallback && !key->required) {
		print_error("%s is neither required nor has it a default\n", path);
		shipped->missing++;
	}
}

static void test_the_shipped_file_has_every_option_with_its_default(void **state)
{
	struct shipped shipped = {0};
	struct config_errors errors;
	struct settings settings;
	char path[1100];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/config/tallyd.yaml", fixture_root);
	assert_int_equal(settings_load(path, &settings, &errors), 0);
	settings_release(&settings);
	assert_int_equal(document_load(path, &errors, &shipped.document), 0);
	settings_each(compare_option, &shipped);
	assert_true(shipped.options > 30);
	assert_int_equal(shipped.missing, 0);
	document_free(shipped.document);
	config_errors_release(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_paths_are_resolved),
	    cmocka_unit_test(test_broken_files),
	    cmocka_unit_test(test_an_absent_file),
	    cmocka_unit_test(test_the_shipped_file_has_every_option_with_its_default),
	};

	return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
