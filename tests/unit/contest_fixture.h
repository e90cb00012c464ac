/* A small contest in memory for the unit tests of the rules: entries nc-ai, naver-cloud, upstage in
 * this order, which is not that of their ids. */
#ifndef TALLYD_TESTS_CONTEST_FIXTURE_H
#define TALLYD_TESTS_CONTEST_FIXTURE_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "contest/contest.h"
#include "contest/form.h"

static inline char *copy(const char *text)
{
	char *duplicate = strdup(text);

	assert(duplicate);
	return duplicate;
}

static inline struct text text_of(const char *ko, const char *en)
{
	return (struct text){copy(ko), copy(en)};
}

static inline void fixture_entry(struct entry *ret_entry, const char *id)
{
	*ret_entry = (struct entry){.id = copy(id),
	    .name = text_of("팀", id),
	    .reading = copy("팀"),
	    .lead = copy("org"),
	    .head = text_of("김", "Kim"),
	    .goal = text_of("목표", "goal"),
	    .showcase = text_of("소개", "about")};
}

/* A contest of this form with `n` entries called e0, e1, …; release with contest_free(). */
static inline struct contest *fixture_contest(const char *form, const char *const *ids, size_t n)
{
	struct contest *contest = calloc(1, sizeof(*contest));

	assert(contest);
	contest->id = copy("kai");
	contest->name = text_of("콘테스트", "contest");
	contest->about = text_of("누구나", "anyone");
	contest->entry_noun = text_of("팀", "team");
	contest->organiser = text_of("운영", "organiser");
	contest->contact = copy("help@vote.example");
	contest->time_zone = copy("Asia/Seoul");
	contest->form = form_find(slice_text(form));
	contest->shards = 1;
	contest->ballot.choices_min = 1;
	contest->ballot.choices_max = (int)n;
	contest->ballot.ranking_min = 1;
	contest->ballot.ranking_max = (int)n;
	contest->ballot.score_max = 10;
	contest->ballot.score_step = 1;
	contest->organisations = calloc(1, sizeof(*contest->organisations));
	contest->n_organisations = 1;
	contest->organisations[0].id = copy("org");
	contest->organisations[0].name = text_of("기관", "organisation");
	contest->entries = calloc(n, sizeof(*contest->entries));
	contest->n_entries = n;
	for (size_t i = 0; i < n; i++)
		fixture_entry(&contest->entries[i], ids[i]);
	return contest;
}

/* ---- what experts and the standing need; each adds one more and returns it ---- */

/* The array with room for one item more, which is zeroed. */
static inline void *fixture_grow(void *array, size_t n, size_t size)
{
	char *grown = realloc(array, (n + 1) * size);

	assert(grown);
	memset(grown + n * size, 0, size);
	return grown;
}

static inline char *copy_or_null(const char *text)
{
	return text ? copy(text) : NULL;
}

static inline struct organisation *fixture_organisation(
    struct contest *contest, const char *id, const char *ko, const char *en)
{
	struct organisation *organisation;

	contest->organisations = fixture_grow(
	    contest->organisations, contest->n_organisations, sizeof(*contest->organisations));
	organisation = &contest->organisations[contest->n_organisations++];
	organisation->id = copy(id);
	organisation->name = text_of(ko, en);
	return organisation;
}

static inline void fixture_alias(struct organisation *organisation, const char *alias)
{
	organisation->aliases = fixture_grow(
	    organisation->aliases, organisation->n_aliases, sizeof(*organisation->aliases));
	organisation->aliases[organisation->n_aliases++] = copy(alias);
}

static inline void fixture_participant(struct contest *contest, size_t entry, const char *id)
{
	struct entry *of = &contest->entries[entry];

	of->participants =
	    fixture_grow(of->participants, of->n_participants, sizeof(*of->participants));
	of->participants[of->n_participants++] = copy(id);
}

static inline struct criterion *fixture_criterion(
    struct contest *contest, const char *id, int min, int max, int step, int weight)
{
	struct criterion *criterion;

	contest->criteria =
	    fixture_grow(contest->criteria, contest->n_criteria, sizeof(*contest->criteria));
	criterion = &contest->criteria[contest->n_criteria++];
	*criterion = (struct criterion){.id = copy(id),
	    .name = text_of("기준", id),
	    .min = min,
	    .max = max,
	    .step = step,
	    .weight = weight};
	return criterion;
}

/* A panel that rates all criteria, until fixture_panel_criterion() names some. */
static inline struct panel *fixture_panel(
    struct contest *contest, const char *id, enum aggregate_kind aggregate)
{
	struct panel *panel;

	contest->panels =
	    fixture_grow(contest->panels, contest->n_panels, sizeof(*contest->panels));
	panel = &contest->panels[contest->n_panels++];
	*panel =
	    (struct panel){.id = copy(id), .name = text_of("평가단", id), .aggregate = aggregate};
	return panel;
}

static inline void fixture_panel_criterion(struct panel *panel, const char *id)
{
	panel->criteria =
	    fixture_grow(panel->criteria, panel->n_criteria, sizeof(*panel->criteria));
	panel->criteria[panel->n_criteria++] = copy(id);
}

static inline void fixture_subtotal(struct contest *contest, const char *id)
{
	contest->stage.subtotals = fixture_grow(contest->stage.subtotals,
	    contest->stage.n_subtotals, sizeof(*contest->stage.subtotals));
	contest->stage.subtotals[contest->stage.n_subtotals++] =
	    (struct subtotal){.id = copy(id), .name = text_of("소계", id)};
}

/* `panel` and `subtotal` may be NULL. */
static inline struct part *fixture_part(struct contest *contest, const char *id,
    enum part_source source, const char *panel, const char *subtotal, int weight, enum scale scale,
    int out_of)
{
	struct part *part;

	contest->stage.parts = fixture_grow(
	    contest->stage.parts, contest->stage.n_parts, sizeof(*contest->stage.parts));
	part = &contest->stage.parts[contest->stage.n_parts++];
	*part = (struct part){.id = copy(id),
	    .name = text_of("평가", id),
	    .source = source,
	    .panel = copy_or_null(panel),
	    .subtotal = copy_or_null(subtotal),
	    .weight = weight,
	    .scale = scale,
	    .out_of = out_of};
	return part;
}

static const char *const three[] = {"nc-ai", "naver-cloud", "upstage"};

static inline int fixture_parse(const struct contest *contest, const char *json,
    struct ballot *ret_ballot, char ret_why[FORM_WHY_MAX])
{
	json_t *body = json_loads(json, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	int error;

	assert(body);
	error = ballot_parse(contest, body, ret_ballot, ret_why);
	json_decref(body);
	return error;
}

/* A seed from the environment (SEED) or the clock, printed so that a failure can be replayed. */
static inline unsigned fixture_seed(void)
{
	const char *given = getenv("SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);

	printf("seed: SEED=%u\n", seed);
	srandom(seed);
	return seed;
}

static inline int below(int n)
{
	return (int)(random() % n);
}

/* ---- counters in memory, as the store would keep them ---- */

struct counters {
	struct form_increment list[4 * CONTEST_ENTRIES_MAX];
	size_t n;
};

static inline void counters_add(
    struct counters *counters, const struct form_increment *increments, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < counters->n &&
		       strcmp(counters->list[k].counter, increments[i].counter) != 0)
			k++;
		if (k == counters->n) {
			counters->list[counters->n++] = increments[i];
			continue;
		}
		counters->list[k].by += increments[i].by;
	}
}

static inline int64_t counters_get(void *arg, const char *name)
{
	const struct counters *counters = arg;

	for (size_t i = 0; i < counters->n; i++)
		if (strcmp(counters->list[i].counter, name) == 0)
			return counters->list[i].by;
	return 0;
}

#endif
