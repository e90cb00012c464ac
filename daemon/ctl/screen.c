/* Lays out cells, and lets nothing through that would act on the terminal. Knows the width of
 * characters from the C library's UTF-8 locale. */
#include "ctl/screen.h"

#include <time.h>

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/clock.h"
#include "base/text.h"

/* ---- what a terminal is given ---- */

/* \u as in RFC 8259 section 7: beyond U+FFFF as two surrogates. */
static void write_json_escape(FILE *file, uint32_t point)
{
	if (point < 0x10000)
		(void)fprintf(file, "\\u%04" PRIx32, point);
	else
		(void)fprintf(file, "\\u%04" PRIx32 "\\u%04" PRIx32,
		    0xd800 + ((point - 0x10000) >> 10), 0xdc00 + ((point - 0x10000) & 0x3ff));
}

static void write_escape(FILE *file, uint32_t point)
{
	(void)fprintf(file, "\\u{%" PRIx32 "}", point);
}

static void write_shown(
    FILE *file, struct slice text, bool lines, void (*escape)(FILE *file, uint32_t point))
{
	while (text.len > 0) {
		uint32_t point = 0;
		size_t size = text_next(text, &point);

		if (size == 0)
			(void)fprintf(file, "\\x{%02x}", (unsigned char)*text.ptr);
		else if ((point != '\n' || !lines) && text_is_unshown(point))
			escape(file, point);
		else
			(void)fwrite(text.ptr, 1, size, file);
		size += size == 0;
		text = slice_make(text.ptr + size, text.len - size);
	}
}

void screen_write(FILE *file, struct slice text)
{
	write_shown(file, text, true, write_escape);
}

void screen_write_line(FILE *file, struct slice text)
{
	write_shown(file, text, false, write_escape);
}

void screen_write_json(FILE *file, struct slice json)
{
	write_shown(file, json, true, write_json_escape);
}

void screen_vprint(FILE *file, const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		return;
	screen_write(file, slice_text(text));
	free(text);
}

void screen_print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	screen_vprint(stdout, format, args);
	va_end(args);
}

void screen_warn(const char *sentence)
{
	(void)fputs("tallyctl: warning: ", stderr);
	screen_write(stderr, slice_text(sentence));
	(void)fputc('\n', stderr);
}

/* ---- columns ---- */

int screen_width(const char *text)
{
	mbstate_t state = {0};
	size_t left = strlen(text);
	int width = 0;

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	while (left > 0) {
		wchar_t wide;
		size_t n = mbrtowc(&wide, text, left, &state);

		if (n == 0 || n > left)
			break;
		int columns = wcwidth(wide);
		width += columns > 0 ? columns : 0;
		text += n;
		left -= n;
	}
	return width;
}

int screen_cell(struct buf *out, const char *text, int width, bool right)
{
	int spaces = width - screen_width(text);

	if (spaces < 0)
		spaces = 0;
	return right ? buf_printf(out, "%*s%s", spaces, "", text)
		     : buf_printf(out, "%s%*s", text, spaces, "");
}

char *screen_number(int64_t number, char ret_text[32])
{
	char digits[24];
	size_t at = 0, n = (size_t)snprintf(digits, sizeof(digits), "%" PRId64, number);

	for (size_t i = 0; i < n && at < 30; i++) {
		if (i > 0 && (n - i) % 3 == 0 && digits[i - 1] != '-')
			ret_text[at++] = ',';
		ret_text[at++] = digits[i];
	}
	ret_text[at] = '\0';
	return ret_text;
}

int screen_bar(struct buf *out, double share, int width)
{
	static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	int units = (int)(share * width * 8 + 0.5);
	int rc = 0;

	if (units > width * 8)
		units = width * 8;
	for (int i = 0; i < units / 8 && rc == 0; i++)
		rc = buf_append_text(out, "█");
	return rc == 0 && units > 0 ? buf_append_text(out, eighths[units % 8]) : rc;
}

char *screen_duration(int64_t ms, char ret_text[32])
{
	int64_t s = ms > 0 ? ms / 1000 : 0;

	if (s >= 86400)
		(void)snprintf(
		    ret_text, 32, "%" PRId64 "d %" PRId64 "h", s / 86400, s % 86400 / 3600);
	else if (s >= 3600)
		(void)snprintf(ret_text, 32, "%" PRId64 "h %" PRId64 "m", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		(void)snprintf(ret_text, 32, "%" PRId64 "m %" PRId64 "s", s / 60, s % 60);
	else
		(void)snprintf(ret_text, 32, "%" PRId64 "s", s);
	return ret_text;
}

void screen_time_zone(const char *name)
{
	(void)setenv("TZ", name, 1);
	tzset();
}

char *screen_time(int64_t wall_ms, char *ret_text)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm at;
	char offset[8];
	size_t len;

	if (!localtime_r(&seconds, &at))
		return clock_format(wall_ms, 0, ret_text);
	len = strftime(ret_text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &at);
	(void)strftime(offset, sizeof(offset), "%z", &at); /* "+0900" */
	(void)snprintf(ret_text + len, CLOCK_TEXT_SIZE - len, "%.3s:%s", offset, offset + 3);
	return ret_text;
}
