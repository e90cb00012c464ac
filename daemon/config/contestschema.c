/* The table of a contest's file: every key with its range, its default and its sentence. Rules that
 * tie keys together are in contestcheck.c. */
#include "config/contestschema.h"

#include "contest/contest.h"

#define SECOND 1000
#define HOUR   (60 * 60 * SECOND)
#define DAY    (24 * HOUR)

#define ID(owner, member, sentence)                                                                \
	{                                                                                          \
		.name = "id", .type = SCHEMA_TEXT, .required = true, .format = &format_id,         \
		SCHEMA_AT(struct owner, member), .doc = (sentence)                                 \
	}
#define REFERENCE(key, owner, member, needed, sentence)                                            \
	{                                                                                          \
		.name = (key), .type = SCHEMA_TEXT, .required = (needed), .format = &format_id,    \
		SCHEMA_AT(struct owner, member), .doc = (sentence)                                 \
	}
#define LOCALISED(key, owner, member, needed, characters, sentence)                                \
	{                                                                                          \
		.name = (key), .type = SCHEMA_LOCALISED, .required = (needed),                     \
		.max = (characters), SCHEMA_AT(struct owner, member), .doc = (sentence)            \
	}
#define NUMBER(key, owner, member, least, most, standard, sentence)                                \
	{                                                                                          \
		.name = (key), .type = SCHEMA_NUMBER, .min = (least), .max = (most),               \
		.fallback = (standard), SCHEMA_AT(struct owner, member), .doc = (sentence)         \
	}
#define NEEDED_NUMBER(key, owner, member, least, most, sentence)                                   \
	{                                                                                          \
		.name = (key), .type = SCHEMA_NUMBER, .required = true, .min = (least),            \
		.max = (most), SCHEMA_AT(struct owner, member), .doc = (sentence)                  \
	}
#define DURATION(key, owner, member, least, most, standard, sentence)                              \
	{                                                                                          \
		.name = (key), .type = SCHEMA_DURATION, .min = (least), .max = (most),             \
		.fallback = (standard), SCHEMA_AT(struct owner, member), .doc = (sentence)         \
	}
#define WORD(key, owner, member, list, standard, sentence)                                         \
	{                                                                                          \
		.name = (key), .type = SCHEMA_WORD, .words = (list), .fallback = (standard),       \
		SCHEMA_AT(struct owner, member), .doc = (sentence)                                 \
	}
#define BLOCK(key, schema, needed, sentence)                                                       \
	{                                                                                          \
		.name = (key), .type = SCHEMA_MAP, .required = (needed), .sub = (schema),          \
		.doc = (sentence)                                                                  \
	}
#define BLOCKS(key, owner, member, count, schema, needed, least, most, sentence)                   \
	{                                                                                          \
		.name = (key), .type = SCHEMA_MAPS, .required = (needed), .min = (least),          \
		.max = (most), .sub = (schema), SCHEMA_LIST_AT(struct owner, member, count),       \
		.doc = (sentence)                                                                  \
	}
#define IN_CONTEST(keys)                                                                           \
	{                                                                                          \
		keys, sizeof(struct contest)                                                       \
	}

/* ---- lists ---- */

static const struct schema_key link_keys[] = {
    LOCALISED("label", link, label, true, 60, "What the link says."),
    {.name = "url",
	.type = SCHEMA_TEXT,
	.required = true,
	.max = 300,
	.format = &format_url,
	SCHEMA_AT(struct link, url),
	.doc = "Where it leads."},
    {0},
};
static const struct schema link_schema = {link_keys, sizeof(struct link)};

static const struct schema_key entry_keys[] = {
    ID(entry, id, "Its id in ballots."),
    LOCALISED("name", entry, name, true, 100, "Its name."),
    {.name = "reading",
	.type = SCHEMA_TEXT,
	.required = true,
	.max = 100,
	SCHEMA_AT(struct entry, reading),
	.doc = "The Korean reading of its name, for the order of the syllables."},
    REFERENCE("lead", entry, lead, true, "The organisation that leads it."),
    LOCALISED("head", entry, head, true, 100, "The person who heads it."),
    LOCALISED("model", entry, model, false, 100, "The model named in public."),
    LOCALISED("goal", entry, goal, true, 160, "Its goal in a line."),
    LOCALISED("showcase", entry, showcase, true, 300, "What it shows the public."),
    {.name = "participants",
	.type = SCHEMA_TEXTS,
	.max = 64,
	.format = &format_id,
	.fallback = "[]",
	SCHEMA_LIST_AT(struct entry, participants, n_participants),
	.doc = "The organisations that take part, by id."},
    BLOCKS("links", entry, links, n_links, &link_schema, false, 0, 8, "Links to read on."),
    {0},
};
static const struct schema entry_schema = {entry_keys, sizeof(struct entry)};

static const struct schema_key group_keys[] = {
    ID(group, id, "Its id in organisations."),
    LOCALISED("name", group, name, true, 100, "Its name."),
    {0},
};
static const struct schema group_schema = {group_keys, sizeof(struct group)};

static const struct schema_key organisation_keys[] = {
    ID(organisation, id, "Its id in entries."),
    LOCALISED("name", organisation, name, true, 100, "Its name."),
    {.name = "aliases",
	.type = SCHEMA_TEXTS,
	.max = 16,
	.fallback = "[]",
	SCHEMA_LIST_AT(struct organisation, aliases, n_aliases),
	.doc = "Other names under which it is known."},
    REFERENCE("group", organisation, group, false, "The group of companies it belongs to."),
    REFERENCE("unit_of", organisation, unit_of, false, "The organisation it is a part of."),
    {0},
};
static const struct schema organisation_schema = {organisation_keys, sizeof(struct organisation)};

static const struct schema_key criterion_keys[] = {
    ID(criterion, id, "Its id in score sheets."),
    LOCALISED("name", criterion, name, true, 100, "Its name."),
    LOCALISED("rubric", criterion, rubric, true, 300, "What low and high mean."),
    NUMBER("min", criterion, min, -1000, 1000, "0", "The lowest score."),
    NEEDED_NUMBER("max", criterion, max, -1000, 1000, "The highest score."),
    NUMBER("step", criterion, step, 1, 1000, "1", "Scores are min, min + step and so on."),
    NUMBER("weight", criterion, weight, 0, 1000, "1", "Its weight in the sum."),
    {0},
};
static const struct schema criterion_schema = {criterion_keys, sizeof(struct criterion)};

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

/* One key a ballot form (contest/form.h); a file has exactly one of them. */
static const struct schema_key ballot_keys[] = {
    BLOCK("choices", &choices_schema, false, "The voter names entries."),
    BLOCK("scores", &scores_schema, false, "The voter gives entries a score."),
    {0},
};
static const struct schema ballot_schema = IN_CONTEST(ballot_keys);

static const struct schema_key visibility_keys[] = {
    WORD("citizen", contest, citizen, visibility_names, "live", "Who sees citizens' votes, when."),
    WORD("experts", contest, experts, visibility_names, "on-publish", "Who sees experts' scores."),
    WORD("standing", contest, standing, visibility_names, "on-publish", "Who sees the ranking."),
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

/* What a rehearsal may have otherwise: nothing that would make it another contest. */
#define KEYS_OF_A_REHEARSAL                                                                        \
	LOCALISED("about", contest, about, false, 400, "Who may vote, in a line or two."),         \
	    WORD("admission", contest, admission, admission_names, NULL,                           \
		"How citizens show that they may vote."),                                          \
	    WORD("revote", contest, revote, revote_names, NULL,                                    \
		"Whether a ballot can be replaced before the close."),                             \
	    BLOCK("visibility", &visibility_schema, false, "Who sees which numbers, and when."),   \
	    BLOCK("publish", &publish_schema, false, "How the public's numbers move."),            \
	    BLOCK("seal", &seal_schema, false, "How ballots are sealed into the log."),            \
	    WORD("openings", contest, openings_public, openings_words, NULL,                       \
		"Who may open the log's entries after the close.")

static const struct schema_key rehearsal_keys[] = {KEYS_OF_A_REHEARSAL, {0}};
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
    {.name = "demonstration",
	.type = SCHEMA_BOOLEAN,
	.fallback = "false",
	SCHEMA_AT(struct contest, demonstration),
	.doc = "Everybody may vote any number of times, and every page says so."},
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
    BLOCK("ballot", &ballot_schema, true, "The ballot's form."),
    WORD("revote", contest, revote, revote_names, "refuse",
	"Whether a ballot can be replaced before the close."),
    BLOCK("visibility", &visibility_schema, false, "Who sees which numbers, and when."),
    BLOCK("publish", &publish_schema, false, "How the public's numbers move."),
    BLOCK("seal", &seal_schema, false, "How ballots are sealed into the log."),
    WORD("openings", contest, openings_public, openings_words, "auditors",
	"Who may open the log's entries after the close."),
    NUMBER("shards", contest, shards, 1, 1024, "1", "Parts that votes are spread over."),
    NUMBER("expected_voters", contest, expected_voters, 1, 1000000000, "100000",
	"How many voters the store is laid out for."),
    BLOCKS("groups", contest, groups, n_groups, &group_schema, false, 0, 64,
	"Groups of companies, for conflicts of interest."),
    BLOCKS("organisations", contest, organisations, n_organisations, &organisation_schema, true, 1,
	512, "All organisations that entries name."),
    BLOCKS("entries", contest, entries, n_entries, &entry_schema, true, 1, CONTEST_ENTRIES_MAX,
	"What one votes for, in the order of the ballot."),
    BLOCKS("criteria", contest, criteria, n_criteria, &criterion_schema, false, 0, 64,
	"What experts score."),
    {.name = "rehearsal",
	.type = SCHEMA_ASIDE,
	.sub = &rehearsal_schema,
	.doc = "How a rehearsal differs."},
    {0},
};
const struct schema contest_schema = IN_CONTEST(contest_keys);
