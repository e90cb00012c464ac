/* The citizens' count, from the openings alone. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/verify_impl.h"

enum { OPENING_MIN = SPENT_SIZE + SALT_SIZE };

void verify_count_begin(struct verify *verify)
{
	uint64_t entries = 0;
	size_t first, files = verify_under(verify, "openings/", &first);

	for (unsigned shard = 0; shard < verify->contest->shards; shard++)
		entries += verify->logs[(shard + 1) * verify->n_epochs - 1].checkpoint.size;
	if (files == 0 && entries > 0) {
		if (verify->contest->openings_public)
			verify_find(verify, VERIFY_AT("openings/"),
			    "is missing, though contest.yaml says openings: public.");
		verify_leave(verify,
		    "the citizens' count: the ballots' openings are for auditors; what stands in "
		    "the result of %" PRIu64 " entries is the signature's word",
		    entries);
		return;
	}
	/* Room for as many as there are files, not for as many as somebody says. */
	size_t room = files < entries / TLOG_WIDTH ? files * TLOG_WIDTH : (size_t)entries;
	verify->retally = retally_new(verify->contest, room);
	if (!verify->retally)
		verify_fail(verify, -ENOMEM, "openings");
}

/* ---- openings ---- */

struct opening {
	const uint8_t *spent, *salt;
	struct slice ballot;
};

/* Takes one off the front. */
static bool take_opening(struct slice *rest, struct opening *ret_opening)
{
	size_t len = rest->len < 2 ? 0 : get_u16be((const uint8_t *)rest->ptr);
	const char *at = rest->ptr + 2;

	if (len < OPENING_MIN || rest->len - 2 < len)
		return false;
	*ret_opening = (struct opening){(const uint8_t *)at, (const uint8_t *)at + SPENT_SIZE,
	    slice_make(at + OPENING_MIN, len - OPENING_MIN)};
	*rest = slice_make(at + len, rest->len - 2 - len);
	return true;
}

static void judge_opening(struct verify *verify, const struct verify_log *log, const char *path,
    const char *identity, uint64_t index, const struct opening *opening, const uint8_t *entry)
{
	char is[BASE64_SIZE(COMMITMENT_SIZE)], should[BASE64_SIZE(COMMITMENT_SIZE)];
	char why[RETALLY_WHY_MAX], entries[VERIFY_PATH_MAX];
	uint8_t hash[COMMITMENT_SIZE];
	int rc;

	commitment_entry(identity, index, opening->spent, opening->salt, opening->ballot, hash);
	if (memcmp(hash, entry, sizeof(hash)) != 0) {
		base64_encode(hash, sizeof(hash), is);
		base64_encode(entry, sizeof(hash), should);
		verify_entries_path(log, index / TLOG_WIDTH, entries);
		verify_find(verify, VERIFY_AT_INDEX(path, log->shard, index),
		    "opens the entry %s, %s has %s.", is, entries, should);
	}
	rc = retally_add(verify->retally, log->shard, index, opening->spent, opening->ballot, why);
	if (rc == -EBADMSG) { /* where it stands is told by the place */
		const char *sentence = strstr(why, ": ");
		verify_find(verify, VERIFY_AT_INDEX(path, log->shard, index), "%s.",
		    sentence ? sentence + 2 : why);
	} else if (rc != 0) {
		verify_fail(verify, rc, path);
	}
}

void verify_openings(struct verify *verify, const struct verify_log *log, uint64_t first, size_t n,
    const uint8_t (*entries)[TLOG_ENTRY_SIZE])
{
	char under[VERIFY_PATH_MAX], path[TLOG_PATH_MAX], identity[ORIGIN_MAX];
	struct opening opening;
	struct slice rest;

	/* after a gap nobody knows what counts */
	if (!verify->retally || retally_size(verify->retally, log->shard) != first)
		return;
	(void)snprintf(under, sizeof(under), "openings/%u", log->shard);
	tlog_bundle_path(under, first / TLOG_WIDTH, (unsigned)n, path);
	if (!verify_take(verify, path, VERIFY_OPENINGS_MAX, &rest) ||
	    commitment_origin(verify->log_name, verify->contest, log->shard, identity) != 0)
		return;
	for (size_t i = 0; i < n && verify->error == 0; i++) {
		if (!take_opening(&rest, &opening)) {
			verify_find(verify, VERIFY_AT_INDEX(path, log->shard, first + i),
			    "ends within this opening, or it has no spent and salt.");
			return;
		}
		judge_opening(verify, log, path, identity, first + i, &opening, entries[i]);
	}
	if (rest.len > 0)
		verify_find(verify, VERIFY_AT_SHARD(path, log->shard),
		    "has %zu bytes behind its %zu openings.", rest.len, n);
}

/* ---- the count ---- */

static void want(struct verify *verify, const char *path, const char *name, uint64_t should)
{
	json_t *number = json_integer((json_int_t)should);

	(void)verify_same(verify, path, name, json_object_get(verify->document, name), number);
	json_decref(number);
}

static bool is_whole(const struct verify *verify)
{
	for (unsigned shard = 0; shard < verify->contest->shards; shard++)
		if (retally_size(verify->retally, shard) !=
		    verify->logs[(shard + 1) * verify->n_epochs - 1].checkpoint.size)
			return false;
	return true;
}

void verify_count(struct verify *verify)
{
	char path[VERIFY_PATH_MAX];
	int rc;

	if (!verify->retally || verify->error != 0)
		return;
	rc = retally_count(verify->retally);
	json_t *rows = rc == 0 ? retally_rows(verify->retally) : NULL;
	if (!rows) {
		verify_fail(verify, rc != 0 ? rc : -ENOMEM, "openings");
		return;
	}
	verify_checked(
	    verify, "opened", json_integer((json_int_t)retally_log_size(verify->retally)));
	verify_checked(
	    verify, "ballots", json_integer((json_int_t)retally_ballots(verify->retally)));
	verify_checked(
	    verify, "superseded", json_integer((json_int_t)retally_superseded(verify->retally)));
	(void)snprintf(path, sizeof(path), "results/%" PRIu64 ".json", verify->version);
	if (!is_whole(verify)) {
		verify_leave(verify, "the citizens' count as a whole: openings are missing");
	} else if (verify->document) {
		want(verify, path, "ballots", retally_ballots(verify->retally));
		want(verify, path, "log_size", retally_log_size(verify->retally));
		(void)verify_same(
		    verify, path, "citizen", json_object_get(verify->document, "citizen"), rows);
	}
	json_decref(rows);
}
