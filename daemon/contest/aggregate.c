/* Means, trimmed means, medians and their spread, exact until the one rounding. Knows no sheets. */
#include "contest/aggregate.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIXED_DIGITS 4
#define FIXED_MAX    (INT64_C(100000000000) * FIXED_ONE) /* 1e11 */

__extension__ typedef __int128 wide;

/* ---- fixed-point ---- */

int64_t fixed_ratio(wide numerator, wide denominator)
{
	wide scaled = (numerator < 0 ? -numerator : numerator) * FIXED_ONE;
	wide quotient = scaled / denominator;
	wide rest = scaled % denominator;

	if (rest >= denominator - rest)
		quotient++;
	return (int64_t)(numerator < 0 ? -quotient : quotient);
}

char *fixed_text(int64_t value_e4, char ret_text[24])
{
	uint64_t magnitude = value_e4 < 0 ? -(uint64_t)value_e4 : (uint64_t)value_e4;
	int len = snprintf(ret_text, 24, "%s%llu.%04u", value_e4 < 0 ? "-" : "",
	    (unsigned long long)(magnitude / FIXED_ONE), (unsigned)(magnitude % FIXED_ONE));

	while (ret_text[len - 1] == '0')
		len--;
	if (ret_text[len - 1] == '.')
		len--;
	ret_text[len] = '\0';
	return ret_text;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int fixed_parse(const char *text, int64_t *ret_value_e4)
{
	bool negative = *text == '-';
	const char *c = text + negative;
	int64_t value = 0;
	int digits = 0;

	if (!is_digit(*c) || (c[0] == '0' && is_digit(c[1])))
		return -EINVAL;
	for (; is_digit(*c); c++) {
		value = value * 10 + (*c - '0');
		if (value > FIXED_MAX / FIXED_ONE)
			return -EINVAL;
	}
	if (*c == '.') {
		for (c++; is_digit(*c) && digits < FIXED_DIGITS; c++, digits++)
			value = value * 10 + (*c - '0');
		if (digits == 0)
			return -EINVAL;
	}
	for (; digits < FIXED_DIGITS; digits++)
		value *= 10;
	if (*c || value > FIXED_MAX)
		return -EINVAL;
	*ret_value_e4 = negative ? -value : value;
	return 0;
}

json_t *fixed_json(int64_t value_e4)
{
	if (value_e4 % FIXED_ONE == 0)
		return json_integer(value_e4 / FIXED_ONE);
	return json_real((double)value_e4 / FIXED_ONE);
}

/* ---- aggregates ---- */

static wide sum_of(const int64_t *values, size_t n)
{
	wide sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += values[i];
	return sum;
}

static void trimmed_mean(const int64_t *values, size_t n, struct aggregated *ret)
{
	int64_t least = values[0], greatest = values[0];
	wide sum = sum_of(values, n);

	if (n < 3) {
		ret->value_e4 = fixed_ratio(sum, (wide)n);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		if (values[i] < least)
			least = values[i];
		if (values[i] > greatest)
			greatest = values[i];
	}
	ret->left_out = 2;
	ret->value_e4 = fixed_ratio(sum - least - greatest, (wide)n - 2);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t median(int64_t *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	if (n % 2)
		return fixed_ratio(values[n / 2], 1);
	return fixed_ratio((wide)values[n / 2 - 1] + values[n / 2], 2);
}

/* From whole numbers, so that it does not depend on the order: the variance is
 * (n * sum of squares - square of the sum) / (n * (n - 1)). Exact while values stay below 2^50. */
static double spread(const int64_t *values, size_t n)
{
	wide sum = sum_of(values, n), squares = 0;

	for (size_t i = 0; i < n; i++)
		squares += (wide)values[i] * values[i];
	return sqrt((double)((wide)n * squares - sum * sum) / ((double)n * (double)(n - 1)));
}

void aggregate(enum aggregate_kind kind, int64_t *values, size_t n, struct aggregated *ret)
{
	*ret = (struct aggregated){.any = n > 0, .n = n};
	if (n == 0)
		return;
	switch (kind) {
	case AGGREGATE_MEAN:
		ret->value_e4 = fixed_ratio(sum_of(values, n), (wide)n);
		break;
	case AGGREGATE_TRIMMED_MEAN:
		trimmed_mean(values, n, ret);
		break;
	case AGGREGATE_MEDIAN:
		ret->value_e4 = median(values, n);
		break;
	}
	ret->has_spread = n >= 2;
	if (ret->has_spread)
		ret->spread = spread(values, n);
}
