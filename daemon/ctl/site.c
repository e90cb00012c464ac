/* tallyctl site: the static pages with the configuration that pins what they vote under, ready for
 * any host of files. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <jansson.h>

#include "base/buf.h"
#include "config/round.h"
#include "ctl/ctl.h"
#include "ctl/interrupt.h"
#include "ctl/sitefiles.h"
#include "ctl/sitetree.h"

static const char usage[] =
    "Usage: tallyctl -c FILE site [--from DIR] [--vendor DIR] DIR\n"
    "\n"
    "Writes the pages into DIR, for the daemon or any host of static files, with site.json (what a "
    "page\n"
    "checks the server against) and _headers (security headers for hosts that read it). A page "
    "that\n"
    "is already there is replaced whole, or not at all.\n"
    "\n"
    "      --from DIR      where the pages come from; else the directory \"static\" beside FILE, "
    "beside\n"
    "                      FILE's directory, or where this program was built or installed\n"
    "      --vendor DIR    others' work that pages use (QR codes, the organiser's chart), put "
    "into\n"
    "                      vendor/; else what ops/install fetched beside the pages. Without it "
    "the\n"
    "                      pages do with less, and a warning says what\n"
    "\n"
    "Ends with 0; 66 when no pages are found, 73 when DIR cannot be written, 78 when keys are "
    "missing "
    "(tallyctl\n"
    "keygen).\n";

#define HEADERS_BYTES_MAX 8192

/* ---- site.json ---- */

/* Where its voters identify themselves, by the gateway's id: that is the server's, and no rule. */
static int add_gateways(
    const struct settings *settings, const struct contest *contest, json_t *site_contest)
{
	json_t *gateways = json_object();
	int r = site_contest && gateways ? 0 : -1;

	for (size_t i = 0; r == 0 && i < contest->identity.n_providers; i++) {
		const struct gateway_settings *gateway =
		    settings_gateway(settings, contest->identity.providers[i].id);

		if (gateway && gateway->url)
			r = json_object_set_new(gateways, gateway->id, json_string(gateway->url));
	}
	if (r == 0)
		r = json_object_set(site_contest, "gateways", gateways);
	json_decref(gateways);
	return r;
}

/* A contest as a page of this server has it. NULL: memory. */
static json_t *contest_json(const struct settings *settings, const struct round *round)
{
	json_t *json = site_contest_json(settings, round);

	if (round->contest->admission == ADMISSION_ASSERTION &&
	    add_gateways(settings, round->contest, json) < 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}

/* Every contest of the configuration; says itself what is wrong. */
static int contests_json(const struct settings *settings, json_t *array)
{
	for (size_t i = 0; i < settings->n_contests; i++) {
		struct round *round = NULL;
		char why[ROUND_WHY_MAX];
		int r = round_load(settings, settings->contests[i], &round, why);

		if (r < 0)
			return ctl_fail(r == -ENOENT ? EX_NOINPUT : EX_CONFIG, "%s", why);
		r = json_array_append_new(array, contest_json(settings, round));
		round_free(round);
		if (r < 0)
			return ctl_fail(EX_OSERR, "there is not enough memory.");
	}
	return EX_OK;
}

/* The text of site.json, which the caller frees. */
static int make_json(const struct settings *settings, char **ret_text)
{
	json_t *array = json_array();
	int status = contests_json(settings, array);

	if (status != EX_OK) {
		json_decref(array);
		return status;
	}
	*ret_text = site_json(settings->api_origin, settings->issuer_origin, false, array);
	return *ret_text ? EX_OK : ctl_fail(EX_OSERR, "there is not enough memory.");
}

/* ---- the site ---- */

static int stage(struct sitetree *tree, const struct ctl *ctl, const struct site_sources *sources,
    const char *json)
{
	char why[SITETREE_WHY_MAX];
	struct buf headers;
	const struct settings *settings = &ctl->settings;
	int status = site_copy(tree, sources, NULL);

	buf_init(&headers, HEADERS_BYTES_MAX);
	if (status == EX_OK &&
	    site_headers(settings->api_origin, settings->issuer_origin, false, &headers) < 0)
		status = ctl_fail(EX_OSERR, "there is not enough memory.");
	else if (status == EX_OK && (sitetree_add(tree, "_headers", buf_slice(&headers), why) < 0 ||
					sitetree_add(tree, "site.json", slice_text(json), why) < 0))
		status = ctl_fail(EX_CANTCREAT, "%s", why);
	buf_release(&headers);
	return status;
}

static int write_site(const struct ctl *ctl, const struct site_sources *sources, const char *dir)
{
	char why[SITETREE_WHY_MAX];
	struct sitetree *tree = NULL;
	struct interrupt interrupt;
	char *json = NULL;
	size_t files = 0;
	int status = make_json(&ctl->settings, &json);
	if (status != EX_OK)
		return status;
	interrupt_hold(&interrupt);
	status = sitetree_new(dir, &tree, why) < 0 ? ctl_fail(EX_CANTCREAT, "%s", why)
						   : stage(tree, ctl, sources, json);
	if (status == EX_OK && interrupt_waits())
		status = ctl_fail(EX_TEMPFAIL, "interrupted: %s is as it was.", dir);
	if (status == EX_OK && sitetree_publish(tree, &files, why) < 0)
		status = ctl_fail(EX_CANTCREAT, "%s", why);
	if (status == EX_OK)
		(void)printf("%s: %zu files from %s\n", dir, files, sources->from);
	sitetree_free(tree);
	free(json);
	interrupt_let_go(&interrupt);
	return status;
}

static int run(const struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
	    {"from", required_argument, NULL, 'f'},
	    {"vendor", required_argument, NULL, 'v'},
	    {NULL, 0, NULL, 0},
	};
	struct site_sources sources = {.from = NULL};
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'f')
			sources.from = optarg;
		else if (option == 'v')
			sources.vendor = optarg;
		else
			return ctl_misuse(ctl, "site does not take that.");
	}
	if (argc - optind != 1)
		return ctl_misuse(ctl, "say into which one directory the pages go.");
	status = site_find_pages(ctl->config, &sources);
	if (status == EX_OK)
		status = site_keep_apart(&sources, argv[optind]);
	if (status != EX_OK)
		return status;
	return write_site(ctl, &sources, argv[optind]);
}

const struct ctl_command ctl_site = {
    .name = "site",
    .summary = "write the static pages with their configuration",
    .usage = usage,
    .run = run,
};
