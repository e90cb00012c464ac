/* Metrics: values that come from elsewhere, one for each entry and part with source: metric.
 * Records in C:metrics, "<part>/<entry>": {"value":text of a decimal,"source":organisation as
 * given,"as_of":date,"method", "version":n,"at":ms,"who"}. Replaceable until the result is
 * certified; every version is in the audit log. */
#ifndef TALLYD_OFFICE_METRICS_H
#define TALLYD_OFFICE_METRICS_H

#include "office/office.h"

struct metric { /* borrowed */
	const char *part, *entry;
	const char *value; /* a decimal, as fixed_parse() takes it */
	const char
	    *source; /* organisation: id, name, alias, or a name that the contest does not know */
	const char *as_of; /* "2026-12-20" */
	const char *method;
};

#define METRICS_MAX       1024 /* in one import */
#define METRIC_FAULTS_MAX 6
#define METRIC_WHY_MAX    300

/* Checks one row by itself, and leaves a sentence for each fault of it; how many there are. The
 * source must not be in conflict with the entry (contest/conflict.h); where the part is out of so
 * many points, the value must be one of them. */
size_t metric_faults(const struct contest *contest, const struct metric *metric,
    char ret_why[METRIC_FAULTS_MAX][METRIC_WHY_MAX]);
/* The same. 0; -EINVAL with the first of the sentences. */
__attribute__((warn_unused_result)) int metric_check(
    const struct contest *contest, const struct metric *metric, char ret_why[METRIC_WHY_MAX]);

/* Whether its day (of a metric that metric_check() took) is later than tomorrow in UTC: nobody can
 * have measured it. */
bool metric_is_future(const struct metric *metric, int64_t now_ms);
/* Whether the source is none of the contest's organisations: no conflict can be found for it. */
bool metric_source_is_unknown(const struct contest *contest, const struct metric *metric);

/* All or nothing, one change. Good: members {"imported":n,"replaced":m,"n":entry}, or 202
 * {"request":id} when values would be replaced and the contest wants two organisers; "warnings"
 * beside them, a list of sentences, on sources that the contest does not know. 403 certified
 * (unless for_correction); 422. */
void metrics_import(struct office *office, const struct metric *metrics, size_t n, const char *file,
    const char *who, const char *why, bool for_correction, verdict_cb *cb, void *arg);

#endif
