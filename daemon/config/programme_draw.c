/* Reads all that a draw needs, has the line-up made and the contest file composed, and checks it.
 */
#include "config/programme_draw.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/contestfile.h"
#include "config/contestschema_rows.h"
#include "config/programme_impl.h"

const yaml_node_t *draw_round_node(const struct draw *draw, size_t round)
{
	return document_at(draw->programme->document, "rounds/%zu", round);
}

/* ---- sources ---- */

static void source_release(struct source *source)
{
	contest_free(source->contest);
	document_free(source->document);
}

/* A whole contest's file with its tree. 0; -ENOENT: there is none (no message); -EINVAL and others
 * with messages. */
static int source_contest(struct draw *draw, size_t round, struct source *ret_source)
{
	struct config_errors *own;
	int error = programme_contest(draw->programme, round, draw->errors, &ret_source->contest);

	if (error)
		return error;
	own = file_errors_of(draw->errors, draw->programme->rounds[round].file);
	ret_source->errors = own;
	return own ? document_load(draw->programme->rounds[round].file, own, &ret_source->document)
		   : -ENOMEM;
}

static const struct schema_key addition_keys[] = {
    BLOCKS("groups", contest, groups, n_groups, &group_schema, false, 0, 64,
	"Groups of companies that are new."),
    BLOCKS("organisations", contest, organisations, n_organisations, &organisation_schema, false, 0,
	512, "Organisations that are new."),
    BLOCKS("entries", contest, entries, n_entries, &entry_schema, true, 1, CONTEST_ENTRIES_MAX,
	"The entries that are added."),
    {0},
};
static const struct schema addition_schema = IN_CONTEST(addition_keys);

static int source_addition(struct draw *draw, const char *path, struct source *ret_source)
{
	struct schema_source reading = {0};
	int error;

	ret_source->errors = file_errors_of(draw->errors, path);
	ret_source->contest = calloc(1, sizeof(*ret_source->contest));
	if (!ret_source->errors || !ret_source->contest)
		return -ENOMEM;
	error = document_load(path, ret_source->errors, &ret_source->document);
	if (error)
		return error;
	reading =
	    (struct schema_source){.document = ret_source->document, .errors = ret_source->errors};
	return schema_read(
	    &addition_schema, &reading, document_root(ret_source->document), ret_source->contest);
}

const struct source *draw_earlier(struct draw *draw, size_t round)
{
	struct source *source = &draw->earlier[round];

	if (round + 1 == draw->round)
		return &draw->before;
	if (!source->contest && !source->errors)
		(void)source_contest(draw, round, source);
	return source->contest && source->document ? source : NULL;
}

static int add_additions(struct draw *draw)
{
	for (size_t i = 0; i < draw->order->n_additions; i++) {
		int error = source_addition(draw, draw->order->additions[i], &draw->additions[i]);

		if (!error)
			error = lineup_add(draw, &draw->additions[i]);
		if (error == -ENOMEM)
			return error;
	}
	return 0;
}

/* ---- the result ---- */

static void check_result(
    struct draw *draw, const struct round_result *result, struct config_errors *errors)
{
	const struct programme_round *before = &draw->programme->rounds[draw->round - 1];

	if (strcmp(result->contest, before->id) != 0) {
		config_errors_add(errors, 0, 0, "is a result of \"%s\"; the round before is \"%s\"",
		    result->contest, before->id);
		return;
	}
	if (result->rehearsal != draw->order->rehearsal)
		config_errors_add(errors, 0, 0,
		    result->rehearsal
			? "is a rehearsal's result; it decides nothing but with --rehearsal"
			: "is no rehearsal's result");
	for (size_t i = 0; draw->before.contest && i < result->n_advanced; i++)
		if (contest_entry(draw->before.contest, slice_text(result->advanced[i])) < 0)
			config_errors_add(errors, 0, 0,
			    "says that \"%s\" advances, but %s has no such entry; one of them is "
			    "of another round",
			    result->advanced[i], before->file);
}

/* Reads all of them; the one of the highest version counts, a correction above what it corrects. */
static int read_results(struct draw *draw)
{
	if (draw->order->n_results == 0)
		document_error(draw->own, draw_round_node(draw, draw->round - 1),
		    "the result of \"%s\" is needed to know who goes on; name its file with "
		    "--result",
		    draw->programme->rounds[draw->round - 1].id);
	for (size_t i = 0; i < draw->order->n_results; i++) {
		struct config_errors *errors =
		    file_errors_of(draw->errors, draw->order->results[i]);
		struct round_result result;
		int error =
		    errors ? round_result_load(draw->order->results[i], errors, &result) : -ENOMEM;

		if (error == -ENOMEM)
			return error;
		if (error)
			continue;
		check_result(draw, &result, errors);
		if (draw->result.contest && draw->result.version >= result.version) {
			round_result_release(&result);
			continue;
		}
		round_result_release(&draw->result);
		draw->result = result;
	}
	return 0;
}

/* ---- gathering ---- */

static void check_round(struct draw *draw)
{
	const struct programme_round *round = &draw->programme->rounds[draw->round];
	struct document *document = draw->programme->document;
	struct document *base = round->template ? draw->template.document : draw->before.document;

	if (!round->opens_ms || !round->closes_ms)
		document_error(draw->own, draw_round_node(draw, draw->round),
		    "the hours of \"%s\" are not known; give \"opens_at\" and \"closes_at\"",
		    round->id);
	if (base && round->advance.count && !document_at(base, "stage"))
		document_error(draw->own, document_at(document, "rounds/%zu/advance", draw->round),
		    "there is no stage to cut: %s has none",
		    round->template ? round->template
				    : draw->programme->rounds[draw->round - 1].file);
}

static int read_before(struct draw *draw)
{
	const struct programme_round *round = &draw->programme->rounds[draw->round];
	int error = source_contest(draw, draw->round - 1, &draw->before);

	if (error == -ENOENT) {
		document_error(draw->own, draw_round_node(draw, draw->round - 1),
		    "there is no contest file of \"%s\" yet; draw it first, and name it as "
		    "\"file\"",
		    draw->programme->rounds[draw->round - 1].id);
		error = 0;
	}
	if (error == -ENOMEM || !round->template)
		return error == -ENOMEM ? error : 0;
	draw->template.errors = file_errors_of(draw->errors, round->template);
	if (!draw->template.errors)
		return -ENOMEM;
	error = document_load(round->template, draw->template.errors, &draw->template.document);
	if (!error && document_root(draw->template.document)->type != YAML_MAPPING_NODE)
		config_errors_add(draw->template.errors, 0, 0, "is no contest's file");
	return error == -ENOMEM ? error : 0;
}

/* Everything that can be told at once is; 0 unless memory is short. */
static int gather(struct draw *draw)
{
	int error = read_before(draw);

	if (!error)
		error = read_results(draw);
	if (error)
		return error;
	check_round(draw);
	if (draw->before.contest && draw->before.document) {
		error = lineup_carry(draw);
		for (size_t i = 0; i < draw->order->n_again && !error; i++)
			error = lineup_back(draw, draw->order->again[i]);
	}
	return error ? error : add_additions(draw);
}

/* ---- what was drawn ---- */

/* Reads the text as any contest file is read, both as itself and as its rehearsal. */
static int check_drawn(struct draw *draw, const char *id)
{
	struct contest *rehearsed = NULL;
	struct config_errors *errors;
	char path[64];
	int error = -ENOMEM;
	int fd = memfd_create("contest", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	errors = file_errors_new(draw->errors);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!errors || write(fd, draw->drawn.text, draw->drawn.len) != (ssize_t)draw->drawn.len)
		goto out;
	error = contestfile_load(path, false, &draw->drawn.contest, errors);
	free(errors->file);
	if (asprintf(&errors->file, "%s as drawn", id) < 0)
		errors->file = NULL;
	if (!errors->file)
		error = -ENOMEM;
	if (error)
		goto out;
	errors = file_errors_new(draw->errors);
	error = errors ? contestfile_load(path, true, &rehearsed, errors) : -ENOMEM;
	contest_free(rehearsed);
out:
	close(fd);
	return error;
}

static int compose(struct draw *draw)
{
	const struct programme *programme = draw->programme;
	const struct programme_round *round = &programme->rounds[draw->round];
	const struct composition composition = {.programme = programme,
	    .round = draw->round,
	    .base = round->template ? draw->template.document : draw->before.document,
	    .lineup = &draw->lineup};
	char *text;
	int len, error = programme_compose(&composition, &text);

	if (error)
		return error;
	len = asprintf(&draw->drawn.text,
	    "# Round %zu of %zu of \"%s\", drawn from \"%s\" and version %" PRId64
	    " of its result: %zu carried\n"
	    "# over, %zu back, %zu added. What the programme does not say is as it was there: "
	    "review it all\n"
	    "# before it is served.\n\n%s",
	    draw->round + 1, programme->n_rounds, programme->id,
	    programme->rounds[draw->round - 1].id, draw->result.version, draw->drawn.carried,
	    draw->drawn.back, draw->drawn.added, text);
	free(text);
	if (len < 0) {
		draw->drawn.text = NULL;
		return -ENOMEM;
	}
	draw->drawn.len = (size_t)len;
	return check_drawn(draw, round->id);
}

static void draw_release(struct draw *draw)
{
	source_release(&draw->before);
	source_release(&draw->template);
	for (size_t i = 0; draw->earlier && i < draw->round; i++)
		source_release(&draw->earlier[i]);
	for (size_t i = 0; draw->additions && i < draw->order->n_additions; i++)
		source_release(&draw->additions[i]);
	free(draw->earlier);
	free(draw->additions);
	round_result_release(&draw->result);
	free(draw->lineup.entries.list);
	free(draw->lineup.organisations.list);
	free(draw->lineup.groups.list);
	drawn_release(&draw->drawn);
}

static void refuse_round(const struct draw *draw, int index)
{
	char ids[400] = "";
	size_t len = 0;

	for (size_t i = 1; i < draw->programme->n_rounds && len < sizeof(ids); i++)
		len += (size_t)snprintf(ids + len, sizeof(ids) - len, "%s%s", i > 1 ? ", " : "",
		    draw->programme->rounds[i].id);
	document_error(draw->own, document_at(draw->programme->document, "rounds"),
	    index < 0 ? "there is no round \"%s\"; those that can be drawn are: %s"
		      : "the first round, \"%s\", is drawn from none; those that can be are: %s",
	    draw->order->round, *ids ? ids : "none");
}

int programme_draw(const struct programme *programme, const struct draw_order *order,
    struct file_errors *errors, struct drawn *ret_drawn)
{
	struct draw draw = {.programme = programme, .order = order, .errors = errors};
	int index = programme_find(programme, order->round), error;

	draw.own = file_errors_of(errors, programme->path);
	if (!draw.own)
		return -ENOMEM;
	if (index < 1) {
		refuse_round(&draw, index);
		return -EINVAL;
	}
	draw.round = (size_t)index;
	draw.drawn.planned = programme->rounds[index].add;
	draw.earlier = calloc(draw.round, sizeof(*draw.earlier));
	draw.additions = calloc(order->n_additions + 1, sizeof(*draw.additions));
	error = draw.earlier && draw.additions ? gather(&draw) : -ENOMEM;
	if (!error && file_errors_count(errors) > 0)
		error = -EINVAL;
	if (!error)
		error = compose(&draw);
	if (!error) {
		*ret_drawn = draw.drawn;
		draw.drawn = (struct drawn){0};
	}
	draw_release(&draw);
	return error;
}

void drawn_release(struct drawn *drawn)
{
	free(drawn->text);
	contest_free(drawn->contest);
	*drawn = (struct drawn){0};
}
