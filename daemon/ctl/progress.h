/* How far a long command is: one line on a terminal that is written over, nothing elsewhere. */
#ifndef TALLYD_CTL_PROGRESS_H
#define TALLYD_CTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress { /* embedded by whoever shows it; zero at first */
	bool ready, on_terminal, shown;
	int64_t at_ms; /* steady time of the last showing */
};

/* Shows "<what>  ████▌      123,456 of 1,000,000" on standard error, at most ten times a second.
 * `total` 0: not known. May be called for every item; `what` is borrowed for the call. */
void progress_show(struct progress *progress, const char *what, uint64_t done, uint64_t total);
/* Wipes the line, so that what is printed next stands alone. */
void progress_end(struct progress *progress);

#endif
