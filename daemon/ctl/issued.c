/* tallyctl issued: where another server issues, takes over by its signed notes how many voting
 * rights it has issued, so that a recount, the log and whoever verifies can hold the ballots
 * against it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/buf.h"
#include "contest/commitment.h"
#include "crypto/checkpoint.h"
#include "ctl/issuerfile.h"
#include "ctl/screen.h"
#include "ctl/session.h"
#include "store/ledger.h"

#define NOTES_MAX  1024 /* shards of a contest */
#define NOTE_BYTES 4096
#define EPOCHS_MAX 64

static const char usage[] =
    "Usage: tallyctl -c FILE issued --issuer IN NOTE… [OPTION]…\n"
    "\n"
    "Where another server issues (\"roles\"): takes over how many voting rights it has issued, "
    "from its\n"
    "signed notes, one a shard, as it serves them at /log/CONTEST/SHARD/issued. They are final "
    "once "
    "the\n"
    "contest is closed there. Says so, and ends with 65, where more ballots count than were "
    "issued, or\n"
    "where a note tells of fewer than one before.\n"
    "\n"
    "      --issuer IN     the issuer's public keys, as its keygen --export wrote them\n"
    "      --contest ID    the contest, where FILE has several\n"
    "      --json          print the outcome as JSON\n";

struct taking {
	struct session *session;
	const char *log_name; /* the issuer's */
	uint8_t key[32];
	uint64_t issued[NOTES_MAX]; /* by shard */
	bool told[NOTES_MAX];
	unsigned shards, shard;
	uint64_t sum, ballots;
	int error;
};

/* ---- notes ---- */

static int read_note(const char *path, char ret_text[NOTE_BYTES], size_t *ret_len)
{
	FILE *file = fopen(path, "re");
	size_t len;

	if (!file)
		return ctl_fail(EX_NOINPUT, "%s: %s.", path, strerror(errno));
	len = fread(ret_text, 1, NOTE_BYTES, file);
	(void)fclose(file);
	if (len == NOTE_BYTES)
		return ctl_fail(EX_DATAERR, "%s: is too long for a note.", path);
	*ret_len = len;
	return EX_OK;
}

/* Whether the note is this shard's, in whichever epoch. */
static bool is_of(const struct taking *it, struct slice note, unsigned shard, uint64_t *ret_issued)
{
	char identity[ORIGIN_MAX], origin[ORIGIN_MAX];
	uint64_t size;

	if (commitment_origin(it->log_name, it->session->round->contest, shard, identity) < 0)
		return false;
	for (uint64_t epoch = 1; epoch <= EPOCHS_MAX; epoch++)
		if (commitment_epoch_origin(identity, epoch, origin) == 0 &&
		    issued_open(note, origin, it->key, &size, ret_issued) == 0)
			return true;
	return false;
}

static int take_note(struct taking *it, const char *path)
{
	char text[NOTE_BYTES];
	size_t len = 0;
	int status = read_note(path, text, &len);

	if (status != EX_OK)
		return status;
	for (unsigned shard = 0; shard < it->shards; shard++) {
		uint64_t issued;

		if (!is_of(it, slice_make(text, len), shard, &issued))
			continue;
		if (it->told[shard])
			return ctl_fail(
			    EX_DATAERR, "%s: is a second note of shard %u.", path, shard);
		it->told[shard] = true;
		it->issued[shard] = issued;
		return EX_OK;
	}
	return ctl_fail(EX_DATAERR,
	    "%s: is no note of %s that the issuer's log key has signed (%s/…).", path,
	    session_contest(it->session), it->log_name);
}

static int take_notes(struct taking *it, const char *const *paths, size_t n)
{
	int status = EX_OK;

	for (size_t i = 0; i < n && status == EX_OK; i++)
		status = take_note(it, paths[i]);
	for (unsigned shard = 0; shard < it->shards && status == EX_OK; shard++)
		if (!it->told[shard])
			status = ctl_fail(EX_USAGE,
			    "the note of shard %u is missing: %s has %u of them, each with its "
			    "own.",
			    shard, session_contest(it->session), it->shards);
	return status;
}

/* ---- Redis: every shard is read before any is written ---- */

static void on_all(void *arg, int error, const struct ledger_totals *totals)
{
	struct taking *it = arg;

	it->error = error;
	if (error == 0) {
		it->sum = totals->issued;
		it->ballots = totals->ballots;
	}
	session_done(it->session, EX_OK);
}

static void on_taken(void *arg, int error)
{
	struct taking *it = arg;

	it->error = error;
	if (error != 0)
		session_done(it->session, EX_OK);
	else if (++it->shard < it->shards)
		ledger_take_issued(
		    it->session->ledger, it->shard, it->issued[it->shard], on_taken, it);
	else
		ledger_totals(it->session->ledger, on_all, it);
}

static void on_shard(void *arg, int error, const struct ledger_totals *totals)
{
	struct taking *it = arg;

	it->error = error;
	if (error == 0 && totals->issued > it->issued[it->shard]) {
		it->sum = totals->issued;
		it->error = -ERANGE;
	}
	if (it->error != 0) {
		session_done(it->session, EX_OK);
	} else if (++it->shard < it->shards) {
		ledger_shard_totals(it->session->ledger, it->shard, on_shard, it);
	} else {
		it->shard = 0;
		ledger_take_issued(it->session->ledger, 0, it->issued[0], on_taken, it);
	}
}

static int take(struct taking *it)
{
	ledger_shard_totals(it->session->ledger, 0, on_shard, it);
	session_run(it->session);
	if (it->session->status != EX_OK)
		return it->session->status;
	if (it->error == -ERANGE)
		return ctl_fail(EX_DATAERR,
		    "shard %u: the note tells of %" PRIu64
		    " voting rights, and one before of %" PRIu64
		    ". The issuer has forgotten some, or this note is an older one; nothing was "
		    "taken over. See ops/runbook.md, \"More ballots than voting rights\".",
		    it->shard, it->issued[it->shard], it->sum);
	if (it->error != 0)
		return ctl_fail(
		    EX_UNAVAILABLE, "Redis does not answer, or what it has is damaged.");
	return EX_OK;
}

static int tell(const struct taking *it)
{
	if (it->session->options.json) {
		json_t *json = json_pack("{s:I, s:I}", "issued", (json_int_t)it->sum, "ballots",
		    (json_int_t)it->ballots);
		session_print_json(json);
		json_decref(json);
	} else {
		screen_print("%s: %" PRIu64 " voting rights were issued, %" PRIu64
			     " ballots count.\n",
		    session_contest(it->session), it->sum, it->ballots);
	}
	if (it->ballots <= it->sum)
		return EX_OK;
	return ctl_fail(EX_DATAERR,
	    "more ballots count than voting rights were issued. Either the notes are older than "
	    "the newest votes (take them after the close), or somebody has made voting rights: see "
	    "ops/runbook.md, \"More ballots than voting rights\".");
}

/* ---- the command ---- */

static int prepare(struct taking *it, json_t *file)
{
	char why[ISSUERFILE_WHY_MAX];

	it->shards = it->session->round->contest->shards;
	it->log_name = json_string_value(json_object_get(file, "log_name"));
	if (it->shards > NOTES_MAX)
		return ctl_fail(EX_CONFIG, "there are more than %d shards.", NOTES_MAX);
	if (issuerfile_log_key(file, it->session->round->name, it->key, why) < 0)
		return ctl_fail(EX_DATAERR, "%s", why);
	return EX_OK;
}

static int run(const struct ctl *ctl, int argc, char **argv)
{
	const char *paths[NOTES_MAX], *in = NULL;
	const struct ctl_option own[] = {{"issuer", &in, NULL}, {NULL, NULL, NULL}};
	char why[ISSUERFILE_WHY_MAX];
	struct session_options options;
	struct session session;
	struct taking it = {.session = &session};
	json_t *file = NULL;
	size_t n;
	int status = session_arguments(ctl, argc, argv, own, 1, NOTES_MAX, paths, &n, &options);

	if (status != EX_OK)
		return status;
	if (!in)
		return ctl_misuse(ctl, "issued wants --issuer IN, the issuer's public keys.");
	if (ctl->settings.serves & SETTINGS_ISSUER)
		return ctl_fail(EX_CONFIG,
		    "this server issues itself (\"roles\"), and knows how many it has issued.");
	if (issuerfile_read(in, &ctl->settings, &file, why) < 0)
		return ctl_fail(EX_DATAERR, "%s", why);
	status = session_open(ctl, &options, &session);
	if (status != EX_OK)
		goto out;
	status = prepare(&it, file);
	if (status == EX_OK)
		status = take_notes(&it, paths, n);
	if (status == EX_OK)
		status = take(&it);
	if (status == EX_OK)
		status = tell(&it);
	session.status = status;
	status = session_close(&session);
out:
	json_decref(file);
	return status;
}

const struct ctl_command ctl_issued = {
    "issued", "take over how many voting rights another server has issued", usage, run};
