/* A list of sentences with an end: damage can be everywhere at once. */
#include "audit/findings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define SENTENCE_MAX 600

int findings_init(struct findings *findings)
{
	*findings = (struct findings){.list = json_array()};
	return findings->list ? 0 : -ENOMEM;
}

void findings_release(struct findings *findings)
{
	json_decref(findings->list);
	*findings = (struct findings){0};
}

/* What was read may be anything; what is told is one line of text. A sentence that was cut off may
 * end within a character. */
static void make_plain(char *text)
{
	char *to = text;
	size_t size;

	for (struct slice rest = slice_text(text); rest.len > 0;
	     rest = slice_make(rest.ptr + size, rest.len - size)) {
		uint32_t point = 0;

		size = text_next(rest, &point);
		if (size == 0 || text_is_unshown(point)) {
			size = size > 0 ? size : 1;
			*to++ = '?';
			continue;
		}
		memmove(to, rest.ptr, size);
		to += size;
	}
	*to = '\0';
}

void findings_add(struct findings *findings, const char *check, const char *format, ...)
{
	char text[SENTENCE_MAX];
	va_list args;

	findings->n++;
	if (json_array_size(findings->list) == FINDINGS_KEPT)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	make_plain(text);
	if (json_array_append_new(
		findings->list, json_pack("{s:s, s:s}", "check", check, "what", text)) != 0)
		findings->failed = true;
}
