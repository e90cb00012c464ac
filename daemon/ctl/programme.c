/* tallyctl programme: checks a programme's file, tells what is known of its rounds, and draws a
 * round's contest file from the round before and its certified result. Works on files; asks no
 * Redis. */
#include "config/programme_draw.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/encode.h"
#include "config/round.h"
#include "ctl/ctl.h"
#include "office/results.h"

static const char usage[] =
    "Usage: tallyctl -c FILE programme check PROGRAMME\n"
    "       tallyctl -c FILE programme status PROGRAMME [--json]\n"
    "       tallyctl -c FILE programme draw PROGRAMME ROUND --result FILE… [--add FILE]…\n"
    "                [--again ENTRY]… [--rehearsal] [--out FILE]\n"
    "\n"
    "check   reads the programme's file and every round's contest file that is there, and says "
    "what\n"
    "        is wrong.\n"
    "status  tells its rounds: hours, cut, who takes part.\n"
    "draw    writes ROUND's contest file: who advanced in the round before, in that file's order,\n"
    "        then who comes back, then who is added; all else as it was there, or in the round's\n"
    "        template. Review it before it is served.\n"
    "\n"
    "      --result FILE   the round before's certified result, as `tallyctl result --json` "
    "prints\n"
    "                      it; its signature is then checked. Of several the newest version "
    "counts\n"
    "      --add FILE      a team chosen by an additional call: `entries`, `organisations` and\n"
    "                      `groups` as in a contest's file\n"
    "      --again ENTRY   a team that fell in an earlier round, as it stood there\n"
    "      --rehearsal     the result is a rehearsal's\n"
    "      --out FILE      where to write it; never over a file that is there. Else to standard\n"
    "                      output\n"
    "      --json          status as JSON\n";

#define LIST_MAX 64

struct words { /* of an option that may be repeated */
	const char *list[LIST_MAX];
	size_t n;
};

struct asked {
	const char *verb, *programme, *round, *out;
	struct words results, additions, again;
	bool rehearsal, json;
};

/* ---- the command line ---- */

static bool add_word(struct words *words, const char *word)
{
	if (words->n == LIST_MAX)
		return false;
	words->list[words->n++] = word;
	return true;
}

static int read_options(const struct ctl *ctl, int argc, char **argv, struct asked *asked)
{
	static const struct option options[] = {
	    {"result", required_argument, NULL, 'r'},
	    {"add", required_argument, NULL, 'a'},
	    {"again", required_argument, NULL, 'g'},
	    {"out", required_argument, NULL, 'o'},
	    {"rehearsal", no_argument, NULL, 'h'},
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	bool fits = true;
	int option;

	while (fits && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'r':
			fits = add_word(&asked->results, optarg);
			break;
		case 'a':
			fits = add_word(&asked->additions, optarg);
			break;
		case 'g':
			fits = add_word(&asked->again, optarg);
			break;
		case 'o':
			asked->out = optarg;
			break;
		case 'h':
			asked->rehearsal = true;
			break;
		case 'j':
			asked->json = true;
			break;
		default:
			return ctl_misuse(ctl, "programme does not take that.");
		}
	}
	return fits ? EX_OK : ctl_misuse(ctl, "an option is given more than %d times.", LIST_MAX);
}

static int read_arguments(const struct ctl *ctl, int argc, char **argv, struct asked *asked)
{
	int status = read_options(ctl, argc, argv, asked), given = argc - optind;
	bool draws = given > 0 && strcmp(argv[optind], "draw") == 0;

	if (status != EX_OK)
		return status;
	if (given == 0)
		return ctl_misuse(ctl, "say what: check, status or draw.");
	if (!draws && strcmp(argv[optind], "check") != 0 && strcmp(argv[optind], "status") != 0)
		return ctl_misuse(ctl, "programme does not know \"%s\".", argv[optind]);
	if (given != (draws ? 3 : 2))
		return ctl_misuse(ctl, "programme %s takes %s.", argv[optind],
		    draws ? "a programme's file and a round" : "a programme's file");
	asked->verb = argv[optind];
	asked->programme = argv[optind + 1];
	asked->round = draws ? argv[optind + 2] : NULL;
	if (!draws && (asked->results.n || asked->additions.n || asked->again.n || asked->out ||
			  asked->rehearsal))
		return ctl_misuse(ctl, "only draw takes such an option.");
	return EX_OK;
}

/* ---- check ---- */

/* Prints and releases the errors; the status that they mean. */
static int tell_errors(struct file_errors *errors, int error)
{
	size_t count = file_errors_count(errors);

	file_errors_print(errors, stderr);
	file_errors_release(errors);
	if (error == -ENOMEM)
		return ctl_fail(EX_OSERR, "there is not enough memory.");
	if (error && count == 0)
		return ctl_fail(EX_OSERR, "%s.", strerror(-error));
	return error ? EX_CONFIG : EX_OK;
}

static int check(const struct programme *programme, struct file_errors *errors)
{
	int status = tell_errors(errors, programme_check(programme, errors));

	if (status == EX_OK)
		(void)printf("%s: %zu rounds, no errors.\n", programme->path, programme->n_rounds);
	return status;
}

/* ---- status ---- */

static json_t *time_json(int64_t ms)
{
	char text[CLOCK_TEXT_SIZE];

	return ms ? json_string(clock_format(ms, 0, text)) : json_null();
}

static json_t *entries_json(const struct contest *contest)
{
	json_t *ids = contest ? json_array() : json_null();

	for (size_t i = 0; contest && i < contest->n_entries; i++)
		json_array_append_new(ids, json_string(contest->entries[i].id));
	return ids;
}

/* What the contest's file says counts; where there is none yet, what is planned. */
static json_t *round_json(
    const struct programme *programme, size_t index, const struct contest *contest)
{
	const struct programme_round *round = &programme->rounds[index];
	int64_t opens = contest ? contest->opens_ms : round->opens_ms;
	int64_t closes = contest ? contest->closes_ms : round->closes_ms;
	int advance = contest ? contest->stage.advance : round->advance.count;

	return json_pack("{s:I, s:s, s:{s:s, s:s}, s:s?, s:b, s:o, s:o, s:i, s:i, s:o}", "round",
	    (json_int_t)index + 1, "id", round->id, "name", "ko", round->name.ko, "en",
	    round->name.en, "file", round->file, "drawn", contest != NULL, "opens_at",
	    time_json(opens), "closes_at", time_json(closes), "advance", advance, "add", round->add,
	    "entries", entries_json(contest));
}

static void tell_hours(const json_t *round)
{
	const char *opens = json_string_value(json_object_get(round, "opens_at"));
	const char *closes = json_string_value(json_object_get(round, "closes_at"));

	if (opens && closes)
		(void)printf("%s to %s\n", opens, closes);
	else
		(void)puts("hours not known");
}

static void tell_round(const json_t *round)
{
	const json_t *entries = json_object_get(round, "entries");
	json_int_t advance = json_integer_value(json_object_get(round, "advance"));
	json_int_t add = json_integer_value(json_object_get(round, "add"));

	(void)printf("%" JSON_INTEGER_FORMAT "  %-20s ",
	    json_integer_value(json_object_get(round, "round")),
	    json_string_value(json_object_get(round, "id")));
	tell_hours(round);
	if (json_is_array(entries)) {
		(void)printf("   %zu entries: ", json_array_size(entries));
		for (size_t i = 0; i < json_array_size(entries); i++)
			(void)printf(
			    "%s%s", i ? ", " : "", json_string_value(json_array_get(entries, i)));
		(void)putchar('\n');
	} else {
		(void)printf("   not drawn yet");
		if (add)
			(void)printf("; %" JSON_INTEGER_FORMAT " to be added by a call", add);
		(void)putchar('\n');
	}
	if (advance)
		(void)printf("   %" JSON_INTEGER_FORMAT " to go on\n", advance);
}

static int status(const struct programme *programme, struct file_errors *errors, bool as_json)
{
	json_t *rounds = json_array();
	int worst = 0;

	for (size_t i = 0; i < programme->n_rounds; i++) {
		struct contest *contest = NULL;
		int error = programme_contest(programme, i, errors, &contest);

		if (error && error != -ENOENT)
			worst = error;
		json_array_append_new(rounds, round_json(programme, i, contest));
		contest_free(contest);
	}
	if (as_json) {
		(void)json_dumpf(rounds, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else {
		(void)printf("%s (%s), %zu rounds\n", programme->name.ko, programme->id,
		    programme->n_rounds);
		for (size_t i = 0; i < json_array_size(rounds); i++)
			tell_round(json_array_get(rounds, i));
	}
	json_decref(rounds);
	return tell_errors(errors, worst);
}

/* ---- draw ---- */

static struct slice member(const json_t *object, const char *key)
{
	const json_t *text = json_object_get(object, key);

	return slice_make(json_string_value(text), json_string_length(text));
}

/* Holds a result against the key and the rules of its round. */
static int verify_signed(
    const struct ctl *ctl, const struct round *round, const char *path, const json_t *stored)
{
	struct slice document = member(stored, "document");
	char hash[HEX_SIZE(SHA256_SIZE)];
	json_t *said;
	bool same;

	if (result_verify(round, ctl->settings.log_name, document, member(stored, "note")) < 0)
		return ctl_fail(EX_DATAERR,
		    "%s: the signature is not that of \"%s\"; nothing was drawn.", path,
		    round->name);
	said = json_loadb(document.ptr, document.len, JSON_REJECT_DUPLICATES, NULL);
	(void)hex_encode(round->rules_hash, SHA256_SIZE, hash);
	same = slice_is(member(said, "rules_hash"), hash);
	json_decref(said);
	if (!same)
		return ctl_fail(EX_DATAERR,
		    "%s: was certified under other rules than the contest file of \"%s\" has now; "
		    "bring back the file that was served. Nothing was drawn.",
		    path, round->name);
	return EX_OK;
}

/* A result without its note cannot be checked, nor can one whose round's keys are elsewhere: that
 * is said. What is no result at all is the draw's to tell. */
static int verify(
    const struct ctl *ctl, const struct asked *asked, const char *contest, const char *path)
{
	struct settings settings = ctl->settings; /* borrows */
	json_t *stored = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	struct round *round = NULL;
	char why[ROUND_WHY_MAX];
	int code = EX_OK;

	settings.rehearsal = asked->rehearsal;
	if (!stored)
		return EX_OK;
	if (!json_is_string(json_object_get(stored, "note")) ||
	    !json_is_string(json_object_get(stored, "document")))
		(void)fprintf(stderr,
		    "tallyctl: %s: its signature was not checked; give the result as tallyctl "
		    "result --json prints it.\n",
		    path);
	else if (round_load(&settings, contest, &round, why) < 0)
		(void)fprintf(
		    stderr, "tallyctl: %s: its signature was not checked: %s\n", path, why);
	else
		code = verify_signed(ctl, round, path, stored);
	round_free(round);
	json_decref(stored);
	return code;
}

static int verify_results(
    const struct ctl *ctl, const struct asked *asked, const struct programme *programme)
{
	int index = programme_find(programme, asked->round);
	int code = EX_OK;

	if (index < 1 || !programme->rounds[index - 1].file)
		return EX_OK; /* the draw's to tell */
	for (size_t i = 0; i < asked->results.n && code == EX_OK; i++)
		code =
		    verify(ctl, asked, programme->rounds[index - 1].file, asked->results.list[i]);
	return code;
}

static int write_new(const char *path, const struct drawn *drawn)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	size_t done = 0;

	if (fd < 0 && errno == EEXIST)
		return ctl_fail(
		    EX_CANTCREAT, "%s is there already; move it away, or name another file.", path);
	while (fd >= 0 && done < drawn->len) {
		ssize_t n = write(fd, drawn->text + done, drawn->len - done);

		if (n < 0 && errno != EINTR)
			break;
		done += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0 && done == drawn->len && fsync(fd) == 0 && close(fd) == 0)
		return EX_OK;
	done = (size_t)errno;
	if (fd >= 0) {
		(void)close(fd);
		(void)unlink(path);
	}
	return ctl_fail(EX_CANTCREAT, "%s cannot be written: %s.", path, strerror((int)done));
}

static int hand_over(const struct asked *asked, const struct drawn *drawn)
{
	size_t given = drawn->back + drawn->added;

	if (asked->out) {
		int code = write_new(asked->out, drawn);

		if (code != EX_OK)
			return code;
	} else if (fwrite(drawn->text, 1, drawn->len, stdout) != drawn->len ||
		   fflush(stdout) != 0) {
		return ctl_fail(EX_CANTCREAT, "standard output cannot be written.");
	}
	(void)fprintf(stderr, "%s: %zu carried over, %zu back, %zu added.\n", asked->round,
	    drawn->carried, drawn->back, drawn->added);
	if (given != (size_t)drawn->planned)
		(void)fprintf(
		    stderr, "The programme planned to add %d; %zu were.\n", drawn->planned, given);
	return EX_OK;
}

static int draw(const struct ctl *ctl, const struct asked *asked, const struct programme *programme,
    struct file_errors *errors)
{
	const struct draw_order order = {.round = asked->round,
	    .results = asked->results.list,
	    .n_results = asked->results.n,
	    .additions = asked->additions.list,
	    .n_additions = asked->additions.n,
	    .again = asked->again.list,
	    .n_again = asked->again.n,
	    .rehearsal = asked->rehearsal};
	struct drawn drawn = {0};
	int code = verify_results(ctl, asked, programme);

	if (code == EX_OK)
		code = tell_errors(errors, programme_draw(programme, &order, errors, &drawn));
	else
		file_errors_release(errors);
	if (code == EX_OK)
		code = hand_over(asked, &drawn);
	drawn_release(&drawn);
	return code;
}

/* ---- the command ---- */

static int run(const struct ctl *ctl, int argc, char **argv)
{
	struct asked asked = {.verb = "", .programme = ""};
	struct file_errors errors = {0};
	struct programme *programme = NULL;
	int code = read_arguments(ctl, argc, argv, &asked), error;

	if (code != EX_OK)
		return code;
	error = programme_load(asked.programme, &errors, &programme);
	if (error)
		return tell_errors(&errors, error);
	if (strcmp(asked.verb, "check") == 0)
		code = check(programme, &errors);
	else if (strcmp(asked.verb, "status") == 0)
		code = status(programme, &errors, asked.json);
	else
		code = draw(ctl, &asked, programme, &errors);
	file_errors_release(&errors);
	programme_free(programme);
	return code;
}

const struct ctl_command ctl_programme = {
    .name = "programme",
    .summary = "check a programme of rounds; draw the next round",
    .usage = usage,
    .run = run,
};
