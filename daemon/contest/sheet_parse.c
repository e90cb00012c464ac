/* Reads a score sheet from JSON, and says of the first thing that is wrong where it is and what
 * would be right. Whether the sheet is complete is not asked here. */
#include "contest/sheet.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* ---- sentences ---- */

/* Ends a sentence that was cut off with "…", on a character's boundary. */
static void end_with_ellipsis(char why[SHEET_WHY_MAX])
{
	static const char ellipsis[] = "…";
	size_t at = SHEET_WHY_MAX - sizeof(ellipsis);

	while (at > 0 && ((unsigned char)why[at] & 0xC0) == 0x80)
		at--;
	memcpy(why + at, ellipsis, sizeof(ellipsis));
}

__attribute__((format(printf, 2, 3))) static int refuse(
    char ret_why[SHEET_WHY_MAX], const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(ret_why, SHEET_WHY_MAX, format, args);
	va_end(args);
	if (len >= SHEET_WHY_MAX)
		end_with_ellipsis(ret_why);
	return -EINVAL;
}

#define QUOTE_SIZE (CONTEST_ID_MAX + sizeof("\"…\""))

/* A client's word in quotation marks, cut where it is longer than an id can be. */
static const char *quote(const char *word, char ret_text[QUOTE_SIZE])
{
	size_t len = strnlen(word, CONTEST_ID_MAX + 1);
	bool cut = len > CONTEST_ID_MAX;

	if (cut) {
		len = CONTEST_ID_MAX;
		while (len > 0 && ((unsigned char)word[len] & 0xC0) == 0x80)
			len--;
	}
	(void)snprintf(ret_text, QUOTE_SIZE, "\"%.*s%s\"", (int)len, word, cut ? "…" : "");
	return ret_text;
}

/* A list of ids as it stands in a sentence; too long ones are cut with the sentence. */
static void list(char ret_list[SHEET_WHY_MAX], size_t *len, const char *id)
{
	if (*len < SHEET_WHY_MAX)
		*len += (size_t)snprintf(
		    ret_list + *len, SHEET_WHY_MAX - *len, "%s%s", *len ? ", " : "", id);
}

static int refuse_entry(
    const struct contest *contest, const char *where, const char *id, char ret_why[SHEET_WHY_MAX])
{
	char entries[SHEET_WHY_MAX] = "", quoted[QUOTE_SIZE];
	size_t len = 0;

	for (size_t i = 0; i < contest->n_entries; i++)
		list(entries, &len, contest->entries[i].id);
	return refuse(ret_why, "%s: there is no entry %s; the entries are %s", where,
	    quote(id, quoted), entries);
}

static const char *what_is(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a text";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		break;
	}
	return "null";
}

/* ---- reading ---- */

struct reading {
	const struct contest *contest;
	const struct panel *panel;
	size_t criteria[CONTEST_CRITERIA_MAX]; /* the panel's */
	size_t n_criteria;
	struct sheet *sheet;
	char *why;
};

static int refuse_criterion(const struct reading *r, const char *entry, const char *id)
{
	char criteria[SHEET_WHY_MAX] = "", quoted[QUOTE_SIZE];
	bool elsewhere = contest_criterion(r->contest, slice_text(id)) >= 0;
	size_t len = 0;

	for (size_t i = 0; i < r->n_criteria; i++)
		list(criteria, &len, r->contest->criteria[r->criteria[i]].id);
	return refuse(r->why, "scores.%s: %s %s; the criteria of the panel \"%s\" are %s", entry,
	    quote(id, quoted), elsewhere ? "is another panel's" : "is no criterion", r->panel->id,
	    criteria);
}

/* The index of one of the panel's criteria, or -1. */
static int own_criterion(const struct reading *r, const char *id)
{
	for (size_t i = 0; i < r->n_criteria; i++)
		if (strcmp(r->contest->criteria[r->criteria[i]].id, id) == 0)
			return (int)r->criteria[i];
	return -1;
}

static int read_score(
    const struct reading *r, size_t entry, const struct criterion *criterion, const json_t *score)
{
	const char *id = r->contest->entries[entry].id;
	json_int_t value = json_integer_value(score);
	char number[32] = "";

	if (json_is_real(score)) {
		(void)json_dumpb(
		    score, number, sizeof(number) - 1, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
		return refuse(r->why,
		    "scores.%s.%s is %s; it must be a whole number without a decimal point or "
		    "exponent, "
		    "from %d to %d in steps of %d",
		    id, criterion->id, number, criterion->min, criterion->max, criterion->step);
	}
	if (!json_is_integer(score))
		return refuse(r->why,
		    "scores.%s.%s is %s; it must be a whole number from %d to %d in steps of %d",
		    id, criterion->id, what_is(score), criterion->min, criterion->max,
		    criterion->step);
	if (value < criterion->min || value > criterion->max ||
	    (value - criterion->min) % criterion->step != 0)
		return refuse(r->why,
		    "scores.%s.%s is %" JSON_INTEGER_FORMAT
		    "; it must be from %d to %d in steps of %d",
		    id, criterion->id, value, criterion->min, criterion->max, criterion->step);
	return 0;
}

static int read_scores_of_entry(const struct reading *r, size_t entry, json_t *scores)
{
	const char *entry_id = r->contest->entries[entry].id;
	const char *id;
	json_t *score;

	if (!json_is_object(scores))
		return refuse(r->why,
		    "scores.%s is %s; it must be an object of criteria and whole numbers", entry_id,
		    what_is(scores));
	json_object_foreach(scores, id, score)
	{
		int criterion = own_criterion(r, id);
		int error;

		if (criterion < 0)
			return refuse_criterion(r, entry_id, id);
		error = read_score(r, entry, &r->contest->criteria[criterion], score);
		if (error)
			return error;
		r->sheet->scored[entry][criterion] = true;
		r->sheet->score[entry][criterion] = (int)json_integer_value(score);
	}
	return 0;
}

/* Reads what is kept as one text an entry. */
static int read_text(const struct reading *r, const char *member, size_t entry, const json_t *text,
    int min, int max, char **ret_text)
{
	const char *id = r->contest->entries[entry].id;
	struct slice line;
	long n;

	if (!json_is_string(text))
		return refuse(r->why, "%s.%s is %s; it must be a text of %d to %d characters",
		    member, id, what_is(text), min, max);
	line = slice_make(json_string_value(text), json_string_length(text));
	n = text_characters_of_lines(line);
	if (n < 0)
		return refuse(r->why,
		    "%s.%s has a control character or a mark that changes the direction of text; "
		    "line feeds are allowed, no other",
		    member, id);
	if (n < min || n > max)
		return refuse(r->why, "%s.%s has %ld characters; it must have %d to %d", member, id,
		    n, min, max);
	if (text_is_blank(line)) /* a comment of nothing is none; a reason must be one */
		return min == 0 ? 0
				: refuse(r->why, "%s.%s has nothing to be read in it", member, id);
	*ret_text = strdup(json_string_value(text));
	return *ret_text ? 0 : -ENOMEM;
}

static int read_recused(const struct reading *r, size_t entry, json_t *reason)
{
	return read_text(
	    r, "recused", entry, reason, 1, SHEET_REASON_MAX, &r->sheet->recused[entry]);
}

static int read_comment(const struct reading *r, size_t entry, json_t *comment)
{
	return read_text(
	    r, "comments", entry, comment, 0, SHEET_COMMENT_MAX, &r->sheet->comment[entry]);
}

/* The members that are objects with one item an entry. */
static const struct {
	const char *name, *holds;
	int (*read)(const struct reading *r, size_t entry, json_t *item);
} by_entry[] = {
    {"scores", "their scores", read_scores_of_entry},
    {"recused", "reasons", read_recused},
    {"comments", "texts", read_comment},
};

#define N_BY_ENTRY (sizeof(by_entry) / sizeof(by_entry[0]))

static int read_by_entry(const struct reading *r, size_t which, json_t *items)
{
	const char *member = by_entry[which].name;
	const char *id;
	json_t *item;

	if (!json_is_object(items))
		return refuse(r->why, "%s is %s; it must be an object of entries and %s", member,
		    what_is(items), by_entry[which].holds);
	json_object_foreach(items, id, item)
	{
		int entry = contest_entry(r->contest, slice_text(id));
		int error;

		if (entry < 0)
			return refuse_entry(r->contest, member, id, r->why);
		error = by_entry[which].read(r, (size_t)entry, item);
		if (error)
			return error;
	}
	return 0;
}

static int read_state(const struct reading *r, const json_t *state)
{
	const char *text = json_string_value(state);
	char quoted[QUOTE_SIZE];

	if (!state)
		return refuse(r->why, "state is missing; it must be \"draft\" or \"submitted\"");
	if (!text)
		return refuse(
		    r->why, "state is %s; it must be \"draft\" or \"submitted\"", what_is(state));
	r->sheet->submitted = strcmp(text, "submitted") == 0;
	if (!r->sheet->submitted && strcmp(text, "draft") != 0)
		return refuse(r->why, "state is %s; it must be \"draft\" or \"submitted\"",
		    quote(text, quoted));
	return 0;
}

static int read_member(const struct reading *r, const char *name, json_t *value)
{
	char quoted[QUOTE_SIZE];

	for (size_t i = 0; i < N_BY_ENTRY; i++)
		if (strcmp(name, by_entry[i].name) == 0)
			return read_by_entry(r, i, value);
	if (strcmp(name, "state") == 0)
		return 0;
	return refuse(r->why,
	    "there is no member %s; a sheet has scores, recused, comments, and state",
	    quote(name, quoted));
}

static bool has_score(const struct reading *r, size_t entry)
{
	for (size_t i = 0; i < r->n_criteria; i++)
		if (r->sheet->scored[entry][r->criteria[i]])
			return true;
	return false;
}

static int check_recusals(const struct reading *r)
{
	for (size_t i = 0; i < r->contest->n_entries; i++) {
		const char *id = r->contest->entries[i].id;

		if (r->sheet->recused[i] && has_score(r, i))
			return refuse(r->why,
			    "scores.%s stands beside recused.%s; an entry has either scores or a "
			    "recusal",
			    id, id);
	}
	return 0;
}

static int read_body(const struct reading *r, const json_t *body)
{
	const char *name;
	json_t *value;
	int error;

	if (!json_is_object(body))
		return refuse(r->why,
		    "the sheet is %s; it must be an object with scores, recused, comments, and "
		    "state",
		    what_is(body));
	error = read_state(r, json_object_get(body, "state"));
	if (error)
		return error;
	json_object_foreach((json_t *)body, name, value)
	{
		error = read_member(r, name, value);
		if (error)
			return error;
	}
	return check_recusals(r);
}

int sheet_parse(const struct contest *contest, const struct panel *panel, const json_t *body,
    struct sheet **ret_sheet, char ret_why[SHEET_WHY_MAX])
{
	struct reading r = {.contest = contest, .panel = panel, .why = ret_why};
	int error;

	r.n_criteria = panel_criteria(contest, panel, r.criteria);
	r.sheet = sheet_new();
	error = r.sheet ? read_body(&r, body) : -ENOMEM;
	if (error) {
		sheet_free(r.sheet);
		return error;
	}
	*ret_sheet = r.sheet;
	return 0;
}
