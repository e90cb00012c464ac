/* Whether memory may run short from here on: a target says so around what it tests, so that its own
 * allocations are left alone. Only tests/unit/starving.h does anything about it. */
#ifndef TALLYD_TESTS_STARVE_H
#define TALLYD_TESTS_STARVE_H

#include <stdbool.h>

void starve(bool on) __attribute__((weak));

static inline void starving(bool on)
{
	if (starve)
		starve(on);
}

#endif
