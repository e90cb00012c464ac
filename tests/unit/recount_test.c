/* Parts of the recount that need no Redis: the root of a growing tree, and the list of findings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "audit/findings.h"
#include "audit/frontier.h"

#define LEAVES 300

static void test_the_root_of_every_size(void **state)
{
	static uint8_t leaves[LEAVES][MERKLE_SIZE];
	struct frontier frontier = {0};
	uint8_t expected[MERKLE_SIZE], root[MERKLE_SIZE];

	(void)state;
	for (size_t n = 0;; n++) {
		merkle_root(leaves[0], n, expected);
		frontier_root(&frontier, root);
		assert_int_equal(frontier.size, n);
		assert_memory_equal(root, expected, sizeof(root));
		if (n == LEAVES)
			break;
		char text[24];
		(void)snprintf(text, sizeof(text), "leaf %zu", n);
		merkle_leaf(slice_text(text), leaves[n]);
		frontier_add(&frontier, leaves[n]);
	}
}

static const char *what(const struct findings *findings, size_t i)
{
	return json_string_value(json_object_get(json_array_get(findings->list, i), "what"));
}

static void test_what_was_read_is_told_as_one_line_of_text(void **state)
{
	struct findings findings;

	(void)state;
	assert_int_equal(findings_init(&findings), 0);
	findings_add(&findings, "log", "%s", "한글, then \033[31m, a\nline, \xFF and \xE2\x80\xAE");
	assert_string_equal(what(&findings, 0), "한글, then ?[31m, a?line, ? and ?");
	char much[2000];
	memset(much, 'x', sizeof(much) - 1);
	much[sizeof(much) - 1] = '\0';
	findings_add(&findings, "log", "%s", much);
	assert_true(strlen(what(&findings, 1)) < 1000);
	/* Cut within a character. */
	for (size_t i = 0; i + 3 < sizeof(much); i += 3)
		memcpy(much + i, "한", 3);
	much[sizeof(much) - 3] = '\0';
	findings_add(&findings, "log", "%s", much);
	assert_non_null(what(&findings, 2));
	assert_int_equal(findings.n, 3);
	assert_false(findings.failed);
	findings_release(&findings);
}

static void test_so_many_are_kept_and_all_are_counted(void **state)
{
	struct findings findings;

	(void)state;
	assert_int_equal(findings_init(&findings), 0);
	for (int i = 0; i < FINDINGS_KEPT + 500; i++)
		findings_add(&findings, "log", "shard %d", i);
	assert_int_equal(findings.n, FINDINGS_KEPT + 500);
	assert_int_equal(json_array_size(findings.list), FINDINGS_KEPT);
	assert_string_equal(what(&findings, FINDINGS_KEPT - 1), "shard 999");
	findings_release(&findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_root_of_every_size),
	    cmocka_unit_test(test_what_was_read_is_told_as_one_line_of_text),
	    cmocka_unit_test(test_so_many_are_kept_and_all_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
