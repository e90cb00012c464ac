/* Clocks, and RFC 3339 text by plain calendar arithmetic: no locale, no TZ. */
#include "base/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#define DAY_S 86400

static int64_t read_clock_ms(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts); /* cannot fail for these clocks */
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_steady_ms(void)
{
	return read_clock_ms(CLOCK_MONOTONIC);
}

int64_t clock_steady_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
	return read_clock_ms(CLOCK_REALTIME);
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar, for years from 0. Years are counted
 * from March, so that the leap day is a year's last. */
static int64_t days_from_date(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t leap_days = y >= 0 ? y / 4 - y / 100 + y / 400 : -1;
	int64_t months = (month + 9) % 12;
	return 365 * y + leap_days + (153 * months + 2) / 5 + day - 1 - 719468;
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

char *clock_format(int64_t wall_ms, int with_ms, char ret_text[CLOCK_TEXT_SIZE])
{
	/* Four-digit years are all that RFC 3339 can say. */
	const int64_t first = days_from_date(0, 1, 1) * DAY_S * 1000;
	wall_ms = wall_ms < first ? first : wall_ms > CLOCK_LAST_MS ? CLOCK_LAST_MS : wall_ms;

	time_t seconds = (time_t)floor_div(wall_ms, 1000);
	int ms = (int)(wall_ms - (int64_t)seconds * 1000);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	int n = snprintf(ret_text, CLOCK_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (with_ms)
		snprintf(ret_text + n, CLOCK_TEXT_SIZE - (size_t)n, ".%03dZ", ms);
	else
		snprintf(ret_text + n, CLOCK_TEXT_SIZE - (size_t)n, "Z");
	return ret_text;
}

static bool take_number(struct slice *text, size_t digits, int *ret_value)
{
	if (text->len < digits)
		return false;
	int value = 0;
	for (size_t i = 0; i < digits; i++) {
		char c = text->ptr[i];
		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (c - '0');
	}
	*text = slice_make(text->ptr + digits, text->len - digits);
	*ret_value = value;
	return true;
}

static bool take_char(struct slice *text, const char *one_of)
{
	if (text->len == 0 || text->ptr[0] == '\0' || !strchr(one_of, text->ptr[0]))
		return false;
	*text = slice_make(text->ptr + 1, text->len - 1);
	return true;
}

/* "." and 1 to 9 digits; what is finer than a millisecond is cut off. */
static bool take_fraction(struct slice *text, int *ret_ms)
{
	*ret_ms = 0;
	if (!take_char(text, "."))
		return true;
	int digit, scale = 100, n = 0;
	for (; n < 9 && take_number(text, 1, &digit); n++, scale /= 10)
		*ret_ms += digit * scale;
	return n > 0;
}

static bool take_offset(struct slice *text, int *ret_minutes)
{
	*ret_minutes = 0;
	if (take_char(text, "Zz"))
		return true;
	if (text->len == 0)
		return false;
	bool west = text->ptr[0] == '-';
	int hours, minutes;
	if (!take_char(text, "+-") || !take_number(text, 2, &hours) || !take_char(text, ":") ||
	    !take_number(text, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_minutes = (west ? -1 : 1) * (hours * 60 + minutes);
	return true;
}

int clock_parse(struct slice text, int64_t *ret_wall_ms)
{
	int year, month, day, hour, minute, second, ms, offset_minutes;

	if (!take_number(&text, 4, &year) || !take_char(&text, "-") ||
	    !take_number(&text, 2, &month) || !take_char(&text, "-") ||
	    !take_number(&text, 2, &day) || !take_char(&text, "Tt") ||
	    !take_number(&text, 2, &hour) || !take_char(&text, ":") ||
	    !take_number(&text, 2, &minute) || !take_char(&text, ":") ||
	    !take_number(&text, 2, &second) || !take_fraction(&text, &ms) ||
	    !take_offset(&text, &offset_minutes) || text.len != 0)
		return -EINVAL;
	/* Leap seconds are refused: no clock here can show one. */
	if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
	    minute > 59 || second > 59)
		return -EINVAL;

	int64_t days = days_from_date(year, month, day);
	int64_t minutes = days * 1440 + hour * 60 + minute - offset_minutes;
	*ret_wall_ms = (minutes * 60 + second) * 1000 + ms;
	return 0;
}
