/* http/router: paths against rows, as a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/router.h"

static const struct route routes[] = {
    {METHOD_GET, "/", NULL, 0, 0, NULL},
    {METHOD_GET, "/v1/contests", NULL, 0, 0, NULL},
    {METHOD_GET, "/v1/contests/:contest", NULL, 0, 0, NULL},
    {METHOD_GET, "/v1/contests/:contest/sheet", NULL, 0, 0, NULL},
    {METHOD_PUT, "/v1/contests/:contest/sheet", NULL, 0, 0, NULL},
    {METHOD_POST, "/v1/contests/:contest/ballots", NULL, 0, 0, NULL},
    {METHOD_GET, "/v1/contests/:contest/receipts/:shard/:index", NULL, 0, 0, NULL},
    {METHOD_GET, "/a/:p/:q/:r/:s", NULL, 0, 0, NULL},
    {METHOD_GET, "/a/:p/:q/:r/:s/:t", NULL, 0, 0, NULL}, /* more than there is room for */
    {METHOD_GET, "/log/:contest/:shard/*", NULL, 0, 0, NULL},
    {METHOD_GET, "/a*/*/b", NULL, 0, 0, NULL}, /* not at the end: an ordinary segment */
    {0, NULL, NULL, 0, 0, NULL},
};

#define G (METHOD_GET | METHOD_HEAD)

static const struct {
	enum method method;
	const char *path;
	int row; /* -1: none */
	unsigned allow;
	const char *params[REQUEST_PARAMS_MAX];
} rows[] = {
    {METHOD_GET, "/", 0, G, {NULL}},
    {METHOD_HEAD, "/", 0, G, {NULL}},
    {METHOD_POST, "/", -1, G, {NULL}},
    {METHOD_GET, "", -1, 0, {NULL}},
    {METHOD_GET, "//", -1, 0, {NULL}},
    {METHOD_GET, "/v1", -1, 0, {NULL}},
    {METHOD_GET, "/v1/contests", 1, G, {NULL}},
    {METHOD_GET, "/v1/contests/", -1, 0, {NULL}},
    {METHOD_GET, "/V1/contests", -1, 0, {NULL}},
    {METHOD_GET, "/v1/contestsx", -1, 0, {NULL}},
    {METHOD_GET, "/v1//contests", -1, 0, {NULL}},
    {METHOD_GET, "/v1/contests/x", 2, G, {"x"}},
    {METHOD_GET, "/v1/contests/%2F", 2, G, {"%2F"}},
    {METHOD_GET, "/v1/contests/x/", -1, 0, {NULL}},
    {METHOD_GET, "/v1/contests/x/sheet", 3, G, {"x"}},
    {METHOD_PUT, "/v1/contests/x/sheet", 4, G | METHOD_PUT, {"x"}},
    {METHOD_POST, "/v1/contests/x/sheet", -1, G | METHOD_PUT, {NULL}},
    {METHOD_PUT, "/v1/contests//sheet", -1, 0, {NULL}},
    {METHOD_POST, "/v1/contests/x/ballots", 5, METHOD_POST, {"x"}},
    {METHOD_HEAD, "/v1/contests/x/ballots", -1, METHOD_POST, {NULL}},
    {METHOD_GET, "/v1/contests/x/receipts/0/17", 6, G, {"x", "0", "17"}},
    {METHOD_GET, "/v1/contests/x/receipts/0", -1, 0, {NULL}},
    {METHOD_GET, "/v1/contests/x/receipts/0/17/9", -1, 0, {NULL}},
    {METHOD_GET, "/a/1/2/3/4", 7, G, {"1", "2", "3", "4"}},
    {METHOD_GET, "/a/1/2/3/4/5", -1, 0, {NULL}},
    {METHOD_GET, "/log/c/0/checkpoint", 9, G, {"c", "0", "checkpoint"}},
    {METHOD_HEAD, "/log/c/0/tile/0/x001/067.p/5", 9, G, {"c", "0", "tile/0/x001/067.p/5"}},
    {METHOD_POST, "/log/c/0/checkpoint", -1, G, {NULL}},
    {METHOD_GET, "/log/c/0/../../x//y/", 9, G, {"c", "0", "../../x//y/"}},
    {METHOD_GET, "/log/c/0//", 9, G, {"c", "0", "/"}},
    {METHOD_GET, "/log/c/0/*", 9, G, {"c", "0", "*"}},
    {METHOD_GET, "/log/c/0/", -1, 0, {NULL}},
    {METHOD_GET, "/log/c/0", -1, 0, {NULL}},
    {METHOD_GET, "/log//0/checkpoint", -1, 0, {NULL}},
    {METHOD_GET, "/a*/*/b", 10, G, {NULL}},
    {METHOD_GET, "/a*/x/b", -1, 0, {NULL}},
};

static void matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slice params[REQUEST_PARAMS_MAX] = {{NULL, 0}};
		unsigned allow = 12345;
		const struct route *row =
		    router_match(routes, rows[i].method, slice_text(rows[i].path), params, &allow);
		int index = row ? (int)(row - routes) : -1;
		if (index != rows[i].row)
			print_error("%s\n", rows[i].path);
		assert_int_equal(index, rows[i].row);
		assert_int_equal(allow, rows[i].allow);
		for (size_t k = 0; k < REQUEST_PARAMS_MAX; k++)
			assert_true(slice_equal(params[k], slice_text(rows[i].params[k])));
	}
}

static void walks_the_rows_of_a_path(void **state)
{
	(void)state;
	struct slice path = slice_text("/v1/contests/x/sheet");
	const struct route *row = router_next(routes, NULL, path);
	assert_ptr_equal(row, &routes[3]);
	row = router_next(routes, row, path);
	assert_ptr_equal(row, &routes[4]);
	assert_null(router_next(routes, row, path));
	assert_null(router_next(routes, NULL, slice_text("/x")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(matches),
	    cmocka_unit_test(walks_the_rows_of_a_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
