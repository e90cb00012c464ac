/* Static pages held in memory: every file under a directory, read once, with a strong ETag (hash of
 * its bytes) and gzip and brotli forms made at load where they are smaller. "/x/" serves
 * x/index.html;
 * "/x" redirects to "/x/" where that is a directory. Knows nothing of what the pages say. */
#ifndef TALLYD_HTTP_ASSETS_H
#define TALLYD_HTTP_ASSETS_H

#include "http/request.h"

struct assets;

/* NULL with errno set, and *ret_why says which path; files above 4 MiB are an error (EFBIG). */
struct assets *assets_load(const char *dir, const char **ret_why);
void assets_free(struct assets *assets);

/* Replies (200, 304, 308) and returns true where the path is known; else false and no reply. */
bool assets_serve(const struct assets *assets, struct request *req);

/* For an unknown path: replies 404 with the nearest 404.html, in the path's directory or above it.
 * False and no reply where there is none. */
bool assets_serve_not_found(const struct assets *assets, struct request *req);

#endif
