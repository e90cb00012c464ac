/* Every signed result: its note, its number, what it says of the contest and of the log. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/verify_impl.h"
#include "contest/form.h"

static uint64_t whole(const json_t *json, const char *name)
{
	json_int_t number = json_integer_value(json_object_get(json, name));

	return number > 0 ? (uint64_t)number : 0;
}

static void want(struct verify *verify, const char *path, const json_t *document, const char *name,
    json_t *should)
{
	(void)verify_same(verify, path, name, json_object_get(document, name), should);
	json_decref(should);
}

/* ---- the log that was certified ---- */

/* The n-th member of "log" by itself; sizes add up. */
static uint64_t judge_log_row(
    struct verify *verify, const char *path, const json_t *row, size_t shard)
{
	const char *origin = json_string_value(json_object_get(row, "origin"));
	const char *root = json_string_value(json_object_get(row, "root"));
	const json_t *size = json_object_get(row, "size");
	uint8_t hash[MERKLE_SIZE];
	size_t len;

	if (json_object_size(row) == 4 && origin && root &&
	    base64_decode(slice_text(root), hash, sizeof(hash), &len) == 0 && len == sizeof(hash) &&
	    json_is_integer(size) && json_integer_value(size) >= 0 &&
	    json_is_integer(json_object_get(row, "shard")) &&
	    json_integer_value(json_object_get(row, "shard")) == (json_int_t)shard)
		return (uint64_t)json_integer_value(size);
	verify_find(verify, VERIFY_AT_SHARD(path, (int64_t)shard),
	    "log[%zu] is no origin, root, shard and size.", shard);
	return 0;
}

static void judge_log(struct verify *verify, const char *path, const json_t *document)
{
	const json_t *log = json_object_get(document, "log"), *row;
	uint64_t sum = 0;
	size_t i;

	if (json_array_size(log) != verify->contest->shards)
		verify_find(verify, VERIFY_AT(path), "log names %zu shards, should name %u.",
		    json_array_size(log), verify->contest->shards);
	json_array_foreach(log, i, row)
	{
		sum += judge_log_row(verify, path, row, i);
	}
	want(verify, path, document, "log_size", json_integer((json_int_t)sum));
	if (whole(document, "ballots") > whole(document, "issued"))
		verify_find(verify, VERIFY_AT(path),
		    "ballots is %" PRIu64 ", more than the %" PRIu64 " tokens issued.",
		    whole(document, "ballots"), whole(document, "issued"));
	if (whole(document, "ballots") > sum)
		verify_find(verify, VERIFY_AT(path),
		    "ballots is %" PRIu64 ", more than the %" PRIu64 " entries of the log.",
		    whole(document, "ballots"), sum);
}

/* ---- the citizens' rows ---- */

/* Also where nothing is there to count them from: each entry once, in order, and no more votes than
 * ballots. */
static void judge_rows(struct verify *verify, const char *path, const json_t *document)
{
	static const char *const members[][5] = {{"entry", "rank", "share", "votes", NULL},
	    {"entry", "mean", "rank", "votes", NULL},
	    {"borda", "entry", "rank", "schulze", "votes"}};
	const struct contest *contest = verify->contest;
	const json_t *rows = json_object_get(document, "citizen"), *row;
	const char *form = contest->form->name;
	const char *const *names = members[strcmp(form, "choices") == 0  ? 0
					   : strcmp(form, "scores") == 0 ? 1
									 : 2];
	const uint64_t ballots = whole(document, "ballots");
	size_t i;

	if (json_array_size(rows) != contest->n_entries)
		verify_find(verify, VERIFY_AT(path), "citizen has %zu rows, should have %zu.",
		    json_array_size(rows), contest->n_entries);
	json_array_foreach(rows, i, row)
	{
		const char *entry = json_string_value(json_object_get(row, "entry"));
		const json_t *votes = json_object_get(row, "votes");
		size_t n = 0;

		while (n < 5 && names[n] && json_object_get(row, names[n]))
			n++;
		if (n != json_object_size(row) || (n < 5 && names[n]) || !entry ||
		    i >= contest->n_entries || strcmp(entry, contest->entries[i].id) != 0 ||
		    !json_is_integer(votes) || json_integer_value(votes) < 0 ||
		    (uint64_t)json_integer_value(votes) > ballots)
			verify_find(verify, (struct verify_place){path, -1, -1, entry},
			    "citizen[%zu] is no row of the form %s, of the contest's entry, with "
			    "at "
			    "most %" PRIu64 " votes.",
			    i, form, ballots);
	}
}

/* ---- one version ---- */

/* Every member has its place, and there are no others. */
static void judge_shape(struct verify *verify, const char *path, const json_t *document)
{
	static const char shape[] =
	    "{s:o, s:s, s:s, s:{s:s, s:I}, s:I, s:o, s:s, s:I, s:s, s:o, "
	    "s:I, s:{s:o, s:o, s:o}, s:b, s:s, s:I, s:s, s:s}";
	static const char *const counts[] = {"ballots", "issued", "log_size"};
	json_error_t error;

	if (json_unpack_ex((json_t *)(uintptr_t)document, &error, JSON_VALIDATE_ONLY | JSON_STRICT,
		shape, "advanced", "annex_sha256", "at", "audit", "head", "n", "ballots", "citizen",
		"contest", "issued", "kind", "log", "log_size", "public", "experts", "formula",
		"standing", "rehearsal", "rules_hash", "version", "who", "why") != 0)
		verify_find(
		    verify, VERIFY_AT(path), "has not the members of a result: %s.", error.text);
	if (!json_is_array(json_object_get(document, "advanced")) ||
	    !json_is_array(json_object_get(document, "citizen")) ||
	    !json_is_array(json_object_get(document, "log")) ||
	    !json_is_array(json_object_get(json_object_get(document, "public"), "standing")))
		verify_find(verify, VERIFY_AT(path),
		    "advanced, citizen, log and public.standing are to be lists.");
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (json_integer_value(json_object_get(document, counts[i])) < 0)
			verify_find(verify, VERIFY_AT(path), "%s is less than 0.", counts[i]);
}

static void judge_rules_hash(struct verify *verify, const char *path, const json_t *document)
{
	const char *should = json_string_value(json_object_get(document, "rules_hash"));

	if (verify->rules_hash[0] && (!should || strcmp(should, verify->rules_hash) != 0))
		verify_find(verify, VERIFY_AT("rules.json"),
		    "has the SHA-256 %s, %s says rules_hash %s.", verify->rules_hash, path,
		    should ? should : "nothing");
}

static void judge_document(
    struct verify *verify, const char *path, const json_t *document, uint64_t version)
{
	judge_shape(verify, path, document);
	want(verify, path, document, "version", json_integer((json_int_t)version));
	want(verify, path, document, "kind", json_string(version == 1 ? "certified" : "corrected"));
	judge_rules_hash(verify, path, document);
	if (!verify->contest)
		return;
	want(verify, path, document, "contest", json_string(verify->contest->id));
	want(verify, path, document, "rehearsal", json_boolean(verify->contest->rehearsal));
	judge_log(verify, path, document);
	judge_rows(verify, path, document);
}

static void judge_note(struct verify *verify, uint64_t version, const char *sha256_hex)
{
	char path[VERIFY_PATH_MAX], should[VERIFY_PATH_MAX];
	struct slice note, text;

	(void)snprintf(path, sizeof(path), "results/%" PRIu64 ".note", version);
	(void)snprintf(should, sizeof(should), "tallyd result v1\n%s\n%" PRIu64 "\n%s\n",
	    verify->round, version, sha256_hex);
	if (!verify_take(verify, path, VERIFY_NOTE_MAX, &note))
		return;
	if (note_open(note, verify->key_name, verify->result_key, &text) != 0)
		verify_find(
		    verify, VERIFY_AT(path), "is not signed by the key %s.", verify->key_name);
	else if (!slice_is(text, should))
		verify_find(verify, VERIFY_AT(path),
		    "does not sign results/%" PRIu64 ".json, version %" PRIu64
		    " of round %s with the SHA-256 %s.",
		    version, version, verify->round, sha256_hex);
}

static void read_version(struct verify *verify, uint64_t version)
{
	struct verify_result *result = &verify->results[version - 1];
	char path[VERIFY_PATH_MAX];
	uint8_t hash[SHA256_SIZE];
	struct slice text;

	(void)snprintf(path, sizeof(path), "results/%" PRIu64 ".json", version);
	if (!verify_take(verify, path, VERIFY_JSON_MAX, &text))
		return;
	sha256(text, hash);
	hex_encode(hash, sizeof(hash), result->sha256);
	result->document = verify_parse(verify, path, JSON_OBJECT, text);
	judge_note(verify, version, result->sha256);
	if (result->document)
		judge_document(verify, path, result->document, version);
}

/* ---- all of them ---- */

/* Where the note does not tell: as many as follow one another. */
static uint64_t count_versions(const struct verify *verify)
{
	char path[VERIFY_PATH_MAX];
	uint64_t n = 0;

	do
		(void)snprintf(path, sizeof(path), "results/%" PRIu64 ".json", ++n);
	while (n <= VERIFY_RESULTS_MAX && verify_listed(verify, slice_text(path)));
	return n - 1;
}

/* "results/7.json" beyond the newest; other files there are pages. */
static void judge_names(struct verify *verify)
{
	static const char prefix[] = "results/";
	size_t first, n = verify_under(verify, prefix, &first);

	for (size_t i = first; i < first + n; i++) {
		struct slice path = verify->files[i].path;
		struct slice name =
		    slice_make(path.ptr + strlen(prefix), path.len - strlen(prefix));
		size_t digits = 0;
		uint64_t version;

		while (digits < name.len && name.ptr[digits] >= '0' && name.ptr[digits] <= '9')
			digits++;
		struct slice end = slice_make(name.ptr + digits, name.len - digits);
		if (digits == 0 || (!slice_is(end, ".json") && !slice_is(end, ".note")))
			continue;
		if (!verify_number(slice_make(name.ptr, digits), &version) || version == 0 ||
		    version > verify->n_results) {
			char text[VERIFY_PATH_MAX];
			(void)snprintf(text, sizeof(text), "%.*s", (int)path.len, path.ptr);
			verify_find(verify, VERIFY_AT(text),
			    "is of no version from 1 to %zu, the newest.", verify->n_results);
		}
	}
}

/* Ballots do not change any more: what speaks of the same logs says the same of them. */
static void compare_versions(struct verify *verify)
{
	static const char *const names[] = {"citizen", "ballots", "log_size", "issued"};

	for (size_t v = 0; verify->document && v + 1 < verify->n_results; v++) {
		const json_t *older = verify->results[v].document;
		char path[VERIFY_PATH_MAX];

		if (!older || !json_equal(json_object_get(older, "log"),
				  json_object_get(verify->document, "log")))
			continue;
		(void)snprintf(path, sizeof(path), "results/%zu.json", v + 1);
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			(void)verify_same(verify, path, names[i], json_object_get(older, names[i]),
			    json_object_get(verify->document, names[i]));
	}
}

void verify_results(struct verify *verify)
{
	if (verify->version == 0)
		verify->version = count_versions(verify);
	if (verify->version == 0) {
		verify_find(
		    verify, VERIFY_AT("results/1.json"), "is missing: nothing is certified.");
		return;
	}
	verify->results = calloc(verify->version, sizeof(*verify->results));
	if (!verify->results) {
		verify_fail(verify, -ENOMEM, "results");
		return;
	}
	verify->n_results = (size_t)verify->version;
	for (uint64_t version = 1; version <= verify->version && verify->error == 0; version++)
		read_version(verify, version);
	verify->document = verify->results[verify->n_results - 1].document;
	judge_names(verify);
	compare_versions(verify);
	verify_checked(verify, "version", json_integer((json_int_t)verify->version));
	verify_checked(verify, "results", json_integer((json_int_t)verify->n_results));
}
