/* Who takes part in a round, and the organisations behind them: those who go on, come back, are
 * added. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/programme_impl.h"
#include "config/yamltree.h"

/* ---- lists ---- */

static const struct item *find_item(const struct items *items, const char *id)
{
	for (size_t i = 0; i < items->n; i++)
		if (strcmp(items->list[i].id, id) == 0)
			return &items->list[i];
	return NULL;
}

static int add_item(struct items *items, struct item item)
{
	if (items->n == items->cap) {
		size_t cap = items->cap ? 2 * items->cap : 64;
		struct item *list = realloc(items->list, cap * sizeof(*list));

		if (!list)
			return -ENOMEM;
		items->list = list;
		items->cap = cap;
	}
	items->list[items->n++] = item;
	return 0;
}

static int add_block(struct items *items, const struct source *source, const char *id,
    const char *list, size_t index)
{
	return add_item(items, (struct item){id, source->document,
				   document_at(source->document, "%s/%zu", list, index)});
}

/* ---- those who go on ---- */

/* All of what stands in the round before, whoever is left of its entries. */
static int add_field(struct draw *draw)
{
	const struct contest *before = draw->before.contest;
	int error = 0;

	for (size_t i = 0; i < before->n_groups && !error; i++)
		error = add_block(
		    &draw->lineup.groups, &draw->before, before->groups[i].id, "groups", i);
	for (size_t i = 0; i < before->n_organisations && !error; i++)
		error = add_block(&draw->lineup.organisations, &draw->before,
		    before->organisations[i].id, "organisations", i);
	return error;
}

static bool has_advanced(const struct draw *draw, const char *entry)
{
	for (size_t i = 0; i < draw->result.n_advanced; i++)
		if (strcmp(draw->result.advanced[i], entry) == 0)
			return true;
	return false;
}

static int add_carried(struct draw *draw)
{
	const struct contest *before = draw->before.contest;
	int error = 0;

	for (size_t i = 0; i < before->n_entries && !error; i++) {
		if (!has_advanced(draw, before->entries[i].id))
			continue;
		error = add_block(
		    &draw->lineup.entries, &draw->before, before->entries[i].id, "entries", i);
		draw->drawn.carried++;
	}
	return error;
}

int lineup_carry(struct draw *draw)
{
	int error = add_field(draw);

	return error ? error : add_carried(draw);
}

/* ---- those who come back ---- */

static int need_group(struct draw *draw, const struct source *source, const char *id)
{
	for (size_t i = 0; id && i < source->contest->n_groups; i++)
		if (strcmp(source->contest->groups[i].id, id) == 0 &&
		    !find_item(&draw->lineup.groups, id))
			return add_block(&draw->lineup.groups, source, id, "groups", i);
	return 0;
}

/* An organisation that is not there any more, with its group and the whole that it is a unit of.
 * One that is there stays as it stands: that is its newer definition. */
static int need_organisation(struct draw *draw, const struct source *source, const char *id)
{
	const struct organisation *found = id ? contest_organisation(source->contest, id) : NULL;
	int error;

	if (!found || find_item(&draw->lineup.organisations, id))
		return 0;
	error = need_group(draw, source, found->group);
	if (!error && found->unit_of && strcmp(found->unit_of, id) != 0)
		error = need_organisation(draw, source, found->unit_of);
	if (error)
		return error;
	return add_block(&draw->lineup.organisations, source, found->id, "organisations",
	    (size_t)(found - source->contest->organisations));
}

static int bring_back(struct draw *draw, const struct source *source, size_t index)
{
	const struct entry *entry = &source->contest->entries[index];
	int error = need_organisation(draw, source, entry->lead);

	for (size_t i = 0; i < entry->n_participants && !error; i++)
		error = need_organisation(draw, source, entry->participants[i]);
	draw->drawn.back++;
	return error ? error
		     : add_block(&draw->lineup.entries, source, entry->id, "entries", index);
}

int lineup_back(struct draw *draw, const char *id)
{
	if (find_item(&draw->lineup.entries, id)) {
		document_error(draw->own, draw_round_node(draw, draw->round),
		    "\"%s\" takes part already; it need not come back", id);
		return 0;
	}
	for (size_t round = draw->round; round-- > 0;) {
		const struct source *source = draw_earlier(draw, round);
		int index = source ? contest_entry(source->contest, slice_text(id)) : -1;

		if (index >= 0)
			return bring_back(draw, source, (size_t)index);
	}
	document_error(draw->own, draw_round_node(draw, draw->round),
	    "\"%s\" was in no round before; check its id, or add it by a file of its own", id);
	return 0;
}

/* ---- those who are added ---- */

static int add_new(struct draw *draw, struct items *items, const struct source *source,
    const char *id, const char *list, size_t index)
{
	const yaml_node_t *node = document_at(source->document, "%s/%zu", list, index);
	const struct item *there = id ? find_item(items, id) : NULL;
	bool is_entry = items == &draw->lineup.entries;

	if (!id)
		return 0; /* noted by the schema */
	if (!there)
		return add_item(items, (struct item){id, source->document, node});
	if (is_entry)
		document_error(
		    source->errors, node, "\"%s\" takes part already; choose another id", id);
	else if (!yamltree_same(there->document, there->node, source->document, node))
		document_error(source->errors, node,
		    "\"%s\" is described otherwise in the round before or another file; leave it "
		    "out, or make both alike",
		    id);
	return 0;
}

int lineup_add(struct draw *draw, const struct source *source)
{
	const struct contest *added = source->contest;
	int error = 0;

	for (size_t i = 0; i < added->n_groups && !error; i++)
		error =
		    add_new(draw, &draw->lineup.groups, source, added->groups[i].id, "groups", i);
	for (size_t i = 0; i < added->n_organisations && !error; i++)
		error = add_new(draw, &draw->lineup.organisations, source,
		    added->organisations[i].id, "organisations", i);
	for (size_t i = 0; i < added->n_entries && !error; i++)
		error = add_new(
		    draw, &draw->lineup.entries, source, added->entries[i].id, "entries", i);
	draw->drawn.added += added->n_entries;
	return error;
}
