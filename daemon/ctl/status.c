/* tallyctl status, watch, tally: what organisers see on their page, in a terminal. */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "ctl/screen.h"
#include "ctl/session.h"
#include "office/board.h"

#define SCREEN_MAX (1024 * 1024)
#define BAR_WIDTH  24

/* ---- the screen ---- */

static const char *text_in(const struct text *text, bool english)
{
	return english ? text->en : text->ko;
}

/* "closes 2026-12-21T18:00:00+09:00, in 2d 3h", or "closed …" when it is over. */
static int print_hour(
    struct buf *out, const char *ahead, const char *past, int64_t ms, int64_t now_ms)
{
	char at[CLOCK_TEXT_SIZE], left[32];

	if (ms <= now_ms)
		return buf_printf(out, "%s %s\n", past, screen_time(ms, at));
	return buf_printf(
	    out, "%s %s, in %s\n", ahead, screen_time(ms, at), screen_duration(ms - now_ms, left));
}

static int print_hours(struct buf *out, const struct board *board)
{
	const struct record *record = &board->record;
	int rc;

	if (!record->opens_ms || !record->closes_ms)
		return buf_append_text(out, record->phase < PHASE_CLOSED
						? "no hours: open until somebody closes it\n"
						: "no hours: somebody closed it\n");
	rc = print_hour(out, "opens", "opened", record->opens_ms, board->now_ms);
	return rc == 0 ? print_hour(out, "closes", "closed", record->closes_ms, board->now_ms) : rc;
}

static int print_halt(struct buf *out, const struct sealing *sealing)
{
	char at[CLOCK_TEXT_SIZE];

	if (!sealing->halted)
		return 0;
	return buf_printf(out,
	    "THE PUBLIC LOG HAS HALTED at %s in shard %u: %s (tallyctl log status)\n",
	    screen_time(sealing->halt_at_ms, at), sealing->halt_shard, sealing->halt_why);
}

/* What is kept of persons, and until when. */
static int print_persons(struct buf *out, const struct contest *contest, const struct board *board)
{
	char at[CLOCK_TEXT_SIZE];

	if (!contest_knows_persons(contest))
		return 0;
	if (board->record.forgotten_ms)
		return buf_printf(
		    out, "identities deleted %s\n", screen_time(board->record.forgotten_ms, at));
	return buf_printf(out, "identities kept until %s, and until voting is closed\n",
	    screen_time(contest->identity.delete_ms, at));
}

static int print_head(struct buf *out, const struct contest *contest, const struct board *board,
    const struct count *count, bool english)
{
	char as_of[CLOCK_TEXT_SIZE], ballots[32], issued[32];
	int rc = buf_printf(out, "%s%s · %s · %s · as of %s\n", contest->id,
	    contest->rehearsal ? " (rehearsal)" : "", text_in(&contest->name, english),
	    phase_name(board->record.phase), screen_time(board->now_ms, as_of));

	if (rc == 0)
		rc = print_hours(out, board);
	if (rc == 0)
		rc = print_persons(out, contest, board);
	if (rc == 0)
		rc = print_halt(out, &board->sealing);
	return rc == 0 ? buf_printf(out, "ballots %s   tokens issued %s\n\n",
			     screen_number((int64_t)count->totals.ballots, ballots),
			     screen_number((int64_t)count->totals.issued, issued))
		       : rc;
}

static int name_width(const struct contest *contest, bool english)
{
	int width = 0;

	for (size_t e = 0; e < contest->n_entries; e++) {
		int w = screen_width(text_in(&contest->entries[e].name, english));
		width = w > width ? w : width;
	}
	return width;
}

/* By rank; equal ranks in the contest's order. */
static const struct tally_row *row_at(
    const struct tally_row *rows, size_t n, bool used[CONTEST_ENTRIES_MAX])
{
	size_t best = n;

	for (size_t i = 0; i < n; i++)
		if (!used[i] && (best == n || rows[i].rank < rows[best].rank))
			best = i;
	used[best] = true;
	return &rows[best];
}

static double bar_of(const struct contest *contest, const struct tally_row *row, int64_t most)
{
	if (contest->form->has_mean)
		return row->votes ? (row->mean - contest->ballot.score_min) /
					(contest->ballot.score_max - contest->ballot.score_min)
				  : 0;
	return most > 0 ? (double)row->sum / (double)most : 0;
}

static int print_row(struct buf *out, const struct contest *contest, const struct tally_row *row,
    int width, int64_t most, bool ranked, bool english)
{
	char votes[32], value[32] = "", rank[24];
	int rc;

	(void)snprintf(rank, sizeof(rank), ranked ? "%d" : "–", row->rank);
	rc = screen_cell(out, rank, 3, true);
	if (rc == 0)
		rc = buf_append_text(out, "  ");

	if (contest->form->has_mean && row->votes > 0)
		(void)snprintf(value, sizeof(value), "%.2f", row->mean);
	else if (row->schulze)
		(void)screen_number(row->sum, value);
	else if (!contest->form->has_mean)
		(void)snprintf(value, sizeof(value), "%.1f%%", row->share * 100);
	if (rc == 0)
		rc = screen_cell(
		    out, text_in(&contest->entries[row->entry].name, english), width + 2, false);
	if (rc == 0)
		rc = screen_cell(out, screen_number(row->votes, votes), 12, true);
	if (rc == 0)
		rc = screen_cell(out, value, 9, true);
	if (rc == 0)
		rc = buf_append_text(out, "  ");
	if (rc == 0)
		rc = screen_bar(out, bar_of(contest, row, most), BAR_WIDTH);
	return rc == 0 ? buf_append_text(out, "\n") : rc;
}

static int print_tally(
    struct buf *out, const struct contest *contest, const struct count *count, bool english)
{
	struct tally_row rows[CONTEST_ENTRIES_MAX];
	bool used[CONTEST_ENTRIES_MAX] = {false};
	int width = name_width(contest, english), rc = 0;
	int64_t most = 0;

	contest->form->tally(
	    contest, count->input.counter, count->input.arg, (int64_t)count->totals.ballots, rows);
	for (size_t i = 0; i < contest->n_entries; i++)
		most = rows[i].sum > most ? rows[i].sum : most;
	for (size_t i = 0; i < contest->n_entries && rc == 0; i++)
		rc = print_row(out, contest, row_at(rows, contest->n_entries, used), width, most,
		    count->totals.ballots > 0, english);
	return rc;
}

static int print_experts(
    struct buf *out, const struct contest *contest, const struct board *board, bool english)
{
	int width = name_width(contest, english), rc = 0;

	for (size_t p = 0; p < contest->n_panels && rc == 0; p++) {
		rc = buf_printf(out, "\n%s: %zu of %zu sheets submitted\n",
		    text_in(&contest->panels[p].name, english), board->submitted[p], board->of[p]);
		for (size_t e = 0; e < contest->n_entries && rc == 0 && board->of[p] > 0; e++) {
			const struct board_panel_entry *cell = &board->panel[p][e];

			rc = buf_append_text(out, "     ");
			if (rc == 0)
				rc = screen_cell(out, text_in(&contest->entries[e].name, english),
				    width + 2, false);
			if (rc == 0)
				rc = buf_printf(out, "%zu of %zu, %zu recused%s\n", cell->result.n,
				    cell->of, cell->recused,
				    cell->too_few ? "   too few experts are left" : "");
		}
	}
	return rc;
}

/* The entry that follows in rank; those without a rank come last, in the contest's order. */
static size_t next_in_rank(
    const struct contest *contest, const struct board *board, bool used[CONTEST_ENTRIES_MAX])
{
	size_t best = contest->n_entries;

	for (size_t e = 0; e < contest->n_entries; e++) {
		int rank = board->standing.row[e].rank;
		int least = best < contest->n_entries ? board->standing.row[best].rank : 0;
		if (!used[e] &&
		    (best == contest->n_entries || (rank > 0 && (least == 0 || rank < least))))
			best = e;
	}
	used[best] = true;
	return best;
}

static int print_standing(
    struct buf *out, const struct contest *contest, const struct board *board, bool english)
{
	bool used[CONTEST_ENTRIES_MAX] = {false};
	int width = name_width(contest, english), rc = 0;

	if (contest->stage.n_parts == 0 || !board_sheets_visible(contest, board))
		return 0;
	rc = buf_printf(
	    out, "\nstanding%s\n", board->standing.complete ? "" : " (something is missing)");
	for (size_t i = 0; i < contest->n_entries && rc == 0; i++) {
		size_t e = next_in_rank(contest, board, used);
		const struct standing_row *row = &board->standing.row[e];
		char points[24], rank[24];

		(void)snprintf(rank, sizeof(rank), row->rank ? "%d" : "–", row->rank);
		rc = screen_cell(out, rank, 3, true);
		if (rc == 0)
			rc = buf_append_text(out, "  ");
		if (rc == 0)
			rc = screen_cell(
			    out, text_in(&contest->entries[e].name, english), width + 2, false);
		if (rc == 0)
			rc = screen_cell(
			    out, row->complete ? fixed_text(row->total_e4, points) : "–", 12, true);
		if (rc == 0)
			rc = buf_printf(out, "  %s%s\n",
			    board->input.disqualified[e]  ? "disqualified: "
			    : row->advance == ADVANCE_YES ? "advances"
							  : "",
			    board->input.disqualified[e] ? board->input.disqualified[e] : "");
	}
	return rc;
}

static int print_requests(struct buf *out, const struct board *board)
{
	json_t *request;
	size_t i;
	int rc = 0;

	json_array_foreach(board->requests, i, request)
	{
		const char *act =
		    json_string_value(json_object_get(json_object_get(request, "act"), "act"));
		const char *who = json_string_value(json_object_get(request, "who"));
		const char *id = json_string_value(json_object_get(request, "id"));

		if (rc == 0)
			rc = buf_printf(out, "\nwaits for a second organiser: %s by %s (%s)\n",
			    act ? act : "?", who ? who : "?", id ? id : "?");
	}
	return rc;
}

/* ---- looking ---- */

enum view { VIEW_STATUS, VIEW_TALLY };

struct looking {
	struct session *session;
	enum view view;
	bool english;
	bool again;           /* watch */
	struct event *timer;  /* of the next look */
	struct event *on_int; /* Ctrl-C */
	bool shown;
};

static int print_screen(struct buf *out, const struct looking *looking, const struct board *board,
    const struct count *count)
{
	const struct contest *contest = looking->session->round->contest;
	int rc = print_head(out, contest, board, count, looking->english);

	if (rc == 0)
		rc = print_tally(out, contest, count, looking->english);
	if (rc == 0 && looking->view == VIEW_STATUS)
		rc = print_experts(out, contest, board, looking->english);
	if (rc == 0 && looking->view == VIEW_STATUS)
		rc = print_standing(out, contest, board, looking->english);
	if (rc == 0 && looking->view == VIEW_STATUS)
		rc = print_requests(out, board);
	return rc;
}

/* In place: each line ends what stood there before, and what is left below goes too. */
static void redraw(struct buf *out)
{
	(void)fputs("\x1b[H", stdout);
	for (size_t at = 0, start = 0; at < out->len; at++) {
		if (out->data[at] != '\n')
			continue;
		screen_write(stdout, slice_make(out->data + start, at - start));
		(void)fputs("\x1b[K\n", stdout);
		start = at + 1;
	}
	(void)fputs("\x1b[J", stdout);
}

static json_t *halt_json(const struct sealing *sealing)
{
	char at[CLOCK_TEXT_SIZE];

	return sealing->halted
		   ? json_pack("{s:I, s:s, s:s}", "shard", (json_int_t)sealing->halt_shard, "why",
			 sealing->halt_why, "at", clock_format(sealing->halt_at_ms, 1, at))
		   : json_null();
}

static json_t *forgotten_json(const struct record *record)
{
	char at[CLOCK_TEXT_SIZE];

	return record->forgotten_ms ? json_string(clock_format(record->forgotten_ms, 1, at))
				    : json_null();
}

/* False: nobody reads it any more. */
static bool show(struct looking *looking, const struct board *board, const struct count *count)
{
	struct buf out;

	buf_init(&out, SCREEN_MAX);
	if (looking->session->options.json) {
		json_t *json = board_overview(looking->session->round->contest, board, count);
		json_object_set_new(json, "halt", halt_json(&board->sealing));
		if (contest_knows_persons(looking->session->round->contest))
			json_object_set_new(
			    json, "identities_deleted_at", forgotten_json(&board->record));
		if (looking->view == VIEW_TALLY) {
			session_print_json(json_object_get(json, "tally"));
		} else if (looking->again) {
			char *line = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15));
			screen_write_json(stdout, slice_text(line));
			(void)fputc('\n', stdout);
			free(line);
		} else {
			session_print_json(json);
		}
		json_decref(json);
	} else if (print_screen(&out, looking, board, count) == 0) {
		if (looking->again && isatty(STDOUT_FILENO))
			redraw(&out);
		else
			screen_write(stdout, buf_slice(&out));
	}
	buf_release(&out);
	return fflush(stdout) == 0 && !ferror(stdout);
}

static void on_board(void *arg, const struct board *board, const struct count *count)
{
	static const struct timeval second = {1, 0};
	struct looking *looking = arg;

	if (looking->session->done) /* Ctrl-C came first */
		return;
	if (board && !show(looking, board, count)) {
		session_done(looking->session, EX_IOERR);
		return;
	}
	if (!board && !looking->again)
		(void)ctl_fail(EX_UNAVAILABLE, "Redis does not answer, or its record is damaged.");
	else if (!board)
		(void)fprintf(stderr, "tallyctl: Redis does not answer; trying again\n");
	if (looking->again)
		event_add(looking->timer, &second);
	else
		session_done(looking->session, board ? EX_OK : EX_UNAVAILABLE);
}

static void look(evutil_socket_t fd, short what, void *arg)
{
	struct looking *looking = arg;
	(void)fd;
	(void)what;

	board_read(&looking->session->office, on_board, looking);
}

static void on_int(evutil_socket_t fd, short what, void *arg)
{
	struct looking *looking = arg;
	(void)fd;
	(void)what;

	looking->again = false;
	session_done(looking->session, EX_OK);
}

/* Until Ctrl-C. */
static int watch(struct looking *looking)
{
	struct event_base *base = looking->session->base;

	looking->timer = event_new(base, -1, 0, look, looking);
	looking->on_int = evsignal_new(base, SIGINT, on_int, looking);
	if (!looking->timer || !looking->on_int || event_add(looking->on_int, NULL) != 0)
		return ctl_fail(EX_OSERR, "memory is short.");
	if (isatty(STDOUT_FILENO) && !looking->session->options.json)
		(void)fputs("\x1b[2J", stdout);
	session_run_on(looking->session);
	return EX_OK;
}

static int run(const struct ctl *ctl, int argc, char **argv, enum view view, bool again)
{
	struct session_options options;
	struct session session;
	struct looking looking = {.session = &session, .view = view, .again = again};
	const char *lang = NULL;
	const struct ctl_option own[] = {{"lang", &lang, NULL}, {NULL, NULL, NULL}};
	size_t n;
	int status = session_arguments(ctl, argc, argv, own, 0, 0, NULL, &n, &options);

	if (status == 0)
		status = session_language(ctl, lang, &looking.english);
	if (status == 0)
		status = session_open(ctl, &options, &session);
	if (status != 0)
		return status;
	screen_time_zone(session.round->contest->time_zone);
	look(-1, 0, &looking);
	if (again)
		status = watch(&looking);
	else
		session_run(&session);
	if (looking.timer)
		event_free(looking.timer);
	if (looking.on_int)
		event_free(looking.on_int);
	int end = session_close(&session);
	return status ? status : end;
}

static int run_status(const struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, argc, argv, VIEW_STATUS, false);
}

static int run_watch(const struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, argc, argv, VIEW_STATUS, true);
}

static int run_tally(const struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, argc, argv, VIEW_TALLY, false);
}

const struct ctl_command ctl_status = {
    .name = "status",
    .summary = "shows a contest as its organisers see it",
    .usage =
	"Usage: tallyctl -c FILE status [--contest C] [--lang ko|en] [--json]\n"
	"\n"
	"Phase, hours, citizens' counts (also while the public does not see them), how far the\n"
	"experts are, what is missing, what waits for a second organiser. Names in Korean, or "
	"with\n"
	"--lang en in English; times in the contest's zone, in UTC with --json.\n",
    .run = run_status,
};

const struct ctl_command ctl_watch = {
    .name = "watch",
    .summary = "the same every second, until Ctrl-C",
    .usage =
	"Usage: tallyctl -c FILE watch [--contest C] [--lang ko|en] [--json]\n"
	"\n"
	"Redraws in place on a terminal; elsewhere, and with --json (one line each), appends.\n",
    .run = run_watch,
};

const struct ctl_command ctl_tally = {
    .name = "tally",
    .summary = "citizens' counts alone",
    .usage =
	"Usage: tallyctl -c FILE tally [--contest C] [--lang ko|en] [--json]\n"
	"\n"
	"Counts by entry, in the order of their ranks, also under embargo.\n",
    .run = run_tally,
};
