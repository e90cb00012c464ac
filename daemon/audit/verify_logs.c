/* The shards' logs: who signed what, which epochs there were, and that each log is the one that was
 * certified. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/verify_impl.h"

enum { EPOCHS_MAX = 100 }; /* each costs memory, a shard; a real log has one or two */

static void path_of(const struct verify_log *log, const char *name, char ret_path[VERIFY_PATH_MAX])
{
	(void)snprintf(ret_path, VERIFY_PATH_MAX, "%.200s/%s", log->dir, name);
}

struct verify_log *verify_newest_log(const struct verify *verify, unsigned shard)
{
	return &verify->logs[(shard + 1) * verify->n_epochs - 1];
}

/* ---- which there are ---- */

/* The last one, as the newest result says of the first shard; 1 where it does not say. */
static unsigned epochs_said(const struct verify *verify)
{
	const json_t *rows = json_object_get(verify->document, "log");
	const char *origin = json_string_value(json_object_get(json_array_get(rows, 0), "origin"));
	const char *end = origin ? strstr(origin, "/epoch-") : NULL;
	uint64_t epoch = 1;

	if (!end || !verify_number(slice_text(end + strlen("/epoch-")), &epoch))
		return 1;
	return epoch >= 1 && epoch <= EPOCHS_MAX ? (unsigned)epoch : 1;
}

/* As many as have files, or more where the result says so: an old one may be empty. */
static unsigned count_epochs(const struct verify *verify)
{
	const unsigned said = epochs_said(verify);
	unsigned n = 1;
	char prefix[VERIFY_PATH_MAX];
	size_t first;

	do
		(void)snprintf(
		    prefix, sizeof(prefix), "log/%s/0/epoch-%u/", verify->contest->id, ++n);
	while (n <= EPOCHS_MAX && verify_under(verify, prefix, &first) > 0);
	return n - 1 > said ? n - 1 : said;
}

static bool name_log(struct verify *verify, struct verify_log *log, unsigned shard, unsigned epoch)
{
	char identity[ORIGIN_MAX];

	log->shard = shard;
	log->epoch = epoch;
	(void)snprintf(log->dir, sizeof(log->dir), "log/%s/%u", verify->contest->id, shard);
	if (epoch > 1)
		(void)snprintf(log->dir, sizeof(log->dir), "log/%s/%u/epoch-%u",
		    verify->contest->id, shard, epoch);
	return commitment_origin(verify->log_name, verify->contest, shard, identity) == 0 &&
	       commitment_epoch_origin(identity, epoch, log->origin) == 0;
}

static bool name_logs(struct verify *verify)
{
	verify->n_epochs = count_epochs(verify);
	verify->logs =
	    calloc((size_t)verify->contest->shards * verify->n_epochs, sizeof(*verify->logs));
	if (!verify->logs) {
		verify_fail(verify, -ENOMEM, "log");
		return false;
	}
	for (unsigned shard = 0; shard < verify->contest->shards; shard++)
		for (unsigned epoch = 1; epoch <= verify->n_epochs; epoch++) {
			size_t at = (size_t)shard * verify->n_epochs + epoch - 1;
			if (!name_log(verify, &verify->logs[at], shard, epoch))
				return false;
		}
	return true;
}

/* ---- notes of a log ---- */

/* A note's text, signed by the log key under the log's origin. */
bool verify_log_note(struct verify *verify, const struct verify_log *log, const char *name,
    char ret_path[VERIFY_PATH_MAX], struct slice *ret_text)
{
	struct slice note;

	path_of(log, name, ret_path);
	if (!verify_take(verify, ret_path, VERIFY_NOTE_MAX, &note))
		return false;
	if (note_open(note, log->origin, verify->log_key, ret_text) == 0)
		return true;
	verify_find(verify, VERIFY_AT_SHARD(ret_path, log->shard),
	    "is not signed by the log key under %s.", log->origin);
	return false;
}

/* An epoch that ended before anything was sealed has no checkpoint. */
static bool is_empty_epoch(const struct verify *verify, const struct verify_log *log)
{
	char path[VERIFY_PATH_MAX];

	path_of(log, "checkpoint", path);
	return log->epoch < verify->n_epochs && !verify_listed(verify, slice_text(path));
}

static void read_checkpoint(struct verify *verify, struct verify_log *log)
{
	char path[VERIFY_PATH_MAX];
	struct slice note;

	if (is_empty_epoch(verify, log)) {
		merkle_root(NULL, 0, log->checkpoint.root);
		log->known = log->empty = true;
		return;
	}
	path_of(log, "checkpoint", path);
	if (!verify_take(verify, path, VERIFY_NOTE_MAX, &note))
		return;
	if (checkpoint_open(note, log->origin, verify->log_key, &log->checkpoint) == 0)
		log->known = true;
	else
		verify_find(verify, VERIFY_AT_SHARD(path, log->shard),
		    "is no checkpoint that the log key has signed under %s.", log->origin);
}

/* Tokens that this shard says were given out; 0 where it cannot be read. */
static uint64_t read_issued(struct verify *verify, const struct verify_log *log)
{
	char path[VERIFY_PATH_MAX];
	struct slice text, lines[4];
	uint64_t size, issued;

	if (!verify_log_note(verify, log, "issued", path, &text))
		return 0;
	if (!verify_lines(text, 4, lines) || !slice_is(lines[0], "tallyd issued v1") ||
	    !slice_is(lines[1], log->origin) || !verify_number(lines[2], &size) ||
	    !verify_number(lines[3], &issued)) {
		verify_find(verify, VERIFY_AT_SHARD(path, log->shard),
		    "is no note of %s on tokens.", log->origin);
		return 0;
	}
	/* who was given a token after the last ballot changes the note, and not the size */
	if (log->epoch == verify->n_epochs ? size != log->checkpoint.size
					   : size > log->checkpoint.size)
		verify_find(verify, VERIFY_AT_SHARD(path, log->shard),
		    "speaks of %" PRIu64 " entries, the log has %" PRIu64 ".", size,
		    log->checkpoint.size);
	return issued;
}

/* ---- all of them ---- */

static void judge_shard(struct verify *verify, unsigned shard)
{
	struct verify_log *logs = &verify->logs[(size_t)shard * verify->n_epochs];

	for (unsigned i = 0; i < verify->n_epochs && verify->error == 0; i++) {
		bool newest = i + 1 == verify->n_epochs;

		if (!logs[i].known)
			continue;
		if (!newest && !logs[i].empty) /* not added up, and yet to be true */
			(void)read_issued(verify, &logs[i]);
		verify_tree(verify, &logs[i], newest ? verify_openings : NULL);
		if (i > 0 && logs[i - 1].known)
			verify_statement(verify, &logs[i - 1], &logs[i]);
	}
}

static void judge_issued(struct verify *verify)
{
	uint64_t entries = 0, issued = 0;
	char path[VERIFY_PATH_MAX];

	for (unsigned shard = 0; shard < verify->contest->shards; shard++) {
		const struct verify_log *log = verify_newest_log(verify, shard);

		entries += log->checkpoint.size;
		issued += read_issued(verify, log);
	}
	(void)snprintf(path, sizeof(path), "results/%" PRIu64 ".json", verify->version);
	if (verify->document) {
		json_t *sum = json_integer((json_int_t)issued);
		(void)verify_same(
		    verify, path, "issued", json_object_get(verify->document, "issued"), sum);
		json_decref(sum);
	}
	verify_checked(verify, "shards", json_integer(verify->contest->shards));
	verify_checked(verify, "epochs", json_integer(verify->n_epochs));
	verify_checked(verify, "entries", json_integer((json_int_t)entries));
	verify_checked(verify, "issued", json_integer((json_int_t)issued));
}

void verify_logs(struct verify *verify)
{
	if (!verify->contest || !verify->has_log_key) {
		verify_leave(verify,
		    "the logs and the count, because contest.yaml or keys.json cannot be read");
		return;
	}
	if (!name_logs(verify)) {
		verify_find(verify, VERIFY_AT("keys.json"), "log_name is too long for an origin.");
		return;
	}
	for (size_t i = 0; i < (size_t)verify->contest->shards * verify->n_epochs; i++)
		read_checkpoint(verify, &verify->logs[i]);
	if (verify->n_epochs > 1)
		verify_tell(verify,
		    "the logs are in epoch %u: sealing had halted, because the ballots were not "
		    "those "
		    "that had been signed. FORMAT.md section 6 says what that means.",
		    verify->n_epochs);
	verify_certified(verify);
	verify_count_begin(verify);
	for (unsigned shard = 0; shard < verify->contest->shards && verify->error == 0; shard++)
		judge_shard(verify, shard);
	judge_issued(verify);
	verify_logfiles(verify);
	if (verify->retally)
		verify_opening_files(verify);
}
