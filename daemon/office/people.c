/* Records of named people: reading, writing, revoking. Inviting is in people_invite.c, showing a
 * token in bearer.c. */
#include "office/people.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "office/record.h"

static const struct {
	enum role role;
	const char *name;
} roles[] = {{ROLE_EXPERT, "expert"}, {ROLE_ORGANISER, "organiser"}, {ROLE_OBSERVER, "observer"}};

#define ROLES (sizeof(roles) / sizeof(roles[0]))

const char *role_name(enum role role)
{
	for (size_t i = 0; i < ROLES; i++)
		if (roles[i].role == role)
			return roles[i].name;
	return "person";
}

int role_parse(const char *name, enum role *ret_role)
{
	for (size_t i = 0; i < ROLES; i++)
		if (strcmp(roles[i].name, name) == 0) {
			*ret_role = roles[i].role;
			return 0;
		}
	return -EINVAL;
}

/* ---- records ---- */

/* A text that may be missing or null. */
static int read_text(const json_t *record, const char *name, char **ret_text)
{
	const json_t *value = json_object_get(record, name);

	if (value == NULL || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return -EBADMSG;
	*ret_text = strdup(json_string_value(value));
	return *ret_text != NULL ? 0 : -ENOMEM;
}

static int read_time(const json_t *record, const char *name, int64_t *ret_ms)
{
	const json_t *value = json_object_get(record, name);

	if (value == NULL || json_is_null(value))
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return -EBADMSG;
	*ret_ms = json_integer_value(value);
	return 0;
}

static int read_record(const json_t *record, struct person *person)
{
	const char *role = json_string_value(json_object_get(record, "role"));
	const char *jti = json_string_value(json_object_get(record, "jti"));
	const struct {
		const char *name;
		char **text;
	} texts[] = {{"name", &person->name}, {"affiliation", &person->affiliation},
	    {"email", &person->email}, {"panel", &person->panel},
	    {"revoked_why", &person->revoked_why}};
	const struct {
		const char *name;
		int64_t *ms;
	} times[] = {{"issued", &person->issued_ms}, {"expires", &person->expires_ms},
	    {"revoked", &person->revoked_ms}, {"pledged", &person->pledged_ms}};
	int r = 0;

	if (role == NULL || role_parse(role, &person->role) < 0 || jti == NULL || jti[0] == '\0' ||
	    strlen(jti) >= sizeof(person->jti))
		return -EBADMSG;
	(void)snprintf(person->jti, sizeof(person->jti), "%s", jti);
	for (size_t i = 0; r == 0 && i < sizeof(texts) / sizeof(texts[0]); i++)
		r = read_text(record, texts[i].name, texts[i].text);
	for (size_t i = 0; r == 0 && i < sizeof(times) / sizeof(times[0]); i++)
		r = read_time(record, times[i].name, times[i].ms);
	return r == 0 && person->name == NULL ? -EBADMSG : r;
}

int person_read(const char *id, struct slice json, struct person *ret_person)
{
	struct person person = {.name = NULL};
	json_t *record;
	int r;

	if (json.ptr == NULL || id[0] == '\0' || strlen(id) >= sizeof(person.id))
		return -EBADMSG;
	(void)snprintf(person.id, sizeof(person.id), "%s", id);
	record = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, NULL);
	r = json_is_object(record) ? read_record(record, &person) : -EBADMSG;
	json_decref(record);
	if (r < 0) {
		person_release(&person);
		return r;
	}
	*ret_person = person;
	return 0;
}

/* 0 or -1, also where `object` is not there. */
static int put_text(json_t *object, const char *name, const char *text)
{
	return text != NULL ? json_object_set_new(object, name, json_string(text)) : 0;
}

static int put_time(json_t *object, const char *name, int64_t ms)
{
	return ms != 0 ? json_object_set_new(object, name, json_integer(ms)) : 0;
}

json_t *person_json(const struct person *person)
{
	json_t *record = json_pack("{s:s, s:s, s:s, s:I, s:I}", "role", role_name(person->role),
	    "name", person->name, "jti", person->jti, "issued", (json_int_t)person->issued_ms,
	    "expires", (json_int_t)person->expires_ms);

	if (put_text(record, "affiliation", person->affiliation) == 0 &&
	    put_text(record, "email", person->email) == 0 &&
	    put_text(record, "panel", person->panel) == 0 &&
	    put_text(record, "revoked_why", person->revoked_why) == 0 &&
	    put_time(record, "revoked", person->revoked_ms) == 0 &&
	    put_time(record, "pledged", person->pledged_ms) == 0)
		return record;
	json_decref(record);
	return NULL;
}

void person_release(struct person *person)
{
	free(person->name);
	free(person->affiliation);
	free(person->email);
	free(person->panel);
	free(person->revoked_why);
	person->name = person->affiliation = person->email = person->panel = NULL;
	person->revoked_why = NULL;
}

char *person_who(const struct person *person, char ret_who[OFFICE_WHO_MAX])
{
	(void)snprintf(ret_who, OFFICE_WHO_MAX, "%s:%s", role_name(person->role), person->id);
	return ret_who;
}

/* ---- revoking ---- */

struct revoking {
	const struct office *office;
	char id[PERSON_ID_MAX];
	char who[OFFICE_WHO_MAX];
	char *why;
	struct verdict verdict;
	verdict_cb *cb;
	void *arg;
};

static void finish_revoking(struct revoking *revoking)
{
	revoking->cb(revoking->arg, &revoking->verdict);
	json_decref(revoking->verdict.members);
	free(revoking->why);
	free(revoking);
}

/* -ENOMEM, or 0: the person's record without the right to come in, and the entry about it. */
static int write_revocation(
    const struct revoking *revoking, struct person *person, struct desk_change *change)
{
	json_t *record;
	json_t *entry = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "act", "revoke", "who",
	    revoking->who, "person", person->id, "role", role_name(person->role), "name",
	    person->name, "why", revoking->why);
	char *text;
	int r;

	free(person->revoked_why);
	person->revoked_why = strdup(revoking->why);
	record = person_json(person);
	text = record != NULL ? json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(record);
	r = text != NULL && person->revoked_why != NULL && entry != NULL ? 0 : -ENOMEM;
	if (r == 0)
		r = desk_set(change, DESK_PEOPLE, person->id, slice_text(text));
	if (r == 0)
		r = desk_note(change, json_incref(entry));
	json_decref(entry);
	free(text);
	return r;
}

static bool revoke(struct revoking *revoking, const struct desk_view *view,
    struct desk_change *change, struct person *person)
{
	struct verdict *verdict = &revoking->verdict;
	char when[CLOCK_TEXT_SIZE];

	if (person->revoked_ms != 0) {
		verdict_refuse(verdict, 409, "already-revoked", "Revoked already",
		    "%s (%s) was revoked at %s.", person->name, person->id,
		    clock_format(person->revoked_ms, 0, when));
		return false;
	}
	person->revoked_ms = desk_now_ms(view);
	*verdict = (struct verdict){.status = 200,
	    .members = json_pack("{s:s, s:s, s:s, s:s}", "id", person->id, "name", person->name,
		"role", role_name(person->role), "revoked_at",
		clock_format(person->revoked_ms, 1, when))};
	if (verdict->members != NULL && write_revocation(revoking, person, change) == 0) {
		if (person->role == ROLE_EXPERT &&
		    record_experts_are_seen(office_contest(revoking->office), view))
			desk_bump(change);
		return true;
	}
	json_decref(verdict->members);
	verdict_of_desk(DESK_DAMAGED, verdict);
	return false;
}

static bool decide_revoking(void *arg, const struct desk_view *view, struct desk_change *change)
{
	struct revoking *revoking = arg;
	struct slice record = desk_get(view, DESK_PEOPLE, revoking->id);
	struct person person;
	bool write;

	json_decref(revoking->verdict.members);
	revoking->verdict.members = NULL;
	if (!organiser_stands(view, revoking->who)) {
		refuse_revoked(&revoking->verdict);
		return false;
	}
	if (record.ptr == NULL) {
		verdict_refuse(&revoking->verdict, 404, "no-such-person", "No such person",
		    "Nobody with the id \"%s\" was invited to this contest (tallyctl people).",
		    revoking->id);
		return false;
	}
	if (person_read(revoking->id, record, &person) < 0) {
		verdict_of_desk(DESK_DAMAGED, &revoking->verdict);
		return false;
	}
	write = revoke(revoking, view, change, &person);
	person_release(&person);
	return write;
}

static void on_revoked(void *arg, enum desk_outcome outcome, uint64_t n)
{
	struct revoking *revoking = arg;

	(void)n;
	if (outcome != DESK_WRITTEN && outcome != DESK_LEFT) {
		json_decref(revoking->verdict.members);
		verdict_of_desk(outcome, &revoking->verdict);
	}
	finish_revoking(revoking);
}

static bool is_reason(const char *why)
{
	long n = text_characters(slice_text(why));

	return n > 0 && n <= OFFICE_WHY_MAX && !text_is_blank(slice_text(why));
}

static struct revoking *revoking_new(const char *id, const char *who, const char *why)
{
	struct revoking *revoking = calloc(1, sizeof(*revoking));

	if (revoking == NULL || (revoking->why = strdup(why)) == NULL) {
		free(revoking);
		return NULL;
	}
	(void)snprintf(revoking->id, sizeof(revoking->id), "%s", id);
	(void)snprintf(revoking->who, sizeof(revoking->who), "%s", who);
	return revoking;
}

void people_revoke(struct office *office, const char *id, const char *who, const char *why,
    verdict_cb *cb, void *arg)
{
	struct revoking *revoking = NULL;
	struct verdict refusal;

	if (!is_reason(why))
		verdict_refuse(&refusal, 422, "invalid-reason", "A reason is needed",
		    "Say why, in 1 to %d characters on one line.", OFFICE_WHY_MAX);
	else if (text_characters(slice_text(id)) <= 0 || strlen(id) >= PERSON_ID_MAX)
		verdict_refuse(&refusal, 404, "no-such-person", "No such person",
		    "Nobody with that id was invited to this contest (tallyctl people).");
	else if ((revoking = revoking_new(id, who, why)) == NULL)
		verdict_of_desk(DESK_BUSY, &refusal);
	if (revoking == NULL) {
		cb(arg, &refusal);
		return;
	}
	revoking->office = office;
	revoking->cb = cb;
	revoking->arg = arg;
	const char *organiser = organiser_of(revoking->who);
	const struct desk_want wants[] = {{DESK_PEOPLE, revoking->id}, {DESK_PEOPLE, organiser}};
	desk_update(office->desk, wants, organiser ? 2 : 1, decide_revoking, on_revoked, revoking);
}
