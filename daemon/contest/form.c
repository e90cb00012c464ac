/* The table of ballot forms, and what is the same for all of them: the envelope of a ballot, its
 * canonical text, the difference between two ballots. What an item means is in the forms' own
 * files. */
#include "contest/form.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "contest/form_rows.h"

static const struct form *const forms[] = {&form_choices, &form_scores, &form_ranking};

#define N_FORMS (sizeof(forms) / sizeof(forms[0]))

const struct form *form_find(struct slice name)
{
	for (size_t i = 0; i < N_FORMS; i++)
		if (slice_is(name, forms[i]->name))
			return forms[i];
	return NULL;
}

const char *form_names(void)
{
	return "choices, scores, ranking";
}

/* ---- sentences ---- */

/* Ends a sentence that was cut off with "…", on a character's boundary. */
static void end_with_ellipsis(char why[FORM_WHY_MAX])
{
	static const char ellipsis[] = "…";
	size_t at = FORM_WHY_MAX - sizeof(ellipsis);

	while (at > 0 && ((unsigned char)why[at] & 0xC0) == 0x80)
		at--;
	memcpy(why + at, ellipsis, sizeof(ellipsis));
}

int form_refuse(char ret_why[FORM_WHY_MAX], const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(ret_why, FORM_WHY_MAX, format, args);
	va_end(args);
	if (len >= FORM_WHY_MAX)
		end_with_ellipsis(ret_why);
	return -EINVAL;
}

/* At most this many bytes of what a client sent stand in a sentence. */
#define QUOTE_MAX CONTEST_ID_MAX

/* The length of what may be quoted of `text`: whole characters only. */
static int quotable(struct slice text)
{
	size_t len = text.len;

	if (len > QUOTE_MAX) {
		len = QUOTE_MAX;
		while (len > 0 && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
			len--;
	}
	return (int)len;
}

int form_refuse_entry(const struct contest *contest, struct slice id, char ret_why[FORM_WHY_MAX])
{
	char list[FORM_WHY_MAX] = "";
	size_t len = 0;

	for (size_t i = 0; i < contest->n_entries && len < sizeof(list); i++)
		len += (size_t)snprintf(
		    list + len, sizeof(list) - len, "%s%s", i ? ", " : "", contest->entries[i].id);
	return form_refuse(ret_why, "there is no entry \"%.*s%s\"; the entries are: %s",
	    quotable(id), id.ptr, id.len > QUOTE_MAX ? "…" : "", list);
}

int form_read_list(const struct form_list *list, const struct contest *contest, const json_t *body,
    struct ballot *ret_ballot, char ret_why[FORM_WHY_MAX])
{
	const json_t *items = json_object_get(body, list->name), *item;
	const char *example = contest->entries[0].id;
	size_t i;

	if (!json_is_array(items))
		return form_refuse(ret_why, "\"%s\" is to be a list of %s, such as [\"%s\"]",
		    list->name, list->items, example);
	json_array_foreach(items, i, item)
	{
		struct slice id;
		int entry;

		if (!json_is_string(item))
			return form_refuse(ret_why,
			    "item %zu of \"%s\" is to be an entry id in quotes, such as \"%s\"",
			    i + 1, list->name, example);
		id = slice_make(json_string_value(item), json_string_length(item));
		entry = contest_entry(contest, id);
		if (entry < 0)
			return form_refuse_entry(contest, id, ret_why);
		if (ret_ballot->present[entry])
			return form_refuse(
			    ret_why, "\"%s\" %s", contest->entries[entry].id, list->twice);
		ret_ballot->present[entry] = true;
		ret_ballot->value[entry] = list->placed ? (int)i + 1 : 1;
	}
	return 0;
}

/* ---- items ---- */

int ballot_put_next(const struct contest *contest, struct ballot *ballot, int entry, int value)
{
	for (size_t i = (size_t)entry; i < contest->n_entries; i++)
		if (ballot->present[i])
			return -EINVAL;
	ballot->present[entry] = true;
	ballot->value[entry] = value;
	return 0;
}

size_t ballot_count(const struct contest *contest, const struct ballot *ballot)
{
	size_t count = 0;

	for (size_t i = 0; i < contest->n_entries; i++)
		count += ballot->present[i];
	return count;
}

int form_unpack_entry(const struct contest *contest, struct slice *packed)
{
	int entry = packed->len > 0 ? (uint8_t)packed->ptr[0] : -1;

	if (entry < 0 || (size_t)entry >= contest->n_entries)
		return -EINVAL;
	*packed = slice_make(packed->ptr + 1, packed->len - 1);
	return entry;
}

json_t *form_number(int64_t value, int64_t scale)
{
	return json_real((double)value / (double)scale);
}

void form_counter(const char *kind, const struct contest *contest, size_t entry,
    char ret_counter[FORM_COUNTER_MAX])
{
	(void)snprintf(ret_counter, FORM_COUNTER_MAX, "%s:%s", kind, contest->entries[entry].id);
}

/* ---- ballots ---- */

/* The body must be an object with the form's member and nothing else. */
static int check_envelope(const struct form *form, const json_t *body, char ret_why[FORM_WHY_MAX])
{
	const char *name;
	json_t *value;

	if (!json_is_object(body))
		return form_refuse(
		    ret_why, "a ballot is a JSON object with the member \"%s\"", form->name);
	json_object_foreach((json_t *)(uintptr_t)body, name, value)
	{
		struct slice member = slice_text(name);

		if (!slice_is(member, form->name))
			return form_refuse(ret_why,
			    "unknown member \"%.*s%s\"; a ballot has the member \"%s\" and no "
			    "other",
			    quotable(member), name, member.len > QUOTE_MAX ? "…" : "", form->name);
	}
	if (!json_object_get(body, form->name))
		return form_refuse(ret_why, "the member \"%s\" is missing", form->name);
	return 0;
}

int ballot_parse(const struct contest *contest, const json_t *body, struct ballot *ret_ballot,
    char ret_why[FORM_WHY_MAX])
{
	const struct form *form = contest->form;
	struct ballot ballot = {0};

	if (check_envelope(form, body, ret_why) < 0 ||
	    form->parse(contest, body, &ballot, ret_why) < 0 ||
	    form->check(contest, &ballot, ret_why) < 0)
		return -EINVAL;
	*ret_ballot = ballot;
	return 0;
}

int ballot_print(const struct contest *contest, const struct ballot *ballot, struct buf *out)
{
	size_t before = out->len;
	int error = buf_printf(out, "%s\n", contest->form->name);

	if (!error)
		error = contest->form->print(contest, ballot, out);
	if (error)
		out->len = before;
	return error;
}

/* Cuts the first line off `text`, without its LF. False when no LF is left. */
static bool take_line(struct slice *text, struct slice *ret_line)
{
	const char *end = text->len ? memchr(text->ptr, '\n', text->len) : NULL;

	if (!end)
		return false;
	*ret_line = slice_make(text->ptr, (size_t)(end - text->ptr));
	*text = slice_make(end + 1, text->len - ret_line->len - 1);
	return true;
}

int ballot_read(const struct contest *contest, struct slice canonical, struct ballot *ret_ballot)
{
	const struct form *form = contest->form;
	struct ballot ballot = {0};
	char why[FORM_WHY_MAX];
	struct slice line;

	if (!take_line(&canonical, &line) || !slice_is(line, form->name))
		return -EINVAL;
	while (take_line(&canonical, &line))
		if (form->read_item(contest, line, &ballot) < 0)
			return -EINVAL;
	if (canonical.len > 0 || form->check(contest, &ballot, why) < 0)
		return -EINVAL;
	*ret_ballot = ballot;
	return 0;
}

int ballot_pack(const struct contest *contest, struct slice canonical,
    uint8_t ret_packed[FORM_PACKED_MAX], size_t *ret_len)
{
	struct ballot ballot;

	if (ballot_read(contest, canonical, &ballot) < 0)
		return -EINVAL;
	*ret_len = contest->form->pack(contest, &ballot, ret_packed);
	return 0;
}

int ballot_unpack(const struct contest *contest, struct slice packed, struct buf *out)
{
	const struct form *form = contest->form;
	struct ballot ballot = {0};
	char why[FORM_WHY_MAX];

	while (packed.len > 0)
		if (form->unpack_item(contest, &packed, &ballot) < 0)
			return -EINVAL;
	if (form->check(contest, &ballot, why) < 0)
		return -EINVAL;
	return ballot_print(contest, &ballot, out);
}

/* Adds `by` to the counter's increment in the list, which grows when it is not there yet. */
static size_t add_increment(struct form_increment *list, size_t n, const char *counter, int64_t by)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i].counter, counter) == 0) {
			list[i].by += by;
			return n;
		}
	}
	memcpy(list[n].counter, counter, strlen(counter) + 1);
	list[n].by = by;
	return n + 1;
}

static size_t drop_zeros(struct form_increment *list, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (list[i].by == 0)
			continue;
		if (kept != i)
			list[kept] = list[i];
		kept++;
	}
	return kept;
}

size_t ballot_increments(const struct contest *contest, const struct ballot *ballot,
    const struct ballot *old, struct form_increment *ret_increments)
{
	size_t n = contest->form->increments(contest, ballot, ret_increments);

	/* A form has at most CONTEST_INCREMENTS_MAX counters, so the union of both lists fits. */
	if (old) {
		struct form_increment undone[CONTEST_INCREMENTS_MAX];
		size_t n_undone = contest->form->increments(contest, old, undone);

		for (size_t i = 0; i < n_undone; i++)
			n = add_increment(ret_increments, n, undone[i].counter, -undone[i].by);
	}
	return drop_zeros(ret_increments, n);
}
