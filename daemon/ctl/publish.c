/* tallyctl publish: without an operand the act that makes a closed contest provisional; with a
 * directory, the bundle of a certified contest (FORMAT.md section 5). Reads and writes;
 * audit/bundle decides what is right. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "audit/bundle.h"
#include "audit/bundle_desk.h"
#include "audit/bundle_logs.h"
#include "audit/verify.h"
#include "crypto/keyring.h"
#include "crypto/note.h"
#include "ctl/acts.h"
#include "ctl/interrupt.h"
#include "ctl/progress.h"
#include "ctl/screen.h"
#include "ctl/session.h"
#include "ctl/sitefiles.h"

#define HEADERS_BYTES_MAX 8192

struct publishing {
	struct session *session;
	struct site_sources pages;
	const char *dir;
	bool auditors;
	struct progress progress;
	char key_name[NOTE_NAME_MAX + 1], key[NOTE_VERIFIER_MAX];
	uint8_t seed[32]; /* of the result key */
};

static int status_of(int error)
{
	switch (error) {
	case -EIO:
		return EX_UNAVAILABLE;
	case -ESTALE:
	case -EBUSY:
	case -EINTR:
		return EX_TEMPFAIL;
	case -EBADMSG:
	case -ENOENT:
	case -EPERM:
		return EX_DATAERR;
	case -ENOMEM:
		return EX_OSERR;
	default:
		return EX_CANTCREAT;
	}
}

static bool on_progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
	progress_show(arg, what, done, total);
	return !interrupt_waits();
}

static int on_verify(void *arg, const char *what, uint64_t done, uint64_t total)
{
	return on_progress(arg, what, done, total) ? 0 : -EINTR;
}

/* ---- the pages ---- */

/* Pages that have nothing to do without a server. */
static const char *const needless[] = {"vote", "expert", "organiser", "projector", "en/vote",
    "en/expert", "en/organiser", "en/projector", NULL};

static int add_site_files(const struct publishing *it, struct sitetree *tree)
{
	const struct settings *settings = &it->session->ctl->settings;
	json_t *contests = json_pack("[o]", site_contest_json(settings, it->session->round));
	char *json = contests ? site_json(NULL, NULL, true, contests) : NULL;
	char why[SITETREE_WHY_MAX];
	struct buf headers;
	size_t files;
	int status = EX_OK;

	buf_init(&headers, HEADERS_BYTES_MAX);
	if (!json || site_headers(NULL, NULL, true, &headers) < 0)
		status = ctl_fail(EX_OSERR, "there is not enough memory.");
	else if (sitetree_add(tree, "_headers", buf_slice(&headers), why) < 0 ||
		 sitetree_add(tree, "site.json", slice_text(json), why) < 0 ||
		 sitetree_publish(tree, &files, why) < 0)
		status = ctl_fail(EX_CANTCREAT, "%s", why);
	buf_release(&headers);
	free(json);
	return status;
}

static int put_pages(const struct publishing *it, const struct bundle *bundle)
{
	char why[SITETREE_WHY_MAX];
	struct sitetree *tree = NULL;
	int status;

	if (sitetree_new(bundle_stage(bundle), &tree, why) < 0)
		return ctl_fail(EX_CANTCREAT, "%s", why);
	status = site_copy(tree, &it->pages, needless);
	if (status == EX_OK)
		status = add_site_files(it, tree);
	sitetree_free(tree);
	return status;
}

/* ---- the rest ---- */

/* Whatever is wrong with it is better found here than by the public. */
static int verify_stage(struct publishing *it, const struct bundle *bundle)
{
	const struct verify_options options = {
	    .key = it->key, .progress = on_verify, .arg = &it->progress};
	struct verification *verification = NULL;
	char why[VERIFY_WHY_MAX] = "";
	int r = verify_bundle(bundle_fd(bundle), &options, &verification, why);
	int status = EX_OK;

	progress_end(&it->progress);
	if (interrupt_waits())
		status = EX_TEMPFAIL;
	else if (r < 0)
		status = ctl_fail(EX_SOFTWARE, "The bundle cannot be verified: %s", why);
	else if (verification->all_findings > 0)
		status = ctl_fail(EX_SOFTWARE,
		    "The bundle does not verify, so it was not put in its place: %s%s%s",
		    verification->findings[0].file ? verification->findings[0].file : "",
		    verification->findings[0].file ? ": " : "", verification->findings[0].why);
	verification_free(verification);
	return status;
}

static int put_all(struct publishing *it, struct bundle *bundle,
    const struct bundle_desk_options *options, const struct bundle_desk *desk)
{
	struct session *session = it->session;
	const struct settings *settings = &session->ctl->settings;
	const struct bundle_logs_options logs = {.office = &session->office,
	    .base = session->base,
	    .redis = session->redis,
	    .log_name = settings->log_name,
	    .log_dir = settings->ballot_log.dir,
	    .progress = on_progress,
	    .arg = &it->progress};
	char why[BUNDLE_WHY_MAX];
	json_t *rows = NULL;
	int r = bundle_put_logs(bundle, &logs, desk,
	    bundle_has_openings(session->round->contest, it->auditors), &rows, why);

	if (r == 0)
		r = bundle_put_desk(bundle, options, desk, rows, why);
	if (r == 0)
		r = bundle_sign(bundle, desk->version, it->seed, why);
	json_decref(rows);
	progress_end(&it->progress);
	if (r == 0 || r == -EINTR)
		return r == 0 ? EX_OK : EX_TEMPFAIL;
	return ctl_fail(status_of(r), "%s", why);
}

/* What whoever hands it on should know first. */
static void warn(const struct publishing *it, const struct bundle_desk_options *options,
    const struct bundle_desk *desk)
{
	json_t *sheets = NULL, *warnings = NULL, *sentence;
	size_t i;

	if (it->auditors)
		screen_warn(
		    "this bundle is for auditors: it opens every ballot and names experts, "
		    "their sheets, and all organisers' acts, whatever the contest "
		    "publishes. Hand it to them alone; it belongs on no public host.");
	if (bundle_has_sheets(office_contest(options->office), it->auditors))
		sheets = bundle_sheets(options, desk);
	if (sheets)
		warnings = bundle_sheets_warnings(sheets, desk);
	json_array_foreach(warnings, i, sentence)
	{
		screen_warn(json_string_value(sentence));
	}
	json_decref(warnings);
	json_decref(sheets);
}

static void tell(
    const struct publishing *it, const struct bundle *bundle, const struct bundle_desk *desk)
{
	char files[32], bytes[32];

	if (it->session->options.json) {
		json_t *json = json_pack("{s:s, s:I, s:I, s:I, s:b, s:s}", "dir", it->dir,
		    "version", (json_int_t)desk->version, "files", (json_int_t)bundle_files(bundle),
		    "bytes", (json_int_t)bundle_bytes(bundle), "auditors", it->auditors, "key",
		    it->key);
		session_print_json(json);
		json_decref(json);
		return;
	}
	screen_print(
	    "%s: version %llu of the result of %s, %s files, %s bytes\n"
	    "  key     %s\n"
	    "  check   %s verify --key '%s' %s\n",
	    it->dir, (unsigned long long)desk->version, session_contest(it->session),
	    screen_number((int64_t)bundle_files(bundle), files),
	    screen_number((int64_t)bundle_bytes(bundle), bytes), it->key, program_invocation_name,
	    it->key, it->dir);
}

/* ---- from beginning to end ---- */

static int fill(struct publishing *it, struct bundle *bundle,
    const struct bundle_desk_options *desk_options, const struct bundle_desk *desk)
{
	char why[BUNDLE_WHY_MAX];
	int status = put_pages(it, bundle);

	if (status == EX_OK && !interrupt_waits())
		status = put_all(it, bundle, desk_options, desk);
	if (status == EX_OK && !interrupt_waits())
		status = verify_stage(it, bundle);
	if (interrupt_waits())
		return ctl_fail(EX_TEMPFAIL,
		    "interrupted: nothing was published, and %s is as it was.", it->dir);
	if (status != EX_OK)
		return status;
	int r = bundle_finish(bundle, why);
	return r == 0 ? EX_OK : ctl_fail(status_of(r), "%s", why);
}

static int write_bundle(struct publishing *it, const struct bundle_desk_options *desk_options,
    const struct bundle_desk *desk)
{
	const struct round *round = it->session->round;
	const struct bundle_options options = {.dir = it->dir,
	    .round = round->name,
	    .key_name = it->key_name,
	    .key = round->keys.result_key,
	    .secret = it->auditors};
	char why[BUNDLE_WHY_MAX];
	struct bundle *bundle = NULL;
	struct interrupt interrupt;
	int r, status;

	interrupt_hold(&interrupt);
	r = bundle_new(&options, &bundle, why);
	status = r == 0        ? fill(it, bundle, desk_options, desk)
		 : r == -EBUSY ? ctl_fail(EX_TEMPFAIL, "%s", why)
			       : ctl_fail(EX_CANTCREAT, "%s", why);
	if (status == EX_OK) {
		warn(it, desk_options, desk);
		tell(it, bundle, desk);
	}
	bundle_free(bundle);
	OPENSSL_cleanse(it->seed, sizeof(it->seed));
	interrupt_let_go(&interrupt);
	return status;
}

static int load_key(struct publishing *it)
{
	const struct settings *settings = &it->session->ctl->settings;
	const struct round *round = it->session->round;
	char why[KEYRING_WHY_MAX];

	(void)snprintf(
	    it->key_name, sizeof(it->key_name), "%s/%s/result", settings->log_name, round->name);
	if (note_verifier_print(it->key_name, round->keys.result_key, it->key) < 0)
		return ctl_fail(
		    EX_CONFIG, "log_name %s: is no name for a key.", settings->log_name);
	if (keyring_load_result_private(settings->keys, round->name, it->seed, why) < 0)
		return ctl_fail(EX_CONFIG, "%s", why);
	return EX_OK;
}

static int publish(struct publishing *it)
{
	struct session *session = it->session;
	const struct settings *settings = &session->ctl->settings;
	const struct bundle_desk_options options = {.office = &session->office,
	    .base = session->base,
	    .log_name = settings->log_name,
	    .issuer_name = settings->issuer_name,
	    .origin_info = settings->origin_info,
	    .contest_file = session->file,
	    .auditors = it->auditors};
	char why[BUNDLE_WHY_MAX];
	struct bundle_desk desk;
	/* First: what is not certified needs no pages. */
	int r = bundle_desk_read(&options, &desk, why), status;

	status = r == 0 ? site_find_pages(session->ctl->config, &it->pages)
			: ctl_fail(status_of(r), "%s", why);
	if (status == EX_OK)
		status = site_keep_apart(&it->pages, it->dir);
	if (status == EX_OK)
		status = load_key(it);
	if (status == EX_OK)
		status = write_bundle(it, &options, &desk);
	bundle_desk_release(&desk);
	return status;
}

/* ---- the command ---- */

static int run_act(
    const struct ctl *ctl, const struct session_options *options, const struct publishing *it)
{
	if (it->auditors || it->pages.from || it->pages.vendor)
		return ctl_misuse(ctl,
		    "--auditors, --from and --vendor are for a bundle: say into "
		    "which DIR it goes.");
	return ctl_act(ctl, options, json_pack("{s:s}", "act", "publish"));
}

static int run(const struct ctl *ctl, int argc, char **argv)
{
	struct publishing it = {.auditors = false};
	const struct ctl_option own[] = {{"auditors", NULL, &it.auditors},
	    {"from", &it.pages.from, NULL}, {"vendor", &it.pages.vendor, NULL}, {NULL, NULL, NULL}};
	struct session_options options;
	struct session session;
	size_t n;
	int status = session_arguments(ctl, argc, argv, own, 0, 1, &it.dir, &n, &options);

	if (status != EX_OK)
		return status;
	if (n == 0)
		return run_act(ctl, &options, &it);
	if (options.why[0] || options.by || options.token)
		return ctl_misuse(ctl,
		    "--why, --by and --token are for the act; a bundle is "
		    "written without.");
	status = session_open(ctl, &options, &session);
	if (status != EX_OK)
		return status;
	it.session = &session;
	session.status = publish(&it);
	return session_close(&session);
}

const struct ctl_command ctl_publish = {
    .name = "publish",
    .summary = "publish the provisional result; or DIR: what everybody can check",
    .usage =
	"Usage: tallyctl -c FILE publish [--why TEXT] [OPTION]…\n"
	"       tallyctl -c FILE publish [--auditors] [--from DIR] [--vendor DIR] [OPTION]… DIR\n"
	"\n"
	"Without DIR: publishes the provisional result of a closed contest; from now on "
	"objections\n"
	"may be raised. It is made final by tallyctl certify.\n"
	"\n"
	"      --why TEXT      the reason, for the audit log\n"
	"      --by NAME       who does it, for the audit log (the login name)\n"
	"      --token FILE    do it as the organiser whose token, or link, is in FILE\n"
	"\n"
	"With DIR: writes the bundle of a certified contest there: results, logs, and what the\n"
	"contest publishes of ballots (openings), sheets (sheet_openings) and the standing\n"
	"(stage: publish), signed with the result key, with pages that show it. Any host of "
	"static\n"
	"files can serve it, and anybody can check it with tallyctl verify, or by the FORMAT.md "
	"in\n"
	"it. DIR is new, empty, or an earlier bundle of the contest, which it then replaces (one\n"
	"for auditors only one for auditors); it is there as a whole or not at all.\n"
	"\n"
	"      --auditors      everything, whatever the contest publishes: every ballot opened,\n"
	"                      sheets with names, metrics, the annex, the audit log. For auditors\n"
	"                      alone; it belongs on no public host\n"
	"      --from DIR      where the pages come from; else the directory \"static\" beside "
	"FILE,\n"
	"                      beside FILE's directory, or where this program was built or "
	"installed\n"
	"      --vendor DIR    others' work that pages use, put into vendor/; else what "
	"ops/install\n"
	"                      fetched beside the pages\n"
	"\n"
	"      --contest ID    the contest, where FILE has several\n"
	"      --json          print the outcome as JSON\n"
	"\n"
	"Ends with 0; 65 where the contest is not in the phase for it, or something does not "
	"agree\n"
	"(the sentence says what); 66 when no pages are found; 69 when Redis is not to be had; "
	"73\n"
	"when DIR cannot be written; 75 when it goes well later: another run is at DIR, or the\n"
	"server has not sealed everything yet; 78 when the result key is not here.\n",
    .run = run,
};
