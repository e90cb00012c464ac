/* The rules record: everything of a contest that affects counting, as the same bytes wherever they
 * are made. Texts that people only read are not in it, but names of organisations are: they decide
 * conflicts of interest. */
#include "base/encode.h"
#include "contest/contest_json.h"
#include "contest/form.h"

#define RULES_VERSION 3 /* of the record's shape */

static json_t *key_json(const uint8_t key[32])
{
	char text[HEX_SIZE(32)];

	hex_encode(key, 32, text);
	return json_string(text);
}

/* ---- whose work is judged ---- */

static json_t *entry_json(const void *arg, size_t i)
{
	const struct entry *entry = &((const struct contest *)arg)->entries[i];

	return json_pack("{s:s, s:s, s:o}", "id", entry->id, "lead", entry->lead, "participants",
	    contest_texts_json(entry->participants, entry->n_participants));
}

static json_t *organisation_json(const void *arg, size_t i)
{
	const struct organisation *o = &((const struct contest *)arg)->organisations[i];

	return json_pack("{s:s, s:o, s:o, s:s*, s:s*}", "id", o->id, "name",
	    contest_text_json(&o->name), "aliases", contest_texts_json(o->aliases, o->n_aliases),
	    "group", o->group, "unit_of", o->unit_of);
}

/* ---- how it is judged ---- */

static json_t *criterion_json(const void *arg, size_t i)
{
	const struct criterion *c = &((const struct contest *)arg)->criteria[i];

	return json_pack("{s:s, s:i, s:i, s:i, s:i}", "id", c->id, "min", c->min, "max", c->max,
	    "step", c->step, "weight", c->weight);
}

static json_t *panel_json(const void *arg, size_t i)
{
	const struct contest *contest = arg;
	const struct panel *panel = &contest->panels[i];

	return json_pack("{s:s, s:o, s:s, s:b}", "id", panel->id, "criteria",
	    contest_panel_criteria_json(contest, panel), "aggregate",
	    aggregate_names[panel->aggregate], "comments_required", panel->comments_required);
}

static json_t *part_json(const void *arg, size_t i)
{
	const struct contest *contest = arg;

	return contest_part_json(contest, &contest->stage.parts[i]);
}

static json_t *stage_json(const struct contest *contest)
{
	if (contest->stage.n_parts == 0)
		return json_null();
	return json_pack("{s:o, s:o}", "parts",
	    contest_array_json(contest->stage.n_parts, part_json, contest), "advance",
	    contest_advance_json(contest));
}

/* ---- the record ---- */

static json_t *rules_json(
    const struct contest *contest, const char *log_name, const struct contest_fingerprints *keys)
{
	json_t *json = json_object();
	int error = 0;

	error |= json_object_set_new(json, "version", json_integer(RULES_VERSION));
	error |= json_object_set_new(json, "contest", json_string(contest->id));
	error |= json_object_set_new(json, "rehearsal", json_boolean(contest->rehearsal));
	error |= json_object_set_new(json, "opens_ms", json_integer(contest->opens_ms));
	error |= json_object_set_new(json, "closes_ms", json_integer(contest->closes_ms));
	error |= json_object_set_new(json, "form", contest->form->describe(contest));
	error |= json_object_set_new(
	    json, "admission", json_string(admission_names[contest->admission]));
	if (contest_knows_persons(contest)) {
		error |=
		    json_object_set_new(json, "identity", contest_identity_rules_json(contest));
		error |= json_object_set_new(json, "identity_key", key_json(keys->identity_key));
	}
	error |= json_object_set_new(json, "revote", json_string(revote_names[contest->revote]));
	error |= json_object_set_new(json, "shards", json_integer(contest->shards));
	error |= json_object_set_new(json, "buckets", json_integer(contest_buckets(contest)));
	/* In the order that canonical ballots follow. */
	error |= json_object_set_new(
	    json, "entries", contest_array_json(contest->n_entries, entry_json, contest));
	error |= json_object_set_new(json, "organisations",
	    contest_array_json(contest->n_organisations, organisation_json, contest));
	error |= json_object_set_new(
	    json, "criteria", contest_array_json(contest->n_criteria, criterion_json, contest));
	error |= json_object_set_new(
	    json, "panels", contest_array_json(contest->n_panels, panel_json, contest));
	error |= json_object_set_new(
	    json, "conflict_scope", json_string(conflict_scope_names[contest->conflict_scope]));
	error |= json_object_set_new(json, "stage", stage_json(contest));
	error |= json_object_set_new(json, "approvals", json_integer(contest->approvals));
	error |=
	    json_object_set_new(json, "pledge_required", json_boolean(contest->pledge.required));
	/* Of every entry: a receipt under another name fits no log. */
	error |= json_object_set_new(json, "log_name", json_string(log_name));
	error |= json_object_set_new(json, "token_key", key_json(keys->token_key));
	error |= json_object_set_new(json, "log_key", key_json(keys->log_key));
	error |= json_object_set_new(json, "salt_key", key_json(keys->salt_key));
	error |= json_object_set_new(json, "bearer_key", key_json(keys->bearer_key));
	error |= json_object_set_new(json, "result_key", key_json(keys->result_key));
	if (!error)
		return json;
	json_decref(json);
	return NULL;
}

char *contest_rules(
    const struct contest *contest, const char *log_name, const struct contest_fingerprints *keys)
{
	json_t *rules = rules_json(contest, log_name, keys);
	char *text = rules ? json_dumps(rules, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	json_decref(rules);
	return text;
}
