/* The files of a site beside its pages, for a server's site (tallyctl site) and for a published
 * bundle: where pages come from, site.json, _headers. */
#ifndef TALLYD_CTL_SITEFILES_H
#define TALLYD_CTL_SITEFILES_H

#include <limits.h>
#include <stdbool.h>

#include <jansson.h>

#include "base/buf.h"
#include "config/round.h"
#include "config/settings.h"
#include "ctl/sitetree.h"

struct site_sources {
	const char *from;
	const char *vendor; /* NULL: none */
	char found[PATH_MAX], found_vendor[PATH_MAX];
};

/* Fills in what is NULL: `from`, the pages near the configuration or the program; `vendor`, what
 * ops/install fetched, beside `from`, unless that has it. A vendor that is not there is told as a
 * warning, and NULL then. 0, or an exit status, told with all places that were looked at. */
int site_find_pages(const char *config, struct site_sources *sources);
/* Whether `dir`, which need not be there, lies outside of the pages, which would else hold a copy
 * of themselves. 0, or an exit status, told. */
int site_keep_apart(const struct site_sources *sources, const char *dir);
/* Stages pages and vendored files, without the pages of `without` ("vote", "en/vote"), which ends
 * with NULL; NULL: all. 0, or an exit status, told. */
int site_copy(
    struct sitetree *tree, const struct site_sources *sources, const char *const *without);

/* A contest in site.json: what pages check the server against. NULL: memory. */
json_t *site_contest_json(const struct settings *settings, const struct round *round);
/* site.json's text; takes `contests` over; origins may be NULL. The caller frees it. NULL: memory.
 */
char *site_json(
    const char *api_origin, const char *issuer_origin, bool published, json_t *contests);
/* _headers: every page's headers as the daemon sends them, in the format that static hosts share.
 * 0, -ENOMEM, -ENOBUFS. */
__attribute__((warn_unused_result)) int site_headers(
    const char *api_origin, const char *issuer_origin, bool published, struct buf *out);

#endif
