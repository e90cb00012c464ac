/* Makes a batch of invitation codes: the audit log first, whose entry gives the batch its number;
 * then the file, on disk; then the hashes in Redis, a few thousand at a time. So no code is good
 * that is in no file, and one that is interrupted leaves a batch that can be revoked. */
#include "ctl/codes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sysexits.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "admission/code.h"
#include "ctl/codefile.h"
#include "ctl/progress.h"
#include "ctl/screen.h"
#include "office/codes.h"

struct making {
	struct codes *codes;
	long n;
	uint64_t batch;
	uint8_t (*codes_data)[CODE_DATA];
	uint8_t (*identities)[LEDGER_IDENTITY_SIZE];
	long entered; /* of them, up to here Redis has them */
	int error;
	struct progress progress;
};

static int draw(struct making *making)
{
	making->codes_data = calloc((size_t)making->n, sizeof(*making->codes_data));
	making->identities = calloc((size_t)making->n, sizeof(*making->identities));
	if (making->codes_data == NULL || making->identities == NULL)
		return ctl_fail(EX_OSERR, "there is not enough memory.");
	if (RAND_bytes((uint8_t *)making->codes_data, (int)(making->n * CODE_DATA)) != 1)
		return ctl_fail(EX_OSERR, "the system gives no random numbers.");
	for (long i = 0; i < making->n; i++)
		code_identity(making->codes->session->round->name, making->codes_data[i],
		    making->identities[i]);
	return EX_OK;
}

static int note_batch(struct making *making)
{
	struct session *session = making->codes->session;

	codes_make(&session->office, making->codes->label, (uint64_t)making->n, session->who,
	    session->options.why, session_keep, session);
	session_run(session);
	if (session->status == EX_OK)
		making->batch =
		    (uint64_t)json_integer_value(json_object_get(session->verdict.members, "n"));
	return session->status;
}

static int write_rows(struct making *making, struct codefile *file)
{
	int r = EX_OK;

	for (long i = 0; r == EX_OK && i < making->n; i++) {
		progress_show(&making->progress, "writing", (uint64_t)i, (uint64_t)making->n);
		r = codefile_add(file, (unsigned long)i + 1, making->batch, making->codes->label,
		    making->codes_data[i]);
	}
	progress_end(&making->progress);
	return r;
}

/* The file first, so that nothing is noted of a batch that cannot be written. */
static int note_and_write(struct making *making)
{
	const struct codes *codes = making->codes;
	struct codefile file;
	int status = codefile_open(
	    &file, codes->session->ctl, codes->session->round->contest->id, codes->out, codes->qr);

	if (status == EX_OK)
		status = note_batch(making);
	if (status == EX_OK)
		status = write_rows(making, &file);
	return codefile_close(&file, status);
}

static void enter_more(struct making *making);

static void on_entered(void *arg, int error, uint64_t entered)
{
	struct making *making = arg;

	(void)entered;
	making->error = error;
	if (error == 0) {
		making->entered += LEDGER_ENTER_MAX;
		enter_more(making);
	} else {
		session_done(making->codes->session, EX_UNAVAILABLE);
	}
}

static void enter_more(struct making *making)
{
	long left = making->n - making->entered;

	progress_show(
	    &making->progress, "entering", (uint64_t)making->entered, (uint64_t)making->n);
	if (left <= 0) {
		session_done(making->codes->session, EX_OK);
		return;
	}
	ledger_enter(making->codes->session->ledger, (unsigned)making->batch,
	    (const uint8_t(*)[LEDGER_IDENTITY_SIZE])making->identities + making->entered,
	    (size_t)(left < LEDGER_ENTER_MAX ? left : LEDGER_ENTER_MAX), on_entered, making);
}

static int enter(struct making *making)
{
	struct session *session = making->codes->session;

	enter_more(making);
	session_run_on(session);
	progress_end(&making->progress);
	if (making->error != 0)
		return ctl_fail(EX_UNAVAILABLE,
		    "Redis failed before all codes were entered: batch %" PRIu64
		    " is not whole. Take it back (tallyctl codes revoke --batch %" PRIu64
		    " --why …), delete %s, and make another one.",
		    making->batch, making->batch, making->codes->out);
	return session->status;
}

/* What would be regretted once the letters are out. */
static void warn(const struct codes *codes, long n)
{
	const struct settings *settings = &codes->session->ctl->settings;
	const struct contest *contest = codes->session->round->contest;

	if (settings->public_url[0] == '\0')
		screen_warn(
		    "public_url is not set, so the links lead to this machine's own address.");
	if ((uint64_t)n > contest->expected_voters)
		screen_warn(
		    "there are more codes than expected_voters in the contest's file: every "
		    "voting right costs more there; set it before the first is issued.");
}

static void tell_made(const struct making *making)
{
	const struct codes *codes = making->codes;
	const struct session *session = codes->session;

	if (session->options.json) {
		json_t *json = json_pack("{s:I, s:s, s:I, s:s}", "batch", (json_int_t)making->batch,
		    "label", codes->label, "made", (json_int_t)making->n, "out", codes->out);

		session_print_json(json);
		json_decref(json);
		return;
	}
	screen_print("%s: %ld codes made, batch %" PRIu64
		     " (%s), in %s\n"
		     "They are nowhere else: hand them out, then delete the file.\n",
	    session_contest(session), making->n, making->batch, codes->label, codes->out);
}

int codes_make_batch(struct codes *codes, long n)
{
	struct making making = {.codes = codes, .n = n};
	int status = draw(&making);

	if (status == EX_OK)
		status = note_and_write(&making);
	if (status == EX_OK)
		status = enter(&making);
	if (status == EX_OK)
		tell_made(&making);
	if (status == EX_OK)
		warn(codes, n);
	if (making.codes_data != NULL)
		OPENSSL_cleanse(making.codes_data, (size_t)n * CODE_DATA);
	free(making.codes_data);
	free(making.identities);
	return status;
}
