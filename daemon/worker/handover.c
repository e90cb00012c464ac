/* The environment variable, and exec(). Knows nothing of what is handed over. */
#include "worker/handover.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"

#define VARIABLE "TALLYD_HANDOVER"
#define VERSION  1 /* of what the JSON says; another program understands its own only */

static int put_into_environment(const json_t *handover)
{
	json_t *whole = json_pack("{s:i, s:O}", "version", VERSION, "handover", handover);
	char *text = json_dumps(whole, JSON_COMPACT);
	int r = text && setenv(VARIABLE, text, 1) == 0 ? 0 : -ENOMEM;

	free(text);
	json_decref(whole);
	return r;
}

json_t *handover_take(int *ret_error)
{
	const char *text = getenv(VARIABLE);
	json_t *whole, *handover = NULL;
	int version;

	*ret_error = 0;
	if (!text)
		return NULL;
	whole = json_loads(text, 0, NULL);
	if (json_unpack(whole, "{s:i, s:O}", "version", &version, "handover", &handover) != 0 ||
	    version != VERSION) {
		json_decref(handover);
		handover = NULL;
		*ret_error = -EINVAL;
	}
	json_decref(whole);
	(void)unsetenv(VARIABLE); /* children of this one are not to take it */
	return handover;
}

static char **with_check(char **argv)
{
	static char option[] = "--" HANDOVER_CHECK;
	size_t n = 0;
	char **args;

	while (argv[n])
		n++;
	args = calloc(n + 2, sizeof(*args));
	for (size_t i = 0; args && i < n; i++)
		args[i] = argv[i];
	if (args)
		args[n] = option;
	return args;
}

__attribute__((noreturn)) static void run_check(
    char **argv, const json_t *handover, void (*pass_on)(void *arg), void *arg)
{
	char **args = with_check(argv);
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	pass_on(arg);
	if (args && put_into_environment(handover) == 0)
		(void)execvp(args[0], args);
	log_error("%s: %s", argv[0], strerror(errno));
	_exit(EX_OSERR);
}

pid_t handover_check(char **argv, const json_t *handover, void (*pass_on)(void *arg), void *arg)
{
	pid_t pid = fork();

	if (pid == 0)
		run_check(argv, handover, pass_on, arg);
	return pid < 0 ? -errno : pid;
}

int handover_exec(char **argv, const json_t *handover)
{
	int r = put_into_environment(handover);

	if (r < 0)
		return r;
	(void)execvp(argv[0], argv);
	r = -errno;
	(void)unsetenv(VARIABLE);
	return r;
}
