/* tallyctl certify and correct: sign the result with the round's result key. tallyctl result: shows
 * and checks what was signed. */
#include "office/results.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <openssl/crypto.h>

#include "crypto/keyring.h"
#include "ctl/ctl.h"
#include "ctl/recount.h"
#include "ctl/screen.h"
#include "ctl/session.h"
#include "ctl/signers.h"

#define SHARED                                                                                     \
	"\n"                                                                                       \
	"      --contest ID    the contest, where FILE has several\n"                              \
	"      --json          print the outcome as JSON\n"

#define SIGNING                                                                                    \
	SHARED                                                                                     \
	"      --by NAME       who does it, for the audit log and the result (the login name)\n"   \
	"      --token FILE    do it as the organiser whose token, or link, is in "                \
	"FILE\n" SIGNERS_USAGE                                                                     \
	"      --why TEXT      the reason; it stands in the result, which is public\n"

#define ENDS                                                                                       \
	"\n"                                                                                       \
	"Ends with 0 when it is signed. Nothing is signed with 65 (the phase, something that is\n" \
	"missing or does not agree: the sentence says which), 69 (Redis is not to be had), 77 "    \
	"(who\n"                                                                                   \
	"may not) and 78 (the result key is not here).\n"

/* ---- signing ---- */

static void tell_signing(const struct session *session)
{
	const json_t *members = session->verdict.members;
	size_t i;
	json_t *entry;
	if (session->options.json) {
		session_print_json(members);
		return;
	}
	(void)printf("%s: version %lld of the result is signed.\n", session_contest(session),
	    (long long)json_integer_value(json_object_get(members, "version")));
	json_array_foreach(json_object_get(members, "advanced"), i, entry)
	{
		(void)printf("%s%s", i == 0 ? "Advanced: " : ", ", json_string_value(entry));
	}
	(void)fputs(i > 0 ? "\n" : "", stdout);
}

/* 0, or the exit status, told: nothing is signed while anything disagrees. */
static int count_anew(struct session *session, struct recount **ret_recount)
{
	struct recount *recount = NULL;
	int status = recount_session(session, &recount);
	if (status != EX_OK)
		return status;
	if (recount->findings.n > 0) {
		recount_tell(recount);
		status = ctl_fail(EX_DATAERR,
		    "nothing was signed: in a recount %" PRIu64
		    " %s (tallyctl recount). See ops/runbook.md.",
		    recount->findings.n,
		    recount->findings.n == 1 ? "thing does not agree" : "things do not agree");
	} else if (!recount->sealed) {
		status = ctl_fail(EX_DATAERR,
		    "nothing was signed: the ballot log is not sealed to its end. Is a server with "
		    "the log's key running (ballot_log: in %s)?",
		    session->ctl->config);
	}
	if (status == EX_OK)
		*ret_recount = recount;
	else
		recount_free(recount);
	return status;
}

/* Signs what was recounted. */
static int sign_recount(
    struct session *session, bool correct, const struct recount *recount, const char *who)
{
	const struct settings *settings = &session->ctl->settings;
	struct result_evidence evidence = {.ballots = recount->ballots,
	    .issued = recount->issued,
	    .log_size = recount->log_size,
	    .citizen = recount->rows,
	    .log = recount_log(recount),
	    .audit_n = recount->desk.entries};
	char why[KEYRING_WHY_MAX];
	uint8_t seed[32];
	memcpy(evidence.audit_head, recount->desk.head, sizeof(evidence.audit_head));
	if (!evidence.log)
		return ctl_fail(EX_OSERR, "there is not enough memory.");
	if (keyring_load_result_private(settings->keys, session->round->name, seed, why) != 0) {
		json_decref(evidence.log);
		return ctl_fail(EX_CONFIG, "%s", why);
	}
	results_sign(&session->office, correct, &evidence, seed, settings->log_name, who,
	    session->options.why, session_keep, session);
	OPENSSL_cleanse(seed, sizeof(seed));
	json_decref(evidence.log);
	session_run(session);
	return session->status;
}

static int sign(struct session *session, bool correct, const char *second_token)
{
	struct recount *counted = NULL;
	char who[OFFICE_WHO_MAX];
	int status = signers_name(session, second_token, who);
	if (status != EX_OK)
		return status;
	results_ask(&session->office, correct, session_keep, session);
	session_run(session);
	if (session->status != EX_OK)
		return session->status;
	status = count_anew(session, &counted);
	if (status == EX_OK)
		status = sign_recount(session, correct, counted, who);
	recount_free(counted);
	if (status == EX_OK)
		tell_signing(session);
	return status;
}

static int run_sign(const struct ctl *ctl, int argc, char **argv)
{
	const char *second_token = NULL;
	const struct ctl_option own[] = {{"second-token", &second_token, NULL}, {NULL, NULL, NULL}};
	struct session_options options;
	struct session session;
	size_t n;
	int status = session_arguments(ctl, argc, argv, own, 0, 0, NULL, &n, &options);
	if (status == EX_OK)
		status = session_wants_why(ctl, argv[0], &options);
	if (status == EX_OK)
		status = session_open(ctl, &options, &session);
	if (status != EX_OK)
		return status;
	session.status = sign(&session, strcmp(argv[0], "correct") == 0, second_token);
	return session_close(&session);
}

/* ---- showing ---- */

struct showing {
	struct session *session;
	const char *version; /* NULL: the newest */
	bool verify, annex, document;
};

static struct slice member(const json_t *stored, const char *name)
{
	const json_t *text = json_object_get(stored, name);
	return slice_make(json_string_value(text), json_string_length(text));
}

static int verify(const struct showing *showing, const json_t *stored, const char *version)
{
	const struct session *session = showing->session;
	struct slice document = member(stored, "document");
	if (result_verify(session->round, session->ctl->settings.log_name, document,
		member(stored, "note")) != 0)
		return ctl_fail(EX_DATAERR,
		    "version %s does not verify: document, note and the key "
		    "%s/%s/result.public.pem "
		    "do not belong together.",
		    version, session->ctl->settings.keys, session->round->name);
	if (result_verify_annex(document, member(stored, "annex")) != 0)
		return ctl_fail(
		    EX_DATAERR, "the annex of version %s is not the one that was signed.", version);
	return EX_OK;
}

/* For people; what was signed is in --document and --json. */
static void print_summary(
    const struct showing *showing, const json_t *document, struct slice text, const char *version)
{
	static const char *const texts[] = {"kind", "at", "who", "why"};
	json_t *hash = result_sha256(text);
	const json_t *advanced = json_object_get(document, "advanced"), *row;
	size_t i;

	screen_print("%s: version %s of the result\n", session_contest(showing->session), version);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		screen_print("  %-13s %s\n", texts[i],
		    json_string_value(json_object_get(document, texts[i])));
	screen_print("  %-13s", "advanced");
	for (i = 0; i < json_array_size(advanced); i++)
		screen_print(
		    "%s %s", i > 0 ? "," : "", json_string_value(json_array_get(advanced, i)));
	screen_print("%s\n  %-13s", i == 0 ? " –" : "", "disqualified");
	size_t n = 0;
	json_array_foreach(json_object_get(json_object_get(document, "public"), "standing"), i, row)
	{
		if (json_is_object(json_object_get(row, "disqualified")) ||
		    json_is_string(json_object_get(row, "disqualified")))
			screen_print("%s %s", n++ > 0 ? "," : "",
			    json_string_value(json_object_get(row, "entry")));
	}
	screen_print("%s\n  %-13s %s\n", n == 0 ? " –" : "", "sha256", json_string_value(hash));
	json_decref(hash);
}

static void print_lines(const json_t *stored, const struct showing *showing, const char *version)
{
	json_t *document = json_loads(member(stored, "document").ptr, JSON_REJECT_DUPLICATES, NULL);
	if (showing->verify)
		(void)printf("%s: version %s (%s at %s) verifies.\n",
		    session_contest(showing->session), version,
		    json_string_value(json_object_get(document, "kind")),
		    json_string_value(json_object_get(document, "at")));
	else if (showing->annex || showing->document)
		(void)printf("%s\n", member(stored, showing->annex ? "annex" : "document").ptr);
	else
		print_summary(showing, document, member(stored, "document"), version);
	json_decref(document);
}

/* With --json: the texts as they were signed, byte by byte. */
static void print_json(const json_t *stored, const struct showing *showing, const char *version)
{
	json_t *shown = json_pack("{s:s, s:O, s:O, s:b}", "version", version, "document",
	    json_object_get(stored, "document"), "note", json_object_get(stored, "note"),
	    "verified", showing->verify);
	if (showing->annex)
		json_object_set(shown, "annex", json_object_get(stored, "annex"));
	session_print_json(shown);
	json_decref(shown);
}

static int show(const struct showing *showing, const json_t *stored, const char *version)
{
	int status = EX_OK;
	if (!json_is_string(json_object_get(stored, "document")) ||
	    !json_is_string(json_object_get(stored, "note")) ||
	    !json_is_string(json_object_get(stored, "annex")))
		return ctl_fail(EX_DATAERR, "version %s is damaged.", version);
	if (showing->verify)
		status = verify(showing, stored, version);
	if (status != EX_OK)
		return status;
	if (showing->session->options.json)
		print_json(stored, showing, version);
	else
		print_lines(stored, showing, version);
	return EX_OK;
}

static void on_results(void *arg, const struct desk_view *view)
{
	struct showing *showing = arg;
	char newest[24];
	if (showing->session->done)
		return;
	if (!view) {
		session_done(
		    showing->session, ctl_fail(EX_UNAVAILABLE, "the record cannot be read now."));
		return;
	}
	(void)snprintf(newest, sizeof(newest), "%zu", desk_count(view, DESK_RESULTS));
	const char *version = showing->version ? showing->version : newest;
	struct slice text = desk_get(view, DESK_RESULTS, version);
	if (!text.ptr) {
		session_done(
		    showing->session, ctl_fail(EX_DATAERR,
					  showing->version ? "there is no version %s of the result."
							   : "nothing has been certified yet.",
					  version));
		return;
	}
	json_t *stored = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
	session_done(showing->session, show(showing, stored, version));
	json_decref(stored);
}

static int run_result(const struct ctl *ctl, int argc, char **argv)
{
	struct showing showing = {0};
	const struct ctl_option own[] = {{"version", &showing.version, NULL},
	    {"verify", NULL, &showing.verify}, {"annex", NULL, &showing.annex},
	    {"document", NULL, &showing.document}, {NULL, NULL, NULL}};
	const struct desk_want want = {DESK_RESULTS, NULL};
	struct session_options options;
	struct session session;
	long number;
	size_t n;
	int status = session_arguments(ctl, argc, argv, own, 0, 0, NULL, &n, &options);
	if (status == EX_OK && showing.version &&
	    ctl_number(showing.version, 1, 1000000, &number) != 0)
		status = ctl_misuse(ctl, "--version takes a number from 1.");
	if (status == EX_OK)
		status = session_open(ctl, &options, &session);
	if (status != EX_OK)
		return status;
	showing.session = &session;
	desk_read(session.desk, &want, 1, on_results, &showing);
	session_run(&session);
	return session_close(&session);
}

/* ---- the commands ---- */

const struct ctl_command ctl_certify = {"certify", "sign the provisional result",
    "Usage: tallyctl -c FILE certify --why TEXT [OPTION]…\n"
    "\n"
    "Recounts (tallyctl recount) and, when all of it agrees, signs the provisional result.\n"
    "Everything that weighs must be there, no request open, and the ballot log sealed to its\n"
    "end. From then on the public sees what was signed. It comes after tallyctl close and "
    "tallyctl\n"
    "publish; tallyctl publish DIR writes what everybody can check.\n" SIGNING ENDS,
    run_sign};

const struct ctl_command ctl_correct = {"correct", "sign a correction of a certified result",
    "Usage: tallyctl -c FILE correct --why TEXT [OPTION]…\n"
    "\n"
    "Recounts, and signs the result anew as rulings and metrics are now (see their\n"
    "--for-correction). Both versions stay, and the public sees the new one.\n" SIGNING ENDS,
    run_sign};

const struct ctl_command ctl_result = {"result", "show or verify a signed result",
    "Usage: tallyctl -c FILE result [OPTION]…\n"
    "\n"
    "Tells what the newest signed result says; with --json or --document prints it.\n" SHARED
    "      --version N     this version rather than the newest\n"
    "      --verify        check document, annex and note against the public result key\n"
    "      --document      the public document as it was signed\n"
    "      --annex         what the document keeps from the public\n",
    run_result};
