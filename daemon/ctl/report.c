/* tallyctl report: an entry's own report, in Markdown or JSON. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "crypto/digest.h"
#include "ctl/screen.h"
#include "ctl/session.h"
#include "office/exports.h"

#define TEXT_MAX (64 * 1024)

struct reporting {
	struct session *session;
	size_t entry;
	bool english;
	/* As signed in the newest result; before there is one, as it is now. */
	json_t *experts;       /* board_all_experts() */
	const json_t *metrics; /* borrowed */
};

static const char *member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* What the newest result was signed with (office/results.h, annex), or NULL: what came later, such
 * as another expert or a ruling for a correction, is no part of it. */
static json_t *annex_of(const struct board *board)
{
	size_t versions = json_array_size(board->results);
	const json_t *newest = versions ? json_array_get(board->results, versions - 1) : NULL;
	const char *annex = json_string_value(json_object_get(newest, "annex"));

	return annex ? json_loads(annex, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

/* The object of the list whose `name` says so, or NULL. */
static json_t *find(const json_t *list, const char *name, const char *text)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (strcmp(member(item, name), text) == 0)
			return item;
	}
	return NULL;
}

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

/* ---- Markdown ---- */

/* Whether this character would mean something here: at a line's beginning ("- ", "1. ", "===") more
 * does. `line` is what stands before it on its line. */
static bool is_markup(char character, struct slice line)
{
	bool only_digits = true;

	for (size_t i = 0; i < line.len; i++)
		only_digits = only_digits && line.ptr[i] >= '0' && line.ptr[i] <= '9';
	if (character == '\0' || strchr("\\`*_[]<>#|~&", character) != NULL)
		return true;
	return line.len == 0 ? strchr("-+=", character) != NULL
			     : only_digits && strchr(".)", character) != NULL;
}

/* Text of others as text: nothing in it is a heading, a tag, a link, or the end of a cell. Each
 * further line begins with `prefix`. */
static void print_text(const char *text, const char *prefix)
{
	const char *line = text;
	struct buf out;
	int rc = 0;

	buf_init(&out, TEXT_MAX);
	for (const char *at = text; *at != '\0' && rc == 0; at++) {
		if (is_markup(*at, slice_make(line, (size_t)(at - line))))
			rc = buf_append_text(&out, "\\");
		if (rc == 0)
			rc = buf_append(&out, at, 1);
		if (*at != '\n')
			continue;
		line = at + 1;
		rc = rc == 0 ? buf_append_text(&out, prefix) : rc;
	}
	if (out.len > 0)
		screen_write(stdout, slice_make(out.data, out.len));
	buf_release(&out);
}

static const char *in(const struct text *text, bool english)
{
	return english ? text->en : text->ko;
}

static const char *number(const json_t *value, char ret_text[32])
{
	if (json_is_number(value))
		(void)snprintf(ret_text, 32, "%.15g", json_number_value(value));
	else
		(void)snprintf(ret_text, 32, "–");
	return ret_text;
}

/* Which contest, as of when, and under which rules: a report is nothing without. */
static void print_head(const struct reporting *reporting, const struct board *board)
{
	const struct round *round = reporting->session->round;
	const struct contest *contest = round->contest;
	bool english = reporting->english;
	char at[CLOCK_TEXT_SIZE], rules[HEX_SIZE(SHA256_SIZE)];

	hex_encode(round->rules_hash, SHA256_SIZE, rules);
	screen_print("# ");
	print_text(in(&contest->entries[reporting->entry].name, english), "");
	screen_print("\n\n");
	print_text(in(&contest->name, english), "");
	screen_print("\n\n- %s: %s%s\n- %s: %s", english ? "Contest" : "콘테스트", contest->id,
	    !contest->rehearsal ? ""
	    : english           ? " (rehearsal)"
				: " (리허설)",
	    english ? "Phase" : "단계", phase_name(board->record.phase));
	if (board->result)
		screen_print(english ? ", version %" JSON_INTEGER_FORMAT " of the result"
				     : ", 결과 %" JSON_INTEGER_FORMAT "판",
		    json_integer_value(json_object_get(board->result, "version")));
	screen_print("\n- %s: %s\n- %s: %s\n\n", english ? "As of" : "기준 시각",
	    screen_time(board->now_ms, at), english ? "Rules (SHA-256)" : "규칙 (SHA-256)", rules);
}

static void print_panel(const struct reporting *reporting, const json_t *cell)
{
	const json_t *spread = json_object_get(cell, "spread");

	screen_print(reporting->english ? "%lld of %lld experts, %lld recused"
					: "전문가 %2$lld명 중 %1$lld명, 제척·회피 %3$lld명",
	    (long long)json_integer_value(json_object_get(cell, "n")),
	    (long long)json_integer_value(json_object_get(cell, "of")),
	    (long long)json_integer_value(json_object_get(cell, "recused")));
	if (json_is_number(spread))
		screen_print(reporting->english ? ", spread %.2f" : ", 표준편차 %.2f",
		    json_number_value(spread));
}

/* Behind a part's row: how many experts, how far apart, how many recused; or whence a metric is. */
static void print_source(const struct reporting *reporting, const struct part *part)
{
	const struct contest *contest = reporting->session->round->contest;
	const char *entry = contest->entries[reporting->entry].id;
	size_t i;
	json_t *metric;

	if (part->source == PART_PANEL) {
		print_panel(reporting,
		    find(json_object_get(
			     find(json_object_get(reporting->experts, "panels"), "id", part->panel),
			     "entries"),
			"entry", entry));
		return;
	}
	json_array_foreach(reporting->metrics, i, metric)
	{
		if (part->source != PART_METRIC || strcmp(member(metric, "part"), part->id) != 0 ||
		    strcmp(member(metric, "entry"), entry) != 0)
			continue;
		print_text(member(metric, "source"), "");
		screen_print(", %s, ", member(metric, "as_of"));
		print_text(member(metric, "method"), "");
	}
}

static void print_parts(const struct reporting *reporting, const json_t *row)
{
	const struct contest *contest = reporting->session->round->contest;
	const json_t *parts = json_object_get(row, "parts"),
		     *subtotals = json_object_get(row, "subtotals");
	bool english = reporting->english;
	char a[32], b[32];

	screen_print("| %s |\n|---|---:|---:|---:|---|\n",
	    english ? "Part | Value | Points | Out of | Basis" : "평가 | 값 | 점수 | 배점 | 근거");
	for (size_t p = 0; p < contest->stage.n_parts; p++) {
		const struct part *part = &contest->stage.parts[p];
		const json_t *cell = json_object_get(parts, part->id);

		screen_print("| ");
		print_text(in(&part->name, english), "");
		screen_print(" | %s | %s | %d | ", number(json_object_get(cell, "value"), a),
		    number(json_object_get(cell, "points"), b), part->weight);
		print_source(reporting, part);
		screen_print(" |\n");
	}
	for (size_t i = 0; i < contest->stage.n_subtotals; i++) {
		const struct subtotal *subtotal = &contest->stage.subtotals[i];
		screen_print("| %s: ", english ? "Subtotal" : "소계");
		print_text(in(&subtotal->name, english), "");
		screen_print(
		    " | | %s | | |\n", number(json_object_get(subtotals, subtotal->id), a));
	}
}

static void print_comments(const struct reporting *reporting, const json_t *comments)
{
	const struct contest *contest = reporting->session->round->contest;
	bool english = reporting->english;
	const json_t *comment;
	size_t i;

	if (json_array_size(comments) > 0)
		screen_print("\n## %s\n", english ? "Comments" : "의견");
	json_array_foreach(comments, i, comment)
	{
		int panel = contest_panel(contest, slice_text(member(comment, "panel")));
		screen_print("\n### ");
		print_text(panel >= 0 ? in(&contest->panels[panel].name, english)
				      : member(comment, "panel"),
		    "");
		screen_print(" · ");
		print_text(member(comment, "expert"), "");
		screen_print("\n\n> ");
		print_text(member(comment, "comment"), "> ");
		screen_print("\n");
	}
}

static void print_report(
    const struct reporting *reporting, const struct board *board, const json_t *report)
{
	const json_t *row = json_object_get(report, "row");
	const char *disqualified = json_string_value(json_object_get(row, "disqualified"));
	bool english = reporting->english;
	char points[32];

	print_head(reporting, board);
	print_parts(reporting, row);
	screen_print(
	    "\n%s: %s", english ? "Total" : "합계", number(json_object_get(row, "points"), points));
	if (json_is_integer(json_object_get(row, "rank")))
		screen_print(" · %s: %lld / %zu", english ? "Rank" : "순위",
		    (long long)json_integer_value(json_object_get(row, "rank")),
		    reporting->session->round->contest->n_entries);
	screen_print("\n");
	if (disqualified) {
		screen_print("\n%s: ", english ? "Disqualified" : "실격");
		print_text(disqualified, "");
		screen_print("\n");
	}
	print_comments(reporting, json_object_get(report, "comments"));
}

/* `annex` of the newest result, or NULL. */
static json_t *make_report(
    struct reporting *reporting, const struct board *board, const json_t *annex)
{
	const struct round *round = reporting->session->round;
	json_t *report =
	    standing_report_json(round->contest, &board->input, &board->standing, reporting->entry);
	json_t *row = find(json_object_get(json_object_get(annex, "standing"), "rows"), "entry",
	    round->contest->entries[reporting->entry].id);

	if (row)
		json_object_set(report, "row", row);
	json_object_set_new(report, "comments", comments_of(round, board, reporting->entry));
	reporting->experts = annex ? json_incref(json_object_get(annex, "experts"))
				   : board_all_experts(round->contest, board);
	reporting->metrics = annex ? json_object_get(annex, "metrics") : board->metrics;
	return report;
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
		json_t *annex = annex_of(board), *report = make_report(reporting, board, annex);
		if (session->options.json)
			session_print_json(report);
		else
			print_report(reporting, board, report);
		json_decref(report);
		json_decref(reporting->experts);
		json_decref(annex);
		session_done(session, EX_OK);
	}
}

static int run_report(const struct ctl *ctl, int argc, char **argv)
{
	struct session_options options;
	struct session session;
	struct reporting reporting = {.session = &session};
	const char *id, *lang = NULL;
	const struct ctl_option own[] = {{"lang", &lang, NULL}, {NULL, NULL, NULL}};
	size_t n;
	int status = session_arguments(ctl, argc, argv, own, 1, 1, &id, &n, &options);

	if (status == 0)
		status = session_language(ctl, lang, &reporting.english);
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
	screen_time_zone(session.round->contest->time_zone);
	board_read(&session.office, on_reported, &reporting);
	session_run(&session);
	return session_close(&session);
}

const struct ctl_command ctl_report = {
    .name = "report",
    .summary = "an entry's own report, with the experts' comments",
    .usage =
	"Usage: tallyctl -c FILE report ENTRY [--lang ko|en] [--contest C] [--json]\n"
	"\n"
	"For the team itself: its values and points in every part, its rank, and what the experts\n"
	"wrote about it; nothing of any other. Markdown in Korean, or with --lang en in English;\n"
	"or --json.\n",
    .run = run_report,
};
