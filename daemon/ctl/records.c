/* tallyctl export: taking away what the desk keeps, as tables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ctl/session.h"
#include "office/exports.h"

#define PIECE      1000
#define EXPORT_MAX (256 * 1024 * 1024)

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
