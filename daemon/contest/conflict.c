/* Whether an affiliation and an entry's organisations are one, by name, unit, or group. Does not
 * decide what follows from it. */
#include "contest/conflict.h"

#include <stdio.h>
#include <string.h>

#define PLAIN_MAX ORGANISATION_PLAIN_MAX

/* ---- names ---- */

static bool is_named(const char *name, const char *plain)
{
	char other[PLAIN_MAX];

	return name && plain[0] &&
	       strcmp(organisation_plain_name(name, other, sizeof(other)), plain) == 0;
}

static bool is_called(const struct organisation *organisation, const char *plain)
{
	if (organisation->plain) {
		for (size_t i = 0; i < organisation->n_plain; i++)
			if (strcmp(organisation->plain[i], plain) == 0)
				return true;
		return false;
	}
	if (is_named(organisation->name.ko, plain) || is_named(organisation->name.en, plain))
		return true;
	for (size_t i = 0; i < organisation->n_aliases; i++)
		if (is_named(organisation->aliases[i], plain))
			return true;
	return false;
}

static bool shares_name(const struct organisation *a, const char *name)
{
	char plain[PLAIN_MAX];

	return name && is_called(a, organisation_plain_name(name, plain, sizeof(plain)));
}

static bool same_names(const struct organisation *a, const struct organisation *b)
{
	if (b->plain) {
		for (size_t i = 0; i < b->n_plain; i++)
			if (is_called(a, b->plain[i]))
				return true;
		return false;
	}
	if (shares_name(a, b->name.ko) || shares_name(a, b->name.en))
		return true;
	for (size_t i = 0; i < b->n_aliases; i++)
		if (shares_name(a, b->aliases[i]))
			return true;
	return false;
}

/* ---- which organisation an affiliation means ---- */

/* By id or one of its names. Of two of the same name the one that is no unit. */
static const struct organisation *find(const struct contest *contest, const char *plain)
{
	const struct organisation *unit = NULL;

	if (!plain[0])
		return NULL;
	for (size_t i = 0; i < contest->n_organisations; i++)
		if (contest->organisations[i].id &&
		    strcmp(contest->organisations[i].id, plain) == 0)
			return &contest->organisations[i];
	for (size_t i = 0; i < contest->n_organisations; i++) {
		const struct organisation *organisation = &contest->organisations[i];

		if (!is_called(organisation, plain))
			continue;
		if (!organisation->unit_of)
			return organisation;
		if (!unit)
			unit = organisation;
	}
	return unit;
}

/* What companies put before or behind their name, as plain names have it (㈜ is "(주)" there). */
static const char *const legal_forms[] = {"(주)", "주식회사", "(유)", "유한회사", "(재)",
    "재단법인", "(사)", "사단법인", "co.,ltd.", "co.,ltd", "co.ltd.", "ltd.", "ltd", "inc.", "inc",
    "corporation", "corp.", "corp", "llc", ",", NULL};

static bool strip_form(char *plain, const char *form)
{
	size_t len = strlen(plain), n = strlen(form);

	if (len <= n)
		return false;
	if (memcmp(plain, form, n) == 0) {
		memmove(plain, plain + n, len - n + 1);
		return true;
	}
	if (memcmp(plain + len - n, form, n) == 0) {
		plain[len - n] = '\0';
		return true;
	}
	return false;
}

static const struct organisation *find_without_form(
    const struct contest *contest, const char *plain)
{
	char name[PLAIN_MAX];
	bool stripped = true;

	(void)snprintf(name, sizeof(name), "%s", plain);
	while (stripped) {
		stripped = false;
		for (size_t i = 0; legal_forms[i] && !stripped; i++)
			stripped = strip_form(name, legal_forms[i]);
		const struct organisation *found = stripped ? find(contest, name) : NULL;
		if (found)
			return found;
	}
	return NULL;
}

/* "한국과학기술원(KAIST)": the name before the brackets, or the one in them. */
static const struct organisation *find_by_brackets(const struct contest *contest, const char *plain)
{
	const char *open = strchr(plain, '('), *close = open ? strchr(open, ')') : NULL;
	char name[PLAIN_MAX];

	if (!close)
		return NULL;
	(void)snprintf(name, sizeof(name), "%.*s%s", (int)(open - plain), plain, close + 1);
	const struct organisation *found = find(contest, name);
	if (found)
		return found;
	(void)snprintf(name, sizeof(name), "%.*s", (int)(close - open - 1), open + 1);
	return find(contest, name);
}

static const struct organisation *find_whole(const struct contest *contest, const char *affiliation)
{
	char plain[PLAIN_MAX];
	const struct organisation *found;

	organisation_plain_name(affiliation, plain, sizeof(plain));
	found = find(contest, plain);
	if (!found)
		found = find_without_form(contest, plain);
	return found ? found : find_by_brackets(contest, plain);
}

struct meant {
	const struct organisation *organisation;
	bool part; /* some part of it that the contest does not know by name */
};

/* "서울대학교 컴퓨터공학부" is some part of 서울대학교: as many words from the front as name an
 * organisation. */
static struct meant resolve(const struct contest *contest, const char *affiliation)
{
	struct meant meant = {find_whole(contest, affiliation), false};
	char front[PLAIN_MAX];
	size_t len = strlen(affiliation);

	if (meant.organisation || len >= sizeof(front))
		return meant;
	memcpy(front, affiliation, len + 1);
	while (!meant.organisation && len > 0) {
		while (len > 0 && front[len - 1] != ' ' && front[len - 1] != ',')
			len--;
		while (len > 0 && (front[len - 1] == ' ' || front[len - 1] == ','))
			len--;
		front[len] = '\0';
		meant.organisation = len > 0 ? find_whole(contest, front) : NULL;
		meant.part = true;
	}
	return meant;
}

const struct organisation *conflict_organisation(
    const struct contest *contest, const char *affiliation)
{
	return resolve(contest, affiliation).organisation;
}

/* ---- reach ---- */

/* The organisation that this one is a part of, or NULL. */
static const struct organisation *parent_of(
    const struct contest *contest, const struct organisation *organisation)
{
	return organisation->unit_of ? contest_organisation(contest, organisation->unit_of) : NULL;
}

/* The whole that a unit is a part of, over several levels; itself where it is none. */
static const struct organisation *whole_of(
    const struct contest *contest, const struct organisation *organisation)
{
	/* No chain is longer than the list, unless it goes round in a circle. */
	for (size_t i = 0; i < contest->n_organisations; i++) {
		const struct organisation *parent = parent_of(contest, organisation);

		if (!parent)
			break;
		organisation = parent;
	}
	return organisation;
}

/* A unit that names no group belongs to that of its whole. */
static const char *group_of(const struct contest *contest, const struct organisation *organisation)
{
	for (size_t i = 0; organisation && i <= contest->n_organisations; i++) {
		if (organisation->group)
			return organisation->group;
		organisation = parent_of(contest, organisation);
	}
	return NULL;
}

static bool same_group(
    const struct contest *contest, const struct organisation *a, const struct organisation *b)
{
	const char *one = group_of(contest, a), *other = group_of(contest, b);

	return one && other && strcmp(one, other) == 0;
}

static bool are_one(
    const struct contest *contest, const struct meant *meant, const struct organisation *b)
{
	const struct organisation *a = meant->organisation, *whole_a, *whole_b;

	if (a == b || same_names(a, b))
		return contest->conflict_scope != SCOPE_UNIT || !meant->part;
	if (contest->conflict_scope == SCOPE_UNIT)
		return false;
	whole_a = whole_of(contest, a);
	whole_b = whole_of(contest, b);
	if (whole_a == whole_b || same_names(whole_a, whole_b))
		return true;
	return contest->conflict_scope == SCOPE_GROUP && same_group(contest, a, b);
}

static const struct organisation *conflict_with(
    const struct contest *contest, const struct meant *meant, size_t entry)
{
	const struct entry *of = &contest->entries[entry];
	const struct organisation *other = contest_organisation(contest, of->lead);

	if (other && are_one(contest, meant, other))
		return other;
	for (size_t i = 0; i < of->n_participants; i++) {
		other = contest_organisation(contest, of->participants[i]);
		if (other && are_one(contest, meant, other))
			return other;
	}
	return NULL;
}

const struct organisation *conflict_of(
    const struct contest *contest, const char *affiliation, size_t entry)
{
	struct meant meant = resolve(contest, affiliation);

	return meant.organisation ? conflict_with(contest, &meant, entry) : NULL;
}

void conflict_of_each(const struct contest *contest, const char *affiliation,
    const struct organisation *ret_with[CONTEST_ENTRIES_MAX])
{
	struct meant meant = {0};

	if (affiliation)
		meant = resolve(contest, affiliation);
	for (size_t e = 0; e < contest->n_entries; e++)
		ret_with[e] = meant.organisation ? conflict_with(contest, &meant, e) : NULL;
}
