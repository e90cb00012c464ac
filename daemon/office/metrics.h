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

#define METRICS_MAX 1024 /* in one import */

/* Checks one row by itself. The source must not be in conflict with the entry (contest/conflict.h).
 * 0; -EINVAL with the sentence. */
__attribute__((warn_unused_result)) int metric_check(
    const struct contest *contest, const struct metric *metric, char ret_why[300]);

/* All or nothing, one change. Good: members {"imported":n,"replaced":m,"n":entry}, or 202
 * {"request":id} when values would be replaced and the contest wants two organisers. 403 certified
 * (unless for_correction); 422. */
void metrics_import(struct office *office, const struct metric *metrics, size_t n, const char *file,
    const char *who, const char *why, bool for_correction, verdict_cb *cb, void *arg);

#endif
