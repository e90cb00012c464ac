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

static int print_head(struct buf *out, const struct contest *contest, const struct board *board,
    const struct count *count)
{
	char as_of[CLOCK_TEXT_SIZE], left[32], ballots[32], issued[32], until[CLOCK_TEXT_SIZE];
	const struct record *record = &board->record;
	int rc = buf_printf(out, "%s · %s%s · %s · as of %s\n", contest->id, contest->name.en,
	    contest->rehearsal ? " (rehearsal)" : "", phase_name(record->phase),
	    clock_format(board->now_ms, 1, as_of));

	if (rc == 0 && record->phase < PHASE_OPEN && record->opens_ms)
		rc = buf_printf(out, "opens %s, in %s\n", clock_format(record->opens_ms, 1, until),
		    screen_duration(record->opens_ms - board->now_ms, left));
	else if (rc == 0 && record->phase < PHASE_CLOSED && record->closes_ms)
		rc =
		    buf_printf(out, "closes %s, in %s\n", clock_format(record->closes_ms, 1, until),
			screen_duration(record->closes_ms - board->now_ms, left));
	return rc == 0 ? buf_printf(out, "ballots %s   tokens issued %s\n\n",
			     screen_number((int64_t)count->totals.ballots, ballots),
			     screen_number((int64_t)count->totals.issued, issued))
		       : rc;
}

static int name_width(const struct contest *contest)
{
	int width = 0;

	for (size_t e = 0; e < contest->n_entries; e++) {
		int w = screen_width(contest->entries[e].name.ko);
		width = w > width ? w : width;
	}
	return width;
}

/* By rank; equal ranks in the contest's order. */
static const struct tally_row *row_at(
    const struct tally_row *rows, size_t n, size_t place, bool used[CONTEST_ENTRIES_MAX])
{
	size_t best = n;
	(void)place;

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
    int width, int64_t most)
{
	char votes[32], value[32] = "";
	int rc = buf_printf(out, "%3d  ", row->rank);

	if (contest->form->has_mean && row->votes > 0)
		(void)snprintf(value, sizeof(value), "%.2f", row->mean);
	else if (row->schulze)
		(void)screen_number(row->sum, value);
	else if (!contest->form->has_mean)
		(void)snprintf(value, sizeof(value), "%.1f%%", row->share * 100);
	if (rc == 0)
		rc = screen_cell(out, contest->entries[row->entry].name.ko, width + 2, false);
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

static int print_tally(struct buf *out, const struct contest *contest, const struct count *count)
{
	struct tally_row rows[CONTEST_ENTRIES_MAX];
	bool used[CONTEST_ENTRIES_MAX] = {false};
	int width = name_width(contest), rc = 0;
	int64_t most = 0;

	contest->form->tally(
	    contest, count->input.counter, count->input.arg, (int64_t)count->totals.ballots, rows);
	for (size_t i = 0; i < contest->n_entries; i++)
		most = rows[i].sum > most ? rows[i].sum : most;
	for (size_t i = 0; i < contest->n_entries && rc == 0; i++)
		rc =
		    print_row(out, contest, row_at(rows, contest->n_entries, i, used), width, most);
	return rc;
}

static int print_experts(struct buf *out, const struct contest *contest, const struct board *board)
{
	int width = name_width(contest), rc = 0;

	for (size_t p = 0; p < contest->n_panels && rc == 0; p++) {
		rc = buf_printf(out, "\n%s: %zu of %zu sheets submitted\n",
		    contest->panels[p].name.en, board->submitted[p], board->of[p]);
		for (size_t e = 0; e < contest->n_entries && rc == 0 && board->of[p] > 0; e++) {
			const struct board_panel_entry *cell = &board->panel[p][e];

			rc = buf_append_text(out, "     ");
			if (rc == 0)
				rc =
				    screen_cell(out, contest->entries[e].name.ko, width + 2, false);
			if (rc == 0)
				rc = buf_printf(out, "%zu of %zu, %zu recused%s\n", cell->result.n,
				    cell->of, cell->recused,
				    cell->too_few ? "   too few experts are left" : "");
		}
	}
	return rc;
}

static int print_standing(struct buf *out, const struct contest *contest, const struct board *board)
{
	int width = name_width(contest), rc = 0;

	if (contest->stage.n_parts == 0 || !board_sheets_visible(contest, board))
		return 0;
	rc = buf_printf(
	    out, "\nstanding%s\n", board->standing.complete ? "" : " (something is missing)");
	for (size_t e = 0; e < contest->n_entries && rc == 0; e++) {
		const struct standing_row *row = &board->standing.row[e];
		char points[24], rank[24];

		(void)snprintf(rank, sizeof(rank), row->rank ? "%d" : "–", row->rank);
		rc = screen_cell(out, rank, 3, true);
		if (rc == 0)
			rc = buf_append_text(out, "  ");
		if (rc == 0)
			rc = screen_cell(out, contest->entries[e].name.ko, width + 2, false);
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
	bool again;           /* watch */
	struct event *timer;  /* of the next look */
	struct event *on_int; /* Ctrl-C */
	bool shown;
};

static int print_screen(struct buf *out, const struct looking *looking, const struct board *board,
    const struct count *count)
{
	const struct contest *contest = looking->session->round->contest;
	int rc = print_head(out, contest, board, count);

	if (rc == 0)
		rc = print_tally(out, contest, count);
	if (rc == 0 && looking->view == VIEW_STATUS)
		rc = print_experts(out, contest, board);
	if (rc == 0 && looking->view == VIEW_STATUS)
		rc = print_standing(out, contest, board);
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

static void show(struct looking *looking, const struct board *board, const struct count *count)
{
	struct buf out;

	buf_init(&out, SCREEN_MAX);
	if (looking->session->options.json) {
		json_t *json = board_overview(looking->session->round->contest, board, count);
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
	(void)fflush(stdout);
	buf_release(&out);
}

static void on_board(void *arg, const struct board *board, const struct count *count)
{
	static const struct timeval second = {1, 0};
	struct looking *looking = arg;

	if (looking->session->done) /* Ctrl-C came first */
		return;
	if (board)
		show(looking, board, count);
	else if (!looking->again)
		(void)ctl_fail(EX_UNAVAILABLE, "Redis does not answer, or its record is damaged.");
	else
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
	size_t n;
	int status = session_arguments(ctl, argc, argv, NULL, 0, 0, NULL, &n, &options);

	if (status == 0)
		status = session_open(ctl, &options, &session);
	if (status != 0)
		return status;
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
	"Usage: tallyctl -c FILE status [--contest C] [--json]\n"
	"\n"
	"Phase, hours, citizens' counts (also while the public does not see them), how far the\n"
	"experts are, what is missing, what waits for a second organiser.\n",
    .run = run_status,
};

const struct ctl_command ctl_watch = {
    .name = "watch",
    .summary = "the same every second, until Ctrl-C",
    .usage =
	"Usage: tallyctl -c FILE watch [--contest C] [--json]\n"
	"\n"
	"Redraws in place on a terminal; elsewhere, and with --json (one line each), appends.\n",
    .run = run_watch,
};

const struct ctl_command ctl_tally = {
    .name = "tally",
    .summary = "citizens' counts alone",
    .usage =
	"Usage: tallyctl -c FILE tally [--contest C] [--json]\n"
	"\n"
	"Counts by entry, in the order of their ranks, also under embargo.\n",
    .run = run_tally,
};
