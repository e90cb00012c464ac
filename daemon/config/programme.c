/* A programme's file: keys, what must hold between them, and between them and the rounds' files. */
#include "config/programme.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/contestfile.h"
#include "config/contestrefs.h"
#include "config/contestschema_rows.h"

/* ---- keys ---- */

static const char *const ties_words[] = {"included", "excluded", NULL};

static const struct schema_key advance_keys[] = {
    NUMBER("count", programme_round, advance.count, 1, CONTEST_ENTRIES_MAX, NULL,
	"How many entries go on."),
    BOOLEAN("refill", programme_round, advance.refill, "false",
	"Whether others move up for the disqualified."),
    WORD("ties", programme_round, advance.ties_excluded, ties_words, "included",
	"Whether a tie across the cut line goes on whole, or not at all."),
    {0},
};
static const struct schema advance_schema = {advance_keys, sizeof(struct programme_round)};

#define FILE_KEY(key, member, sentence)                                                            \
	{                                                                                          \
		.name = (key), .type = SCHEMA_PATH, .max = 400,                                    \
		SCHEMA_AT(struct programme_round, member), .doc = (sentence)                       \
	}
#define HOUR_KEY(key, member, sentence)                                                            \
	{                                                                                          \
		.name = (key), .type = SCHEMA_TIME, SCHEMA_AT(struct programme_round, member),     \
		.doc = (sentence)                                                                  \
	}

static const struct schema_key round_keys[] = {
    ID(programme_round, id, "The contest's id."),
    LOCALISED("name", programme_round, name, true, 120, "The contest's name."),
    FILE_KEY("file", file, "Its contest file; of later rounds, where it is kept once drawn."),
    FILE_KEY("template", template, "The file it takes all from but who is in it."),
    HOUR_KEY("opens_at", opens_ms, "When voting begins."),
    HOUR_KEY("closes_at", closes_ms, "When voting ends."),
    BLOCK("advance", &advance_schema, false, "Its cut line."),
    NUMBER("add", programme_round, add, 0, CONTEST_ENTRIES_MAX, "0",
	"How many entries an additional call is planned to add."),
    {0},
};
static const struct schema round_schema = {round_keys, sizeof(struct programme_round)};

static const struct schema_key programme_keys[] = {
    ID(programme, id, "The programme's id."),
    LOCALISED("name", programme, name, true, 120, "Its name."),
    BLOCKS("rounds", programme, rounds, n_rounds, &round_schema, true, 1, PROGRAMME_ROUNDS_MAX,
	"Its rounds, in their order."),
    {0},
};
static const struct schema programme_file_schema = {programme_keys, sizeof(struct programme)};

/* ---- between keys ---- */

_Static_assert(offsetof(struct programme_round, id) == 0, "check_unique()");

static void check_hours(const struct check *check, const struct programme *programme, size_t i)
{
	const struct programme_round *round = &programme->rounds[i];
	const struct programme_round *before = i ? &programme->rounds[i - 1] : NULL;

	if (round->opens_ms && round->closes_ms && round->closes_ms <= round->opens_ms)
		document_error(check->errors,
		    document_at(check->document, "rounds/%zu/closes_at", i),
		    "\"closes_at\" is not after \"opens_at\"; it is to be later");
	if (before && before->closes_ms && round->opens_ms && round->opens_ms <= before->closes_ms)
		document_error(check->errors,
		    document_at(check->document, "rounds/%zu/opens_at", i),
		    "the round before closes only later; this one is to open after it");
}

static void check_file(const struct programme *programme, struct config_errors *errors)
{
	const struct check check = {NULL, programme->document, errors};

	check_unique(&check, (struct ids){"rounds", programme->rounds, programme->n_rounds,
				 sizeof(struct programme_round)});
	for (size_t i = 0; i < programme->n_rounds; i++)
		check_hours(&check, programme, i);
	if (programme->n_rounds > 0 && !programme->rounds[0].file)
		document_error(errors, document_at(programme->document, "rounds/0"),
		    "the first round is drawn from none; name its contest file as \"file\"");
}

/* ---- loading ---- */

static int read_file(struct programme *programme, struct config_errors *errors)
{
	char *directory = strdup(programme->path);
	struct schema_source source = {.document = programme->document, .errors = errors};
	int error;

	if (!directory)
		return -ENOMEM;
	source.directory = dirname(directory);
	error = schema_read(
	    &programme_file_schema, &source, document_root(programme->document), programme);
	free(directory);
	if (error)
		return error;
	check_file(programme, errors);
	return errors->short_of_memory ? -ENOMEM : 0;
}

int programme_load(const char *path, struct file_errors *errors, struct programme **ret_programme)
{
	struct config_errors *own = file_errors_of(errors, path);
	struct programme *programme = calloc(1, sizeof(*programme));
	int error = own && programme ? 0 : -ENOMEM;

	if (!error) {
		programme->path = strdup(path);
		error = programme->path ? document_load(path, own, &programme->document) : -ENOMEM;
	}
	if (!error)
		error = read_file(programme, own);
	if (!error && own->count > 0)
		error = -EINVAL;
	if (error)
		programme_free(programme);
	else
		*ret_programme = programme;
	return error;
}

void programme_free(struct programme *programme)
{
	if (!programme)
		return;
	schema_release(&programme_file_schema, programme);
	document_free(programme->document);
	free(programme->path);
	free(programme);
}

int programme_find(const struct programme *programme, const char *id)
{
	for (size_t i = 0; i < programme->n_rounds; i++)
		if (strcmp(programme->rounds[i].id, id) == 0)
			return (int)i;
	return -1;
}

/* ---- the rounds' files ---- */

int programme_contest(const struct programme *programme, size_t round, struct file_errors *errors,
    struct contest **ret_contest)
{
	const char *file = programme->rounds[round].file;
	struct config_errors *own;

	if (!file || (access(file, F_OK) < 0 && round > 0))
		return -ENOENT;
	own = file_errors_new(errors);
	return own ? contestfile_load(file, false, ret_contest, own) : -ENOMEM;
}

struct rounds_check {
	const struct programme *programme;
	struct config_errors *errors; /* of the programme's file */
	size_t round;
	const struct contest *contest;
};

static yaml_node_t *at(const struct rounds_check *check, const char *key)
{
	yaml_node_t *round = document_at(check->programme->document, "rounds/%zu", check->round);
	yaml_node_t *node = document_value(check->programme->document, round, key);

	return node ? node : round;
}

static void hold_hours(const struct rounds_check *check)
{
	const struct programme_round *round = &check->programme->rounds[check->round];

	if (round->opens_ms && round->opens_ms != check->contest->opens_ms)
		document_error(check->errors, at(check, "opens_at"),
		    "%s opens at another time; bring both to the same", round->file);
	if (round->closes_ms && round->closes_ms != check->contest->closes_ms)
		document_error(check->errors, at(check, "closes_at"),
		    "%s closes at another time; bring both to the same", round->file);
}

/* Of the cut only what the programme says itself. */
static void hold_cut(const struct rounds_check *check)
{
	struct document *document = check->programme->document;
	const struct programme_round *round = &check->programme->rounds[check->round];
	const struct contest *contest = check->contest;
	const yaml_node_t *cut =
	    document_value(document, document_at(document, "rounds/%zu", check->round), "advance");

	if ((document_value(document, cut, "count") &&
		round->advance.count != contest->stage.advance) ||
	    (document_value(document, cut, "refill") &&
		round->advance.refill != contest->stage.refill) ||
	    (document_value(document, cut, "ties") &&
		round->advance.ties_excluded != contest->stage.ties_excluded))
		document_error(check->errors, cut,
		    "%s has another cut (%d go on); bring both to the same", round->file,
		    contest->stage.advance);
}

static void hold_block(const struct rounds_check *check)
{
	const struct programme *programme = check->programme;
	const struct contest *contest = check->contest;
	const char *before = check->round ? programme->rounds[check->round - 1].id : NULL;
	const char *named = contest->programme.previous;

	if (!contest->programme.id || strcmp(contest->programme.id, programme->id) != 0 ||
	    contest->programme.round != (int)check->round + 1 ||
	    contest->programme.rounds != (int)programme->n_rounds)
		document_error(check->errors, at(check, "file"),
		    "%s does not say that it is round %zu of %zu of \"%s\"; set its "
		    "\"programme\"",
		    programme->rounds[check->round].file, check->round + 1, programme->n_rounds,
		    programme->id);
	else if ((before == NULL) != (named == NULL) || (before && strcmp(before, named) != 0))
		document_error(check->errors, at(check, "file"),
		    "%s says that the contest before was \"%s\"; here it is \"%s\"",
		    programme->rounds[check->round].file, named ? named : "none",
		    before ? before : "none");
}

static void hold(const struct rounds_check *check)
{
	const struct programme_round *round = &check->programme->rounds[check->round];

	if (strcmp(round->id, check->contest->id) != 0) {
		document_error(check->errors, at(check, "file"),
		    "%s is the contest \"%s\", not \"%s\"; name the file of this one", round->file,
		    check->contest->id, round->id);
		return;
	}
	hold_hours(check);
	hold_cut(check);
	hold_block(check);
}

int programme_check(const struct programme *programme, struct file_errors *errors)
{
	struct config_errors *own = file_errors_of(errors, programme->path);

	if (!own)
		return -ENOMEM;
	for (size_t i = 0; i < programme->n_rounds; i++) {
		struct contest *contest = NULL;
		int error = programme_contest(programme, i, errors, &contest);

		if (error == -ENOMEM)
			return error;
		if (error)
			continue;
		hold(&(struct rounds_check){programme, own, i, contest});
		contest_free(contest);
	}
	return file_errors_count(errors) > 0 ? -EINVAL : 0;
}
