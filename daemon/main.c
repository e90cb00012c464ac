/* tallyd: reads the command line and the configuration, and hands over to the supervisor. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "admission/assertion.h"
#include "base/log.h"
#include "config/contestfile.h"
#include "config/roundcheck.h"
#include "config/round.h"
#include "config/settings.h"
#include "worker/supervisor.h"

#define DESCRIPTORS_RESERVED 64 /* listeners, Redis, signer, logs */

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
    "Ends with 0 after SIGTERM or Ctrl-C, 64 for a wrong command line, 66 for a file or key that\n"
    "cannot be read, 69 when the address or the private Redis is not to be had, 71 when the system "
    "refuses,\n"
    "78 for a wrong configuration.\n";

/* Whoever signs could make voting rights without end, so that key is to lie with the issuer alone.
 */
static void warn_of_secrets(const struct settings *settings, const struct contest *contest)
{
	char round[ROUND_NAME_MAX];
	const char *file;

	contest_round(contest, round, sizeof(round));
	file = settings->serves & SETTINGS_ISSUER ? NULL
						  : keyring_issuer_secret(settings->keys, round);
	if (file)
		log_warn(
		    "%s/%s/%s lies here, and this server does not issue (\"roles\"): it "
		    "belongs on the issuer's host alone. Delete it here; if others could read "
		    "it, make new keys before the contest opens",
		    settings->keys, round, file);
}

/* Workers read the gateways' keys again; here it is told in time. */
static int check_gateways(
    const struct contest *contest, const struct settings *settings, char ret_why[GATEWAY_WHY_MAX])
{
	struct gateway *gateways;
	size_t n;
	int r = gateways_load(contest, settings, &gateways, &n, ret_why);

	if (r == 0)
		gateways_free(gateways, n);
	return r;
}

static int check_contest(const struct settings *settings, const char *path)
{
	struct contest *contest = NULL;
	struct config_errors errors = {0};
	char why[GATEWAY_WHY_MAX];
	int status = EX_CONFIG;

	if (contestfile_load(path, settings->rehearsal, &contest, &errors) != 0)
		config_errors_print(&errors, stderr);
	else if (roundcheck_identity(contest, settings, why) != 0 ||
		 check_gateways(contest, settings, why) != 0)
		fprintf(stderr, "%s: %s\n", path, why);
	else
		status = EX_OK;
	if (status == EX_OK)
		warn_of_secrets(settings, contest);
	config_errors_release(&errors);
	contest_free(contest);
	return status;
}

/* Contest files alone, without their keys, so that they can be checked before keys are made. */
static int check_contests(const struct settings *settings)
{
	int status = EX_OK;

	for (size_t i = 0; i < settings->n_contests; i++)
		if (check_contest(settings, settings->contests[i]) != EX_OK)
			status = EX_CONFIG;
	return status;
}

/* As many descriptors as the system lets us have; what the limits promise must fit into them. */
static void raise_descriptor_limit(struct settings *settings)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 && getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	int most = limit.rlim_cur > INT_MAX ? INT_MAX : (int)limit.rlim_cur;
	most = most > 2 * DESCRIPTORS_RESERVED ? most - DESCRIPTORS_RESERVED : most / 2;
	if (settings->limits.connections > most) {
		log_warn(
		    "limits.connections is %d, but the system allows %d (ulimit -Hn): taken as "
		    "that",
		    settings->limits.connections, most);
		settings->limits.connections = most;
	}
}

static int serve(struct settings *settings)
{
	raise_descriptor_limit(settings);
	struct round **rounds = calloc(settings->n_contests, sizeof(struct round *));
	int status = rounds ? EX_OK : EX_OSERR;
	for (size_t i = 0; status == EX_OK && i < settings->n_contests; i++) {
		char why[ROUND_WHY_MAX];
		if (round_load(settings, settings->contests[i], &rounds[i], why) != 0) {
			fprintf(stderr, "%s\n", why);
			status = EX_CONFIG;
		}
	}
	if (status == EX_OK)
		status = supervisor_run(&(struct supervisor_options){
		    .settings = settings,
		    .rounds = rounds,
		    .n_rounds = settings->n_contests,
		});
	for (size_t i = 0; rounds && i < settings->n_contests; i++)
		round_free(rounds[i]);
	free(rounds);
	return status;
}

int main(int argc, char **argv)
{
	enum { OPTION_CHECK = 256, OPTION_VERSION, OPTION_HELP };
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"check-config", no_argument, NULL, OPTION_CHECK},
	    {"version", no_argument, NULL, OPTION_VERSION},
	    {"help", no_argument, NULL, OPTION_HELP},
	    {NULL, 0, NULL, 0},
	};
	const char *path = NULL;
	bool check = false;
	int option;
	while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case OPTION_CHECK:
			check = true;
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
	struct settings settings = {0};
	struct config_errors errors = {0};
	int rc = settings_load(path, &settings, &errors);
	config_errors_print(&errors, stderr);
	int status = rc == 0 ? check_contests(&settings) : rc == -EINVAL ? EX_CONFIG : EX_NOINPUT;
	config_errors_release(&errors);
	if (status == EX_OK && !check) {
		log_set_level(settings.log_level);
		status = serve(&settings);
	} else if (status == EX_OK) {
		printf("%s: %zu contest%s, no errors\n", path, settings.n_contests,
		    settings.n_contests == 1 ? "" : "s");
	}
	settings_release(&settings);
	return status;
}
