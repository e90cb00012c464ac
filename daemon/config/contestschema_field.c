/* Keys of a contest's file: entries, and the organisations behind them. */
#include "config/contestschema_rows.h"

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
    IDS("participants", entry, participants, n_participants, 64,
	"The organisations that take part, by id."),
    BLOCKS("links", entry, links, n_links, &link_schema, false, 0, 8, "Links to read on."),
    {0},
};
const struct schema entry_schema = {entry_keys, sizeof(struct entry)};

static const struct schema_key group_keys[] = {
    ID(group, id, "Its id in organisations."),
    LOCALISED("name", group, name, true, 100, "Its name."),
    {0},
};
const struct schema group_schema = {group_keys, sizeof(struct group)};

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
const struct schema organisation_schema = {organisation_keys, sizeof(struct organisation)};
