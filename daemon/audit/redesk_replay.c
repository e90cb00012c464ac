/* What each act of the audit log leaves at the desk. The one table of it outside of office/,
 * written from the entries' descriptions and not from the code that writes them, so that both have
 * to be wrong to agree on something wrong. */
#include "audit/redesk_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "contest/aggregate.h"

#define REFUSED_FOR_MS 60000 /* so long refusals of sheets are gathered: office/sheet_offence.c */

struct step {
	struct redoing *redoing;
	uint64_t n;
	const json_t *entry;
	json_int_t at_ms;
	const char *act, *who;
};

static const char *text(const struct step *step, const char *name)
{
	const char *value = json_string_value(json_object_get(step->entry, name));

	return value ? value : "";
}

static json_t *copy(const struct step *step, const char *name)
{
	const json_t *value = json_object_get(step->entry, name);

	return value ? json_deep_copy(value) : json_null();
}

/* ---- changing what is expected ---- */

static json_t *get(const struct step *step, enum desk_hash hash, const char *field)
{
	return json_object_get(step->redoing->expected[hash], field);
}

/* Takes over the value; NULL is a want of memory. */
static int set(const struct step *step, enum desk_hash hash, const char *field, json_t *value)
{
	return json_object_set_new(step->redoing->expected[hash], field, value) == 0 ? 0 : -ENOMEM;
}

static int unset(const struct step *step, enum desk_hash hash, const char *field)
{
	(void)json_object_del(step->redoing->expected[hash], field);
	return 0;
}

static int set_record(const struct step *step, const char *field, json_t *value)
{
	return set(step, DESK_RECORD, field, value);
}

static int set_now(const struct step *step, const char *field)
{
	return set_record(step, field, json_integer(step->at_ms));
}

/* ---- acts on the phase ---- */

static int do_open(const struct step *step)
{
	/* The hours open by themselves; organisers bring the hour forward. */
	int r = strcmp(step->who, "hours") == 0 ? 0 : set_now(step, "opens");

	return r == 0 ? set_now(step, "opened") : r;
}

static int do_phase(const struct step *step)
{
	static const struct {
		const char *act, *phase;
	} phases[] = {
	    {"pause", "paused"}, {"resume", ""}, {"close", "closed"}, {"publish", "provisional"}};
	bool ends = strcmp(step->act, "close") == 0 || strcmp(step->act, "publish") == 0;
	const char *phase = "";
	int r = 0;

	for (size_t i = 0; i < sizeof(phases) / sizeof(*phases); i++)
		if (strcmp(step->act, phases[i].act) == 0)
			phase = phases[i].phase;
	if (ends && !get(step, DESK_RECORD, "closed"))
		r = set_now(step, "closed");
	return r == 0 ? set_record(step, "phase", json_string(phase)) : r;
}

static int do_extend(const struct step *step)
{
	int64_t closes_ms = 0;

	(void)!clock_parse(slice_text(text(step, "closes_at")), &closes_ms);
	return set_record(step, "closes", json_integer(closes_ms));
}

static int do_notice(const struct step *step)
{
	if (json_is_null(json_object_get(step->entry, "notice")))
		return unset(step, DESK_RECORD, "notice");
	return set_record(step, "notice", copy(step, "notice"));
}

static int do_result(const struct step *step)
{
	char version[24];
	bool certify = strcmp(step->act, "certify") == 0;
	int r = set_record(step, "phase", json_string(certify ? "certified" : "corrected"));

	(void)snprintf(version, sizeof(version), "%" JSON_INTEGER_FORMAT,
	    json_integer_value(json_object_get(step->entry, "version")));
	return r == 0 ? set(step, DESK_RESULTS, version,
			    json_pack("{s:s, s:s, s:s, s:s}", "sha256", text(step, "sha256"), "who",
				step->who, "why", text(step, "why"), "kind",
				certify ? "certified" : "corrected"))
		      : r;
}

/* ---- the log's halt and epochs: office/sealing.h ---- */

static int do_halt(const struct step *step)
{
	return set_record(step, "halt",
	    json_pack("{s:O?, s:s, s:I}", "shard", json_object_get(step->entry, "shard"), "why",
		text(step, "why"), "at", step->at_ms));
}

static int do_epoch(const struct step *step)
{
	(void)unset(step, DESK_RECORD, "halt");
	return set_record(step, "epoch",
	    json_pack("{s:O?, s:I, s:O?}", "epoch", json_object_get(step->entry, "epoch"), "at",
		step->at_ms, "old", json_object_get(step->entry, "old")));
}

/* ---- people ---- */

static int invite(const struct step *step, const json_t *guest)
{
	static const char *const members[] = {"role", "name", "affiliation", "panel"};
	const char *id = json_string_value(json_object_get(guest, "person"));
	json_t *person = json_pack("{s:I}", "issued", step->at_ms);

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		json_t *value = json_object_get(guest, members[i]);
		if (json_is_string(value) && json_object_set(person, members[i], value) != 0)
			break;
	}
	return set(step, DESK_PEOPLE, id ? id : "", person);
}

static int do_invite(const struct step *step)
{
	const json_t *people = json_object_get(step->entry, "people"), *guest;
	size_t i;
	int r = 0;

	json_array_foreach(people, i, guest)
	{
		r = r == 0 ? invite(step, guest) : r;
	}
	return r;
}

/* What an entry says of somebody whom no entry has invited becomes a difference later. */
static int set_person(const struct step *step, const char *member, json_t *value)
{
	const char *id = text(step, "person");
	json_t *person = get(step, DESK_PEOPLE, id);
	int r = 0;

	if (!person) {
		r = set(step, DESK_PEOPLE, id, json_object());
		person = get(step, DESK_PEOPLE, id);
	}
	if (json_object_set_new(person, member, value) != 0)
		r = -ENOMEM;
	return r;
}

static int do_revoke(const struct step *step)
{
	int r = set_person(step, "revoked", json_integer(step->at_ms));

	return r == 0 ? set_person(step, "revoked_why", copy(step, "why")) : r;
}

static int do_pledge(const struct step *step)
{
	return set_person(step, "pledged", json_integer(step->at_ms));
}

/* ---- sheets ---- */

static int do_sheet(const struct step *step)
{
	struct redoing *redoing = step->redoing;
	const char *person = text(step, "person");
	bool submitted = strcmp(step->act, "sheet.submitted") == 0;
	char number[24];
	int r = set(step, DESK_SHEETS, person,
	    json_pack("{s:O?, s:s, s:I}", "revision", json_object_get(step->entry, "revision"),
		"state", submitted ? "submitted" : "draft", "saved", step->at_ms));

	(void)snprintf(number, sizeof(number), "%" PRIu64, step->n);
	if (json_object_set_new(redoing->revisions, number,
		json_pack("{s:s, s:s}", "person", person, "sheet", text(step, "sheet"))) != 0 ||
	    json_object_set_new(redoing->newest, person, json_integer((json_int_t)step->n)) != 0)
		r = -ENOMEM;
	return r;
}

static bool lists(const json_t *list, const json_t *one)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (json_equal(item, one))
			return true;
	}
	return false;
}

static int do_refused(const struct step *step)
{
	const json_t *tried = json_object_get(step->entry, "entries");
	char field[DESK_FIELD_MAX];
	json_t *noted, *one;
	size_t i;
	int r = 0;

	(void)snprintf(field, sizeof(field), "refused/%s", text(step, "person"));
	noted = get(step, DESK_SHEETS, field);
	if (!noted ||
	    json_integer_value(json_object_get(noted, "at")) <= step->at_ms - REFUSED_FOR_MS) {
		r = set(step, DESK_SHEETS, field,
		    json_pack("{s:I, s:[]}", "at", step->at_ms, "entries"));
		noted = get(step, DESK_SHEETS, field);
	}
	json_t *listed = json_object_get(noted, "entries");
	json_array_foreach(tried, i, one)
	{
		if (!lists(listed, one) && json_array_append(listed, one) != 0)
			r = -ENOMEM;
	}
	return r;
}

/* ---- rulings ---- */

static char *field_of(const struct step *step, const char *kind, char ret_field[DESK_FIELD_MAX])
{
	(void)snprintf(
	    ret_field, DESK_FIELD_MAX, "%s/%s/%s", kind, text(step, "person"), text(step, "entry"));
	return ret_field;
}

static int exclude(const struct step *step, const char *kind)
{
	char field[DESK_FIELD_MAX];

	return set(step, DESK_RULINGS, field_of(step, "recusal", field),
	    json_pack("{s:s, s:s, s:s, s:I}", "kind", kind, "why", text(step, "why"), "who",
		step->who, "at", step->at_ms));
}

static int do_recusal(const struct step *step)
{
	return exclude(step, "recusal");
}

static int do_challenge(const struct step *step)
{
	char field[DESK_FIELD_MAX];

	field_of(step, "challenge", field);
	if (strcmp(text(step, "decision"), "upheld") == 0) {
		(void)unset(step, DESK_RULINGS, field);
		return exclude(step, "challenge");
	}
	return set(step, DESK_RULINGS, field,
	    json_pack("{s:s, s:s, s:s, s:I}", "decision", text(step, "decision"), "why",
		text(step, "why"), "who", step->who, "at", step->at_ms));
}

static int do_lift(const struct step *step)
{
	char field[DESK_FIELD_MAX];

	return unset(step, DESK_RULINGS, field_of(step, "recusal", field));
}

static int do_disqualify(const struct step *step)
{
	char field[DESK_FIELD_MAX];

	(void)snprintf(field, sizeof(field), "disqualified/%s", text(step, "entry"));
	if (strcmp(step->act, "requalify") == 0)
		return unset(step, DESK_RULINGS, field);
	return set(step, DESK_RULINGS, field,
	    json_pack("{s:O?, s:s, s:I}", "why", json_object_get(step->entry, "reason"), "who",
		step->who, "at", step->at_ms));
}

/* ---- metrics ---- */

/* 83.20 is stored as 83.2. */
static json_t *plain_value(const json_t *value)
{
	int64_t value_e4;
	char plain[24];

	if (!json_is_string(value) || fixed_parse(json_string_value(value), &value_e4) != 0)
		return json_null();
	return json_string(fixed_text(value_e4, plain));
}

static int set_metric(const struct step *step, const json_t *row)
{
	static const char *const members[] = {"source", "as_of", "method"};
	const char *part = json_string_value(json_object_get(row, "part"));
	const char *entry = json_string_value(json_object_get(row, "entry"));
	json_t *metric = json_pack("{s:o}", "value", plain_value(json_object_get(row, "value")));
	char field[DESK_FIELD_MAX];
	bool same;

	(void)snprintf(field, sizeof(field), "%s/%s", part ? part : "", entry ? entry : "");
	const json_t *stands = get(step, DESK_METRICS, field);
	same = stands &&
	       json_equal(json_object_get(stands, "value"), json_object_get(metric, "value"));
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		json_t *value = json_object_get(row, members[i]);
		same = same && json_equal(json_object_get(stands, members[i]), value);
		(void)json_object_set(metric, members[i], value);
	}
	if (same) { /* what stands already is not stored anew */
		json_decref(metric);
		return 0;
	}
	json_int_t version = json_integer_value(json_object_get(stands, "version")) + 1;
	if (json_object_set_new(metric, "version", json_integer(version)) != 0 ||
	    json_object_set_new(metric, "at", json_integer(step->at_ms)) != 0 ||
	    json_object_set_new(metric, "who", json_string(step->who)) != 0) {
		json_decref(metric);
		return -ENOMEM;
	}
	return set(step, DESK_METRICS, field, metric);
}

static int do_metrics(const struct step *step)
{
	const json_t *row;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(step->entry, "metrics"), i, row)
	{
		r = r == 0 ? set_metric(step, row) : r;
	}
	return r;
}

/* ---- requests ---- */

static int do_request(const struct step *step)
{
	return set(step, DESK_REQUESTS, text(step, "request"),
	    json_pack("{s:O?, s:s, s:I, s:s}", "act", json_object_get(step->entry, "requested"),
		"who", step->who, "at", step->at_ms, "why", text(step, "why")));
}

/* ---- invitation codes: nothing at the desk, and how large a batch is to be ---- */

static int do_codes(const struct step *step)
{
	char number[24];

	(void)snprintf(number, sizeof(number), "%" PRIu64, step->n);
	return json_object_set_new(step->redoing->told->batches, number,
		   json_pack("{s:O?, s:b}", "count", json_object_get(step->entry, "count"), "off",
		       0)) == 0
		   ? 0
		   : -ENOMEM;
}

static int do_codes_revoked(const struct step *step)
{
	json_int_t count = json_integer_value(json_object_get(step->entry, "count"));
	char number[24];
	json_t *batch;

	if (count > 0)
		step->redoing->told->codes_revoked += (uint64_t)count;
	(void)snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
	    json_integer_value(json_object_get(step->entry, "batch")));
	batch = json_object_get(step->redoing->told->batches, number);
	return !batch || json_object_set_new(batch, "off", json_true()) == 0 ? 0 : -ENOMEM;
}

/* ---- what is kept of persons: office/persons.h ---- */

static int do_forgotten(const struct step *step)
{
	step->redoing->told->forgotten = step->n;
	step->redoing->told->persons =
	    (uint64_t)json_integer_value(json_object_get(step->entry, "persons"));
	return set_now(step, "forgotten");
}

static int do_nothing(const struct step *step)
{
	(void)step;
	return 0;
}

/* ---- the table ---- */

static const struct {
	const char *act;
	int (*leaves)(const struct step *step);
} acts[] = {
    {"open", do_open},
    {"pause", do_phase},
    {"resume", do_phase},
    {"close", do_phase},
    {"publish", do_phase},
    {"extend", do_extend},
    {"notice", do_notice},
    {"certify", do_result},
    {"correct", do_result},
    {"log.halted", do_halt},
    {"log.new-epoch", do_epoch},
    {"invite", do_invite},
    {"revoke", do_revoke},
    {"pledge.given", do_pledge},
    {"sheet.saved", do_sheet},
    {"sheet.submitted", do_sheet},
    {"sheet.withdrawn", do_sheet},
    {"sheet.refused", do_refused},
    {"ruling.recusal", do_recusal},
    {"ruling.challenge", do_challenge},
    {"ruling.lifted", do_lift},
    {"disqualify", do_disqualify},
    {"requalify", do_disqualify},
    {"metrics", do_metrics},
    {"request.made", do_request},
    {"request.rejected", do_nothing},
    {"codes.made", do_codes},
    {"codes.revoked", do_codes_revoked},
    {"persons.forgotten", do_forgotten},
};

int redesk_replay(struct redoing *redoing, uint64_t n, const json_t *entry)
{
	struct step step = {.redoing = redoing, .n = n, .entry = entry};
	int64_t at_ms;

	step.act = text(&step, "act");
	step.who = text(&step, "who");
	if (clock_parse(slice_text(text(&step, "at")), &at_ms) != 0) {
		findings_add(
		    redoing->findings, "audit log", "audit log, entry %" PRIu64 ": has no time", n);
		return 0;
	}
	step.at_ms = at_ms;
	/* What was asked for is decided with whatever else names the request. */
	if (strcmp(step.act, "request.made") != 0 && *text(&step, "request"))
		(void)unset(&step, DESK_REQUESTS, text(&step, "request"));
	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++)
		if (strcmp(step.act, acts[i].act) == 0)
			return acts[i].leaves(&step);
	findings_add(redoing->findings, "audit log",
	    "audit log, entry %" PRIu64 ": \"%s\" is no act that this program knows", n, step.act);
	return 0;
}
