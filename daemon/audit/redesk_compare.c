/* What stands at the desk against what the audit log tells. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/redesk_impl.h"
#include "base/encode.h"
#include "crypto/digest.h"
#include "office/results.h"

#define QUOTE_MAX 80 /* bytes of a value, in a sentence */

const char *const redesk_checks[DESK_HASHES] = {[DESK_RECORD] = "record",
    [DESK_PEOPLE] = "people",
    [DESK_SHEETS] = "sheets",
    [DESK_RULINGS] = "rulings",
    [DESK_METRICS] = "metrics",
    [DESK_REQUESTS] = "requests",
    [DESK_RESULTS] = "results"};

/* What a value may have beyond what entries tell. Sheets are compared with their revisions. */
static const char *const untold[DESK_HASHES][4] = {[DESK_PEOPLE] = {"jti", "email", "expires"},
    [DESK_SHEETS] = {"sheet", "sha256"},
    [DESK_REQUESTS] = {"for_correction"}};

static bool is_untold(enum desk_hash hash, const char *member)
{
	for (size_t i = 0; i < 4 && untold[hash][i]; i++)
		if (strcmp(untold[hash][i], member) == 0)
			return true;
	return false;
}

static const char *quote(const json_t *value, char ret_text[QUOTE_MAX])
{
	char *text =
	    value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;

	(void)snprintf(ret_text, QUOTE_MAX, "%s", text ? text : "nothing");
	free(text);
	return ret_text;
}

/* ---- hashes of values ---- */

static void differ(struct redoing *redoing, enum desk_hash hash, const char *field,
    const char *member, const json_t *is, const json_t *told)
{
	char one[QUOTE_MAX], other[QUOTE_MAX];

	findings_add(redoing->findings, redesk_checks[hash],
	    "%s, %s%s%s: is %s, the audit log says %s", redesk_checks[hash], field,
	    member ? ", " : "", member ? member : "", quote(is, one), quote(told, other));
}

static void compare_value(struct redoing *redoing, enum desk_hash hash, const char *field,
    const json_t *is, const json_t *told)
{
	const char *member;
	json_t *value;

	if (!json_is_object(is) || !json_is_object(told)) {
		if (!json_equal(is, told))
			differ(redoing, hash, field, NULL, is, told);
		return;
	}
	json_object_foreach((json_t *)(uintptr_t)told, member, value)
	{
		const json_t *stands = json_object_get(is, member);
		if (!json_equal(stands, value))
			differ(redoing, hash, field, member, stands, value);
	}
	json_object_foreach((json_t *)(uintptr_t)is, member, value)
	{
		if (!json_object_get(told, member) && !is_untold(hash, member))
			differ(redoing, hash, field, member, value, NULL);
	}
}

static void compare_hash(struct redoing *redoing, enum desk_hash hash)
{
	json_t *actual = redoing->actual[hash], *expected = redoing->expected[hash], *value;
	const char *field;

	json_object_foreach(expected, field, value)
	{
		const json_t *is = json_object_get(actual, field);
		if (is)
			compare_value(redoing, hash, field, is, value);
		else
			findings_add(redoing->findings, redesk_checks[hash],
			    "%s, %s: is missing; the audit log tells of it", redesk_checks[hash],
			    field);
	}
	json_object_foreach(actual, field, value)
	{
		if (!json_object_get(expected, field))
			findings_add(redoing->findings, redesk_checks[hash],
			    "%s, %s: no entry of the audit log tells of it", redesk_checks[hash],
			    field);
	}
}

/* ---- sheets and their revisions ---- */

static bool commits(const struct desk_revision *revision, const char *told)
{
	uint8_t hash[32];
	char hex[HEX_SIZE(32)];

	desk_commitment((const uint8_t *)revision->salt.ptr, revision->sheet, hash);
	hex_encode(hash, sizeof(hash), hex);
	return told && strcmp(told, hex) == 0;
}

/* The sheet that stands is the newest revision, and so is its hash. */
static void compare_standing(struct redoing *redoing, const struct desk_revision *revision)
{
	char person[DESK_FIELD_MAX];
	uint8_t digest[SHA256_SIZE];
	char hex[HEX_SIZE(SHA256_SIZE)];

	(void)snprintf(
	    person, sizeof(person), "%.*s", (int)revision->person.len, revision->person.ptr);
	const json_t *stands = json_object_get(redoing->actual[DESK_SHEETS], person);
	if (!stands)
		return; /* missing: compare_hash() says so */
	const char *sha256_told = json_string_value(json_object_get(stands, "sha256"));
	json_t *sheet =
	    json_loadb(revision->sheet.ptr, revision->sheet.len, JSON_REJECT_DUPLICATES, NULL);
	sha256(revision->sheet, digest);
	hex_encode(digest, sizeof(digest), hex);
	if (!sheet || !json_equal(sheet, json_object_get(stands, "sheet")) || !sha256_told ||
	    strcmp(sha256_told, hex) != 0)
		findings_add(redoing->findings, "sheets",
		    "sheets: the sheet of %s that stands is not the one that was saved last "
		    "(audit log, entry %" PRIu64 ")",
		    person, revision->n);
	json_decref(sheet);
}

void redesk_compare_revision(struct redoing *redoing, const struct desk_revision *revision)
{
	char number[24];

	(void)snprintf(number, sizeof(number), "%" PRIu64, revision->n);
	const json_t *told = json_object_get(redoing->revisions, number);
	const char *person = json_string_value(json_object_get(told, "person"));
	if (!told) {
		findings_add(redoing->findings, "sheets",
		    "sheets, revision %" PRIu64 ": no entry of the audit log tells of it",
		    revision->n);
		return;
	}
	if (!person || !slice_is(revision->person, person) ||
	    !commits(revision, json_string_value(json_object_get(told, "sheet"))))
		findings_add(redoing->findings, "sheets",
		    "sheets, revision %" PRIu64
		    ": is not what the audit log's entry of that number has committed to",
		    revision->n);
	else if ((uint64_t)json_integer_value(json_object_get(redoing->newest, person)) ==
		 revision->n)
		compare_standing(redoing, revision);
	(void)json_object_del(redoing->revisions, number);
}

static void name_missing_revisions(struct redoing *redoing)
{
	const char *number;
	json_t *told;

	json_object_foreach(redoing->revisions, number, told)
	{
		findings_add(redoing->findings, "sheets",
		    "sheets, revision %s of %s: is missing; the audit log tells of it", number,
		    json_string_value(json_object_get(told, "person")));
	}
}

/* ---- results ---- */

static struct slice member(const json_t *stored, const char *name)
{
	const json_t *text = json_object_get(stored, name);

	return slice_make(json_string_value(text), json_string_length(text));
}

/* Whether the document says what its entry says. */
static bool is_as_told(struct slice text, const char *version, const json_t *told)
{
	static const char *const members[] = {"who", "why", "kind"};
	json_t *document = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
	json_t *hash = result_sha256(text);
	char number[24];

	(void)snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
	    json_integer_value(json_object_get(document, "version")));
	bool same =
	    json_equal(hash, json_object_get(told, "sha256")) && strcmp(number, version) == 0;
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		same = same && json_equal(json_object_get(document, members[i]),
				   json_object_get(told, members[i]));
	json_decref(hash);
	json_decref(document);
	return same;
}

static void compare_result(
    struct redoing *redoing, const char *version, const json_t *stored, const json_t *told)
{
	struct slice document = member(stored, "document");

	if (!document.ptr || !is_as_told(document, version, told))
		findings_add(redoing->findings, "results",
		    "results, version %s: the document is not the one that the audit log tells of",
		    version);
	else if (result_verify(redoing->office->round, redoing->log_name, document,
		     member(stored, "note")) != 0)
		findings_add(redoing->findings, "results",
		    "results, version %s: its note is not signed by the result key", version);
	else if (result_verify_annex(document, member(stored, "annex")) != 0)
		findings_add(redoing->findings, "results",
		    "results, version %s: the annex is not the one that was signed", version);
}

/* What is stored of them shares no member with what is told; so only whether they are there is
 * left to compare_hash(). */
static void compare_results(struct redoing *redoing)
{
	json_t *actual = redoing->actual[DESK_RESULTS], *expected = redoing->expected[DESK_RESULTS];
	json_t *told;
	const char *version;

	json_object_foreach(expected, version, told)
	{
		const json_t *stored = json_object_get(actual, version);
		if (!stored)
			continue;
		compare_result(redoing, version, stored, told);
		(void)json_object_set(actual, version, told);
	}
	compare_hash(redoing, DESK_RESULTS);
}

/* ---- all of it ---- */

void redesk_compare(struct redoing *redoing)
{
	for (int hash = 0; hash < DESK_HASHES; hash++) {
		if (hash == DESK_RESULTS)
			compare_results(redoing);
		else
			compare_hash(redoing, (enum desk_hash)hash);
	}
	name_missing_revisions(redoing);
}
