/* A token that is shown: what it says, whether it is of this contest, and whether its person may
 * still come in. */
#include "office/people.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A claim that is a text; NULL: it is not there. */
static const char *text_claim(const json_t *claims, const char *name)
{
	return json_string_value(json_object_get(claims, name));
}

static bool claims(const json_t *all, const char *name, const char *wanted)
{
	const char *text = text_claim(all, name);

	return text != NULL && strcmp(text, wanted) == 0;
}

static int copy_claim(const json_t *all, const char *name, char *ret_text, size_t cap)
{
	const char *text = text_claim(all, name);

	if (text == NULL || text[0] == '\0' || strlen(text) >= cap)
		return -EBADMSG;
	(void)snprintf(ret_text, cap, "%s", text);
	return 0;
}

static int read_claims(
    const json_t *all, const struct round *round, const char *issuer_name, struct bearer *ret)
{
	const char *role = text_claim(all, "role");
	const json_t *expires = json_object_get(all, "exp");

	if (!claims(all, "iss", issuer_name) || !claims(all, "aud", round->name) || role == NULL ||
	    role_parse(role, &ret->role) < 0 || !json_is_integer(expires) ||
	    !json_is_integer(json_object_get(all, "iat")) || json_integer_value(expires) < 0 ||
	    json_integer_value(expires) > INT64_MAX / 1000 ||
	    copy_claim(all, "sub", ret->id, sizeof(ret->id)) < 0 ||
	    copy_claim(all, "jti", ret->jti, sizeof(ret->jti)) < 0)
		return -EBADMSG;
	ret->expires_ms = json_integer_value(expires) * 1000;
	return 0;
}

int bearer_read(const struct round *round, const char *issuer_name, struct slice token,
    int64_t now_ms, struct bearer *ret_bearer)
{
	struct bearer bearer = {.expires_ms = 0};
	json_t *all = NULL;
	int r = jws_verify(round->keys.bearer, token, &all);

	if (r < 0)
		return r;
	r = read_claims(all, round, issuer_name, &bearer);
	json_decref(all);
	if (r == 0 && now_ms >= bearer.expires_ms)
		r = -ETIME;
	if (r == 0)
		*ret_bearer = bearer;
	return r;
}

int bearer_person(
    const struct bearer *bearer, const struct desk_view *view, struct person *ret_person)
{
	struct person person;

	if (person_read(bearer->id, desk_get(view, DESK_PEOPLE, bearer->id), &person) < 0)
		return -EACCES;
	if (person.revoked_ms != 0 || person.role != bearer->role ||
	    strcmp(person.jti, bearer->jti) != 0) {
		person_release(&person);
		return -EACCES;
	}
	*ret_person = person;
	return 0;
}

/* ---- who acts ---- */

const char *organiser_of(const char *who)
{
	static const char prefix[] = "organiser:";
	size_t n = sizeof(prefix) - 1;

	return strncmp(who, prefix, n) == 0 ? who + n : NULL;
}

static bool one_stands(const struct desk_view *view, const char *who)
{
	const char *id = organiser_of(who);
	struct person person;

	if (id == NULL)
		return true;
	if (person_read(id, desk_get(view, DESK_PEOPLE, id), &person) < 0)
		return false;
	bool stands = person.role == ROLE_ORGANISER && person.revoked_ms == 0;
	person_release(&person);
	return stands;
}

bool organiser_stands(const struct desk_view *view, const char *who)
{
	char first[OFFICE_WHO_MAX];
	size_t len = strcspn(who, ",");

	(void)snprintf(first, sizeof(first), "%.*s", (int)len, who);
	return one_stands(view, first) &&
	       (who[len] == '\0' || organiser_stands(view, who + len + 1));
}

void refuse_revoked(struct verdict *ret_refusal)
{
	verdict_refuse(ret_refusal, 401, "invalid-bearer", "The token has been revoked",
	    "Whoever acts here has been revoked meanwhile; nothing was done.");
}
