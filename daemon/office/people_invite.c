/* Inviting people: all of them or none, in one change, each with a token. */
#include "office/invitation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/clock.h"
#include "base/encode.h"
#include "contest/conflict.h"
#include "office/record.h"

#define PLAIN_MAX 512

/* ---- all of them ---- */

struct guest {
	struct person person;
	char plain[PLAIN_MAX]; /* the affiliation as it is compared */
	char *token;
};

struct inviting {
	const struct office *office;
	const struct jws_key *key;
	char *issuer_name;
	char who[OFFICE_WHO_MAX];
	struct guest *guests;
	size_t n;
	struct verdict verdict;
	verdict_cb *cb;
	void *arg;
};

static void drop_token(struct guest *guest)
{
	if (guest->token != NULL)
		OPENSSL_cleanse(guest->token, strlen(guest->token));
	free(guest->token);
	guest->token = NULL;
}

static void inviting_free(struct inviting *inviting)
{
	for (size_t i = 0; inviting->guests != NULL && i < inviting->n; i++) {
		drop_token(&inviting->guests[i]);
		person_release(&inviting->guests[i].person);
	}
	json_decref(inviting->verdict.members);
	free(inviting->guests);
	free(inviting->issuer_name);
	free(inviting);
}

static void finish(struct inviting *inviting)
{
	inviting->cb(inviting->arg, &inviting->verdict);
	inviting_free(inviting);
}

/* ---- who is there already ---- */

/* The same person, as far as a table of names can tell. */
static bool same_person(
    const struct person *a, const char *plain_a, const struct person *b, const char *plain_b)
{
	return a->role == b->role && strcmp(a->name, b->name) == 0 && strcmp(plain_a, plain_b) == 0;
}

static char *plain_affiliation(const struct person *person, char ret_plain[PLAIN_MAX])
{
	return organisation_plain_name(
	    person->affiliation != NULL ? person->affiliation : "", ret_plain, PLAIN_MAX);
}

/* Names one who is there twice, while the sentence takes it. */
static void name_double(struct inviting *inviting, const struct person *person, const char *where)
{
	struct verdict *verdict = &inviting->verdict;
	const char *affiliation = person->affiliation != NULL ? person->affiliation : "";
	size_t len;

	if (verdict->slug == NULL)
		verdict_refuse(verdict, 409, "already-invited", "Invited already",
		    "Nobody was invited, since these are there already:");
	len = strlen(verdict->detail);
	if (len + strlen(person->name) + strlen(affiliation) + strlen(where) + 8 <
	    sizeof(verdict->detail))
		(void)snprintf(verdict->detail + len, sizeof(verdict->detail) - len,
		    "%s %s%s%s (%s)", verdict->detail[len - 1] == ':' ? "" : ";", person->name,
		    affiliation[0] != '\0' ? ", " : "", affiliation, where);
}

static void find_doubles_among(struct inviting *inviting)
{
	for (size_t i = 0; i < inviting->n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct guest *a = &inviting->guests[i], *b = &inviting->guests[k];
			if (same_person(&a->person, a->plain, &b->person, b->plain)) {
				name_double(inviting, &a->person, "twice in this invitation");
				break;
			}
		}
}

/* One who was invited before, against all guests. -EBADMSG: the record is damaged. */
static int compare_with(struct inviting *inviting, struct slice field, struct slice value)
{
	char id[PERSON_ID_MAX], plain[PLAIN_MAX];
	struct person person;

	if (field.len >= sizeof(id))
		return -EBADMSG;
	(void)snprintf(id, sizeof(id), "%.*s", (int)field.len, field.ptr);
	if (person_read(id, value, &person) < 0)
		return -EBADMSG;
	(void)plain_affiliation(&person, plain);
	for (size_t i = 0; person.revoked_ms == 0 && i < inviting->n; i++) {
		const struct guest *guest = &inviting->guests[i];
		if (same_person(&guest->person, guest->plain, &person, plain))
			name_double(inviting, &person, person.id);
	}
	person_release(&person);
	return 0;
}

static int find_doubles(struct inviting *inviting, const struct desk_view *view)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < desk_count(view, DESK_PEOPLE); i++) {
		struct slice field, value;
		desk_at(view, DESK_PEOPLE, i, &field, &value);
		r = compare_with(inviting, field, value);
	}
	return r;
}

/* ---- ids and tokens ---- */

/* Letters and digits that nobody takes for another. */
static const char id_letters[32] = "abcdefghijkmnpqrstuvwxyz23456789";

static int draw_id(struct person *person)
{
	uint8_t bytes[8];
	char letters[sizeof(bytes) + 1];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		letters[i] = id_letters[bytes[i] & 31];
	letters[sizeof(bytes)] = '\0';
	(void)snprintf(person->id, sizeof(person->id), "%s-%s", role_name(person->role), letters);
	return 0;
}

static bool is_taken(const struct inviting *inviting, const struct desk_view *view, size_t i)
{
	const char *id = inviting->guests[i].person.id;

	for (size_t k = 0; k < i; k++)
		if (strcmp(inviting->guests[k].person.id, id) == 0)
			return true;
	return desk_get(view, DESK_PEOPLE, id).ptr != NULL;
}

static int draw_names(struct inviting *inviting, const struct desk_view *view, size_t i)
{
	struct person *person = &inviting->guests[i].person;
	uint8_t bytes[16];
	int r;

	do
		r = draw_id(person);
	while (r == 0 && is_taken(inviting, view, i));
	if (r < 0 || RAND_bytes(bytes, sizeof(bytes)) != 1)
		return -EIO;
	(void)base64url_encode(bytes, sizeof(bytes), person->jti);
	return 0;
}

static int make_token(const struct inviting *inviting, struct guest *guest)
{
	const struct person *person = &guest->person;
	json_t *claims = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "iss",
	    inviting->issuer_name, "aud", inviting->office->round->name, "sub", person->id, "role",
	    role_name(person->role), "jti", person->jti, "iat",
	    (json_int_t)(person->issued_ms / 1000), "exp", (json_int_t)(person->expires_ms / 1000));

	drop_token(guest);
	if (claims != NULL)
		guest->token = jws_sign(inviting->key, claims);
	json_decref(claims);
	return guest->token != NULL ? 0 : -ENOMEM;
}

/* ---- writing ---- */

static int write_person(const struct person *person, struct desk_change *change)
{
	json_t *record = person_json(person);
	char *text = record != NULL ? json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	int r =
	    text != NULL ? desk_set(change, DESK_PEOPLE, person->id, slice_text(text)) : -ENOMEM;

	free(text);
	json_decref(record);
	return r;
}

/* Who was invited, for the audit log; their addresses are nobody's business there. */
static json_t *audit_entry(const struct inviting *inviting)
{
	json_t *people = json_array();

	for (size_t i = 0; people != NULL && i < inviting->n; i++) {
		const struct person *person = &inviting->guests[i].person;
		if (json_array_append_new(people,
			json_pack("{s:s, s:s, s:s, s:s?, s:s?}", "person", person->id, "role",
			    role_name(person->role), "name", person->name, "affiliation",
			    person->affiliation, "panel", person->panel)) < 0) {
			json_decref(people);
			people = NULL;
		}
	}
	return people != NULL ? json_pack("{s:s, s:s, s:o}", "act", "invite", "who", inviting->who,
				    "people", people)
			      : NULL;
}

/* The entries that this affiliation is in conflict with. */
static json_t *conflicts_of(const struct contest *contest, const char *affiliation)
{
	json_t *conflicts = json_object();

	for (size_t i = 0; conflicts != NULL && affiliation != NULL && i < contest->n_entries;
	     i++) {
		const struct organisation *with = conflict_of(contest, affiliation, i);
		if (with != NULL && json_object_set_new(conflicts, contest->entries[i].id,
					json_string(with->id)) < 0) {
			json_decref(conflicts);
			return NULL;
		}
	}
	return conflicts;
}

static json_t *answer_of(const struct contest *contest, const struct guest *guest)
{
	const struct person *person = &guest->person;
	const struct organisation *organisation =
	    person->affiliation != NULL ? conflict_organisation(contest, person->affiliation)
					: NULL;
	char expires[CLOCK_TEXT_SIZE];

	return json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s, s:s, s:o}", "id", person->id,
	    "role", role_name(person->role), "name", person->name, "affiliation",
	    person->affiliation, "organisation", organisation != NULL ? organisation->id : NULL,
	    "email", person->email, "panel", person->panel, "expires_at",
	    clock_format(person->expires_ms, 0, expires), "token", guest->token, "conflicts",
	    conflicts_of(contest, person->affiliation));
}

static json_t *answer(const struct inviting *inviting)
{
	json_t *people = json_array();

	for (size_t i = 0; people != NULL && i < inviting->n; i++)
		if (json_array_append_new(people,
			answer_of(office_contest(inviting->office), &inviting->guests[i])) < 0) {
			json_decref(people);
			people = NULL;
		}
	return people != NULL ? json_pack("{s:o}", "people", people) : NULL;
}

static int admit(
    struct inviting *inviting, const struct desk_view *view, struct desk_change *change)
{
	json_t *entry;
	int r = 0;

	for (size_t i = 0; r == 0 && i < inviting->n; i++) {
		struct guest *guest = &inviting->guests[i];
		guest->person.issued_ms = desk_now_ms(view);
		r = draw_names(inviting, view, i);
		if (r == 0)
			r = make_token(inviting, guest);
		if (r == 0)
			r = write_person(&guest->person, change);
	}
	entry = r == 0 ? audit_entry(inviting) : NULL;
	if (entry == NULL || desk_note(change, entry) < 0)
		return -ENOMEM;
	if (record_experts_are_seen(office_contest(inviting->office), view))
		desk_bump(change); /* "7 of 9" is "7 of 10" now */
	inviting->verdict.members = answer(inviting);
	return inviting->verdict.members != NULL ? 0 : -ENOMEM;
}

static bool all_in_future(struct inviting *inviting, const struct desk_view *view)
{
	char when[CLOCK_TEXT_SIZE];

	for (size_t i = 0; i < inviting->n; i++) {
		const struct person *person = &inviting->guests[i].person;
		if (person->expires_ms > desk_now_ms(view))
			continue;
		verdict_refuse(&inviting->verdict, 422, "invalid-invitation", "Not an invitation",
		    "The token of %s would expire at %s, which is over.", person->name,
		    clock_format(person->expires_ms, 0, when));
		return false;
	}
	return true;
}

static bool decide(void *arg, const struct desk_view *view, struct desk_change *change)
{
	struct inviting *inviting = arg;

	json_decref(inviting->verdict.members);
	inviting->verdict = (struct verdict){.status = 200};
	if (!organiser_stands(view, inviting->who)) {
		refuse_revoked(&inviting->verdict);
		return false;
	}
	if (!all_in_future(inviting, view))
		return false;
	find_doubles_among(inviting);
	if (find_doubles(inviting, view) < 0) {
		verdict_of_desk(DESK_DAMAGED, &inviting->verdict);
		return false;
	}
	if (inviting->verdict.slug != NULL)
		return false;
	if (admit(inviting, view, change) == 0)
		return true;
	json_decref(inviting->verdict.members);
	verdict_of_desk(DESK_BUSY, &inviting->verdict);
	return false;
}

static void on_written(void *arg, enum desk_outcome outcome, uint64_t n)
{
	struct inviting *inviting = arg;

	(void)n;
	if (outcome != DESK_WRITTEN && outcome != DESK_LEFT) {
		json_decref(inviting->verdict.members);
		verdict_of_desk(outcome, &inviting->verdict);
	}
	finish(inviting);
}

/* ---- the beginning ---- */

/* The first thing that is wrong with any of them. */
static bool check_all(const struct contest *contest, const struct invitation *invitations, size_t n,
    struct verdict *ret_refusal)
{
	char why[300];

	if (n == 0 || n > PEOPLE_AT_ONCE_MAX) {
		verdict_refuse(ret_refusal, 422, "invalid-invitation", "Not an invitation",
		    "%zu people at once; 1 to %d are possible.", n, PEOPLE_AT_ONCE_MAX);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		if (invitation_check(contest, &invitations[i], why) < 0) {
			verdict_refuse(ret_refusal, 422, "invalid-invitation", "Not an invitation",
			    "Invitation %zu: %s", i + 1, why);
			return false;
		}
	return true;
}

static struct inviting *inviting_new(struct office *office, const struct jws_key *key,
    const char *issuer_name, const struct invitation *invitations, size_t n)
{
	struct inviting *inviting = calloc(1, sizeof(*inviting));
	int r = 0;

	if (inviting == NULL)
		return NULL;
	inviting->office = office;
	inviting->key = key;
	inviting->issuer_name = strdup(issuer_name);
	inviting->guests = calloc(n, sizeof(*inviting->guests));
	inviting->n = n;
	if (inviting->issuer_name == NULL || inviting->guests == NULL)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct guest *guest = &inviting->guests[i];
		r = invitation_person(office_contest(office), &invitations[i], &guest->person);
		if (r == 0)
			(void)plain_affiliation(&guest->person, guest->plain);
	}
	if (r == 0)
		return inviting;
	inviting_free(inviting);
	return NULL;
}

void people_invite(struct office *office, const struct jws_key *private_key,
    const char *issuer_name, const struct invitation *invitations, size_t n, const char *who,
    verdict_cb *cb, void *arg)
{
	struct inviting *inviting;
	struct verdict refusal;

	if (!check_all(office_contest(office), invitations, n, &refusal)) {
		cb(arg, &refusal);
		return;
	}
	inviting = inviting_new(office, private_key, issuer_name, invitations, n);
	if (inviting == NULL) {
		verdict_of_desk(DESK_BUSY, &refusal);
		cb(arg, &refusal);
		return;
	}
	(void)snprintf(inviting->who, sizeof(inviting->who), "%s", who);
	inviting->cb = cb;
	inviting->arg = arg;
	desk_update(
	    office->desk, &(struct desk_want){DESK_PEOPLE, NULL}, 1, decide, on_written, inviting);
}
