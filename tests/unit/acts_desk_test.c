/* office/acts, rulings, people before a real desk: an organiser who passed the door and is revoked
 * before the decision does nothing any more. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/round.h"
#include "contest_fixture.h"
#include "office/acts.h"
#include "office/people.h"
#include "office/rulings.h"

#include "desk_fixture.h"

#define ORGANISER "organiser:organiser-abcdefgh"

static void fill_organiser(
    struct deed *deed, const struct desk_view *view, struct desk_change *change)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:i, s:i}", "role", "organiser", "name", "Kim",
	    "jti", "x", "issued", 1, "expires", 2);
	char *text;

	(void)view;
	if (*(bool *)deed->arg)
		json_object_set_new(json, "revoked", json_integer(3));
	text = json_dumps(json, JSON_COMPACT);
	(void)desk_set(change, DESK_PEOPLE, "organiser-abcdefgh", slice_text(text));
	(void)desk_note(change, note("set"));
	free(text);
	json_decref(json);
}

enum undertaking { PERFORM, DECIDE, RULE, REVOKE, UNDERTAKINGS };

static void undertake(struct office *office, enum undertaking what, struct outcome *outcome)
{
	json_t *act = json_pack("{s:s, s:n}", "act", "notice", "notice");

	switch (what) {
	case PERFORM:
		acts_perform(office, act, ORGANISER, false, on_verdict, outcome);
		break;
	case DECIDE:
		acts_decide(office, "r-000000000000", true, ORGANISER, "", on_verdict, outcome);
		break;
	case RULE:
		rulings_expert(office, RULING_RECUSAL, "expert-abcdefgh", "nc-ai", ORGANISER, "x",
		    false, on_verdict, outcome);
		break;
	default:
		people_revoke(office, "expert-abcdefgh", ORGANISER, "x", on_verdict, outcome);
	}
	json_decref(act);
}

/* Standing, each is judged by what it asks for; revoked, nothing is judged any more. The revocation
 * and what is undertaken wait in the same queue, so no time passes in between. */
static void revoked_between_door_and_decision(void **state)
{
	static const int judged[] = {409, 404, 404, 404};
	struct desk_fixture f;
	struct contest *contest = fixture_contest("choices", three, 3);
	struct round round = {.name = "c~rehearsal", .contest = contest};

	(void)state;
	desk_fixture_start(&f);
	for (int revoked = 0; revoked < 2; revoked++)
		for (enum undertaking what = PERFORM; what < UNDERTAKINGS; what++) {
			struct office office = {&round, f.desk[0], NULL};
			struct outcome outcome = {0};
			bool is_revoked = revoked;
			struct deed deed = {.fill = fill_organiser, .arg = &is_revoked};

			desk_update(f.desk[0], NULL, 0, deed_decide, deed_done, &deed);
			undertake(&office, what, &outcome);
			desk_wait(&f, outcome.told && deed.done == 1);
			assert_int_equal(deed.outcome, DESK_WRITTEN);
			if (outcome.verdict.status != (revoked ? 401 : judged[what]))
				fail_msg("%d, revoked %d: %d %s", (int)what, revoked,
				    outcome.verdict.status, outcome.verdict.detail);
			if (revoked)
				assert_string_equal(outcome.verdict.slug, "invalid-bearer");
			outcome_clear(&outcome);
		}
	contest_free(contest);
	desk_fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(revoked_between_door_and_decision),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
