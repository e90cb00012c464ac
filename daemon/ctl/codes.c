/* tallyctl codes: makes invitation codes, shows how many were used, takes them back. */
#include "ctl/codes.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "admission/code.h"
#include "ctl/screen.h"
#include "office/codes.h"

#define OPERANDS_MAX 100

enum { PIECE = 500 }; /* entries of the audit log in one reading */

static const char usage[] =
    "Usage: tallyctl -c FILE codes make N --out CSV [--label TEXT] [--qr DIR] [OPTION]…\n"
    "       tallyctl -c FILE codes status [OPTION]…\n"
    "       tallyctl -c FILE codes revoke CODE… --why TEXT [OPTION]…\n"
    "       tallyctl -c FILE codes revoke --batch N --why TEXT [OPTION]…\n"
    "\n"
    "Invitation codes, for a contest with admission: codes: each admits one voter, once. make "
    "draws\n"
    "N of them and writes\n"
    "\n"
    "    number,batch,label,code,link,qr\n"
    "\n"
    "to CSV, a new file that nobody else may read: for mail merge. Only hashes of codes are kept, "
    "so\n"
    "the file is the only place where they are: hand them out, and delete it. status counts by "
    "batch\n"
    "how many were made, used (a voting right was issued) and revoked. A code that was used cannot "
    "be\n"
    "revoked: nobody knows which ballot it led to.\n"
    "\n"
    "      --out CSV       where make writes; not a file that is there\n"
    "      --label TEXT    what the batch is called, such as a region: turnout is counted by "
    "batch\n"
    "                      (not what a spreadsheet takes for a formula: no = + - @ first)\n"
    "      --qr DIR        also a picture (SVG) of each link's QR code, into a new directory\n"
    "      --batch N       all codes of a batch, those that are still being made as well; its "
    "number is\n"
    "                      that of its entry in the audit log\n"
    "      --contest ID    the contest, where FILE has several\n"
    "      --by NAME       who does it, for the audit log (the login name)\n"
    "      --token FILE    do it as the organiser whose token, or link, is in FILE\n"
    "      --why TEXT      the reason, for the audit log\n"
    "      --json          print the outcome as JSON\n";

/* ---- revoking ---- */

static const char *verdict_words(enum revoke_verdict verdict)
{
	switch (verdict) {
	case REVOKE_DONE:
		return "revoked";
	case REVOKE_SAME:
		return "was revoked before";
	case REVOKE_USED:
		return "was used: a voting right was issued for it, which stays good";
	case REVOKE_NO_CODE:
		return "is no code of this contest";
	case REVOKE_FAULT:
		return "cannot be looked up: what Redis has of it is damaged";
	case REVOKE_UNKNOWN:
		break;
	}
	return "may or may not be revoked, Redis did not answer: ask again";
}

struct revoked {
	struct session *session;
	enum revoke_verdict verdict;
};

static void on_revoked(void *arg, enum revoke_verdict verdict)
{
	struct revoked *revoked = arg;

	revoked->verdict = verdict;
	session_done(revoked->session, EX_OK);
}

static int status_of(enum revoke_verdict verdict)
{
	if (verdict == REVOKE_DONE || verdict == REVOKE_SAME)
		return EX_OK;
	return verdict == REVOKE_UNKNOWN ? EX_UNAVAILABLE : EX_DATAERR;
}

/* Every code is looked at before anything is written down. */
static int read_codes(const struct codes *codes, const char *const *texts, size_t n,
    uint8_t (*ret_identities)[LEDGER_IDENTITY_SIZE])
{
	for (size_t i = 0; i < n; i++) {
		uint8_t data[CODE_DATA];
		char why[CODE_WHY_MAX];

		if (code_read(slice_text(texts[i]), data, why) != 0)
			return ctl_fail(EX_DATAERR, "%s: %s Nothing was revoked.", texts[i], why);
		code_identity(codes->session->round->name, data, ret_identities[i]);
	}
	return EX_OK;
}

static int note_revoked(struct codes *codes, uint64_t batch, size_t n)
{
	struct session *session = codes->session;

	codes_revoke(
	    &session->office, batch, n, session->who, session->options.why, session_keep, session);
	session_run(session);
	return session->status;
}

static int revoke_codes(struct codes *codes, const char *const *texts, size_t n)
{
	uint8_t identities[OPERANDS_MAX][LEDGER_IDENTITY_SIZE];
	struct revoked revoked = {.session = codes->session};
	int worst, status = read_codes(codes, texts, n, identities);

	if (status == EX_OK)
		status = note_revoked(codes, 0, n);
	worst = status;
	for (size_t i = 0; status == EX_OK && i < n; i++) {
		ledger_revoke(codes->session->ledger, identities[i], on_revoked, &revoked);
		session_run(codes->session);
		status = codes->session->status;
		screen_print("%s %s\n", texts[i], verdict_words(revoked.verdict));
		if (status_of(revoked.verdict) != EX_OK)
			worst = status_of(revoked.verdict);
	}
	return status != EX_OK ? status : worst;
}

/* What the audit log has of a batch, from the entry on that made it. */
struct known_batch {
	struct session *session;
	uint64_t batch, n; /* `n`: entries read so far */
	bool made, revoked;
};

static void take_entry(struct known_batch *known, const struct desk_entry *item)
{
	json_t *entry = json_loadb(item->json.ptr, item->json.len, 0, NULL);
	const char *act = json_string_value(json_object_get(entry, "act"));
	json_int_t batch = json_integer_value(json_object_get(entry, "batch"));

	/* A batch has that entry's number; another number may be one's that comes. */
	if (item->n == known->batch)
		known->made = act != NULL && strcmp(act, "codes.made") == 0;
	else if (act != NULL && strcmp(act, "codes.revoked") == 0 &&
		 (uint64_t)batch == known->batch)
		known->revoked = true;
	known->n = item->n;
	json_decref(entry);
}

static void on_entries(void *arg, int error, const struct desk_entry *entries, size_t n)
{
	struct known_batch *known = arg;
	int status = EX_OK;

	for (size_t i = 0; error == 0 && i < n; i++)
		take_entry(known, &entries[i]);
	if (error != 0)
		status = ctl_fail(EX_UNAVAILABLE, "the audit log cannot be read now.");
	else if (!known->made)
		status = ctl_fail(EX_DATAERR,
		    "there is no batch of that number: tallyctl codes status shows them. Nothing "
		    "was "
		    "revoked.");
	else if (n > 0) {
		desk_audit(known->session->desk, known->n, PIECE, on_entries, known);
		return;
	}
	session_done(known->session, status);
}

static int look_up_batch(const struct codes *codes, struct known_batch *known)
{
	desk_audit(codes->session->desk, known->batch - 1, PIECE, on_entries, known);
	session_run(codes->session);
	return codes->session->status;
}

/* An act of before that did not come through everywhere is told: codes admitted meanwhile. */
static const char *batch_words(const struct known_batch *known, enum revoke_verdict verdict)
{
	if (known->revoked && verdict == REVOKE_DONE)
		return "revoked: by the audit log it was before, and in Redis it was not "
		       "everywhere, so its codes admitted until now (tallyctl codes status counts "
		       "those that were used)";
	return verdict_words(verdict);
}

static int revoke_batch(struct codes *codes, long batch)
{
	struct revoked revoked = {.session = codes->session};
	struct known_batch known = {.session = codes->session, .batch = (uint64_t)batch};
	int status = look_up_batch(codes, &known);

	if (status == EX_OK)
		status = note_revoked(codes, (uint64_t)batch, 0);

	if (status != EX_OK)
		return status;
	ledger_revoke_batch(codes->session->ledger, (unsigned)batch, on_revoked, &revoked);
	session_run(codes->session);
	if (codes->session->status != EX_OK)
		return codes->session->status;
	screen_print("batch %ld %s\n", batch, batch_words(&known, revoked.verdict));
	return status_of(revoked.verdict);
}

static int revoke(struct codes *codes, const char *batch, const char *const *texts, size_t n)
{
	long number = 0;

	if ((batch != NULL) == (n > 0))
		return ctl_misuse(codes->session->ctl, "codes revoke takes codes, or --batch N.");
	if (batch == NULL)
		return revoke_codes(codes, texts, n);
	if (ctl_number(batch, 1, LEDGER_BATCHES_MAX, &number) < 0)
		return ctl_misuse(codes->session->ctl, "\"%s\" is no batch's number.", batch);
	return revoke_batch(codes, number);
}

/* ---- the command ---- */

static int refuse_method(const struct session *session)
{
	const struct contest *contest = session->round->contest;

	return ctl_fail(EX_DATAERR,
	    "%s admits with admission: %s, so codes would be good for nothing. Set admission: "
	    "codes in "
	    "%s%s before the first voting right is issued.",
	    session_contest(session), admission_names[contest->admission], session->file,
	    contest->rehearsal ? ", or take the line admission: out of its rehearsal: block," : "");
}

/* The file goes into a spreadsheet, which computes what looks like a formula. */
static int understand_cells(const struct ctl *ctl, const struct codes *codes)
{
	int r = codes_label_check(codes->label);

	if (r == -EDOM)
		return ctl_misuse(ctl,
		    "a label does not begin with = + - or @: a spreadsheet would take it for a "
		    "formula.");
	if (r < 0)
		return ctl_misuse(
		    ctl, "a label is plain text of at most %d characters.", CODES_LABEL_MAX);
	if (codes->qr != NULL && codes_is_formula(codes->qr))
		return ctl_misuse(ctl,
		    "--qr %s: a spreadsheet would take the pictures' names for formulas; say "
		    "./%s.",
		    codes->qr, codes->qr);
	return EX_OK;
}

enum { MAKE, STATUS, REVOKE };

/* What the command line asks for, before anything is connected to. */
static int understand(const struct ctl *ctl, const struct codes *codes, const char *const *operands,
    size_t n, int *ret_what, long *ret_count)
{
	if (strcmp(operands[0], "status") == 0 && n == 1) {
		*ret_what = STATUS;
	} else if (strcmp(operands[0], "revoke") == 0) {
		*ret_what = REVOKE;
	} else if (strcmp(operands[0], "make") == 0 && n == 2) {
		*ret_what = MAKE;
		if (ctl_number(operands[1], 1, CODES_MAX, ret_count) < 0)
			return ctl_misuse(
			    ctl, "codes make takes a number of codes from 1 to %d.", CODES_MAX);
		if (codes->out == NULL)
			return ctl_misuse(ctl, "codes make wants --out CSV, the file to write.");
		return understand_cells(ctl, codes);
	} else {
		return ctl_misuse(ctl, "codes takes make N, status, or revoke.");
	}
	return EX_OK;
}

static int run(const struct ctl *ctl, int argc, char **argv)
{
	const char *operands[OPERANDS_MAX + 1], *batch = NULL;
	struct session session;
	struct codes codes = {.session = &session, .label = CODES_LABEL_NONE};
	const struct ctl_option own[] = {{"out", &codes.out, NULL}, {"label", &codes.label, NULL},
	    {"qr", &codes.qr, NULL}, {"batch", &batch, NULL}, {NULL, NULL, NULL}};
	struct session_options options;
	long count = 0;
	size_t n;
	int what = STATUS, status = session_arguments(
			       ctl, argc, argv, own, 1, OPERANDS_MAX + 1, operands, &n, &options);

	if (status == EX_OK)
		status = understand(ctl, &codes, operands, n, &what, &count);
	if (status == EX_OK && what == REVOKE)
		status = session_wants_why(ctl, "codes revoke", &options);
	if (status == EX_OK)
		status = session_open(ctl, &options, &session);
	if (status != EX_OK)
		return status;
	if (!session.round->issues)
		status = ctl_fail(EX_CONFIG,
		    "%s does not issue (\"roles\"), so no code is looked for here: do it where the "
		    "issuer is.",
		    ctl->config);
	else if (session.round->contest->admission != ADMISSION_CODES)
		status = refuse_method(&session);
	else if (what == MAKE)
		status = codes_make_batch(&codes, count);
	else if (what == REVOKE)
		status = revoke(&codes, batch, operands + 1, n - 1);
	else
		status = codes_count(&codes);
	session.status = status;
	return session_close(&session);
}

const struct ctl_command ctl_codes = {
    "codes", "make invitation codes, count their use, take them back", usage, run};
