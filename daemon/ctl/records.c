/* tallyctl audit, export, report: reading and taking away what the desk keeps. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/encode.h"
#include "ctl/screen.h"
#include "ctl/session.h"
#include "office/exports.h"

#define PIECE      1000
#define EXPORT_MAX (256 * 1024 * 1024)

/* ---- audit ---- */

struct auditing {
	struct session *session;
	bool verify;
	bool again;       /* the record spoke of entries that had not been read */
	uint64_t n;       /* entries seen */
	uint8_t head[32]; /* hash of the last of them */
	json_t *list;     /* --json */
};

static const char *member(const json_t *entry, const char *name)
{
	const char *text = json_string_value(json_object_get(entry, name));

	return text ? text : "";
}

static void print_entry(const json_t *entry)
{
	const char *why = member(entry, "why");

	screen_print("%6lld  %s  %-28s  %s%s%s\n",
	    (long long)json_integer_value(json_object_get(entry, "n")), member(entry, "at"),
	    member(entry, "who"), member(entry, "act"), *why ? ": " : "", why);
}

/* The entry's "prev" is the hash of the one before, and its number follows. */
static bool follows(struct auditing *auditing, const struct desk_entry *item, const json_t *entry)
{
	char prev[HEX_SIZE(32)];
	bool good;

	hex_encode(auditing->head, 32, prev);
	good = item->n == auditing->n + 1 && strcmp(member(entry, "prev"), prev) == 0 &&
	       (uint64_t)json_integer_value(json_object_get(entry, "n")) == item->n;
	desk_entry_hash(item->json, auditing->head);
	return good;
}

static bool take_entry(struct auditing *auditing, const struct desk_entry *item)
{
	json_t *entry = json_loadb(item->json.ptr, item->json.len, JSON_REJECT_DUPLICATES, NULL);
	bool good = follows(auditing, item, entry);

	if (auditing->verify && !good)
		session_done(auditing->session,
		    ctl_fail(EX_DATAERR,
			"the audit log is broken at entry %" PRIu64
			": it does not follow from the one before. See ops/runbook.md.",
			item->n));
	else if (!auditing->verify && auditing->list)
		json_array_append(auditing->list, entry);
	else if (!auditing->verify)
		print_entry(entry);
	auditing->n = item->n;
	json_decref(entry);
	return good || !auditing->verify;
}

static void on_entries(void *arg, int error, const struct desk_entry *entries, size_t n_entries);

static void print_verified(const struct auditing *auditing)
{
	char head[HEX_SIZE(32)];

	hex_encode(auditing->head, 32, head);
	if (!auditing->list) {
		(void)printf("%" PRIu64 " entries, the chain holds\n", auditing->n);
		return;
	}
	json_t *json = json_pack(
	    "{s:I, s:s, s:b}", "entries", (json_int_t)auditing->n, "head", head, "holds", 1);
	session_print_json(json);
	json_decref(json);
}

/* The record names the last entry and its hash: so a log that was cut is noticed as well. Somebody
 * may have written meanwhile: then what is new is read first. */
static void on_record(void *arg, const struct desk_view *view)
{
	struct auditing *auditing = arg;
	struct slice head = view ? desk_get(view, DESK_RECORD, "head") : slice_text("");
	int status = EX_OK;

	if (view && desk_size(view) > auditing->n && !auditing->again) {
		auditing->again = true;
		desk_audit(auditing->session->desk, auditing->n, PIECE, on_entries, auditing);
		return;
	}
	if (!view)
		status = ctl_fail(EX_UNAVAILABLE, "Redis does not answer.");
	else if (desk_size(view) != auditing->n ||
		 (auditing->n > 0 && !slice_equal(head, slice_make(auditing->head, 32))))
		status = ctl_fail(EX_DATAERR,
		    "the audit log ends at entry %" PRIu64 ", the record says %" PRIu64
		    ", or another hash. See ops/runbook.md.",
		    auditing->n, desk_size(view));
	else
		print_verified(auditing);
	session_done(auditing->session, status);
}

static void on_entries(void *arg, int error, const struct desk_entry *entries, size_t n_entries)
{
	struct auditing *auditing = arg;
	struct session *session = auditing->session;

	if (error != 0) {
		session_done(session, error == -EBADMSG
					  ? ctl_fail(EX_DATAERR,
						"the audit log is damaged after entry %" PRIu64
						". See ops/runbook.md.",
						auditing->n)
					  : ctl_fail(EX_UNAVAILABLE, "Redis does not answer."));
		return;
	}
	for (size_t i = 0; i < n_entries; i++)
		if (!take_entry(auditing, &entries[i]))
			return;
	auditing->again = auditing->again && n_entries == 0;
	if (n_entries == PIECE) {
		desk_audit(session->desk, auditing->n, PIECE, on_entries, auditing);
	} else if (auditing->verify) {
		desk_read(session->desk, NULL, 0, on_record, auditing);
	} else {
		if (auditing->list)
			session_print_json(auditing->list);
		session_done(session, EX_OK);
	}
}

static int run_audit(const struct ctl *ctl, int argc, char **argv)
{
	struct auditing auditing = {0};
	const struct ctl_option table[] = {{"verify", NULL, &auditing.verify}, {NULL, NULL, NULL}};
	struct session_options options;
	struct session session;
	size_t n;
	int status = session_arguments(ctl, argc, argv, table, 0, 0, NULL, &n, &options);

	if (status == 0)
		status = session_open(ctl, &options, &session);
	if (status != 0)
		return status;
	auditing.session = &session;
	auditing.list = options.json ? json_array() : NULL;
	desk_genesis(session.round->name, auditing.head);
	desk_audit(session.desk, 0, PIECE, on_entries, &auditing);
	session_run_on(&session);
	json_decref(auditing.list);
	return session_close(&session);
}

const struct ctl_command ctl_audit = {
    .name = "audit",
    .summary = "the log of who did what, when, and why",
    .usage =
	"Usage: tallyctl -c FILE audit [--verify] [--contest C] [--json]\n"
	"\n"
	"Prints every entry. --verify checks instead that each follows from the one before, and\n"
	"that the last is the one that the record names.\n",
    .run = run_audit,
};

/* ---- export ---- */

struct exporting {
	struct session *session;
	enum export_kind kind;
	bool bom;
	uint64_t after;
	json_t *table;
};

static void print_table(struct exporting *exporting, const json_t *table)
{
	struct session *session = exporting->session;
	struct buf out;

	buf_init(&out, EXPORT_MAX);
	if (!table) {
		session_done(session, ctl_fail(EX_UNAVAILABLE, "Redis does not answer."));
	} else if (session->options.json) {
		json_t *objects = export_objects(table);
		session_print_json(objects);
		json_decref(objects);
		session_done(session, EX_OK);
	} else if (export_csv(table, exporting->bom, &out) != 0) {
		session_done(session, ctl_fail(EX_OSERR, "the table is too large."));
	} else {
		(void)fwrite(out.data, 1, out.len, stdout);
		session_done(session, EX_OK);
	}
	buf_release(&out);
}

static void on_board(void *arg, const struct board *board, const struct count *count)
{
	struct exporting *exporting = arg;
	const struct round *round = exporting->session->round;
	json_t *table = NULL;

	if (board && export_is_closed(round->contest, board, exporting->kind)) {
		session_done(exporting->session,
		    ctl_fail(EX_NOPERM,
			"single sheets, comments, and the standing are kept from "
			"everybody until the contest has closed."));
		return;
	}
	if (board)
		table =
		    export_table(round->contest, board, count, round->keys.salt, exporting->kind);
	print_table(exporting, table);
	json_decref(table);
}

static void on_minutes(void *arg, int error, const struct desk_minute *minutes, size_t n_minutes)
{
	struct exporting *exporting = arg;
	json_t *table = error == 0
			    ? export_turnout(exporting->session->round->contest, minutes, n_minutes)
			    : NULL;

	print_table(exporting, table);
	json_decref(table);
}

static void on_piece(void *arg, int error, const struct desk_entry *entries, size_t n_entries)
{
	struct exporting *exporting = arg;
	json_t *piece = error == 0 ? export_audit(entries, n_entries) : NULL;

	if (piece && exporting->table)
		json_array_extend(
		    json_object_get(exporting->table, "rows"), json_object_get(piece, "rows"));
	else if (piece)
		exporting->table = json_incref(piece);
	json_decref(piece);
	if (piece && n_entries == PIECE) {
		exporting->after = entries[n_entries - 1].n;
		desk_audit(exporting->session->desk, exporting->after, PIECE, on_piece, exporting);
		return;
	}
	print_table(exporting, error == 0 ? exporting->table : NULL);
	json_decref(exporting->table);
}

static int run_export(const struct ctl *ctl, int argc, char **argv)
{
	struct exporting exporting = {0};
	const struct ctl_option table[] = {{"bom", NULL, &exporting.bom}, {NULL, NULL, NULL}};
	struct session_options options;
	struct session session;
	const char *what;
	size_t n;
	int status = session_arguments(ctl, argc, argv, table, 1, 1, &what, &n, &options);

	if (status != 0)
		return status;
	if (export_parse(slice_text(what), &exporting.kind) != 0)
		return ctl_misuse(ctl, "there is no export \"%s\".", what);
	status = session_open(ctl, &options, &session);
	if (status != 0)
		return status;
	exporting.session = &session;
	if (exporting.kind == EXPORT_TURNOUT)
		desk_turnout(session.desk, on_minutes, &exporting);
	else if (exporting.kind == EXPORT_AUDIT)
		desk_audit(session.desk, 0, PIECE, on_piece, &exporting);
	else
		board_read(&session.office, on_board, &exporting);
	session_run_on(&session);
	return session_close(&session);
}

const struct ctl_command ctl_export = {
    .name = "export",
    .summary = "tables as CSV or JSON",
    .usage =
	"Usage: tallyctl -c FILE export WHAT [--bom] [--contest C] [--json]\n"
	"\n"
	"WHAT: tally, turnout (counts by minute), experts (how far they are), sheets, comments,\n"
	"standing, audit. CSV on standard output, with --bom for spreadsheets; or --json. Experts\n"
	"go under pseudonyms in sheets and comments where the contest says so.\n",
    .run = run_export,
};

/* ---- report ---- */

struct reporting {
	struct session *session;
	size_t entry;
};

/* What the experts wrote about this entry, from the table of all comments. */
static json_t *comments_of(const struct round *round, const struct board *board, size_t entry)
{
	json_t *table =
	    export_table(round->contest, board, NULL, round->keys.salt, EXPORT_COMMENTS);
	json_t *comments = json_array(), *row;
	size_t i;

	json_array_foreach(json_object_get(table, "rows"), i, row)
	{
		const char *id = json_string_value(json_array_get(row, 0));

		if (id && strcmp(id, round->contest->entries[entry].id) == 0)
			json_array_append_new(comments,
			    json_pack("{s:O, s:O, s:O}", "panel", json_array_get(row, 1), "expert",
				json_array_get(row, 2), "comment", json_array_get(row, 3)));
	}
	json_decref(table);
	return comments;
}

static void print_report(const struct contest *contest, size_t entry, const json_t *report)
{
	const json_t *row = json_object_get(report, "row"), *parts = json_object_get(row, "parts");
	const json_t *comment;
	size_t i;

	(void)printf("# %s · %s\n\n%s\n\n", contest->entries[entry].name.ko,
	    contest->entries[entry].name.en, contest->name.ko);
	(void)printf(
	    "| 평가 part | 값 value | 점수 points | 배점 weight |\n|---|---:|---:|---:|\n");
	for (size_t p = 0; p < contest->stage.n_parts; p++) {
		const struct part *part = &contest->stage.parts[p];
		const json_t *cell = json_object_get(parts, part->id);
		const json_t *value = json_object_get(cell, "value");
		const json_t *points = json_object_get(cell, "points");
		char a[32] = "–", b[32] = "–";

		if (json_is_number(value))
			(void)snprintf(a, sizeof(a), "%.15g", json_number_value(value));
		if (json_is_number(points))
			(void)snprintf(b, sizeof(b), "%.15g", json_number_value(points));
		(void)printf("| %s · %s | %s | %s | %d |\n", part->name.ko, part->name.en, a, b,
		    part->weight);
	}
	(void)printf("\n합계 total: ");
	if (json_is_number(json_object_get(row, "points")))
		(void)printf("%.15g", json_number_value(json_object_get(row, "points")));
	else
		(void)printf("–");
	if (json_is_integer(json_object_get(row, "rank")))
		(void)printf(" · 순위 rank %lld / %zu",
		    (long long)json_integer_value(json_object_get(row, "rank")),
		    contest->n_entries);
	(void)printf("\n");
	if (json_object_get(row, "disqualified"))
		(void)printf("\n실격 disqualified: %s\n",
		    json_string_value(json_object_get(row, "disqualified")));
	json_array_foreach(json_object_get(report, "comments"), i, comment)(void)
	    printf("\n## %s\n\n%s\n", json_string_value(json_object_get(comment, "expert")),
		json_string_value(json_object_get(comment, "comment")));
}

static void on_reported(void *arg, const struct board *board, const struct count *count)
{
	struct reporting *reporting = arg;
	struct session *session = reporting->session;
	const struct round *round = session->round;
	(void)count;

	if (!board) {
		session_done(session, ctl_fail(EX_UNAVAILABLE, "Redis does not answer."));
	} else if (!board_sheets_visible(round->contest, board)) {
		session_done(session,
		    ctl_fail(EX_NOPERM, "there is no report before the contest has closed."));
	} else {
		json_t *report = standing_report_json(
		    round->contest, &board->input, &board->standing, reporting->entry);
		json_object_set_new(
		    report, "comments", comments_of(round, board, reporting->entry));
		if (session->options.json)
			session_print_json(report);
		else
			print_report(round->contest, reporting->entry, report);
		json_decref(report);
		session_done(session, EX_OK);
	}
}

static int run_report(const struct ctl *ctl, int argc, char **argv)
{
	struct session_options options;
	struct session session;
	struct reporting reporting = {.session = &session};
	const char *id;
	size_t n;
	int status = session_arguments(ctl, argc, argv, NULL, 1, 1, &id, &n, &options);

	if (status == 0)
		status = session_open(ctl, &options, &session);
	if (status != 0)
		return status;
	int entry = contest_entry(session.round->contest, slice_text(id));
	if (entry < 0) {
		(void)session_close(&session);
		return ctl_fail(EX_USAGE, "the contest has no entry \"%s\".", id);
	}
	reporting.entry = (size_t)entry;
	board_read(&session.office, on_reported, &reporting);
	session_run(&session);
	return session_close(&session);
}

const struct ctl_command ctl_report = {
    .name = "report",
    .summary = "an entry's own report, with the experts' comments",
    .usage =
	"Usage: tallyctl -c FILE report ENTRY [--contest C] [--json]\n"
	"\n"
	"For the team itself: its values and points in every part, its rank, and what the experts\n"
	"wrote about it; nothing of any other. Markdown, or --json.\n",
    .run = run_report,
};
