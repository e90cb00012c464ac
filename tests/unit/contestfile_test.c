/* Contest files: what a good one becomes, the rehearsal: block, every rule between keys with its
 * exact message, and that all shipped files load. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/contestfile.h"
#include "config_fixture.h"
#include "contest/form.h"

#define HEAD_TO_HOURS                                                                              \
	"id: kai\n"                                                                                \
	"name: {ko: 콘테스트, en: contest}\n"                                                  \
	"about: {ko: 누구나, en: anyone}\n"                                                     \
	"entry_noun: {ko: 팀, en: team}\n"                                                        \
	"organiser: {ko: 운영, en: organiser}\n"                                                 \
	"contact: help@vote.example\n"
#define HOURS                                                                                      \
	"opens_at: 2026-12-28T09:00:00+09:00\n"                                                    \
	"closes_at: 2026-12-30T18:00:00+09:00\n"
#define BALLOT "ballot: {choices: {min: 1, max: 1}}\n"
#define HEAD   HEAD_TO_HOURS HOURS BALLOT /* 9 lines */
#define ORGANISATIONS                                                                                   \
	"organisations:\n"                                                                              \
	"  - {id: snu, name: {ko: 서울대학교, en: SNU}}\n"                                         \
	"  - {id: snu-iacf, name: {ko: 서울대학교 산학협력단, en: SNU Foundation}, unit_of: " \
	"snu}\n"                                                                                        \
	"  - {id: upstage, name: {ko: 업스테이지, en: Upstage}}\n"
#define ENTRY(id, lead, rest)                                                                      \
	"  - id: " id                                                                              \
	"\n"                                                                                       \
	"    name: {ko: 팀, en: team}\n"                                                          \
	"    reading: 팀\n"                                                                       \
	"    lead: " lead                                                                          \
	"\n"                                                                                       \
	"    head: {ko: 김, en: Kim}\n"                                                           \
	"    goal: {ko: 목표, en: goal}\n"                                                       \
	"    showcase: {ko: 소개, en: about}\n" rest
#define ENTRIES                                                                                    \
	"entries:\n" ENTRY("a", "upstage", "") ENTRY("b", "snu", "    participants: [snu-iacf]\n")
#define GOOD HEAD ORGANISATIONS ENTRIES

static void load_good(const char *yaml, bool rehearsal, struct contest **ret_contest)
{
	struct config_errors errors;
	int error;
	char *text;

	fixture_write(yaml);
	error = contestfile_load("f.yaml", rehearsal, ret_contest, &errors);
	text = fixture_errors(&errors);
	assert_string_equal(text, "");
	assert_int_equal(error, 0);
	free(text);
}

static void test_a_good_file(void **state)
{
	struct contest *contest;

	(void)state;
	load_good(GOOD, false, &contest);
	assert_string_equal(contest->id, "kai");
	assert_false(contest->rehearsal);
	assert_int_equal(contest->opens_ms, 1798416000000);
	assert_int_equal(contest->closes_ms, 1798621200000);
	assert_string_equal(contest->form->name, "choices");
	assert_int_equal(contest->admission, ADMISSION_CODES);
	assert_int_equal(contest->revote, REVOTE_REFUSE);
	assert_int_equal(contest->shards, 1);
	assert_int_equal(contest->expected_voters, 100000);
	assert_int_equal(contest->n_entries, 2);
	assert_string_equal(contest->entries[1].participants[0], "snu-iacf");
	assert_string_equal(contest_organisation(contest, "snu-iacf")->unit_of, "snu");
	contest_free(contest);
}

#define REHEARSAL                                                                                  \
	"rehearsal:\n"                                                                             \
	"  admission: open\n"                                                                      \
	"  about: {ko: 모의, en: rehearsal}\n"                                                   \
	"  publish: {step: 1, every: 0s}\n"                                                        \
	"  seal: {min_entries: 1, max_wait: 1s}\n"

static void test_a_rehearsal(void **state)
{
	struct contest *contest;

	(void)state;
	load_good(GOOD REHEARSAL, true, &contest);
	assert_true(contest->rehearsal);
	assert_int_equal(contest->opens_ms, 0);
	assert_int_equal(contest->closes_ms, 0);
	assert_int_equal(contest->admission, ADMISSION_OPEN);
	assert_string_equal(contest->about.en, "rehearsal");
	assert_int_equal(contest->publish.first_at, 100); /* not in the block: as outside */
	assert_int_equal(contest->publish.step, 1);
	assert_int_equal(contest->publish.every_ms, 0);
	assert_int_equal(contest->seal.min_entries, 1);
	assert_int_equal(contest->seal.max_wait_ms, 1000);
	contest_free(contest);

	load_good(GOOD REHEARSAL, false, &contest);
	assert_int_equal(contest->admission, ADMISSION_CODES);
	assert_string_equal(contest->about.en, "anyone");
	assert_int_equal(contest->publish.step, 10);
	contest_free(contest);

	load_good(GOOD, true, &contest);
	assert_true(contest->rehearsal && contest->opens_ms == 0);
	contest_free(contest);
}

#define GOAL_OF_161                                                                                \
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567" \
	"8901234567890123456789012345678901234567890123456789012345678901234567890"

static const struct {
	const char *yaml, *errors;
} broken[] = {
    /* hours */
    {HEAD_TO_HOURS "opens_at: 2026-12-30T09:00:00+09:00\ncloses_at: 2026-12-30T00:00:00Z\n" BALLOT
	    ORGANISATIONS ENTRIES,
	"f.yaml:8:12: \"closes_at\" is not after \"opens_at\"; it is to be later\n"},
    {HEAD_TO_HOURS "opens_at: 2026-12-30T09:00:00\n" BALLOT ORGANISATIONS ENTRIES,
	"f.yaml:1:1: \"closes_at\" is missing; it is to be a time with its offset, such as "
	"2026-12-21T09:00:00+09:00\n"
	"f.yaml:7:11: \"opens_at\" is to be a time with its offset, such as "
	"2026-12-21T09:00:00+09:00, not \"2026-12-30T09:00:00\"\n"},
    /* the ballot's form */
    {HEAD_TO_HOURS HOURS "ballot: {}\n" ORGANISATIONS ENTRIES,
	"f.yaml:9:9: \"ballot\" names 0 forms; it is to name one of: choices, scores\n"},
    {HEAD_TO_HOURS HOURS "ballot: {choices: {}, scores: {}}\n" ORGANISATIONS ENTRIES,
	"f.yaml:9:9: \"ballot\" names 2 forms; it is to name one of: choices, scores\n"},
    {HEAD_TO_HOURS HOURS "ballot: {choice: {min: 1}}\n" ORGANISATIONS ENTRIES,
	"f.yaml:9:9: \"ballot\" names 0 forms; it is to name one of: choices, scores\n"
	"f.yaml:9:10: unknown key \"choice\"; did you mean \"choices\"?\n"},
    {HEAD_TO_HOURS HOURS "ballot: {choices: {min: 2, max: 1}}\n" ORGANISATIONS ENTRIES,
	"f.yaml:9:33: \"ballot.choices.max\" is 1, but \"min\" is 2; it is to be at least as "
	"much\n"},
    {HEAD_TO_HOURS HOURS "ballot: {choices: {max: 3}}\n" ORGANISATIONS ENTRIES,
	"f.yaml:9:25: \"ballot.choices.max\" is 3, but there are 2 entries; it is to be at most "
	"that\n"},
    {HEAD_TO_HOURS HOURS "ballot: {scores: {min: 5, max: 5}}\n" ORGANISATIONS ENTRIES,
	"f.yaml:9:18: the highest score is 5 and the lowest 5; it is to be above that\n"},
    {HEAD_TO_HOURS HOURS "ballot: {scores: {max: 10, step: 3}}\n" ORGANISATIONS ENTRIES,
	"f.yaml:9:18: steps of 3 from 0 do not meet 10; choose a step that divides 10\n"},
    /* ids and references */
    {HEAD ORGANISATIONS "entries:\n" ENTRY("a", "upstage", "") ENTRY("a", "snu", ""),
	"f.yaml:22:9: the id \"a\" is taken; item 1 of \"entries\" has it already\n"},
    {HEAD ORGANISATIONS "entries:\n" ENTRY("a", "upstag", "") ENTRY("b", "kakao", ""),
	"f.yaml:18:11: \"upstag\" is not in \"organisations\"; did you mean \"upstage\"?\n"
	"f.yaml:25:11: \"kakao\" is not in \"organisations\"; add it there\n"},
    {HEAD ORGANISATIONS
	"entries:\n" ENTRY("a", "upstage", "    participants: [snu, kaist, snu, upstage]\n"),
	"f.yaml:22:25: \"kaist\" is not in \"organisations\"; add it there\n"
	"f.yaml:22:32: \"snu\" is listed twice; name it once\n"
	"f.yaml:22:37: \"upstage\" leads this entry; do not list it as a participant too\n"},
    {HEAD "groups: [{id: lg, name: {ko: L, en: L}}]\n" ORGANISATIONS
	  "  - {id: x, name: {ko: 엑스, en: X}, group: gl, unit_of: snu-iacf}\n"
	  "  - {id: y, name: {ko: 와이, en: Y}, group: kt, unit_of: y}\n" ENTRIES,
	"f.yaml:15:43: \"gl\" is not in \"groups\"; did you mean \"lg\"?\n"
	"f.yaml:15:56: \"snu-iacf\" is a unit itself; name the whole organisation: \"snu\"\n"
	"f.yaml:16:43: \"kt\" is not in \"groups\"; add it there\n"
	"f.yaml:16:56: \"y\" is a unit of itself; name the organisation that it is a part of\n"},
    /* names that could not be told apart */
    {HEAD ORGANISATIONS
	"  - {id: snu2, name: {ko: 서울대, en: S N U}, aliases: [서울 대학교산학협력단]}\n" ENTRIES,
	"f.yaml:14:36: this name is also one of \"snu\"; without spaces, case and the suffix "
	"산학협력단 both are \"snu\", so an expert's affiliation could not be told apart\n"
	"f.yaml:14:54: this name is also one of \"snu-iacf\"; without spaces, case and the suffix "
	"산학협력단 both are \"서울대학교\", so an expert's affiliation could not be told apart\n"},
    /* texts and lists */
    {HEAD ORGANISATIONS "entries:\n" ENTRY("a", "upstage",
	 "    links: [{label: {ko: 집, en: home}, url: http://a.example/}]\n"
	 "    model: {ko: 솔라, en: " GOAL_OF_161 "}\n"),
	"f.yaml:22:45: \"entries.links.url\" is to be an https:// address, not "
	"\"http://a.example/\"\n"
	"f.yaml:23:25: \"entries.model.en\" has 161 characters; at most 100 are taken\n"},
    {GOOD
	"criteria:\n  - {id: c, name: {ko: 가, en: a}, rubric: {ko: 가, en: a}, max: 7, step: 2}\n",
	"f.yaml:31:5: steps of 2 from 0 do not meet 7; choose a step that divides 7\n"},
    /* the rehearsal: block is checked outside a rehearsal, too */
    {GOOD "rehearsal: {admission: opn, hours: none}\n",
	"f.yaml:30:24: \"rehearsal.admission\" is to be one of open, codes, oidc, assertion, not "
	"\"opn\"\n"
	"f.yaml:30:29: unknown key \"hours\"; the keys here are: about, admission, revote, "
	"visibility, publish, seal, openings\n"},
};

static void test_broken_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		for (int rehearsal = 0; rehearsal < 2; rehearsal++) {
			struct contest *contest = NULL;
			struct config_errors errors;
			char *text;

			fixture_write(broken[i].yaml);
			assert_int_equal(
			    contestfile_load("f.yaml", rehearsal, &contest, &errors), -EINVAL);
			text = fixture_errors(&errors);
			assert_string_equal(text, broken[i].errors);
			free(text);
			assert_null(contest);
		}
	}
}

static void test_limits(void **state)
{
	static char yaml[300000];
	char showcase[300 * 3 + 1] = "";
	struct contest *contest = NULL;
	struct config_errors errors;
	char *text;

	(void)state;
	for (int i = 0; i < 300; i++)
		memcpy(showcase + 3 * i, "가", 4);
	for (int extra = 0; extra < 2; extra++) {
		size_t len = (size_t)snprintf(yaml, sizeof(yaml), HEAD ORGANISATIONS "entries:\n");

		for (int i = 0; i < CONTEST_ENTRIES_MAX + extra; i++)
			len += (size_t)snprintf(yaml + len, sizeof(yaml) - len,
			    "  - {id: e%d, name: {ko: 팀, en: t}, reading: 팀, lead: snu, head: "
			    "{ko: 김, en: K}, "
			    "goal: {ko: 목, en: g}, showcase: {ko: %s%s, en: s}}\n",
			    i, showcase, extra && i == 0 ? "나" : "");
		fixture_write(yaml);
		assert_int_equal(
		    contestfile_load("f.yaml", false, &contest, &errors), extra ? -EINVAL : 0);
		text = fixture_errors(&errors);
		if (extra)
			assert_string_equal(
			    text, "f.yaml:15:3: \"entries\" has 65 items; at most 64 are taken\n");
		else
			assert_string_equal(text, "");
		free(text);
		if (!extra)
			contest_free(contest);
	}
}

static void test_a_showcase_of_301(void **state)
{
	static char yaml[4000];
	struct contest *contest = NULL;
	struct config_errors errors;
	size_t len;
	char *text;

	(void)state;
	len = (size_t)snprintf(yaml, sizeof(yaml),
	    HEAD ORGANISATIONS
	    "entries:\n  - {id: a, name: {ko: 팀, en: t}, reading: 팀, lead: snu, "
	    "head: {ko: 김, en: K}, goal: {ko: 목, en: g}, showcase: {en: s, ko: ");
	for (int i = 0; i < 301; i++)
		len += (size_t)snprintf(yaml + len, sizeof(yaml) - len, "가");
	(void)snprintf(yaml + len, sizeof(yaml) - len, "}}\n");
	fixture_write(yaml);
	assert_int_equal(contestfile_load("f.yaml", false, &contest, &errors), -EINVAL);
	text = fixture_errors(&errors);
	assert_string_equal(text,
	    "f.yaml:15:124: \"entries.showcase.ko\" has 301 characters; at most 300 are taken\n");
	free(text);
}

/* ---- shipped files ---- */

static void test_shipped_files_load(void **state)
{
	static const struct {
		const char *path, *form;
		size_t entries;
	} table[] = {
	    {"contests/kai-stage1.yaml", "choices", 5},
	    {"examples/choices-many.yaml", "choices", 4},
	    {"examples/demonstration.yaml", "choices", 3},
	    {"examples/scores.yaml", "scores", 2},
	    {"examples/specialised.yaml", "choices", 2},
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(table) / sizeof(table[0]); i++) {
		bool rehearsal = i % 2;
		struct contest *contest;
		struct config_errors errors;
		char path[1200], *text;
		int error;

		(void)snprintf(path, sizeof(path), "%s/config/%s", fixture_root, table[i / 2].path);
		error = contestfile_load(path, rehearsal, &contest, &errors);
		text = fixture_errors(&errors);
		assert_string_equal(text, "");
		free(text);
		assert_int_equal(error, 0);
		assert_string_equal(contest->form->name, table[i / 2].form);
		assert_int_equal(contest->n_entries, table[i / 2].entries);
		if (rehearsal)
			assert_int_equal(contest->admission, ADMISSION_OPEN);
		else
			assert_int_equal(
			    contest->admission == ADMISSION_OPEN, contest->demonstration);
		contest_free(contest);
	}
}

/* UTF-8 keeps the order of code points, and precomposed syllables stand in 가나다 order. */
static void test_the_december_contest_stands_in_the_order_of_its_readings(void **state)
{
	struct contest *contest;
	struct config_errors errors;
	char path[1200];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/config/contests/kai-stage1.yaml", fixture_root);
	assert_int_equal(contestfile_load(path, true, &contest, &errors), 0);
	for (size_t i = 1; i < contest->n_entries; i++)
		assert_true(
		    strcmp(contest->entries[i - 1].reading, contest->entries[i].reading) < 0);
	contest_free(contest);
	config_errors_release(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_good_file),
	    cmocka_unit_test(test_a_rehearsal),
	    cmocka_unit_test(test_broken_files),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_a_showcase_of_301),
	    cmocka_unit_test(test_shipped_files_load),
	    cmocka_unit_test(test_the_december_contest_stands_in_the_order_of_its_readings),
	};

	return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
