/* tallyctl keygen: the keys that contest rounds still lack, the real round's and its rehearsal's.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/encode.h"
#include "config/contestfile.h"
#include "config/round.h"
#include "contest/contest.h"
#include "crypto/keyring.h"
#include "ctl/ctl.h"

static const char usage[] =
    "Usage: tallyctl -c FILE keygen [--contest ID]\n"
    "\n"
    "Makes the keys that the contests of FILE lack, for the real round and for its rehearsal, in "
    "the\n"
    "configured directory of keys. Never overwrites one. Back the directory up: without\n"
    "salt.key and log.private.pem a contest's log cannot be continued.\n"
    "\n"
    "      --contest ID    only this contest\n";

static int show_round(const char *keys_dir, const char *round, bool made)
{
	struct keyring_public keys;
	char why[KEYRING_WHY_MAX];
	char id[HEX_SIZE(PP_KEY_ID_SIZE)];

	if (keyring_load_public(keys_dir, round, &keys, why) < 0)
		return ctl_fail(EX_NOINPUT, "%s", why);
	(void)hex_encode(keys.token_key_id, PP_KEY_ID_SIZE, id);
	(void)printf("%s: %s in %s/%s, token key id %s\n", round,
	    made ? "made keys" : "has its keys", keys_dir, round, id);
	keyring_public_release(&keys);
	return EX_OK;
}

static int make_round(const char *keys_dir, const struct contest *contest)
{
	char round[ROUND_NAME_MAX];
	char why[KEYRING_WHY_MAX];
	bool made = false;

	contest_round(contest, round, sizeof(round));
	if (keyring_generate(keys_dir, round, &made, why) < 0)
		return ctl_fail(EX_CANTCREAT, "%s", why);
	return show_round(keys_dir, round, made);
}

/* Both rounds of a contest's file, unless only another contest is wanted. */
static int make_contest(const struct ctl *ctl, const char *path, const char *only, bool *ret_found)
{
	for (int rehearsal = 0; rehearsal <= 1; rehearsal++) {
		struct contest *contest = NULL;
		struct config_errors errors = {0};
		int status = EX_OK;

		if (contestfile_load(path, rehearsal, &contest, &errors) < 0) {
			config_errors_print(&errors, stderr);
			status = EX_CONFIG;
		} else if (only == NULL || strcmp(only, contest->id) == 0) {
			*ret_found = true;
			status = make_round(ctl->settings.keys, contest);
		}
		config_errors_release(&errors);
		contest_free(contest);
		if (status != EX_OK)
			return status;
	}
	return EX_OK;
}

static int run(const struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
	    {"contest", required_argument, NULL, 'i'},
	    {NULL, 0, NULL, 0},
	};
	const char *only = NULL;
	bool found = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'i')
			return ctl_misuse(ctl, "keygen does not take that.");
		only = optarg;
	}
	if (optind != argc)
		return ctl_misuse(ctl, "keygen takes no \"%s\".", argv[optind]);
	for (size_t i = 0; i < ctl->settings.n_contests; i++) {
		int status = make_contest(ctl, ctl->settings.contests[i], only, &found);
		if (status != EX_OK)
			return status;
	}
	if (!found)
		return ctl_fail(
		    EX_USAGE, "%s names no contest \"%s\".", ctl->config, only ? only : "at all");
	return EX_OK;
}

const struct ctl_command ctl_keygen = {
    .name = "keygen",
    .summary = "make the keys that contests still lack",
    .usage = usage,
    .run = run,
};
