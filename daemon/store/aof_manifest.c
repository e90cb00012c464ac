/* The manifest: see aof_manifest.h. */
#include "store/aof_manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/aof.h"
#include "store/hold.h"

enum {
	TEXT_MAX = 64 << 10,
};

/* With a NUL behind it. */
static int read_text(int dir, const char *name, char *ret, size_t size, size_t *ret_len)
{
	int fd = hold_open_regular(dir, name, O_RDONLY);
	ssize_t n;
	int r = 0;

	if (fd < 0)
		return fd;
	n = read(fd, ret, size);
	if (n < 0)
		r = -errno;
	else if ((size_t)n == size)
		r = -EFBIG;
	else
		ret[n] = '\0';
	close(fd);
	*ret_len = n > 0 ? (size_t)n : 0;
	return r;
}

/* Behind a NUL nothing more would be read. */
static int refuse_nul(const char *text, size_t len, struct aof_report *report)
{
	const char *nul = memchr(text, '\0', len);
	size_t line = 1, column = 1;

	if (!nul)
		return 0;
	for (const char *p = text; p < nul; p++) {
		column = *p == '\n' ? 1 : column + 1;
		line += *p == '\n';
	}
	report->offset = (uint64_t)(nul - text);
	snprintf(
	    report->why, sizeof(report->why), "a NUL byte in line %zu, column %zu", line, column);
	return -EBADMSG;
}

/* Lines "file <name> seq <number> type <b|i|h>", the incremental ones in order. Names that Redis
 * had to quote are not ours. */
static int parse(char *text, struct aof_manifest *ret, struct aof_report *report)
{
	char *rest = text, *line;
	size_t number = 0;

	ret->n = 0;
	while ((line = strsep(&rest, "\n"))) {
		struct aof_entry *entry = &ret->entries[ret->n];
		unsigned long long seq;

		number++;
		if (!*line || *line == '#')
			continue;
		if (ret->n == AOF_FILES_MAX ||
		    sscanf(line, "file %127s seq %llu type %c", entry->name, &seq, &entry->type) !=
			3 ||
		    strchr(entry->name, '/') || entry->name[0] == '"' ||
		    !strchr("bih", entry->type)) {
			report->offset = (uint64_t)(line - text);
			snprintf(report->why, sizeof(report->why),
			    "line %zu is not one of a manifest", number);
			return -EBADMSG;
		}
		ret->n++;
	}
	return 0;
}

int aof_manifest_load(int dir, struct aof_manifest *ret, struct aof_report *report)
{
	char *text = malloc(TEXT_MAX);
	size_t len;
	int r = text ? read_text(dir, AOF_MANIFEST, text, TEXT_MAX, &len) : -ENOMEM;

	if (r == 0)
		r = refuse_nul(text, len, report);
	else if (r == -EBADMSG)
		aof_fault(report, r, 0, "not a regular file");
	else
		aof_fault(report, r, 0, "cannot be read, though its directory is there");
	if (r == 0)
		r = parse(text, ret, report);
	free(text);
	return r;
}

const struct aof_entry *aof_manifest_last(const struct aof_manifest *manifest)
{
	for (size_t i = manifest->n; i > 0; i--) {
		if (manifest->entries[i - 1].type == 'i')
			return &manifest->entries[i - 1];
	}
	return NULL;
}

bool aof_manifest_same(const struct aof_manifest *a, const struct aof_manifest *b)
{
	return a->n == b->n && memcmp(a->entries, b->entries, a->n * sizeof(a->entries[0])) == 0;
}
