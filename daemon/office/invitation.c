/* Checks one invitation, and reads it as a person. Knows nothing of who is there already. */
#include "office/invitation.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define TEXT_MAX  100 /* characters of an affiliation */
#define EMAIL_MAX 254 /* bytes (RFC 5321 section 4.5.3.1.3, less the angle brackets) */
#define WHY_MAX   300

/* ---- one invitation by itself ---- */

__attribute__((format(printf, 2, 3))) static int refuse(
    char ret_why[WHY_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(ret_why, WHY_MAX, format, args);
	va_end(args);
	return -EINVAL;
}

/* A text as it will be kept; empty where there is none. */
static struct slice kept(const char *text)
{
	return text_trim(slice_text(text != NULL ? text : ""));
}

static int check_line(const char *what, struct slice line, long max, char ret_why[WHY_MAX])
{
	long n = text_characters(line);

	if (n < 0 || (n > 0 && text_is_blank(line)))
		return refuse(ret_why, "the %s is no line of plain text in UTF-8.", what);
	if (n > max)
		return refuse(ret_why, "the %s has %ld characters; %ld are allowed.", what, n, max);
	return 0;
}

static int check_email(struct slice email, char ret_why[WHY_MAX])
{
	const char *at = email.len > 0 ? memchr(email.ptr, '@', email.len) : NULL;
	const char *end = email.ptr + email.len;

	if (email.len == 0)
		return 0;
	if (text_characters(email) < 0 || email.len > EMAIL_MAX || at == NULL || at == email.ptr ||
	    at + 1 == end || memchr(at + 1, '@', (size_t)(end - at - 1)) != NULL ||
	    memchr(email.ptr, ' ', email.len) != NULL)
		return refuse(ret_why, "the e-mail address must look like name@host.example.");
	return 0;
}

/* Where an expert belongs of whom no panel is said: the only one, or the one called "experts". */
static int usual_panel(const struct contest *contest)
{
	return contest->n_panels == 1 ? 0 : contest_panel(contest, slice_text("experts"));
}

/* "experts, users" */
static const char *list_panels(const struct contest *contest, char *ret_text, size_t cap)
{
	size_t len = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; i < contest->n_panels && len < cap; i++)
		len += (size_t)snprintf(
		    ret_text + len, cap - len, "%s%s", i > 0 ? ", " : "", contest->panels[i].id);
	return ret_text;
}

/* The panel of an expert. NULL with the sentence. */
static const struct panel *panel_of(
    const struct contest *contest, struct slice name, char ret_why[WHY_MAX])
{
	char known[200];
	int i = name.len > 0 ? contest_panel(contest, name) : usual_panel(contest);

	if (contest->n_panels == 0)
		(void)refuse(ret_why, "this contest has no panel of experts.");
	else if (i < 0 && name.len == 0)
		(void)refuse(ret_why, "this contest has %zu panels; say which one: %s.",
		    contest->n_panels, list_panels(contest, known, sizeof(known)));
	else if (i < 0)
		(void)refuse(ret_why, "this contest has no panel of that id; its panels are %s.",
		    list_panels(contest, known, sizeof(known)));
	else
		return &contest->panels[i];
	return NULL;
}

static int check_panel(
    const struct contest *contest, const struct invitation *invitation, char ret_why[WHY_MAX])
{
	struct slice panel = kept(invitation->panel);

	if (invitation->role == ROLE_EXPERT)
		return panel_of(contest, panel, ret_why) != NULL ? 0 : -EINVAL;
	if (panel.len > 0)
		return refuse(ret_why, "only an expert belongs to a panel.");
	return 0;
}

int invitation_check(
    const struct contest *contest, const struct invitation *invitation, char ret_why[WHY_MAX])
{
	struct slice name = kept(invitation->name);
	int r = 0;

	if (invitation->role != ROLE_EXPERT && invitation->role != ROLE_ORGANISER &&
	    invitation->role != ROLE_OBSERVER)
		return refuse(ret_why, "the role must be expert, organiser, or observer.");
	if (name.len == 0)
		return refuse(ret_why, "the name is missing.");
	r = check_line("name", name, PERSON_NAME_MAX, ret_why);
	if (r == 0)
		r = check_line("affiliation", kept(invitation->affiliation), TEXT_MAX, ret_why);
	if (r == 0)
		r = check_email(kept(invitation->email), ret_why);
	return r == 0 ? check_panel(contest, invitation, ret_why) : r;
}

/* ---- from an invitation to a person ---- */

/* NULL with *failed untouched: there is no such text. */
static char *copy(const char *text, bool *failed)
{
	struct slice line = kept(text);
	char *copied = line.len > 0 ? strndup(line.ptr, line.len) : NULL;

	*failed = *failed || (line.len > 0 && copied == NULL);
	return copied;
}

int invitation_person(
    const struct contest *contest, const struct invitation *invitation, struct person *ret_person)
{
	struct person person = {.role = invitation->role};
	char why[WHY_MAX];
	bool failed = false;

	person.expires_ms = invitation->expires_ms / 1000 * 1000; /* tokens count in seconds */
	person.name = copy(invitation->name, &failed);
	person.affiliation = copy(invitation->affiliation, &failed);
	person.email = copy(invitation->email, &failed);
	if (person.role == ROLE_EXPERT) {
		const struct panel *panel = panel_of(contest, kept(invitation->panel), why);
		person.panel = copy(panel->id, &failed);
	}
	if (failed) {
		person_release(&person);
		return -ENOMEM;
	}
	*ret_person = person;
	return 0;
}
