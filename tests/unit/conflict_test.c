/* Conflicts of interest: whom an affiliation names, and how far that reaches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "contest/conflict.h"

#include "contest_fixture.h"

/* nc-ai: NC AI with KAIST and SNU's cooperation foundation. naver-cloud: NAVER Cloud with POSTECH's
 * school. upstage: Upstage with NAVER. */
static struct contest *consortia(enum conflict_scope scope)
{
	static const char *const leads[] = {"nc-ai", "naver-cloud", "upstage"};
	struct contest *contest = fixture_contest("choices", three, 3);
	struct organisation *organisation;

	contest->conflict_scope = scope;
	fixture_organisation(contest, "nc-ai", "엔씨에이아이", "NC AI")->group = copy("nc");
	fixture_organisation(contest, "ncsoft", "엔씨소프트", "NCSOFT")->group = copy("nc");
	fixture_organisation(contest, "naver-cloud", "네이버클라우드", "NAVER Cloud")->group =
	    copy("naver");
	fixture_organisation(contest, "naver", "네이버", "NAVER")->group = copy("naver");
	fixture_organisation(contest, "upstage", "업스테이지", "Upstage");
	organisation = fixture_organisation(contest, "kaist", "한국과학기술원",
	    "Korea Advanced Institute of Science and Technology");
	fixture_alias(organisation, "카이스트");
	fixture_alias(organisation, "KAIST");
	fixture_organisation(contest, "kaist-ai", "한국과학기술원 김재철AI대학원", "KAIST GSAI")
	    ->unit_of = copy("kaist");
	fixture_organisation(contest, "kaist-lab", "한국과학기술원 연구실", "KAIST Lab")->unit_of =
	    copy("kaist-ai");
	/* The unit stands before its whole, so that the file's order does not decide. */
	fixture_organisation(contest, "snu-rnd", "서울대학교 산학협력단", "SNU R&DB Foundation")
	    ->unit_of = copy("snu");
	fixture_organisation(contest, "snu", "서울대학교", "Seoul National University");
	fixture_organisation(contest, "postech", "포항공과대학교", "POSTECH");
	fixture_organisation(contest, "postech-ai", "포항공과대학교 인공지능대학원", "POSTECH GSAI")
	    ->unit_of = copy("postech");
	fixture_organisation(contest, "naver-labs", "네이버랩스", "NAVER LABS")->unit_of =
	    copy("naver");
	for (size_t i = 0; i < 3; i++) {
		free(contest->entries[i].lead);
		contest->entries[i].lead = copy(leads[i]);
	}
	fixture_participant(contest, 0, "kaist");
	fixture_participant(contest, 0, "snu-rnd");
	fixture_participant(contest, 1, "postech-ai");
	fixture_participant(contest, 2, "naver");
	return contest;
}

static const char *id_or_none(const struct organisation *organisation)
{
	return organisation ? organisation->id : "none";
}

static void test_names(void **state)
{
	static const struct {
		const char *affiliation, *organisation;
	} table[] = {
	    {"kaist", "kaist"},
	    {"KAIST", "kaist"},
	    {" K A I S T ", "kaist"},
	    {"카이스트", "kaist"},
	    {"한국과학기술원", "kaist"},
	    {"한국 과학기술원 산학협력단", "kaist"},
	    {"korea advanced institute of science and technology", "kaist"},
	    {"KAIST GSAI", "kaist-ai"},
	    {"서울대학교", "snu"},
	    {"서울대학교 산학협력단", "snu"},
	    {"서울대학교산학협력단", "snu"},
	    {"SNU R&DB Foundation", "snu-rnd"},
	    {"NC AI", "nc-ai"},
	    {"nc-ai", "nc-ai"},
	    {"NCAI", "nc-ai"},
	    {"고려대학교", "none"},
	    {"㈜NC AI", "nc-ai"},
	    {"주식회사 NC AI", "nc-ai"},
	    {"NC AI Co., Ltd.", "nc-ai"},
	    {"NC AI, Inc.", "nc-ai"},
	    {"한국과학기술원(KAIST)", "kaist"},
	    {"대전의 어떤 곳 (KAIST)", "kaist"},
	    {"한국과학기술원 (어떤 곳)", "kaist"},
	    {"KAIST AI대학원", "kaist"},
	    {"서울대학교 공과대학 컴퓨터공학부", "snu"},
	    {"(주)", "none"},
	    {"주식회사", "none"},
	    {"AI대학원 KAIST", "none"},
	    {"KAIS", "none"},
	    {"KAIST2", "none"},
	    {"산학협력단", "none"},
	    {"", "none"},
	    {"  ", "none"},
	};
	struct contest *contest = consortia(SCOPE_ORGANISATION);

	(void)state;
	for (int prepared = 0; prepared < 2; prepared++) {
		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
			assert_string_equal(
			    id_or_none(conflict_organisation(contest, table[i].affiliation)),
			    table[i].organisation);
		assert_int_equal(contest_prepare(contest), 0);
	}
	contest_free(contest);
}

/* An empty name in the file is nobody's affiliation. */
static void test_no_name_is_no_match(void **state)
{
	struct contest *contest = consortia(SCOPE_ORGANISATION);

	(void)state;
	fixture_alias(&contest->organisations[1], " ");
	assert_null(conflict_organisation(contest, ""));
	assert_null(conflict_organisation(contest, "  "));
	contest_free(contest);
}

static void test_reach(void **state)
{
	/* The organisations in conflict of each entry, at unit, organisation, and group. */
	static const struct {
		const char *affiliation;
		size_t entry;
		const char *at[3];
	} table[] = {
	    {"엔씨에이아이", 0, {"nc-ai", "nc-ai", "nc-ai"}},
	    {"KAIST", 0, {"kaist", "kaist", "kaist"}},
	    {"KAIST", 1, {"none", "none", "none"}},
	    {"KAIST 물리학과", 0,
		{"none", "kaist", "kaist"}}, /* a part that the file does not name */
	    {"KAIST GSAI", 0, {"none", "kaist", "kaist"}},
	    {"KAIST Lab", 0, {"none", "kaist", "kaist"}},         /* a unit of a unit */
	    {"서울대학교", 0, {"snu-rnd", "snu-rnd", "snu-rnd"}}, /* the same plain name */
	    {"POSTECH GSAI", 1, {"postech-ai", "postech-ai", "postech-ai"}},
	    {"포항공과대학교", 1, {"none", "postech-ai", "postech-ai"}},
	    {"엔씨소프트", 0, {"none", "none", "nc-ai"}},
	    {"NAVER", 1, {"none", "none", "naver-cloud"}},
	    {"NAVER", 2, {"naver", "naver", "naver"}},
	    {"네이버랩스", 1, {"none", "none", "naver-cloud"}}, /* its whole's group */
	    {"네이버랩스", 2, {"none", "naver", "naver"}},
	    {"고려대학교", 0, {"none", "none", "none"}},
	    {"Upstage", 0, {"none", "none", "none"}},
	    {"Upstage", 2, {"upstage", "upstage", "upstage"}}, /* no group is no common group */
	    {"기관", 2, {"none", "none", "none"}},
	};

	(void)state;
	for (int scope = SCOPE_UNIT; scope <= SCOPE_GROUP; scope++) {
		struct contest *contest = consortia((enum conflict_scope)scope);

		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
			assert_string_equal(
			    id_or_none(conflict_of(contest, table[i].affiliation, table[i].entry)),
			    table[i].at[scope]);
		contest_free(contest);
	}
}

static void test_the_lead_comes_first(void **state)
{
	struct contest *contest = consortia(SCOPE_GROUP);

	(void)state;
	fixture_participant(contest, 1, "naver");
	assert_string_equal(conflict_of(contest, "NAVER", 1)->id, "naver-cloud");
	contest->conflict_scope = SCOPE_UNIT;
	assert_string_equal(conflict_of(contest, "NAVER", 1)->id, "naver");
	contest_free(contest);
}

/* A file that makes two organisations parts of each other ends, whatever comes out. */
static void test_a_circle_ends(void **state)
{
	struct contest *contest = consortia(SCOPE_GROUP);
	const struct organisation *kaist = contest_organisation(contest, "kaist");

	(void)state;
	((struct organisation *)kaist)->unit_of = copy("kaist-ai");
	assert_string_equal(id_or_none(conflict_of(contest, "KAIST", 1)), "none");
	assert_string_equal(id_or_none(conflict_of(contest, "KAIST", 0)), "kaist");
	contest_free(contest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_no_name_is_no_match),
	    cmocka_unit_test(test_reach),
	    cmocka_unit_test(test_the_lead_comes_first),
	    cmocka_unit_test(test_a_circle_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
