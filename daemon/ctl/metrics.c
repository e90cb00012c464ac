/* tallyctl metrics: imports values that come from elsewhere, and lists those that stand. */
#include "office/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "contest/aggregate.h"
#include "ctl/csvfile.h"
#include "ctl/ctl.h"
#include "ctl/screen.h"
#include "ctl/session.h"

static const char usage[] =
    "Usage: tallyctl -c FILE metrics import FILE.csv --why TEXT [OPTION]…\n"
    "       tallyctl -c FILE metrics list [OPTION]…\n"
    "\n"
    "Imports the values of parts whose source is a metric, all of the file or nothing, or lists\n"
    "those that stand. The CSV file has a header row:\n"
    "\n"
    "    part,entry,value,source,as_of,method\n"
    "    bench-global,upstage,83.25,TTA,2026-12-20,average of five benchmarks\n"
    "\n"
    "A value has at most four decimals; a source in conflict with the entry is refused, one that\n"
    "the contest does not know is warned of, and no value is of a day to come. Values\n"
    "can be replaced until the result is certified; every version stays in the audit log. Where\n"
    "the contest wants two organisers (approvals: 2) a replacement waits for another one.\n"
    "\n"
    "      --contest ID    the contest, where FILE has several\n"
    "      --by NAME       who does it, for the audit log (the login name)\n"
    "      --token FILE    do it as the organiser whose token, or link, is in FILE\n"
    "      --json          print the outcome as JSON\n"
    "      --why TEXT      the reason, for the audit log\n"
    "      --for-correction  also when the result is certified: for tallyctl correct\n";

enum column { PART, ENTRY, VALUE, SOURCE, AS_OF, METHOD, COLUMNS };

static const struct csvfile_column columns[COLUMNS] = {
    [PART] = {"part", true},
    [ENTRY] = {"entry", true},
    [VALUE] = {"value", true},
    [SOURCE] = {"source", true},
    [AS_OF] = {"as_of", true},
    [METHOD] = {"method", true},
};

/* ---- importing ---- */

struct import {
	struct csvfile *csv;
	struct metric *metrics;
	size_t n;
};

static struct metric metric_of(const struct csvfile *csv, size_t row)
{
	return (struct metric){csvfile_get(csv, row, PART), csvfile_get(csv, row, ENTRY),
	    csvfile_get(csv, row, VALUE), csvfile_get(csv, row, SOURCE),
	    csvfile_get(csv, row, AS_OF), csvfile_get(csv, row, METHOD)};
}

static bool is_same_value(const struct metric *a, const struct metric *b)
{
	return strcmp(a->part, b->part) == 0 && strcmp(a->entry, b->entry) == 0;
}

static void check_repetition(struct import *import, size_t row)
{
	for (size_t i = 0; i < row; i++)
		if (is_same_value(&import->metrics[i], &import->metrics[row])) {
			csvfile_fault(import->csv, row, CSVFILE_ROW,
			    "the value of %s for %s stands in line %zu already.",
			    import->metrics[row].part, import->metrics[row].entry,
			    csvfile_line(import->csv, i));
			return;
		}
}

static int tell_faults(const struct csvfile *csv)
{
	csvfile_print_faults(csv, stderr);
	return ctl_fail(EX_DATAERR, "nothing was imported: %zu %s to be put right.",
	    csvfile_faults(csv), csvfile_faults(csv) == 1 ? "fault is" : "faults are");
}

static void check_row(struct import *import, const struct contest *contest, size_t row)
{
	char faults[METRIC_FAULTS_MAX][METRIC_WHY_MAX];
	size_t n = metric_faults(contest, &import->metrics[row], faults);
	for (size_t i = 0; i < n; i++)
		csvfile_fault(import->csv, row, CSVFILE_ROW, "%s", faults[i]);
	if (metric_is_future(&import->metrics[row], clock_wall_ms()))
		csvfile_fault(import->csv, row, CSVFILE_ROW, "as_of %s lies in the future.",
		    import->metrics[row].as_of);
	check_repetition(import, row);
}

static int check_rows(struct import *import, const struct contest *contest)
{
	if (!csvfile_is_read(import->csv))
		return tell_faults(import->csv);
	if (csvfile_rows(import->csv) > METRICS_MAX)
		return ctl_fail(EX_DATAERR, "one import has at most %d values; this file has %zu.",
		    METRICS_MAX, csvfile_rows(import->csv));
	import->metrics = calloc(csvfile_rows(import->csv) + 1, sizeof(*import->metrics));
	if (!import->metrics)
		return ctl_fail(EX_OSERR, "there is not enough memory.");
	for (import->n = 0; import->n < csvfile_rows(import->csv); import->n++) {
		import->metrics[import->n] = metric_of(import->csv, import->n);
		check_row(import, contest, import->n);
	}
	return csvfile_faults(import->csv) == 0 ? EX_OK : tell_faults(import->csv);
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static void tell_warnings(const struct session *session)
{
	size_t i;
	json_t *warning;
	json_array_foreach(json_object_get(session->verdict.members, "warnings"), i, warning)
	{
		screen_warn(json_string_value(warning));
	}
}

static void tell_import(const struct session *session)
{
	const json_t *members = session->verdict.members;
	const char *round = session_contest(session);
	if (session->options.json)
		session_print_json(members);
	else if (session->verdict.status == 202)
		screen_print(
		    "%s: the replacement waits for another organiser, who approves it:\n"
		    "  tallyctl -c %s approve %s --token FILE\n",
		    round, session->ctl->config,
		    json_string_value(json_object_get(members, "request")));
	else
		screen_print("%s: %lld new, %lld replaced.\n", round,
		    (long long)json_integer_value(json_object_get(members, "imported")),
		    (long long)json_integer_value(json_object_get(members, "replaced")));
}

static int import_rows(
    struct session *session, struct import *import, const char *path, bool for_correction)
{
	int status = check_rows(import, session->round->contest);
	if (status != EX_OK) {
		session->status = status;
		return session_close(session);
	}
	metrics_import(&session->office, import->metrics, import->n, file_name(path), session->who,
	    session->options.why, for_correction, session_keep, session);
	session_run(session);
	if (session->status == EX_OK) {
		tell_import(session);
		tell_warnings(session);
	}
	return session_close(session);
}

static int import_file(const struct ctl *ctl, const struct session_options *options,
    const char *path, bool for_correction)
{
	struct import import = {0};
	struct session session;
	int status, rc = csvfile_load(path, columns, COLUMNS, &import.csv);
	if (rc != 0)
		return ctl_fail(EX_NOINPUT, "%s: %s.", path, strerror(-rc));
	status = session_open(ctl, options, &session);
	if (status == EX_OK)
		status = import_rows(&session, &import, path, for_correction);
	free(import.metrics);
	csvfile_free(import.csv);
	return status;
}

/* ---- listing ---- */

struct listing {
	struct session *session;
	json_t *metrics; /* by part, then entry, in the contest's order */
};

static void take(
    struct listing *listing, const struct desk_view *view, const char *part, const char *entry)
{
	char field[DESK_FIELD_MAX];
	(void)snprintf(field, sizeof(field), "%s/%s", part, entry);
	struct slice value = desk_get(view, DESK_METRICS, field);
	if (!value.ptr)
		return;
	json_t *metric = json_loadb(value.ptr, value.len, JSON_REJECT_DUPLICATES, NULL);
	json_object_set_new(metric, "part", json_string(part));
	json_object_set_new(metric, "entry", json_string(entry));
	json_array_append_new(listing->metrics, metric);
}

static void on_metrics(void *arg, const struct desk_view *view)
{
	struct listing *listing = arg;
	const struct contest *contest = listing->session->round->contest;
	if (listing->session->done)
		return;
	for (size_t p = 0; view && p < contest->stage.n_parts; p++)
		for (size_t e = 0; e < contest->n_entries; e++)
			take(listing, view, contest->stage.parts[p].id, contest->entries[e].id);
	session_done(listing->session,
	    view ? EX_OK : ctl_fail(EX_UNAVAILABLE, "the record cannot be read now."));
}

static const char *text_of(const json_t *metric, const char *name)
{
	const char *text = json_string_value(json_object_get(metric, name));
	return text ? text : "";
}

static void print_metrics(const struct listing *listing)
{
	size_t i;
	json_t *metric;
	if (listing->session->options.json) {
		session_print_json(listing->metrics);
		return;
	}
	json_array_foreach(listing->metrics, i, metric)
	{
		screen_print("%-16s %-20s %12s  %s, %s, %s (version %lld)\n",
		    text_of(metric, "part"), text_of(metric, "entry"), text_of(metric, "value"),
		    text_of(metric, "source"), text_of(metric, "as_of"), text_of(metric, "method"),
		    (long long)json_integer_value(json_object_get(metric, "version")));
	}
	if (json_array_size(listing->metrics) == 0)
		screen_print("%s: no metric yet.\n", session_contest(listing->session));
}

static int list_metrics(const struct ctl *ctl, const struct session_options *options)
{
	struct session session;
	struct listing listing = {.session = &session};
	const struct desk_want want = {DESK_METRICS, NULL};
	int status = session_open(ctl, options, &session);
	if (status != EX_OK)
		return status;
	listing.metrics = json_array();
	desk_read(session.desk, &want, 1, on_metrics, &listing);
	session_run(&session);
	if (session.status == EX_OK)
		print_metrics(&listing);
	status = session_close(&session);
	json_decref(listing.metrics);
	return status;
}

/* ---- the command ---- */

static int run(const struct ctl *ctl, int argc, char **argv)
{
	const char *operands[2];
	bool for_correction = false;
	const struct ctl_option own[] = {
	    {"for-correction", NULL, &for_correction}, {NULL, NULL, NULL}};
	struct session_options options;
	size_t n;
	int status = session_arguments(ctl, argc, argv, own, 1, 2, operands, &n, &options);
	if (status != EX_OK)
		return status;
	if (strcmp(operands[0], "import") == 0 && n == 2) {
		status = session_wants_why(ctl, "metrics import", &options);
		return status == EX_OK ? import_file(ctl, &options, operands[1], for_correction)
				       : status;
	}
	if (strcmp(operands[0], "list") == 0 && n == 1)
		return list_metrics(ctl, &options);
	return ctl_misuse(ctl, "metrics takes import FILE.csv, or list.");
}

const struct ctl_command ctl_metrics = {
    "metrics", "import values that come from elsewhere, or list them", usage, run};
