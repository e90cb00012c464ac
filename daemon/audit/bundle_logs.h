/* The logs of all shards in a bundle, as the newest result certified them, with or without their
 * openings (audit/bundle_log.h). */
#ifndef TALLYD_AUDIT_BUNDLE_LOGS_H
#define TALLYD_AUDIT_BUNDLE_LOGS_H

#include "audit/bundle_desk.h"
#include "audit/bundle_log.h"

struct redis;

struct bundle_logs_options { /* borrowed */
	struct office *office;
	struct event_base *base;
	struct redis *redis;
	const char *log_name;
	const char *log_dir; /* of this host; NULL: it keeps none */
	bundle_progress_cb *progress;
	void *arg;
};

/* Turns the loop, until nothing of it is under way. 0, and with openings the citizens' rows that
 * they make (else *ret_rows is left alone); or as bundle_copy_log() and bundle_openings(), with
 * ret_why. */
__attribute__((warn_unused_result)) int bundle_put_logs(struct bundle *bundle,
    const struct bundle_logs_options *options, const struct bundle_desk *desk, bool with_openings,
    json_t **ret_rows, char ret_why[BUNDLE_WHY_MAX]);

#endif
