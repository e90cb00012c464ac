/* tallyctl revoke: takes a person's token back, at once and everywhere. */
#include <stdio.h>
#include <sysexits.h>

#include "ctl/screen.h"
#include "ctl/session.h"

static const char usage[] =
    "Usage: tallyctl -c FILE revoke ID --why REASON [OPTION]…\n"
    "\n"
    "The person's link opens nothing any more, from the next request on. What was handed in\n"
    "before stands. `tallyctl people` lists the ids; a new invitation gives a new link.\n"
    "\n"
    "      --why REASON         for the audit log\n"
    "      --contest ID         the contest, where several are configured\n"
    "      --by NAME, --token FILE   who revokes\n"
    "      --json               for programs\n";

static int run(const struct ctl *ctl, int argc, char **argv)
{
	struct session_options options;
	struct session session;
	const char *id;
	int status = session_arguments(ctl, argc, argv, NULL, 1, 1, &id, NULL, &options);

	if (status != EX_OK)
		return status;
	status = session_wants_why(ctl, argv[0], &options);
	if (status == EX_OK)
		status = session_open(ctl, &options, &session);
	if (status != EX_OK)
		return status;
	people_revoke(&session.office, id, session.who, options.why, session_keep, &session);
	session_run(&session);
	if (session.status == EX_OK && options.json)
		session_print_json(session.verdict.members);
	else if (session.status == EX_OK)
		screen_print("revoked: %s (%s)\n",
		    json_string_value(json_object_get(session.verdict.members, "name")), id);
	return session_close(&session);
}

const struct ctl_command ctl_revoke = {
    .name = "revoke",
    .summary = "take a person's token back",
    .usage = usage,
    .run = run,
};
