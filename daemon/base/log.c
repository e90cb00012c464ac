/* The daemon's log: formats one line and hands it to write(2) whole, so that lines of several
 * processes on one pipe do not mix. Knows no files and no rotation. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define LOG_LINE_MAX 2048

static enum log_level level_shown = LOG_INFO;
static const char *process_name = "tallyd";

void log_set_level(enum log_level level)
{
	level_shown = level;
}

void log_set_process(const char *name)
{
	process_name = name;
}

/* What came from outside must not start a line of its own or reach a terminal as an escape. UTF-8
 * stays as it is. */
static void mask_control_bytes(char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < 0x20 || c == 0x7f)
			*text = '?';
	}
}

__attribute__((format(printf, 2, 0))) static void log_line(
    enum log_level level, const char *format, va_list args)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};

	if (level > level_shown)
		return;
	int saved_errno = errno;
	char line[LOG_LINE_MAX + 1]; /* one more, for the line feed */
	char time_text[CLOCK_TEXT_SIZE];
	int head = snprintf(line, LOG_LINE_MAX, "%s %s %s ",
	    clock_format(clock_wall_ms(), 1, time_text), names[level], process_name);
	if (head < 0 || head >= LOG_LINE_MAX)
		return;
	errno = saved_errno; /* "%m" */
	int rest = vsnprintf(line + head, (size_t)(LOG_LINE_MAX - head), format, args);
	if (rest < 0)
		return;
	mask_control_bytes(line + head);
	int len = head + rest < LOG_LINE_MAX ? head + rest : LOG_LINE_MAX - 1;
	line[len++] = '\n';
	while (write(STDERR_FILENO, line, (size_t)len) < 0 && errno == EINTR)
		;
	errno = saved_errno;
}

#define LOG_FUNCTION(name, level)                                                                  \
	void name(const char *format, ...)                                                         \
	{                                                                                          \
		va_list args;                                                                      \
		va_start(args, format);                                                            \
		log_line(level, format, args);                                                     \
		va_end(args);                                                                      \
	}

LOG_FUNCTION(log_error, LOG_ERROR)
LOG_FUNCTION(log_warn, LOG_WARN)
LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_debug, LOG_DEBUG)
