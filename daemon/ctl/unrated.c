/* Looks at the board before the contest is closed or its result published. */
#include "ctl/unrated.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "contest/phase.h"
#include "ctl/screen.h"
#include "office/board.h"

#define LINE_MAX_BYTES 4096

struct looking {
	struct session *session;
	json_t *unrated;
	enum phase phase;
};

static void on_board(void *arg, const struct board *board, const struct count *count)
{
	struct looking *looking = arg;

	(void)count;
	if (looking->session->done)
		return;
	if (board) {
		looking->phase = board->record.phase;
		looking->unrated = board_unrated(looking->session->round->contest, board);
	}
	/* What cannot be read now is the act's to say. */
	session_done(looking->session, EX_OK);
}

/* "panel experts weighs 35 and has no sheet" */
static void warn_panel(const json_t *row)
{
	const char *panel = json_string_value(json_object_get(row, "panel"));
	long long weight = json_integer_value(json_object_get(row, "weight"));
	const json_t *entry;
	struct buf line;
	size_t i;
	int r;

	buf_init(&line, LINE_MAX_BYTES);
	if (!json_is_true(json_object_get(row, "rated"))) {
		r = buf_printf(&line, "panel %s weighs %lld and has no sheet.", panel, weight);
	} else {
		r = buf_printf(&line, "panel %s weighs %lld and nobody has rated", panel, weight);
		json_array_foreach(json_object_get(row, "entries"), i, entry)
		{
			if (r == 0)
				r = buf_printf(
				    &line, "%s %s", i > 0 ? "," : "", json_string_value(entry));
		}
		if (r == 0)
			r = buf_append_text(&line, ".");
	}
	if (r == 0)
		r = buf_append(&line, "", 1);
	if (r == 0)
		screen_warn(line.data);
	buf_release(&line);
}

/* Standard input is somebody who reads the question, not a script that goes on with its next line.
 */
static int ask(void)
{
	char answer[16] = "";

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return EX_OK;
	(void)fputs("Close it nevertheless? Type yes: ", stderr);
	if (fgets(answer, sizeof(answer), stdin) == NULL)
		answer[0] = '\0';
	answer[strcspn(answer, "\r\n")] = '\0';
	if (strcmp(answer, "yes") == 0)
		return EX_OK;
	return ctl_fail(EX_DATAERR, "nothing was done; the contest goes on.");
}

/* Sheets are handed in while the contest is open or paused. */
static int warn_closing(const struct session *session)
{
	char sentence[400];

	(void)snprintf(sentence, sizeof(sentence),
	    "after the close no sheet can be handed in and nothing reopens the contest, so its "
	    "result could never be certified. tallyctl status names who has not handed in%s.",
	    session->round->contest->rehearsal
		? "; in a rehearsal tallyctl experts hands in made-up sheets"
		: "");
	screen_warn(sentence);
	return session->options.json ? EX_OK : ask();
}

static int warn_published(const struct session *session)
{
	char sentence[400];

	(void)snprintf(sentence, sizeof(sentence),
	    "the contest is closed and no sheet can be handed in any more, so this result can be "
	    "provisional, but never certified%s.",
	    session->round->contest->rehearsal
		? ". To rehearse certifying begin anew: make run with another VAR"
		: "");
	screen_warn(sentence);
	return EX_OK;
}

int unrated_warn(struct session *session, const char *act)
{
	struct looking looking = {.session = session};
	bool closing = strcmp(act, "close") == 0;
	const json_t *row;
	size_t i;
	int status;

	if ((!closing && strcmp(act, "publish") != 0) ||
	    session->round->contest->stage.n_parts == 0)
		return EX_OK;
	board_read(&session->office, on_board, &looking);
	session_run(session);
	status = session->status;
	if (status == EX_OK && json_array_size(looking.unrated) > 0 &&
	    (closing ? looking.phase <= PHASE_PAUSED : looking.phase == PHASE_CLOSED)) {
		json_array_foreach(looking.unrated, i, row)
		{
			warn_panel(row);
		}
		status = closing ? warn_closing(session) : warn_published(session);
	}
	json_decref(looking.unrated);
	return status;
}
