/* tallyctl check: whether Redis, its settings, keys and clocks are such that no vote is lost and
 * none counts twice. Looks, and changes nothing. */
#include "ctl/check.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "config/round.h"
#include "ctl/screen.h"
#include "ctl/session.h"
#include "store/redis_settings.h"

static const char usage[] =
    "Usage: tallyctl -c FILE check [--json]\n"
    "\n"
    "Looks at the configured Redis before votes depend on it: version, append-only file and "
    "fsync,\n"
    "eviction and memory, replicas, what its log tells of votes, what tallyd's user may do, its "
    "clock;\n"
    "at every master, and at each replica that follows one, as the same user: a replica is a "
    "master\n"
    "some day, by settings of its own. On this machine at the keys' permissions, and where Redis "
    "runs\n"
    "here at its socket and the kernel; at names in its address. Changes nothing.\n"
    "\n"
    "Each finding says what may happen and which line to write. Servers take no votes in a real "
    "contest\n"
    "while a master's setting \"loses votes\" or \"may double votes\" (redis.unsafe in\n"
    "config/tallyd.yaml), and do not start where others can read a secret key.\n"
    "\n"
    "      --json     print the findings as JSON\n"
    "\n"
    "Ends with 0 when there is at most advice, 65 when there is more, 69 when Redis is not to be "
    "had, 78 for\n"
    "a wrong configuration.\n";

struct check_finding *check_find(struct check *check, enum durability_grade grade, const char *of,
    const char *setting, const char *value, const char *may)
{
	struct check_finding *finding;

	if (check->n < CHECK_FINDINGS_MAX)
		check->n++;
	finding = &check->findings[check->n - 1];
	*finding = (struct check_finding){.grade = grade};
	(void)snprintf(finding->of, sizeof(finding->of), "%s", of);
	(void)snprintf(finding->setting, sizeof(finding->setting), "%s", setting);
	(void)snprintf(finding->value, sizeof(finding->value), "%s", value);
	(void)snprintf(finding->may, sizeof(finding->may), "%s", may);
	return finding;
}

static bool is_found(const struct check *check, const struct durability_finding *finding)
{
	for (size_t i = 0; i < check->n; i++)
		if (check->findings[i].grade == finding->grade &&
		    strcmp(check->findings[i].setting, finding->setting) == 0)
			return true;
	return false;
}

void check_add(struct check *check, const struct durability *durability, const char *of)
{
	for (size_t i = 0; i < durability->n; i++) {
		const struct durability_finding *from = &durability->findings[i];
		struct check_finding *finding;

		if (is_found(check, from))
			continue;
		finding = check_find(check, from->grade, from->server[0] ? from->server : of,
		    from->setting, from->value, from->may);
		(void)snprintf(finding->remedy, sizeof(finding->remedy), "%s", from->remedy);
	}
}

/* ---- the contests ---- */

uint64_t check_voters(const struct check *check)
{
	uint64_t voters = 0;

	for (size_t i = 0; i < check->n_rounds; i++)
		voters += check->rounds[i]->contest->expected_voters;
	return voters;
}

static int load_rounds(struct check *check)
{
	const struct settings *settings = &check->ctl->settings;
	char why[ROUND_WHY_MAX];

	check->rounds = calloc(settings->n_contests + 1, sizeof(struct round *));
	if (!check->rounds)
		return ctl_fail(EX_OSERR, "out of memory.");
	for (size_t i = 0; i < settings->n_contests; i++) {
		if (round_load(settings, settings->contests[i], &check->rounds[i], why) < 0)
			return ctl_fail(EX_CONFIG, "%s", why);
		check->n_rounds = i + 1;
	}
	return EX_OK;
}

static void release(struct check *check)
{
	for (size_t i = 0; i < check->n_rounds; i++)
		round_free(check->rounds[i]);
	free(check->rounds);
	free(check);
}

/* ---- printing ---- */

static int by_grade(const void *a, const void *b)
{
	const struct check_finding *x = a, *y = b;
	int of = strcmp(x->of, y->of);

	if (x->grade != y->grade)
		return x->grade < y->grade ? 1 : -1;
	return of ? of : strcmp(x->setting, y->setting);
}

static size_t count_grave(const struct check *check)
{
	size_t n = 0;

	for (size_t i = 0; i < check->n; i++)
		n += check->findings[i].grade > DURABILITY_ADVICE;
	return n;
}

/* For the gravest comes first, a heading begins each grade. */
static void print_findings(const struct check *check)
{
	for (size_t i = 0; i < check->n; i++) {
		const struct check_finding *finding = &check->findings[i];

		if (i == 0 || check->findings[i - 1].grade != finding->grade)
			screen_print("\n%s\n", durability_word(finding->grade));
		screen_print("  %s %s = \"%s\"\n      %s.\n", finding->of, finding->setting,
		    finding->value, finding->may);
		if (finding->remedy[0])
			screen_print("      write: %s\n", finding->remedy);
	}
}

static void print(const struct check *check)
{
	size_t grave = count_grave(check);

	screen_print("%s at %s\n", check->server[0] ? check->server : "Redis",
	    redis_where(&check->ctl->settings));
	print_findings(check);
	screen_print("\n%s%zu to be mended, %zu to be thought about.\n",
	    check->n == 0 ? "Nothing was found: " : "", grave, check->n - grave);
}

static void print_json(const struct check *check)
{
	json_t *list = json_array(), *json;

	for (size_t i = 0; i < check->n; i++) {
		const struct check_finding *finding = &check->findings[i];

		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "grade",
			      durability_word(finding->grade), "of", finding->of, "setting",
			      finding->setting, "value", finding->value, "may_happen", finding->may,
			      "write", finding->remedy));
	}
	json = json_pack("{s:s, s:s, s:b, s:o}", "server", check->server, "address",
	    redis_where(&check->ctl->settings), "good", count_grave(check) == 0, "findings", list);
	session_print_json(json);
	json_decref(json);
}

/* ---- the command ---- */

static int run_check(const struct ctl *ctl, int argc, char **argv)
{
	struct session_options options = {0};
	struct check *check;
	size_t n;
	int status = session_arguments(ctl, argc, argv, NULL, 0, 0, NULL, &n, &options);

	if (status != EX_OK)
		return status;
	check = calloc(1, sizeof(*check));
	if (!check)
		return ctl_fail(EX_OSERR, "out of memory.");
	check->ctl = ctl;
	status = load_rounds(check);
	if (status == EX_OK)
		status = check_redis(check);
	if (status == EX_OK) {
		check_host(check);
		check_names(check);
		qsort(check->findings, check->n, sizeof(*check->findings), by_grade);
		if (options.json)
			print_json(check);
		else
			print(check);
		status = count_grave(check) > 0 ? EX_DATAERR : EX_OK;
	}
	release(check);
	return status;
}

const struct ctl_command ctl_check = {
    .name = "check",
    .summary = "whether this Redis can lose votes or count them twice, and what to write",
    .usage = usage,
    .run = run_check,
};
