/* Programmes: what a file may say, and what a draw makes of it: who goes on, who comes back, who is
 * added, in which order, and every reason for which nothing is drawn. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/contestfile.h"
#include "config/programme_draw.h"
#include "config_fixture.h"

#define TEAM(id, lead)                                                                             \
	"  - {id: " id ", name: {ko: 팀, en: " id "}, reading: 팀, lead: " lead                    \
	", head: {ko: 김, en: K}, goal: {ko: 목표, en: g}, showcase: {ko: 소개, en: s}}\n"
#define CONTEST(id, rest)                                                                          \
	"id: " id                                                                                  \
	"\n"                                                                                       \
	"name: {ko: 첫째, en: first}\n"                                                          \
	"about: {ko: 누구나, en: anyone}\n"                                                     \
	"entry_noun: {ko: 팀, en: team}\n"                                                        \
	"organiser: {ko: 운영, en: organiser}\n"                                                 \
	"contact: help@vote.example\n"                                                             \
	"opens_at: 2026-12-28T09:00:00+09:00\n"                                                    \
	"closes_at: 2026-12-30T18:00:00+09:00\n"                                                   \
	"ballot: {choices: {min: 1, max: 1}}\n" rest
#define ORGANISATIONS                                                                              \
	"groups: [{id: g, name: {ko: 그룹, en: Group}}]\n"                                       \
	"organisations:\n"                                                                         \
	"  - {id: o-a, name: {ko: 가, en: OA}}\n"                                                 \
	"  - {id: o-b, name: {ko: 나, en: OB}, group: g}\n"                                       \
	"  - {id: o-c, name: {ko: 다, en: OC}}\n"                                                 \
	"  - {id: o-d, name: {ko: 라, en: OD}}\n"
#define STAGE                                                                                      \
	"stage:\n"                                                                                 \
	"  parts:\n"                                                                               \
	"    - {id: people, name: {ko: 국민, en: People}, source: citizens, weight: 9,"          \
	" scale: share-of-maximum}\n"                                                              \
	"  advance: {count: 3, refill: true}\n"
#define FIRST                                                                                      \
	CONTEST("k1", ORGANISATIONS "entries:\n" TEAM("a", "o-a") TEAM("b", "o-b")                 \
			  TEAM("c", "o-c") TEAM("d", "o-d") STAGE                                  \
	    "programme: {id: k, name: {ko: 사업, en: prog}, round: 1, rounds: 3}\n"              \
	    "rehearsal: {admission: open}\n")

#define PROGRAMME                                                                                  \
	"id: k\n"                                                                                  \
	"name: {ko: 사업, en: prog}\n"                                                           \
	"rounds:\n"                                                                                \
	"  - {id: k1, name: {ko: 첫째, en: first}, file: k1.yaml, advance: {count: 3}}\n"        \
	"  - {id: k2, name: {ko: 둘째, en: second}, file: k2.yaml, advance: {count: 2},\n"       \
	"     opens_at: 2027-06-28T09:00:00+09:00, closes_at: 2027-06-30T18:00:00+09:00, add: "    \
	"1}\n"                                                                                     \
	"  - {id: k3, name: {ko: 셋째, en: third}}\n"

#define RESULT(contest, version, advanced)                                                         \
	"{\"contest\":\"" contest "\",\"rehearsal\":false,\"version\":" version                    \
	",\"advanced\":[" advanced "]}"

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static char *errors_text(struct file_errors *errors)
{
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	assert_non_null(file);
	file_errors_print(errors, file);
	(void)fclose(file);
	file_errors_release(errors);
	return text;
}

static struct programme *load(void)
{
	struct programme *programme = NULL;
	struct file_errors errors = {0};
	int error = programme_load("p.yaml", &errors, &programme);
	char *text = errors_text(&errors);

	assert_string_equal(text, "");
	assert_int_equal(error, 0);
	free(text);
	return programme;
}

static struct drawn draw(const struct draw_order *order)
{
	struct programme *programme = load();
	struct file_errors errors = {0};
	struct drawn drawn = {0};
	int error = programme_draw(programme, order, &errors, &drawn);
	char *text = errors_text(&errors);

	assert_string_equal(text, "");
	assert_int_equal(error, 0);
	free(text);
	programme_free(programme);
	return drawn;
}

static void assert_entries(const struct contest *contest, const char *wanted)
{
	char ids[200] = "";

	for (size_t i = 0; i < contest->n_entries; i++)
		(void)snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%s%s", i ? " " : "",
		    contest->entries[i].id);
	assert_string_equal(ids, wanted);
}

static int set_up(void **state)
{
	(void)state;
	put("p.yaml", PROGRAMME);
	put("k1.yaml", FIRST);
	put("r.json", RESULT("k1", "1", "\"c\",\"a\""));
	return 0;
}

static int tear_down(void **state)
{
	static const char *const files[] = {
	    "p.yaml", "k1.yaml", "k2.yaml", "r.json", "r2.json", "new.yaml", "new2.yaml", "t.yaml"};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		(void)unlink(files[i]);
	return 0;
}

#define ONE_RESULT .results = (const char *const[]){"r.json"}, .n_results = 1

static void test_those_who_advanced_stand_in_the_files_order(void **state)
{
	const struct draw_order order = {.round = "k2", ONE_RESULT};
	struct drawn drawn = draw(&order);
	const struct contest *contest = drawn.contest;

	(void)state;
	assert_entries(contest, "a c");
	assert_string_equal(contest->id, "k2");
	assert_string_equal(contest->name.en, "second");
	assert_int_equal(contest->opens_ms, 1814140800000);
	assert_int_equal(contest->closes_ms, 1814346000000);
	assert_string_equal(contest->programme.id, "k");
	assert_string_equal(contest->programme.name.ko, "사업");
	assert_int_equal(contest->programme.round, 2);
	assert_int_equal(contest->programme.rounds, 3);
	assert_string_equal(contest->programme.previous, "k1");
	assert_int_equal(contest->stage.advance, 2); /* the round's own cut … */
	assert_true(contest->stage.refill);          /* … over what the round before had */
	assert_int_equal(contest->stage.parts[0].weight, 9);
	assert_int_equal(contest->n_organisations, 4);
	assert_int_equal(drawn.carried, 2);
	assert_int_equal(drawn.added, 0);
	assert_int_equal(drawn.planned, 1);
	drawn_release(&drawn);
}

/* What is drawn is a file like any other, its rehearsal: block with it, and draws again. */
static void test_what_is_drawn_can_be_drawn_from(void **state)
{
	struct draw_order order = {.round = "k2", ONE_RESULT};
	struct drawn drawn;
	struct programme *programme;
	struct file_errors errors = {0};
	struct contest *contest;
	struct config_errors one = {0};
	char *text;

	(void)state;
	put("new.yaml", "entries:\n" TEAM("e", "o-d"));
	order.additions = (const char *const[]){"new.yaml"};
	order.n_additions = 1;
	drawn = draw(&order);
	assert_entries(drawn.contest, "a c e");
	put("k2.yaml", drawn.text);
	drawn_release(&drawn);
	assert_int_equal(contestfile_load("k2.yaml", true, &contest, &one), 0);
	assert_int_equal(contest->admission, ADMISSION_OPEN);
	contest_free(contest);
	config_errors_release(&one);

	programme = load();
	assert_int_equal(programme_check(programme, &errors), 0);
	text = errors_text(&errors);
	assert_string_equal(text, "");
	free(text);
	programme_free(programme);

	/* Round 3: b fell in round 1 and comes back. */
	put("p.yaml",
	    "id: k\nname: {ko: 사업, en: prog}\nrounds:\n"
	    "  - {id: k1, name: {ko: 첫째, en: first}, file: k1.yaml}\n"
	    "  - {id: k2, name: {ko: 둘째, en: second}, file: k2.yaml}\n"
	    "  - {id: k3, name: {ko: 셋째, en: third}, opens_at: 2027-12-01T09:00:00Z,\n"
	    "     closes_at: 2027-12-02T09:00:00Z}\n");
	put("r.json", RESULT("k2", "1", "\"a\",\"c\""));
	put("r2.json",
	    "{\"document\":\"{\\\"contest\\\":\\\"k2\\\",\\\"rehearsal\\\":false,"
	    "\\\"version\\\":2,\\\"advanced\\\":[\\\"e\\\",\\\"a\\\"]}\",\"note\":\"\"}");
	/* The newer result counts, in whichever order they are named. */
	for (int turned = 0; turned < 2; turned++) {
		order = (struct draw_order){.round = "k3",
		    .results = turned ? (const char *const[]){"r.json", "r2.json"}
				      : (const char *const[]){"r2.json", "r.json"},
		    .n_results = 2,
		    .again = (const char *const[]){"b"},
		    .n_again = 1};
		drawn = draw(&order);
		assert_entries(drawn.contest, "a e b");
		assert_int_equal(drawn.back, 1);
		assert_int_equal(drawn.contest->stage.advance, 2); /* as the round before had it */
		assert_string_equal(drawn.contest->programme.previous, "k2");
		drawn_release(&drawn);
	}
}

/* Whoever comes back brings the organisations that have left the later file, group and whole
 * included. */
static void test_coming_back_with_organisations(void **state)
{
	struct drawn drawn;
	struct draw_order order = {
	    .round = "k3", ONE_RESULT, .again = (const char *const[]){"b"}, .n_again = 1};

	(void)state;
	put("p.yaml",
	    "id: k\nname: {ko: 사업, en: prog}\nrounds:\n"
	    "  - {id: k1, name: {ko: 첫째, en: first}, file: k1.yaml}\n"
	    "  - {id: k2, name: {ko: 둘째, en: second}, file: k2.yaml}\n"
	    "  - {id: k3, name: {ko: 셋째, en: third}, opens_at: 2027-12-01T09:00:00Z,\n"
	    "     closes_at: 2027-12-02T09:00:00Z, template: t.yaml}\n");
	put("k2.yaml", CONTEST("k2",
			   "organisations:\n  - {id: o-a, name: {ko: 가, en: Newer}}\n"
			   "entries:\n" TEAM("a", "o-a")));
	put("t.yaml", CONTEST("t",
			  "revote: replace\norganisations:\n  - {id: x, name: {ko: 엑, en: "
			  "X}}\nentries:\n" TEAM("t", "x")));
	put("r.json", RESULT("k2", "1", "\"a\""));
	drawn = draw(&order);
	assert_entries(drawn.contest, "a b");
	assert_int_equal(drawn.contest->n_organisations, 2);
	assert_string_equal(contest_organisation(drawn.contest, "o-a")->name.en, "Newer");
	assert_string_equal(contest_organisation(drawn.contest, "o-b")->group, "g");
	assert_int_equal(drawn.contest->n_groups, 1);
	assert_int_equal(drawn.contest->revote, REVOTE_REPLACE); /* the template's */
	drawn_release(&drawn);
}

/* ---- what is refused ---- */

static void refuse(const struct draw_order *order, const char *wanted)
{
	struct programme *programme = load();
	struct file_errors errors = {0};
	struct drawn drawn = {0};
	char *text;

	assert_int_equal(programme_draw(programme, order, &errors, &drawn), -EINVAL);
	text = errors_text(&errors);
	assert_string_equal(text, wanted);
	free(text);
	assert_null(drawn.text);
	programme_free(programme);
}

static void test_rounds_that_cannot_be_drawn(void **state)
{
	(void)state;
	refuse(&(struct draw_order){.round = "k1"},
	    "p.yaml:4:3: the first round, \"k1\", is drawn from none; those that can be are: k2, "
	    "k3\n");
	refuse(&(struct draw_order){.round = "k9"},
	    "p.yaml:4:3: there is no round \"k9\"; those that can be drawn are: k2, k3\n");
	refuse(&(struct draw_order){.round = "k2"},
	    "p.yaml:4:5: the result of \"k1\" is needed to know who goes on; name its file with "
	    "--result\n");
	refuse(&(struct draw_order){.round = "k3", ONE_RESULT},
	    "p.yaml:5:5: there is no contest file of \"k2\" yet; draw it first, and name it as "
	    "\"file\"\n"
	    "p.yaml:7:5: the hours of \"k3\" are not known; give \"opens_at\" and \"closes_at\"\n"
	    "r.json: is a result of \"k1\"; the round before is \"k2\"\n");
}

/* All that is wrong with all files is told in one run. */
static void test_all_errors_at_once(void **state)
{
	const struct draw_order order = {.round = "k2",
	    .results = (const char *const[]){"r.json", "r2.json", "none.json"},
	    .n_results = 3,
	    .additions = (const char *const[]){"new.yaml", "new2.yaml"},
	    .n_additions = 2,
	    .again = (const char *const[]){"a", "z"},
	    .n_again = 2};

	(void)state;
	put("r.json", RESULT("k1", "2", "\"a\",\"q\""));
	put("r2.json", "{\"contest\":\"k1\",\n\"rehearsal\":false,\n\"version\":");
	put("new.yaml",
	    "organisations:\n  - {id: o-a, name: {ko: 가, en: Other}}\n"
	    "  - {id: o-b, group: g, name: {en: OB, ko: 나}}\nentries:\n" TEAM("a", "o-a"));
	put("new2.yaml", "entris: []\n");
	refuse(&order,
	    "p.yaml:5:5: \"a\" takes part already; it need not come back\n"
	    "p.yaml:5:5: \"z\" was in no round before; check its id, or add it by a file of its "
	    "own\n"
	    "r.json: says that \"q\" advances, but k1.yaml has no such entry; one of them is of "
	    "another round\n"
	    "r2.json:3:10: cannot be read: unexpected token near end of file\n"
	    "none.json: cannot be read: unable to open none.json: No such file or directory\n"
	    "new.yaml:2:5: \"o-a\" is described otherwise in the round before or another file; "
	    "leave it out, or make both alike\n"
	    "new.yaml:5:5: \"a\" takes part already; choose another id\n"
	    "new2.yaml:1:1: \"entries\" is missing; it is to be a list of blocks with the keys "
	    "id, name, reading, lead, head, model, goal, showcase, participants, links\n"
	    "new2.yaml:1:1: unknown key \"entris\"; did you mean \"entries\"?\n");
}

static void test_what_is_drawn_is_checked(void **state)
{
	const struct draw_order order = {.round = "k2",
	    ONE_RESULT,
	    .additions = (const char *const[]){"new.yaml"},
	    .n_additions = 1};

	(void)state;
	put("r.json", RESULT("k1", "1", ""));
	put("new.yaml", "entries:\n" TEAM("e", "o-x"));
	refuse(&order,
	    "k2 as drawn:22:51: \"o-x\" is not in \"organisations\"; did you mean \"o-a\"?\n"
	    "k2 as drawn:27:34: 2 are to go on, but there are 1 entries; it is to be at most "
	    "that\n");
}

static void test_results_of_rehearsals(void **state)
{
	struct draw_order order = {.round = "k2", ONE_RESULT};
	struct drawn drawn;

	(void)state;
	order.rehearsal = true;
	refuse(&order, "r.json: is no rehearsal's result\n");
	put("r.json",
	    "{\"contest\":\"k1\",\"rehearsal\":true,\"version\":1,\"advanced\":[\"a\",\"b\"]}");
	drawn = draw(&order);
	assert_entries(drawn.contest, "a b");
	drawn_release(&drawn);
	order.rehearsal = false;
	refuse(
	    &order, "r.json: is a rehearsal's result; it decides nothing but with --rehearsal\n");
	put("r.json", "{\"contest\":\"k1\",\"advanced\":[1]}");
	refuse(&order,
	    "r.json: is no result's document: it is to have \"contest\", \"rehearsal\", "
	    "\"version\" and \"advanced\", as tallyctl result prints it\n");
}

static const struct {
	const char *yaml, *errors;
} broken[] = {
    {"id: k\nname: {ko: 가, en: a}\nrounds: []\n",
	"p.yaml:3:9: \"rounds\" has 0 items; at least 1 are needed\n"},
    {"id: k\nname: {ko: 가, en: a}\nrounds:\n"
     "  - {id: k1, name: {ko: 가, en: a}, opens_at: 2027-01-02T00:00:00Z, closes_at: "
     "2027-01-01T00:00:00Z}\n"
     "  - {id: k1, name: {ko: 가, en: a}, opens_at: 2026-01-01T00:00:00Z, advance: {count: 0}, "
     "adds: 1}\n",
	"p.yaml:4:5: the first round is drawn from none; name its contest file as \"file\"\n"
	"p.yaml:4:79: \"closes_at\" is not after \"opens_at\"; it is to be later\n"
	"p.yaml:5:10: the id \"k1\" is taken; item 1 of \"rounds\" has it already\n"
	"p.yaml:5:46: the round before closes only later; this one is to open after it\n"
	"p.yaml:5:85: \"rounds.advance.count\" is to be a whole number from 1 to 64, not \"0\"\n"
	"p.yaml:5:89: unknown key \"adds\"; did you mean \"add\"?\n"},
};

static void test_broken_programmes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct programme *programme = NULL;
		struct file_errors errors = {0};
		char *text;

		put("p.yaml", broken[i].yaml);
		assert_int_equal(programme_load("p.yaml", &errors, &programme), -EINVAL);
		text = errors_text(&errors);
		assert_string_equal(text, broken[i].errors);
		free(text);
		assert_null(programme);
	}
}

static void test_rounds_are_held_against_their_files(void **state)
{
	struct programme *programme;
	struct file_errors errors = {0};
	char *text;

	(void)state;
	put("p.yaml",
	    "id: k\nname: {ko: 가, en: a}\nrounds:\n"
	    "  - {id: k1, name: {ko: 가, en: a}, file: k1.yaml, advance: {count: 2}, "
	    "opens_at: 2026-12-01T00:00:00Z}\n"
	    "  - {id: k2, name: {ko: 가, en: a}, file: k2.yaml}\n"
	    "  - {id: k3, name: {ko: 가, en: a}, file: none.yaml}\n");
	put("k2.yaml", FIRST);
	programme = load();
	assert_int_equal(programme_check(programme, &errors), -EINVAL);
	text = errors_text(&errors);
	assert_string_equal(text,
	    "p.yaml:4:60: k1.yaml has another cut (3 go on); bring both to the same\n"
	    "p.yaml:4:82: k1.yaml opens at another time; bring both to the same\n"
	    "p.yaml:5:42: k2.yaml is the contest \"k1\", not \"k2\"; name the file of this one\n");
	free(text);
	programme_free(programme);
}

static void test_the_shipped_programme(void **state)
{
	struct programme *programme = NULL;
	struct file_errors errors = {0};
	char path[1200], *text;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/config/programmes/kai.yaml", fixture_root);
	assert_int_equal(programme_load(path, &errors, &programme), 0);
	assert_int_equal(programme_check(programme, &errors), 0);
	text = errors_text(&errors);
	assert_string_equal(text, "");
	free(text);
	put("r.json", RESULT("kai-stage1", "1", "\"upstage\",\"lg-ai-research\",\"sk-telecom\""));
	{
		const struct draw_order order = {.round = "kai-stage2", ONE_RESULT};
		struct drawn drawn = {0};
		int error = programme_draw(programme, &order, &errors, &drawn);

		text = errors_text(&errors);
		assert_string_equal(text, "");
		assert_int_equal(error, 0);
		free(text);
		assert_entries(drawn.contest, "upstage sk-telecom lg-ai-research");
		assert_int_equal(drawn.contest->n_panels, 2);
		drawn_release(&drawn);
	}
	programme_free(programme);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_those_who_advanced_stand_in_the_files_order),
	    TEST(test_what_is_drawn_can_be_drawn_from),
	    TEST(test_coming_back_with_organisations),
	    TEST(test_rounds_that_cannot_be_drawn),
	    TEST(test_all_errors_at_once),
	    TEST(test_what_is_drawn_is_checked),
	    TEST(test_results_of_rehearsals),
	    TEST(test_broken_programmes),
	    TEST(test_rounds_are_held_against_their_files),
	    TEST(test_the_shipped_programme),
	};

	return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
