/* tallyctl log new-epoch: all shards stand still, what was signed last is gathered and verified,
 * every ballot in Redis is held against it, and the act is recorded. Servers do the rest. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "base/encode.h"
#include "ctl/log.h"
#include "ctl/log_compare.h"
#include "ctl/sealed.h"
#include "ctl/signers.h"

static size_t shards_of(const struct sealed *sealed)
{
	return sealed->session->round->contest->shards;
}

/* What was signed last in the old epoch: the greater of what Redis and this host have. */
static const struct checkpoint *last_of(const struct sealed_shard *shard)
{
	const struct sealed_note *redis = &shard->redis, *here = &shard->here;

	if (!redis->good && !here->good)
		return NULL;
	return here->good && (!redis->good || here->checkpoint.size >= redis->checkpoint.size)
		   ? &here->checkpoint
		   : &redis->checkpoint;
}

static int check_shard(const struct sealed *sealed, size_t number)
{
	const struct sealed_shard *shard = &sealed->shard[number];

	if (shard->error)
		return ctl_fail(EX_DATAERR,
		    "shard %zu cannot be counted: it is %s. Repair it first (ops/runbook.md); "
		    "nothing was done.",
		    number, sealed_word(shard));
	if (shard->here.any && !shard->here.good)
		return ctl_fail(EX_DATAERR,
		    "the checkpoint of shard %zu below %s is not signed by the log's key under "
		    "%s: it was changed, or is of another log. Nothing was done.",
		    number, sealed->session->ctl->settings.ballot_log.dir, shard->origin);
	if (shard->here_lost > (shard->redis.good ? shard->redis.checkpoint.size : 0))
		return ctl_fail(EX_DATAERR,
		    "shard %zu was signed for %" PRIu64
		    " entries, as the issued note on this host says, and neither "
		    "their checkpoint nor their tiles are here. Begin the epoch on another host, "
		    "or bring "
		    "them back: every voter's proof has a checkpoint. Nothing was done.",
		    number, shard->here_lost);
	return EX_OK;
}

/* Once nobody signs any more. */
static int gather_old(const struct sealed *sealed, struct sealing_old *ret_old)
{
	for (size_t i = 0; i < shards_of(sealed); i++) {
		const struct checkpoint *last = last_of(&sealed->shard[i]);
		int status = check_shard(sealed, i);

		if (status != EX_OK)
			return status;
		if (last)
			ret_old[i].checkpoint = *last;
		else
			merkle_root(NULL, 0, ret_old[i].checkpoint.root);
		ret_old[i].now = sealed->shard[i].ballots;
	}
	return EX_OK;
}

static uint64_t missing_of(const struct sealing_old *old)
{
	return old->checkpoint.size > old->now ? old->checkpoint.size - old->now : 0;
}

/* "45, the first at index 300" */
static void tell_changed(const struct log_compared *compared, const struct checkpoint *last)
{
	if (compared->located)
		(void)printf("; %" PRIu64 " of them %s, the first at index %" PRIu64, compared->n,
		    compared->n == 1 ? "is another one now" : "are others now", compared->first);
	else if (compared->changed)
		(void)printf("; not all of the first %" PRIu64
			     " are those that were signed, and nothing on this host tells which",
		    last->size);
	else if (compared->unknown)
		(void)fputs(
		    "; nothing on this host tells whether those are the ones that were signed",
		    stdout);
}

/* Of issued tokens, those that Redis does not know any more, at least. */
static uint64_t forgotten_of(const struct sealed_shard *shard)
{
	return shard->issued_noted > shard->issued ? shard->issued_noted - shard->issued : 0;
}

static void tell_shard(size_t number, const struct sealed_shard *shard,
    const struct sealing_old *old, const struct log_compared *compared)
{
	uint64_t missing = missing_of(old);

	(void)printf("  shard %zu: %" PRIu64 " ballots were signed, %" PRIu64 " are in Redis",
	    number, old->checkpoint.size, old->now);
	if (missing > 0)
		(void)printf(
		    ": %" PRIu64 " missing, those from index %" PRIu64 " on", missing, old->now);
	else if (!compared->changed)
		(void)fputs(": all of them are there, unchanged", stdout);
	tell_changed(compared, &old->checkpoint);
	if (forgotten_of(shard) > 0)
		(void)printf("; of the tokens that were issued, %" PRIu64
			     " at least are forgotten, so that whoever got one can get another",
		    forgotten_of(shard));
	(void)fputs("\n", stdout);
}

static json_t *first_json(const struct log_compared *compared)
{
	return compared->located ? json_integer((json_int_t)compared->first) : json_null();
}

/* How many are others now; null: some, or perhaps some, and nothing here tells how many. */
static json_t *changed_json(const struct log_compared *compared)
{
	bool known = compared->located || !(compared->changed || compared->unknown);

	return known ? json_integer((json_int_t)compared->n) : json_null();
}

static void tell_epoch_json(
    const struct sealed *sealed, const struct sealing_old *old, const struct log_compared *compared)
{
	const struct session *session = sealed->session;
	json_t *shards = json_array();

	for (size_t i = 0; i < shards_of(sealed); i++) {
		char root[BASE64_SIZE(MERKLE_SIZE)];
		base64_encode(old[i].checkpoint.root, MERKLE_SIZE, root);
		json_array_append_new(shards,
		    json_pack("{s:I, s:I, s:s, s:I, s:I, s:o, s:o, s:I}", "shard", (json_int_t)i,
			"signed", (json_int_t)old[i].checkpoint.size, "root", root, "now",
			(json_int_t)old[i].now, "missing", (json_int_t)missing_of(&old[i]),
			"changed", changed_json(&compared[i]), "first_changed",
			first_json(&compared[i]), "forgotten",
			(json_int_t)forgotten_of(&sealed->shard[i])));
	}
	json_object_set_new(session->verdict.members, "shards", shards);
	session_print_json(session->verdict.members);
}

static void tell_epoch(
    const struct sealed *sealed, const struct sealing_old *old, const struct log_compared *compared)
{
	const struct session *session = sealed->session;
	const json_t *members = session->verdict.members;

	if (session->options.json) {
		tell_epoch_json(sealed, old, compared);
		return;
	}
	(void)printf("%s: epoch %" JSON_INTEGER_FORMAT
		     " of the log begins, for all shards. Entry "
		     "%" JSON_INTEGER_FORMAT " of the audit log.\n",
	    session_contest(session), json_integer_value(json_object_get(members, "epoch")),
	    json_integer_value(json_object_get(members, "n")));
	for (size_t i = 0; i < shards_of(sealed); i++)
		tell_shard(i, &sealed->shard[i], &old[i], &compared[i]);
	(void)puts(
	    "The statement in the new log tells everybody; servers fill the new log from the "
	    "first ballot on.");
}

/* ---- the act ---- */

static int refuse_changed(size_t shard, const struct log_compared *compared, uint64_t size)
{
	char which[96] = "";

	if (compared->located)
		(void)snprintf(which, sizeof(which),
		    ": %" PRIu64 " of them, the first at index %" PRIu64, compared->n,
		    compared->first);
	return ctl_fail(EX_DATAERR,
	    "shard %zu: of the %" PRIu64
	    " ballots that were signed, not all in Redis are the same any more%s. Somebody changed "
	    "them, or they were lost and others came in their place; a new epoch would sign what "
	    "is there now. Bring the right ones back (ops/runbook.md). Only where that cannot be, "
	    "and the organisers know of it: --changed-ballots-known. No epoch was begun.",
	    shard, size, which);
}

static int compare_all(struct sealed *sealed, bool changed_known, struct sealing_old *old,
    struct log_compared *ret_compared)
{
	for (unsigned i = 0; i < shards_of(sealed); i++) {
		int status = log_compare(sealed, i, &old[i].checkpoint, &ret_compared[i]);

		if (status == EX_OK && ret_compared[i].changed && !changed_known)
			status = refuse_changed(i, &ret_compared[i], old[i].checkpoint.size);
		if (status != EX_OK)
			return status;
		old[i].changed = ret_compared[i].changed;
	}
	return EX_OK;
}

static int record(struct sealed *sealed, const struct sealing_old *old, const char *who)
{
	struct session *session = sealed->session;

	sealing_new_epoch(&session->office, sealed->epoch, old, shards_of(sealed), who,
	    session->options.why, session_keep, session);
	session_run(session);
	return session->status;
}

static int compare_and_record(struct sealed *sealed, const char *second_token, bool changed_known,
    struct sealing_old *old, struct log_compared *compared)
{
	struct session *session = sealed->session;
	char who[OFFICE_WHO_MAX];
	int status = signers_name(session, second_token, who);

	if (status == EX_OK)
		status = sealed_stop(sealed, "a new epoch is being begun");
	if (status == EX_OK)
		status = gather_old(sealed, old);
	if (status == EX_OK)
		status = compare_all(sealed, changed_known, old, compared);
	if (status == EX_OK)
		status = sealed_rewind(sealed);
	if (status == EX_OK)
		status = record(sealed, old, who);
	if (status == EX_OK)
		tell_epoch(sealed, old, compared);
	return status;
}

static int begin_epoch(struct sealed *sealed, const char *second_token, bool changed_known)
{
	struct sealing_old *old = calloc(shards_of(sealed), sizeof(*old));
	struct log_compared *compared = calloc(shards_of(sealed), sizeof(*compared));
	int status;

	if (old == NULL || compared == NULL)
		status = ctl_fail(EX_OSERR, "there is not enough memory.");
	else
		status = compare_and_record(sealed, second_token, changed_known, old, compared);
	free(compared);
	free(old);
	return status;
}

static int may_begin(const struct sealed *sealed)
{
	const struct session *session = sealed->session;

	if (!sealed->sealing.halted)
		return ctl_fail(EX_DATAERR,
		    "%s: the log has not halted, so nothing was done; a new epoch is only for a "
		    "log "
		    "that has (tallyctl log status).",
		    session_contest(session));
	if (!session->ctl->settings.ballot_log.dir)
		return ctl_fail(EX_CONFIG,
		    "this configuration keeps no log (ballot_log.dir). Begin the epoch on the host "
		    "that has the log's highest checkpoint: what was signed must be known.");
	return EX_OK;
}

int log_new_epoch(const struct ctl *ctl, const struct session_options *options,
    const char *second_token, bool changed_known)
{
	struct session session;
	struct sealed sealed;
	int status = session_wants_why(ctl, "log new-epoch", options);

	if (status == EX_OK)
		status = session_open(ctl, options, &session);
	if (status != EX_OK)
		return status;
	session.status = sealed_look(&session, &sealed);
	if (session.status == EX_OK)
		session.status = may_begin(&sealed);
	if (session.status == EX_OK)
		session.status = begin_epoch(&sealed, second_token, changed_known);
	status = session_close(&session);
	sealed_release(&sealed);
	return status;
}
