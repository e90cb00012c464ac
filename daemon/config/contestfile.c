/* Loads a contest's file: schema, rehearsal: block, rules between keys, the ballot's form. */
#include "config/contestfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/contestcheck.h"
#include "config/contestschema.h"
#include "contest/form.h"

/* The row of the form whose block stands under ballot:; exactly one is wanted. */
static void find_form(
    struct document *document, struct config_errors *errors, struct contest *contest)
{
	yaml_node_t *ballot = document_at(document, "ballot");
	size_t found = 0;

	if (!ballot || ballot->type != YAML_MAPPING_NODE)
		return; /* noted by the schema */
	for (yaml_node_pair_t *pair = ballot->data.mapping.pairs.start;
	     pair < ballot->data.mapping.pairs.top; pair++) {
		const yaml_node_t *name = document_node(document, pair->key);
		const struct form *form = NULL;

		if (name->type == YAML_SCALAR_NODE)
			form = form_find(slice_text((const char *)name->data.scalar.value));
		if (!form || form == contest->form)
			continue;
		contest->form = form;
		found++;
	}
	if (found != 1)
		document_error(errors, ballot,
		    "\"ballot\" names %zu forms; it is to name one of: %s", found, form_names());
}

/* A rehearsal's bundle does not stand where the contest's will. */
static void forget_places(struct contest *contest)
{
	while (contest->n_published_at > 0)
		free(contest->published_at[--contest->n_published_at]);
	free(contest->published_at);
	contest->published_at = NULL;
}

/* The block is checked even where it is not applied. */
static int read_rehearsal(
    struct document *document, struct config_errors *errors, bool apply, struct contest *contest)
{
	const struct schema_source source = {
	    .document = document, .errors = errors, .within = "rehearsal", .overlay = true};
	const yaml_node_t *block = document_at(document, "rehearsal");
	struct contest *target = apply ? contest : calloc(1, sizeof(*target));
	int error = 0;

	if (!target)
		return -ENOMEM;
	if (apply)
		forget_places(contest);
	if (block)
		error = schema_read(&rehearsal_schema, &source, block, target);
	if (!apply)
		contest_free(target);
	return error;
}

/* ---- what follows from what stands there ---- */

/* Criteria alone are scored by one panel, the experts. */
static int imply_panel(struct contest *contest)
{
	struct panel *panel = calloc(1, sizeof(*panel));

	if (!panel)
		return -ENOMEM;
	contest->panels = panel;
	contest->n_panels = 1;
	panel->id = strdup("experts");
	panel->name = (struct text){strdup("전문가"), strdup("Experts")};
	panel->aggregate = AGGREGATE_TRIMMED_MEAN;
	panel->min_experts = 3;
	return panel->id && panel->name.ko && panel->name.en ? 0 : -ENOMEM;
}

/* As many places as there are entries. */
static int full_ranking(const struct contest *contest)
{
	return contest->n_entries < CONTEST_RANKING_MAX ? (int)contest->n_entries
							: CONTEST_RANKING_MAX;
}

static int complete(struct document *document, struct contest *contest)
{
	if (contest->ballot.ranking_max == 0)
		contest->ballot.ranking_max = full_ranking(contest);
	if (!contest->pledge.text.ko)
		contest->pledge.required = false;
	if (!document_at(document, "panels") && contest->n_criteria > 0)
		return imply_panel(contest);
	return 0;
}

/* ---- the file ---- */

static int read_document(struct document *document, struct config_errors *errors, bool rehearsal,
    struct contest *contest)
{
	const struct schema_source source = {.document = document, .errors = errors};
	int error = schema_read(&contest_schema, &source, document_root(document), contest);

	if (!error)
		error = read_rehearsal(document, errors, rehearsal, contest);
	if (error)
		return error;
	error = complete(document, contest);
	if (error)
		return error;
	find_form(document, errors, contest);
	error = contest_check(contest, document, errors);
	if (error)
		return error;
	if (rehearsal) {
		contest->rehearsal = true;
		contest->opens_ms = contest->closes_ms = 0;
	}
	return errors->short_of_memory ? -ENOMEM : contest_prepare(contest);
}

int contestfile_load(const char *path, bool rehearsal, struct contest **ret_contest,
    struct config_errors *ret_errors)
{
	struct document *document = NULL;
	struct contest *contest = NULL;
	int error = config_errors_init(ret_errors, path);

	if (!error)
		error = document_load(path, ret_errors, &document);
	if (error == -EFBIG)
		config_errors_add(
		    ret_errors, 0, 0, "a contest has at most %d entries", CONTEST_ENTRIES_MAX);
	if (error)
		goto out;
	contest = calloc(1, sizeof(*contest));
	error = contest ? read_document(document, ret_errors, rehearsal, contest) : -ENOMEM;
	if (!error && ret_errors->count > 0)
		error = -EINVAL;
	if (error) {
		contest_free(contest);
		goto out;
	}
	*ret_contest = contest;
out:
	config_errors_sort(ret_errors);
	document_free(document);
	return error;
}
