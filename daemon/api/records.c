/* What organisers and observers read and take away: turnout by minute, the audit log, exports. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/app.h"
#include "api/bearer.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/encode.h"
#include "office/exports.h"
#include "office/lookout.h"

#define AUDIT_COUNT 200
#define AUDIT_MAX   1000
/* An entry may have hundreds of KiB. So a page ends early, and few are read at once. */
#define AUDIT_PAGE_BYTES (256 * 1024)
#define AUDIT_AT_ONCE    50
#define HEAD_ROOM        4096 /* for the reply's head */
#define EXPORT_MAX       (64 * 1024 * 1024)

/* One request on its way to an answer. */
struct reading {
	struct service *service;
	struct request *req;
	enum export_kind kind;
	bool csv, bom;
	uint64_t after; /* audit: entries seen */
	size_t left;    /* audit: entries asked for that are still to come */
	size_t bytes;   /* audit: of the entries gathered */
	json_t *page;   /* audit: the answer */
	json_t *table;  /* audit: rows gathered */
};

static void unavailable(struct request *req)
{
	reply_problem(
	    req, &(struct problem){.status = 503,
		     .type = "unavailable",
		     .title = "The contest cannot be read now",
		     .detail = "Redis does not answer at the moment, or its record is damaged; "
			       "the server's log says which. Ask again.",
		     .retry_after_s = 2});
}

static struct reading *reading_new(struct service *service, struct request *req)
{
	struct reading *reading = calloc(1, sizeof(*reading));

	if (!reading) {
		unavailable(req);
		return NULL;
	}
	reading->service = service;
	reading->req = req;
	return reading;
}

static void reading_free(struct reading *reading)
{
	json_decref(reading->table);
	json_decref(reading->page);
	free(reading);
}

/* The number behind "name=" in the query, or `fallback`. */
static uint64_t query_number(const struct request *req, const char *name, uint64_t fallback)
{
	char text[DECIMAL_SIZE];

	if (request_query(req, name, text, sizeof(text)) != 0 || text[0] == '\0' ||
	    text[strspn(text, "0123456789")] != '\0')
		return fallback;
	uint64_t number = strtoull(text, NULL, 10); /* the largest where it is larger */
	return number < INT64_MAX ? number : INT64_MAX;
}

/* ---- turnout ---- */

static void on_minutes(void *arg, int error, const struct desk_minute *minutes, size_t n_minutes)
{
	struct reading *reading = arg;

	if (error != 0) {
		unavailable(reading->req);
	} else {
		json_t *list = json_array();
		for (size_t i = 0; i < n_minutes; i++) {
			json_t *sample =
			    json_loadb(minutes[i].counters.ptr, minutes[i].counters.len, 0, NULL);
			char at[CLOCK_TEXT_SIZE];
			json_object_set_new(sample, "at",
			    json_string(clock_format(minutes[i].minute * 60000, 1, at)));
			json_array_append_new(list, sample);
		}
		reply_json(reading->req, 200, json_pack("{s:o}", "minutes", list), NULL, 0);
	}
	reading_free(reading);
}

static void turnout_admitted(struct service *service, struct request *req,
    const struct bearer *bearer, const struct person *person)
{
	struct reading *reading = reading_new(service, req);
	(void)bearer;
	(void)person;

	if (reading)
		desk_turnout(service->desk, on_minutes, reading);
}

void records_turnout(void *app, struct request *req)
{
	struct service *service = app_service(app, req);

	if (service)
		bearer_admit(service, req, ROLE_ORGANISER | ROLE_OBSERVER, turnout_admitted);
}

/* ---- the audit log ---- */

/* False when the page ends before this entry; the first always fits. */
static bool take_entry(struct reading *reading, const struct desk_entry *entry)
{
	struct slice text = entry->json;

	if (reading->bytes > 0 && reading->bytes + text.len > AUDIT_PAGE_BYTES)
		return false;
	json_array_append_new(
	    json_object_get(reading->page, "entries"), json_loadb(text.ptr, text.len, 0, NULL));
	json_array_append_new(
	    json_object_get(reading->page, "raw"), json_stringn(text.ptr, text.len));
	reading->bytes += text.len;
	reading->after = entry->n;
	reading->left--;
	return true;
}

static void on_entries(void *arg, int error, const struct desk_entry *entries, size_t n_entries);

static void read_entries(struct reading *reading)
{
	desk_audit(reading->service->desk, reading->after,
	    reading->left < AUDIT_AT_ONCE ? reading->left : AUDIT_AT_ONCE, on_entries, reading);
}

static void on_entries(void *arg, int error, const struct desk_entry *entries, size_t n_entries)
{
	struct reading *reading = arg;
	size_t taken = 0;

	while (taken < n_entries && take_entry(reading, &entries[taken]))
		taken++;
	if (error == 0 && taken == AUDIT_AT_ONCE && reading->left > 0) {
		read_entries(reading);
		return;
	}
	if (error != 0)
		unavailable(reading->req);
	else
		reply_json(reading->req, 200, json_incref(reading->page), NULL, 0);
	reading_free(reading);
}

static void audit_admitted(struct service *service, struct request *req,
    const struct bearer *bearer, const struct person *person)
{
	struct reading *reading = reading_new(service, req);
	uint64_t count = query_number(req, "count", AUDIT_COUNT);
	(void)bearer;
	(void)person;

	if (!reading)
		return;
	reading->after = query_number(req, "after", 0);
	reading->left = count < AUDIT_MAX ? (size_t)count : AUDIT_MAX;
	reading->page =
	    json_pack("{s:[], s:[], s:s}", "entries", "raw", "round", service->round->name);
	read_entries(reading);
}

void records_audit(void *app, struct request *req)
{
	struct service *service = app_service(app, req);

	if (service)
		bearer_admit(service, req, ROLE_ORGANISER | ROLE_OBSERVER, audit_admitted);
}

/* ---- exports ---- */

static void reply_text(struct reading *reading, struct buf *text, const char *type)
{
	char disposition[160];

	snprintf(disposition, sizeof(disposition), "attachment; filename=\"%s-%s.%s\"",
	    reading->service->round->contest->id, export_name(reading->kind),
	    reading->csv                    ? "csv"
	    : reading->kind == EXPORT_AUDIT ? "ndjson"
					    : "json");
	const struct reply_header headers[] = {{"Content-Disposition", disposition}};
	reply_bytes(reading->req, 200, type, buf_slice(text), headers, 1);
}

/* A connection holds no more than limits.output of what its peer has not taken yet. */
static void too_large(struct reading *reading)
{
	reply_problem(reading->req,
	    &(struct problem){.status = 413,
		.type = "too-large-export",
		.title = "The table is too large for one answer",
		.detail = "It is larger than this server sends at once (limits.output). tallyctl "
			  "export has no such limit; the audit log comes in pages from …/audit."});
}

/* Every entry's own bytes, a line each: what its hash goes over. */
static int append_lines(const json_t *table, struct buf *out)
{
	size_t i;
	json_t *row;
	int rc = 0;

	json_array_foreach(json_object_get(table, "rows"), i, row)
	{
		if (rc == 0)
			rc = buf_printf(out, "%s\n", json_string_value(json_array_get(row, 5)));
	}
	return rc;
}

static int append_objects(const json_t *table, struct buf *out)
{
	json_t *objects = export_objects(table);
	char *text = objects ? json_dumps(objects, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) : NULL;
	int rc = text ? buf_printf(out, "%s\n", text) : -ENOMEM;

	free(text);
	json_decref(objects);
	return rc;
}

static void reply_table(struct reading *reading, const json_t *table)
{
	struct buf text;
	const char *type = "text/csv; charset=utf-8";
	int rc;

	buf_init(&text, EXPORT_MAX);
	if (!table) {
		rc = -ENOMEM;
	} else if (reading->csv) {
		rc = export_csv(table, reading->bom, &text);
	} else if (reading->kind == EXPORT_AUDIT) {
		type = "application/x-ndjson";
		rc = append_lines(table, &text);
	} else {
		type = "application/json";
		rc = append_objects(table, &text);
	}
	size_t most = (size_t)reading->service->app->settings->limits.output_bytes;
	if (rc == 0 && text.len + HEAD_ROOM > most)
		too_large(reading);
	else if (rc == 0)
		reply_text(reading, &text, type);
	else
		unavailable(reading->req);
	buf_release(&text);
}

static void on_board(void *arg, const struct board *board, const struct count *count)
{
	struct reading *reading = arg;
	const struct round *round = reading->service->round;

	if (!board) {
		unavailable(reading->req);
	} else if (export_is_closed(round->contest, board, reading->kind)) {
		reply_problem(reading->req,
		    &(struct problem){.status = 403,
			.type = "not-yet",
			.title = "Not before the close",
			.detail =
			    "Single sheets, comments, and the standing are kept from everybody "
			    "until the contest has closed."});
	} else {
		json_t *table =
		    export_table(round->contest, board, count, round->keys.salt, reading->kind);
		reply_table(reading, table);
		json_decref(table);
	}
	reading_free(reading);
}

static void on_samples(void *arg, int error, const struct desk_minute *minutes, size_t n_minutes)
{
	struct reading *reading = arg;
	json_t *table = error == 0
			    ? export_turnout(reading->service->round->contest, minutes, n_minutes)
			    : NULL;

	reply_table(reading, table);
	json_decref(table);
	reading_free(reading);
}

/* The log comes in pieces, since a call must not hold Redis for long. */
static void on_piece(void *arg, int error, const struct desk_entry *entries, size_t n_entries)
{
	struct reading *reading = arg;
	json_t *piece = error == 0 ? export_audit(entries, n_entries) : NULL;

	if (piece && reading->table)
		json_array_extend(
		    json_object_get(reading->table, "rows"), json_object_get(piece, "rows"));
	else if (piece)
		reading->table = json_incref(piece);
	json_decref(piece);
	if (piece && n_entries == AUDIT_MAX) {
		reading->after = entries[n_entries - 1].n;
		desk_audit(reading->service->desk, reading->after, AUDIT_MAX, on_piece, reading);
		return;
	}
	reply_table(reading, error == 0 ? reading->table : NULL);
	reading_free(reading);
}

/* "tally.csv" into kind and form. */
static bool parse_name(struct slice name, struct reading *reading)
{
	struct slice kind = name;

	while (kind.len > 0 && kind.ptr[kind.len - 1] != '.')
		kind.len--;
	if (kind.len == 0)
		return false;
	struct slice form = slice_make(kind.ptr + kind.len, name.len - kind.len);
	kind.len--;
	reading->csv = slice_is(form, "csv");
	return (reading->csv || slice_is(form, "json") || slice_is(form, "ndjson")) &&
	       export_parse(kind, &reading->kind) == 0;
}

static void export_admitted(struct service *service, struct request *req,
    const struct bearer *bearer, const struct person *person)
{
	struct reading *reading = reading_new(service, req);
	(void)bearer;
	(void)person;

	if (!reading)
		return;
	reading->bom = query_number(req, "bom", 0) == 1;
	if (!parse_name(req->params[1], reading)) {
		reply_problem(req,
		    &(struct problem){.status = 404,
			.type = "no-such-export",
			.title = "No such export",
			.detail =
			    "There are tally, turnout, experts, sheets, comments, standing, and "
			    "audit, each with .csv or .json."});
		reading_free(reading);
	} else if (reading->kind == EXPORT_TURNOUT) {
		desk_turnout(service->desk, on_samples, reading);
	} else if (reading->kind == EXPORT_AUDIT) {
		desk_audit(service->desk, 0, AUDIT_MAX, on_piece, reading);
	} else {
		lookout_look(service->lookout, LOOK_ALL, on_board, reading);
	}
}

void records_export(void *app, struct request *req)
{
	struct service *service = app_service(app, req);

	if (service)
		bearer_admit(service, req, ROLE_ORGANISER | ROLE_OBSERVER, export_admitted);
}
