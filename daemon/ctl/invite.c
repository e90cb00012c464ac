/* tallyctl invite: admits named people and prints their links. All rows of a table or none. */
#include "ctl/invite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "contest/phase.h"
#include "ctl/csvfile.h"
#include "ctl/qr.h"
#include "ctl/screen.h"
#include "ctl/session.h"
#include "office/people.h"

static const char usage[] =
    "Usage: tallyctl -c FILE invite expert|organiser|observer --name NAME [OPTION]…\n"
    "       tallyctl -c FILE invite expert|organiser|observer --from TABLE.csv [OPTION]…\n"
    "\n"
    "Admits a person, or everybody of a table, and prints the link that opens the pages for\n"
    "them. Who has the link is that person: send it to nobody else, and revoke it when it is\n"
    "lost. A table is CSV in UTF-8 whose header names the columns name, affiliation, and\n"
    "perhaps email and panel; when anything in it is wrong, all of that is told and nobody\n"
    "is invited.\n"
    "\n"
    "      --name NAME          the person's name\n"
    "      --affiliation ORG    where the person works; conflicts of interest follow from it\n"
    "      --email ADDRESS      noted for you; nothing is sent\n"
    "      --panel ID           an expert's panel; without it \"experts\", or the only one\n"
    "      --from TABLE.csv     everybody of a table\n"
    "      --expires TIME       2027-01-31T18:00:00+09:00, or days from now: 30d. Without\n"
    "                           it 90 days, or 30 days after the close where that is later\n"
    "      --qr                 the link also as a QR code\n"
    "      --contest ID         the contest, where several are configured\n"
    "      --by NAME, --token FILE   who invites, for the audit log\n"
    "      --json               for programs\n";

#define DAY_MS         ((int64_t)24 * 3600 * 1000)
#define DAYS           90
#define DAYS_AFTER     30
#define DAYS_MAX       3660
#define LINK_MAX       (JWS_MAX + 400)
#define PLAIN_MAX      512
#define INVITE_WHY_MAX 300

struct inviting {
	struct session session;
	const char *name, *affiliation, *email, *panel, *from, *expires;
	bool qr;
	enum role role;
	int64_t expires_ms;
	struct csvfile *csv;
	struct invitation *invitations;
	size_t n;
};

/* ---- the command line ---- */

static int read_arguments(
    const struct ctl *ctl, int argc, char **argv, struct inviting *it, struct session_options *ret)
{
	const struct ctl_option options[] = {
	    {"name", &it->name, NULL},
	    {"affiliation", &it->affiliation, NULL},
	    {"email", &it->email, NULL},
	    {"panel", &it->panel, NULL},
	    {"from", &it->from, NULL},
	    {"expires", &it->expires, NULL},
	    {"qr", NULL, &it->qr},
	    {NULL, NULL, NULL},
	};
	const char *role;
	int status = session_arguments(ctl, argc, argv, options, 1, 1, &role, NULL, ret);

	if (status != EX_OK)
		return status;
	if (role_parse(role, &it->role) < 0)
		return ctl_misuse(ctl, "invite whom? expert, organiser, or observer.");
	if ((it->name == NULL) == (it->from == NULL))
		return ctl_misuse(ctl, "invite wants either --name or --from.");
	if (it->from != NULL && (it->affiliation != NULL || it->email != NULL))
		return ctl_misuse(ctl, "--affiliation and --email stand in the table with --from.");
	if (it->qr && ret->json)
		return ctl_misuse(
		    ctl, "--qr is for people, --json for programs; give one of them.");
	return EX_OK;
}

/* ---- how long ---- */

/* "30d". 0 or -EINVAL. */
static int read_days(const char *text, int64_t now_ms, int64_t *ret_ms)
{
	size_t len = strlen(text);
	char number[8];
	long days;

	if (len < 2 || len >= sizeof(number) || text[len - 1] != 'd')
		return -EINVAL;
	(void)snprintf(number, sizeof(number), "%.*s", (int)(len - 1), text);
	if (ctl_number(number, 1, DAYS_MAX, &days) < 0)
		return -EINVAL;
	*ret_ms = now_ms + days * DAY_MS;
	return 0;
}

static int64_t usual_expiry(const struct contest *contest, int64_t now_ms)
{
	int64_t usual = now_ms + DAYS * DAY_MS;
	int64_t after = contest->closes_ms + DAYS_AFTER * DAY_MS;

	return contest->closes_ms != 0 && after > usual ? after : usual;
}

static int set_expiry(struct inviting *it)
{
	int64_t now = clock_wall_ms();

	if (it->expires == NULL)
		it->expires_ms = usual_expiry(it->session.round->contest, now);
	else if (read_days(it->expires, now, &it->expires_ms) < 0 &&
		 clock_parse(slice_text(it->expires), &it->expires_ms) < 0)
		return ctl_misuse(it->session.ctl,
		    "--expires takes a time such as 2027-01-31T18:00:00+09:00, or 1d to %dd.",
		    DAYS_MAX);
	if (it->expires_ms <= now || it->expires_ms > now + DAYS_MAX * DAY_MS)
		return ctl_fail(
		    EX_USAGE, "--expires must lie ahead, by %d days at most.", DAYS_MAX);
	return EX_OK;
}

/* ---- whom ---- */

enum column { COLUMN_NAME, COLUMN_AFFILIATION, COLUMN_EMAIL, COLUMN_PANEL, COLUMNS };

static const struct csvfile_column columns[COLUMNS] = {
    [COLUMN_NAME] = {"name", true},
    [COLUMN_AFFILIATION] = {"affiliation", true},
    [COLUMN_EMAIL] = {"email", false},
    [COLUMN_PANEL] = {"panel", false},
};

static struct invitation row_of(const struct inviting *it, size_t row)
{
	const char *panel = csvfile_get(it->csv, row, COLUMN_PANEL);

	return (struct invitation){
	    .role = it->role,
	    .name = csvfile_get(it->csv, row, COLUMN_NAME),
	    .affiliation = csvfile_get(it->csv, row, COLUMN_AFFILIATION),
	    .email = csvfile_get(it->csv, row, COLUMN_EMAIL),
	    .panel = panel != NULL ? panel : it->panel,
	    .expires_ms = it->expires_ms,
	};
}

static bool are_same(const struct invitation *a, const struct invitation *b)
{
	char one[PLAIN_MAX], other[PLAIN_MAX];

	return strcmp(a->name, b->name) == 0 &&
	       strcmp(organisation_plain_name(a->affiliation, one, sizeof(one)),
		   organisation_plain_name(b->affiliation, other, sizeof(other))) == 0;
}

static void check_row(struct inviting *it, size_t row)
{
	char why[INVITE_WHY_MAX];

	if (invitation_check(it->session.round->contest, &it->invitations[row], why) < 0)
		csvfile_fault(it->csv, row, CSVFILE_ROW, "%s", why);
	if (it->n > PEOPLE_AT_ONCE_MAX)
		return; /* too many anyhow; comparing all would take its time */
	for (size_t earlier = 0; earlier < row; earlier++)
		if (are_same(&it->invitations[row], &it->invitations[earlier])) {
			csvfile_fault(it->csv, row, COLUMN_NAME, "stands in line %zu already.",
			    csvfile_line(it->csv, earlier));
			return;
		}
}

static int read_table(struct inviting *it)
{
	int r = csvfile_load(it->from, columns, COLUMNS, &it->csv);

	if (r < 0)
		return ctl_fail(EX_NOINPUT, "%s: %s.", it->from, strerror(-r));
	it->n = csvfile_rows(it->csv);
	it->invitations = calloc(it->n + 1, sizeof(*it->invitations));
	if (it->invitations == NULL)
		return ctl_fail(EX_OSERR, "there is not enough memory.");
	for (size_t row = 0; row < it->n; row++) {
		it->invitations[row] = row_of(it, row);
		check_row(it, row);
	}
	if (csvfile_faults(it->csv) == 0)
		return EX_OK;
	csvfile_print_faults(it->csv, stderr);
	return ctl_fail(EX_DATAERR, "%s: %zu %s; nobody was invited.", it->from,
	    csvfile_faults(it->csv), csvfile_faults(it->csv) == 1 ? "fault" : "faults");
}

static int read_one(struct inviting *it)
{
	char why[INVITE_WHY_MAX];

	it->invitations = calloc(1, sizeof(*it->invitations));
	if (it->invitations == NULL)
		return ctl_fail(EX_OSERR, "there is not enough memory.");
	it->n = 1;
	it->invitations[0] = (struct invitation){
	    it->role, it->name, it->affiliation, it->email, it->panel, it->expires_ms};
	if (invitation_check(it->session.round->contest, &it->invitations[0], why) < 0)
		return ctl_fail(EX_DATAERR, "%s", why);
	return EX_OK;
}

/* ---- what is printed ---- */

static void link_of(const struct inviting *it, const char *token, char ret_link[LINK_MAX])
{
	char page[CTL_PAGE_MAX];

	ctl_page_url(&it->session.ctl->settings, it->session.round->contest->id,
	    it->role == ROLE_EXPERT ? "expert" : "organiser", page);
	(void)snprintf(ret_link, LINK_MAX, "%s#token=%s", page, token);
}

static const char *text_of(const json_t *person, const char *name)
{
	return json_string_value(json_object_get(person, name));
}

/* No conflict of interest can be found for an affiliation that the contest does not know. */
static void warn_unknown(const struct inviting *it, const json_t *person)
{
	const char *affiliation = text_of(person, "affiliation");

	if (it->role != ROLE_EXPERT || text_of(person, "organisation") != NULL)
		return;
	if (affiliation == NULL)
		(void)ctl_fail(0,
		    "warning: %s has no affiliation, so no conflict of interest can be found.",
		    text_of(person, "name"));
	else
		(void)ctl_fail(0,
		    "warning: %s: \"%s\" is none of the contest's organisations or their aliases, "
		    "so no conflict of interest can be found.",
		    text_of(person, "name"), affiliation);
}

/* By name: ids are for programs. */
static void print_conflict(const struct contest *contest, const char *entry, const char *with)
{
	int index = contest_entry(contest, slice_text(entry));
	const char *name = with;

	for (size_t i = 0; i < contest->n_organisations; i++)
		if (strcmp(contest->organisations[i].id, with) == 0)
			name = contest->organisations[i].name.ko;
	screen_print("  conflict of interest: %s (%s)\n",
	    index >= 0 ? contest->entries[index].name.ko : entry, name);
}

static void print_person(const struct inviting *it, const json_t *person)
{
	const char *affiliation = text_of(person, "affiliation");
	const char *link = text_of(person, "link");
	const char *entry;
	const json_t *organisation;

	screen_print("%s%s%s (%s), until %s\n  %s\n", text_of(person, "name"),
	    affiliation != NULL ? ", " : "", affiliation != NULL ? affiliation : "",
	    text_of(person, "id"), text_of(person, "expires_at"), link);
	json_object_foreach(json_object_get(person, "conflicts"), entry, organisation)
	{
		print_conflict(it->session.round->contest, entry, json_string_value(organisation));
	}
	if (it->qr && qr_print(link, stdout) < 0)
		(void)ctl_fail(0, "warning: the link does not fit a QR code.");
}

static int show(const struct inviting *it)
{
	json_t *people = json_object_get(it->session.verdict.members, "people");
	char link[LINK_MAX];
	size_t i;
	json_t *person;

	json_array_foreach(people, i, person)
	{
		link_of(it, text_of(person, "token"), link);
		if (json_object_set_new(
			person, "contest", json_string(it->session.round->contest->id)) < 0 ||
		    json_object_set_new(person, "link", json_string(link)) < 0)
			return ctl_fail(EX_OSERR, "there is not enough memory.");
		warn_unknown(it, person);
		if (!it->session.options.json)
			print_person(it, person);
	}
	if (it->session.options.json)
		session_print_json(it->from != NULL ? people : json_array_get(people, 0));
	explicit_bzero(link, sizeof(link));
	return fflush(stdout) == 0 ? EX_OK : ctl_fail(EX_IOERR, "the links cannot be written.");
}

/* ---- the run ---- */

/* The link opens the page all the same, which says so, too. */
static int warn_closed(struct inviting *it)
{
	enum phase phase;
	char sentence[200];
	int status = session_phase(&it->session, &phase);

	if (status != EX_OK || phase < PHASE_CLOSED)
		return status;
	(void)snprintf(sentence, sizeof(sentence),
	    "the contest is %s, and sheets are taken no more: whoever opens this link can look at "
	    "the sheet, but not rate.",
	    phase_name(phase));
	screen_warn(sentence);
	return EX_OK;
}

int invite_people(struct session *session, const struct invitation *invitations, size_t n)
{
	const struct settings *settings = &session->ctl->settings;
	char why[KEYRING_WHY_MAX];
	struct jws_key *key = NULL;

	if (keyring_load_bearer_private(settings->keys, session->round->name, &key, why) < 0)
		return ctl_fail(EX_NOINPUT, "%s", why);
	people_invite(&session->office, key, settings->issuer_name, invitations, n, session->who,
	    session_keep, session);
	session_run(session);
	jws_key_free(key);
	return session->status;
}

static int run(const struct ctl *ctl, int argc, char **argv)
{
	struct inviting it = {.n = 0};
	struct session_options shared;
	int status = read_arguments(ctl, argc, argv, &it, &shared);

	if (status != EX_OK)
		return status;
	status = session_open(ctl, &shared, &it.session);
	if (status != EX_OK)
		return status;
	status = set_expiry(&it);
	if (status == EX_OK)
		status = it.from != NULL ? read_table(&it) : read_one(&it);
	if (status == EX_OK && it.role == ROLE_EXPERT)
		status = warn_closed(&it);
	if (status == EX_OK)
		status = invite_people(&it.session, it.invitations, it.n);
	if (status == EX_OK)
		status = show(&it);
	(void)session_close(&it.session);
	csvfile_free(it.csv);
	free(it.invitations);
	return status;
}

const struct ctl_command ctl_invite = {
    .name = "invite",
    .summary = "invite experts, organisers, observers",
    .usage = usage,
    .run = run,
};
