/* tallyctl experts: synthetic experts of every panel, each with a sheet handed in, so that a
 * rehearsal comes to a result. Rehearsals only. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>

#include "base/clock.h"
#include "contest/phase.h"
#include "contest/sheet.h"
#include "ctl/invite.h"
#include "ctl/screen.h"
#include "office/board.h"
#include "office/sheets.h"

#define EACH      BOARD_PUBLIC_EXPERTS
#define EACH_MAX  50
#define EXPIRY_MS (INT64_C(30) * 24 * 3600 * 1000)
#define NAME_SIZE 40

static const char usage[] =
    "Usage: tallyctl -c FILE experts [--each N] [OPTION]…\n"
    "\n"
    "Invites synthetic experts to every panel of a rehearsal, and hands in a sheet with random\n"
    "scores for each of them, so that a rehearsal can be certified without a person rating. A\n"
    "real contest is refused.\n"
    "\n"
    "      --each N        how many for a panel, 1 to 50 (its min_experts, but at least 5)\n"
    "      --contest ID    the contest, where FILE has several\n"
    "      --by NAME, --token FILE   who invites, for the audit log\n"
    "      --json          print the outcome as JSON\n"
    "\n"
    "Ends with 0, with 65 where it is no rehearsal or not open, and as tallyctl --help says.\n";

struct rehearsing {
	struct session *session;
	size_t each, n; /* of a panel, 0: as many as it should have; of all */
	uint32_t tag;   /* so that a second run invites others */
	char (*names)[NAME_SIZE];
	struct invitation *invitations;
	int liking[CONTEST_ENTRIES_MAX]; /* 0 to 100: teams differ, experts agree somewhat */
};

/* ---- inviting ---- */

static uint32_t draw(uint32_t below)
{
	uint32_t number = 0;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		return 0; /* dull, and no harm */
	return number % below;
}

static size_t size_of(const struct rehearsing *it, const struct panel *panel)
{
	if (it->each > 0)
		return it->each;
	return panel->min_experts > EACH ? (size_t)panel->min_experts : EACH;
}

static void list_invitations(struct rehearsing *it)
{
	const struct contest *contest = it->session->round->contest;
	int64_t expires_ms = clock_wall_ms() + EXPIRY_MS;
	size_t i = 0;

	for (size_t p = 0; p < contest->n_panels; p++)
		for (size_t k = 0; k < size_of(it, &contest->panels[p]) && i < it->n; k++, i++) {
			(void)snprintf(
			    it->names[i], NAME_SIZE, "예행 %04x-%zu", (unsigned)it->tag, i + 1);
			it->invitations[i] = (struct invitation){.role = ROLE_EXPERT,
			    .name = it->names[i],
			    .panel = contest->panels[p].id,
			    .expires_ms = expires_ms};
		}
}

/* ---- rating ---- */

/* On the criterion's scale, near the team's liking. */
static int draw_score(const struct criterion *criterion, int liking)
{
	int steps = (criterion->max - criterion->min) / criterion->step;
	int percent = liking + (int)draw(41) - 20;

	percent = percent < 0 ? 0 : percent > 100 ? 100 : percent;
	return criterion->min + criterion->step * (int)((int64_t)steps * percent / 100);
}

static json_t *draw_scores(const struct contest *contest, const struct panel *panel, int liking)
{
	json_t *scores = json_object();

	for (size_t i = 0; i < panel->n_criteria; i++) {
		int c = contest_criterion(contest, slice_text(panel->criteria[i]));
		if (c >= 0)
			json_object_set_new(scores, panel->criteria[i],
			    json_integer(draw_score(&contest->criteria[c], liking)));
	}
	return scores;
}

static json_t *draw_sheet(const struct rehearsing *it, const struct panel *panel)
{
	const struct contest *contest = it->session->round->contest;
	json_t *scores = json_object(), *comments = json_object();

	for (size_t e = 0; e < contest->n_entries; e++) {
		const char *entry = contest->entries[e].id;
		json_object_set_new(scores, entry, draw_scores(contest, panel, it->liking[e]));
		if (panel->comments_required)
			json_object_set_new(comments, entry,
			    json_string(
				"예행 연습에서 만들어 낸 의견입니다. (made up in a rehearsal)"));
	}
	return json_pack(
	    "{s:o, s:o, s:s}", "scores", scores, "comments", comments, "state", "submitted");
}

static int hand_in(struct rehearsing *it, const char *token, const struct panel *panel)
{
	struct session *session = it->session;
	struct bearer bearer;
	json_t *sheet;

	if (bearer_read(session->round, session->ctl->settings.issuer_name, slice_text(token),
		clock_wall_ms(), &bearer) < 0)
		return ctl_fail(EX_SOFTWARE, "the token just made does not verify.");
	if (session->round->contest->pledge.required) {
		sheets_pledge(&session->office, &bearer, session_keep, session);
		session_run(session);
		if (session->status != EX_OK)
			return session->status;
	}
	sheet = draw_sheet(it, panel);
	if (sheet == NULL)
		return ctl_fail(EX_OSERR, "there is not enough memory.");
	sheets_put(&session->office, &bearer, sheet, 0, session_keep, session);
	json_decref(sheet);
	session_run(session);
	return session->status;
}

static int hand_in_all(struct rehearsing *it)
{
	const struct contest *contest = it->session->round->contest;
	json_t *people = json_incref(json_object_get(it->session->verdict.members, "people"));
	const json_t *person;
	int status = EX_OK;
	size_t i;

	for (size_t e = 0; e < contest->n_entries; e++)
		it->liking[e] = 40 + (int)draw(51);
	json_array_foreach(people, i, person)
	{
		int panel = contest_panel(contest, slice_text(it->invitations[i].panel));
		if (status == EX_OK && panel >= 0)
			status = hand_in(it, json_string_value(json_object_get(person, "token")),
			    &contest->panels[panel]);
	}
	json_decref(people);
	return status;
}

static void tell(const struct rehearsing *it)
{
	const struct contest *contest = it->session->round->contest;

	if (it->session->options.json) {
		json_t *json = json_pack("{s:s, s:I, s:I}", "contest", contest->id, "experts",
		    (json_int_t)it->n, "sheets", (json_int_t)it->n);
		session_print_json(json);
		json_decref(json);
		return;
	}
	for (size_t p = 0; p < contest->n_panels; p++)
		screen_print("%s: %zu synthetic experts of panel %s have handed in their sheets.\n",
		    session_contest(it->session), size_of(it, &contest->panels[p]),
		    contest->panels[p].id);
}

/* ---- the run ---- */

/* What would be refused sheet by sheet, before anybody is invited. */
static int check_contest(struct rehearsing *it)
{
	const struct contest *contest = it->session->round->contest;
	enum phase phase;
	int status;

	if (!contest->rehearsal)
		return ctl_fail(EX_DATAERR,
		    "%s is a real contest: made-up sheets go to a rehearsal only (rehearsal: true "
		    "in "
		    "%s).",
		    contest->id, it->session->ctl->config);
	if (contest->n_panels == 0)
		return ctl_fail(EX_DATAERR, "%s has no panel of experts.", contest->id);
	status = session_phase(it->session, &phase);
	if (status == EX_OK && phase != PHASE_OPEN)
		return ctl_fail(EX_DATAERR, "the contest is %s; sheets are taken while it is open.",
		    phase_name(phase));
	return status;
}

static int rehearse(struct rehearsing *it)
{
	int status = check_contest(it);

	if (status != EX_OK)
		return status;
	for (size_t p = 0; p < it->session->round->contest->n_panels; p++)
		it->n += size_of(it, &it->session->round->contest->panels[p]);
	if (it->n > PEOPLE_AT_ONCE_MAX)
		return ctl_fail(EX_DATAERR,
		    "%zu experts are too many at once: ask for fewer with --each.", it->n);
	if (it->n == 0)
		return ctl_fail(EX_DATAERR, "no panel would get an expert: see --each.");
	it->names = calloc(it->n, sizeof(*it->names));
	it->invitations = calloc(it->n, sizeof(*it->invitations));
	if (it->names == NULL || it->invitations == NULL)
		return ctl_fail(EX_OSERR, "there is not enough memory.");
	it->tag = draw(0x10000);
	list_invitations(it);
	status = invite_people(it->session, it->invitations, it->n);
	if (status == EX_OK)
		status = hand_in_all(it);
	if (status == EX_OK)
		tell(it);
	return status;
}

static int run(const struct ctl *ctl, int argc, char **argv)
{
	const char *each = NULL;
	const struct ctl_option own[] = {{"each", &each, NULL}, {NULL, NULL, NULL}};
	struct session_options options;
	struct session session;
	struct rehearsing it = {.session = &session};
	long number = 0;
	int status = session_arguments(ctl, argc, argv, own, 0, 0, NULL, NULL, &options);

	if (status == EX_OK && each != NULL && ctl_number(each, 1, EACH_MAX, &number) < 0)
		status = ctl_misuse(ctl, "--each takes a number from 1 to %d.", EACH_MAX);
	if (status == EX_OK)
		status = session_open(ctl, &options, &session);
	if (status != EX_OK)
		return status;
	it.each = (size_t)number;
	session.status = rehearse(&it);
	free(it.names);
	free(it.invitations);
	return session_close(&session);
}

const struct ctl_command ctl_experts = {
    .name = "experts",
    .summary = "have synthetic experts rate in a rehearsal",
    .usage = usage,
    .run = run,
};
