/* Makes the files of a site beside its pages, and finds those. */
#include "ctl/sitefiles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/encode.h"
#include "ctl/ctl.h"
#include "ctl/screen.h"
#include "http/policy.h"

/* ---- where pages are ---- */

#define PAGES_MARK "verify/index.html" /* tells our pages from another directory of that name */
#define VENDOR     "ops/pages/vendor"

/* Beside the configuration, or beside its directory; then beside the program's directory: as it was
 * built (build/tallyctl), and as it was installed (PREFIX/bin/tallyctl). */
static const struct {
	bool program;
	unsigned up;
	const char *name;
} places[] = {
    {false, 0, "static"},
    {false, 1, "static"},
    {true, 1, "static"},
    {true, 1, "share/tallyd/static"},
};

/* Takes the last name off a path. */
static void go_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash != NULL)
		slash[slash == path ? 1 : 0] = '\0';
}

/* The directory that the file lies in. 0 or -errno. */
static int directory_of(const char *file, char ret_dir[PATH_MAX])
{
	if (realpath(file, ret_dir) == NULL)
		return -errno;
	go_up(ret_dir);
	return 0;
}

/* What the path leads to; where that is not there yet, the nearest directory above it that is. 0 or
 * -errno. */
static int nearest(const char *path, char ret_dir[PATH_MAX])
{
	char copy[PATH_MAX];
	int len = snprintf(copy, sizeof(copy), "%s%s", path[0] == '/' ? "" : "./", path);

	if (len < 0 || len >= (int)sizeof(copy))
		return -ENAMETOOLONG;
	while (realpath(copy, ret_dir) == NULL) {
		if (errno != ENOENT || strchr(copy, '/') == NULL)
			return -errno;
		go_up(copy);
	}
	return 0;
}

static bool is_there(const char *dir, const char *name)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/%s", dir, name);

	return len > 0 && len < (int)sizeof(path) && access(path, F_OK) == 0;
}

/* The path of a place; false: it has none. */
static bool place(size_t i, const char *config, char ret_path[PATH_MAX])
{
	char dir[PATH_MAX];

	if (directory_of(places[i].program ? "/proc/self/exe" : config, dir) < 0)
		return false;
	for (unsigned up = places[i].up; up > 0; up--)
		go_up(dir);
	int len = snprintf(ret_path, PATH_MAX, "%s/%s", dir, places[i].name);
	return len > 0 && len < PATH_MAX;
}

static int refuse_nowhere(const char *config)
{
	char path[PATH_MAX];
	struct buf looked;
	int status;

	buf_init(&looked, (sizeof(places) / sizeof(places[0])) * (PATH_MAX + 8));
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (place(i, config, path) && buf_printf(&looked, "\n  %s", path) < 0)
			break;
	status = ctl_fail(EX_NOINPUT,
	    "the pages were not found. Say where they are: --from DIR, the directory \"static\" of "
	    "tallyd's source, or PREFIX/share/tallyd/static where it was installed. Looked "
	    "for " PAGES_MARK " in:%.*s",
	    (int)looked.len, looked.data ? looked.data : "");
	buf_release(&looked);
	return status;
}

/* The pages do without what is not there, but not everybody's browser does: that is told. */
static void find_vendor(struct site_sources *sources)
{
	char pages[PATH_MAX];

	if (sources->vendor == NULL && !is_there(sources->from, "vendor") &&
	    realpath(sources->from, pages) != NULL) {
		go_up(pages);
		int len = snprintf(sources->found_vendor, PATH_MAX, "%s/" VENDOR, pages);
		if (len > 0 && len < PATH_MAX)
			sources->vendor = sources->found_vendor;
	}
	if (sources->vendor != NULL && access(sources->vendor, F_OK) < 0) {
		char sentence[PATH_MAX + 300];
		(void)snprintf(sentence, sizeof(sentence),
		    "%s is not there, so these pages draw no QR codes and no chart, and check no "
		    "signatures in browsers without Ed25519. ops/install run fetches it; or say "
		    "where "
		    "it is: --vendor DIR.",
		    sources->vendor);
		screen_warn(sentence);
		sources->vendor = NULL;
	}
}

int site_find_pages(const char *config, struct site_sources *sources)
{
	for (size_t i = 0; !sources->from && i < sizeof(places) / sizeof(places[0]); i++)
		if (place(i, config, sources->found) && is_there(sources->found, PAGES_MARK))
			sources->from = sources->found;
	if (!sources->from)
		return refuse_nowhere(config);
	find_vendor(sources);
	return EX_OK;
}

int site_keep_apart(const struct site_sources *sources, const char *dir)
{
	char pages[PATH_MAX], target[PATH_MAX];
	size_t len;

	if (realpath(sources->from, pages) == NULL)
		return ctl_fail(EX_NOINPUT, "%s: %s. It is where --from says that the pages are.",
		    sources->from, strerror(errno));
	if (nearest(dir, target) < 0)
		return EX_OK; /* whoever makes it says what is wrong */
	len = strlen(pages);
	if (strncmp(pages, target, len) == 0 && (target[len] == '/' || target[len] == '\0'))
		return ctl_fail(
		    EX_USAGE, "%s is where the pages come from, or in it; give another DIR.", dir);
	return EX_OK;
}

int site_copy(struct sitetree *tree, const struct site_sources *sources, const char *const *without)
{
	char why[SITETREE_WHY_MAX];
	int r;

	sitetree_leave_out(tree, without);
	r = sitetree_copy(tree, sources->from, NULL, why);
	if (r == 0 && sources->vendor)
		r = sitetree_copy(tree, sources->vendor, "vendor", why);
	if (r == 0)
		return EX_OK;
	return ctl_fail(sitetree_is_unread(tree) ? EX_NOINPUT : EX_CANTCREAT, "%s", why);
}

/* ---- site.json ---- */

static json_t *text_json(const struct text *text)
{
	return json_pack("{s:s*, s:s*}", "ko", text->ko, "en", text->en);
}

json_t *site_contest_json(const struct settings *settings, const struct round *round)
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

char *site_json(const char *api_origin, const char *issuer_origin, bool published, json_t *contests)
{
	json_t *site =
	    json_pack("{s:i, s:s, s:s, s:o}", "version", 1, "api", api_origin ? api_origin : "",
		"issuer", issuer_origin ? issuer_origin : "", "contests", contests);
	char *text;

	if (site && published)
		json_object_set_new(site, "published", json_true());
	text = site ? json_dumps(site, JSON_INDENT(1)) : NULL;
	json_decref(site);
	return text;
}

/* ---- _headers ---- */

/* A path and its indented headers. What is published may be read by a page anywhere. */
int site_headers(const char *api_origin, const char *issuer_origin, bool published, struct buf *out)
{
	char connect[POLICY_CONNECT_MAX];
	policy_connect(api_origin, issuer_origin, connect);

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
		    "  Strict-Transport-Security: max-age=31536000\n");
	if (rc == 0 && published)
		rc = buf_append_text(out, "  Access-Control-Allow-Origin: *\n");
	if (rc == 0)
		rc = buf_append_text(out,
		    "/site.json\n"
		    "  Cache-Control: no-cache\n");
	return rc;
}
