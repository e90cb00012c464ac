/* Memory that runs short: every allocation on a way fails once, the first, the second, and so on,
 * each in a process of its own, until there is none left to fail. A process may end itself where
 * nobody could be told, or where OpenSSL fails (abort()), and in no other way. Not with a
 * sanitizer, which has an allocator of its own. For one file of a program: it defines malloc(). */
#ifndef TALLYD_TESTS_STARVING_H
#define TALLYD_TESTS_STARVING_H

#include <assert.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include <cmocka.h>

#include "../fuzz/starve.h"

#define GIVE_UP 2000 /* allocations; no way here has as many */
#define ENOUGH  98   /* exit code of whoever needed no more allocations than that */
#define WRONG   99   /* of whoever breaks what has to hold */

/* ---- memory that runs short ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

static bool short_of;
static long until = -1; /* allocations before the one that fails; below 0: none does */
static bool failed;

void starve(bool on)
{
	short_of = on;
}

static bool fails(void)
{
	if (!short_of || until-- != 0)
		return false;
	failed = true;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}

void *reallocarray(void *old, size_t n, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(n, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, all);
}

/* An assertion is no way to end: it tells itself from abort(). */
void __assert_fail(const char *text, const char *file, unsigned line, const char *function)
{
	(void)fprintf(stderr, "%s:%u: %s: %s\n", file, line, function, text);
	_exit(WRONG);
}

/* ---- one process for each allocation ---- */

struct outcome {
	unsigned runs, aborts;
};

/* Fails the allocations one after another; `way` returns whether all that has to hold does. */
static inline struct outcome fail_each(
    const char *what, bool (*way)(const void *arg), const void *arg)
{
	struct outcome outcome = {0};

	for (long n = 0; n < GIVE_UP; n++, outcome.runs++) {
		int status;
		pid_t child = fork();

		if (child == 0) {
			/* cmocka would take it for a failed test, and go on in here. */
			(void)signal(SIGSEGV, SIG_DFL);
			(void)signal(SIGBUS, SIG_DFL);
			(void)signal(SIGFPE, SIG_DFL);
			(void)signal(SIGILL, SIG_DFL);
			failed = false;
			until = n;
			if (!way(arg))
				_exit(WRONG);
			_exit(failed ? 0 : ENOUGH);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		if (WIFEXITED(status) && WEXITSTATUS(status) == ENOUGH)
			return outcome;
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
			outcome.aborts++;
		else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("%s, allocation %ld: ended with %x", what, n, (unsigned)status);
	}
	fail_msg("%s: there is no end of allocations", what);
	return outcome;
}

static inline void tell_outcome(const char *what, struct outcome outcome)
{
	printf("%s: %u allocations failed, %u of them ended the process deliberately\n", what,
	    outcome.runs, outcome.aborts);
	assert_true(outcome.runs > 0);
}

#endif
