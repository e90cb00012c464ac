/* tallyctl: finds the subcommand, loads the configuration, and hands over. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "ctl/ctl.h"
#include "config/values.h"

/* In the order in which --help shows them; a heading begins a group. */
static const struct {
	const char *heading;
	const struct ctl_command *command;
	bool counts; /* done where the ballots are alone */
} commands[] = {
    {"Setting up", &ctl_keygen, false},
    {NULL, &ctl_site, false},
    {NULL, &ctl_voters, false},
    {NULL, &ctl_experts, false},
    {NULL, &ctl_check, false},
    {NULL, &ctl_repair, false},
    {"People", &ctl_invite, false},
    {NULL, &ctl_people, false},
    {NULL, &ctl_revoke, false},
    {NULL, &ctl_codes, false},
    {"Watching", &ctl_status, false},
    {NULL, &ctl_watch, false},
    {NULL, &ctl_tally, true},
    {NULL, &ctl_audit, false},
    {NULL, &ctl_export, false},
    {NULL, &ctl_report, true},
    {NULL, &ctl_log, false},
    {"Running the contest", &ctl_open, false},
    {NULL, &ctl_pause, false},
    {NULL, &ctl_resume, false},
    {NULL, &ctl_extend, false},
    {NULL, &ctl_close, false},
    {NULL, &ctl_notice, false},
    {NULL, &ctl_recuse, false},
    {NULL, &ctl_challenge, false},
    {NULL, &ctl_disqualify, false},
    {NULL, &ctl_requalify, false},
    {NULL, &ctl_requests, false},
    {NULL, &ctl_approve, false},
    {NULL, &ctl_reject, false},
    {NULL, &ctl_forget, false},
    {"The result", &ctl_metrics, true},
    {NULL, &ctl_issued, false},
    {NULL, &ctl_publish, true},
    {NULL, &ctl_recount, true},
    {NULL, &ctl_certify, true},
    {NULL, &ctl_correct, true},
    {NULL, &ctl_result, true},
    {"Checking the count", &ctl_verify, false},
    {"The next round", &ctl_programme, false},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const char endings[] =
    "Ends with 0 when all went well, 64 for a wrong command line, 65 for what was refused\n"
    "or does not agree, 66 for an input that cannot be read, 69 when Redis is not to be\n"
    "had, 71 for what the system lacks, 73 for an output that cannot be written, 75 for\n"
    "what may go well later, 77 for who may not, 78 for a wrong configuration.\n";

/* Says what it ends with: itself, or as all of them. */
static void print_command(const struct ctl_command *command)
{
	(void)fputs(command->usage, stdout);
	if (!strstr(command->usage, "Ends with"))
		(void)printf("\n%s", endings);
}

/* Of the longest name, so that the summaries stand below one another. */
static int name_width(void)
{
	size_t width = 0;

	for (size_t i = 0; i < COMMANDS; i++)
		if (strlen(commands[i].command->name) > width)
			width = strlen(commands[i].command->name);
	return (int)width;
}

static void print_usage(FILE *out)
{
	const int width = name_width();

	(void)fputs(
	    "Usage: tallyctl -c FILE COMMAND [ARGUMENT]…\n"
	    "\n"
	    "The organiser's command line: works on the contests of the configuration FILE.\n"
	    "\n",
	    out);
	for (size_t i = 0; i < COMMANDS; i++) {
		if (commands[i].heading != NULL)
			(void)fprintf(out, "%s%s\n", i > 0 ? "\n" : "", commands[i].heading);
		(void)fprintf(out, "  %-*s  %s\n", width, commands[i].command->name,
		    commands[i].command->summary);
	}
	(void)fputs(
	    "\n"
	    "  -c, --config FILE   the configuration, as config/tallyd.yaml describes it\n"
	    "      --version       print the version and end\n"
	    "      --help          print this and end; after a COMMAND: about that command, as\n"
	    "                      `tallyctl help COMMAND` does\n"
	    "\n",
	    out);
	(void)fputs(endings, out);
}

static const struct ctl_command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].command->name, name) == 0)
			return commands[i].command;
	return NULL;
}

/* Whoever checks a count, or mends the files of Redis, has nothing of ours but the files. */
static bool needs_configuration(const struct ctl_command *command)
{
	return command != &ctl_verify && command != &ctl_repair;
}

static int wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return 1;
	return 0;
}

static int miss_command(const char *name)
{
	const char *names[COMMANDS], *nearest;

	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = commands[i].command->name;
	nearest = value_nearest(name, names, COMMANDS);
	if (nearest)
		return ctl_fail(
		    EX_USAGE, "there is no command \"%s\"; did you mean \"%s\"?", name, nearest);
	return ctl_fail(
	    EX_USAGE, "there is no command \"%s\"; \"tallyctl --help\" lists them.", name);
}

/* "help", "help COMMAND". */
static int print_help(int argc, char **argv)
{
	const struct ctl_command *command = argc == 2 ? find_command(argv[1]) : NULL;

	if (argc > 2 || (argc == 2 && command == NULL)) {
		return miss_command(argv[argc > 2 ? 2 : 1]);
	}
	if (command != NULL)
		print_command(command);
	else
		print_usage(stdout);
	return EX_OK;
}

static bool is_of_the_count(const struct ctl_command *command)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i].command == command)
			return commands[i].counts;
	return false;
}

static int run_command(const struct ctl_command *command, const char *config, int argc, char **argv)
{
	struct ctl ctl = {.config = config, .command = command};
	struct config_errors errors = {0};
	int status =
	    needs_configuration(command) ? settings_load(config, &ctl.settings, &errors) : 0;

	if (status != 0) {
		config_errors_print(&errors, stderr);
		config_errors_release(&errors);
		return status == -EINVAL ? EX_CONFIG : EX_NOINPUT; /* as tallyd does */
	}
	config_errors_release(&errors);
	optind = 0; /* start anew, on the command's own arguments */
	if (is_of_the_count(command) && !(ctl.settings.serves & SETTINGS_BALLOTS) &&
	    !wants_help(argc, argv))
		status = ctl_fail(EX_CONFIG,
		    "%s has no ballots (\"roles\"): \"%s\" is done where they are.", config,
		    command->name);
	else
		status = command->run(&ctl, argc, argv);
	settings_release(&ctl.settings);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'v'},
	    {NULL, 0, NULL, 0},
	};
	const struct ctl_command *command;
	const char *config = NULL;
	int option;

	/* "+": what follows the command belongs to the command. */
	while ((option = getopt_long(argc, argv, "+c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			config = optarg;
			break;
		case 'h':
			print_usage(stdout);
			return EX_OK;
		case 'v':
			(void)puts("tallyctl " TALLYD_VERSION);
			return EX_OK;
		default:
			print_usage(stderr);
			return EX_USAGE;
		}
	}
	if (optind == argc) {
		print_usage(stderr);
		return EX_USAGE;
	}
	if (strcmp(argv[optind], "help") == 0)
		return print_help(argc - optind, argv + optind);
	command = find_command(argv[optind]);
	if (command == NULL) {
		return miss_command(argv[optind]);
	}
	if (wants_help(argc - optind, argv + optind)) {
		print_command(command);
		return EX_OK;
	}
	if (config == NULL && needs_configuration(command))
		return ctl_fail(
		    EX_USAGE, "say which configuration: tallyctl -c FILE %s …", command->name);
	return run_command(command, config, argc - optind, argv + optind);
}
