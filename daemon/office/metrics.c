/* Metrics as an act: checks rows, compares them with those that stand, and stores versions. */
#include "office/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "contest/aggregate.h"
#include "contest/conflict.h"
#include "office/act.h"
#include "office/acts.h"

#define VALUE_MAX_E4   (INT64_C(1000000000) * FIXED_ONE)
#define SOURCE_MAX     100 /* characters */
#define METHOD_MAX     300
#define FILE_NAME_MAX  200
#define METRIC_MEMBERS 6

/* ---- one row ---- */

__attribute__((format(printf, 2, 3))) static int refuse(
    char ret_why[METRIC_WHY_MAX], const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)vsnprintf(ret_why, METRIC_WHY_MAX, format, args);
	va_end(args);
	return -EINVAL;
}

static int check_part(const struct contest *contest, const char *id, char ret_why[METRIC_WHY_MAX])
{
	char quoted[48];
	int part = contest_part(contest, slice_text(id));
	if (part < 0)
		return refuse(
		    ret_why, "there is no part \"%s\" in this contest.", act_quote(id, quoted));
	if (contest->stage.parts[part].source != PART_METRIC)
		return refuse(ret_why,
		    "the part \"%s\" is made from %s, not from metrics, and takes none.", id,
		    contest->stage.parts[part].source == PART_CITIZENS ? "the citizens' votes"
								       : "a panel's sheets");
	return 0;
}

/* Points are value / out_of: a value beyond would be more than the part weighs, or less than none.
 */
static int check_points(const struct contest *contest, const struct metric *metric,
    int64_t value_e4, char ret_why[METRIC_WHY_MAX])
{
	int index = contest_part(contest, slice_text(metric->part));
	const struct part *part = index >= 0 ? &contest->stage.parts[index] : NULL;
	char quoted[48];
	if (!part || part->source != PART_METRIC || part->scale != SCALE_POINTS ||
	    part->out_of <= 0)
		return 0;
	if (value_e4 < 0)
		return refuse(ret_why, "the value %s is below 0; the part \"%s\" is out of %d.",
		    act_quote(metric->value, quoted), part->id, part->out_of);
	if (value_e4 > part->out_of * (int64_t)FIXED_ONE)
		return refuse(ret_why, "the value %s is above %d, which the part \"%s\" is out of.",
		    act_quote(metric->value, quoted), part->out_of, part->id);
	return 0;
}

static int check_value(
    const struct contest *contest, const struct metric *metric, char ret_why[METRIC_WHY_MAX])
{
	const char *value = metric->value;
	int64_t value_e4;
	char quoted[48];
	if (fixed_parse(value, &value_e4) != 0)
		return refuse(ret_why,
		    "\"%s\" is no value; a number with at most four decimals is, such as 83.25.",
		    act_quote(value, quoted));
	if (value_e4 > VALUE_MAX_E4 || value_e4 < -VALUE_MAX_E4)
		return refuse(ret_why, "the value %s is out of range: -1000000000 to 1000000000.",
		    act_quote(value, quoted));
	return check_points(contest, metric, value_e4, ret_why);
}

static int check_text(const char *name, const char *text, long max, char ret_why[METRIC_WHY_MAX])
{
	long n = act_text_length(text);
	if (n > 0 && n <= max)
		return 0;
	return refuse(ret_why, "%s must be plain text of 1 to %ld characters.", name, max);
}

/* A day of the calendar, "2026-12-20". */
static int check_date(const char *date, char ret_why[METRIC_WHY_MAX])
{
	char text[32], quoted[48];
	int64_t ms;
	if (strlen(date) == strlen("2026-12-20")) {
		(void)snprintf(text, sizeof(text), "%sT00:00:00Z", date);
		if (clock_parse(slice_text(text), &ms) == 0)
			return 0;
	}
	return refuse(
	    ret_why, "\"%s\" is no date; write it as 2026-12-20.", act_quote(date, quoted));
}

static int check_source(
    const struct contest *contest, const struct metric *metric, char ret_why[METRIC_WHY_MAX])
{
	int rc = check_text("source", metric->source, SOURCE_MAX, ret_why);
	int entry = contest_entry(contest, slice_text(metric->entry));
	const struct organisation *with =
	    rc == 0 && entry >= 0 ? conflict_of(contest, metric->source, (size_t)entry) : NULL;
	char quoted[48];
	if (rc != 0 || !with)
		return rc;
	return refuse(ret_why,
	    "the source \"%s\" is in conflict with %s, whose team has %s in it; the value must "
	    "come "
	    "from elsewhere.",
	    act_quote(metric->source, quoted), metric->entry, with->id);
}

static int check_entry(const struct contest *contest, const char *id, char ret_why[METRIC_WHY_MAX])
{
	char quoted[48];
	if (contest_entry(contest, slice_text(id)) >= 0)
		return 0;
	return refuse(ret_why, "there is no entry \"%s\" in this contest.", act_quote(id, quoted));
}

size_t metric_faults(const struct contest *contest, const struct metric *metric,
    char ret_why[METRIC_FAULTS_MAX][METRIC_WHY_MAX])
{
	size_t n = 0;
	n += check_part(contest, metric->part, ret_why[n]) != 0;
	n += check_entry(contest, metric->entry, ret_why[n]) != 0;
	n += check_value(contest, metric, ret_why[n]) != 0;
	n += check_source(contest, metric, ret_why[n]) != 0;
	n += check_date(metric->as_of, ret_why[n]) != 0;
	n += check_text("method", metric->method, METHOD_MAX, ret_why[n]) != 0;
	return n;
}

int metric_check(
    const struct contest *contest, const struct metric *metric, char ret_why[METRIC_WHY_MAX])
{
	char faults[METRIC_FAULTS_MAX][METRIC_WHY_MAX];
	if (metric_faults(contest, metric, faults) == 0)
		return 0;
	return refuse(ret_why, "%s", faults[0]);
}

/* ---- the rows of an act ---- */

static const char *text_of(const json_t *row, const char *name)
{
	return json_string_value(json_object_get(row, name));
}

static bool read_row(const json_t *row, struct metric *ret)
{
	*ret = (struct metric){text_of(row, "part"), text_of(row, "entry"), text_of(row, "value"),
	    text_of(row, "source"), text_of(row, "as_of"), text_of(row, "method")};
	return json_object_size(row) == METRIC_MEMBERS && ret->part && ret->entry && ret->value &&
	       ret->source && ret->as_of && ret->method;
}

static char *metric_field(const struct metric *metric, char ret_field[DESK_FIELD_MAX])
{
	(void)snprintf(ret_field, DESK_FIELD_MAX, "%s/%s", metric->part, metric->entry);
	return ret_field;
}

static int check_row(
    const struct contest *contest, const json_t *row, json_t *seen, char ret_why[METRIC_WHY_MAX])
{
	struct metric metric;
	char field[DESK_FIELD_MAX];
	if (!read_row(row, &metric))
		return refuse(ret_why,
		    "a metric is {\"part\",\"entry\",\"value\",\"source\","
		    "\"as_of\",\"method\"}, all of them texts.");
	int rc = metric_check(contest, &metric, ret_why);
	if (rc != 0)
		return rc;
	metric_field(&metric, field);
	if (json_object_get(seen, field))
		return refuse(ret_why, "%s is given twice.", field);
	return json_object_set_new(seen, field, json_true()) == 0 ? 0 : -ENOMEM;
}

int metrics_check(const struct contest *contest, const json_t *act, char ret_why[ACT_WHY_MAX])
{
	const json_t *rows = json_object_get(act, "metrics"), *file = json_object_get(act, "file");
	char why[METRIC_WHY_MAX];
	if (!json_is_array(rows) || json_array_size(rows) == 0 ||
	    json_array_size(rows) > METRICS_MAX)
		return refuse(ret_why, "metrics must be a list of 1 to %d values.", METRICS_MAX);
	if (file && (!json_is_string(file) ||
			check_text("file", json_string_value(file), FILE_NAME_MAX, why) != 0))
		return refuse(ret_why, "file must be a name of 1 to %d characters.", FILE_NAME_MAX);
	json_t *seen = json_object();
	int rc = seen ? 0 : -ENOMEM;
	for (size_t i = 0; i < json_array_size(rows) && rc == 0; i++) {
		rc = check_row(contest, json_array_get(rows, i), seen, why);
		if (rc == -EINVAL)
			(void)snprintf(ret_why, ACT_WHY_MAX, "Metric %zu: %s", i + 1, why);
	}
	json_decref(seen);
	return rc;
}

/* ---- doubts ---- */

bool metric_is_future(const struct metric *metric, int64_t now_ms)
{
	const int64_t day_ms = 86400000;
	char text[48];
	int64_t ms;
	(void)snprintf(text, sizeof(text), "%.20sT00:00:00Z", metric->as_of);
	return clock_parse(slice_text(text), &ms) == 0 && ms > now_ms - now_ms % day_ms + day_ms;
}

bool metrics_are_measured(const struct act_case *it, struct verdict *ret_refusal)
{
	size_t i;
	json_t *row;
	json_array_foreach(json_object_get(it->act->json, "metrics"), i, row)
	{
		struct metric metric;
		if (read_row(row, &metric) && metric_is_future(&metric, desk_now_ms(it->view))) {
			verdict_refuse(ret_refusal, 422, "invalid-act",
			    "Not an act of this contest",
			    "Metric %zu: as_of %s lies in the future.", i + 1, metric.as_of);
			return false;
		}
	}
	return true;
}

bool metric_source_is_unknown(const struct contest *contest, const struct metric *metric)
{
	return !conflict_organisation(contest, metric->source);
}

json_t *metrics_warnings(const struct contest *contest, const json_t *act)
{
	json_t *warnings = json_array(), *seen = json_object(), *row;
	size_t i;
	json_array_foreach(json_object_get(act, "metrics"), i, row)
	{
		struct metric metric;
		char quoted[48], sentence[300];
		if (!read_row(row, &metric) || json_object_get(seen, metric.source) ||
		    !metric_source_is_unknown(contest, &metric))
			continue;
		(void)json_object_set_new(seen, metric.source, json_true());
		(void)snprintf(sentence, sizeof(sentence),
		    "The contest does not know the source \"%s\", so no conflict of interest can "
		    "be "
		    "found for it.",
		    act_quote(metric.source, quoted));
		(void)json_array_append_new(warnings, json_string(sentence));
	}
	json_decref(seen);
	if (json_array_size(warnings) > 0)
		return warnings;
	json_decref(warnings);
	return NULL;
}

/* ---- against those that stand ---- */

struct standing_metric { /* what is stored for a row, as far as it matters here */
	bool any, same;
	json_int_t version;
};

static bool same_text(const json_t *stored, const char *name, const char *text)
{
	const char *stands = text_of(stored, name);
	return stands && strcmp(stands, text) == 0;
}

/* Values are stored as fixed_text() writes them, so that 83.2 and 83.20 are one. */
static char *plain_value(const char *value, char ret_text[24])
{
	int64_t value_e4 = 0;
	(void)!fixed_parse(value, &value_e4);
	return fixed_text(value_e4, ret_text);
}

static int look_up(
    const struct act_case *it, const struct metric *metric, struct standing_metric *ret)
{
	char field[DESK_FIELD_MAX], value[24];
	struct slice text = desk_get(it->view, DESK_METRICS, metric_field(metric, field));
	*ret = (struct standing_metric){0};
	if (!text.ptr)
		return 0;
	json_t *stored = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(stored)) {
		json_decref(stored);
		return -EBADMSG;
	}
	*ret = (struct standing_metric){
	    .any = true,
	    .same = same_text(stored, "value", plain_value(metric->value, value)) &&
		    same_text(stored, "source", metric->source) &&
		    same_text(stored, "as_of", metric->as_of) &&
		    same_text(stored, "method", metric->method),
	    .version = json_integer_value(json_object_get(stored, "version")),
	};
	json_decref(stored);
	return 0;
}

int metrics_compare(struct act_case *it)
{
	size_t i;
	json_t *row;
	it->imported = it->replaced = 0;
	json_array_foreach(json_object_get(it->act->json, "metrics"), i, row)
	{
		struct metric metric;
		struct standing_metric stands;
		if (!read_row(row, &metric) || look_up(it, &metric, &stands) != 0)
			return -EBADMSG;
		it->imported += !stands.any;
		it->replaced += stands.any && !stands.same;
	}
	return 0;
}

static int store(const struct act_case *it, struct desk_change *change, const struct metric *metric,
    json_int_t version)
{
	char field[DESK_FIELD_MAX], value[24];
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s}", "value",
	    plain_value(metric->value, value), "source", metric->source, "as_of", metric->as_of,
	    "method", metric->method, "version", version, "at", (json_int_t)desk_now_ms(it->view),
	    "who", it->who);
	char *text = json ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	int rc = text
		     ? desk_set(change, DESK_METRICS, metric_field(metric, field), slice_text(text))
		     : -ENOMEM;
	free(text);
	json_decref(json);
	return rc;
}

int metrics_fill(const struct act_case *it, struct desk_change *change)
{
	size_t i;
	json_t *row;
	json_array_foreach(json_object_get(it->act->json, "metrics"), i, row)
	{
		struct metric metric;
		struct standing_metric stands;
		if (!read_row(row, &metric) || look_up(it, &metric, &stands) != 0)
			return -EINVAL;
		if (stands.any && stands.same)
			continue;
		int rc = store(it, change, &metric, stands.version + 1);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* ---- importing ---- */

static json_t *row_json(const struct metric *metric)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "part", metric->part, "entry",
	    metric->entry, "value", metric->value, "source", metric->source, "as_of", metric->as_of,
	    "method", metric->method);
}

void metrics_import(struct office *office, const struct metric *metrics, size_t n, const char *file,
    const char *who, const char *why, bool for_correction, verdict_cb *cb, void *arg)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(rows, row_json(&metrics[i]));
	json_t *act = json_pack(
	    "{s:s, s:o, s:s?, s:s}", "act", "metrics", "metrics", rows, "file", file, "why", why);
	if (act && !file)
		json_object_del(act, "file");
	acts_perform(office, act, who, for_correction, cb, arg);
	json_decref(act);
}
