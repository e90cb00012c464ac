/* Admits the second organiser by the token that is shown, as the session did the first. */
#include "ctl/signers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include <openssl/crypto.h>

#include "base/clock.h"

struct second { /* the other organiser shows a token */
	struct session *session;
	struct bearer bearer;
	char who[OFFICE_WHO_MAX];
};

static void on_second(void *arg, const struct desk_view *view)
{
	struct second *second = arg;
	struct person person;
	if (second->session->done)
		return;
	if (!view) {
		session_done(second->session,
		    ctl_fail(EX_UNAVAILABLE, "Redis did not answer; nothing was done."));
		return;
	}
	if (bearer_person(&second->bearer, view, &person) != 0) {
		session_done(second->session,
		    ctl_fail(EX_NOPERM, "the token of %s has been revoked or replaced.",
			second->bearer.id));
		return;
	}
	(void)person_who(&person, second->who);
	person_release(&person);
	session_done(second->session, EX_OK);
}

static int admit_second(struct session *session, const char *path, struct second *second)
{
	char token[SESSION_TOKEN_SIZE];
	int status = session_token(path, token);
	if (status != EX_OK)
		return status;
	int rc = bearer_read(session->round, session->ctl->settings.issuer_name, slice_text(token),
	    clock_wall_ms(), &second->bearer);
	OPENSSL_cleanse(token, sizeof(token));
	if (rc == -ETIME)
		return ctl_fail(EX_NOPERM, "%s: the token has expired.", path);
	if (rc != 0 || second->bearer.role != ROLE_ORGANISER)
		return ctl_fail(EX_NOPERM, "%s: is not an organiser's token for contest %s.", path,
		    session_contest(session));
	const struct desk_want want = {DESK_PEOPLE, second->bearer.id};
	second->session = session;
	desk_read(session->desk, &want, 1, on_second, second);
	session_run(session);
	return session->status;
}

int signers_name(struct session *session, const char *second_token, char ret_who[OFFICE_WHO_MAX])
{
	struct second second = {0};
	if (session->round->contest->approvals < 2 && !second_token) {
		(void)snprintf(ret_who, OFFICE_WHO_MAX, "%s", session->who);
		return EX_OK;
	}
	if (!session->options.token || !second_token)
		return ctl_fail(EX_NOPERM,
		    "contest %s wants two organisers: give the token of one with --token and of "
		    "another with --second-token.",
		    session->round->contest->id);
	int status = admit_second(session, second_token, &second);
	if (status != EX_OK)
		return status;
	if (strcmp(session->who, second.who) == 0)
		return ctl_fail(EX_NOPERM,
		    "both tokens are those of %s; the second must be another organiser's.",
		    second.who);
	(void)snprintf(ret_who, OFFICE_WHO_MAX, "%.50s,%.50s", session->who, second.who);
	return EX_OK;
}
