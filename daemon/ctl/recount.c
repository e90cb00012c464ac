/* tallyctl recount: counts anew and compares, and tells what was compared. */
#include "ctl/recount.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/encode.h"
#include "ctl/progress.h"
#include "ctl/screen.h"

#define SEAL_WAIT_MS 10000 /* the sealer's lease, and a few of its turns */

/* ---- counting ---- */

static void on_progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
	progress_show(arg, what, done, total);
}

int recount_session(struct session *session, struct recount **ret_recount)
{
	const struct settings *settings = &session->ctl->settings;
	struct progress progress = {0};
	const struct recount_options options = {.office = &session->office,
	    .base = session->base,
	    .redis = session->redis,
	    .log_name = settings->log_name,
	    .log_dir = settings->ballot_log.dir,
	    .seal_wait_ms = SEAL_WAIT_MS,
	    .progress = on_progress,
	    .arg = &progress};
	int r = recount_make(&options, ret_recount);

	progress_end(&progress);
	if (r == -ENOMEM)
		return ctl_fail(EX_OSERR, "there is not enough memory for a recount.");
	return r == 0
		   ? EX_OK
		   : ctl_fail(EX_UNAVAILABLE,
			 "Redis did not answer, so nothing was recounted to its end. Ask again.");
}

void recount_tell(const struct recount *recount)
{
	const json_t *finding;
	size_t i;

	json_array_foreach(recount->findings.list, i, finding)
	{
		struct buf line;
		buf_init(&line, 4096);
		if (buf_printf(
			&line, "%s\n", json_string_value(json_object_get(finding, "what"))) == 0)
			screen_write(stderr, buf_slice(&line));
		buf_release(&line);
	}
	if (recount->findings.n > i)
		(void)fprintf(stderr, "… and %" PRIu64 " more\n", recount->findings.n - i);
}

/* ---- telling ---- */

/* A number out of a whole log, or null. */
static json_t *counted(bool unread, uint64_t number)
{
	return unread ? json_null() : json_integer((json_int_t)number);
}

static json_t *shard_json(const struct recount_shard *shard)
{
	char root[BASE64_SIZE(MERKLE_SIZE)];

	base64_encode(shard->checkpoint.root, MERKLE_SIZE, root);
	return json_pack("{s:I, s:o, s:o, s:I, s:b, s:o, s:b}", "size", (json_int_t)shard->size,
	    "ballots", counted(shard->unread, shard->ballots), "superseded",
	    counted(shard->unread, shard->superseded), "issued", (json_int_t)shard->issued,
	    "closed", shard->latched, "sealed",
	    shard->sealed ? json_pack("{s:s, s:I, s:s}", "origin", shard->origin, "size",
				(json_int_t)shard->checkpoint.size, "root", root)
			  : json_null(),
	    "on_disk", shard->on_disk);
}

static void print_json(const struct session *session, const struct recount *recount)
{
	char at[CLOCK_TEXT_SIZE], head[HEX_SIZE(32)];
	json_t *shards = json_array(), *json;

	for (unsigned i = 0; i < recount->n_shards; i++)
		json_array_append_new(shards, shard_json(&recount->shards[i]));
	hex_encode(recount->desk.head, 32, head);
	json = json_pack(
	    "{s:s, s:b, s:s, s:s, s:b, s:b, s:o, s:o, s:I, s:I, s:o, s:O, s:{s:I, s:s}, s:I, s:O}",
	    "contest", session->round->contest->id, "rehearsal", session->round->contest->rehearsal,
	    "phase", phase_name(recount->phase), "at", clock_format(recount->now_ms, 1, at),
	    "final", recount->latched, "agrees", recount->findings.n == 0, "ballots",
	    counted(recount->unread, recount->ballots), "superseded",
	    counted(recount->unread, recount->superseded), "log_size",
	    (json_int_t)recount->log_size, "issued", (json_int_t)recount->issued, "shards", shards,
	    "citizen", recount->unread ? json_null() : recount->rows, "audit", "n",
	    (json_int_t)recount->desk.entries, "head", head, "disagreements",
	    (json_int_t)recount->findings.n, "findings", recount->findings.list);
	session_print_json(json);
	json_decref(json);
}

static void print_cell(const char *text, int width, bool right)
{
	struct buf cell;

	buf_init(&cell, 1024);
	if (screen_cell(&cell, text, width, right) == 0)
		screen_write(stdout, buf_slice(&cell));
	buf_release(&cell);
}

static void print_number(uint64_t number, int width)
{
	char text[32];

	print_cell(screen_number((int64_t)number, text), width, true);
}

static void print_counted(bool unread, uint64_t number)
{
	if (unread)
		print_cell("?", 13, true);
	else
		print_number(number, 13);
}

static void print_shards(const struct recount *recount)
{
	static const char *const heads[] = {
	    "shard", "in the log", "replaced", "tokens", "issued", "sealed"};

	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++)
		print_cell(heads[i], i == 0 ? 7 : 13, true);
	(void)fputs("\n", stdout);
	for (unsigned i = 0; i < recount->n_shards; i++) {
		const struct recount_shard *shard = &recount->shards[i];
		print_number(i, 7);
		print_number(shard->size, 13);
		print_counted(shard->unread, shard->superseded);
		print_counted(shard->unread, shard->ballots);
		print_number(shard->issued, 13);
		print_counted(shard->unread && !shard->sealed, shard->checkpoint.size);
		(void)fputs(shard->on_disk ? "  and here on disk\n" : "\n", stdout);
	}
	(void)fputs("\n", stdout);
}

static const json_t *row_of_rank(const struct recount *recount, json_int_t rank, size_t *at)
{
	for (; *at < json_array_size(recount->rows); (*at)++) {
		const json_t *row = json_array_get(recount->rows, *at);
		if (json_integer_value(json_object_get(row, "rank")) == rank) {
			(*at)++;
			return row;
		}
	}
	return NULL;
}

/* "62.5%", "7.31", or a ranking's points. */
static void print_value(const json_t *row)
{
	const json_t *share = json_object_get(row, "share"), *mean = json_object_get(row, "mean"),
		     *borda = json_object_get(row, "borda");
	char text[32] = "";

	if (json_is_number(share))
		(void)snprintf(text, sizeof(text), "%.2f%%", json_number_value(share) * 100);
	else if (json_is_number(mean))
		(void)snprintf(text, sizeof(text), "%.2f", json_number_value(mean));
	else if (json_is_integer(borda))
		(void)screen_number(json_integer_value(borda), text);
	print_cell(text, 12, true);
}

static void print_rows(const struct recount *recount)
{
	for (json_int_t rank = 1; rank <= (json_int_t)json_array_size(recount->rows); rank++) {
		const json_t *row;
		size_t at = 0;
		while ((row = row_of_rank(recount, rank, &at)) != NULL) {
			print_number((uint64_t)rank, 5);
			print_cell("", 2, false);
			print_cell(json_string_value(json_object_get(row, "entry")), 30, false);
			print_number(
			    (uint64_t)json_integer_value(json_object_get(row, "votes")), 13);
			print_value(row);
			(void)fputs("\n", stdout);
		}
	}
}

static void print_report(const struct session *session, const struct recount *recount)
{
	char at[CLOCK_TEXT_SIZE], ballots[32], entries[32], sheets[32];

	screen_print("%s · %s · recounted as of %s\n", session_contest(session),
	    phase_name(recount->phase), screen_time(recount->now_ms, at));
	if (!recount->latched && recount->phase < PHASE_CLOSED)
		(void)fputs(
		    "Ballots can still come in: what is told is one moment of each shard.\n",
		    stdout);
	(void)fputs("\n", stdout);
	print_shards(recount);
	if (!recount->unread) {
		print_rows(recount);
		(void)printf(
		    "\n%s ballots count. Compared: counters, the ballot log, tokens, tokens "
		    "issued, the sealed log,\n",
		    screen_number((int64_t)recount->ballots, ballots));
	} else {
		(void)fputs(
		    "There is no count: a log cannot be read to its end. Compared: the "
		    "ballot log up to there,\ntokens issued, the sealed log up to there,\n",
		    stdout);
	}
	(void)printf(
	    "%s entries of the audit log, %s score sheets, "
	    "people, rulings, metrics, requests, results.\n",
	    screen_number((int64_t)recount->desk.entries, entries),
	    screen_number((int64_t)recount->desk.sheets, sheets));
}

static int tell(const struct session *session, const struct recount *recount)
{
	uint64_t n = recount->findings.n;

	if (session->options.json)
		print_json(session, recount);
	else
		print_report(session, recount);
	if (n == 0) {
		if (!session->options.json)
			(void)fputs("All of it agrees.\n", stdout);
		return EX_OK;
	}
	(void)fflush(stdout);
	recount_tell(recount);
	return ctl_fail(EX_DATAERR, "%" PRIu64 " %s. See ops/runbook.md.", n,
	    n == 1 ? "thing does not agree" : "things do not agree");
}

static int run_recount(const struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option none[] = {{NULL, NULL, NULL}};
	struct session_options options;
	struct recount *recount = NULL;
	struct session session;
	size_t n;
	int status = session_arguments(ctl, argc, argv, none, 0, 0, NULL, &n, &options);

	if (status == EX_OK)
		status = session_open(ctl, &options, &session);
	if (status != EX_OK)
		return status;
	screen_time_zone(session.round->contest->time_zone);
	session.status = recount_session(&session, &recount);
	if (session.status == EX_OK)
		session.status = tell(&session, recount);
	recount_free(recount);
	return session_close(&session);
}

const struct ctl_command ctl_recount = {
    .name = "recount",
    .summary = "count anew from the ballots, and compare everything",
    .usage =
	"Usage: tallyctl -c FILE recount [--contest ID] [--json]\n"
	"\n"
	"Counts every ballot of the log anew and holds the outcome against the counters, against\n"
	"each token, and against the sealed log, in Redis and on this host's disk; and everything\n"
	"else, sheets, metrics, rulings, people, results, against the audit log. Changes nothing.\n"
	"\n"
	"Ends with 0 when all of it agrees, with 65 when not: each disagreement is a line of\n"
	"standard error, and with --json in \"findings\"; ops/runbook.md says what each means. "
	"69 when\n"
	"Redis did not answer: nothing was found out. Certifying does the same by itself.\n",
    .run = run_recount,
};
