/* tallyctl verify: checks a published count for somebody who has nothing but its files and the
 * key. */
#include "audit/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "crypto/note.h"
#include "ctl/ctl.h"
#include "ctl/progress.h"
#include "ctl/screen.h"
#include "ctl/session.h"
#include "ctl/verify_tell.h"
#include "ctl/verify_url.h"

#define RESULT         "/result"
#define LINE_MAX_BYTES 1024

/* Nothing was found, and nobody can say whose files these are. */
#define EX_UNPINNED EX_NOUSER

/* ---- the key ---- */

static bool is_result_key(const char *line)
{
	char name[NOTE_NAME_MAX + 1];
	uint8_t key[32];
	size_t len;

	if (note_verifier_read(slice_text(line), name, key) != 0)
		return false;
	len = strlen(name);
	return len > strlen(RESULT) && strcmp(name + len - strlen(RESULT), RESULT) == 0;
}

/* Of all lines, "tallyctl log key" prints more than one, the result key; of those that are none the
 * first, so that what is wrong with it is told. */
static int find_key(FILE *file, const char *path, char ret_key[NOTE_VERIFIER_MAX])
{
	char line[LINE_MAX_BYTES];
	bool found = false;

	ret_key[0] = '\0';
	while (fgets(line, sizeof(line), file)) {
		char *word = line + strspn(line, " \t\r\n\xef\xbb\xbf");

		word[strcspn(word, " \t\r\n")] = '\0';
		if (word[0] == '\0' || word[0] == '#' || strcmp(word, ret_key) == 0)
			continue;
		bool is_key = is_result_key(word);
		if (found && is_key)
			return ctl_fail(EX_USAGE,
			    "%s has more than one result key; leave the one to verify with.", path);
		if (is_key || ret_key[0] == '\0')
			(void)snprintf(ret_key, NOTE_VERIFIER_MAX, "%s", word);
		found |= is_key;
	}
	return ret_key[0] ? EX_OK : ctl_fail(EX_NOINPUT, "%s holds no key.", path);
}

/* The key, or what the file behind "@" has. */
static int read_key(const char *argument, char ret_key[NOTE_VERIFIER_MAX])
{
	FILE *file;
	int status;

	if (argument[0] != '@') {
		(void)snprintf(ret_key, NOTE_VERIFIER_MAX, "%s", argument);
		return EX_OK;
	}
	file = fopen(argument + 1, "re");
	if (!file)
		return ctl_fail(EX_NOINPUT, "%s: %s.", argument + 1, strerror(errno));
	status = find_key(file, argument + 1, ret_key);
	(void)fclose(file);
	return status;
}

/* ---- the verdict ---- */

static int tell(const struct verification *verification, bool json, bool pinned)
{
	uint64_t n = verification->all_findings;

	if (json) {
		verify_tell_json(verification, pinned);
	} else {
		verify_tell_people(verification);
		if (n == 0)
			screen_print("\n%s\n",
			    pinned ? "VERIFIED"
				   : "CONSISTENT, NOT VERIFIED: the key is the bundle's own");
	}
	(void)fflush(stdout);
	if (!pinned)
		screen_warn(
		    "no key was pinned: this shows that the files agree with one another, and "
		    "nothing about who made them. To verify them, give the key that the organisers "
		    "announced: --key KEY.");
	return n == 0 ? pinned ? EX_OK : EX_UNPINNED
		      : ctl_fail(EX_DATAERR, "NOT verified: %" PRIu64 " finding%s.", n,
			    n == 1 ? "" : "s");
}

static int on_progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
	progress_show(arg, what, done, total);
	return 0;
}

static int verify_directory(
    const char *path, struct verify_options *options, struct verification **ret)
{
	char why[VERIFY_WHY_MAX] = "";
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (dir < 0)
		return ctl_fail(EX_NOINPUT, "%s: %s.", path, strerror(errno));
	rc = verify_bundle(dir, options, ret, why);
	(void)close(dir);
	progress_end(options->arg);
	if (rc == 0)
		return EX_OK;
	return rc == -EINVAL ? ctl_fail(EX_USAGE, "%s", why)
			     : ctl_fail(EX_NOINPUT, "%s: %s", path, why);
}

static int verify(const char *where, const char *key, bool json)
{
	struct progress progress = {0};
	struct verify_options options = {.key = key, .progress = on_progress, .arg = &progress};
	struct verification *verification = NULL;
	int status = verify_url_is(where) ? verify_url(where, &options, &verification)
					  : verify_directory(where, &options, &verification);

	if (status == EX_OK && verification)
		status = tell(verification, json, key != NULL);
	verification_free(verification);
	return status;
}

/* ---- the command ---- */

static int run(const struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
	    {"key", required_argument, NULL, 'k'},
	    {"unpinned", no_argument, NULL, 'u'},
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	const char *argument = NULL;
	char key[NOTE_VERIFIER_MAX];
	bool unpinned = false, json = false;
	int option, status = EX_OK;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'k')
			argument = optarg;
		else if (option == 'u')
			unpinned = true;
		else if (option == 'j')
			json = true;
		else
			return ctl_misuse(ctl,
			    "verify takes no \"%s\", or wants a value behind it.",
			    argv[optind - 1]);
	}
	if (argc - optind != 1)
		return ctl_misuse(ctl, "verify takes one DIR or URL.");
	if (argument && unpinned)
		return ctl_misuse(ctl, "--key and --unpinned exclude each other.");
	if (!argument && !unpinned)
		return ctl_misuse(ctl,
		    "say which key the result must be signed with: --key KEY. It is on the "
		    "organisers' pages and in their announcement; do not take it from the bundle. "
		    "Without one, --unpinned checks only that the files agree.");
	if (argument)
		status = read_key(argument, key);
	return status == EX_OK ? verify(argv[optind], argument ? key : NULL, json) : status;
}

const struct ctl_command ctl_verify = {"verify", "check a published count; needs no configuration",
    "Usage: tallyctl verify --key KEY [OPTION]… DIR|URL\n"
    "\n"
    "Checks a published bundle, in a directory or at an https: or http: address, as its\n"
    "FORMAT.md says: every file and signature, the ballots' logs up to the roots that were\n"
    "certified, each opened ballot, the count, panels, standing, and the audit log, as far\n"
    "as they are published. Tells what it looked at, and what it could not.\n"
    "\n"
    "      --key KEY       the result key, \"<name>+<8 digits>+<base64>\", or @FILE with it\n"
    "                      (also all that tallyctl log key prints: the result key is taken\n"
    "                      of it). Have it from elsewhere than the bundle\n"
    "      --unpinned      take the bundle's own key: shows that the files agree with one\n"
    "                      another, and not who made them. Ends with 67, never with 0\n"
    "      --json          print the outcome as JSON: \"verified\" (with the pinned key, and\n"
    "                      nothing was found), \"consistent\" (nothing was found), findings,\n"
    "                      faulty (the parts that they are of), checked, notes, unchecked\n"
    "\n"
    "Ends with\n"
    "  0   verified: signed with the key that was given, and nothing is wrong\n"
    "  64  a wrong command line, or a key that is none\n"
    "  65  not verified: each finding stands on a line\n"
    "  66  the files cannot be read, are no bundle, or their list is longer than is read\n"
    "      here (128 MiB): nothing was decided\n"
    "  67  consistent, but not verified: --unpinned, and nothing is wrong\n"
    "  69  the address cannot be reached, or not all of it; says nothing about the bundle\n"
    "\n"
    "What no bundle shows by itself: whoever holds all keys could make a whole other bundle\n"
    "that verifies. It would contradict receipts that voters keep, and checkpoints that\n"
    "others saw while voting ran; so compare those. Nor does a bundle show that each token\n"
    "went to a person with a right to it, or that what was measured was measured right.\n",
    run};
