/* A bar on standard error while it is a terminal. */
#include "ctl/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/screen.h"

enum { EVERY_MS = 100, WHAT_WIDTH = 22, BAR_WIDTH = 24, LINE_MAX_BYTES = 512 };

static void print_line(const char *what, uint64_t done, uint64_t total)
{
	double share = total > 0 ? (double)done / (double)total : 0;
	char number[32], of[32];
	struct buf line;
	int rc;

	buf_init(&line, LINE_MAX_BYTES);
	rc = screen_cell(&line, what, WHAT_WIDTH, false);
	if (rc == 0 && total > 0)
		rc = screen_bar(&line, share < 1 ? share : 1, BAR_WIDTH);
	if (rc == 0)
		rc = buf_printf(&line, "  %s%s%s", screen_number((int64_t)done, number),
		    total > 0 ? " of " : "", total > 0 ? screen_number((int64_t)total, of) : "");
	if (rc == 0) /* over the line as it was, and what is left of it wiped */
		(void)fprintf(stderr, "\r%.*s\033[K", (int)line.len, line.data);
	buf_release(&line);
	(void)fflush(stderr);
}

void progress_show(struct progress *progress, const char *what, uint64_t done, uint64_t total)
{
	int64_t now_ms;

	if (!progress->ready) {
		progress->on_terminal = isatty(STDERR_FILENO) == 1;
		progress->ready = true;
	}
	if (!progress->on_terminal)
		return;
	now_ms = clock_steady_ms();
	if (progress->shown && now_ms - progress->at_ms < EVERY_MS && done != total)
		return;
	progress->shown = true;
	progress->at_ms = now_ms;
	print_line(what, done, total);
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		(void)fputs("\r\033[K", stderr);
	progress->shown = false;
}
