/* What tallyctl verify says of a verification: what held, what did not, and what nobody can know.
 */
#include "ctl/verify_tell.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "ctl/screen.h"
#include "ctl/session.h"

#define SHOWN_MAX      50 /* findings, for people; --json has more */
#define LINE_MAX_BYTES 1024

/* ---- for people ---- */

/* Sentences quote what stands in a stranger's files. */
static void print_line(const char *sentence)
{
	screen_write_line(stdout, slice_text(sentence));
	screen_print("\n");
}

static json_int_t number(const json_t *json, const char *name)
{
	return json_integer_value(json_object_get(json, name));
}

/* What was said in this part holds, unless the part itself, or one that it rests on, is at fault:
 * then nothing good is said of it. */
__attribute__((format(printf, 5, 6))) static void print_part(
    const struct verification *verification, unsigned part, const char *label, bool reached,
    const char *format, ...)
{
	const unsigned base =
	    VERIFY_PART_BASE | (part == VERIFY_PART_COUNT ? (unsigned)VERIFY_PART_LOG : 0);
	char text[LINE_MAX_BYTES];
	va_list args;

	if (!reached && (part & VERIFY_PARTS_STAGE || !(verification->faulty & part)))
		return; /* not every contest has a stage */
	if (verification->faulty & part) {
		screen_print("  %-10s not as it should be: see below\n", label);
		return;
	}
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	screen_print("  %-10s %s%s\n", label, text,
	    verification->faulty & base ? "; but what that rests on is not as it should be" : "");
}

/* "  <label>  <n> <words>" */
static void print_count(const struct verification *verification, unsigned part, const char *label,
    const char *name, const char *words)
{
	const json_t *checked = verification->checked;
	char text[32];

	print_part(verification, part, label, json_object_get(checked, name) != NULL, "%s %s",
	    screen_number(number(checked, name), text), words);
}

static void print_votes(const struct verification *verification)
{
	const json_t *checked = verification->checked;
	char entries[32], issued[32], superseded[32], ballots[32];
	json_int_t opened = number(checked, "opened");
	bool counted = json_object_get(checked, "ballots") != NULL;

	print_part(verification, VERIFY_PART_LOG, "log",
	    json_object_get(checked, "entries") != NULL,
	    "%s entries in %lld shard%s, up to the certified roots; %s tokens issued",
	    screen_number(number(checked, "entries"), entries),
	    (long long)number(checked, "shards"), number(checked, "shards") == 1 ? "" : "s",
	    screen_number(number(checked, "issued"), issued));
	if (opened < number(checked, "entries"))
		print_part(verification, VERIFY_PART_COUNT, "count", counted,
		    "not whole: %s of %s entries could be opened", screen_number(opened, ballots),
		    entries);
	else
		print_part(verification, VERIFY_PART_COUNT, "count", counted,
		    "%s ballots opened and counted; %s more, which their voters replaced",
		    screen_number(number(checked, "ballots"), ballots),
		    screen_number(number(checked, "superseded"), superseded));
}

static void print_files(const struct verification *verification)
{
	const json_t *checked = verification->checked;
	char bytes[32];

	if (json_object_get(checked, "bytes"))
		screen_print("  %-10s %lld%s, %s bytes%s\n", "files",
		    (long long)number(checked, "files"),
		    verification->faulty & VERIFY_PART_FILES ? " listed" : "",
		    screen_number(number(checked, "bytes"), bytes),
		    verification->faulty & VERIFY_PART_FILES
			? " read; not all as they should be: see below"
			: "");
}

/* What was looked at, and found good. */
static void print_checked(const struct verification *verification)
{
	const json_t *checked = verification->checked;

	screen_print("%s\n\nWhat was looked at\n  %-10s %s\n",
	    json_string_value(json_object_get(checked, "round")), "key",
	    json_string_value(json_object_get(checked, "key")));
	print_files(verification);
	print_count(verification, VERIFY_PART_RESULTS, "results", "results",
	    "signed; the newest against everything else");
	print_votes(verification);
	print_count(verification, VERIFY_PART_SHEETS, "sheets", "sheets",
	    "experts', and what panels make of them");
	print_count(verification, VERIFY_PART_METRICS, "metrics", "metrics", "measured values");
	print_part(verification, VERIFY_PART_STANDING, "standing",
	    json_object_get(checked, "standing") != NULL, "computed again");
	print_count(verification, VERIFY_PART_AUDIT, "audit log", "audit", "entries, one chain");
	print_part(verification, VERIFY_PART_PUBLISHED, "pages",
	    json_object_get(checked, "published") != NULL,
	    "published.json against the newest result");
}

static void print_list(const char *heading, const json_t *sentences)
{
	const json_t *sentence;
	size_t i;

	if (json_array_size(sentences) == 0)
		return;
	screen_print("\n%s\n", heading);
	json_array_foreach(sentences, i, sentence)
	{
		screen_print("  - ");
		print_line(json_string_value(sentence));
	}
}

static void print_place(const struct verify_finding *finding)
{
	if (finding->file) {
		screen_write_line(stdout, slice_text(finding->file));
		screen_print(": ");
	}
	if (finding->shard >= 0)
		screen_print("shard %" PRId64, finding->shard);
	if (finding->index >= 0)
		screen_print(", index %" PRId64, finding->index);
	if (finding->shard >= 0)
		screen_print(": ");
	if (finding->entry) {
		screen_write_line(stdout, slice_text(finding->entry));
		screen_print(": ");
	}
}

static void print_findings(const struct verification *verification)
{
	if (verification->all_findings > 0)
		screen_print("\nWhat is not as it should be\n");
	for (size_t i = 0; i < verification->n_findings && i < SHOWN_MAX; i++) {
		screen_print("  ");
		print_place(&verification->findings[i]);
		print_line(verification->findings[i].why);
	}
	if (verification->all_findings > SHOWN_MAX)
		screen_print("  … and %" PRIu64 " more (--json has up to %d)\n",
		    verification->all_findings - SHOWN_MAX, VERIFY_FINDINGS_MAX);
}

void verify_tell_people(const struct verification *verification)
{
	print_checked(verification);
	print_list("To be known", verification->notes);
	print_list("What the bundle gives no means to check", verification->unchecked);
	print_findings(verification);
}

/* ---- as JSON ---- */

/* By the bits of enum verify_part. */
static const char *const part_names[] = {"files", "results", "log", "count", "sheets", "metrics",
    "standing", "audit", "published", "base"};

static json_t *finding_json(const struct verify_finding *finding)
{
	json_t *json = json_pack("{s:s*, s:s*, s:s}", "file", finding->file, "entry",
	    finding->entry, "why", finding->why);

	if (finding->shard >= 0)
		(void)json_object_set_new(json, "shard", json_integer(finding->shard));
	if (finding->index >= 0)
		(void)json_object_set_new(json, "index", json_integer(finding->index));
	return json;
}

void verify_tell_json(const struct verification *verification, bool pinned)
{
	json_t *findings = json_array(), *faulty = json_array();

	for (size_t i = 0; i < sizeof(part_names) / sizeof(part_names[0]); i++)
		if (verification->faulty & (1u << i))
			(void)json_array_append_new(faulty, json_string(part_names[i]));
	for (size_t i = 0; i < verification->n_findings; i++)
		(void)json_array_append_new(findings, finding_json(&verification->findings[i]));
	json_t *json = json_pack("{s:b, s:b, s:I, s:o, s:o, s:O, s:O, s:O}", "verified",
	    pinned && verification->all_findings == 0, "consistent",
	    verification->all_findings == 0, "findings_count",
	    (json_int_t)verification->all_findings, "findings", findings, "faulty", faulty,
	    "checked", verification->checked, "notes", verification->notes, "unchecked",
	    verification->unchecked);
	session_print_json(json);
	json_decref(json);
}
