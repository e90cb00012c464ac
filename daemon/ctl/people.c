/* tallyctl people: who is invited, and whether they may still come in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "contest/conflict.h"
#include "ctl/screen.h"
#include "ctl/session.h"

static const char usage[] =
    "Usage: tallyctl -c FILE people [OPTION]…\n"
    "\n"
    "Lists everybody invited to a contest: experts, organisers, observers, with ids, names,\n"
    "affiliations, and whether their tokens are good, expired or revoked.\n"
    "\n"
    "      --contest ID         the contest, where several are configured\n"
    "      --json               for programs\n";

struct listing {
	struct session session;
	json_t *people;
};

static const char *state_of(const struct person *person, int64_t now_ms)
{
	if (person->revoked_ms != 0)
		return "revoked";
	return person->expires_ms <= now_ms ? "expired" : "invited";
}

/* A time as text, or null. */
static json_t *time_of(int64_t ms)
{
	char text[CLOCK_TEXT_SIZE];

	return ms != 0 ? json_string(clock_format(ms, 0, text)) : json_null();
}

static json_t *entry_of(const struct contest *contest, const struct person *person, int64_t now_ms)
{
	const struct organisation *organisation =
	    person->affiliation != NULL ? conflict_organisation(contest, person->affiliation)
					: NULL;

	return json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s, s:o, s:o, s:o, s:s?, s:o}",
	    "id", person->id, "role", role_name(person->role), "name", person->name, "affiliation",
	    person->affiliation, "organisation", organisation != NULL ? organisation->id : NULL,
	    "email", person->email, "panel", person->panel, "state", state_of(person, now_ms),
	    "issued_at", time_of(person->issued_ms), "expires_at", time_of(person->expires_ms),
	    "revoked_at", time_of(person->revoked_ms), "revoked_why", person->revoked_why,
	    "pledged_at", time_of(person->pledged_ms));
}

static int add(struct listing *listing, struct slice field, struct slice value, int64_t now_ms)
{
	char id[PERSON_ID_MAX];
	struct person person;
	int r;

	if (field.len >= sizeof(id))
		return -1;
	(void)snprintf(id, sizeof(id), "%.*s", (int)field.len, field.ptr);
	if (person_read(id, value, &person) < 0)
		return -1;
	r = json_array_append_new(
	    listing->people, entry_of(listing->session.round->contest, &person, now_ms));
	person_release(&person);
	return r;
}

static void on_people(void *arg, const struct desk_view *view)
{
	struct listing *listing = arg;
	struct session *session = &listing->session;

	if (session->done)
		return;
	if (view == NULL) {
		session_done(session, ctl_fail(EX_UNAVAILABLE, "Redis did not answer."));
		return;
	}
	for (size_t i = 0; i < desk_count(view, DESK_PEOPLE); i++) {
		struct slice field, value;
		desk_at(view, DESK_PEOPLE, i, &field, &value);
		if (add(listing, field, value, desk_now_ms(view)) < 0) {
			session_done(
			    session, ctl_fail(EX_DATAERR,
					 "the record of %.*s is damaged; see ops/runbook.md.",
					 (int)(field.len < 40 ? field.len : 40), field.ptr));
			return;
		}
	}
	session_done(session, EX_OK);
}

static const char *text_of(const json_t *person, const char *name)
{
	const char *text = json_string_value(json_object_get(person, name));

	return text != NULL ? text : "";
}

/* By role and name. */
static int compare(const void *a, const void *b)
{
	const json_t *const *one = a, *const *other = b;
	int by_role = strcmp(text_of(*one, "role"), text_of(*other, "role"));

	return by_role != 0 ? by_role : strcmp(text_of(*one, "name"), text_of(*other, "name"));
}

/* A new array in that order; NULL: memory. */
static json_t *sorted(const json_t *people)
{
	size_t n = json_array_size(people);
	json_t **list = calloc(n + 1, sizeof(json_t *));
	json_t *array = list != NULL ? json_array() : NULL;

	if (list == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		list[i] = json_array_get(people, i);
	qsort(list, n, sizeof(json_t *), compare);
	for (size_t i = 0; array != NULL && i < n; i++)
		(void)json_array_append(array, list[i]);
	free(list);
	return array;
}

static void print_table(const json_t *people)
{
	size_t i;
	const json_t *person;

	if (json_array_size(people) == 0)
		(void)puts("nobody is invited yet");
	json_array_foreach(people, i, person)
	{
		screen_print("%-18s  %-7s  until %s  %-10s  %s%s%s%s%s%s\n", text_of(person, "id"),
		    text_of(person, "state"), text_of(person, "expires_at"),
		    text_of(person, "panel")[0] ? text_of(person, "panel") : "–",
		    text_of(person, "name"), text_of(person, "affiliation")[0] ? ", " : "",
		    text_of(person, "affiliation"), text_of(person, "email")[0] ? " <" : "",
		    text_of(person, "email"), text_of(person, "email")[0] ? ">" : "");
	}
}

static int show(struct listing *listing)
{
	json_t *people = sorted(listing->people);

	if (people == NULL)
		return ctl_fail(EX_OSERR, "there is not enough memory.");
	if (listing->session.options.json)
		session_print_json(people);
	else
		print_table(people);
	json_decref(people);
	return EX_OK;
}

static int run(const struct ctl *ctl, int argc, char **argv)
{
	struct listing listing = {.people = NULL};
	struct session_options options;
	int status = session_arguments(ctl, argc, argv, NULL, 0, 0, NULL, NULL, &options);

	if (status == EX_OK)
		status = session_open(ctl, &options, &listing.session);
	if (status != EX_OK)
		return status;
	listing.people = json_array();
	desk_read(
	    listing.session.desk, &(struct desk_want){DESK_PEOPLE, NULL}, 1, on_people, &listing);
	session_run(&listing.session);
	status = listing.session.status == EX_OK ? show(&listing) : listing.session.status;
	(void)session_close(&listing.session);
	json_decref(listing.people);
	return status;
}

const struct ctl_command ctl_people = {
    .name = "people",
    .summary = "list who is invited",
    .usage = usage,
    .run = run,
};
