/* SHA256SUMS and the note that signs it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/verify_impl.h"
#include "base/text.h"

#define SUMS        "SHA256SUMS"
#define SUMS_NOTE   "SHA256SUMS.note"
#define DIGITS_MAX  15 /* what every language's numbers hold */
#define HASH_DIGITS (2 * SHA256_SIZE)

/* ---- texts ---- */

bool verify_lines(struct slice text, size_t n, struct slice *ret)
{
	for (size_t i = 0; i < n; i++) {
		const char *end = text.len > 0 ? memchr(text.ptr, '\n', text.len) : NULL;

		if (!end)
			return false;
		ret[i] = slice_make(text.ptr, (size_t)(end - text.ptr));
		text = slice_make(end + 1, text.len - ret[i].len - 1);
	}
	return text.len == 0;
}

bool verify_number(struct slice text, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (text.len == 0 || text.len > DIGITS_MAX || (text.len > 1 && text.ptr[0] == '0'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		number = number * 10 + (uint64_t)(text.ptr[i] - '0');
	}
	*ret_number = number;
	return true;
}

/* ---- the list ---- */

static bool is_utf8(struct slice text)
{
	uint32_t point;

	while (text.len > 0) {
		size_t n = text_next(text, &point);
		if (n == 0)
			return false;
		text = slice_make(text.ptr + n, text.len - n);
	}
	return true;
}

/* Relative, no empty part, no "." or "..", nothing that a terminal or a shell would take amiss. */
static bool is_path(struct slice path)
{
	size_t part = 0, parts = 0;

	if (path.len == 0 || path.len >= VERIFY_PATH_MAX || !is_utf8(path) ||
	    slice_is(path, SUMS) || slice_is(path, SUMS_NOTE))
		return false;
	for (size_t i = 0; i <= path.len; i++) {
		unsigned char c = i < path.len ? (unsigned char)path.ptr[i] : '/';

		if (c < 0x20 || c == 0x7f || c == '\\')
			return false;
		if (c != '/')
			continue;
		struct slice name = slice_make(path.ptr + part, i - part);
		if (name.len == 0 || slice_is(name, ".") || slice_is(name, "..") ||
		    ++parts > VERIFY_PARTS_MAX)
			return false;
		part = i + 1;
	}
	return true;
}

/* "<64 hex digits>  <path>" */
static bool read_line(struct slice line, struct verify_file *ret_file)
{
	size_t len;

	if (line.len < HASH_DIGITS + 3 || memcmp(line.ptr + HASH_DIGITS, "  ", 2) != 0)
		return false;
	for (size_t i = 0; i < HASH_DIGITS; i++)
		if (line.ptr[i] >= 'A' && line.ptr[i] <= 'F')
			return false;
	*ret_file = (struct verify_file){
	    .path = slice_make(line.ptr + HASH_DIGITS + 2, line.len - HASH_DIGITS - 2)};
	return hex_decode(slice_make(line.ptr, HASH_DIGITS), ret_file->hash, SHA256_SIZE, &len) ==
		   0 &&
	       is_path(ret_file->path);
}

static bool is_after(const struct verify *verify, struct slice path)
{
	struct slice last = {"", 0};

	if (verify->n_files > 0)
		last = verify->files[verify->n_files - 1].path;
	return verify_path_order(last, path) < 0;
}

static size_t count_lines(struct slice text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += text.ptr[i] == '\n';
	return n;
}

static void read_list(struct verify *verify)
{
	struct slice rest = buf_slice(&verify->sums_text);
	size_t lines = count_lines(rest);

	verify->files = calloc(lines + 1, sizeof(*verify->files));
	if (!verify->files) {
		verify_fail(verify, -ENOMEM, SUMS);
		return;
	}
	for (size_t number = 1; rest.len > 0; number++) {
		const char *end = memchr(rest.ptr, '\n', rest.len);
		size_t len = end ? (size_t)(end - rest.ptr) : rest.len;
		struct verify_file file;

		if (!end || !read_line(slice_make(rest.ptr, len), &file))
			verify_find(verify, VERIFY_AT(SUMS),
			    "line %zu is no \"<SHA-256>  <path>\" of a file in the bundle.",
			    number);
		else if (!is_after(verify, file.path))
			verify_find(verify, VERIFY_AT(SUMS),
			    "line %zu: %.*s is not behind the line before; lines are sorted, each "
			    "path "
			    "stands once.",
			    number, VERIFY_TEXT(file.path));
		else
			verify->files[verify->n_files++] = file;
		len += end != NULL;
		rest = slice_make(rest.ptr + len, rest.len - len);
	}
	verify_checked(verify, "files", json_integer((json_int_t)verify->n_files));
}

/* ---- the note ---- */

static void want_number(struct verify *verify, const char *what, struct slice is, uint64_t should)
{
	char text[DECIMAL_SIZE];

	decimal_encode(should, text);
	if (!slice_is(is, text))
		verify_find(verify, VERIFY_AT(SUMS_NOTE), "%s is \"%.*s\", should be %s.", what,
		    VERIFY_TEXT(is), text);
}

static void judge_note(struct verify *verify, struct slice text)
{
	char hex[HEX_SIZE(SHA256_SIZE)];
	uint8_t hash[SHA256_SIZE];
	struct slice lines[5];

	if (!verify_lines(text, 5, lines) || !slice_is(lines[0], "tallyd bundle v1")) {
		verify_find(verify, VERIFY_AT(SUMS_NOTE), "is no note of a bundle.");
		return;
	}
	if (!slice_is(lines[1], verify->round))
		verify_find(verify, VERIFY_AT(SUMS_NOTE), "the round is %.*s, should be %s.",
		    VERIFY_TEXT(lines[1]), verify->round);
	if (!verify_number(lines[2], &verify->version) || verify->version == 0 ||
	    verify->version > VERIFY_RESULTS_MAX) {
		verify->version = 0;
		verify_find(verify, VERIFY_AT(SUMS_NOTE),
		    "the version of the newest result is \"%.*s\", should be a number from 1.",
		    VERIFY_TEXT(lines[2]));
	}
	want_number(verify, "the number of files", lines[3], verify->n_files);
	sha256(buf_slice(&verify->sums_text), hash);
	hex_encode(hash, sizeof(hash), hex);
	if (!slice_is(lines[4], hex))
		verify_find(verify, VERIFY_AT(SUMS), "has the SHA-256 %s, should have %.*s.", hex,
		    VERIFY_TEXT(lines[4]));
}

static void read_note(struct verify *verify)
{
	struct slice note, text;

	if (!verify_read(verify, SUMS_NOTE, VERIFY_NOTE_MAX, &note)) {
		verify_find(verify, VERIFY_AT(SUMS_NOTE), "is missing: nobody has signed this.");
		return;
	}
	if (note_open(note, verify->key_name, verify->result_key, &text) == 0)
		judge_note(verify, text);
	else
		verify_find(verify, VERIFY_AT(SUMS_NOTE), "is not signed by the %s key %s.",
		    verify->pinned ? "pinned" : "bundle's own", verify->key_name);
}

void verify_sums(struct verify *verify)
{
	struct slice text;
	int rc;

	if (!verify_read(verify, SUMS, VERIFY_SUMS_MAX, &text)) {
		verify_find(verify, VERIFY_AT(SUMS), "is missing.");
		if (verify->bytes.len > VERIFY_SUMS_MAX) /* a limit of ours, no fault of theirs */
			verify_fail(verify, -EFBIG, SUMS);
		return;
	}
	buf_init(&verify->sums_text, VERIFY_SUMS_MAX);
	rc = buf_append_slice(&verify->sums_text, text);
	if (rc != 0) {
		verify_fail(verify, rc, SUMS);
		return;
	}
	read_list(verify);
	if (verify->error == 0)
		read_note(verify);
}

uint64_t verify_file_max(const char *path)
{
	const char *end = strrchr(path, '.');

	if (strcmp(path, SUMS) == 0)
		return VERIFY_SUMS_MAX;
	if (strncmp(path, "log/", 4) == 0)
		return VERIFY_NOTE_MAX; /* entries, tiles, notes */
	if (strncmp(path, "openings/", 9) == 0)
		return VERIFY_OPENINGS_MAX;
	if (strcmp(path, "audit.jsonl") == 0)
		return VERIFY_FILE_MAX;
	return end && strcmp(end, ".note") == 0 ? VERIFY_NOTE_MAX : VERIFY_JSON_MAX;
}
