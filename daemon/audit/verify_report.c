/* What a verification has to say: findings, notes, and what could not be checked. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/verify_impl.h"
#include "base/text.h"

void verify_fail(struct verify *verify, int error, const char *path)
{
	if (verify->error != 0)
		return;
	verify->error = error;
	(void)snprintf(verify->error_path, sizeof(verify->error_path), "%s", path ? path : "");
}

void verify_progress(struct verify *verify, const char *what, uint64_t done, uint64_t total)
{
	if (verify->options->progress &&
	    verify->options->progress(verify->options->arg, what, done, total) != 0)
		verify_fail(verify, -EINTR, NULL);
}

/* Names and values come from a stranger's files: bytes that are no UTF-8 become question marks. */
static char *clean(char *text)
{
	struct slice rest = slice_text(text);
	uint32_t point;

	while (rest.len > 0) {
		size_t n = text_next(rest, &point);

		if (n == 0) {
			text[strlen(text) - rest.len] = '?';
			n = 1;
		}
		rest = slice_make(rest.ptr + n, rest.len - n);
	}
	return text;
}

__attribute__((format(printf, 1, 0))) static char *sentence(const char *format, va_list args)
{
	char *text = NULL;

	return vasprintf(&text, format, args) < 0 ? NULL : clean(text);
}

static bool copy(const char *text, char **ret_copy)
{
	*ret_copy = text ? strdup(text) : NULL;
	if (*ret_copy)
		clean(*ret_copy);
	return !text || *ret_copy;
}

/* Which part a file is of; pages and the like are nothing but files. */
static unsigned part_of_file(const char *path)
{
	static const struct {
		const char *begin;
		unsigned part;
	} rows[] = {
	    {"SHA256SUMS", VERIFY_PART_FILES | VERIFY_PART_BASE},
	    {"keys.json", VERIFY_PART_BASE},
	    {"contest.yaml", VERIFY_PART_BASE},
	    {"rules.json", VERIFY_PART_BASE},
	    {"results/", VERIFY_PART_RESULTS},
	    {"log/", VERIFY_PART_LOG},
	    {"openings/", VERIFY_PART_COUNT},
	    {"sheets.json", VERIFY_PART_SHEETS},
	    {"metrics.json", VERIFY_PART_METRICS},
	    {"annex.json", VERIFY_PARTS_STAGE},
	    {"audit.jsonl", VERIFY_PART_AUDIT},
	    {"published.json", VERIFY_PART_PUBLISHED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strncmp(path, rows[i].begin, strlen(rows[i].begin)) == 0)
			return rows[i].part;
	return VERIFY_PART_FILES;
}

/* A part whose own file is wrong is to blame alone; where files of the base are, or a file is not
 * there, so is what was being looked at. */
static unsigned blame(const struct verify *verify, const char *path)
{
	const unsigned base = VERIFY_PART_RESULTS | VERIFY_PART_BASE;
	unsigned part = path ? part_of_file(path) : verify->part;

	if (verify->part & VERIFY_PART_FILES)
		return part | VERIFY_PART_FILES | (part & base ? VERIFY_PART_BASE : 0);
	return part & base ? part | verify->part : part;
}

void verify_find(struct verify *verify, struct verify_place place, const char *format, ...)
{
	struct verification *out = verify->out;
	struct verify_finding finding = {.shard = place.shard, .index = place.index};
	va_list args;

	out->faulty |= blame(verify, place.file);
	if (out->all_findings++ >= VERIFY_FINDINGS_MAX)
		return;
	va_start(args, format);
	finding.why = sentence(format, args);
	va_end(args);
	if (!copy(place.file, &finding.file) || !copy(place.entry, &finding.entry) ||
	    !finding.why) {
		free(finding.file);
		free(finding.entry);
		free(finding.why);
		verify_fail(verify, -ENOMEM, NULL);
		return;
	}
	out->findings[out->n_findings++] = finding;
}

__attribute__((format(printf, 3, 0))) static void append(
    struct verify *verify, json_t *list, const char *format, va_list args)
{
	char *text = sentence(format, args);

	if (!text || json_array_append_new(list, json_string(text)) != 0)
		verify_fail(verify, -ENOMEM, NULL);
	free(text);
}

void verify_tell(struct verify *verify, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append(verify, verify->out->notes, format, args);
	va_end(args);
}

void verify_leave(struct verify *verify, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append(verify, verify->out->unchecked, format, args);
	va_end(args);
}

void verify_checked(struct verify *verify, const char *name, json_t *value)
{
	if (json_object_set_new(verify->out->checked, name, value) != 0)
		verify_fail(verify, -ENOMEM, NULL);
}
