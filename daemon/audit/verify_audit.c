/* The organisers' audit log: its chain, and where results stand in it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/verify_replay.h"
#include "store/desk.h"

#define AUDIT "audit.jsonl"

static const char *text(const json_t *json, const char *name)
{
	const char *value = json_string_value(json_object_get(json, name));

	return value ? value : "";
}

/* ---- the chain ---- */

static void judge_head(struct replay *replay)
{
	char hex[HEX_SIZE(SHA256_SIZE)];

	hex_encode(replay->head, sizeof(replay->head), hex);
	for (size_t v = 0; v < replay->verify->n_results; v++) {
		const json_t *audit = json_object_get(replay->verify->results[v].document, "audit");
		char path[VERIFY_PATH_MAX];

		if (!audit ||
		    (uint64_t)json_integer_value(json_object_get(audit, "n")) != replay->n)
			continue;
		(void)snprintf(path, sizeof(path), "results/%zu.json", v + 1);
		json_t *should = json_string(hex);
		(void)verify_same(
		    replay->verify, path, "audit.head", json_object_get(audit, "head"), should);
		json_decref(should);
	}
}

/* Whether this entry records the version that rests on the entry before it. */
static void judge_recorded(struct replay *replay, const json_t *entry)
{
	const bool certify = strcmp(text(entry, "act"), "certify") == 0;
	json_int_t version = json_integer_value(json_object_get(entry, "version"));

	if (!certify && strcmp(text(entry, "act"), "correct") != 0)
		return;
	if (version < 1 || (uint64_t)version > replay->verify->n_results) {
		verify_find(replay->verify, VERIFY_AT(AUDIT),
		    "entry %" PRIu64
		    " records version %lld of the result, which is not in the bundle.",
		    replay->n, (long long)version);
		return;
	}
	struct verify_result *result = &replay->verify->results[version - 1];
	result->recorded = true;
	if (strcmp(text(entry, "sha256"), result->sha256) != 0 || certify != (version == 1) ||
	    (uint64_t)json_integer_value(
		json_object_get(json_object_get(result->document, "audit"), "n")) != replay->n - 1)
		verify_find(replay->verify, VERIFY_AT(AUDIT),
		    "entry %" PRIu64
		    " does not record results/%lld.json, which has the SHA-256 %s and "
		    "rests on the entry before the one that records it.",
		    replay->n, (long long)version, result->sha256);
}

static void judge_line(struct replay *replay, struct slice line)
{
	char hex[HEX_SIZE(SHA256_SIZE)];
	json_t *entry = verify_parse(replay->verify, AUDIT, JSON_OBJECT, line);
	const json_t *n = json_object_get(entry, "n");

	replay->n++;
	hex_encode(replay->head, sizeof(replay->head), hex);
	if (!entry)
		verify_find(replay->verify, VERIFY_AT(AUDIT),
		    "entry %" PRIu64 " is no JSON object.", replay->n);
	else if (!json_is_integer(n) || (uint64_t)json_integer_value(n) != replay->n)
		verify_find(replay->verify, VERIFY_AT(AUDIT),
		    "entry %" PRIu64 " has the number %lld.", replay->n,
		    (long long)json_integer_value(n));
	else if (strcmp(text(entry, "prev"), hex) != 0)
		verify_find(replay->verify, VERIFY_AT(AUDIT),
		    "entry %" PRIu64 ": prev is %.80s, should be %s: the entry before is another.",
		    replay->n, text(entry, "prev"), hex);
	judge_recorded(replay, entry);
	if (replay->n <= replay->until)
		replay_entry(replay, entry);
	desk_entry_hash(line, replay->head);
	judge_head(replay);
	json_decref(entry);
}

static void read_log(struct replay *replay, struct slice rest)
{
	desk_genesis(replay->verify->round, replay->head);
	while (rest.len > 0) {
		const char *end = memchr(rest.ptr, '\n', rest.len);

		if (!end) {
			verify_find(replay->verify, VERIFY_AT(AUDIT),
			    "ends within entry %" PRIu64 ".", replay->n + 1);
			return;
		}
		judge_line(replay, slice_make(rest.ptr, (size_t)(end - rest.ptr)));
		rest = slice_make(end + 1, rest.len - (size_t)(end - rest.ptr) - 1);
	}
}

/* Every version must be recorded within it. */
static void judge_reach(struct replay *replay)
{
	for (size_t v = 0; v < replay->verify->n_results; v++) {
		const json_t *document = replay->verify->results[v].document;
		json_int_t n =
		    json_integer_value(json_object_get(json_object_get(document, "audit"), "n"));

		if (document &&
		    (n < 1 || (uint64_t)n >= replay->n || !replay->verify->results[v].recorded))
			verify_find(replay->verify, VERIFY_AT(AUDIT),
			    "has %" PRIu64 " entries; results/%zu.json was recorded by entry %lld.",
			    replay->n, v + 1, (long long)n + 1);
	}
}

/* ---- the whole ---- */

void verify_audit(struct verify *verify)
{
	struct replay replay = {.verify = verify,
	    .sheets = json_object(),
	    .metrics = json_object(),
	    .disqualified = json_object(),
	    .ruled = json_object()};
	struct slice log;

	if (!verify_listed(verify, slice_text(AUDIT))) {
		verify_leave(verify, "the organisers' audit log: it is for auditors");
	} else if (verify_take(verify, AUDIT, VERIFY_FILE_MAX, &log)) {
		replay.until = (uint64_t)json_integer_value(
		    json_object_get(json_object_get(verify->document, "audit"), "n"));
		read_log(&replay, log);
		judge_reach(&replay);
		replay_compare(&replay);
		verify_checked(verify, "audit", json_integer((json_int_t)replay.n));
	}
	json_decref(replay.sheets);
	json_decref(replay.metrics);
	json_decref(replay.disqualified);
	json_decref(replay.ruled);
}
