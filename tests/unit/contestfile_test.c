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
#include "contest/contest_json.h"
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

#define CRITERIA                                                                                   \
	"criteria:\n"                                                                              \
	"  - {id: tech, name: {ko: 가, en: a}, rubric: {ko: 가, en: a}, max: 10}\n"              \
	"  - {id: use, name: {ko: 가, en: a}, rubric: {ko: 가, en: a}, max: 5}\n"                \
	"  - {id: nil, name: {ko: 가, en: a}, rubric: {ko: 가, en: a}, max: 5, weight: 0}\n"
#define PANEL(id) "{id: " id ", name: {ko: 가, en: a}}, "
#define NINE_PANELS                                                                                \
	PANEL("a")                                                                                 \
	PANEL("b") PANEL("c") PANEL("d") PANEL("e") PANEL("f") PANEL("g") PANEL("h") PANEL("i")
#define PART(id, source, rest)                                                                     \
	"    - {id: " id ", name: {ko: 가, en: a}, source: " source ", weight: 1, " rest "}\n"
#define STAGE(parts, rest) "stage:\n  parts:\n" parts rest

static void test_defaults_of_rating(void **state)
{
	struct contest *contest;

	(void)state;
	load_good(GOOD, false, &contest);
	assert_int_equal(contest->n_panels, 0);
	assert_int_equal(contest->stage.n_parts, 0);
	assert_int_equal(contest->stage.advance, 0);
	assert_int_equal(contest->approvals, 2);
	assert_false(contest->pseudonyms);
	assert_false(contest->openings_public);
	assert_false(contest->sheets_public);
	assert_false(contest->pledge.required);
	assert_null(contest->pledge.text.ko);
	assert_null(contest->programme.id);
	assert_int_equal(contest->conflict_scope, SCOPE_ORGANISATION);
	assert_int_equal(contest->sheets_seen, SHEETS_AFTER_CLOSE);
	contest_free(contest);
}

/* Criteria without panels are scored by the experts. */
static void test_the_implied_panel(void **state)
{
	struct contest *contest;
	size_t criteria[CONTEST_CRITERIA_MAX];

	(void)state;
	load_good(GOOD CRITERIA, false, &contest);
	assert_int_equal(contest->n_panels, 1);
	assert_string_equal(contest->panels[0].id, "experts");
	assert_string_equal(contest->panels[0].name.ko, "전문가");
	assert_string_equal(contest->panels[0].name.en, "Experts");
	assert_int_equal(contest->panels[0].aggregate, AGGREGATE_TRIMMED_MEAN);
	assert_false(contest->panels[0].comments_required);
	assert_int_equal(contest->panels[0].min_experts, 3);
	assert_int_equal(panel_criteria(contest, &contest->panels[0], criteria), 3);
	contest_free(contest);
}

#define RATING                                                                                     \
	CRITERIA                                                                                   \
	"panels:\n"                                                                                \
	"  - {id: experts, name: {ko: 가, en: a}, comments: required, min_experts: 5}\n"         \
	"  - {id: users, name: {ko: 가, en: a}, criteria: [nil, use], aggregate: median}\n"      \
	"visibility: {sheets: always}\n"                                                           \
	"conflict_scope: group\n"                                                                  \
	"pledge: {text: {ko: 서약, en: pledge}}\n"                                               \
	"pseudonyms: true\n"                                                                       \
	"sheet_openings: public\n"                                                                 \
	"approvals: 1\n"                                                                           \
	"stage:\n"                                                                                 \
	"  publish: advancers\n"                                                                   \
	"  advance: {count: 1, refill: true, ties: excluded}\n"                                    \
	"  subtotals: [{id: bench, name: {ko: 가, en: a}}]\n"                                    \
	"  parts:\n" PART("people", "citizens", "scale: share-of-maximum")                         \
	    PART("users", "panel", "scale: points, panel: users")                                  \
		PART("mmlu", "metric", "scale: points, out_of: 100, subtotal: bench")              \
	"programme: {id: kai-all, name: {ko: 가, en: a}, round: 2, rounds: 4, previous: kai-1}\n"

static void test_rating_as_it_stands(void **state)
{
	struct contest *c;
	size_t criteria[CONTEST_CRITERIA_MAX];

	(void)state;
	load_good(GOOD RATING, false, &c);
	assert_int_equal(c->n_panels, 2);
	assert_true(c->panels[0].comments_required);
	assert_int_equal(c->panels[0].min_experts, 5);
	assert_int_equal(c->panels[1].aggregate, AGGREGATE_MEDIAN);
	assert_int_equal(panel_criteria(c, &c->panels[1], criteria), 2);
	assert_int_equal(criteria[0], 1);
	assert_int_equal(c->sheets_seen, SHEETS_ALWAYS);
	assert_int_equal(c->conflict_scope, SCOPE_GROUP);
	assert_true(c->pledge.required && c->pseudonyms && c->approvals == 1);
	assert_true(c->sheets_public && !c->openings_public);
	assert_string_equal(c->pledge.text.en, "pledge");
	assert_int_equal(c->stage.publish, STANDING_ADVANCERS);
	assert_true(c->stage.advance == 1 && c->stage.refill && c->stage.ties_excluded);
	assert_int_equal(c->stage.n_parts, 3);
	assert_int_equal(c->stage.parts[0].scale, SCALE_SHARE);
	assert_string_equal(c->stage.parts[1].panel, "users");
	assert_int_equal(c->stage.parts[1].out_of, 0);
	assert_string_equal(c->stage.parts[2].subtotal, "bench");
	assert_int_equal(c->stage.parts[2].out_of, 100);
	assert_string_equal(c->programme.previous, "kai-1");
	assert_true(c->programme.round == 2 && c->programme.rounds == 4);
	contest_free(c);

	load_good(GOOD RATING
	    "rehearsal: {pledge: {required: false}, approvals: 2, pseudonyms: "
	    "false, visibility: {sheets: after-close}, sheet_openings: auditors, openings: "
	    "public}\n",
	    true, &c);
	assert_false(c->pledge.required);
	assert_string_equal(c->pledge.text.en, "pledge");
	assert_true(!c->pseudonyms && c->approvals == 2);
	assert_true(!c->sheets_public && c->openings_public);
	assert_int_equal(c->sheets_seen, SHEETS_AFTER_CLOSE);
	contest_free(c);
}

/* Each round's bundle stands at places of its own. */
static void test_where_the_bundle_will_stand(void **state)
{
	static const char *const own =
	    GOOD "published_at: [\"https://count.example/\", https://b.example:8443/kai]\n";
	static const char *const both = GOOD
	    "published_at: [\"https://count.example/\", https://b.example/]\n"
	    "rehearsal: {published_at: [\"https://try.example/\"]}\n";
	struct contest *c;

	(void)state;
	load_good(GOOD, false, &c);
	assert_int_equal(c->n_published_at, 0);
	contest_free(c);
	load_good(own, false, &c);
	assert_int_equal(c->n_published_at, 2);
	assert_string_equal(c->published_at[1], "https://b.example:8443/kai");
	contest_free(c);
	load_good(own, true, &c);
	assert_int_equal(c->n_published_at, 0);
	contest_free(c);
	load_good(both, true, &c);
	assert_int_equal(c->n_published_at, 1);
	assert_string_equal(c->published_at[0], "https://try.example/");
	contest_free(c);
	load_good(both, false, &c);
	assert_int_equal(c->n_published_at, 2);
	contest_free(c);
}

/* Without `max` every entry may be ranked. */
static void test_a_full_ranking(void **state)
{
	struct contest *contest;

	(void)state;
	load_good(
	    HEAD_TO_HOURS HOURS "ballot: {ranking: {}}\n" ORGANISATIONS ENTRIES, false, &contest);
	assert_string_equal(contest->form->name, "ranking");
	assert_int_equal(contest->ballot.ranking_min, 1);
	assert_int_equal(contest->ballot.ranking_max, 2);
	contest_free(contest);
}

#define REHEARSAL                                                                                  \
	"rehearsal:\n"                                                                             \
	"  admission: open\n"                                                                      \
	"  about: {ko: 모의, en: rehearsal}\n"                                                   \
	"  publish: {step: 1, every: 0s}\n"                                                        \
	"  seal: {min_entries: 1, max_wait: 1s}\n"

#define IDENTITY                                                                                   \
	"admission: oidc\n"                                                                        \
	"identity:\n"                                                                              \
	"  person_claim: ci\n"                                                                     \
	"  delete_at: 2027-01-31T00:00:00+09:00\n"                                                 \
	"  providers: [{id: pass, name: {ko: 패스, en: Pass}}]\n"                                \
	"  acr: [strong]\n"                                                                        \
	"  claims: [{claim: birthdate, at_most: 2008-12-31}, {claim: nation, one_of: [KR]}]\n"

static void test_who_is_admitted(void **state)
{
	struct contest *contest;
	json_t *rules, *shown;
	char *text;

	(void)state;
	load_good(GOOD IDENTITY REHEARSAL, false, &contest);
	assert_true(contest_knows_persons(contest));
	rules = contest_identity_rules_json(contest);
	text = json_dumps(rules, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text,
	    "{\"acr\":[\"strong\"],\"claims\":[{\"at_most\":\"2008-12-31\",\"claim\":\"birthdate\"}"
	    ","
	    "{\"claim\":\"nation\",\"one_of\":[\"KR\"]}],\"person_claim\":\"ci\",\"providers\":["
	    "\"pass\"]}");
	free(text);
	json_decref(rules);
	shown = contest_identity_json(contest);
	text = json_dumps(json_object_get(shown, "providers"), JSON_COMPACT);
	assert_string_equal(text, "[{\"id\":\"pass\",\"name\":{\"ko\":\"패스\",\"en\":\"Pass\"}}]");
	assert_string_equal(
	    json_string_value(json_object_get(shown, "delete_at")), "2027-01-30T15:00:00.000Z");
	free(text);
	json_decref(shown);
	contest_free(contest);

	/* An open rehearsal of it knows nobody, and does not say otherwise. */
	load_good(GOOD IDENTITY REHEARSAL, true, &contest);
	assert_false(contest_knows_persons(contest));
	shown = contest_public_json(contest);
	assert_null(json_object_get(shown, "identity"));
	json_decref(shown);
	contest_free(contest);
}

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
    {HEAD_TO_HOURS "opens_at: 2026-12-30T09:00:00Z\ncloses_at: 9999-12-31T23:59:59-01:00\n" BALLOT
	    ORGANISATIONS ENTRIES,
	"f.yaml:8:12: \"closes_at\" is to be a time with its offset, such as "
	"2026-12-21T09:00:00+09:00, not \"9999-12-31T23:59:59-01:00\"\n"},
    {HEAD_TO_HOURS "opens_at: 2026-12-30T09:00:00\n" BALLOT ORGANISATIONS ENTRIES,
	"f.yaml:1:1: \"closes_at\" is missing; it is to be a time with its offset, such as "
	"2026-12-21T09:00:00+09:00\n"
	"f.yaml:7:11: \"opens_at\" is to be a time with its offset, such as "
	"2026-12-21T09:00:00+09:00, not \"2026-12-30T09:00:00\"\n"},
    /* the ballot's form */
    {HEAD_TO_HOURS HOURS "ballot: {}\n" ORGANISATIONS ENTRIES,
	"f.yaml:9:9: \"ballot\" names 0 forms; it is to name one of: choices, scores, ranking\n"},
    {HEAD_TO_HOURS HOURS "ballot: {choices: {}, scores: {}}\n" ORGANISATIONS ENTRIES,
	"f.yaml:9:9: \"ballot\" names 2 forms; it is to name one of: choices, scores, ranking\n"},
    {HEAD_TO_HOURS HOURS "ballot: {choice: {min: 1}}\n" ORGANISATIONS ENTRIES,
	"f.yaml:9:9: \"ballot\" names 0 forms; it is to name one of: choices, scores, ranking\n"
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
    {HEAD_TO_HOURS HOURS "ballot: {ranking: {min: 2, max: 1}}\n" ORGANISATIONS ENTRIES,
	"f.yaml:9:33: \"ballot.ranking.max\" is 1, but \"min\" is 2; it is to be at least as "
	"much\n"},
    {HEAD_TO_HOURS HOURS "ballot: {ranking: {max: 3}}\n" ORGANISATIONS ENTRIES,
	"f.yaml:9:25: \"ballot.ranking.max\" is 3, but there are 2 entries; it is to be at most "
	"that\n"},
    {HEAD_TO_HOURS HOURS "ballot: {ranking: {max: 17}}\n" ORGANISATIONS ENTRIES,
	"f.yaml:9:25: \"ballot.ranking.max\" is to be a whole number from 1 to 16, not "
	"\"17\"\n"},
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
    /* who is admitted where citizens identify themselves */
    {GOOD "admission: oidc\n",
	"f.yaml:30:12: citizens identify themselves, but there is no block \"identity\"; it names "
	"the "
	"providers, and the claim that names a person\n"},
    {GOOD "admission: oidc\nidentity: {}\n",
	"f.yaml:31:11: \"identity.delete_at\" is missing; it is to be a time with its offset, such "
	"as "
	"2026-12-21T09:00:00+09:00\n"
	"f.yaml:31:11: \"identity.person_claim\" is missing; it is to be a claim's name of "
	"letters, "
	"digits, _, -, ., : and /, such as birthdate\n"
	"f.yaml:31:11: \"identity.providers\" is missing; it is to be a list of blocks with "
	"the keys id, name\n"},
    {GOOD "admission: oidc\nidentity:\n"
	  "  person_claim: sub\n"
	  "  delete_at: 2026-12-29T00:00:00+09:00\n"
	  "  providers: [{id: a, name: {ko: 가, en: a}}, {id: a, name: {ko: 가, en: a}}]\n"
	  "  claims:\n"
	  "    - {claim: birthdate, at_most: 2008-13-31}\n"
	  "    - {claim: birthdate, at_most: 1990-01-01, at_least: 2000-01-01}\n"
	  "    - {claim: nation}\n",
	"f.yaml:32:17: \"sub\" is another one at each provider, so one person could vote at "
	"several; "
	"name one provider, or a claim that all give alike, such as ci\n"
	"f.yaml:33:14: \"delete_at\" is before \"closes_at\", so a person could have a second "
	"token; "
	"it is to be later\n"
	"f.yaml:34:51: the id \"a\" is taken; item 1 of \"providers\" has it already\n"
	"f.yaml:36:7: nothing is asked of \"birthdate\"; add at_least, at_most or one_of\n"
	"f.yaml:36:35: \"identity.claims.at_most\" is to be a date such as 2008-12-31, not "
	"\"2008-13-31\"\n"
	"f.yaml:37:7: \"at_least\" is after \"at_most\", so nobody could vote; it is to be "
	"earlier\n"
	"f.yaml:38:7: nothing is asked of \"nation\"; add at_least, at_most or one_of\n"},
    {GOOD "admission: oidc\nidentity:\n"
	  "  person_claim: acr\n"
	  "  delete_at: 2028-01-31T00:00:00+09:00\n"
	  "  providers: [{id: a, name: {ko: 가, en: a}}]\n",
	"f.yaml:32:17: \"acr\" says how somebody was identified, not who, so all would be one "
	"person; name a claim that is another one for each, such as ci\n"},
    /* the rehearsal: block is checked outside a rehearsal, too */
    {GOOD "rehearsal: {admission: opn, hours: none}\n",
	"f.yaml:30:24: \"rehearsal.admission\" is to be one of open, codes, oidc, assertion, not "
	"\"opn\"\n"
	"f.yaml:30:29: unknown key \"hours\"; the keys here are: about, admission, revote, "
	"visibility, publish, seal, published_at, openings, sheet_openings, pledge, approvals, "
	"pseudonyms\n"},
    {GOOD "sheet_openings: everybody\nrehearsal: {sheet_openings: none}\n",
	"f.yaml:30:17: \"sheet_openings\" is to be one of auditors, public, not "
	"\"everybody\"\n"
	"f.yaml:31:29: \"rehearsal.sheet_openings\" is to be one of auditors, public, not "
	"\"none\"\n"},
    {GOOD "rehearsal: {approvals: 3, pledge: {text: {ko: 가, en: a}}, pseudonyms: yes}\n",
	"f.yaml:30:24: \"rehearsal.approvals\" is to be a whole number from 1 to 2, not \"3\"\n"
	"f.yaml:30:36: unknown key \"text\"; the keys here are: required\n"
	"f.yaml:30:71: \"rehearsal.pseudonyms\" is to be true or false, not \"yes\"\n"},
    {GOOD "published_at: [\"http://a.example/\"]\nrehearsal: {published_at: "
	  "[\"https://a.example/?x\"]}\n",
	"f.yaml:30:16: \"published_at\" is to be an https:// address with a host name in lower "
	"case and without ? and #, such as https://count.example/, not the quoted text "
	"\"http://a.example/\"\n"
	"f.yaml:31:28: \"rehearsal.published_at\" is to be an https:// address with a host name "
	"in lower case and without ? and #, such as https://count.example/, not the quoted text "
	"\"https://a.example/?x\"\n"},
    /* panels */
    {GOOD CRITERIA "panels:\n"
		   "  - {id: p, name: {ko: 가, en: a}, criteria: [tek, use, use]}\n"
		   "  - {id: p, name: {ko: 가, en: a}, criteria: [nil], aggregate: average, "
		   "comments: no}\n",
	"f.yaml:35:46: \"tek\" is not in \"criteria\"; add it there\n"
	"f.yaml:35:56: \"use\" is listed twice; name it once\n"
	"f.yaml:36:5: all criteria of this panel weigh 0, so all totals are alike; give one of "
	"them a weight\n"
	"f.yaml:36:10: the id \"p\" is taken; item 1 of \"panels\" has it already\n"
	"f.yaml:36:63: \"panels.aggregate\" is to be one of mean, trimmed-mean, median, not "
	"\"average\"\n"
	"f.yaml:36:82: \"panels.comments\" is to be one of optional, required, not \"no\"\n"},
    {GOOD "panels: [{id: p, name: {ko: 가, en: a}}]\n",
	"f.yaml:30:9: there are panels, but nothing for them to score; list \"criteria\"\n"},
    {GOOD CRITERIA "panels: [" NINE_PANELS "]\n",
	"f.yaml:34:9: \"panels\" has 9 items; at most 8 are taken\n"},
    /* the stage's parts */
    {GOOD CRITERIA STAGE(PART("a", "panel", "scale: points")
			     PART("b", "panel", "scale: points, panel: exprts")
				 PART("b", "metric", "scale: points, panel: experts")
				     PART("d", "citizens", "scale: points, out_of: 9"),
	 ""),
	"f.yaml:36:7: \"panel\" is missing; name the panel whose values this part takes\n"
	"f.yaml:37:85: \"exprts\" is not in \"panels\"; did you mean \"experts\"?\n"
	"f.yaml:38:7: \"out_of\" is missing; name the value that gets full points\n"
	"f.yaml:38:12: the id \"b\" is taken; item 2 of \"parts\" has it already\n"
	"f.yaml:38:86: only a part with \"source: panel\" has a \"panel\"; leave it out\n"
	"f.yaml:39:73: votes have no full number that \"points\" could be out of; use "
	"share-of-maximum or min-max\n"},
    {GOOD CRITERIA STAGE(PART("a", "metric", "scale: min-max, out_of: 5, subtotal: bench")
			     PART("b", "metric", "scale: log, subtotal: bemch"),
	 "  subtotals:\n    - {id: bench, name: {ko: 가, en: a}}\n"
	 "    - {id: bench, name: {ko: 가, en: a}}\n    - {id: other, name: {ko: 가, en: a}}\n"
	 "  advance: {count: 3}\n"),
	"f.yaml:36:88: only \"scale: points\" is out of something; leave it out\n"
	"f.yaml:37:71: \"stage.parts.scale\" is to be one of points, share-of-maximum, min-max, "
	"not \"log\"\n"
	"f.yaml:37:86: \"bemch\" is not in \"subtotals\"; did you mean \"bench\"?\n"
	"f.yaml:40:12: the id \"bench\" is taken; item 1 of \"subtotals\" has it already\n"
	"f.yaml:41:7: no part counts towards \"other\"; name it as a part's \"subtotal\", or "
	"leave it out\n"
	"f.yaml:42:20: 3 are to go on, but there are 2 entries; it is to be at most that\n"},
    {GOOD STAGE(
	 "    - {id: a, name: {ko: 가, en: a}, source: citizens, weight: 0, scale: min-max}\n", ""),
	"f.yaml:32:5: all parts weigh 0, so there is nothing to rank by; give one of them a "
	"weight\n"},
    {GOOD "stage: {advance: {count: 2}}\n",
	"f.yaml:30:8: \"stage.parts\" is missing; it is to be a list of blocks with the keys id, "
	"name, source, panel, subtotal, weight, scale, out_of\n"},
    {GOOD "criteria:\n  - {id: c, name: {ko: 가, en: a}, rubric: {ko: 가, en: a}, min: -9, max: "
	  "0}\n" STAGE(PART("a", "panel", "scale: points, panel: experts"), ""),
	"f.yaml:34:7: the greatest total of the panel \"experts\" is not above 0; name the value "
	"that gets full points as \"out_of\", or use min-max\n"},
    /* the rest of what is about people and rounds */
    {GOOD "programme: {id: kai, name: {ko: 가, en: a}, round: 5, rounds: 4, previous: kai}\n",
	"f.yaml:30:51: this is round 5 of 4; it is to be at most that\n"
	"f.yaml:30:75: \"kai\" is this contest itself; name the one of the round before\n"},
    {GOOD "pledge: {required: true}\napprovals: 0\nconflict_scope: university\nvisibility: "
	  "{sheets: never}\n",
	"f.yaml:30:9: \"pledge.text\" is missing; it is to be a text in both languages, ko and "
	"en\n"
	"f.yaml:31:12: \"approvals\" is to be a whole number from 1 to 2, not \"0\"\n"
	"f.yaml:32:17: \"conflict_scope\" is to be one of unit, organisation, group, not "
	"\"university\"\n"
	"f.yaml:33:22: \"visibility.sheets\" is to be one of after-close, always, not "
	"\"never\"\n"},
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

/* Refused by the limit, whether the file is small enough to be read or not. */
static void test_ten_thousand_entries(void **state)
{
	static const struct {
		const char *rest, *errors;
	} table[] = {
	    {"", "f.yaml:15:3: \"entries\" has 10000 items; at most 64 are taken\n"},
	    {", name: {ko: 팀, en: team}, reading: 팀, lead: snu, head: {ko: 김, en: "
	     "Kim}, goal: {ko: 목표, en: goal}, showcase: {ko: 소개, en: about}",
		"f.yaml: a contest has at most 64 entries\n"
		"f.yaml: is too large; at most 1 MiB is read\n"},
	};
	const size_t cap = 4 << 20;
	char *yaml = malloc(cap);

	(void)state;
	assert_non_null(yaml);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct contest *contest = NULL;
		struct config_errors errors;
		size_t len = (size_t)snprintf(yaml, cap, HEAD ORGANISATIONS "entries:\n");
		char *text;

		for (int k = 0; k < 10000; k++)
			len += (size_t)snprintf(
			    yaml + len, cap - len, "  - {id: e%d%s}\n", k, table[i].rest);
		fixture_write(yaml);
		assert_true(contestfile_load("f.yaml", false, &contest, &errors) < 0);
		text = fixture_errors(&errors);
		assert_string_equal(text, table[i].errors);
		free(text);
	}
	free(yaml);
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
	    {"examples/presentation.yaml", "choices", 4},
	    {"examples/ranking.yaml", "ranking", 4},
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
	    cmocka_unit_test(test_defaults_of_rating),
	    cmocka_unit_test(test_the_implied_panel),
	    cmocka_unit_test(test_rating_as_it_stands),
	    cmocka_unit_test(test_where_the_bundle_will_stand),
	    cmocka_unit_test(test_a_full_ranking),
	    cmocka_unit_test(test_a_rehearsal),
	    cmocka_unit_test(test_who_is_admitted),
	    cmocka_unit_test(test_broken_files),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_ten_thousand_entries),
	    cmocka_unit_test(test_a_showcase_of_301),
	    cmocka_unit_test(test_shipped_files_load),
	    cmocka_unit_test(test_the_december_contest_stands_in_the_order_of_its_readings),
	};

	return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
