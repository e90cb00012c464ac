/* tallyctl site: the static pages with the configuration that pins what they vote under, ready for
 * any host of files. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/encode.h"
#include "config/round.h"
#include "ctl/ctl.h"
#include "ctl/sitetree.h"
#include "http/policy.h"

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
    "or\n"
    "                      beside FILE's directory\n"
    "      --vendor DIR    others' work that pages use (the organiser's chart), put into vendor/; "
    "nothing\n"
    "                      where there is no such directory: the pages do without it\n";

#define HEADERS_BYTES_MAX 8192

/* ---- site.json ---- */

static json_t *text_json(const struct text *text)
{
	return json_pack("{s:s*, s:s*}", "ko", text->ko, "en", text->en);
}

static json_t *contest_json(const struct settings *settings, const struct round *round)
{
	uint8_t spki[PP_SPKI_MAX];
	char key[BASE64_SIZE(PP_SPKI_MAX)];
	char key_id[HEX_SIZE(PP_KEY_ID_SIZE)];
	char rules_hash[HEX_SIZE(SHA256_SIZE)];
	char log_key[BASE64_SIZE(32)], result_key[BASE64_SIZE(32)];
	const struct contest *contest = round->contest;

	(void)base64url_encode_padded(spki, pp_spki(round->keys.token, spki), key);
	(void)hex_encode(round->keys.token_key_id, PP_KEY_ID_SIZE, key_id);
	(void)hex_encode(round->rules_hash, SHA256_SIZE, rules_hash);
	(void)base64_encode(round->keys.log_key, 32, log_key);
	(void)base64_encode(round->keys.result_key, 32, result_key);
	return json_pack("{s:s, s:b, s:b, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "id",
	    contest->id, "rehearsal", contest->rehearsal, "demonstration", contest->demonstration,
	    "name", text_json(&contest->name), "rules_hash", rules_hash, "token_key", key,
	    "token_key_id", key_id, "issuer_name", settings->issuer_name, "origin_info",
	    settings->origin_info, "log_name", settings->log_name, "log_key", log_key, "result_key",
	    result_key, "shards", (json_int_t)contest->shards);
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
static int site_json(const struct settings *settings, char **ret_text)
{
	json_t *array = json_array();
	json_t *site;
	int status = contests_json(settings, array);

	if (status != EX_OK) {
		json_decref(array);
		return status;
	}
	site = json_pack("{s:i, s:s, s:s, s:o}", "version", 1, "api",
	    settings->api_origin ? settings->api_origin : "", "issuer",
	    settings->issuer_origin ? settings->issuer_origin : "", "contests", array);
	*ret_text = site ? json_dumps(site, JSON_INDENT(1)) : NULL;
	json_decref(site);
	return *ret_text ? EX_OK : ctl_fail(EX_OSERR, "there is not enough memory.");
}

/* ---- _headers ---- */

/* The headers of every page as the daemon sends them, in the format that static hosts share: a path
 * and its indented headers. */
static int site_headers(const struct settings *settings, struct buf *out)
{
	char connect[POLICY_CONNECT_MAX];
	policy_connect(settings->api_origin, settings->issuer_origin, connect);

	int rc = buf_append_text(out, "/*\n  Content-Security-Policy: ");
	if (rc == 0)
		rc = policy_print(connect, out);
	if (rc == 0)
		rc = buf_append_text(out,
		    "\n  X-Content-Type-Options: nosniff\n"
		    "  X-Frame-Options: DENY\n"
		    "  Referrer-Policy: no-referrer\n"
		    "  Cross-Origin-Opener-Policy: same-origin\n"
		    "  Cross-Origin-Resource-Policy: same-origin\n"
		    "  Permissions-Policy: camera=(), geolocation=(), microphone=(), payment=(), "
		    "usb=()\n"
		    "  Strict-Transport-Security: max-age=31536000\n"
		    "/site.json\n"
		    "  Cache-Control: no-cache\n");
	return rc;
}

/* ---- the site ---- */

/* "<config's directory>/static", or "<config's directory>/../static". */
static int default_pages(const char *config, char ret_path[PATH_MAX])
{
	static const char *const places[] = {"static", "../static"};
	const char *slash = strrchr(config, '/');
	int dir_len = slash ? (int)(slash - config) + 1 : 0;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct stat st;
		int len = snprintf(ret_path, PATH_MAX, "%.*s%s", dir_len, config, places[i]);
		if (len > 0 && len < PATH_MAX && stat(ret_path, &st) == 0 && S_ISDIR(st.st_mode))
			return 0;
	}
	return -ENOENT;
}

struct sources {
	const char *from;
	const char *vendor; /* NULL: none */
};

static int copy_sources(
    struct sitetree *tree, const struct sources *sources, char ret_why[SITETREE_WHY_MAX])
{
	int r = sitetree_copy(tree, sources->from, NULL, ret_why);

	if (r == 0 && sources->vendor && access(sources->vendor, F_OK) == 0)
		r = sitetree_copy(tree, sources->vendor, "vendor", ret_why);
	return r;
}

static int stage(
    struct sitetree *tree, const struct ctl *ctl, const struct sources *sources, const char *json)
{
	char why[SITETREE_WHY_MAX];
	struct buf headers;
	int status = EX_OK;

	buf_init(&headers, HEADERS_BYTES_MAX);
	if (copy_sources(tree, sources, why) < 0)
		status = ctl_fail(EX_NOINPUT, "%s", why);
	else if (site_headers(&ctl->settings, &headers) < 0)
		status = ctl_fail(EX_OSERR, "there is not enough memory.");
	else if (sitetree_add(tree, "_headers", buf_slice(&headers), why) < 0 ||
		 sitetree_add(tree, "site.json", slice_text(json), why) < 0)
		status = ctl_fail(EX_CANTCREAT, "%s", why);
	buf_release(&headers);
	return status;
}

static int write_site(const struct ctl *ctl, const struct sources *sources, const char *dir)
{
	char why[SITETREE_WHY_MAX];
	struct sitetree *tree = NULL;
	char *json = NULL;
	size_t files = 0;
	char source[PATH_MAX], target[PATH_MAX];

	if (realpath(sources->from, source) && realpath(dir, target) && strcmp(source, target) == 0)
		return ctl_fail(
		    EX_USAGE, "%s is where the pages come from; give another DIR.", dir);
	int status = site_json(&ctl->settings, &json);
	if (status != EX_OK)
		return status;
	if (sitetree_new(dir, &tree, why) < 0) {
		free(json);
		return ctl_fail(EX_CANTCREAT, "%s", why);
	}
	status = stage(tree, ctl, sources, json);
	if (status == EX_OK && sitetree_publish(tree, &files, why) < 0)
		status = ctl_fail(EX_CANTCREAT, "%s", why);
	if (status == EX_OK)
		(void)printf("%s: %zu files from %s\n", dir, files, sources->from);
	sitetree_free(tree);
	free(json);
	return status;
}

static int run(const struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
	    {"from", required_argument, NULL, 'f'},
	    {"vendor", required_argument, NULL, 'v'},
	    {NULL, 0, NULL, 0},
	};
	char found[PATH_MAX];
	struct sources sources = {NULL, NULL};
	int option;

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
	if (sources.from == NULL) {
		if (default_pages(ctl->config, found) < 0)
			return ctl_fail(EX_NOINPUT,
			    "there are no pages in static/ near %s: say where with --from.",
			    ctl->config);
		sources.from = found;
	}
	return write_site(ctl, &sources, argv[optind]);
}

const struct ctl_command ctl_site = {
    .name = "site",
    .summary = "write the static pages with their configuration",
    .usage = usage,
    .run = run,
};
