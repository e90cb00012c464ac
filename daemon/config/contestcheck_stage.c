/* Panels, the stage's parts and cut, the programme: what must hold between their keys. */
#include <string.h>

#include "config/contestrefs.h"
#include "contest/form.h"

/* Totals of a sheet are added up in 64 bits and kept with four decimals: 64 criteria of at most
 * 1000 points at a weight of at most 1000 stay far below that. */
_Static_assert(CONTEST_CRITERIA_MAX * 1000LL * 1000 < 100000000000LL, "see fixed_parse()");

static struct ids criterion_ids(const struct contest *contest)
{
	return (struct ids){
	    "criteria", contest->criteria, contest->n_criteria, sizeof(struct criterion)};
}

static struct ids panel_ids(const struct contest *contest)
{
	return (struct ids){"panels", contest->panels, contest->n_panels, sizeof(struct panel)};
}

static struct ids subtotal_ids(const struct contest *contest)
{
	return (struct ids){"stage/subtotals", contest->stage.subtotals, contest->stage.n_subtotals,
	    sizeof(struct subtotal)};
}

static struct ids part_ids(const struct contest *contest)
{
	return (struct ids){
	    "stage/parts", contest->stage.parts, contest->stage.n_parts, sizeof(struct part)};
}

/* ---- panels ---- */

/* The panel's criteria, each known and named once. False: something was noted. */
static bool check_panel_criteria(const struct check *check, size_t index)
{
	const struct panel *panel = &check->contest->panels[index];
	size_t before = check->errors->count;

	for (size_t i = 0; i < panel->n_criteria; i++) {
		const char *id = panel->criteria[i];
		const yaml_node_t *node =
		    document_at(check->document, "panels/%zu/criteria/%zu", index, i);

		check_reference(check, criterion_ids(check->contest), id, node);
		for (size_t k = 0; k < i && id; k++)
			if (panel->criteria[k] && strcmp(id, panel->criteria[k]) == 0)
				document_error(check->errors, node,
				    "\"%s\" is listed twice; name it once", id);
	}
	return check->errors->count == before;
}

/* Whether every criterion and every one that the panel names could be read. */
static bool is_readable(const struct contest *contest, const struct panel *panel)
{
	for (size_t i = 0; i < contest->n_criteria; i++)
		if (!contest->criteria[i].id)
			return false;
	for (size_t i = 0; i < panel->n_criteria; i++)
		if (!panel->criteria[i])
			return false;
	return true;
}

static void check_panel(const struct check *check, size_t index)
{
	const struct contest *contest = check->contest;
	const struct panel *panel = &contest->panels[index];

	if (!check_panel_criteria(check, index) || !is_readable(contest, panel))
		return;
	if (panel_greatest(contest, panel) <= panel_least(contest, panel))
		document_error(check->errors, document_at(check->document, "panels/%zu", index),
		    "all criteria of this panel weigh 0, so all totals are alike; give one of "
		    "them a weight");
}

static void check_panels(const struct check *check)
{
	const yaml_node_t *panels = document_at(check->document, "panels");

	check_unique(check, panel_ids(check->contest));
	if (!panels || check->contest->n_panels == 0)
		return; /* none, or the one that criteria imply */
	if (!document_at(check->document, "criteria")) {
		document_error(check->errors, panels,
		    "there are panels, but nothing for them to score; list \"criteria\"");
		return;
	}
	for (size_t i = 0; i < check->contest->n_panels; i++)
		check_panel(check, i);
}

/* ---- the stage's parts ---- */

static void check_part_panel(const struct check *check, const struct part *part, size_t index)
{
	const yaml_node_t *node = document_at(check->document, "stage/parts/%zu", index);
	const yaml_node_t *named = document_value(check->document, node, "panel");

	if (part->source != PART_PANEL) {
		if (named)
			document_error(check->errors, named,
			    "only a part with \"source: panel\" has a \"panel\"; leave it out");
		return;
	}
	if (!named)
		document_error(check->errors, node,
		    "\"panel\" is missing; name the panel whose values this part takes");
	check_reference(check, panel_ids(check->contest), part->panel, named);
}

/* Points are value / out_of. A panel's full total is known from its criteria; votes have none. */
static void check_part_points(const struct check *check, const struct part *part, size_t index)
{
	const struct form *form = check->contest->form;
	const yaml_node_t *node = document_at(check->document, "stage/parts/%zu", index);
	const yaml_node_t *scale = document_value(check->document, node, "scale");

	if (part->source == PART_CITIZENS && form && !form->has_mean)
		document_error(check->errors, scale,
		    "votes have no full number that \"points\" could be out of; use "
		    "share-of-maximum or min-max");
	else if (part->source != PART_PANEL && part->out_of == 0)
		document_error(check->errors, node,
		    "\"out_of\" is missing; name the value that gets full points");
}

/* The greatest total of a panel is what its part is out of; below 1 it could be no such thing. */
static void check_part_total(const struct check *check, const struct part *part, size_t index)
{
	const struct contest *contest = check->contest;
	int panel = part->panel ? contest_panel(contest, slice_text(part->panel)) : -1;

	if (part->out_of || panel < 0 || !is_readable(contest, &contest->panels[panel]) ||
	    panel_greatest(contest, &contest->panels[panel]) > 0)
		return;
	document_error(check->errors, document_at(check->document, "stage/parts/%zu", index),
	    "the greatest total of the panel \"%s\" is not above 0; name the value that gets full "
	    "points as \"out_of\", or use min-max",
	    part->panel);
}

static bool is_one_of(const yaml_node_t *node, const char *const *words)
{
	if (!node || node->type != YAML_SCALAR_NODE)
		return false;
	while (*words && strcmp(*words, (const char *)node->data.scalar.value) != 0)
		words++;
	return *words != NULL;
}

static void check_part(const struct check *check, size_t index)
{
	const struct part *part = &check->contest->stage.parts[index];
	const yaml_node_t *node = document_at(check->document, "stage/parts/%zu", index);
	const yaml_node_t *out_of = document_value(check->document, node, "out_of");

	check_reference(check, subtotal_ids(check->contest), part->subtotal,
	    document_value(check->document, node, "subtotal"));
	if (!is_one_of(document_value(check->document, node, "source"), part_source_names) ||
	    !is_one_of(document_value(check->document, node, "scale"), scale_names))
		return; /* noted by the schema */
	check_part_panel(check, part, index);
	if (part->scale == SCALE_POINTS) {
		check_part_points(check, part, index);
		check_part_total(check, part, index);
	} else if (out_of) {
		document_error(check->errors, out_of,
		    "only \"scale: points\" is out of something; leave it out");
	}
}

static void check_weights(const struct check *check)
{
	for (size_t i = 0; i < check->contest->stage.n_parts; i++)
		if (check->contest->stage.parts[i].weight > 0)
			return;
	document_error(check->errors, document_at(check->document, "stage/parts"),
	    "all parts weigh 0, so there is nothing to rank by; give one of them a weight");
}

static void check_subtotals(const struct check *check)
{
	const struct contest *contest = check->contest;

	check_unique(check, subtotal_ids(contest));
	for (size_t i = 0; i < contest->stage.n_subtotals; i++) {
		const char *id = contest->stage.subtotals[i].id;
		bool used = !id;

		for (size_t k = 0; k < contest->stage.n_parts && !used; k++)
			used = contest->stage.parts[k].subtotal &&
			       strcmp(contest->stage.parts[k].subtotal, id) == 0;
		if (!used)
			document_error(check->errors,
			    document_at(check->document, "stage/subtotals/%zu", i),
			    "no part counts towards \"%s\"; name it as a part's \"subtotal\", or "
			    "leave it out",
			    id);
	}
}

static void check_cut(const struct check *check)
{
	size_t count = (size_t)check->contest->stage.advance;
	size_t entries = check->contest->n_entries;

	if (entries && count > entries)
		document_error(check->errors, document_at(check->document, "stage/advance/count"),
		    "%zu are to go on, but there are %zu entries; it is to be at most that", count,
		    entries);
}

static void check_stage(const struct check *check)
{
	check_subtotals(check);
	check_unique(check, part_ids(check->contest));
	for (size_t i = 0; i < check->contest->stage.n_parts; i++)
		check_part(check, i);
	if (check->contest->stage.n_parts > 0)
		check_weights(check);
	check_cut(check);
}

/* ---- the programme ---- */

static void check_programme(const struct check *check)
{
	const struct contest *contest = check->contest;

	if (contest->programme.rounds && contest->programme.round > contest->programme.rounds)
		document_error(check->errors, document_at(check->document, "programme/round"),
		    "this is round %d of %d; it is to be at most that", contest->programme.round,
		    contest->programme.rounds);
	if (contest->id && contest->programme.previous &&
	    strcmp(contest->id, contest->programme.previous) == 0)
		document_error(check->errors, document_at(check->document, "programme/previous"),
		    "\"%s\" is this contest itself; name the one of the round before", contest->id);
}

void contest_check_stage(const struct check *check)
{
	check_panels(check);
	check_stage(check);
	check_programme(check);
}
