/* One number out of several experts' totals. Exact: values are whole numbers, results are
 * fixed-point with four decimals, rounded half away from zero, once. Pure arithmetic. */
#ifndef TALLYD_CONTEST_AGGREGATE_H
#define TALLYD_CONTEST_AGGREGATE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "contest/contest.h"

#define FIXED_ONE 10000 /* 1.0 in fixed-point: names end in _e4 */

/* numerator / denominator (> 0) in fixed-point, half away from zero. */
int64_t fixed_ratio(__int128 numerator, __int128 denominator);
/* "83.25", "0", "-1.0001": no exponent, no zeros at the end. Returns ret_text. */
char *fixed_text(int64_t value_e4, char ret_text[24]);
/* The inverse; at most four decimals, optional minus, no plus, exponent, or needless leading zero,
 * magnitude up to 1e11. 0 or -EINVAL. */
__attribute__((warn_unused_result)) int fixed_parse(const char *text, int64_t *ret_value_e4);
/* As a JSON number: 83.25; whole numbers as integers. Dumped with JSON_REAL_PRECISION(15) or more
 * digits nothing below 1e11 is lost, and with just 15 it looks as fixed_text() does. NULL:
 * memory. */
json_t *fixed_json(int64_t value_e4);

struct aggregated {
	bool any;
	size_t n;         /* values given */
	size_t left_out;  /* of them by trimming: 0 or 2 */
	int64_t value_e4; /* the mean, trimmed mean, or median; 0 unless `any` */
	bool has_spread;
	double spread; /* sample standard deviation (n - 1) of all n values; from n = 2 on */
};

/* mean          sum / n
 * trimmed-mean  one highest and one lowest left out (최고·최저 제외 평균); below n = 3 the mean
 * median        the middle value; of an even n the mean of the two middle ones
 *
 * `values` may be reordered. */
void aggregate(enum aggregate_kind kind, int64_t *values, size_t n, struct aggregated *ret);

#endif
