/* Ctrl-C, SIGTERM and SIGHUP while something is written that must not be left half done: they wait
 * until that is put away, and end the program then. */
#ifndef TALLYD_CTL_INTERRUPT_H
#define TALLYD_CTL_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

struct interrupt {
	sigset_t before;
};

void interrupt_hold(struct interrupt *interrupt);
/* Whether one of them waits: stop as soon as it can be done cleanly. Only between hold and let_go.
 */
bool interrupt_waits(void);
/* What waits ends the program here, as it would have then. */
void interrupt_let_go(const struct interrupt *interrupt);

#endif
