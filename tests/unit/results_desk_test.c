/* office/results before a real desk and a real ledger: nothing is signed but what the evidence of a
 * recount says, by organisers who stand, while sealing goes on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/round.h"
#include "contest/tally.h"
#include "contest_fixture.h"
#include "office/count.h"
#include "office/results.h"

#include "desk_fixture.h"

#define KIM  "organiser:organiser-abcdefgh"
#define LEE  "organiser:organiser-ijkmnpqr"
#define SEED ((const uint8_t[32]){7})

struct house {
	struct desk_fixture f;
	struct ledger *ledger;
	struct round round;
	struct office office;
	struct result_evidence evidence; /* what a recount would say */
};

/* ---- the round: two ballots, provisional ---- */

struct setting { /* one field of the desk */
	enum desk_hash hash;
	const char *field, *value; /* NULL: taken away */
};

static void fill_setting(
    struct deed *deed, const struct desk_view *view, struct desk_change *change)
{
	const struct setting *setting = deed->arg;

	(void)view;
	if (setting->value)
		(void)desk_set(change, setting->hash, setting->field, slice_text(setting->value));
	else
		(void)desk_unset(change, setting->hash, setting->field);
	(void)desk_note(change, note("set"));
}

static void set(struct house *h, enum desk_hash hash, const char *field, const char *value)
{
	struct setting setting = {hash, field, value};
	struct deed deed = {.fill = fill_setting, .arg = &setting};

	deed_now(&h->f, &deed);
	assert_int_equal(deed.outcome, DESK_WRITTEN);
}

static void on_cast(void *arg, const struct cast_result *result)
{
	assert_int_equal(result->verdict, CAST_COUNTED);
	++*(int *)arg;
}

static void on_applied(void *arg, int error)
{
	assert_int_equal(error, 0);
	++*(int *)arg;
}

static void cast(struct house *h, uint8_t number)
{
	struct form_increment increment = {.counter = "votes:upstage", .by = 1};
	uint8_t spent[LEDGER_SPENT_SIZE] = {0, 0, 0, 0, number};
	int told = 0;

	ledger_cast(h->ledger,
	    &(struct ledger_ballot){.spent = spent,
		.tag = (const uint8_t *)"none",
		.text = slice_text("choices\nupstage\n"),
		.replaces = LEDGER_NOT_REPLACING,
		.increments = &increment,
		.n_increments = 1},
	    on_cast, &told);
	ledger_flush(h->ledger);
	desk_wait(&h->f, told);
}

static void open_house(struct house *h)
{
	struct ledger_options options = {.contest = "c",
	    .rehearsal = true,
	    .shards = 1,
	    .buckets = 1,
	    .rules = slice_text("{}"),
	    .in_flight_max = 100};
	int told = 0;

	memset(h, 0, sizeof(*h));
	desk_fixture_start(&h->f);
	h->round.contest = fixture_contest("choices", three, 3);
	h->round.contest->rehearsal = true;
	(void)snprintf(h->round.name, sizeof(h->round.name), "c~rehearsal");
	h->ledger = ledger_new(h->f.base, h->f.redis[0], &options);
	h->office = (struct office){&h->round, h->f.desk[0], h->ledger};
	desk_wait(&h->f, ledger_is_ready(h->ledger));
	cast(h, 1);
	cast(h, 2);
	set(h, DESK_PEOPLE, "organiser-abcdefgh",
	    "{\"role\":\"organiser\",\"name\":\"Kim\",\"jti\":\"x\"}");
	set(h, DESK_PEOPLE, "organiser-ijkmnpqr",
	    "{\"role\":\"organiser\",\"name\":\"Lee\",\"jti\":\"y\"}");
	set(h, DESK_RECORD, "phase", "provisional");
	ledger_apply(h->ledger, 1, "provisional", 0, 0, on_applied, &told);
	desk_wait(&h->f, told);
}

static void close_house(struct house *h)
{
	json_decref(h->evidence.citizen);
	json_decref(h->evidence.log);
	desk_fixture_shut(&h->f);
	ledger_free(h->ledger);
	contest_free(h->round.contest);
	event_free(h->f.patience);
	event_base_free(h->f.base);
	server_remove(&h->f.server);
}

/* ---- the evidence ---- */

static int64_t two_for_upstage(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "votes:upstage") == 0 ? 2 : 0;
}

struct ended {
	bool told;
	struct result_evidence *evidence;
};

static void on_end(void *arg, const struct desk_view *view)
{
	struct ended *ended = arg;

	ended->told = true;
	ended->evidence->audit_n = desk_size(view);
	memcpy(ended->evidence->audit_head, desk_get(view, DESK_RECORD, "head").ptr, 32);
}

static void recount(struct house *h)
{
	const struct tally_input input = {.counter = two_for_upstage, .ballots = 2, .log_size = 2};
	struct ended ended = {.evidence = &h->evidence};

	json_decref(h->evidence.citizen);
	json_decref(h->evidence.log);
	h->evidence = (struct result_evidence){.ballots = 2,
	    .log_size = 2,
	    .citizen = tally_rows(h->round.contest, &input),
	    .log = json_pack("[{s:s, s:s, s:i, s:i}]", "origin", "log/c~rehearsal/0", "root", "x",
		"shard", 0, "size", 2)};
	desk_read(h->f.desk[0], NULL, 0, on_end, &ended);
	desk_wait(&h->f, ended.told);
}

/* ---- signing ---- */

static struct outcome sign(struct house *h, const struct result_evidence *evidence, const char *who)
{
	struct outcome outcome = {0};

	results_sign(&h->office, false, evidence, SEED, "log", who, "final", on_verdict, &outcome);
	desk_wait(&h->f, outcome.told);
	return outcome;
}

static void expect(struct house *h, const struct result_evidence *evidence, const char *who,
    int status, const char *slug)
{
	struct outcome outcome = sign(h, evidence, who);

	if (outcome.verdict.status != status || !outcome.verdict.slug ||
	    strcmp(outcome.verdict.slug, slug) != 0)
		fail_msg("%d %s", outcome.verdict.status, outcome.verdict.detail);
	outcome_clear(&outcome);
	assert_int_equal(server_integer(&h->f.server, "EXISTS {c~rehearsal}:results"), 0);
}

static void test_only_what_was_recounted(void **state)
{
	struct house h;
	struct result_evidence other;

	(void)state;
	open_house(&h);
	recount(&h);
	for (int what = 0; what < 6; what++) {
		other = h.evidence;
		json_t *rows = json_deep_copy(other.citizen);
		switch (what) {
		case 0:
			other.ballots++;
			break;
		case 1:
			other.issued++;
			break;
		case 2:
			other.log_size--;
			break;
		case 3:
			other.audit_n--;
			break;
		case 4:
			other.audit_head[31] ^= 1;
			break;
		default:
			json_object_set_new(json_array_get(rows, 2), "votes", json_integer(1));
			other.citizen = rows;
		}
		expect(&h, &other, "operator:kim", 409, "not-recounted");
		json_decref(rows);
	}
	/* An entry more is something done since. */
	other = h.evidence;
	set(&h, DESK_RECORD, "notice", "{\"en\":\"x\",\"ko\":\"x\"}");
	expect(&h, &other, "operator:kim", 409, "not-recounted");

	recount(&h);
	struct outcome outcome = sign(&h, &h.evidence, KIM "," LEE);
	if (outcome.verdict.status != 200)
		fail_msg("%s", outcome.verdict.detail);
	json_t *document = json_loads(
	    json_string_value(json_object_get(outcome.verdict.members, "document")), 0, NULL);
	assert_true(json_equal(json_object_get(document, "log"), h.evidence.log));
	assert_true(json_equal(json_object_get(document, "citizen"), h.evidence.citizen));
	json_decref(document);
	outcome_clear(&outcome);
	close_house(&h);
}

static void test_not_while_sealing_has_halted(void **state)
{
	struct house h;

	(void)state;
	open_house(&h);
	set(&h, DESK_RECORD, "halt", "{\"at\":1,\"shard\":0,\"why\":\"ballots are missing\"}");
	recount(&h);
	expect(&h, &h.evidence, "operator:kim", 409, "not-possible");
	set(&h, DESK_RECORD, "halt", NULL);
	recount(&h);
	struct outcome outcome = sign(&h, &h.evidence, "operator:kim");
	assert_int_equal(outcome.verdict.status, 200);
	outcome_clear(&outcome);
	close_house(&h);
}

/* Both tokens were good at the door. */
static void test_not_by_whom_was_revoked_since(void **state)
{
	struct house h;

	(void)state;
	open_house(&h);
	set(&h, DESK_PEOPLE, "organiser-ijkmnpqr",
	    "{\"role\":\"organiser\",\"name\":\"Lee\",\"jti\":\"y\",\"revoked\":5}");
	recount(&h);
	expect(&h, &h.evidence, LEE, 401, "invalid-bearer");
	expect(&h, &h.evidence, KIM "," LEE, 401, "invalid-bearer");
	expect(&h, &h.evidence, LEE "," KIM, 401, "invalid-bearer");
	struct outcome outcome = sign(&h, &h.evidence, KIM);
	assert_int_equal(outcome.verdict.status, 200);
	outcome_clear(&outcome);
	close_house(&h);
}

static struct outcome ask(struct house *h, bool correct)
{
	struct outcome outcome = {0};

	results_ask(&h->office, correct, on_verdict, &outcome);
	desk_wait(&h->f, outcome.told);
	return outcome;
}

static void test_what_is_known_before_a_recount(void **state)
{
	struct house h;

	(void)state;
	open_house(&h);
	assert_int_equal(ask(&h, false).verdict.status, 200);
	assert_int_equal(ask(&h, true).verdict.status, 409);
	set(&h, DESK_REQUESTS, "r-1", "{}");
	assert_non_null(strstr(ask(&h, false).verdict.detail, "1 requests wait"));
	set(&h, DESK_REQUESTS, "r-1", NULL);
	set(&h, DESK_RECORD, "phase", "certified");
	assert_int_equal(ask(&h, false).verdict.status, 409);
	assert_int_equal(ask(&h, true).verdict.status, 200);
	set(&h, DESK_RECORD, "phase", "nonsense");
	assert_int_equal(ask(&h, true).verdict.status, 500);
	close_house(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_only_what_was_recounted),
	    cmocka_unit_test(test_not_while_sealing_has_halted),
	    cmocka_unit_test(test_not_by_whom_was_revoked_since),
	    cmocka_unit_test(test_what_is_known_before_a_recount),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
