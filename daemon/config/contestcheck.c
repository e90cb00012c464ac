/* Entries and organisations, hours, ballot, and criteria of a contest. What is made of experts'
 * scores is checked in contestcheck_stage.c; the form of single values is the schema's business. */
#include "config/contestcheck.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/contestrefs.h"

#define NAMES_EACH     18 /* ko, en, and at most 16 aliases */
#define PLAIN_NAME_MAX 800

/* ---- entries and organisations ---- */

static struct ids organisation_ids(const struct contest *contest)
{
	return (struct ids){"organisations", contest->organisations, contest->n_organisations,
	    sizeof(struct organisation)};
}

static struct ids group_ids(const struct contest *contest)
{
	return (struct ids){"groups", contest->groups, contest->n_groups, sizeof(struct group)};
}

static void check_participants(const struct check *check, size_t index)
{
	const struct entry *entry = &check->contest->entries[index];

	for (size_t i = 0; i < entry->n_participants; i++) {
		const char *id = entry->participants[i];
		const yaml_node_t *node =
		    document_at(check->document, "entries/%zu/participants/%zu", index, i);

		check_reference(check, organisation_ids(check->contest), id, node);
		if (id && entry->lead && strcmp(id, entry->lead) == 0)
			document_error(check->errors, node,
			    "\"%s\" leads this entry; do not list it as a participant too", id);
		for (size_t k = 0; k < i && id; k++)
			if (entry->participants[k] && strcmp(id, entry->participants[k]) == 0)
				document_error(check->errors, node,
				    "\"%s\" is listed twice; name it once", id);
	}
}

static void check_entries(const struct check *check)
{
	for (size_t i = 0; i < check->contest->n_entries; i++) {
		check_reference(check, organisation_ids(check->contest),
		    check->contest->entries[i].lead,
		    document_at(check->document, "entries/%zu/lead", i));
		check_participants(check, i);
	}
}

static void check_unit(const struct check *check, size_t index)
{
	const struct organisation *unit = &check->contest->organisations[index];
	const yaml_node_t *node = document_at(check->document, "organisations/%zu/unit_of", index);
	const struct organisation *whole;

	if (!unit->unit_of)
		return;
	check_reference(check, organisation_ids(check->contest), unit->unit_of, node);
	whole = contest_organisation(check->contest, unit->unit_of);
	if (whole == unit)
		document_error(check->errors, node,
		    "\"%s\" is a unit of itself; name the organisation that it is a part of",
		    unit->id);
	else if (whole && whole->unit_of)
		document_error(check->errors, node,
		    "\"%s\" is a unit itself; name the whole organisation: \"%s\"", whole->id,
		    whole->unit_of);
}

/* ---- names ---- */

struct named { /* a name as it is compared, and where it stands */
	char *plain;
	size_t organisation;
	const yaml_node_t *node;
};

struct names {
	struct named *list;
	size_t n;
};

static int add_name(
    struct names *names, size_t organisation, const char *name, const yaml_node_t *node)
{
	struct named *named = &names->list[names->n];
	char plain[PLAIN_NAME_MAX];

	if (!name)
		return 0;
	named->plain = strdup(organisation_plain_name(name, plain, sizeof(plain)));
	if (!named->plain)
		return -ENOMEM;
	named->organisation = organisation;
	named->node = node;
	names->n++;
	return 0;
}

static int add_names_of(const struct check *check, struct names *names, size_t index)
{
	const struct organisation *organisation = &check->contest->organisations[index];
	int error = add_name(names, index, organisation->name.ko,
	    document_at(check->document, "organisations/%zu/name/ko", index));

	if (!error)
		error = add_name(names, index, organisation->name.en,
		    document_at(check->document, "organisations/%zu/name/en", index));
	for (size_t i = 0; i < organisation->n_aliases && !error; i++)
		error = add_name(names, index, organisation->aliases[i],
		    document_at(check->document, "organisations/%zu/aliases/%zu", index, i));
	return error;
}

/* A whole and its units, or the units of one whole, may share a name. */
static bool are_kin(const struct organisation *a, const struct organisation *b)
{
	const char *whole_a = a->unit_of ? a->unit_of : a->id;
	const char *whole_b = b->unit_of ? b->unit_of : b->id;

	return whole_a && whole_b && strcmp(whole_a, whole_b) == 0;
}

static int by_name(const void *left, const void *right)
{
	const struct named *a = left, *b = right;
	int order = strcmp(a->plain, b->plain);

	if (order)
		return order;
	return a->organisation < b->organisation ? -1 : a->organisation > b->organisation;
}

static void note_collisions(const struct check *check, const struct names *names)
{
	const struct organisation *organisations = check->contest->organisations;

	for (size_t i = 1; i < names->n; i++) {
		const struct named *first = &names->list[i - 1], *second = &names->list[i];

		if (strcmp(first->plain, second->plain) != 0 ||
		    are_kin(
			&organisations[first->organisation], &organisations[second->organisation]))
			continue;
		document_error(check->errors, second->node,
		    "this name is also one of \"%s\"; without spaces, case and the suffix "
		    "산학협력단 both "
		    "are \"%s\", so an expert's affiliation could not be told apart",
		    organisations[first->organisation].id ? organisations[first->organisation].id
							  : "?",
		    second->plain);
	}
}

static int check_names(const struct check *check)
{
	struct names names = {
	    calloc(check->contest->n_organisations + 1, NAMES_EACH * sizeof(*names.list)), 0};
	int error = names.list ? 0 : -ENOMEM;

	for (size_t i = 0; i < check->contest->n_organisations && !error; i++)
		error = add_names_of(check, &names, i);
	if (!error) {
		qsort(names.list, names.n, sizeof(*names.list), by_name);
		note_collisions(check, &names);
	}
	for (size_t i = 0; i < names.n; i++)
		free(names.list[i].plain);
	free(names.list);
	return error;
}

/* ---- hours, ballot, criteria ---- */

static void check_hours(const struct check *check)
{
	int64_t opens = check->contest->opens_ms, closes = check->contest->closes_ms;

	if (opens && closes && closes <= opens)
		document_error(check->errors, document_at(check->document, "closes_at"),
		    "\"closes_at\" is not after \"opens_at\"; it is to be later");
}

/* A form whose ballot names from min to max entries; passed over where it is not the ballot's. */
static void check_count(const struct check *check, const char *form, int min, int max)
{
	const yaml_node_t *node = document_at(check->document, "ballot/%s", form);
	const yaml_node_t *most = document_value(check->document, node, "max");
	size_t entries = check->contest->n_entries;

	if (!node)
		return;
	if (most)
		node = most;
	if (min > max)
		document_error(check->errors, node,
		    "\"ballot.%s.max\" is %d, but \"min\" is %d; it is to be at least as much",
		    form, max, min);
	if (entries && (size_t)max > entries)
		document_error(check->errors, node,
		    "\"ballot.%s.max\" is %d, but there are %zu entries; it is to be at most "
		    "that",
		    form, max, entries);
}

/* A scale from min to max in steps. */
static void check_scale(
    const struct check *check, int min, int max, int step, const yaml_node_t *node)
{
	if (max <= min)
		document_error(check->errors, node,
		    "the highest score is %d and the lowest %d; it is to be above that", max, min);
	else if (step > 0 && (max - min) % step != 0)
		document_error(check->errors, node,
		    "steps of %d from %d do not meet %d; choose a step that divides %d", step, min,
		    max, max - min);
}

static void check_ballot(const struct check *check)
{
	const struct contest *contest = check->contest;
	const yaml_node_t *scores = document_at(check->document, "ballot/scores");

	check_count(check, "choices", contest->ballot.choices_min, contest->ballot.choices_max);
	check_count(check, "ranking", contest->ballot.ranking_min, contest->ballot.ranking_max);
	if (scores)
		check_scale(check, contest->ballot.score_min, contest->ballot.score_max,
		    contest->ballot.score_step, scores);
}

static void check_criteria(const struct check *check)
{
	for (size_t i = 0; i < check->contest->n_criteria; i++) {
		const struct criterion *c = &check->contest->criteria[i];

		if (document_at(check->document, "criteria/%zu/max", i))
			check_scale(check, c->min, c->max, c->step,
			    document_at(check->document, "criteria/%zu", i));
	}
}

int contest_check(
    const struct contest *contest, struct document *document, struct config_errors *errors)
{
	const struct check check = {contest, document, errors};

	check_hours(&check);
	check_ballot(&check);
	check_unique(&check, group_ids(contest));
	check_unique(&check, organisation_ids(contest));
	check_unique(&check,
	    (struct ids){"entries", contest->entries, contest->n_entries, sizeof(struct entry)});
	check_unique(&check, (struct ids){"criteria", contest->criteria, contest->n_criteria,
				 sizeof(struct criterion)});
	check_criteria(&check);
	for (size_t i = 0; i < contest->n_organisations; i++) {
		check_reference(&check, group_ids(contest), contest->organisations[i].group,
		    document_at(document, "organisations/%zu/group", i));
		check_unit(&check, i);
	}
	check_entries(&check);
	contest_check_identity(&check);
	contest_check_stage(&check);
	return check_names(&check);
}
