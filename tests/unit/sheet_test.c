/* Score sheets: what is taken, what is refused and in which words, canonical bytes, what is
 * missing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "contest/sheet.h"

#include "contest_fixture.h"

/* Experts rate ethics (0 to 15) and skill (-10 to 10 in steps of 5, twice as heavy), users speed.
 */
static struct contest *rated(void)
{
	struct contest *contest = fixture_contest("choices", three, 3);
	struct panel *panel;

	fixture_criterion(contest, "ethics", 0, 15, 1, 1);
	fixture_criterion(contest, "speed", 1, 5, 1, 1);
	fixture_criterion(contest, "skill", -10, 10, 5, 2);
	panel = fixture_panel(contest, "experts", AGGREGATE_TRIMMED_MEAN);
	fixture_panel_criterion(panel, "ethics");
	fixture_panel_criterion(panel, "skill");
	panel = fixture_panel(contest, "users", AGGREGATE_MEAN);
	fixture_panel_criterion(panel, "speed");
	return contest;
}

static int parse(const struct contest *contest, const char *text, struct sheet **ret_sheet,
    char ret_why[SHEET_WHY_MAX])
{
	json_t *body = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	int error;

	assert(body);
	error = sheet_parse(contest, &contest->panels[0], body, ret_sheet, ret_why);
	json_decref(body);
	return error;
}

static void test_takes(void **state)
{
	static const struct {
		const char *json, *canonical;
	} table[] = {
	    {"{\"state\":\"draft\"}",
		"{\"scores\":{},\"recused\":{},\"comments\":{},\"state\":\"draft\"}"},
	    /* In the contest's order, whatever order they came in; nothing said is not kept. */
	    {"{\"comments\":{\"upstage\":\"좋음\\n끝\",\"nc-ai\":\"\"},\"state\":\"submitted\","
	     "\"scores\":{\"upstage\":{\"skill\":-10,\"ethics\":0},\"nc-ai\":{\"ethics\":15},"
	     "\"naver-cloud\":{}},\"recused\":{\"naver-cloud\":\"가족\"}}",
		"{\"scores\":{\"nc-ai\":{\"ethics\":15},\"upstage\":{\"ethics\":0,\"skill\":-10}},"
		"\"recused\":{\"naver-cloud\":\"가족\"},\"comments\":{\"upstage\":\"좋음\\n끝\"},"
		"\"state\":\"submitted\"}"},
	    /* A comment in which nothing can be read is none; emoji are text. */
	    {"{\"comments\":{\"upstage\":\" "
	     "\\u00a0\\u200b\\n\",\"nc-ai\":\"👩‍🔬\"},\"state\":\"draft\"}",
		"{\"scores\":{},\"recused\":{},\"comments\":{\"nc-ai\":\"👩‍🔬\"},\"state\":"
		"\"draft\"}"},
	    /* A comment may stand beside a recusal. */
	    {"{\"state\":\"draft\",\"recused\":{\"nc-ai\":\"x\"},\"comments\":{\"nc-ai\":\"y\"}}",
		"{\"scores\":{},\"recused\":{\"nc-ai\":\"x\"},\"comments\":{\"nc-ai\":\"y\"},"
		"\"state\":\"draft\"}"},
	};
	struct contest *contest = rated();

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char why[SHEET_WHY_MAX] = "";
		struct sheet *sheet, *again;
		char *text, *same;

		assert_int_equal(parse(contest, table[i].json, &sheet, why), 0);
		assert_string_equal(why, "");
		text = sheet_text(contest, sheet);
		assert_string_equal(text, table[i].canonical);
		assert_int_equal(parse(contest, text, &again, why), 0);
		same = sheet_text(contest, again);
		assert_string_equal(same, text);
		free(same);
		free(text);
		sheet_free(again);
		sheet_free(sheet);
	}
	contest_free(contest);
}

#define DRAFT(members) "{\"state\":\"draft\"," members "}"

static void test_refuses(void **state)
{
	static const struct {
		const char *json, *why;
	} table[] = {
	    {"[]",
		"the sheet is an array; it must be an object with scores, recused, comments, "
		"and state"},
	    {"{}", "state is missing; it must be \"draft\" or \"submitted\""},
	    {"{\"state\":1}", "state is a number; it must be \"draft\" or \"submitted\""},
	    {"{\"state\":\"done\"}", "state is \"done\"; it must be \"draft\" or \"submitted\""},
	    {DRAFT("\"revision\":1"),
		"there is no member \"revision\"; a sheet has scores, "
		"recused, comments, and state"},
	    {DRAFT("\"scores\":[]"),
		"scores is an array; it must be an object of entries and their scores"},
	    {DRAFT("\"scores\":null"),
		"scores is null; it must be an object of entries and their scores"},
	    {DRAFT("\"scores\":{\"kakao\":{}}"),
		"scores: there is no entry \"kakao\"; the entries "
		"are nc-ai, naver-cloud, upstage"},
	    {DRAFT("\"scores\":{\"upstage\":7}"),
		"scores.upstage is a number; it must be an object of criteria and whole numbers"},
	    {DRAFT("\"scores\":{\"upstage\":{\"charm\":1}}"),
		"scores.upstage: \"charm\" is no criterion; the criteria of the panel \"experts\" "
		"are ethics, skill"},
	    {DRAFT("\"scores\":{\"upstage\":{\"speed\":1}}"),
		"scores.upstage: \"speed\" is another panel's; the criteria of the panel "
		"\"experts\" are ethics, skill"},
	    {DRAFT("\"scores\":{\"upstage\":{\"ethics\":16}}"),
		"scores.upstage.ethics is 16; it must be from 0 to 15 in steps of 1"},
	    {DRAFT("\"scores\":{\"upstage\":{\"ethics\":-1}}"),
		"scores.upstage.ethics is -1; it must be from 0 to 15 in steps of 1"},
	    {DRAFT("\"scores\":{\"upstage\":{\"ethics\":9223372036854775807}}"),
		"scores.upstage.ethics is 9223372036854775807; it must be from 0 to 15 in steps of "
		"1"},
	    {DRAFT("\"scores\":{\"upstage\":{\"skill\":-9223372036854775808}}"),
		"scores.upstage.skill is -9223372036854775808; it must be from -10 to 10 in steps "
		"of 5"},
	    {DRAFT("\"scores\":{\"upstage\":{\"skill\":-7}}"),
		"scores.upstage.skill is -7; it must be from -10 to 10 in steps of 5"},
	    {DRAFT("\"scores\":{\"upstage\":{\"ethics\":8.0}}"),
		"scores.upstage.ethics is 8.0; it must be a whole number without a decimal point "
		"or exponent, from 0 to 15 in steps of 1"},
	    {DRAFT("\"scores\":{\"upstage\":{\"ethics\":1e300}}"),
		"scores.upstage.ethics is 1e300; it must be a whole number without a decimal point "
		"or exponent, from 0 to 15 in steps of 1"},
	    {DRAFT("\"scores\":{\"upstage\":{\"ethics\":\"8\"}}"),
		"scores.upstage.ethics is a text; it must be a whole number from 0 to 15 in steps "
		"of 1"},
	    {DRAFT("\"scores\":{\"upstage\":{\"ethics\":true}}"),
		"scores.upstage.ethics is true or false; it must be a whole number from 0 to 15 in "
		"steps of 1"},
	    {DRAFT("\"scores\":{\"upstage\":{\"ethics\":null}}"),
		"scores.upstage.ethics is null; it must be a whole number from 0 to 15 in steps of "
		"1"},
	    {DRAFT("\"recused\":[]"),
		"recused is an array; it must be an object of entries and reasons"},
	    {DRAFT("\"recused\":{\"kakao\":\"x\"}"),
		"recused: there is no entry \"kakao\"; the "
		"entries are nc-ai, naver-cloud, upstage"},
	    {DRAFT("\"recused\":{\"nc-ai\":\"\"}"),
		"recused.nc-ai has 0 characters; it must have 1 to 400"},
	    {DRAFT("\"recused\":{\"nc-ai\":true}"),
		"recused.nc-ai is true or false; it must be a text of 1 to 400 characters"},
	    {DRAFT("\"recused\":{\"nc-ai\":\"a\\tb\"}"),
		"recused.nc-ai has a control character or a mark that changes the direction of "
		"text; "
		"line feeds are allowed, no other"},
	    {DRAFT("\"comments\":{\"nc-ai\":\"\\u007f\"}"),
		"comments.nc-ai has a control character or a mark that changes the direction of "
		"text; "
		"line feeds are allowed, no other"},
	    {DRAFT("\"comments\":{\"nc-ai\":\"a\\r\\nb\"}"),
		"comments.nc-ai has a control character or a mark that changes the direction of "
		"text; "
		"line feeds are allowed, no other"},
	    {DRAFT("\"comments\":{\"nc-ai\":\"\\u0085\"}"),
		"comments.nc-ai has a control character or a mark that changes the direction of "
		"text; "
		"line feeds are allowed, no other"},
	    {DRAFT("\"comments\":{\"nc-ai\":\"a\\u202eb\"}"),
		"comments.nc-ai has a control character or a mark that changes the direction of "
		"text; "
		"line feeds are allowed, no other"},
	    {DRAFT("\"comments\":{\"nc-ai\":\"a\\u2028b\"}"),
		"comments.nc-ai has a control character or a mark that changes the direction of "
		"text; "
		"line feeds are allowed, no other"},
	    {DRAFT("\"recused\":{\"nc-ai\":\" \\n\\u200b\\u3164\"}"),
		"recused.nc-ai has nothing to be read in it"},
	    {DRAFT("\"comments\":{\"nc-ai\":null}"),
		"comments.nc-ai is null; it must be a text of 0 to 4000 characters"},
	    {DRAFT("\"recused\":{\"nc-ai\":\"x\"},\"scores\":{\"nc-ai\":{\"ethics\":1}}"),
		"scores.nc-ai stands beside recused.nc-ai; an entry has either scores or a "
		"recusal"},
	};
	struct contest *contest = rated();

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char why[SHEET_WHY_MAX] = "";
		struct sheet *sheet = NULL;

		assert_int_equal(parse(contest, table[i].json, &sheet, why), -EINVAL);
		assert_string_equal(why, table[i].why);
		assert_null(sheet);
	}
	contest_free(contest);
}

/* Steps are counted from the minimum: 1, 3, 5. */
static void test_steps_begin_at_the_minimum(void **state)
{
	struct contest *contest = rated();

	(void)state;
	contest->criteria[1].step = 2;
	for (int score = -1; score <= 7; score++) {
		json_t *body = json_pack(
		    "{s:s, s:{s:{s:i}}}", "state", "draft", "scores", "nc-ai", "speed", score);
		char why[SHEET_WHY_MAX];
		struct sheet *sheet = NULL;
		int error = sheet_parse(contest, &contest->panels[1], body, &sheet, why);

		assert_int_equal(error, score == 1 || score == 3 || score == 5 ? 0 : -EINVAL);
		sheet_free(sheet);
		json_decref(body);
	}
	contest_free(contest);
}

/* A text of n times this character, as a draft's comment or reason. */
static int parse_long(const struct contest *contest, const char *member, const char *character,
    size_t n, char ret_why[SHEET_WHY_MAX])
{
	size_t len = strlen(character);
	char *text = calloc(n, len + 1);
	struct sheet *sheet = NULL;
	json_t *body;
	int error;

	for (size_t i = 0; i < n; i++)
		memcpy(text + i * len, character, len);
	body = json_pack("{s:s, s:{s:s}}", "state", "draft", member, "nc-ai", text);
	error = sheet_parse(contest, &contest->panels[0], body, &sheet, ret_why);
	json_decref(body);
	sheet_free(sheet);
	free(text);
	return error;
}

/* Characters are counted, not bytes. */
static void test_lengths(void **state)
{
	static const char *const characters[] = {"a", "é", "가", "😀"};
	struct contest *contest = rated();
	char why[SHEET_WHY_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]); i++) {
		const char *c = characters[i];

		assert_int_equal(parse_long(contest, "recused", c, SHEET_REASON_MAX, why), 0);
		assert_int_equal(
		    parse_long(contest, "recused", c, SHEET_REASON_MAX + 1, why), -EINVAL);
		assert_string_equal(why, "recused.nc-ai has 401 characters; it must have 1 to 400");
		assert_int_equal(parse_long(contest, "comments", c, SHEET_COMMENT_MAX, why), 0);
		assert_int_equal(
		    parse_long(contest, "comments", c, SHEET_COMMENT_MAX + 1, why), -EINVAL);
		assert_string_equal(
		    why, "comments.nc-ai has 4001 characters; it must have 0 to 4000");
	}
	contest_free(contest);
}

/* Sentences are cut on a character's boundary, whatever the client sent and however many entries
 * there are. */
static void test_sentences_stay_utf8(void **state)
{
	static const char *ids[CONTEST_ENTRIES_MAX];
	static char names[CONTEST_ENTRIES_MAX][CONTEST_ID_MAX + 1];
	struct contest *contest;

	(void)state;
	for (size_t i = 0; i < CONTEST_ENTRIES_MAX; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "entry-%zu", i);
		ids[i] = names[i];
	}
	contest = fixture_contest("choices", ids, CONTEST_ENTRIES_MAX);
	fixture_criterion(contest, "ethics", 0, 15, 1, 1);
	fixture_panel(contest, "experts", AGGREGATE_MEAN);
	for (size_t shift = 0; shift < 8; shift++) {
		char key[200] = "aaaaaaaa", why[SHEET_WHY_MAX] = "";
		struct sheet *sheet;
		json_t *body, *text;

		for (size_t at = shift; at + 4 < sizeof(key); at += 3)
			memcpy(key + at, "가", sizeof("가"));
		body = json_pack("{s:s, s:{s:{}}}", "state", "draft", "scores", key);
		assert_int_equal(
		    sheet_parse(contest, &contest->panels[0], body, &sheet, why), -EINVAL);
		assert_true(strlen(why) < SHEET_WHY_MAX);
		text = json_string(why);
		assert_non_null(text); /* jansson takes UTF-8 alone */
		assert_non_null(strstr(why, "…\"; the entries are entry-0, "));
		json_decref(text);
		json_decref(body);
	}
	contest_free(contest);
}

static void test_missing_and_total(void **state)
{
	static const struct {
		const char *json;
		bool excluded[3], comments_required;
		size_t missing, wanted;
		int64_t total[3]; /* -1: none */
	} table[] = {
	    {"{\"state\":\"draft\"}", {false, false, false}, false, 6, 6, {-1, -1, -1}},
	    {"{\"state\":\"draft\"}", {false, false, false}, true, 9, 6, {-1, -1, -1}},
	    {"{\"state\":\"draft\"}", {true, true, true}, true, 0, 0, {-1, -1, -1}},
	    {DRAFT("\"scores\":{\"nc-ai\":{\"ethics\":7,\"skill\":5},"
		   "\"upstage\":{\"ethics\":0}}"),
		{false, true, false}, false, 1, 4, {17, -1, -1}},
	    {DRAFT("\"scores\":{\"nc-ai\":{\"ethics\":7,\"skill\":5},"
		   "\"upstage\":{\"ethics\":3,\"skill\":-5}},"
		   "\"recused\":{\"naver-cloud\":\"x\"},\"comments\":{\"upstage\":\"y\"}"),
		{false, false, false}, true, 1, 4, {17, -1, -7}},
	};
	struct contest *contest = rated();

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct panel *panel = &contest->panels[0];
		struct sheet_excluded excluded = {0};
		char why[SHEET_WHY_MAX];
		struct sheet *sheet;

		panel->comments_required = table[i].comments_required;
		memcpy(excluded.entry, table[i].excluded, sizeof(table[i].excluded));
		assert_int_equal(parse(contest, table[i].json, &sheet, why), 0);
		assert_int_equal(sheet_missing(contest, panel, sheet, &excluded), table[i].missing);
		assert_int_equal(sheet_wanted(contest, panel, sheet, &excluded), table[i].wanted);
		for (size_t k = 0; k < 3; k++) {
			int64_t total = -1;

			assert_int_equal(
			    sheet_total(contest, panel, sheet, k, &total), table[i].total[k] != -1);
			assert_int_equal(total, table[i].total[k]);
		}
		sheet_free(sheet);
	}
	/* A sheet that was never saved; nobody excluded. */
	contest->panels[0].comments_required = true;
	assert_int_equal(sheet_missing(contest, &contest->panels[0], NULL, NULL), 9);
	assert_int_equal(sheet_wanted(contest, &contest->panels[0], NULL, NULL), 6);
	contest_free(contest);
}

/* A panel without criteria of its own rates all of them; greatest and least bound every total. */
static void test_totals_of_random_sheets(void **state)
{
	struct contest *contest = rated();
	const struct panel *all = fixture_panel(contest, "all", AGGREGATE_MEAN);
	int64_t least = panel_least(contest, all), greatest = panel_greatest(contest, all);

	(void)state;
	(void)fixture_seed();
	assert_int_equal(least, 0 + 1 - 20);
	assert_int_equal(greatest, 15 + 5 + 20);
	for (int round = 0; round < 500; round++) {
		struct sheet *sheet = sheet_new();
		int64_t total, sum = 0;
		size_t left_out = (size_t)below(4); /* 3: none */

		for (size_t i = 0; i < 3; i++) {
			const struct criterion *c = &contest->criteria[i];

			sheet->scored[0][i] = i != left_out;
			sheet->score[0][i] =
			    c->min + c->step * below((c->max - c->min) / c->step + 1);
			sum += sheet->score[0][i] * c->weight;
		}
		assert_int_equal(sheet_total(contest, all, sheet, 0, &total), left_out == 3);
		if (left_out == 3) {
			assert_int_equal(total, sum);
			assert_in_range(total - least, 0, greatest - least);
		}
		sheet_free(sheet);
	}
	contest_free(contest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_takes),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_steps_begin_at_the_minimum),
	    cmocka_unit_test(test_lengths),
	    cmocka_unit_test(test_sentences_stay_utf8),
	    cmocka_unit_test(test_missing_and_total),
	    cmocka_unit_test(test_totals_of_random_sheets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
