/* What the subcommands share: how they complain and read numbers. */
#include "ctl/ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "ctl/screen.h"

static void complain(const char *format, va_list args)
{
	(void)fputs("tallyctl: ", stderr);
	screen_vprint(stderr, format, args);
	(void)fputc('\n', stderr);
}

int ctl_fail(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	return status;
}

int ctl_misuse(const struct ctl *ctl, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	const char *usage = ctl->command->usage, *end = strstr(usage, "\n\n");
	(void)fprintf(stderr, "\n%.*s\n\"tallyctl help %s\" says more.\n",
	    end ? (int)(end - usage) : (int)strlen(usage), usage, ctl->command->name);
	return EX_USAGE;
}

void ctl_clause(const char *text, char *ret_text, size_t cap)
{
	size_t n = strlen(text);

	(void)snprintf(ret_text, cap, "%.*s", (int)(n > 0 && text[n - 1] == '.' ? n - 1 : n), text);
}

void ctl_page_url(const struct settings *settings, const char *contest, const char *page,
    char ret_url[CTL_PAGE_MAX])
{
	bool several = settings->n_contests > 1;
	char base[256];

	if (settings->public_url[0] != '\0')
		(void)snprintf(base, sizeof(base), "%s", settings->public_url);
	else
		ctl_local_url(settings, base, sizeof(base));
	(void)snprintf(ret_url, CTL_PAGE_MAX, "%s/%s/%s%s", base, page, several ? "?contest=" : "",
	    several ? contest : "");
}

int ctl_number(const char *text, long min, long max, long *ret_number)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || number < min || number > max)
		return -EINVAL;
	*ret_number = number;
	return 0;
}

void ctl_local_url(const struct settings *settings, char *ret_url, size_t cap)
{
	const char *listen = settings->listen;

	if (*listen == '*')
		(void)snprintf(ret_url, cap, "http://127.0.0.1%s", listen + 1);
	else
		(void)snprintf(ret_url, cap, "http://%s", listen);
}
