/* Whether an affiliation and an entry's organisations are one, by name, unit, or group. Does not
 * decide what follows from it. */
#include "contest/conflict.h"

#include <string.h>

#define PLAIN_MAX 512

/* ---- names ---- */

static bool is_named(const char *name, const char *plain)
{
	char other[PLAIN_MAX];

	return name && plain[0] &&
	       strcmp(organisation_plain_name(name, other, sizeof(other)), plain) == 0;
}

static bool is_called(const struct organisation *organisation, const char *plain)
{
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
	if (shares_name(a, b->name.ko) || shares_name(a, b->name.en))
		return true;
	for (size_t i = 0; i < b->n_aliases; i++)
		if (shares_name(a, b->aliases[i]))
			return true;
	return false;
}

const struct organisation *conflict_organisation(
    const struct contest *contest, const char *affiliation)
{
	const struct organisation *unit = NULL;
	char plain[PLAIN_MAX];

	organisation_plain_name(affiliation, plain, sizeof(plain));
	for (size_t i = 0; i < contest->n_organisations; i++)
		if (is_named(contest->organisations[i].id, plain))
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
    const struct contest *contest, const struct organisation *a, const struct organisation *b)
{
	const struct organisation *whole_a, *whole_b;

	if (a == b || same_names(a, b))
		return true;
	if (contest->conflict_scope == SCOPE_UNIT)
		return false;
	whole_a = whole_of(contest, a);
	whole_b = whole_of(contest, b);
	if (whole_a == whole_b || same_names(whole_a, whole_b))
		return true;
	return contest->conflict_scope == SCOPE_GROUP && same_group(contest, a, b);
}

const struct organisation *conflict_of(
    const struct contest *contest, const char *affiliation, size_t entry)
{
	const struct organisation *own = conflict_organisation(contest, affiliation);
	const struct entry *of = &contest->entries[entry];
	const struct organisation *other;

	if (!own)
		return NULL;
	other = contest_organisation(contest, of->lead);
	if (other && are_one(contest, own, other))
		return other;
	for (size_t i = 0; i < of->n_participants; i++) {
		other = contest_organisation(contest, of->participants[i]);
		if (other && are_one(contest, own, other))
			return other;
	}
	return NULL;
}
