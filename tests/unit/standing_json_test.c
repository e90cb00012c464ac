/* What of a standing is shown to organisers, to the public, and to an entry alone: whole documents,
 * and that no view says more than it may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "contest/standing.h"

#include "standing_cases.h"

static const char plain[] =
    "{\"contest\":{\"entries\":[\"a\",\"b\",\"c\"],\"criteria\":[{\"id\":\"skill\",\"min\":0,"
    "\"max\":10,\"step\":1,\"weight\":5}],\"panels\":[{\"id\":\"experts\",\"criteria\":[]}],"
    "\"parts\":[{\"id\":\"rated\",\"source\":\"panel\",\"panel\":\"experts\",\"weight\":60,"
    "\"scale\":\"points\"},{\"id\":\"bench\",\"source\":\"metric\",\"weight\":40,"
    "\"scale\":\"share-of-maximum\",\"subtotal\":\"benchmark\"}],"
    "\"subtotals\":[{\"id\":\"benchmark\"}],"
    "\"advance\":{\"count\":2,\"refill\":false,\"ties\":\"included\"}},"
    "\"values\":{\"rated\":{\"a\":\"40.5\",\"b\":\"33.3333\",\"c\":\"25\"},"
    "\"bench\":{\"a\":\"77\",\"b\":\"88\",\"c\":\"11\"}},\"disqualified\":{}}";

/* The case with members of it replaced: `changes` is a JSON object with a path of two names a
 * member, as
 * {"values/bench":{…}}, or NULL. */
static struct standing_case *a_case(json_t **ret_json, const char *changes)
{
	json_t *json = json_loads(plain, 0, NULL);
	json_t *change = changes ? json_loads(changes, 0, NULL) : NULL, *value;
	const char *path;

	assert(json && (change || !changes));
	json_object_foreach(change, path, value)
	{
		const char *slash = strchr(path, '/');
		char first[32] = "";

		memcpy(first, path, (size_t)(slash - path));
		json_object_set(first[0] ? json_object_get(json, first) : json, slash + 1, value);
	}
	json_decref(change);
	*ret_json = json;
	return case_new(json);
}

static void assert_json(json_t *actual, const char *expected)
{
	char *text = json_dumps(actual, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15));
	json_t *json = json_loads(expected, 0, NULL);
	char *wanted;

	assert(json);
	wanted = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15));
	assert_string_equal(text, wanted);
	free(wanted);
	free(text);
	json_decref(json);
	json_decref(actual);
}

#define FORMULA                                                                                    \
	"\"parts\":[{\"id\":\"rated\",\"name\":{\"ko\":\"평가\",\"en\":\"rated\"},\"source\":"   \
	"\"panel\",\"panel\":\"experts\",\"weight\":60,\"scale\":\"points\",\"out_of\":50},"       \
	"{\"id\":\"bench\",\"name\":{\"ko\":\"평가\",\"en\":\"bench\"},\"source\":\"metric\","   \
	"\"subtotal\":\"benchmark\",\"weight\":40,\"scale\":\"share-of-maximum\"}],"               \
	"\"subtotals\":[{\"id\":\"benchmark\",\"name\":{\"ko\":\"소계\",\"en\":\"benchmark\"}}]"
#define ADVANCE "\"advance\":{\"count\":2,\"refill\":false,\"ties\":\"included\"}"
#define HEAD    "{\"complete\":true,\"missing\":[]," ADVANCE "," FORMULA

/* Points of rated: 60 * value / 50; of bench: 40 * value / 88. */
#define ROW_A(disqualified, rank, advanced)                                                        \
	"{\"entry\":\"a\",\"rank\":" rank                                                          \
	",\"tied\":false,\"points\":83.6,\"parts\":{\"rated\":"                                    \
	"{\"value\":40.5,\"points\":48.6},\"bench\":{\"value\":77,\"points\":35}},"                \
	"\"subtotals\":{\"benchmark\":35}" disqualified ",\"advanced\":" advanced "}"
#define ROW_B                                                                                      \
	"{\"entry\":\"b\",\"rank\":2,\"tied\":false,\"points\":80,\"parts\":{\"rated\":"           \
	"{\"value\":33.3333,\"points\":40},\"bench\":{\"value\":88,\"points\":40}},"               \
	"\"subtotals\":{\"benchmark\":40},\"advanced\":true}"
#define ROW_C                                                                                      \
	"{\"entry\":\"c\",\"rank\":3,\"tied\":false,\"points\":35,\"parts\":{\"rated\":"           \
	"{\"value\":25,\"points\":30},\"bench\":{\"value\":11,\"points\":5}},"                     \
	"\"subtotals\":{\"benchmark\":5},\"advanced\":false}"

static void test_organisers_see_all(void **state)
{
	json_t *json;
	struct standing_case *c = a_case(&json, NULL);

	(void)state;
	assert_json(standing_json(c->contest, &c->input, &c->standing),
	    HEAD ",\"rows\":[" ROW_A("", "1", "true") "," ROW_B "," ROW_C "]}");
	case_free(c);
	json_decref(json);
}

static void test_what_is_missing(void **state)
{
	json_t *json, *actual;
	struct standing_case *c =
	    a_case(&json, "{\"values/bench\":{\"a\":\"77\",\"c\":\"11\"},\"values/rated\":{}}");

	(void)state;
	actual = standing_json(c->contest, &c->input, &c->standing);
	assert_json(json_incref(json_object_get(actual, "missing")),
	    "[{\"part\":\"rated\",\"entry\":\"a\"},{\"part\":\"rated\",\"entry\":\"b\"},"
	    "{\"part\":\"bench\",\"entry\":\"b\"},{\"part\":\"rated\",\"entry\":\"c\"}]");
	assert_json(json_incref(json_array_get(json_object_get(actual, "rows"), 1)),
	    "{\"entry\":\"b\",\"rank\":null,\"tied\":false,\"points\":null,\"parts\":{\"rated\":"
	    "{\"value\":null,\"points\":null},\"bench\":{\"value\":null,\"points\":null}},"
	    "\"subtotals\":{\"benchmark\":null},\"advanced\":null}");
	json_decref(actual);
	case_free(c);
	json_decref(json);
}

#define DISQUALIFY_A "{\"disqualified/a\":\"기준 미달\"}"
#define TIE          "{\"values/rated\":{\"a\":\"40.5\",\"b\":\"36.3333\",\"c\":\"25\"}}"
#define MISSING      "{\"values/bench\":{\"a\":\"77\",\"b\":\"88\"}}"
#define NO_CUT       "{\"contest/advance\":{\"count\":0,\"refill\":false,\"ties\":\"included\"}}"

static void test_the_public_sees(void **state)
{
	static const struct {
		enum standing_publish publish;
		const char *changes, *rows; /* and the mean */
	} table[] = {
	    {STANDING_FULL, NULL,
		"\"publish\":\"full\",\"rows\":[" ROW_A("", "1", "true") "," ROW_B "," ROW_C "]"},
	    {STANDING_FULL, DISQUALIFY_A,
		"\"publish\":\"full\",\"rows\":[" ROW_A(
		    ",\"disqualified\":\"기준 미달\"", "null", "false") "," ROW_B "," ROW_C "]"},
	    /* (83.6 + 80 + 35) / 3 = 66.2 */
	    {STANDING_TOP_AND_MEAN, NULL,
		"\"publish\":\"top-and-mean\",\"advanced\":[\"a\",\"b\"],\"mean\":66.2,\"rows\":[{"
		"\"entry\":\"a\",\"rank\":1,"
		"\"tied\":false,\"points\":83.6,\"advanced\":true}]"},
	    /* (83.6 + 83.6 + 35) / 3 = 67.4 */
	    {STANDING_TOP_AND_MEAN, TIE,
		"\"publish\":\"top-and-mean\",\"advanced\":[\"a\",\"b\"],\"mean\":67.4,\"rows\":[{"
		"\"entry\":\"a\",\"rank\":1,"
		"\"tied\":true,\"points\":83.6,\"advanced\":true},{\"entry\":\"b\",\"rank\":1,"
		"\"tied\":true,\"points\":83.6,\"advanced\":true}]"},
	    /* The first place stays empty; its points are in the mean. */
	    {STANDING_TOP_AND_MEAN, DISQUALIFY_A,
		"\"publish\":\"top-and-mean\",\"advanced\":[\"b\"],\"mean\":66.2,\"rows\":[{"
		"\"entry\":\"b\",\"rank\":2,"
		"\"tied\":false,\"points\":80,\"advanced\":true}]"},
	    {STANDING_ADVANCERS, NULL,
		"\"publish\":\"advancers\",\"rows\":[{\"entry\":\"a\",\"advanced\":true},"
		"{\"entry\":\"b\",\"advanced\":true}]"},
	    {STANDING_ADVANCERS, DISQUALIFY_A,
		"\"publish\":\"advancers\",\"rows\":[{\"entry\":\"b\",\"advanced\":true}]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		json_t *json;
		struct standing_case *c = a_case(&json, table[i].changes);
		char expected[4096];

		c->contest->stage.publish = table[i].publish;
		(void)snprintf(expected, sizeof(expected), "%s,%s}", HEAD, table[i].rows);
		assert_json(standing_public_json(c->contest, &c->input, &c->standing), expected);
		case_free(c);
		json_decref(json);
	}
}

/* Nothing before it is complete, and nobody advances without a cut line. */
static void test_the_public_waits(void **state)
{
	static const struct {
		enum standing_publish publish;
		const char *changes;
	} table[] = {
	    {STANDING_TOP_AND_MEAN, MISSING},
	    {STANDING_ADVANCERS, MISSING},
	    {STANDING_ADVANCERS, NO_CUT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		json_t *json, *actual;
		struct standing_case *c = a_case(&json, table[i].changes);

		c->contest->stage.publish = table[i].publish;
		actual = standing_public_json(c->contest, &c->input, &c->standing);
		assert_int_equal(json_array_size(json_object_get(actual, "rows")), 0);
		if (table[i].publish == STANDING_TOP_AND_MEAN)
			assert_true(json_is_null(json_object_get(actual, "mean")) &&
				    json_is_null(json_object_get(actual, "advanced")));
		json_decref(actual);
		case_free(c);
		json_decref(json);
	}
}

static void test_no_cut_line_decides_nothing(void **state)
{
	json_t *json, *actual;
	struct standing_case *c = a_case(&json, NO_CUT);

	(void)state;
	c->contest->stage.publish = STANDING_TOP_AND_MEAN;
	actual = standing_public_json(c->contest, &c->input, &c->standing);
	assert_int_equal(json_array_size(json_object_get(actual, "rows")), 1);
	assert_true(json_is_null(json_object_get(actual, "advanced")));
	json_decref(actual);
	case_free(c);
	json_decref(json);
}

static void test_an_entry_sees_its_own(void **state)
{
	json_t *json, *report;
	struct standing_case *c = a_case(&json, NULL);

	(void)state;
	assert_json(standing_report_json(c->contest, &c->input, &c->standing, 1),
	    HEAD ",\"entries\":3,\"row\":" ROW_B "}");
	case_free(c);
	json_decref(json);
	/* What another lacks is not said. */
	c = a_case(&json, MISSING);
	assert_json(standing_report_json(c->contest, &c->input, &c->standing, 0),
	    HEAD ",\"entries\":3,\"row\":" ROW_A("", "null", "null") "}");
	report = standing_report_json(c->contest, &c->input, &c->standing, 2);
	assert_json(json_incref(json_object_get(report, "missing")),
	    "[{\"part\":\"bench\",\"entry\":\"c\"}]");
	json_decref(report);
	case_free(c);
	json_decref(json);
}

static void test_without_parts(void **state)
{
	static const char expected[] =
	    "{\"complete\":false,\"missing\":[]," ADVANCE
	    ",\"parts\":[],\"subtotals\":[{\"id\":\"benchmark\",\"name\":{\"ko\":\"소계\","
	    "\"en\":\"benchmark\"}}],\"rows\":[]}";
	json_t *json;
	struct standing_case *c = a_case(&json, "{\"contest/parts\":[],\"/values\":{}}");

	(void)state;
	assert_json(standing_json(c->contest, &c->input, &c->standing), expected);
	case_free(c);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_organisers_see_all),
	    cmocka_unit_test(test_what_is_missing),
	    cmocka_unit_test(test_the_public_sees),
	    cmocka_unit_test(test_the_public_waits),
	    cmocka_unit_test(test_no_cut_line_decides_nothing),
	    cmocka_unit_test(test_an_entry_sees_its_own),
	    cmocka_unit_test(test_without_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
