/* tallyctl repair: cuts the torn tail off an append-only file, as the private Redis' start does. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "ctl/ctl.h"
#include "store/aof.h"
#include "worker/redisd.h"

static const char usage[] =
    "Usage: tallyctl repair DIR\n"
    "\n"
    "For a Redis of your own that is not running: DIR is its `dir`, which holds appendonlydir. "
    "Cuts off\n"
    "what a power cut has left of a command or transaction at the very end of the last file, which "
    "was\n"
    "never acknowledged, and keeps it beside the file. Touches nothing else: other damage is told "
    "with\n"
    "file and offset (ops/runbook.md, \"Damaged append-only file\"). A second run finds nothing to "
    "do.\n"
    "\n"
    "Files that a Redis has open, or that a running tallyd keeps its private Redis in, are left "
    "alone; so\n"
    "is a torn one that anybody else has open. End that process first; the message names it where "
    "/proc\n"
    "tells. Where the file system has no leases (NFS), only processes of this host are found: make "
    "sure\n"
    "yourself that no other host uses them.\n"
    "\n"
    "Ends with 0 when the files are whole now, 65 when they are damaged otherwise, 66 when they "
    "cannot be\n"
    "read, 73 when they cannot be changed, 75 when somebody uses them.\n";

static int status_of(int error)
{
	switch (error) {
	case -EBADMSG:
		return EX_DATAERR;
	case -ENOENT:
	case -ENOTDIR:
	case -EACCES:
		return EX_NOINPUT;
	case -EBUSY:
		return EX_TEMPFAIL;
	default:
		return EX_CANTCREAT;
	}
}

/* EX_OK, or what was said. `given`: as the caller named it. */
static int look_for_files(const char *dir, const char *given)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/appendonlydir", dir), error = 0;

	if (n < 0 || (size_t)n >= sizeof(path))
		error = ENAMETOOLONG;
	else if (stat(path, &st) < 0)
		error = errno;
	else if (S_ISDIR(st.st_mode))
		return EX_OK;
	if (error != 0 && error != ENOENT && error != ENOTDIR)
		return ctl_fail(EX_NOINPUT, "%s/appendonlydir: %s.", dir, strerror(error));
	return ctl_fail(
	    EX_NOINPUT, "%s holds no appendonlydir; DIR is what Redis calls its dir.", given);
}

/* A tallyd that starts its Redis again may do so at any moment. */
static int look_for_keeper(const char *dir)
{
	char process[32] = "";
	pid_t pid;
	int r = redisd_find_keeper(dir, &pid);

	if (r < 0)
		return ctl_fail(status_of(r), "%s/redisd.lock: %s.", dir, strerror(-r));
	if (r == 0)
		return EX_OK;
	if (pid > 0)
		(void)snprintf(process, sizeof(process), " (process %d)", (int)pid);
	return ctl_fail(EX_TEMPFAIL,
	    "a tallyd%s keeps its private Redis in %s, and repairs the files itself "
	    "before each start; to do it by hand, end that tallyd first. Nothing was changed.",
	    process, dir);
}

static int repair(const char *dir, const char *given)
{
	char why[AOF_EXPLAINED_MAX];
	struct aof_report report;
	int r = aof_repair_tail(dir, &report);

	if (r == -EBUSY) {
		aof_explain(&report, r, why, sizeof(why));
		return ctl_fail(status_of(r),
		    "%s. End that first (a Redis: redis-cli … SHUTDOWN, or its service; a child of "
		    "one that was killed ends by itself), then run this again.",
		    why);
	}
	if (r < 0) {
		aof_explain(&report, r, why, sizeof(why));
		return ctl_fail(
		    status_of(r), "%s; see \"Damaged append-only file\" in ops/runbook.md.", why);
	}
	if (report.cut > 0)
		(void)printf("cut %" PRIu64 " bytes off %s at offset %" PRIu64
			     ": %s; nothing of it was acknowledged; kept in %s\n",
		    report.cut, report.file, report.offset, report.why, report.kept);
	else
		(void)printf(
		    "%s: whole, %" PRIu64 " commands; nothing to repair\n", given, report.commands);
	return EX_OK;
}

static int run_repair(const struct ctl *ctl, int argc, char **argv)
{
	char *dir;
	int status;

	if (argc != 2)
		return ctl_misuse(ctl, "say which directory.");
	dir = realpath(argv[1], NULL);
	if (!dir)
		return ctl_fail(EX_NOINPUT, "%s: %s.", argv[1], strerror(errno));
	status = look_for_files(dir, argv[1]);
	if (status == EX_OK)
		status = look_for_keeper(dir);
	if (status == EX_OK)
		status = repair(dir, argv[1]);
	free(dir);
	return status;
}

const struct ctl_command ctl_repair = {
    .name = "repair",
    .summary = "cut the torn tail off the files of a Redis that is not running",
    .usage = usage,
    .run = run_repair,
};
