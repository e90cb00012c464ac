/* A contest as everybody may see it. Knows nothing of phase, clock, or hashes. */
#include "base/clock.h"
#include "contest/contest_json.h"
#include "contest/form.h"

static json_t *time_json(int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	return wall_ms ? json_string(clock_format(wall_ms, 1, text)) : json_null();
}

/* ---- entries ---- */

struct entry_of { /* an entry and where its organisations are described */
	const struct contest *contest;
	const struct entry *entry;
};

static json_t *participant_json(const void *arg, size_t i)
{
	const struct entry_of *of = arg;
	const char *id = of->entry->participants[i];
	const struct organisation *organisation = contest_organisation(of->contest, id);

	return json_pack("{s:s, s:o}", "id", id, "name", contest_text_json(&organisation->name));
}

static json_t *link_json(const void *arg, size_t i)
{
	const struct link *link = &((const struct entry_of *)arg)->entry->links[i];

	return json_pack("{s:o, s:s}", "label", contest_text_json(&link->label), "url", link->url);
}

static json_t *entry_json(const void *arg, size_t i)
{
	const struct contest *contest = arg;
	const struct entry *entry = &contest->entries[i];
	const struct entry_of of = {contest, entry};

	return json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", entry->id,
	    "name", contest_text_json(&entry->name), "reading", entry->reading, "lead",
	    contest_text_json(&contest_organisation(contest, entry->lead)->name), "head",
	    contest_text_json(&entry->head), "model", contest_text_json(&entry->model), "goal",
	    contest_text_json(&entry->goal), "showcase", contest_text_json(&entry->showcase),
	    "participants", contest_array_json(entry->n_participants, participant_json, &of),
	    "links", contest_array_json(entry->n_links, link_json, &of));
}

/* ---- criteria, panels, stage ---- */

static json_t *criterion_json(const void *arg, size_t i)
{
	const struct criterion *c = &((const struct contest *)arg)->criteria[i];

	return json_pack("{s:s, s:o, s:o, s:i, s:i, s:i, s:i}", "id", c->id, "name",
	    contest_text_json(&c->name), "rubric", contest_text_json(&c->rubric), "min", c->min,
	    "max", c->max, "step", c->step, "weight", c->weight);
}

static json_t *panel_json(const void *arg, size_t i)
{
	const struct contest *contest = arg;
	const struct panel *panel = &contest->panels[i];

	return json_pack("{s:s, s:o, s:o, s:s, s:b, s:i}", "id", panel->id, "name",
	    contest_text_json(&panel->name), "criteria",
	    contest_panel_criteria_json(contest, panel), "aggregate",
	    aggregate_names[panel->aggregate], "comments_required", panel->comments_required,
	    "min_experts", panel->min_experts);
}

static json_t *part_json(const void *arg, size_t i)
{
	const struct contest *contest = arg;
	const struct part *part = &contest->stage.parts[i];
	json_t *json = contest_part_json(contest, part);

	if (json && json_object_set_new(json, "name", contest_text_json(&part->name)) == 0)
		return json;
	json_decref(json);
	return NULL;
}

static json_t *subtotal_json(const void *arg, size_t i)
{
	const struct subtotal *subtotal = &((const struct contest *)arg)->stage.subtotals[i];

	return json_pack(
	    "{s:s, s:o}", "id", subtotal->id, "name", contest_text_json(&subtotal->name));
}

static json_t *stage_json(const struct contest *contest)
{
	if (contest->stage.n_parts == 0)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:s}", "parts",
	    contest_array_json(contest->stage.n_parts, part_json, contest), "subtotals",
	    contest_array_json(contest->stage.n_subtotals, subtotal_json, contest), "advance",
	    contest_advance_json(contest), "publish",
	    standing_publish_names[contest->stage.publish]);
}

static json_t *programme_json(const struct contest *contest)
{
	if (!contest->programme.id)
		return json_null();
	return json_pack("{s:s, s:o, s:i, s:i, s:s?}", "id", contest->programme.id, "name",
	    contest_text_json(&contest->programme.name), "round", contest->programme.round,
	    "rounds", contest->programme.rounds, "previous", contest->programme.previous);
}

/* ---- the whole ---- */

static json_t *visibility_json(const struct contest *contest)
{
	return json_pack("{s:s, s:s, s:s}", "citizen", visibility_names[contest->citizen],
	    "experts", visibility_names[contest->experts], "standing",
	    visibility_names[contest->standing]);
}

static json_t *publish_json(const struct publish_steps *publish)
{
	return json_pack("{s:i, s:i, s:i}", "first_at", publish->first_at, "step", publish->step,
	    "every_ms", publish->every_ms);
}

/* Voters' pages know by it when to miss an entry in the log. */
static json_t *seal_json(const struct contest *contest)
{
	return json_pack("{s:i, s:i}", "min_entries", contest->seal.min_entries, "max_wait_ms",
	    contest->seal.max_wait_ms);
}

/* As the file says it. */
static json_t *openings_json(bool public)
{
	return json_string(public ? "public" : "auditors");
}

static json_t *place_json(const void *arg, size_t i)
{
	return json_string(((const struct contest *)arg)->published_at[i]);
}

json_t *contest_public_json(const struct contest *contest)
{
	json_t *json = json_object();
	int error = 0;

	error |= json_object_set_new(json, "id", json_string(contest->id));
	error |= json_object_set_new(json, "rehearsal", json_boolean(contest->rehearsal));
	error |= json_object_set_new(json, "demonstration", json_boolean(contest->demonstration));
	error |= json_object_set_new(json, "name", contest_text_json(&contest->name));
	error |= json_object_set_new(json, "about", contest_text_json(&contest->about));
	error |= json_object_set_new(json, "entry_noun", contest_text_json(&contest->entry_noun));
	error |= json_object_set_new(json, "organiser", contest_text_json(&contest->organiser));
	error |= json_object_set_new(json, "contact", json_string(contest->contact));
	if (contest->n_published_at > 0)
		error |= json_object_set_new(json, "published_at",
		    contest_array_json(contest->n_published_at, place_json, contest));
	error |= json_object_set_new(json, "opens_at", time_json(contest->opens_ms));
	error |= json_object_set_new(json, "closes_at", time_json(contest->closes_ms));
	error |= json_object_set_new(json, "time_zone", json_string(contest->time_zone));
	error |= json_object_set_new(
	    json, "admission", json_string(admission_names[contest->admission]));
	if (contest_knows_persons(contest))
		error |= json_object_set_new(json, "identity", contest_identity_json(contest));
	error |= json_object_set_new(json, "revote", json_string(revote_names[contest->revote]));
	error |= json_object_set_new(json, "form", contest->form->describe(contest));
	error |= json_object_set_new(json, "visibility", visibility_json(contest));
	error |= json_object_set_new(json, "publish", publish_json(&contest->publish));
	error |= json_object_set_new(json, "seal", seal_json(contest));
	/* What will be published is known beforehand, to voters and to experts. */
	error |= json_object_set_new(json, "openings", openings_json(contest->openings_public));
	error |= json_object_set_new(json, "sheet_openings", openings_json(contest->sheets_public));
	error |= json_object_set_new(json, "pseudonyms", json_boolean(contest->pseudonyms));
	error |= json_object_set_new(
	    json, "entries", contest_array_json(contest->n_entries, entry_json, contest));
	error |= json_object_set_new(
	    json, "criteria", contest_array_json(contest->n_criteria, criterion_json, contest));
	error |= json_object_set_new(
	    json, "panels", contest_array_json(contest->n_panels, panel_json, contest));
	error |= json_object_set_new(
	    json, "conflict_scope", json_string(conflict_scope_names[contest->conflict_scope]));
	error |= json_object_set_new(json, "stage", stage_json(contest));
	error |= json_object_set_new(json, "programme", programme_json(contest));
	if (!error)
		return json;
	json_decref(json);
	return NULL;
}
