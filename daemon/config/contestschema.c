/* The table of a contest's file: every key with its range, its default and its sentence. Blocks of
 * entries, identity and rating are in contestschema_field.c, contestschema_identity.c and
 * contestschema_stage.c; rules that tie keys together are in contestcheck*.c. */
#include "config/contestschema.h"

#include "config/contestschema_rows.h"

#define SECOND 1000
#define HOUR   (60 * 60 * SECOND)
#define DAY    (24 * HOUR)

#define APPROVALS_DOC                                                                              \
	"Organisers that an early close, a disqualification or its end, a replaced metric need."

/* ---- blocks ---- */

static const struct schema_key choices_keys[] = {
    NUMBER("min", contest, ballot.choices_min, 1, CONTEST_ENTRIES_MAX, "1", "Fewest entries."),
    NUMBER("max", contest, ballot.choices_max, 1, CONTEST_ENTRIES_MAX, "1", "Most entries."),
    {0},
};
static const struct schema choices_schema = IN_CONTEST(choices_keys);

static const struct schema_key scores_keys[] = {
    NUMBER("min", contest, ballot.score_min, -1000, 1000, "0", "The lowest score."),
    NUMBER("max", contest, ballot.score_max, -1000, 1000, "10", "The highest score."),
    NUMBER("step", contest, ballot.score_step, 1, 1000, "1", "Scores are min, min + step, …"),
    {0},
};
static const struct schema scores_schema = IN_CONTEST(scores_keys);

static const struct schema_key ranking_keys[] = {
    WORD("method", contest, ballot.ranking_method, ranking_method_names, "schulze",
	"What ranks go by: Schulze's method, or Borda points."),
    NUMBER("min", contest, ballot.ranking_min, 1, CONTEST_RANKING_MAX, "1", "Fewest places."),
    /* The default is what all entries need: contestfile.c. */
    NUMBER("max", contest, ballot.ranking_max, 1, CONTEST_RANKING_MAX, NULL,
	"Most places; all entries, at most 16, where it is left out."),
    {0},
};
static const struct schema ranking_schema = IN_CONTEST(ranking_keys);

/* One key a ballot form (contest/form.h); a file has exactly one of them. */
static const struct schema_key ballot_keys[] = {
    BLOCK("choices", &choices_schema, false, "The voter names entries."),
    BLOCK("scores", &scores_schema, false, "The voter gives entries a score."),
    BLOCK("ranking", &ranking_schema, false, "The voter puts entries in an order."),
    {0},
};
static const struct schema ballot_schema = IN_CONTEST(ballot_keys);

static const struct schema_key visibility_keys[] = {
    WORD("citizen", contest, citizen, visibility_names, "live", "Who sees citizens' votes, when."),
    WORD("experts", contest, experts, visibility_names, "on-publish", "Who sees experts' scores."),
    WORD("standing", contest, standing, visibility_names, "on-publish", "Who sees the ranking."),
    WORD("sheets", contest, sheets_seen, sheets_seen_names, "after-close",
	"When organisers see experts' scores; how far each is, they always see."),
    {0},
};
static const struct schema visibility_schema = IN_CONTEST(visibility_keys);

static const struct schema_key publish_keys[] = {
    NUMBER("first_at", contest, publish.first_at, 0, 1000000000, "100",
	"Ballots before any number is shown."),
    NUMBER("step", contest, publish.step, 1, 1000000000, "10", "Ballots between two showings."),
    DURATION("every", contest, publish.every_ms, 0, DAY, "5s", "Time between two showings."),
    {0},
};
static const struct schema publish_schema = IN_CONTEST(publish_keys);

static const struct schema_key seal_keys[] = {
    NUMBER("min_entries", contest, seal.min_entries, 1, 1000000, "256",
	"Ballots that are sealed into the log together."),
    DURATION("max_wait", contest, seal.max_wait_ms, 100, DAY, "1m",
	"How long a ballot may wait for them."),
    {0},
};
static const struct schema seal_schema = IN_CONTEST(seal_keys);

/* ---- the file ---- */

static const char *const openings_words[] = {"auditors", "public", NULL};
#define SHEET_OPENINGS_DOC "Who may read experts' sheets once the result is certified."

static const struct schema_key rehearsal_pledge_keys[] = {
    BOOLEAN("required", contest, pledge.required, NULL,
	"Whether no sheet is taken without it; else the page only asks."),
    {0},
};
static const struct schema rehearsal_pledge_schema = IN_CONTEST(rehearsal_pledge_keys);

/* Whole bundles: one round's alone, so a rehearsal has its own or none. */
#define PUBLISHED_AT_MAX 8
#define PUBLISHED_AT                                                                               \
	{                                                                                          \
		.name = "published_at", .type = SCHEMA_TEXTS, .max = PUBLISHED_AT_MAX,             \
		.format = &format_place, .fallback = "[]",                                         \
		SCHEMA_LIST_AT(struct contest, published_at, n_published_at),                      \
		.doc = "Where the published bundle will stand."                                    \
	}

/* What a rehearsal may have otherwise: nothing that would make it another contest. */
static const struct schema_key rehearsal_keys[] = {
    LOCALISED("about", contest, about, false, 400, "Who may vote, in a line or two."),
    WORD("admission", contest, admission, admission_names, NULL,
	"How citizens show that they may vote."),
    WORD("revote", contest, revote, revote_names, NULL,
	"Whether a ballot can be replaced before the close."),
    BLOCK("visibility", &visibility_schema, false, "Who sees which numbers, and when."),
    BLOCK("publish", &publish_schema, false, "How the public's numbers move."),
    BLOCK("seal", &seal_schema, false, "How ballots are sealed into the log."),
    PUBLISHED_AT,
    WORD("openings", contest, openings_public, openings_words, NULL,
	"Who may open the log's entries after the close."),
    WORD("sheet_openings", contest, sheets_public, openings_words, NULL, SHEET_OPENINGS_DOC),
    BLOCK("pledge", &rehearsal_pledge_schema, false, "What an expert agrees to."),
    NUMBER("approvals", contest, approvals, 1, 2, NULL, APPROVALS_DOC),
    BOOLEAN("pseudonyms", contest, pseudonyms, NULL, "Exports and reports do not name experts."),
    {0},
};
const struct schema rehearsal_schema = IN_CONTEST(rehearsal_keys);

static const struct schema_key contest_keys[] = {
    ID(contest, id, "The contest's id in addresses, keys and the log."),
    LOCALISED("name", contest, name, true, 120, "Its name."),
    LOCALISED("about", contest, about, true, 400, "Who may vote, in a line or two."),
    LOCALISED("entry_noun", contest, entry_noun, true, 30, "What an entry is called."),
    LOCALISED("organiser", contest, organiser, true, 200, "Who runs it."),
    {.name = "contact",
	.type = SCHEMA_TEXT,
	.required = true,
	.max = 300,
	.format = &format_contact,
	SCHEMA_AT(struct contest, contact),
	.doc = "Where voters get help."},
    PUBLISHED_AT,
    BOOLEAN("demonstration", contest, demonstration, "false",
	"Everybody may vote any number of times, and every page says so."),
    {.name = "opens_at",
	.type = SCHEMA_TIME,
	.required = true,
	SCHEMA_AT(struct contest, opens_ms),
	.doc = "When voting begins."},
    {.name = "closes_at",
	.type = SCHEMA_TIME,
	.required = true,
	SCHEMA_AT(struct contest, closes_ms),
	.doc = "When voting ends."},
    {.name = "time_zone",
	.type = SCHEMA_TEXT,
	.format = &format_time_zone,
	.fallback = "Asia/Seoul",
	SCHEMA_AT(struct contest, time_zone),
	.doc = "The zone in which pages show times."},
    WORD("admission", contest, admission, admission_names, "codes",
	"How citizens show that they may vote."),
    BLOCK("identity", &identity_schema, false,
	"Who is admitted where citizens identify themselves (admission: oidc, assertion)."),
    BLOCK("ballot", &ballot_schema, true, "The ballot's form."),
    WORD("revote", contest, revote, revote_names, "refuse",
	"Whether a ballot can be replaced before the close."),
    BLOCK("visibility", &visibility_schema, false, "Who sees which numbers, and when."),
    BLOCK("publish", &publish_schema, false, "How the public's numbers move."),
    BLOCK("seal", &seal_schema, false, "How ballots are sealed into the log."),
    WORD("openings", contest, openings_public, openings_words, "auditors",
	"Who may open the log's entries after the close."),
    WORD("sheet_openings", contest, sheets_public, openings_words, "auditors", SHEET_OPENINGS_DOC),
    NUMBER("shards", contest, shards, 1, 1024, "1", "Parts that votes are spread over."),
    NUMBER("expected_voters", contest, expected_voters, 1, 1000000000, "100000",
	"How many voters the store is laid out for."),
    BLOCKS("groups", contest, groups, n_groups, &group_schema, false, 0, 64,
	"Groups of companies, for conflicts of interest."),
    BLOCKS("organisations", contest, organisations, n_organisations, &organisation_schema, true, 1,
	512, "All organisations that entries name."),
    BLOCKS("entries", contest, entries, n_entries, &entry_schema, true, 1, CONTEST_ENTRIES_MAX,
	"What one votes for, in the order of the ballot."),
    BLOCKS("criteria", contest, criteria, n_criteria, &criterion_schema, false, 0,
	CONTEST_CRITERIA_MAX, "What experts score."),
    BLOCKS("panels", contest, panels, n_panels, &panel_schema, false, 0, CONTEST_PANELS_MAX,
	"Who rates, by which criteria; one panel of experts where there are criteria only."),
    WORD("conflict_scope", contest, conflict_scope, conflict_scope_names, "organisation",
	"How far a conflict of interest reaches."),
    BLOCK("pledge", &pledge_schema, false, "What an expert agrees to before the first sheet."),
    BOOLEAN("pseudonyms", contest, pseudonyms, "false", "Exports and reports do not name experts."),
    NUMBER("approvals", contest, approvals, 1, 2, "2", APPROVALS_DOC),
    BLOCK("stage", &stage_schema, false, "How the stage's standing is put together."),
    BLOCK("programme", &programme_schema, false, "The programme that it is a round of."),
    {.name = "rehearsal",
	.type = SCHEMA_ASIDE,
	.sub = &rehearsal_schema,
	.doc = "How a rehearsal differs."},
    {0},
};
const struct schema contest_schema = IN_CONTEST(contest_keys);
