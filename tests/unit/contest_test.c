/* A contest's outside views, byte for byte: they are promises to shards, logs and pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "contest_fixture.h"

static struct contest *two_entries(void)
{
	static const char *const ids[] = {"upstage", "nc-ai"};
	struct contest *contest = fixture_contest("choices", ids, 2);

	contest->ballot.choices_max = 1;
	contest->opens_ms = 1798416000000;
	contest->closes_ms = 1798804740000;
	contest->expected_voters = 100000;
	return contest;
}

static void test_look_up(void **state)
{
	struct contest *contest = fixture_contest("choices", three, 3);

	(void)state;
	assert_int_equal(contest_entry(contest, slice_text("upstage")), 2);
	assert_int_equal(contest_entry(contest, slice_text("upstag")), -1);
	assert_int_equal(contest_entry(contest, slice_make("upstage\0x", 9)), -1);
	assert_int_equal(contest_entry(contest, slice_text(NULL)), -1);
	assert_string_equal(contest_organisation(contest, "org")->name.en, "organisation");
	assert_null(contest_organisation(contest, "other"));
	contest_free(contest);
	contest_free(NULL);
}

static void test_round_and_buckets(void **state)
{
	static const struct {
		uint64_t voters;
		unsigned buckets;
	} table[] = {
	    {0, 1}, {79, 1}, {80, 1}, {160, 2}, {5000000, 62500}, {UINT64_MAX, UINT32_MAX}};
	struct contest *contest = two_entries();
	char round[64];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		contest->expected_voters = table[i].voters;
		assert_int_equal(contest_buckets(contest), table[i].buckets);
	}
	contest_round(contest, round, sizeof(round));
	assert_string_equal(round, "kai");
	contest->rehearsal = true;
	contest_round(contest, round, sizeof(round));
	assert_string_equal(round, "kai~rehearsal");
	contest_free(contest);
}

static void test_plain_names(void **state)
{
	static const struct {
		const char *name, *plain;
	} table[] = {
	    {"서울대학교 산학협력단", "서울대학교"},
	    {"서울대학교산학협력단", "서울대학교"},
	    {"SK Telecom", "sktelecom"},
	    {"sk텔레콤", "sk텔레콤"},
	    {"산학협력단", "산학협력단"},
	    {"", ""},
	};
	char plain[64];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_string_equal(
		    organisation_plain_name(table[i].name, plain, sizeof(plain)), table[i].plain);
	assert_string_equal(organisation_plain_name("abcdef", plain, 4), "abc");
}

static void test_rules_are_stable(void **state)
{
	struct contest *contest = two_entries();
	struct contest_fingerprints keys;
	char *rules;

	(void)state;
	memset(keys.token_key, 0xA1, 32);
	memset(keys.log_key, 0xB2, 32);
	memset(keys.salt_key, 0xC3, 32);
	rules = contest_rules(contest, &keys);
	assert_string_equal(rules,
	    "{\"buckets\":1250,\"closes_ms\":1798804740000,\"contest\":\"kai\","
	    "\"entries\":[\"upstage\",\"nc-ai\"],"
	    "\"form\":{\"max\":1,\"min\":1,\"name\":\"choices\"},"
	    "\"log_key\":\"b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2\","
	    "\"opens_ms\":1798416000000,\"rehearsal\":false,\"revote\":\"refuse\","
	    "\"salt_key\":\"c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3\","
	    "\"shards\":1,"
	    "\"token_key\":\"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\","
	    "\"version\":1}");
	free(rules);
	contest_free(contest);
}

static void test_public_definition(void **state)
{
	struct contest *contest = two_entries();
	struct entry *entry = &contest->entries[0];
	json_t *json;
	char *text;

	(void)state;
	free(contest->entries[1].id);
	contest->entries[1].id = copy("nc-ai");
	entry->model = text_of("솔라", "SOLAR");
	entry->participants = calloc(1, sizeof(*entry->participants));
	entry->participants[0] = copy("org");
	entry->n_participants = 1;
	entry->links = calloc(1, sizeof(*entry->links));
	entry->links[0] = (struct link){text_of("누리집", "Website"), copy("https://a.example/")};
	entry->n_links = 1;
	contest->criteria = calloc(1, sizeof(*contest->criteria));
	contest->n_criteria = 1;
	contest->criteria[0] = (struct criterion){.id = copy("tech"),
	    .name = text_of("기술", "technology"),
	    .max = 40,
	    .step = 5,
	    .weight = 1,
	    .rubric = text_of("낮음 높음", "low high")};
	contest->publish = (struct publish_steps){1, 2, 3};
	contest->experts = VISIBLE_ORGANISERS;
	contest->standing = VISIBLE_ON_PUBLISH;
	contest->admission = ADMISSION_CODES;

	json = contest_public_json(contest);
	text = json_dumps(json, JSON_COMPACT);
	assert_string_equal(text,
	    "{\"id\":\"kai\",\"rehearsal\":false,\"demonstration\":false,"
	    "\"name\":{\"ko\":\"콘테스트\",\"en\":\"contest\"},"
	    "\"about\":{\"ko\":\"누구나\",\"en\":\"anyone\"},"
	    "\"entry_noun\":{\"ko\":\"팀\",\"en\":\"team\"},"
	    "\"organiser\":{\"ko\":\"운영\",\"en\":\"organiser\"},"
	    "\"contact\":\"help@vote.example\","
	    "\"opens_at\":\"2026-12-28T00:00:00.000Z\",\"closes_at\":\"2027-01-01T11:59:00.000Z\","
	    "\"time_zone\":\"Asia/Seoul\",\"admission\":\"codes\",\"revote\":\"refuse\","
	    "\"form\":{\"name\":\"choices\",\"min\":1,\"max\":1},"
	    "\"visibility\":{\"citizen\":\"live\",\"experts\":\"organisers\","
	    "\"standing\":\"on-publish\"},"
	    "\"publish\":{\"first_at\":1,\"step\":2,\"every_ms\":3},"
	    "\"entries\":[{\"id\":\"upstage\",\"name\":{\"ko\":\"팀\",\"en\":\"upstage\"},"
	    "\"reading\":\"팀\",\"lead\":{\"ko\":\"기관\",\"en\":\"organisation\"},"
	    "\"head\":{\"ko\":\"김\",\"en\":\"Kim\"},\"model\":{\"ko\":\"솔라\",\"en\":\"SOLAR\"},"
	    "\"goal\":{\"ko\":\"목표\",\"en\":\"goal\"},"
	    "\"showcase\":{\"ko\":\"소개\",\"en\":\"about\"},"
	    "\"participants\":[{\"id\":\"org\",\"name\":{\"ko\":\"기관\",\"en\":\"organisation\"}}]"
	    ","
	    "\"links\":[{\"label\":{\"ko\":\"누리집\",\"en\":\"Website\"},"
	    "\"url\":\"https://a.example/\"}]},"
	    "{\"id\":\"nc-ai\",\"name\":{\"ko\":\"팀\",\"en\":\"nc-ai\"},"
	    "\"reading\":\"팀\",\"lead\":{\"ko\":\"기관\",\"en\":\"organisation\"},"
	    "\"head\":{\"ko\":\"김\",\"en\":\"Kim\"},\"model\":null,"
	    "\"goal\":{\"ko\":\"목표\",\"en\":\"goal\"},"
	    "\"showcase\":{\"ko\":\"소개\",\"en\":\"about\"},\"participants\":[],\"links\":[]}],"
	    "\"criteria\":[{\"id\":\"tech\",\"name\":{\"ko\":\"기술\",\"en\":\"technology\"},"
	    "\"rubric\":{\"ko\":\"낮음 높음\",\"en\":\"low high\"},"
	    "\"min\":0,\"max\":40,\"step\":5,\"weight\":1}]}");
	free(text);
	json_decref(json);

	contest->opens_ms = contest->closes_ms = 0;
	json = contest_public_json(contest);
	assert_true(json_is_null(json_object_get(json, "opens_at")));
	assert_true(json_is_null(json_object_get(json, "closes_at")));
	json_decref(json);
	contest_free(contest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_look_up),
	    cmocka_unit_test(test_round_and_buckets),
	    cmocka_unit_test(test_plain_names),
	    cmocka_unit_test(test_rules_are_stable),
	    cmocka_unit_test(test_public_definition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
