/* tallyctl forget-identities: deletes what is kept of persons, before its day. */
#include <stdio.h>
#include <sysexits.h>

#include "base/clock.h"
#include "ctl/screen.h"
#include "ctl/session.h"
#include "office/persons.h"

static const char usage[] =
    "Usage: tallyctl -c FILE forget-identities --why REASON [OPTION]…\n"
    "\n"
    "Where citizens identify themselves, an identity is kept of each, so that nobody has a second\n"
    "voting right. The server deletes them on identity.delete_at of the contest's file; this does\n"
    "it at once, as soon as voting is closed. Nothing brings them back; the count does not need\n"
    "them, and how many voting rights were issued stays.\n"
    "\n"
    "Copies of Redis' data, and its append-only file until it is rewritten (redis-cli\n"
    "BGREWRITEAOF), still have them.\n"
    "\n"
    "      --why REASON         for the audit log\n"
    "      --contest ID         the contest, where several are configured\n"
    "      --by NAME, --token FILE   who deletes\n"
    "      --json               for programs\n";

static void tell(const struct session *session)
{
	const json_t *members = session->verdict.members;
	json_int_t persons = json_integer_value(json_object_get(members, "persons"));
	char at[CLOCK_TEXT_SIZE];

	if (json_object_get(members, "n"))
		screen_print("%s: identities deleted; %" JSON_INTEGER_FORMAT
			     " had a voting right. Entry %" JSON_INTEGER_FORMAT
			     " of the audit log.\n",
		    session_contest(session), persons,
		    json_integer_value(json_object_get(members, "n")));
	else
		screen_print("%s: identities were deleted before, at %s.\n",
		    session_contest(session),
		    screen_time(json_integer_value(json_object_get(members, "at")), at));
}

static int run(const struct ctl *ctl, int argc, char **argv)
{
	struct session_options options;
	struct session session;
	size_t n;
	int status = session_arguments(ctl, argc, argv, NULL, 0, 0, NULL, &n, &options);

	if (status != EX_OK)
		return status;
	status = session_wants_why(ctl, argv[0], &options);
	if (status == EX_OK)
		status = session_open(ctl, &options, &session);
	if (status != EX_OK)
		return status;
	screen_time_zone(session.round->contest->time_zone);
	persons_forget(&session.office, session.who, options.why, session_keep, &session);
	session_run(&session);
	if (session.status == EX_OK && options.json)
		session_print_json(session.verdict.members);
	else if (session.status == EX_OK)
		tell(&session);
	return session_close(&session);
}

const struct ctl_command ctl_forget = {
    .name = "forget-identities",
    .summary = "delete what is kept of persons, once voting is closed",
    .usage = usage,
    .run = run,
};
