/* tallyctl repair: cuts the torn tail off an append-only file, as the private Redis' start does. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "ctl/ctl.h"
#include "store/aof.h"

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
    "Ends with 0 when the files are whole now, 65 when they are damaged otherwise, 66 when they "
    "cannot be\n"
    "read, 73 when they cannot be changed.\n";

static int status_of(int error)
{
	switch (error) {
	case -EBADMSG:
		return EX_DATAERR;
	case -ENOENT:
	case -ENOTDIR:
	case -EACCES:
		return EX_NOINPUT;
	default:
		return EX_CANTCREAT;
	}
}

static bool holds_files(const char *dir)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/appendonlydir", dir);

	return n > 0 && (size_t)n < sizeof(path) && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int run_repair(const struct ctl *ctl, int argc, char **argv)
{
	struct aof_report report;
	char *dir;
	int r;

	if (argc != 2)
		return ctl_misuse(ctl, "say which directory.");
	dir = realpath(argv[1], NULL);
	if (!dir)
		return ctl_fail(EX_NOINPUT, "%s: %s.", argv[1], strerror(errno));
	if (!holds_files(dir)) {
		free(dir);
		return ctl_fail(EX_NOINPUT,
		    "%s holds no appendonlydir; DIR is what Redis calls its dir.", argv[1]);
	}
	r = aof_repair_tail(dir, &report);
	free(dir);
	if (r < 0)
		return ctl_fail(status_of(r),
		    "%s, offset %" PRIu64
		    ": %s (%s). Nothing was changed; see \"Damaged "
		    "append-only file\" in ops/runbook.md.",
		    report.file, report.offset, report.why, strerror(-r));
	if (report.cut > 0)
		(void)printf("cut %" PRIu64 " bytes off %s at offset %" PRIu64
			     ": %s; nothing of it was acknowledged; kept in %s\n",
		    report.cut, report.file, report.offset, report.why, report.kept);
	else
		(void)printf("%s: whole, %" PRIu64 " commands; nothing to repair\n", argv[1],
		    report.commands);
	return EX_OK;
}

const struct ctl_command ctl_repair = {
    .name = "repair",
    .summary = "cut the torn tail off the files of a Redis that is not running",
    .usage = usage,
    .run = run_repair,
};
