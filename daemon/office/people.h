/* Named people of a contest: experts, organisers, observers. Each has a record at the desk and one
 * signed bearer token (crypto/jws.h) with the claims
 *   {"iss":issuer_name,"aud":round name,"sub":person id,"role":…,"jti":…,"iat":s,"exp":s}
 * A token is good while it verifies, has not expired, and its person's record has this jti and is
 * not revoked; the record is read on every use, so that a revocation holds at once, everywhere.
 *
 * A record in C:people:
 *   {"role","name","affiliation","email","panel","jti","issued","expires","revoked":ms|absent,
 *    "revoked_why"?,"pledged":ms|absent} */
#ifndef TALLYD_OFFICE_PEOPLE_H
#define TALLYD_OFFICE_PEOPLE_H

#include "office/office.h"

enum role { ROLE_EXPERT = 1, ROLE_ORGANISER = 2, ROLE_OBSERVER = 4 }; /* or'ed where several may */

#define PERSON_ID_MAX   24
#define PERSON_NAME_MAX 100 /* characters */

const char *role_name(enum role role); /* expert, organiser, observer */
__attribute__((warn_unused_result)) int role_parse(const char *name, enum role *ret_role);

struct person {
	char id[PERSON_ID_MAX]; /* "<role>-<8 letters and digits>", drawn at random */
	enum role role;
	char *name, *affiliation, *email, *panel; /* NULL: none; panel: experts only */
	char *revoked_why;
	char jti[32];
	int64_t issued_ms, expires_ms, revoked_ms, pledged_ms; /* 0: not */
};

/* 0; -EBADMSG; -ENOMEM. person_release() frees the texts. */
__attribute__((warn_unused_result)) int person_read(
    const char *id, struct slice json, struct person *ret_person);
json_t *person_json(const struct person *person);
void person_release(struct person *person);

/* "expert:expert-k3m9x2ab": for the audit log. Returns ret_who. */
char *person_who(const struct person *person, char ret_who[OFFICE_WHO_MAX]);

/* ---- inviting ---- */

struct invitation { /* borrowed */
	enum role role;
	const char *name, *affiliation, *email, *panel;
	int64_t expires_ms;
};

#define PEOPLE_AT_ONCE_MAX 500 /* so that the audit log's entry can name them all */

/* Checks one invitation by itself, without the white space around its texts: lengths, characters,
 * panel, role. 0; -EINVAL with the sentence. */
__attribute__((warn_unused_result)) int invitation_check(
    const struct contest *contest, const struct invitation *invitation, char ret_why[300]);

/* Admits all of them or none, in one change. An expert of whom no panel is said
 * comes to the only one, or to the one called "experts". 409
 * "already-invited" names those who are there already (same role, name, and affiliation as
 * organisation_plain_name() compares them, and not revoked). Good: members
 * {"people":[{"id","role","name","affiliation","organisation":id|null,"email","panel","expires_at",
 * "token","conflicts":{entry:organisation}}…]}. The tokens leave this function only there. */
void people_invite(struct office *office, const struct jws_key *private_key,
    const char *issuer_name, const struct invitation *invitations, size_t n, const char *who,
    verdict_cb *cb, void *arg);

/* 404 "no-such-person"; 409 "already-revoked"; 422 "invalid-reason". Good: members
 * {"id","name","role","revoked_at"}. */
void people_revoke(struct office *office, const char *id, const char *who, const char *why,
    verdict_cb *cb, void *arg);

/* ---- showing a token ---- */

/* What of a token can be judged without Redis. 0 with the person's id, jti and role; -EBADMSG (does
 * not verify, or is for another contest or round); -ETIME (expired). */
struct bearer {
	char id[PERSON_ID_MAX];
	char jti[32];
	enum role role;
	int64_t expires_ms;
};
__attribute__((warn_unused_result)) int bearer_read(const struct round *round,
    const char *issuer_name, struct slice token, int64_t now_ms, struct bearer *ret_bearer);

/* Whether the person behind the token may still come in: 0 with the person; -EACCES (revoked,
 * superseded, or unknown). `view` has DESK_PEOPLE of this id. */
__attribute__((warn_unused_result)) int bearer_person(
    const struct bearer *bearer, const struct desk_view *view, struct person *ret_person);

/* ---- who acts ---- */

/* The id in "organiser:<id>"; NULL: `who` is no organiser. Borrowed. */
const char *organiser_of(const char *who);
/* False where `who` is an organiser without a record, or with one that is revoked; of two, with a
 * comma between them, where that is true of one. `view` has DESK_PEOPLE, whole or of them. */
bool organiser_stands(const struct desk_view *view, const char *who);
/* The refusal for who acts with such a record, as at the door: 401 invalid-bearer. */
void refuse_revoked(struct verdict *ret_refusal);

#endif
