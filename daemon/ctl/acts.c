/* tallyctl open, pause, resume, extend, close, notice, disqualify, requalify, requests,
 * approve and reject: what organisers do to a contest. Reads the command line; office/acts.h
 * decides. */
#include "office/acts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "ctl/acts.h"
#include "ctl/ctl.h"
#include "ctl/screen.h"
#include "ctl/session.h"
#include "ctl/unrated.h"

#define SHARED                                                                                     \
	"\n"                                                                                       \
	"      --contest ID    the contest, where FILE has several\n"                              \
	"      --by NAME       who does it, for the audit log (the login name)\n"                  \
	"      --token FILE    do it as the organiser whose token, or link, is in FILE\n"          \
	"      --json          print the outcome as JSON\n"

#define WHY "      --why TEXT      the reason, for the audit log\n"
#define SECOND                                                                                     \
	"\n"                                                                                       \
	"Where the contest wants two organisers (approvals: 2) this is kept as a request until\n"  \
	"another one approves it: see tallyctl requests.\n"

/* ---- telling the outcome ---- */

static const char *text_member(const struct session *session, const char *name)
{
	const char *text = json_string_value(json_object_get(session->verdict.members, name));
	return text ? text : "";
}

static json_int_t number_member(const struct session *session, const char *name)
{
	return json_integer_value(json_object_get(session->verdict.members, name));
}

static void tell_outcome(const struct session *session)
{
	const char *round = session_contest(session);
	if (session->options.json)
		session_print_json(session->verdict.members);
	else if (session->verdict.status == 202)
		screen_print(
		    "%s: waits for another organiser as request %s, who approves it:\n"
		    "  tallyctl -c %s approve %s --token FILE\n"
		    "FILE holds that organiser's token, or the link that tallyctl invite "
		    "printed.\n",
		    round, text_member(session, "request"), session->ctl->config,
		    text_member(session, "request"));
	else if (json_object_get(session->verdict.members, "phase"))
		screen_print("%s: done; the contest is %s. Entry %" JSON_INTEGER_FORMAT
			     " of the audit log.\n",
		    round, text_member(session, "phase"), number_member(session, "n"));
	else
		screen_print("%s: done. Entry %" JSON_INTEGER_FORMAT " of the audit log.\n", round,
		    number_member(session, "n"));
}

static int end(struct session *session)
{
	session_run(session);
	if (session->status == EX_OK)
		tell_outcome(session);
	return session_close(session);
}

/* ---- acts ---- */

/* Takes `act` over and adds the reason. */
static int perform(
    const struct ctl *ctl, const struct session_options *options, json_t *act, bool for_correction)
{
	struct session session;
	int status = EX_OSERR;
	if (!act ||
	    (options->why[0] && json_object_set_new(act, "why", json_string(options->why)) != 0)) {
		json_decref(act);
		return ctl_fail(EX_USAGE, "what was given is not UTF-8.");
	}
	status = session_open(ctl, options, &session);
	if (status != EX_OK)
		goto out;
	session.status = unrated_warn(&session, json_string_value(json_object_get(act, "act")));
	if (session.status != EX_OK) {
		status = session_close(&session);
		goto out;
	}
	acts_perform(&session.office, act, session.who, for_correction, session_keep, &session);
	status = end(&session);
out:
	json_decref(act);
	return status;
}

int ctl_act(const struct ctl *ctl, const struct session_options *options, json_t *act)
{
	return perform(ctl, options, act, false);
}

static int run_plain(const struct ctl *ctl, int argc, char **argv)
{
	struct session_options options;
	size_t n;
	int status = session_arguments(ctl, argc, argv, NULL, 0, 0, NULL, &n, &options);
	if (status == EX_OK && strcmp(argv[0], "open") != 0) /* goes without */
		status = session_wants_why(ctl, argv[0], &options);
	if (status != EX_OK)
		return status;
	return perform(ctl, &options, json_pack("{s:s}", "act", argv[0]), false);
}

static int run_extend(const struct ctl *ctl, int argc, char **argv)
{
	const char *until = NULL;
	const struct ctl_option own[] = {{"until", &until, NULL}, {NULL, NULL, NULL}};
	struct session_options options;
	size_t n;
	int status = session_arguments(ctl, argc, argv, own, 0, 0, NULL, &n, &options);
	if (status != EX_OK)
		return status;
	if (!until)
		return ctl_misuse(
		    ctl, "extend takes the new close: --until 2026-12-31T18:00:00+09:00.");
	status = session_wants_why(ctl, argv[0], &options);
	if (status != EX_OK)
		return status;
	return perform(
	    ctl, &options, json_pack("{s:s, s:s}", "act", "extend", "closes_at", until), false);
}

static int run_notice(const struct ctl *ctl, int argc, char **argv)
{
	const char *ko = NULL, *en = NULL;
	bool clear = false;
	const struct ctl_option own[] = {
	    {"ko", &ko, NULL}, {"en", &en, NULL}, {"clear", NULL, &clear}, {NULL, NULL, NULL}};
	struct session_options options;
	size_t n;
	int status = session_arguments(ctl, argc, argv, own, 0, 0, NULL, &n, &options);
	if (status != EX_OK)
		return status;
	if (clear ? (ko || en) : (!ko || !en))
		return ctl_misuse(ctl, "notice takes --ko and --en, or --clear alone.");
	json_t *act =
	    clear ? json_pack("{s:s, s:n}", "act", "notice", "notice")
		  : json_pack("{s:s, s:{s:s, s:s}}", "act", "notice", "notice", "ko", ko, "en", en);
	return perform(ctl, &options, act, false);
}

static int run_disqualify(const struct ctl *ctl, int argc, char **argv)
{
	const char *ko = NULL, *en = NULL, *entry;
	bool for_correction = false;
	const struct ctl_option own[] = {{"ko", &ko, NULL}, {"en", &en, NULL},
	    {"for-correction", NULL, &for_correction}, {NULL, NULL, NULL}};
	struct session_options options;
	size_t n;
	int status = session_arguments(ctl, argc, argv, own, 1, 1, &entry, &n, &options);
	if (status != EX_OK)
		return status;
	if (!ko || !en)
		return ctl_misuse(
		    ctl, "disqualify takes the reason in both languages: --ko and --en.");
	return perform(ctl, &options,
	    json_pack("{s:s, s:s, s:{s:s, s:s}}", "act", "disqualify", "entry", entry, "reason",
		"ko", ko, "en", en),
	    for_correction);
}

static int run_requalify(const struct ctl *ctl, int argc, char **argv)
{
	const char *entry;
	bool for_correction = false;
	const struct ctl_option own[] = {
	    {"for-correction", NULL, &for_correction}, {NULL, NULL, NULL}};
	struct session_options options;
	size_t n;
	int status = session_arguments(ctl, argc, argv, own, 1, 1, &entry, &n, &options);
	if (status == EX_OK)
		status = session_wants_why(ctl, argv[0], &options);
	if (status != EX_OK)
		return status;
	return perform(ctl, &options, json_pack("{s:s, s:s}", "act", "requalify", "entry", entry),
	    for_correction);
}

/* ---- requests ---- */

static int run_decide(const struct ctl *ctl, int argc, char **argv)
{
	const char *request;
	struct session_options options;
	struct session session;
	size_t n;
	int status = session_arguments(ctl, argc, argv, NULL, 1, 1, &request, &n, &options);
	if (status == EX_OK && strcmp(argv[0], "reject") == 0)
		status = session_wants_why(ctl, argv[0], &options);
	if (status == EX_OK)
		status = session_open(ctl, &options, &session);
	if (status != EX_OK)
		return status;
	acts_decide(&session.office, request, strcmp(argv[0], "approve") == 0, session.who,
	    options.why, session_keep, &session);
	return end(&session);
}

struct listing {
	struct session *session;
	json_t *requests; /* [{"id","act","who","at","why"}] */
};

/* As everywhere: a time for programs is RFC 3339. */
static void write_time(json_t *request)
{
	char at[CLOCK_TEXT_SIZE];
	json_int_t ms = json_integer_value(json_object_get(request, "at"));
	(void)json_object_set_new(request, "at", json_string(clock_format(ms, 1, at)));
}

static void on_requests(void *arg, const struct desk_view *view)
{
	struct listing *listing = arg;
	if (listing->session->done)
		return;
	for (size_t i = 0; view && i < desk_count(view, DESK_REQUESTS); i++) {
		struct slice id, value;
		desk_at(view, DESK_REQUESTS, i, &id, &value);
		json_t *request = json_loadb(value.ptr, value.len, JSON_REJECT_DUPLICATES, NULL);
		acts_summarise_request(request);
		json_object_set_new(request, "id", json_stringn(id.ptr, id.len));
		write_time(request);
		json_array_append_new(listing->requests, request);
	}
	session_done(listing->session,
	    view ? EX_OK : ctl_fail(EX_UNAVAILABLE, "the record cannot be read now."));
}

static void print_request(const json_t *request)
{
	char *act = json_dumps(json_object_get(request, "act"), JSON_ENCODE_ANY | JSON_COMPACT);
	screen_print("%s  %s  %s\n    %s\n    %s\n",
	    json_string_value(json_object_get(request, "id")),
	    json_string_value(json_object_get(request, "at")),
	    json_string_value(json_object_get(request, "who")), act ? act : "",
	    json_string_value(json_object_get(request, "why")));
	free(act);
}

static void print_requests(const struct listing *listing)
{
	size_t i;
	json_t *request;
	if (listing->session->options.json) {
		session_print_json(listing->requests);
		return;
	}
	json_array_foreach(listing->requests, i, request)
	{
		print_request(request);
	}
	if (json_array_size(listing->requests) == 0)
		screen_print("%s: no request waits.\n", session_contest(listing->session));
}

static int run_requests(const struct ctl *ctl, int argc, char **argv)
{
	struct session_options options;
	struct session session;
	struct listing listing = {.session = &session};
	const struct desk_want want = {DESK_REQUESTS, NULL};
	size_t n;
	int status = session_arguments(ctl, argc, argv, NULL, 0, 0, NULL, &n, &options);
	if (status == EX_OK)
		status = session_open(ctl, &options, &session);
	if (status != EX_OK)
		return status;
	listing.requests = json_array();
	desk_read(session.desk, &want, 1, on_requests, &listing);
	session_run(&session);
	if (session.status == EX_OK)
		print_requests(&listing);
	status = session_close(&session);
	json_decref(listing.requests);
	return status;
}

/* ---- the commands ---- */

const struct ctl_command ctl_open = {"open", "open the contest now, before its hour",
    "Usage: tallyctl -c FILE open [--why TEXT] [OPTION]…\n"
    "\n"
    "Opens the contest now, before its hour. It closes when it would have closed.\n" SHARED WHY,
    run_plain};

const struct ctl_command ctl_pause = {"pause", "take no ballots and no sheets for a while",
    "Usage: tallyctl -c FILE pause --why TEXT [OPTION]…\n"
    "\n"
    "No ballot and no score sheet is taken until the contest is resumed. Its hours go on.\n" SHARED
	WHY,
    run_plain};

const struct ctl_command ctl_resume = {"resume", "go on after a pause",
    "Usage: tallyctl -c FILE resume --why TEXT [OPTION]…\n"
    "\n"
    "Goes on after a pause.\n" SHARED WHY,
    run_plain};

const struct ctl_command ctl_extend = {"extend", "let the contest close later",
    "Usage: tallyctl -c FILE extend --until TIME --why TEXT [OPTION]…\n"
    "\n"
    "Lets the contest close later than it would have; never earlier, not after the close, and at\n"
    "most 30 days later at once.\n"
    "\n"
    "      --until TIME    the new close, such as 2026-12-31T18:00:00+09:00\n" SHARED WHY,
    run_extend};

const struct ctl_command ctl_close = {"close", "close the contest for good",
    "Usage: tallyctl -c FILE close --why TEXT [OPTION]…\n"
    "\n"
    "Closes the contest before its hour. Nothing reopens it. Where a panel that weighs\n"
    "something has not rated yet, that is told, and asked about at a terminal.\n" SHARED WHY SECOND,
    run_plain};

const struct ctl_command ctl_notice = {"notice", "put a notice on all public pages",
    "Usage: tallyctl -c FILE notice --ko TEXT --en TEXT [OPTION]…\n"
    "       tallyctl -c FILE notice --clear [OPTION]…\n"
    "\n"
    "Puts a notice of at most 300 characters on all public pages, or takes it away.\n" SHARED WHY,
    run_notice};

#define FOR_CORRECTION                                                                             \
	"      --for-correction  also when the result is certified: for tallyctl correct\n"

const struct ctl_command ctl_disqualify = {"disqualify", "disqualify an entry for a named reason",
    "Usage: tallyctl -c FILE disqualify ENTRY --ko REASON --en REASON [OPTION]…\n"
    "\n"
    "Takes an entry out of the ranking, whatever its points. The reason is named with it.\n" SHARED
	WHY FOR_CORRECTION SECOND,
    run_disqualify};

const struct ctl_command ctl_requalify = {"requalify", "take a disqualification back",
    "Usage: tallyctl -c FILE requalify ENTRY --why TEXT [OPTION]…\n"
    "\n"
    "Takes a disqualification back.\n" SHARED WHY FOR_CORRECTION SECOND,
    run_requalify};

const struct ctl_command ctl_requests = {"requests", "what waits for a second organiser",
    "Usage: tallyctl -c FILE requests [OPTION]…\n"
    "\n"
    "Lists the acts that one organiser asked for and another must approve.\n" SHARED,
    run_requests};

const struct ctl_command ctl_approve = {"approve", "approve what another organiser asked for",
    "Usage: tallyctl -c FILE approve REQUEST [--why TEXT] [OPTION]…\n"
    "\n"
    "Does what another organiser asked for, if it is still possible. All who work without an\n"
    "organiser's token count as one.\n" SHARED WHY,
    run_decide};

const struct ctl_command ctl_reject = {"reject", "reject what an organiser asked for",
    "Usage: tallyctl -c FILE reject REQUEST --why TEXT [OPTION]…\n"
    "\n"
    "Takes a request from the list without doing it.\n" SHARED WHY,
    run_decide};
