/* tallyd: reads the command line and the configuration, and hands over to the supervisor. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sysexits.h>

#include "base/log.h"
#include "worker/edition.h"
#include "worker/handover.h"
#include "worker/supervisor.h"

static const char usage[] =
    "Usage: tallyd -c FILE [--check-config]\n"
    "\n"
    "Serves the contests that the configuration FILE names: takes ballots, streams tallies.\n"
    "\n"
    "  -c, --config FILE   the configuration, as config/tallyd.yaml describes it\n"
    "      --check-config  read the configuration and every contest, say what is wrong, and end\n"
    "      --version       print the version and end\n"
    "      --help          print this and end\n"
    "\n"
    "SIGHUP reads the configuration anew, SIGUSR2 goes on with the program that is at this one's\n"
    "place now; neither ends a request, and with errors everything goes on as before. SIGTERM and\n"
    "Ctrl-C end it, once what is under way is done.\n"
    "\n"
    "Ends with 0 after SIGTERM or Ctrl-C, 64 for a wrong command line, 66 for a file or key that\n"
    "cannot be read, 69 when the address or the private Redis is not to be had, 71 when the system "
    "refuses,\n"
    "78 for a wrong configuration.\n";

static int check_config(const char *path)
{
	size_t contests;
	int status = edition_check(path, stderr, &contests);

	if (status == EX_OK)
		printf("%s: %zu contest%s, no errors\n", path, contests, contests == 1 ? "" : "s");
	return status;
}

int main(int argc, char **argv)
{
	enum { OPTION_CHECK = 256, OPTION_HANDOVER, OPTION_VERSION, OPTION_HELP };
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"check-config", no_argument, NULL, OPTION_CHECK},
	    {HANDOVER_CHECK, no_argument, NULL, OPTION_HANDOVER},
	    {"version", no_argument, NULL, OPTION_VERSION},
	    {"help", no_argument, NULL, OPTION_HELP},
	    {NULL, 0, NULL, 0},
	};
	const char *path = NULL;
	enum { SERVE, CHECK_CONFIG, CHECK_HANDOVER } todo = SERVE;
	int option;
	while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case OPTION_CHECK:
			todo = CHECK_CONFIG;
			break;
		case OPTION_HANDOVER:
			todo = CHECK_HANDOVER;
			break;
		case OPTION_VERSION:
			printf("tallyd %s\n", TALLYD_VERSION);
			return EX_OK;
		case OPTION_HELP:
			fputs(usage, stdout);
			return EX_OK;
		default:
			fputs("Try tallyd --help.\n", stderr);
			return EX_USAGE;
		}
	}
	if (!path || optind < argc) {
		fprintf(stderr, "tallyd: %s\nTry tallyd --help.\n",
		    path ? "one configuration, and nothing beside it" : "-c FILE is missing");
		return EX_USAGE;
	}

	signal(SIGPIPE, SIG_IGN);
	log_set_process("tallyd");
	switch (todo) {
	case CHECK_CONFIG:
		return check_config(path);
	case CHECK_HANDOVER:
		return supervisor_check(path);
	case SERVE:
	default:
		return supervisor_run(path, argv);
	}
}
