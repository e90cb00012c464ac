/* What tallyctl check found, and the parts that look. For check*.c alone. */
#ifndef TALLYD_CTL_CHECK_H
#define TALLYD_CTL_CHECK_H

#include <stddef.h>

#include "ctl/ctl.h"
#include "store/durability.h"

struct round;

#define CHECK_FINDINGS_MAX 128

struct check_finding {
	enum durability_grade grade;
	char of[72]; /* "redis", a cluster's server, "rights", "clock", "host", "keys" */
	char setting[48], value[160], may[240], remedy[160];
};

struct check {
	const struct ctl *ctl;
	struct round **rounds;
	size_t n_rounds;
	struct check_finding findings[CHECK_FINDINGS_MAX];
	size_t n;
	char server[96]; /* "Redis 7.0.15, standalone" */
};

/* A finding without a remedy yet; what does not fit any more is the last one over again. */
struct check_finding *check_find(struct check *check, enum durability_grade grade, const char *of,
    const char *setting, const char *value, const char *may);

/* Asks Redis; 0, or 69 or 78, told. */
int check_redis(struct check *check);
/* This machine, where Redis runs on it: memory. And the keys' permissions. */
void check_host(struct check *check);

#endif
