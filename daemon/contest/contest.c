/* A contest's values: names of its enums, release, look-up. Its outside views are in
 * contest_public.c and contest_rules.c. Does not read files and does not count. */
#include "contest/contest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "base/encode.h"

#define VOTERS_PER_BUCKET 80

const char *const revote_names[] = {"refuse", "replace", NULL};
const char *const admission_names[] = {"open", "codes", "oidc", "assertion", NULL};
const char *const visibility_names[] = {"live", "organisers", "on-publish", NULL};
const char *const aggregate_names[] = {"mean", "trimmed-mean", "median", NULL};
const char *const part_source_names[] = {"citizens", "panel", "metric", NULL};
const char *const scale_names[] = {"points", "share-of-maximum", "min-max", NULL};
const char *const standing_publish_names[] = {"full", "top-and-mean", "advancers", NULL};
const char *const conflict_scope_names[] = {"unit", "organisation", "group", NULL};
const char *const sheets_seen_names[] = {"after-close", "always", NULL};

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
	strings_free(organisation->plain, organisation->n_plain);
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

static void panel_release(struct panel *panel)
{
	free(panel->id);
	text_release(&panel->name);
	strings_free(panel->criteria, panel->n_criteria);
}

static void part_release(struct part *part)
{
	free(part->id);
	text_release(&part->name);
	free(part->panel);
	free(part->subtotal);
}

/* Entries and the organisations behind them. */
static void field_release(struct contest *contest)
{
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
}

/* Criteria, panels, and the stage's parts. */
static void rating_release(struct contest *contest)
{
	for (size_t i = 0; i < contest->n_criteria; i++) {
		free(contest->criteria[i].id);
		text_release(&contest->criteria[i].name);
		text_release(&contest->criteria[i].rubric);
	}
	free(contest->criteria);
	for (size_t i = 0; i < contest->n_panels; i++)
		panel_release(&contest->panels[i]);
	free(contest->panels);
	for (size_t i = 0; i < contest->stage.n_parts; i++)
		part_release(&contest->stage.parts[i]);
	free(contest->stage.parts);
	for (size_t i = 0; i < contest->stage.n_subtotals; i++) {
		free(contest->stage.subtotals[i].id);
		text_release(&contest->stage.subtotals[i].name);
	}
	free(contest->stage.subtotals);
}

static void identity_release(struct contest *contest)
{
	free(contest->identity.person_claim);
	for (size_t i = 0; i < contest->identity.n_providers; i++) {
		free(contest->identity.providers[i].id);
		text_release(&contest->identity.providers[i].name);
	}
	free(contest->identity.providers);
	strings_free(contest->identity.acr, contest->identity.n_acr);
	for (size_t i = 0; i < contest->identity.n_claims; i++) {
		free(contest->identity.claims[i].claim);
		free(contest->identity.claims[i].at_least);
		free(contest->identity.claims[i].at_most);
		strings_free(
		    contest->identity.claims[i].one_of, contest->identity.claims[i].n_one_of);
	}
	free(contest->identity.claims);
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
	strings_free(contest->published_at, contest->n_published_at);
	free(contest->time_zone);
	identity_release(contest);
	field_release(contest);
	rating_release(contest);
	text_release(&contest->pledge.text);
	free(contest->programme.id);
	text_release(&contest->programme.name);
	free(contest->programme.previous);
	free(contest);
}

/* ---- look-up ---- */

bool contest_knows_persons(const struct contest *contest)
{
	return contest->admission == ADMISSION_OIDC || contest->admission == ADMISSION_ASSERTION;
}

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

int contest_criterion(const struct contest *contest, struct slice id)
{
	for (size_t i = 0; i < contest->n_criteria; i++)
		if (slice_is(id, contest->criteria[i].id))
			return (int)i;
	return -1;
}

int contest_panel(const struct contest *contest, struct slice id)
{
	for (size_t i = 0; i < contest->n_panels; i++)
		if (slice_is(id, contest->panels[i].id))
			return (int)i;
	return -1;
}

int contest_part(const struct contest *contest, struct slice id)
{
	for (size_t i = 0; i < contest->stage.n_parts; i++)
		if (slice_is(id, contest->stage.parts[i].id))
			return (int)i;
	return -1;
}

static bool panel_has(const struct panel *panel, const char *criterion)
{
	for (size_t i = 0; i < panel->n_criteria; i++)
		if (strcmp(panel->criteria[i], criterion) == 0)
			return true;
	return panel->n_criteria == 0;
}

size_t panel_criteria(const struct contest *contest, const struct panel *panel,
    size_t ret_criteria[CONTEST_CRITERIA_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < contest->n_criteria && i < CONTEST_CRITERIA_MAX; i++)
		if (panel_has(panel, contest->criteria[i].id))
			ret_criteria[n++] = i;
	return n;
}

int64_t panel_greatest(const struct contest *contest, const struct panel *panel)
{
	int64_t total = 0;

	for (size_t i = 0; i < contest->n_criteria; i++)
		if (panel_has(panel, contest->criteria[i].id))
			total += (int64_t)contest->criteria[i].max * contest->criteria[i].weight;
	return total;
}

int64_t panel_least(const struct contest *contest, const struct panel *panel)
{
	int64_t total = 0;

	for (size_t i = 0; i < contest->n_criteria; i++)
		if (panel_has(panel, contest->criteria[i].id))
			total += (int64_t)contest->criteria[i].min * contest->criteria[i].weight;
	return total;
}

/* Appends one character; false when it does not fit any more. */
static bool append_character(ucs4_t character, char *text, size_t *len, size_t cap)
{
	int n = u8_uctomb((uint8_t *)text + *len, character, (ptrdiff_t)(cap - 1 - *len));

	if (n > 0)
		*len += (size_t)n;
	return n > 0;
}

char *organisation_plain_name(const char *name, char *ret_text, size_t cap)
{
	static const char suffix[] = "산학협력단";
	const size_t suffix_len = sizeof(suffix) - 1;
	size_t len = 0, folded_len = 0;
	/* Compatibility composition as well: a decomposed 한글 and a full-width KAIST look the
	 * same. */
	uint8_t *folded =
	    u8_casefold((const uint8_t *)name, strlen(name), NULL, UNINORM_NFKC, NULL, &folded_len);

	for (size_t at = 0; folded && at < folded_len;) {
		ucs4_t character;

		at += (size_t)u8_mbtouc(&character, folded + at, folded_len - at);
		if (uc_is_property_white_space(character) ||
		    uc_is_property_default_ignorable_code_point(character))
			continue;
		if (!append_character(character, ret_text, &len, cap))
			break;
	}
	free(folded);
	if (len > suffix_len && memcmp(ret_text + len - suffix_len, suffix, suffix_len) == 0)
		len -= suffix_len;
	ret_text[len] = '\0';
	return ret_text;
}

static int add_plain(struct organisation *organisation, const char *name)
{
	char plain[ORGANISATION_PLAIN_MAX];

	if (!name || !*organisation_plain_name(name, plain, sizeof(plain)))
		return 0;
	char *copy = strdup(plain);
	if (!copy)
		return -ENOMEM;
	organisation->plain[organisation->n_plain++] = copy;
	return 0;
}

static int prepare_organisation(struct organisation *organisation)
{
	organisation->plain = calloc(organisation->n_aliases + 2, sizeof(*organisation->plain));
	if (!organisation->plain)
		return -ENOMEM;
	int rc = add_plain(organisation, organisation->name.ko);
	if (rc == 0)
		rc = add_plain(organisation, organisation->name.en);
	for (size_t i = 0; i < organisation->n_aliases && rc == 0; i++)
		rc = add_plain(organisation, organisation->aliases[i]);
	return rc;
}

int contest_prepare(struct contest *contest)
{
	int rc = 0;

	for (size_t i = 0; i < contest->n_organisations && rc == 0; i++)
		if (!contest->organisations[i].plain)
			rc = prepare_organisation(&contest->organisations[i]);
	return rc;
}

unsigned contest_shard_of(const struct contest *contest, const uint8_t spent[16])
{
	return get_u32be(spent) % contest->shards;
}

unsigned contest_buckets(const struct contest *contest)
{
	uint64_t buckets = contest->expected_voters / VOTERS_PER_BUCKET;

	if (buckets > UINT32_MAX)
		return UINT32_MAX;
	return buckets ? (unsigned)buckets : 1;
}

unsigned contest_shard_buckets(const struct contest *contest)
{
	unsigned buckets = contest_buckets(contest) / contest->shards;

	return buckets ? buckets : 1;
}

void contest_round(const struct contest *contest, char *ret_text, size_t cap)
{
	(void)snprintf(ret_text, cap, "%s%s", contest->id, contest->rehearsal ? "~rehearsal" : "");
}
