/* What ties logs together: statements from one epoch to the next, and the checkpoints that results
 * certify. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/verify_impl.h"

/* ---- from one epoch to the next ---- */

static void tell_losses(
    struct verify *verify, const struct verify_log *old, const struct verify_log *log)
{
	uint64_t common = verify_common(verify, old, log);

	if (common < old->checkpoint.size)
		verify_tell(verify,
		    "shard %u: of the %" PRIu64 " entries of epoch %" PRIu64
		    ", those from index %" PRIu64 " on are not in epoch %" PRIu64
		    ": they were lost, or are others.",
		    log->shard, old->checkpoint.size, old->epoch, common, log->epoch);
}

void verify_statement(
    struct verify *verify, const struct verify_log *old, const struct verify_log *log)
{
	char path[VERIFY_PATH_MAX], size[DECIMAL_SIZE], root[BASE64_SIZE(MERKLE_SIZE)];
	struct slice text, lines[6];
	uint64_t now;

	tell_losses(verify, old, log);
	if (!verify_log_note(verify, log, "statement", path, &text))
		return;
	decimal_encode(old->checkpoint.size, size);
	base64_encode(old->checkpoint.root, MERKLE_SIZE, root);
	if (!verify_lines(text, 6, lines) || !slice_is(lines[0], "tallyd epoch v1") ||
	    !slice_is(lines[1], log->origin) || !slice_is(lines[2], old->origin) ||
	    !verify_number(lines[5], &now))
		verify_find(verify, VERIFY_AT_SHARD(path, log->shard),
		    "is no statement of %s on %s.", log->origin, old->origin);
	else if (!slice_is(lines[3], size) || !slice_is(lines[4], root))
		verify_find(verify, VERIFY_AT_SHARD(path, log->shard),
		    "says that the old log had %.*s entries with the root %.*s; its checkpoint has "
		    "%s and %s.",
		    VERIFY_TEXT(lines[3]), VERIFY_TEXT(lines[4]), size, root);
}

/* ---- what was certified ---- */

static const struct verify_log *by_origin(
    const struct verify *verify, unsigned shard, const char *origin)
{
	for (unsigned epoch = 0; epoch < verify->n_epochs; epoch++) {
		const struct verify_log *log = &verify->logs[shard * verify->n_epochs + epoch];
		if (strcmp(log->origin, origin) == 0)
			return log;
	}
	return NULL;
}

static void judge_row(
    struct verify *verify, const char *path, bool newest, unsigned shard, const json_t *row)
{
	const char *origin = json_string_value(json_object_get(row, "origin"));
	const char *root = json_string_value(json_object_get(row, "root"));
	json_int_t size = json_integer_value(json_object_get(row, "size"));
	const struct verify_log *log = newest ? verify_newest_log(verify, shard)
					      : by_origin(verify, shard, origin ? origin : "");
	char ours[BASE64_SIZE(MERKLE_SIZE)];

	if (!log || !origin || strcmp(log->origin, origin) != 0)
		verify_find(verify, VERIFY_AT_SHARD(path, shard),
		    "log[%u].origin is %s, should be %s.", shard, origin ? origin : "missing",
		    verify_newest_log(verify, shard)->origin);
	if (!log || !log->known)
		return;
	base64_encode(log->checkpoint.root, MERKLE_SIZE, ours);
	if (size < 0 || (uint64_t)size != log->checkpoint.size)
		verify_find(verify, VERIFY_AT_SHARD(path, shard),
		    "log[%u].size is %lld, the checkpoint has %" PRIu64 ".", shard, (long long)size,
		    log->checkpoint.size);
	if (!root || strcmp(root, ours) != 0)
		verify_find(verify, VERIFY_AT_SHARD(path, shard),
		    "log[%u].root is %s, the checkpoint has %s.", shard, root ? root : "missing",
		    ours);
}

void verify_certified(struct verify *verify)
{
	for (size_t v = 0; v < verify->n_results; v++) {
		const json_t *rows = json_object_get(verify->results[v].document, "log");
		char path[VERIFY_PATH_MAX];

		(void)snprintf(path, sizeof(path), "results/%zu.json", v + 1);
		for (unsigned shard = 0;
		     shard < verify->contest->shards && shard < json_array_size(rows); shard++)
			judge_row(verify, path, v + 1 == verify->n_results, shard,
			    json_array_get(rows, shard));
	}
}
