/* Holds signals back by blocking them, so that no handler has to know what is under way. */
#include "ctl/interrupt.h"

#include <stddef.h>
#include <stdio.h>

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

void interrupt_hold(struct interrupt *interrupt)
{
	sigset_t held;

	(void)sigemptyset(&held);
	for (size_t i = 0; i < SIGNALS; i++)
		(void)sigaddset(&held, signals[i]);
	(void)sigprocmask(SIG_BLOCK, &held, &interrupt->before);
}

bool interrupt_waits(void)
{
	sigset_t pending;

	if (sigpending(&pending) < 0)
		return false;
	for (size_t i = 0; i < SIGNALS; i++)
		if (sigismember(&pending, signals[i]) == 1)
			return true;
	return false;
}

void interrupt_let_go(const struct interrupt *interrupt)
{
	(void)fflush(stdout);
	(void)sigprocmask(SIG_SETMASK, &interrupt->before, NULL);
}
