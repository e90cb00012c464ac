/* Rules that an expert says nothing of an entry, or that a challenge was not upheld, and takes such
 * a ruling back. Disqualifications are acts (office/acts.h). */
#include "office/rulings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "contest/conflict.h"
#include "office/people.h"
#include "office/record.h"

/* What each ruling is called in the audit log. */
static const struct {
	const char *act, *decision;
} words[] = {
    [RULING_RECUSAL] = {"ruling.recusal", "recused"},
    [RULING_CHALLENGE_UPHELD] = {"ruling.challenge", "upheld"},
    [RULING_CHALLENGE_REJECTED] = {"ruling.challenge", "rejected"},
    [RULING_LIFT] = {"ruling.lifted", "lifted"},
};

struct deciding {
	struct office *office;
	enum ruling ruling;
	char person[PERSON_ID_MAX];
	size_t entry; /* of the contest */
	char who[OFFICE_WHO_MAX];
	char *why;
	bool for_correction;
	struct verdict verdict;
	verdict_cb *cb;
	void *arg;
};

/* ---- fields ---- */

static const char *field_of(
    const char *kind, const char *person, const char *entry, char ret_field[DESK_FIELD_MAX])
{
	(void)snprintf(ret_field, DESK_FIELD_MAX, "%s/%s/%s", kind, person, entry);
	return ret_field;
}

struct slice ruling_about(const struct desk_view *view, const char *person, const char *entry)
{
	char field[DESK_FIELD_MAX];

	return desk_get(view, DESK_RULINGS, field_of("recusal", person, entry, field));
}

bool ruling_excludes(const struct desk_view *view, const char *person, const char *entry)
{
	return ruling_about(view, person, entry).ptr != NULL;
}

static const char *entry_id(const struct deciding *deciding)
{
	return office_contest(deciding->office)->entries[deciding->entry].id;
}

static bool stands(const struct deciding *deciding, const struct desk_view *view, const char *kind)
{
	char field[DESK_FIELD_MAX];

	field_of(kind, deciding->person, entry_id(deciding), field);
	return desk_get(view, DESK_RULINGS, field).ptr != NULL;
}

/* ---- how many are left ---- */

/* Whether the expert has left the entry out of a submitted sheet. */
static bool recused_by_sheet(const struct desk_view *view, const char *person, const char *entry)
{
	struct slice value = desk_get(view, DESK_SHEETS, person);
	json_t *record = value.ptr ? json_loadb(value.ptr, value.len, 0, NULL) : NULL;
	const json_t *sheet = json_object_get(record, "sheet");
	const char *state = json_string_value(json_object_get(record, "state"));
	bool recused = state && strcmp(state, "submitted") == 0 &&
		       json_object_get(json_object_get(sheet, "recused"), entry);

	json_decref(record);
	return recused;
}

struct left {
	size_t of, n;
	const struct panel *panel;
};

static size_t panel_of(const struct contest *contest, const struct person *person)
{
	int panel = person->panel ? contest_panel(contest, slice_text(person->panel)) : 0;

	return panel < 0 ? 0 : (size_t)panel;
}

/* Counts one more of the panel; `entry` is left to those whom nothing keeps from it. */
static void count_expert(const struct deciding *deciding, const struct desk_view *view,
    const struct person *expert, struct left *left)
{
	const struct contest *contest = office_contest(deciding->office);
	const char *entry = entry_id(deciding);

	if (expert->role != ROLE_EXPERT || expert->revoked_ms ||
	    &contest->panels[panel_of(contest, expert)] != left->panel)
		return;
	left->of++;
	if (expert->affiliation && conflict_of(contest, expert->affiliation, deciding->entry))
		return;
	if (strcmp(expert->id, deciding->person) == 0)
		return; /* this is the ruling */
	if (ruling_excludes(view, expert->id, entry) || recused_by_sheet(view, expert->id, entry))
		return;
	left->n++;
}

static int count_left(
    const struct deciding *deciding, const struct desk_view *view, struct left *left)
{
	for (size_t i = 0; i < desk_count(view, DESK_PEOPLE); i++) {
		struct slice field, value;
		struct person expert;
		char id[PERSON_ID_MAX];
		int r;

		desk_at(view, DESK_PEOPLE, i, &field, &value);
		if (field.len >= sizeof(id))
			return -EBADMSG;
		(void)snprintf(id, sizeof(id), "%.*s", (int)field.len, field.ptr);
		r = person_read(id, value, &expert);
		if (r < 0)
			return r;
		count_expert(deciding, view, &expert, left);
		person_release(&expert);
	}
	return 0;
}

static int warn(
    const struct deciding *deciding, const struct desk_view *view, const struct person *person)
{
	const struct contest *contest = office_contest(deciding->office);
	struct left left = {.panel = &contest->panels[panel_of(contest, person)]};
	char sentence[300];
	int r;

	if (deciding->ruling != RULING_RECUSAL && deciding->ruling != RULING_CHALLENGE_UPHELD)
		return 0;
	r = count_left(deciding, view, &left);
	if (r < 0 || left.n >= (size_t)left.panel->min_experts)
		return r;
	(void)snprintf(sentence, sizeof(sentence),
	    "%s is left with %zu of %zu experts of the panel \"%s\", fewer than the %d that the "
	    "contest wants.",
	    entry_id(deciding), left.n, left.of, left.panel->id, left.panel->min_experts);
	return json_object_set_new(deciding->verdict.members, "warning", json_string(sentence)) == 0
		   ? 0
		   : -ENOMEM;
}

/* ---- whether it is possible ---- */

static bool is_possible(struct deciding *deciding, const struct desk_view *view)
{
	const struct contest *contest = office_contest(deciding->office);
	struct verdict *verdict = &deciding->verdict;
	struct record record;
	bool lifting = deciding->ruling == RULING_LIFT,
	     excluded = stands(deciding, view, "recusal");

	if (record_read(contest, view, &record) < 0)
		verdict_of_desk(DESK_DAMAGED, verdict);
	else if (record.phase >= PHASE_CERTIFIED && !deciding->for_correction)
		verdict_refuse(verdict, 403, "certified", "The result is certified",
		    "What a certified result was made of changes only for a correction: tallyctl "
		    "recuse or challenge with --for-correction, and then tallyctl correct.");
	else if (lifting && !excluded)
		verdict_refuse(verdict, 409, "nothing-to-lift", "There is no such ruling",
		    "Nothing keeps %s from %s but, perhaps, a conflict of interest or the "
		    "expert's own recusal, which no ruling can lift.",
		    deciding->person, entry_id(deciding));
	else if (!lifting && excluded)
		verdict_refuse(verdict, 409, "already-ruled", "Ruled already",
		    "%s does not rate %s already, by a ruling that stands; --lift takes it back.",
		    deciding->person, entry_id(deciding));
	else if (deciding->ruling == RULING_CHALLENGE_REJECTED &&
		 stands(deciding, view, "challenge"))
		verdict_refuse(verdict, 409, "already-ruled", "Ruled already",
		    "The challenge of %s by %s has been rejected before.", deciding->person,
		    entry_id(deciding));
	else
		return true;
	return false;
}

/* ---- what it changes ---- */

static int set_ruling(struct desk_change *change, const char *field, json_t *ruling)
{
	char *text = ruling ? json_dumps(ruling, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	int r = text ? desk_set(change, DESK_RULINGS, field, slice_text(text)) : -ENOMEM;

	free(text);
	json_decref(ruling);
	return r;
}

static int write_ruling(
    const struct deciding *deciding, const struct desk_view *view, struct desk_change *change)
{
	json_int_t at = (json_int_t)desk_now_ms(view);
	char recusal[DESK_FIELD_MAX], challenge[DESK_FIELD_MAX];
	int r = 0;

	field_of("recusal", deciding->person, entry_id(deciding), recusal);
	field_of("challenge", deciding->person, entry_id(deciding), challenge);
	switch (deciding->ruling) {
	case RULING_CHALLENGE_REJECTED:
		return set_ruling(change, challenge,
		    json_pack("{s:s, s:s, s:s, s:I}", "decision", "rejected", "why", deciding->why,
			"who", deciding->who, "at", at));
	case RULING_LIFT:
		return desk_unset(change, DESK_RULINGS, recusal);
	case RULING_CHALLENGE_UPHELD:
		/* Rejected once, upheld now: the log keeps both, the record what holds. */
		if (stands(deciding, view, "challenge"))
			r = desk_unset(change, DESK_RULINGS, challenge);
		break;
	case RULING_RECUSAL:
		break;
	}
	return r < 0 ? r
		     : set_ruling(change, recusal,
			   json_pack("{s:s, s:s, s:s, s:I}", "kind",
			       deciding->ruling == RULING_RECUSAL ? "recusal" : "challenge", "why",
			       deciding->why, "who", deciding->who, "at", at));
}

static json_t *audit_entry(const struct deciding *deciding, const struct person *person)
{
	json_t *entry = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "act",
	    words[deciding->ruling].act, "decision", words[deciding->ruling].decision, "who",
	    deciding->who, "person", deciding->person, "name", person->name, "entry",
	    entry_id(deciding), "why", deciding->why);

	if (entry && deciding->for_correction &&
	    json_object_set_new(entry, "for_correction", json_true()) < 0) {
		json_decref(entry);
		return NULL;
	}
	return entry;
}

static int write_all(struct deciding *deciding, const struct desk_view *view,
    const struct person *person, struct desk_change *change)
{
	json_t *entry = audit_entry(deciding, person);
	int r = entry ? desk_note(change, entry) : -ENOMEM;

	if (r == 0)
		r = write_ruling(deciding, view, change);
	if (r == 0 && deciding->ruling != RULING_CHALLENGE_REJECTED &&
	    record_experts_are_seen(office_contest(deciding->office), view))
		desk_bump(change);
	return r;
}

/* ---- deciding ---- */

static int answer(
    struct deciding *deciding, const struct desk_view *view, const struct person *person)
{
	deciding->verdict = (struct verdict){.status = 200,
	    .members = json_pack("{s:s, s:s, s:s, s:s}", "person", person->id, "name", person->name,
		"entry", entry_id(deciding), "decision", words[deciding->ruling].decision)};
	return deciding->verdict.members ? warn(deciding, view, person) : -ENOMEM;
}

static bool decide_about(struct deciding *deciding, const struct desk_view *view,
    const struct person *person, struct desk_change *change)
{
	if (person->role != ROLE_EXPERT || office_contest(deciding->office)->n_panels == 0) {
		verdict_refuse(&deciding->verdict, 404, "no-such-person", "No such expert",
		    "%s is no expert of this contest.", deciding->person);
		return false;
	}
	if (!is_possible(deciding, view))
		return false;
	if (answer(deciding, view, person) == 0 && write_all(deciding, view, person, change) == 0)
		return true;
	json_decref(deciding->verdict.members);
	verdict_of_desk(DESK_DAMAGED, &deciding->verdict);
	return false;
}

static bool decide(void *arg, const struct desk_view *view, struct desk_change *change)
{
	struct deciding *deciding = arg;
	struct slice record = desk_get(view, DESK_PEOPLE, deciding->person);
	struct person person;
	bool write;

	json_decref(deciding->verdict.members);
	deciding->verdict = (struct verdict){.status = 0};
	if (!organiser_stands(view, deciding->who)) {
		refuse_revoked(&deciding->verdict);
		return false;
	}
	if (!record.ptr) {
		verdict_refuse(&deciding->verdict, 404, "no-such-person", "No such person",
		    "Nobody with the id \"%s\" was invited to this contest (tallyctl people).",
		    deciding->person);
		return false;
	}
	if (person_read(deciding->person, record, &person) < 0) {
		verdict_of_desk(DESK_DAMAGED, &deciding->verdict);
		return false;
	}
	write = decide_about(deciding, view, &person, change);
	person_release(&person);
	return write;
}

static void on_written(void *arg, enum desk_outcome outcome, uint64_t n)
{
	struct deciding *deciding = arg;
	struct verdict *verdict = &deciding->verdict;

	if (outcome == DESK_WRITTEN) {
		(void)json_object_set_new(verdict->members, "n", json_integer((json_int_t)n));
	} else if (outcome != DESK_LEFT) {
		json_decref(verdict->members);
		verdict_of_desk(outcome, verdict);
	}
	deciding->cb(deciding->arg, verdict);
	json_decref(verdict->members);
	free(deciding->why);
	free(deciding);
}

/* ---- the beginning ---- */

static bool is_reason(const char *why)
{
	long n = text_characters(slice_text(why));

	return n > 0 && n <= OFFICE_WHY_MAX && !text_is_blank(slice_text(why));
}

static bool is_id(const char *id)
{
	size_t len = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len > 0 && id[len] == '\0' && len < PERSON_ID_MAX;
}

static bool refuse_at_once(const struct contest *contest, const char *person, const char *entry,
    const char *why, struct verdict *ret_refusal)
{
	if (!is_reason(why))
		verdict_refuse(ret_refusal, 422, "invalid-reason", "A reason is needed",
		    "Say why, in 1 to %d characters on one line.", OFFICE_WHY_MAX);
	else if (!is_id(person))
		verdict_refuse(ret_refusal, 404, "no-such-person", "No such person",
		    "Nobody with that id was invited to this contest (tallyctl people).");
	else if (contest_entry(contest, slice_text(entry)) < 0)
		verdict_refuse(ret_refusal, 404, "no-such-entry", "No such entry",
		    "This contest has no entry of that id.");
	else
		return false;
	return true;
}

void rulings_expert(struct office *office, enum ruling ruling, const char *person,
    const char *entry, const char *who, const char *why, bool for_correction, verdict_cb *cb,
    void *arg)
{
	static const struct desk_want wants[] = {
	    {DESK_PEOPLE, NULL}, {DESK_SHEETS, NULL}, {DESK_RULINGS, NULL}};
	const struct contest *contest = office_contest(office);
	struct verdict refusal;
	struct deciding *deciding;

	if (refuse_at_once(contest, person, entry, why, &refusal)) {
		cb(arg, &refusal);
		return;
	}
	deciding = calloc(1, sizeof(*deciding));
	if (!deciding || !(deciding->why = strdup(why))) {
		free(deciding);
		verdict_of_desk(DESK_BUSY, &refusal);
		cb(arg, &refusal);
		return;
	}
	deciding->office = office;
	deciding->ruling = ruling;
	(void)snprintf(deciding->person, sizeof(deciding->person), "%s", person);
	deciding->entry = (size_t)contest_entry(contest, slice_text(entry));
	(void)snprintf(deciding->who, sizeof(deciding->who), "%s", who);
	deciding->for_correction = for_correction;
	deciding->cb = cb;
	deciding->arg = arg;
	desk_update(
	    office->desk, wants, sizeof(wants) / sizeof(wants[0]), decide, on_written, deciding);
}
