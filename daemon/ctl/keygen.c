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
#include "ctl/issuerfile.h"

static const char usage[] =
    "Usage: tallyctl -c FILE keygen [--contest ID] [--export OUT | --issuer IN]\n"
    "\n"
    "Makes the keys that the contests of FILE lack, for the real round and for its rehearsal, in "
    "the\n"
    "configured directory of keys. Never overwrites one, and makes none anew that was lost, with\n"
    "both halves, from a round that has the others (73). Back the directory up: without salt.key\n"
    "and log.private.pem a contest's log cannot be continued, without result.private.pem its\n"
    "result cannot be signed.\n"
    "\n"
    "A server whose \"roles\" leave the issuer out gets no private token key; it needs what the "
    "issuer's\n"
    "server exports, public keys that may be sent by any way that nobody can change.\n"
    "\n"
    "      --contest ID    only this contest\n"
    "      --export OUT    on the issuer's server: also write its public keys to OUT, a new file\n"
    "      --issuer IN     on the other server: take the issuer's public keys from IN first\n";

/* Other hosts may have them, or nobody. `apart`: the issuer's is not to be here. */
static void show_absent(const char *keys_dir, const char *round, bool apart)
{
	const char *names[KEYRING_PRIVATE];
	size_t n = keyring_absent(keys_dir, round, names);

	for (size_t i = 0; i < n; i++)
		if (apart && strncmp(names[i], "token.", 6) == 0)
			(void)printf("  not here: %s, which is the issuer's alone\n", names[i]);
		else
			(void)printf(
			    "  not here: %s; unless that is meant so, restore it from the backup\n",
			    names[i]);
}

static int show_round(const char *keys_dir, const char *round, bool made, bool apart)
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
	show_absent(keys_dir, round, apart);
	return EX_OK;
}

/* What is done for each round. */
struct making {
	const struct settings *settings;
	const char *only;
	json_t *taken, *given; /* the issuer's public keys, from its file and for it; or NULL */
	bool found;
};

static int make_round(struct making *it, const struct contest *contest)
{
	const char *keys_dir = it->settings->keys;
	bool apart = (it->settings->serves & SETTINGS_ISSUER) == 0, made = false;
	char round[ROUND_NAME_MAX];
	char why[KEYRING_WHY_MAX];
	int status, r = 0;

	contest_round(contest, round, sizeof(round));
	if (it->taken)
		r = issuerfile_take(it->taken, keys_dir, round, why);
	if (r == 0)
		r = apart ? keyring_generate_apart(keys_dir, round, &made, why)
			  : keyring_generate(keys_dir, round, &made, why);
	if (r < 0)
		return ctl_fail(EX_CANTCREAT, "%s", why);
	status = show_round(keys_dir, round, made, apart);
	if (status == EX_OK && it->given && issuerfile_add(it->given, keys_dir, round, why) < 0)
		status = ctl_fail(EX_NOINPUT, "%s", why);
	return status;
}

/* Both rounds of a contest's file, unless only another contest is wanted. */
static int make_contest(struct making *it, const char *path)
{
	for (int rehearsal = 0; rehearsal <= 1; rehearsal++) {
		struct contest *contest = NULL;
		struct config_errors errors = {0};
		int status = EX_OK;

		if (contestfile_load(path, rehearsal, &contest, &errors) < 0) {
			config_errors_print(&errors, stderr);
			status = EX_CONFIG;
		} else if (it->only == NULL || strcmp(it->only, contest->id) == 0) {
			it->found = true;
			status = make_round(it, contest);
		}
		config_errors_release(&errors);
		contest_free(contest);
		if (status != EX_OK)
			return status;
	}
	return EX_OK;
}

/* Every file before any key. */
static int begin(struct making *it, const char *in, const char *out)
{
	bool issues = (it->settings->serves & SETTINGS_ISSUER) != 0;
	char why[ISSUERFILE_WHY_MAX];

	if (in && issues)
		return ctl_fail(EX_CONFIG,
		    "this server issues itself (\"roles\"): it takes no other issuer's keys.");
	if (out && !issues)
		return ctl_fail(
		    EX_CONFIG, "this server does not issue (\"roles\"): it has nothing to export.");
	if (in && issuerfile_read(in, it->settings, &it->taken, why) < 0)
		return ctl_fail(EX_DATAERR, "%s", why);
	if (out && !(it->given = issuerfile_new(it->settings)))
		return ctl_fail(EX_OSERR, "there is not enough memory.");
	return EX_OK;
}

static int end(struct making *it, const char *config, const char *out)
{
	char why[ISSUERFILE_WHY_MAX];

	if (!it->found)
		return ctl_fail(EX_USAGE, "%s names no contest \"%s\".", config,
		    it->only ? it->only : "at all");
	if (out && issuerfile_write(it->given, out, why) < 0)
		return ctl_fail(EX_CANTCREAT, "%s", why);
	if (out)
		(void)printf("%s: the issuer's public keys, for keygen --issuer\n", out);
	return EX_OK;
}

static int run(const struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
	    {"contest", required_argument, NULL, 'i'},
	    {"export", required_argument, NULL, 'e'},
	    {"issuer", required_argument, NULL, 't'},
	    {NULL, 0, NULL, 0},
	};
	struct making it = {.settings = &ctl->settings};
	const char *in = NULL, *out = NULL;
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'i')
			it.only = optarg;
		else if (option == 'e')
			out = optarg;
		else if (option == 't')
			in = optarg;
		else
			return ctl_misuse(ctl, "keygen does not take that.");
	}
	if (optind != argc)
		return ctl_misuse(ctl, "keygen takes no \"%s\".", argv[optind]);
	status = begin(&it, in, out);
	for (size_t i = 0; i < ctl->settings.n_contests && status == EX_OK; i++)
		status = make_contest(&it, ctl->settings.contests[i]);
	if (status == EX_OK)
		status = end(&it, ctl->config, out);
	json_decref(it.taken);
	json_decref(it.given);
	return status;
}

const struct ctl_command ctl_keygen = {
    .name = "keygen",
    .summary = "make the keys that contests still lack",
    .usage = usage,
    .run = run,
};
