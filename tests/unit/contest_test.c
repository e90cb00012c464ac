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
		assert_int_equal(contest_shard_buckets(contest), table[i].buckets);
		contest->shards = 3;
		assert_int_equal(contest_shard_buckets(contest),
		    table[i].buckets < 3 ? 1 : table[i].buckets / 3);
		contest->shards = 1;
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
	    {"한국\u3000과학\u00a0기술원\t", "한국과학기술원"},
	    {"ＫＡＩＳＴ", "kaist"},
	    {"KA\u200bIST", "kaist"},
	    /* 한 of three conjoining letters, as some file systems write names */
	    {"\u1112\u1161\u11ab국", "한국"},
	    {"École", "école"},
	    {"", ""},
	};
	char plain[64];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_string_equal(
		    organisation_plain_name(table[i].name, plain, sizeof(plain)), table[i].plain);
	assert_string_equal(organisation_plain_name("abcdef", plain, 4), "abc");
}

/* Two criteria, a panel of both and one of the second, and a stage of all three sources. */
static void add_rating(struct contest *contest)
{
	struct contest *c = contest;

	c->criteria = calloc(2, sizeof(*c->criteria));
	c->n_criteria = 2;
	c->criteria[0] = (struct criterion){.id = copy("tech"),
	    .name = text_of("기술", "technology"),
	    .max = 40,
	    .step = 5,
	    .weight = 2,
	    .rubric = text_of("낮음 높음", "low high")};
	c->criteria[1] = (struct criterion){.id = copy("use"),
	    .name = text_of("활용", "use"),
	    .min = -2,
	    .max = 10,
	    .step = 1,
	    .weight = 1,
	    .rubric = text_of("낮음 높음", "low high")};
	c->panels = calloc(2, sizeof(*c->panels));
	c->n_panels = 2;
	c->panels[0] = (struct panel){.id = copy("experts"),
	    .name = text_of("전문가", "Experts"),
	    .aggregate = AGGREGATE_TRIMMED_MEAN,
	    .comments_required = true,
	    .min_experts = 3};
	c->panels[1] = (struct panel){
	    .id = copy("users"), .name = text_of("사용자", "Users"), .min_experts = 5};
	c->panels[1].criteria = calloc(1, sizeof(char *));
	c->panels[1].criteria[0] = copy("use");
	c->panels[1].n_criteria = 1;
	c->stage.subtotals = calloc(1, sizeof(*c->stage.subtotals));
	c->stage.n_subtotals = 1;
	c->stage.subtotals[0] = (struct subtotal){copy("bench"), text_of("벤치마크", "Benchmark")};
	c->stage.parts = calloc(3, sizeof(*c->stage.parts));
	c->stage.n_parts = 3;
	c->stage.parts[0] = (struct part){.id = copy("citizens"),
	    .name = text_of("국민", "Citizens"),
	    .source = PART_CITIZENS,
	    .scale = SCALE_SHARE};
	c->stage.parts[1] = (struct part){.id = copy("experts"),
	    .name = text_of("전문가", "Experts"),
	    .source = PART_PANEL,
	    .panel = copy("experts"),
	    .weight = 60,
	    .scale = SCALE_POINTS};
	c->stage.parts[2] = (struct part){.id = copy("global"),
	    .name = text_of("글로벌", "Global"),
	    .source = PART_METRIC,
	    .subtotal = copy("bench"),
	    .weight = 40,
	    .scale = SCALE_POINTS,
	    .out_of = 100};
	c->stage.publish = STANDING_TOP_AND_MEAN;
	c->stage.advance = 1;
	c->conflict_scope = SCOPE_ORGANISATION;
	c->approvals = 2;
	c->pledge.required = true;
}

static void test_look_up_of_rating(void **state)
{
	struct contest *contest = two_entries();
	size_t criteria[CONTEST_CRITERIA_MAX];

	(void)state;
	add_rating(contest);
	assert_int_equal(contest_criterion(contest, slice_text("use")), 1);
	assert_int_equal(contest_criterion(contest, slice_text("us")), -1);
	assert_int_equal(contest_panel(contest, slice_text("users")), 1);
	assert_int_equal(contest_panel(contest, slice_text("")), -1);
	assert_int_equal(contest_part(contest, slice_text("global")), 2);
	assert_int_equal(contest_part(contest, slice_text("bench")), -1);
	assert_int_equal(panel_criteria(contest, &contest->panels[0], criteria), 2);
	assert_true(criteria[0] == 0 && criteria[1] == 1);
	assert_int_equal(panel_criteria(contest, &contest->panels[1], criteria), 1);
	assert_int_equal(criteria[0], 1);
	assert_int_equal(panel_greatest(contest, &contest->panels[0]), 2 * 40 + 10);
	assert_int_equal(panel_least(contest, &contest->panels[0]), -2);
	assert_int_equal(panel_greatest(contest, &contest->panels[1]), 10);
	contest_free(contest);
}

/* 32 times the same byte in hex. */
#define KEY_A1 "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
#define KEY_B2 "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2"
#define KEY_C3 "c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3"
#define KEY_D4 "d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4"
#define KEY_E5 "e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5"

static struct contest_fingerprints some_keys(void)
{
	struct contest_fingerprints keys;

	memset(keys.token_key, 0xA1, 32);
	memset(keys.log_key, 0xB2, 32);
	memset(keys.salt_key, 0xC3, 32);
	memset(keys.bearer_key, 0xD4, 32);
	memset(keys.result_key, 0xE5, 32);
	return keys;
}

static void test_rules_are_stable(void **state)
{
	struct contest *contest = two_entries();
	struct contest_fingerprints keys = some_keys();
	struct organisation *organisation = &contest->organisations[0];
	char *rules;

	(void)state;
	add_rating(contest);
	contest->entries[0].participants = calloc(1, sizeof(char *));
	contest->entries[0].participants[0] = copy("org");
	contest->entries[0].n_participants = 1;
	organisation->aliases = calloc(1, sizeof(char *));
	organisation->aliases[0] = copy("단체");
	organisation->n_aliases = 1;
	organisation->group = copy("g");
	rules = contest_rules(contest, "vote.example", &keys);
	assert_string_equal(rules,
	    "{\"admission\":\"open\",\"approvals\":2,\"bearer_key\":\"" KEY_D4
	    "\",\"buckets\":1250,"
	    "\"closes_ms\":1798804740000,\"conflict_scope\":\"organisation\",\"contest\":\"kai\","
	    "\"criteria\":[{\"id\":\"tech\",\"max\":40,\"min\":0,\"step\":5,\"weight\":2},"
	    "{\"id\":\"use\",\"max\":10,\"min\":-2,\"step\":1,\"weight\":1}],"
	    "\"entries\":[{\"id\":\"upstage\",\"lead\":\"org\",\"participants\":[\"org\"]},"
	    "{\"id\":\"nc-ai\",\"lead\":\"org\",\"participants\":[]}],"
	    "\"form\":{\"max\":1,\"min\":1,\"name\":\"choices\"},"
	    "\"log_key\":\"" KEY_B2
	    "\",\"log_name\":\"vote.example\",\"opens_ms\":1798416000000,"
	    "\"organisations\":[{\"aliases\":[\"단체\"],\"group\":\"g\",\"id\":\"org\","
	    "\"name\":{\"en\":\"organisation\",\"ko\":\"기관\"}}],"
	    "\"panels\":[{\"aggregate\":\"trimmed-mean\",\"comments_required\":true,"
	    "\"criteria\":[\"tech\",\"use\"],\"id\":\"experts\"},"
	    "{\"aggregate\":\"mean\",\"comments_required\":false,\"criteria\":[\"use\"],"
	    "\"id\":\"users\"}],\"pledge_required\":true,\"rehearsal\":false,"
	    "\"result_key\":\"" KEY_E5 "\",\"revote\":\"refuse\",\"salt_key\":\"" KEY_C3
	    "\","
	    "\"shards\":1,\"stage\":{\"advance\":{\"count\":1,\"refill\":false,"
	    "\"ties\":\"included\"},"
	    "\"parts\":[{\"id\":\"citizens\",\"scale\":\"share-of-maximum\","
	    "\"source\":\"citizens\",\"weight\":0},"
	    "{\"id\":\"experts\",\"out_of\":90,\"panel\":\"experts\",\"scale\":\"points\","
	    "\"source\":\"panel\",\"weight\":60},"
	    "{\"id\":\"global\",\"out_of\":100,\"scale\":\"points\",\"source\":\"metric\","
	    "\"subtotal\":\"bench\",\"weight\":40}]},"
	    "\"token_key\":\"" KEY_A1 "\",\"version\":3}");
	free(rules);
	contest_free(contest);
}

/* Whatever decides a result changes the record, and what people only read does not. */
static void test_rules_hold_what_counts(void **state)
{
	static const char *const changes[] = {"weight", "aggregate", "scope", "out_of", "advance",
	    "refill", "ties", "alias", "unit", "lead", "approvals", "bearer", "result", "comments",
	    "log name"};
	struct contest_fingerprints keys = some_keys();
	struct contest *plain = two_entries();
	char *before;

	(void)state;
	add_rating(plain);
	before = contest_rules(plain, "vote.example", &keys);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct contest *c = two_entries();
		struct contest_fingerprints k = keys;
		const char *what = changes[i], *log_name = "vote.example";
		char *after;

		add_rating(c);
		if (strcmp(what, "weight") == 0)
			c->criteria[0].weight++;
		else if (strcmp(what, "aggregate") == 0)
			c->panels[0].aggregate = AGGREGATE_MEDIAN;
		else if (strcmp(what, "scope") == 0)
			c->conflict_scope = SCOPE_GROUP;
		else if (strcmp(what, "out_of") == 0)
			c->stage.parts[2].out_of = 99;
		else if (strcmp(what, "advance") == 0)
			c->stage.advance++;
		else if (strcmp(what, "refill") == 0)
			c->stage.refill = true;
		else if (strcmp(what, "ties") == 0)
			c->stage.ties_excluded = true;
		else if (strcmp(what, "alias") == 0)
			c->organisations[0].name.en[0] = 'O';
		else if (strcmp(what, "unit") == 0)
			c->organisations[0].unit_of = copy("whole");
		else if (strcmp(what, "lead") == 0)
			c->entries[0].lead[0] = 'O';
		else if (strcmp(what, "approvals") == 0)
			c->approvals = 1;
		else if (strcmp(what, "bearer") == 0)
			k.bearer_key[31] ^= 1;
		else if (strcmp(what, "result") == 0)
			k.result_key[31] ^= 1;
		else if (strcmp(what, "log name") == 0)
			log_name = "vote-b.example";
		else
			c->panels[0].comments_required = false;
		after = contest_rules(c, log_name, &k);
		if (strcmp(before, after) == 0)
			fail_msg("the rules do not tell of: %s", what);
		free(after);
		contest_free(c);
	}
	plain->name.en[0] = 'C';
	plain->panels[0].min_experts = 9;
	{
		char *after = contest_rules(plain, "vote.example", &keys);

		assert_string_equal(before, after);
		free(after);
	}
	free(before);
	contest_free(plain);
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
	add_rating(contest);
	contest->programme.id = copy("kai-programme");
	contest->programme.name = text_of("사업", "programme");
	contest->programme.round = 1;
	contest->programme.rounds = 4;
	contest->published_at = calloc(2, sizeof(*contest->published_at));
	contest->published_at[contest->n_published_at++] = copy("https://count.example/");
	contest->published_at[contest->n_published_at++] = copy("https://b.example:8443/kai");
	contest->publish = (struct publish_steps){1, 2, 3};
	contest->seal.min_entries = 256;
	contest->seal.max_wait_ms = 60000;
	contest->openings_public = contest->pseudonyms = true;
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
	    "\"published_at\":[\"https://count.example/\",\"https://b.example:8443/kai\"],"
	    "\"opens_at\":\"2026-12-28T00:00:00.000Z\",\"closes_at\":\"2027-01-01T11:59:00.000Z\","
	    "\"time_zone\":\"Asia/Seoul\",\"admission\":\"codes\",\"revote\":\"refuse\","
	    "\"form\":{\"name\":\"choices\",\"min\":1,\"max\":1},"
	    "\"visibility\":{\"citizen\":\"live\",\"experts\":\"organisers\","
	    "\"standing\":\"on-publish\"},"
	    "\"publish\":{\"first_at\":1,\"step\":2,\"every_ms\":3},"
	    "\"seal\":{\"min_entries\":256,\"max_wait_ms\":60000},"
	    "\"openings\":\"public\",\"sheet_openings\":\"auditors\",\"pseudonyms\":true,"
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
	    "\"min\":0,\"max\":40,\"step\":5,\"weight\":2},"
	    "{\"id\":\"use\",\"name\":{\"ko\":\"활용\",\"en\":\"use\"},"
	    "\"rubric\":{\"ko\":\"낮음 높음\",\"en\":\"low high\"},"
	    "\"min\":-2,\"max\":10,\"step\":1,\"weight\":1}],"
	    "\"panels\":[{\"id\":\"experts\",\"name\":{\"ko\":\"전문가\",\"en\":\"Experts\"},"
	    "\"criteria\":[\"tech\",\"use\"],\"aggregate\":\"trimmed-mean\","
	    "\"comments_required\":true,\"min_experts\":3},"
	    "{\"id\":\"users\",\"name\":{\"ko\":\"사용자\",\"en\":\"Users\"},"
	    "\"criteria\":[\"use\"],\"aggregate\":\"mean\","
	    "\"comments_required\":false,\"min_experts\":5}],"
	    "\"conflict_scope\":\"organisation\","
	    "\"stage\":{\"parts\":[{\"id\":\"citizens\",\"source\":\"citizens\",\"weight\":0,"
	    "\"scale\":\"share-of-maximum\",\"name\":{\"ko\":\"국민\",\"en\":\"Citizens\"}},"
	    "{\"id\":\"experts\",\"source\":\"panel\",\"panel\":\"experts\",\"weight\":60,"
	    "\"scale\":\"points\",\"out_of\":90,"
	    "\"name\":{\"ko\":\"전문가\",\"en\":\"Experts\"}},"
	    "{\"id\":\"global\",\"source\":\"metric\",\"subtotal\":\"bench\",\"weight\":40,"
	    "\"scale\":\"points\",\"out_of\":100,"
	    "\"name\":{\"ko\":\"글로벌\",\"en\":\"Global\"}}],"
	    "\"subtotals\":[{\"id\":\"bench\",\"name\":{\"ko\":\"벤치마크\",\"en\":\"Benchmark\"}}]"
	    ","
	    "\"advance\":{\"count\":1,\"refill\":false,\"ties\":\"included\"},"
	    "\"publish\":\"top-and-mean\"},"
	    "\"programme\":{\"id\":\"kai-programme\",\"name\":{\"ko\":\"사업\",\"en\":"
	    "\"programme\"},"
	    "\"round\":1,\"rounds\":4,\"previous\":null}}");
	free(text);
	json_decref(json);

	contest->opens_ms = contest->closes_ms = 0;
	json = contest_public_json(contest);
	assert_true(json_is_null(json_object_get(json, "opens_at")));
	assert_true(json_is_null(json_object_get(json, "closes_at")));
	json_decref(json);

	contest->openings_public = contest->pseudonyms = false;
	contest->sheets_public = true;
	json = contest_public_json(contest);
	assert_string_equal(json_string_value(json_object_get(json, "openings")), "auditors");
	assert_string_equal(json_string_value(json_object_get(json, "sheet_openings")), "public");
	assert_true(json_is_false(json_object_get(json, "pseudonyms")));
	json_decref(json);
	contest_free(contest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_look_up),
	    cmocka_unit_test(test_round_and_buckets),
	    cmocka_unit_test(test_plain_names),
	    cmocka_unit_test(test_look_up_of_rating),
	    cmocka_unit_test(test_rules_are_stable),
	    cmocka_unit_test(test_rules_hold_what_counts),
	    cmocka_unit_test(test_public_definition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
