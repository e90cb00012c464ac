/* Keys of a contest's file: who rates by which criteria, how the stage's standing is put together,
 * and the programme that the contest is a round of. */
#include "config/contestschema_rows.h"

/* ---- criteria and panels ---- */

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
const struct schema criterion_schema = {criterion_keys, sizeof(struct criterion)};

static const char *const comments_words[] = {"optional", "required", NULL};

static const struct schema_key panel_keys[] = {
    ID(panel, id, "Its id in invitations, and in the stage's parts."),
    LOCALISED("name", panel, name, true, 60, "What its people are called."),
    IDS("criteria", panel, criteria, n_criteria, CONTEST_CRITERIA_MAX,
	"The criteria that it scores, by id; all of them where none is named."),
    WORD("aggregate", panel, aggregate, aggregate_names, "trimmed-mean",
	"How its experts' totals of an entry become one number."),
    WORD("comments", panel, comments_required, comments_words, "optional",
	"Whether a sheet needs a comment on each entry that it scores."),
    NUMBER("min_experts", panel, min_experts, 1, 1000, "3",
	"With fewer experts left for an entry there is a warning."),
    {0},
};
const struct schema panel_schema = {panel_keys, sizeof(struct panel)};

static const struct schema_key pledge_keys[] = {
    LOCALISED("text", contest, pledge.text, true, 2000, "What an expert agrees to."),
    BOOLEAN("required", contest, pledge.required, "true",
	"Whether no sheet is taken without it; else the page only asks."),
    {0},
};
const struct schema pledge_schema = IN_CONTEST(pledge_keys);

/* ---- the stage ---- */

static const struct schema_key subtotal_keys[] = {
    ID(subtotal, id, "Its id in parts."),
    LOCALISED("name", subtotal, name, true, 100, "Its name."),
    {0},
};
static const struct schema subtotal_schema = {subtotal_keys, sizeof(struct subtotal)};

static const struct schema_key part_keys[] = {
    ID(part, id, "Its id in metrics and standings."),
    LOCALISED("name", part, name, true, 100, "Its name."),
    NEEDED_WORD("source", part, source, part_source_names, "Where its values come from."),
    REFERENCE("panel", part, panel, false, "The panel whose values they are."),
    REFERENCE("subtotal", part, subtotal, false, "The subtotal that it counts towards."),
    NEEDED_NUMBER("weight", part, weight, 0, 1000, "Points that it can give; 0: only shown."),
    NEEDED_WORD("scale", part, scale, scale_names, "How a value becomes points."),
    NUMBER("out_of", part, out_of, 1, 1000000000, NULL, "The value that gets full points."),
    {0},
};
static const struct schema part_schema = {part_keys, sizeof(struct part)};

static const char *const ties_words[] = {"included", "excluded", NULL};

static const struct schema_key advance_keys[] = {
    NUMBER("count", contest, stage.advance, 0, CONTEST_ENTRIES_MAX, "0",
	"How many entries go on; 0: there is no cut line."),
    BOOLEAN(
	"refill", contest, stage.refill, "false", "Whether others move up for the disqualified."),
    WORD("ties", contest, stage.ties_excluded, ties_words, "included",
	"Whether a tie across the cut line goes on whole, or not at all."),
    {0},
};
static const struct schema advance_schema = IN_CONTEST(advance_keys);

static const struct schema_key stage_keys[] = {
    BLOCKS("subtotals", contest, stage.subtotals, stage.n_subtotals, &subtotal_schema, false, 0,
	CONTEST_SUBTOTALS_MAX, "Sums of several parts."),
    BLOCKS("parts", contest, stage.parts, stage.n_parts, &part_schema, true, 1, CONTEST_PARTS_MAX,
	"What the standing is the sum of."),
    WORD("publish", contest, stage.publish, standing_publish_names, "full",
	"What the public sees of the standing."),
    BLOCK("advance", &advance_schema, false, "The cut line."),
    {0},
};
const struct schema stage_schema = IN_CONTEST(stage_keys);

/* ---- the programme ---- */

#define ROUNDS_MAX 64

static const struct schema_key programme_keys[] = {
    ID(contest, programme.id, "The programme's id."),
    LOCALISED("name", contest, programme.name, true, 120, "The programme's name."),
    NEEDED_NUMBER("round", contest, programme.round, 1, ROUNDS_MAX, "Which round this is."),
    NEEDED_NUMBER("rounds", contest, programme.rounds, 1, ROUNDS_MAX, "How many are planned."),
    REFERENCE("previous", contest, programme.previous, false, "The contest of the round before."),
    {0},
};
const struct schema programme_schema = IN_CONTEST(programme_keys);
