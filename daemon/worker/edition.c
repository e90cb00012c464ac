/* Reads settings, contests, keys, pages, in this order, since each needs the one before. */
#include "worker/edition.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "admission/assertion.h"
#include "base/log.h"
#include "config/contestfile.h"
#include "config/round.h"
#include "config/roundcheck.h"
#include "http/assets.h"

#define DESCRIPTORS_RESERVED 64 /* listeners, Redis, signer, logs */

/* ---- what needs no keys ---- */

/* Whoever signs could make voting rights without end, so that key is to lie with the issuer alone.
 */
static void warn_of_secrets(const struct settings *settings, const struct contest *contest)
{
	char round[ROUND_NAME_MAX];
	const char *file;

	contest_round(contest, round, sizeof(round));
	file = settings->serves & SETTINGS_ISSUER ? NULL
						  : keyring_issuer_secret(settings->keys, round);
	if (file)
		log_warn(
		    "%s/%s/%s lies here, and this server does not issue (\"roles\"): it "
		    "belongs on the issuer's host alone. Delete it here; if others could read "
		    "it, make new keys before the contest opens",
		    settings->keys, round, file);
}

/* Whoever reads one of them refuses it, too, but nobody here reads those that tallyctl signs with.
 */
static int check_secrets(const struct settings *settings, const struct contest *contest, FILE *out)
{
	const char *names[KEYRING_SECRETS];
	char round[ROUND_NAME_MAX];
	size_t n;

	contest_round(contest, round, sizeof(round));
	n = keyring_exposed(settings->keys, round, names);
	for (size_t i = 0; i < n; i++)
		(void)fprintf(out,
		    "%s/%s/%s: its mode lets others read this secret. Run: chmod 600 %s/%s/%s (and "
		    "where somebody may have read it, make a new key).\n",
		    settings->keys, round, names[i], settings->keys, round, names[i]);
	return n > 0 ? EX_NOINPUT : EX_OK;
}

/* Workers read the gateways' keys again; here it is told in time. */
static int check_gateways(
    const struct contest *contest, const struct settings *settings, char ret_why[GATEWAY_WHY_MAX])
{
	struct gateway *gateways;
	size_t n;
	int r = gateways_load(contest, settings, &gateways, &n, ret_why);

	if (r == 0)
		gateways_free(gateways, n);
	return r;
}

static int check_contest(const struct settings *settings, const char *path, FILE *out)
{
	struct contest *contest = NULL;
	struct config_errors errors = {0};
	char why[GATEWAY_WHY_MAX];
	int status = EX_CONFIG;

	if (contestfile_load(path, settings->rehearsal, &contest, &errors) != 0)
		config_errors_print(&errors, out);
	else if (roundcheck_identity(contest, settings, why) != 0 ||
		 check_gateways(contest, settings, why) != 0)
		(void)fprintf(out, "%s: %s\n", path, why);
	else
		status = EX_OK;
	if (status == EX_OK) {
		warn_of_secrets(settings, contest);
		status = check_secrets(settings, contest, out);
	}
	config_errors_release(&errors);
	contest_free(contest);
	return status;
}

static int check_contests(const struct settings *settings, FILE *out)
{
	int status = EX_OK;

	for (size_t i = 0; i < settings->n_contests; i++) {
		int one = check_contest(settings, settings->contests[i], out);

		if (status != EX_CONFIG && one != EX_OK)
			status = one;
	}
	return status;
}

/* Settings and contests as they stand in their files. */
static int read_files(const char *path, struct settings *settings, FILE *out)
{
	struct config_errors errors = {0};
	int r = settings_load(path, settings, &errors);

	config_errors_print(&errors, out);
	config_errors_release(&errors);
	if (r != 0)
		return r == -EINVAL ? EX_CONFIG : EX_NOINPUT;
	return check_contests(settings, out);
}

int edition_check(const char *path, FILE *errors, size_t *ret_contests)
{
	struct settings settings = {0};
	int status = read_files(path, &settings, errors);

	*ret_contests = settings.n_contests;
	settings_release(&settings);
	return status;
}

/* ---- the whole ---- */

/* What the limits promise must fit into the descriptors that the system lets us have. */
static void fit_descriptors(struct settings *settings)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	int most = limit.rlim_max > INT_MAX ? INT_MAX : (int)limit.rlim_max;
	most = most > 2 * DESCRIPTORS_RESERVED ? most - DESCRIPTORS_RESERVED : most / 2;
	if (settings->limits.connections > most) {
		log_warn(
		    "limits.connections is %d, but the system allows %d (ulimit -Hn): taken as "
		    "that",
		    settings->limits.connections, most);
		settings->limits.connections = most;
	}
}

static int load_rounds(struct edition *edition, FILE *out)
{
	const struct settings *settings = &edition->settings;
	char why[ROUND_WHY_MAX];

	edition->rounds = calloc(settings->n_contests, sizeof(struct round *));
	if (!edition->rounds)
		return EX_OSERR;
	edition->n_rounds = settings->n_contests;
	for (size_t i = 0; i < edition->n_rounds; i++)
		if (round_load(settings, settings->contests[i], &edition->rounds[i], why) != 0) {
			(void)fprintf(out, "%s\n", why);
			return EX_CONFIG;
		}
	return EX_OK;
}

static int load_pages(struct edition *edition, FILE *out)
{
	const struct settings *settings = &edition->settings;
	const char *why = NULL;

	if (!(settings->serves & SETTINGS_PAGES) || !settings->pages)
		return EX_OK;
	edition->assets = assets_load(settings->pages, &why);
	if (edition->assets)
		return EX_OK;
	(void)fprintf(out, "pages: %s: %s; write them with `tallyctl site %s`\n",
	    why ? why : settings->pages, strerror(errno), settings->pages);
	return EX_NOINPUT;
}

int edition_load(const char *path, FILE *errors, struct edition **ret_edition)
{
	struct edition *edition = calloc(1, sizeof(*edition));
	int status = edition ? read_files(path, &edition->settings, errors) : EX_OSERR;

	if (status == EX_OK) {
		fit_descriptors(&edition->settings);
		status = load_rounds(edition, errors);
	}
	if (status == EX_OK)
		status = load_pages(edition, errors);
	if (status != EX_OK) {
		edition_free(edition);
		return status;
	}
	*ret_edition = edition;
	return EX_OK;
}

void edition_free(struct edition *edition)
{
	if (!edition)
		return;
	for (size_t i = 0; edition->rounds && i < edition->n_rounds; i++)
		round_free(edition->rounds[i]);
	free(edition->rounds);
	assets_free(edition->assets);
	settings_release(&edition->settings);
	free(edition);
}
