/* The command line of a subcommand that works on one contest round: shared options, its own, and
 * operands. */
#include "ctl/session.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "base/text.h"

#define OPTIONS_MAX 24

struct reading { /* one command line */
	const struct ctl *ctl;
	const char *command;
	const struct ctl_option *options[OPTIONS_MAX];
	size_t n_options;
	int argc;
	char **argv;
	int at; /* the argument to be read next */
};

static void take_table(struct reading *reading, const struct ctl_option *table)
{
	for (; table != NULL && table->name != NULL; table++)
		if (reading->n_options < OPTIONS_MAX)
			reading->options[reading->n_options++] = table;
}

static const struct ctl_option *find_option(
    const struct reading *reading, const char *name, size_t len)
{
	for (size_t i = 0; i < reading->n_options; i++)
		if (strlen(reading->options[i]->name) == len &&
		    memcmp(reading->options[i]->name, name, len) == 0)
			return reading->options[i];
	return NULL;
}

/* "--name", "--name VALUE" or "--name=VALUE". */
static int read_option(struct reading *reading)
{
	const char *argument = reading->argv[reading->at++];
	const char *equals = strchr(argument, '=');
	size_t len = equals != NULL ? (size_t)(equals - argument) : strlen(argument);
	const struct ctl_option *option =
	    len > 2 && argument[1] == '-' ? find_option(reading, argument + 2, len - 2) : NULL;

	if (option == NULL)
		return ctl_misuse(
		    reading->ctl, "%s takes no \"%.*s\".", reading->command, (int)len, argument);
	if (option->flag != NULL) {
		if (equals != NULL)
			return ctl_misuse(reading->ctl, "--%s takes no value.", option->name);
		*option->flag = true;
		return EX_OK;
	}
	if (equals == NULL && reading->at == reading->argc)
		return ctl_misuse(reading->ctl, "--%s wants a value.", option->name);
	*option->value = equals != NULL ? equals + 1 : reading->argv[reading->at++];
	return EX_OK;
}

static int check_shared(const struct ctl *ctl, const struct session_options *options)
{
	if (options->by != NULL && options->token != NULL)
		return ctl_misuse(ctl, "--by and --token both say who acts; give one of them.");
	return EX_OK;
}

/* Names the operand that the usage has at this place: "Usage: tallyctl -c FILE revoke ID …". */
static int want_operand(const struct ctl *ctl, const char *command, size_t place)
{
	const char *at = strstr(ctl->command->usage, command);
	size_t len;

	at = at != NULL ? at + strlen(command) : "";
	for (at += strspn(at, " "); place > 0; place--) {
		at += strcspn(at, " \n");
		at += strspn(at, " ");
	}
	len = strcspn(at, " \n");
	return ctl_misuse(ctl, "%s takes %.*s.", command, (int)len, at);
}

int session_language(const struct ctl *ctl, const char *lang, bool *ret_english)
{
	*ret_english = lang != NULL && strcmp(lang, "en") == 0;
	if (lang == NULL || *ret_english || strcmp(lang, "ko") == 0)
		return EX_OK;
	return ctl_misuse(ctl, "--lang takes ko or en.");
}

int session_wants_why(
    const struct ctl *ctl, const char *command, const struct session_options *options)
{
	if (!text_is_blank(slice_text(options->why)))
		return EX_OK;
	return ctl_misuse(ctl, "%s takes a reason: --why TEXT.", command);
}

int session_arguments(const struct ctl *ctl, int argc, char **argv,
    const struct ctl_option *options, size_t min, size_t max, const char **ret_operands,
    size_t *ret_n, struct session_options *ret_shared)
{
	struct session_options shared = {.why = ""};
	const struct ctl_option table[] = {
	    {"contest", &shared.contest, NULL},
	    {"by", &shared.by, NULL},
	    {"token", &shared.token, NULL},
	    {"why", &shared.why, NULL},
	    {"json", NULL, &shared.json},
	    {NULL, NULL, NULL},
	};
	struct reading reading = {
	    .ctl = ctl, .command = argv[0], .argc = argc, .argv = argv, .at = 1};
	bool only_operands = false;
	size_t n = 0;

	take_table(&reading, table);
	take_table(&reading, options);
	while (reading.at < argc) {
		const char *argument = argv[reading.at];

		if (!only_operands && strcmp(argument, "--") == 0) {
			only_operands = true;
			reading.at++;
		} else if (!only_operands && argument[0] == '-' && argument[1] != '\0') {
			int status = read_option(&reading);
			if (status != EX_OK)
				return status;
		} else if (n == max) {
			return ctl_misuse(ctl, "%s takes no \"%s\".", argv[0], argument);
		} else {
			ret_operands[n++] = argument;
			reading.at++;
		}
	}
	if (n < min)
		return want_operand(ctl, argv[0], n);
	if (ret_n != NULL)
		*ret_n = n;
	*ret_shared = shared;
	return check_shared(ctl, &shared);
}
