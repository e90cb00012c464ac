/* A contest's values: release, look-up, and its three outside views (round name, public JSON, rules
 * record). Does not read files and does not count. */
#include "contest/contest.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/encode.h"
#include "contest/form.h"

#define VOTERS_PER_BUCKET 80

const char *const revote_names[] = {"refuse", "replace", NULL};
const char *const admission_names[] = {"open", "codes", "oidc", "assertion", NULL};
const char *const visibility_names[] = {"live", "organisers", "on-publish", NULL};

/* ---- release ---- */

static void text_release(struct text *text)
{
	free(text->ko);
	free(text->en);
}

static void strings_free(char **strings, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(strings[i]);
	free(strings);
}

static void organisation_release(struct organisation *organisation)
{
	free(organisation->id);
	text_release(&organisation->name);
	strings_free(organisation->aliases, organisation->n_aliases);
	free(organisation->group);
	free(organisation->unit_of);
}

static void entry_release(struct entry *entry)
{
	free(entry->id);
	text_release(&entry->name);
	free(entry->reading);
	free(entry->lead);
	text_release(&entry->head);
	text_release(&entry->model);
	text_release(&entry->goal);
	text_release(&entry->showcase);
	strings_free(entry->participants, entry->n_participants);
	for (size_t i = 0; i < entry->n_links; i++) {
		text_release(&entry->links[i].label);
		free(entry->links[i].url);
	}
	free(entry->links);
}

void contest_free(struct contest *contest)
{
	if (!contest)
		return;
	free(contest->id);
	text_release(&contest->name);
	text_release(&contest->about);
	text_release(&contest->entry_noun);
	text_release(&contest->organiser);
	free(contest->contact);
	free(contest->time_zone);
	for (size_t i = 0; i < contest->n_entries; i++)
		entry_release(&contest->entries[i]);
	free(contest->entries);
	for (size_t i = 0; i < contest->n_groups; i++) {
		free(contest->groups[i].id);
		text_release(&contest->groups[i].name);
	}
	free(contest->groups);
	for (size_t i = 0; i < contest->n_organisations; i++)
		organisation_release(&contest->organisations[i]);
	free(contest->organisations);
	for (size_t i = 0; i < contest->n_criteria; i++) {
		free(contest->criteria[i].id);
		text_release(&contest->criteria[i].name);
		text_release(&contest->criteria[i].rubric);
	}
	free(contest->criteria);
	free(contest);
}

/* ---- look-up ---- */

int contest_entry(const struct contest *contest, struct slice id)
{
	for (size_t i = 0; i < contest->n_entries; i++)
		if (slice_is(id, contest->entries[i].id))
			return (int)i;
	return -1;
}

const struct organisation *contest_organisation(const struct contest *contest, const char *id)
{
	for (size_t i = 0; i < contest->n_organisations; i++)
		if (contest->organisations[i].id && strcmp(contest->organisations[i].id, id) == 0)
			return &contest->organisations[i];
	return NULL;
}

char *organisation_plain_name(const char *name, char *ret_text, size_t cap)
{
	static const char suffix[] = "산학협력단";
	const size_t suffix_len = sizeof(suffix) - 1;
	size_t len = 0;

	for (const char *c = name; *c && len + 1 < cap; c++)
		if (*c != ' ')
			ret_text[len++] = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
	if (len > suffix_len && memcmp(ret_text + len - suffix_len, suffix, suffix_len) == 0)
		len -= suffix_len;
	ret_text[len] = '\0';
	return ret_text;
}

unsigned contest_buckets(const struct contest *contest)
{
	uint64_t buckets = contest->expected_voters / VOTERS_PER_BUCKET;

	if (buckets > UINT32_MAX)
		return UINT32_MAX;
	return buckets ? (unsigned)buckets : 1;
}

void contest_round(const struct contest *contest, char *ret_text, size_t cap)
{
	(void)snprintf(ret_text, cap, "%s%s", contest->id, contest->rehearsal ? "~rehearsal" : "");
}

/* ---- public definition ---- */

static json_t *text_json(const struct text *text)
{
	if (!text->ko)
		return json_null();
	return json_pack("{s:s, s:s}", "ko", text->ko, "en", text->en);
}

static json_t *time_json(int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	return wall_ms ? json_string(clock_format(wall_ms, 1, text)) : json_null();
}

/* An array of what `item` makes of each index below n. */
static json_t *array_json(size_t n, json_t *(*item)(const void *arg, size_t i), const void *arg)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++) {
		if (json_array_append_new(array, item(arg, i)) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

struct entry_of { /* an entry and where its organisations are described */
	const struct contest *contest;
	const struct entry *entry;
};

static json_t *participant_json(const void *arg, size_t i)
{
	const struct entry_of *of = arg;
	const char *id = of->entry->participants[i];
	const struct organisation *organisation = contest_organisation(of->contest, id);

	return json_pack("{s:s, s:o}", "id", id, "name", text_json(&organisation->name));
}

static json_t *link_json(const void *arg, size_t i)
{
	const struct link *link = &((const struct entry_of *)arg)->entry->links[i];

	return json_pack("{s:o, s:s}", "label", text_json(&link->label), "url", link->url);
}

static json_t *entry_json(const void *arg, size_t i)
{
	const struct contest *contest = arg;
	const struct entry *entry = &contest->entries[i];
	const struct entry_of of = {contest, entry};

	return json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", entry->id,
	    "name", text_json(&entry->name), "reading", entry->reading, "lead",
	    text_json(&contest_organisation(contest, entry->lead)->name), "head",
	    text_json(&entry->head), "model", text_json(&entry->model), "goal",
	    text_json(&entry->goal), "showcase", text_json(&entry->showcase), "participants",
	    array_json(entry->n_participants, participant_json, &of), "links",
	    array_json(entry->n_links, link_json, &of));
}

static json_t *criterion_json(const void *arg, size_t i)
{
	const struct criterion *c = &((const struct contest *)arg)->criteria[i];

	return json_pack("{s:s, s:o, s:o, s:i, s:i, s:i, s:i}", "id", c->id, "name",
	    text_json(&c->name), "rubric", text_json(&c->rubric), "min", c->min, "max", c->max,
	    "step", c->step, "weight", c->weight);
}

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

json_t *contest_public_json(const struct contest *contest)
{
	json_t *json = json_object();
	int error = 0;

	error |= json_object_set_new(json, "id", json_string(contest->id));
	error |= json_object_set_new(json, "rehearsal", json_boolean(contest->rehearsal));
	error |= json_object_set_new(json, "demonstration", json_boolean(contest->demonstration));
	error |= json_object_set_new(json, "name", text_json(&contest->name));
	error |= json_object_set_new(json, "about", text_json(&contest->about));
	error |= json_object_set_new(json, "entry_noun", text_json(&contest->entry_noun));
	error |= json_object_set_new(json, "organiser", text_json(&contest->organiser));
	error |= json_object_set_new(json, "contact", json_string(contest->contact));
	error |= json_object_set_new(json, "opens_at", time_json(contest->opens_ms));
	error |= json_object_set_new(json, "closes_at", time_json(contest->closes_ms));
	error |= json_object_set_new(json, "time_zone", json_string(contest->time_zone));
	error |= json_object_set_new(
	    json, "admission", json_string(admission_names[contest->admission]));
	error |= json_object_set_new(json, "revote", json_string(revote_names[contest->revote]));
	error |= json_object_set_new(json, "form", contest->form->describe(contest));
	error |= json_object_set_new(json, "visibility", visibility_json(contest));
	error |= json_object_set_new(json, "publish", publish_json(&contest->publish));
	error |= json_object_set_new(
	    json, "entries", array_json(contest->n_entries, entry_json, contest));
	error |= json_object_set_new(
	    json, "criteria", array_json(contest->n_criteria, criterion_json, contest));
	if (!error)
		return json;
	json_decref(json);
	return NULL;
}

/* ---- rules record ---- */

static json_t *entry_id_json(const void *arg, size_t i)
{
	return json_string(((const struct contest *)arg)->entries[i].id);
}

static json_t *key_json(const uint8_t key[32])
{
	char text[HEX_SIZE(32)];

	hex_encode(key, 32, text);
	return json_string(text);
}

char *contest_rules(const struct contest *contest, const struct contest_fingerprints *keys)
{
	/* "version" is that of this record's shape. Entries stand in the order that canonical
	 * ballots follow. */
	json_t *rules =
	    json_pack("{s:i, s:s, s:b, s:I, s:I, s:o, s:o, s:s, s:I, s:I, s:o, s:o, s:o}",
		"version", 1, "contest", contest->id, "rehearsal", contest->rehearsal, "opens_ms",
		(json_int_t)contest->opens_ms, "closes_ms", (json_int_t)contest->closes_ms, "form",
		contest->form->describe(contest), "entries",
		array_json(contest->n_entries, entry_id_json, contest), "revote",
		revote_names[contest->revote], "shards", (json_int_t)contest->shards, "buckets",
		(json_int_t)contest_buckets(contest), "token_key", key_json(keys->token_key),
		"log_key", key_json(keys->log_key), "salt_key", key_json(keys->salt_key));
	char *text = rules ? json_dumps(rules, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	json_decref(rules);
	return text;
}
