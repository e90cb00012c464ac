/* tallyctl recuse and challenge: organisers rule whether an expert rates an entry. Reads the
 * command line; office/rulings.h decides. */
#include "office/rulings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "ctl/screen.h"
#include "ctl/session.h"

#define OPTIONS                                                                                    \
	"\n"                                                                                       \
	"      --why TEXT         the reason, which the expert sees, and for the audit log\n"      \
	"      --for-correction   after certifying, for a correction that follows\n"               \
	"      --contest ID       the contest, where several are configured\n"                     \
	"      --by NAME, --token FILE   who rules\n"                                              \
	"      --json             for programs\n"

static void tell(const struct session *session)
{
	const json_t *members = session->verdict.members;
	const char *warning = json_string_value(json_object_get(members, "warning"));

	if (session->options.json) {
		session_print_json(members);
		return;
	}
	screen_print("%s (%s), %s: %s. Entry %" JSON_INTEGER_FORMAT " of the audit log.\n",
	    json_string_value(json_object_get(members, "name")),
	    json_string_value(json_object_get(members, "person")),
	    json_string_value(json_object_get(members, "entry")),
	    json_string_value(json_object_get(members, "decision")),
	    json_integer_value(json_object_get(members, "n")));
	if (warning)
		screen_warn(warning);
}

static int rule(const struct ctl *ctl, const struct session_options *options, enum ruling ruling,
    const char *const operands[2], bool for_correction)
{
	struct session session;
	int status = session_open(ctl, options, &session);

	if (status != EX_OK)
		return status;
	rulings_expert(&session.office, ruling, operands[0], operands[1], session.who, options->why,
	    for_correction, session_keep, &session);
	session_run(&session);
	if (session.status == EX_OK)
		tell(&session);
	return session_close(&session);
}

static int run_recuse(const struct ctl *ctl, int argc, char **argv)
{
	bool for_correction = false;
	const struct ctl_option own[] = {
	    {"for-correction", NULL, &for_correction}, {NULL, NULL, NULL}};
	struct session_options options;
	const char *operands[2];
	int status = session_arguments(ctl, argc, argv, own, 2, 2, operands, NULL, &options);

	if (status != EX_OK)
		return status;
	status = session_wants_why(ctl, argv[0], &options);
	if (status != EX_OK)
		return status;
	return rule(ctl, &options, RULING_RECUSAL, operands, for_correction);
}

static int run_challenge(const struct ctl *ctl, int argc, char **argv)
{
	bool uphold = false, reject = false, lift = false, for_correction = false;
	const struct ctl_option own[] = {{"uphold", NULL, &uphold}, {"reject", NULL, &reject},
	    {"lift", NULL, &lift}, {"for-correction", NULL, &for_correction}, {NULL, NULL, NULL}};
	struct session_options options;
	const char *operands[2];
	int status = session_arguments(ctl, argc, argv, own, 2, 2, operands, NULL, &options);

	if (status != EX_OK)
		return status;
	if (uphold + reject + lift != 1)
		return ctl_misuse(ctl, "challenge wants one of --uphold, --reject, and --lift.");
	status = session_wants_why(ctl, argv[0], &options);
	if (status != EX_OK)
		return status;
	return rule(ctl, &options,
	    uphold   ? RULING_CHALLENGE_UPHELD
	    : reject ? RULING_CHALLENGE_REJECTED
		     : RULING_LIFT,
	    operands, for_correction);
}

const struct ctl_command ctl_recuse = {
    .name = "recuse",
    .summary = "take an expert off an entry",
    .usage =
	"Usage: tallyctl -c FILE recuse EXPERT ENTRY --why REASON [OPTION]…\n"
	"\n"
	"The expert (an id of `tallyctl people`) no longer rates this entry: scores given before\n"
	"leave the aggregate and stay in the history. `challenge … --lift` takes it "
	"back.\n" OPTIONS,
    .run = run_recuse,
};

const struct ctl_command ctl_challenge = {
    .name = "challenge",
    .summary = "decide a team's challenge of an expert",
    .usage =
	"Usage: tallyctl -c FILE challenge EXPERT ENTRY --uphold|--reject|--lift --why REASON\n"
	"\n"
	"Records what was decided about a challenge of this expert by this entry.\n"
	"\n"
	"      --uphold           the expert no longer rates the entry: scores given before leave\n"
	"                         the aggregate and stay in the history\n"
	"      --reject           the expert goes on; the decision is on record\n"
	"      --lift             a recusal or an upheld challenge is taken back\n" OPTIONS,
    .run = run_challenge,
};
