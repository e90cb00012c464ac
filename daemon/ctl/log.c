/* tallyctl log: the command, and the keys that verify the public log. */
#include "ctl/log.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "contest/commitment.h"
#include "crypto/note.h"
#include "ctl/signers.h"

/* ---- keys ---- */

static int print_key(
    const struct session *session, const char *name, const uint8_t key[32], json_t *list)
{
	char text[NOTE_VERIFIER_MAX];

	if (note_verifier_print(name, key, text) < 0)
		return ctl_fail(EX_CONFIG, "log_name makes no name of a key: %s.", name);
	if (session->options.json)
		json_array_append_new(list, json_string(text));
	else
		(void)printf("%s\n", text);
	return EX_OK;
}

static int print_log_keys(const struct session *session, json_t *list)
{
	const struct contest *contest = session->round->contest;
	int status = EX_OK;

	for (unsigned i = 0; i < contest->shards && status == EX_OK; i++) {
		char origin[ORIGIN_MAX];
		if (commitment_origin(session->ctl->settings.log_name, contest, i, origin) < 0)
			return ctl_fail(EX_CONFIG, "log_name is too long.");
		status = print_key(session, origin, session->round->keys.log_key, list);
	}
	return status;
}

static int print_keys(const struct session *session)
{
	char name[ORIGIN_MAX];
	json_t *result = json_array(), *logs = json_array();
	int status;

	(void)snprintf(name, sizeof(name), "%s/%s/result", session->ctl->settings.log_name,
	    session->round->name);
	if (!session->options.json)
		(void)puts(
		    "# The result key: the one to publish elsewhere, and to pin. All others "
		    "follow from it.");
	status = print_key(session, name, session->round->keys.result_key, result);
	if (status == EX_OK && !session->options.json)
		(void)puts("# The log key, under each shard's name (later epochs: /epoch-2 …).");
	if (status == EX_OK)
		status = print_log_keys(session, logs);
	if (status == EX_OK && session->options.json) {
		json_t *json =
		    json_pack("{s:O, s:O}", "result", json_array_get(result, 0), "logs", logs);
		session_print_json(json);
		json_decref(json);
	}
	json_decref(result);
	json_decref(logs);
	return status;
}

/* Needs no Redis. */
static int keys(const struct ctl *ctl, const struct session_options *options)
{
	struct session session;
	int status = session_load(ctl, options, &session);

	if (status != EX_OK)
		return status;
	session.status = print_keys(&session);
	return session_close(&session);
}

/* ---- the command ---- */

static int run_log(const struct ctl *ctl, int argc, char **argv)
{
	const char *verb = NULL, *second_token = NULL;
	bool changed_known = false;
	const struct ctl_option own[] = {{"second-token", &second_token, NULL},
	    {"changed-ballots-known", NULL, &changed_known}, {NULL, NULL, NULL}};
	struct session_options options;
	size_t n;
	int outcome = session_arguments(ctl, argc, argv, own, 1, 1, &verb, &n, &options);

	if (outcome != EX_OK)
		return outcome;
	if (strcmp(verb, "status") == 0)
		return log_status(ctl, &options);
	if (strcmp(verb, "new-epoch") == 0)
		return log_new_epoch(ctl, &options, second_token, changed_known);
	if (strcmp(verb, "key") == 0)
		return keys(ctl, &options);
	return ctl_misuse(ctl, "log takes status, new-epoch or key, not \"%s\".", verb);
}

const struct ctl_command ctl_log = {
    .name = "log",
    .summary = "the public log: how it is doing, its keys, a new epoch",
    .usage =
	"Usage: tallyctl -c FILE log status|new-epoch|key [OPTION]…\n"
	"\n"
	"status: per shard, how many ballots Redis has, how many are sealed (in Redis, and on "
	"this\n"
	"host's disk), how old the checkpoint here is, who signs, and why sealing has halted where "
	"it has.\n"
	"It ends with 65 where the log is not well: halted, behind what was signed here, damaged, "
	"or "
	"late.\n"
	"\n"
	"key: the keys as verifiers take them (FORMAT.md). The result key's line is the one that "
	"people\n"
	"pin: publish it where nobody can change it afterwards.\n"
	"\n"
	"new-epoch --why TEXT: only where sealing has halted and lost ballots cannot be brought "
	"back.\n"
	"Begins a new log for all shards, filled again from the first ballot. Records for "
	"everybody "
	"to\n"
	"see what had been signed before and how many ballots there are now. Run it on the host "
	"that\n"
	"has the highest checkpoints. Reads every ballot first and holds it against what was "
	"signed: one\n"
	"that cannot be read is named and nothing is begun; one that is another now is named, and "
	"the\n"
	"epoch is begun with --changed-ballots-known only.\n"
	"\n"
	"      --contest ID    the contest, where FILE has several\n"
	"      --json          print JSON\n"
	"      --by NAME       who does it, for the audit log (the login name)\n"
	"      --token FILE    do it as the organiser whose token is in FILE\n" SIGNERS_USAGE
	"      --why TEXT      the reason; it stands in the audit log\n"
	"      --changed-ballots-known   begin, though signed ballots are others now; the audit "
	"log\n"
	"                      says so\n",
    .run = run_log,
};
