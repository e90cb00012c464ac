/* Reads the desk at one moment, then the audit log up to there and the revisions of sheets.
 *
 *   redesk_check -> on_view -> on_entries (again and again) -> on_revisions (likewise) -> compare
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/redesk_impl.h"
#include "base/encode.h"
#include "office/record.h"
#include "office/sealing.h"

#define ENTRIES_AT_ONCE   200
#define REVISIONS_AT_ONCE 20 /* a sheet can have half a megabyte */

/* ---- what stands ---- */

/* Fields of the record that the desk keeps by itself. */
static bool is_own(enum desk_hash hash, struct slice field)
{
	return hash == DESK_RECORD &&
	       (slice_is(field, "n") || slice_is(field, "head") || slice_is(field, "version"));
}

/* JSON, and in the record plain words as well. */
static json_t *parse(enum desk_hash hash, struct slice value)
{
	json_t *json =
	    json_loadb(value.ptr, value.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);

	return json || hash != DESK_RECORD ? json : json_stringn(value.ptr, value.len);
}

static int keep(
    struct redoing *redoing, enum desk_hash hash, struct slice field, struct slice value)
{
	json_t *json = parse(hash, value);
	char *name = strndup(field.ptr ? field.ptr : "", field.len);
	int r = name ? 0 : -ENOMEM;

	if (r == 0 && !json)
		findings_add(redoing->findings, redesk_checks[hash], "%s, %s: cannot be read",
		    redesk_checks[hash], name);
	/* A name that is no text is no name of ours: it stands for itself under what is left. */
	if (r == 0 && json_object_set_new_nocheck(
			  redoing->actual[hash], name, json ? json : json_null()) != 0)
		r = -ENOMEM;
	free(name);
	return r;
}

/* 0 where the record cannot be read: that is found by comparing it. */
static uint64_t epoch_of(const struct desk_view *view)
{
	struct sealing sealing;
	uint64_t epoch = 0;

	if (sealing_read(view, &sealing) == 0) {
		epoch = sealing.epoch;
		sealing_release(&sealing);
	}
	return epoch;
}

static enum phase phase_of(const struct office *office, const struct desk_view *view)
{
	struct record record;

	return record_read(office_contest(office), view, &record) == 0
		   ? record.phase
		   : phase_by_hours(office_contest(office), desk_now_ms(view));
}

static int keep_view(struct redoing *redoing, const struct desk_view *view)
{
	struct slice head = desk_get(view, DESK_RECORD, "head");
	int r = 0;

	redoing->told->entries = desk_size(view);
	redoing->told->epoch = epoch_of(view);
	redoing->told->phase = phase_of(redoing->office, view);
	redoing->told->now_ms = desk_now_ms(view);
	if (head.len == sizeof(redoing->told->head))
		memcpy(redoing->told->head, head.ptr, head.len);
	for (int hash = 0; hash < DESK_HASHES; hash++) {
		for (size_t i = 0; i < desk_count(view, (enum desk_hash)hash) && r == 0; i++) {
			struct slice field, value;

			desk_at(view, (enum desk_hash)hash, i, &field, &value);
			if (!is_own((enum desk_hash)hash, field))
				r = keep(redoing, (enum desk_hash)hash, field, value);
		}
	}
	if (desk_version(view) > desk_size(view))
		findings_add(redoing->findings, "record",
		    "record: version %" PRIu64 " of %" PRIu64 " entries; each makes one at most",
		    desk_version(view), desk_size(view));
	return r;
}

static void on_view(void *arg, const struct desk_view *view)
{
	struct redoing *redoing = arg;

	await_done(&redoing->await, view ? keep_view(redoing, view) : -EIO);
}

/* ---- the audit log ---- */

static bool follows(const struct redoing *redoing, uint64_t n, const json_t *entry)
{
	const char *prev = json_string_value(json_object_get(entry, "prev"));
	uint8_t hash[32];
	size_t len;

	return prev && hex_decode(slice_text(prev), hash, sizeof(hash), &len) == 0 &&
	       len == sizeof(hash) && memcmp(hash, redoing->head, len) == 0 &&
	       (uint64_t)json_integer_value(json_object_get(entry, "n")) == n;
}

static int take_entry(struct redoing *redoing, const struct desk_entry *item)
{
	json_t *entry = json_loadb(item->json.ptr, item->json.len, JSON_REJECT_DUPLICATES, NULL);
	int r = 0;

	if (!follows(redoing, item->n, entry))
		findings_add(redoing->findings, "audit log",
		    "audit log, entry %" PRIu64 ": does not follow from the one before", item->n);
	desk_entry_hash(item->json, redoing->head);
	redoing->n = item->n;
	if (json_is_object(entry))
		r = redesk_replay(redoing, item->n, entry);
	json_decref(entry);
	return r;
}

static void on_entries(void *arg, int error, const struct desk_entry *entries, size_t n_entries)
{
	struct redoing *redoing = arg;
	uint64_t before = redoing->n;

	if (error == -EBADMSG) {
		findings_add(redoing->findings, "audit log",
		    "audit log: what comes after entry %" PRIu64 " cannot be read", before);
		n_entries = 0;
	} else if (error < 0) {
		await_done(&redoing->await, error);
		return;
	}
	for (size_t i = 0; i < n_entries && redoing->n < redoing->told->entries; i++) {
		int r = take_entry(redoing, &entries[i]);
		if (r < 0) {
			await_done(&redoing->await, r);
			return;
		}
	}
	if (redoing->n == before || redoing->n == redoing->told->entries)
		await_done(&redoing->await, 0);
	else
		desk_audit(redoing->office->desk, redoing->n, ENTRIES_AT_ONCE, on_entries, redoing);
}

static int read_entries(struct redoing *redoing)
{
	int r = 0;

	desk_genesis(redoing->office->round->name, redoing->head);
	if (redoing->told->entries > 0) {
		desk_audit(redoing->office->desk, 0, ENTRIES_AT_ONCE, on_entries, redoing);
		r = await(&redoing->await);
	}
	if (r < 0)
		return r;
	if (redoing->n < redoing->told->entries)
		findings_add(redoing->findings, "audit log",
		    "audit log: ends with entry %" PRIu64 "; the record names %" PRIu64 " of them",
		    redoing->n, redoing->told->entries);
	else if (redoing->n > 0 && memcmp(redoing->head, redoing->told->head, 32) != 0)
		findings_add(redoing->findings, "audit log",
		    "audit log, entry %" PRIu64
		    ": is not the one that the record names as the last",
		    redoing->n);
	return 0;
}

/* ---- revisions ---- */

static void on_revisions(
    void *arg, int error, const struct desk_revision *revisions, size_t n_revisions)
{
	struct redoing *redoing = arg;
	size_t taken = 0;

	if (error == -EBADMSG) {
		findings_add(redoing->findings, "sheets",
		    "sheets: revisions after entry %" PRIu64 " cannot be read",
		    redoing->last_revision);
	} else if (error < 0) {
		await_done(&redoing->await, error);
		return;
	}
	/* What was saved after the desk was read is not looked at. */
	while (taken < n_revisions && revisions[taken].n <= redoing->told->entries) {
		redesk_compare_revision(redoing, &revisions[taken]);
		redoing->last_revision = revisions[taken++].n;
		redoing->told->revisions++;
	}
	if (taken == 0 || taken < n_revisions)
		await_done(&redoing->await, 0);
	else
		desk_revisions(redoing->office->desk, redoing->last_revision, REVISIONS_AT_ONCE,
		    on_revisions, redoing);
}

/* ---- the whole ---- */

static int prepare(struct redoing *redoing)
{
	bool good = (redoing->revisions = json_object()) && (redoing->newest = json_object());

	for (int hash = 0; hash < DESK_HASHES && good; hash++)
		good = (redoing->actual[hash] = json_object()) &&
		       (redoing->expected[hash] = json_object());
	return good ? 0 : -ENOMEM;
}

static void release(struct redoing *redoing)
{
	for (int hash = 0; hash < DESK_HASHES; hash++) {
		json_decref(redoing->actual[hash]);
		json_decref(redoing->expected[hash]);
	}
	json_decref(redoing->revisions);
	json_decref(redoing->newest);
}

static int read_desk(struct redoing *redoing)
{
	static const struct desk_want wants[] = {{DESK_PEOPLE, NULL}, {DESK_SHEETS, NULL},
	    {DESK_RULINGS, NULL}, {DESK_METRICS, NULL}, {DESK_REQUESTS, NULL},
	    {DESK_RESULTS, NULL}};

	desk_read(redoing->office->desk, wants, sizeof(wants) / sizeof(*wants), on_view, redoing);
	return await(&redoing->await);
}

int redesk_check(struct office *office, struct event_base *base, const char *log_name,
    struct findings *findings, struct redesk *ret)
{
	struct redesk told = {.batches = json_object()};
	struct redoing redoing = {.office = office,
	    .await = {.base = base},
	    .findings = findings,
	    .told = &told,
	    .log_name = log_name};
	int r = told.batches ? prepare(&redoing) : -ENOMEM;

	if (r == 0)
		r = read_desk(&redoing);
	if (r == 0)
		r = read_entries(&redoing);
	if (r == 0) {
		desk_revisions(office->desk, 0, REVISIONS_AT_ONCE, on_revisions, &redoing);
		r = await(&redoing.await);
	}
	if (r == 0) {
		redesk_compare(&redoing);
		told.sheets = json_object_size(redoing.newest);
		*ret = told;
	} else {
		json_decref(told.batches);
	}
	release(&redoing);
	return r;
}
