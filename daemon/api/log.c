/* GET /log/{contest}/{shard}/…: the public log's files as they lie on this host's disk (C2SP
 * tlog-tiles), for everybody and any origin. */
#include "api/app.h"
#include "api/live.h"
#include "api/logs.h"
#include "api/routes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "tlog/files.h"

static void reply_no_file(struct request *req)
{
	reply_problem(req, &(struct problem){.status = 404,
			       .type = "no-such-file",
			       .title = "No such file of the log",
			       .detail = "This host's copy of the log has no file of that name; "
					 "checkpoint says how far it goes. A partial tile is gone "
					 "when the full one is there."});
}

static void reply_failure(struct request *req, int error)
{
	log_error("a file of the public log cannot be read: %s", strerror(-error));
	reply_problem(
	    req, &(struct problem){.status = 503,
		     .type = "unavailable",
		     .title = "The log cannot be read now",
		     .detail = "This host cannot read its copy of the log at the moment. Ask "
			       "again.",
		     .retry_after_s = 5});
}

/* A link or a directory of such a name is nothing that a sealer has put there. */
static bool is_absence(int error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -ELOOP || error == -EISDIR;
}

static bool is_text(struct slice path)
{
	const char *slash = memrchr(path.ptr, '/', path.len);
	struct slice name =
	    slash ? slice_make(slash + 1, path.len - (size_t)(slash + 1 - path.ptr)) : path;

	return slice_is(name, "checkpoint") || slice_is(name, "issued") ||
	       slice_is(name, "statement");
}

/* Files are there a moment before the checkpoint that covers them, and are others where nobody
 * comes to sign that one: only what this host's checkpoint covers never changes. Of epochs before
 * the newest it is not looked up. */
static bool is_covered(const struct service *service, unsigned shard, const struct tlog_file *file)
{
	struct logs_checkpoint checkpoint;

	return file->covers > 0 && file->epoch == live_epoch_here(service->live, shard) &&
	       logs_checkpoint(service->logs, shard, file->epoch, &checkpoint) == 0 &&
	       file->covers <= checkpoint.head.size;
}

/* A rehearsal's log and the contest's own have the same addresses: a file that a browser kept of
 * the one would speak against the other. So only what will never change is kept unasked. */
static const char *cache_control(
    const struct service *service, unsigned shard, const struct tlog_file *file)
{
	return !service->round->contest->rehearsal && is_covered(service, shard, file)
		   ? "public, max-age=31536000, immutable"
		   : "no-cache";
}

static void reply_file(
    struct request *req, struct slice path, struct slice body, const char *cached)
{
	char etag[ETAG_SIZE];
	const struct reply_header headers[] = {{"Cache-Control", cached}, {"ETag", etag}};

	etag_make(body, etag);
	if (request_holds(req, etag))
		reply_bytes(req, 304, NULL, slice_text(""), headers, 2);
	else
		reply_bytes(req, 200,
		    is_text(path) ? "text/plain; charset=utf-8" : "application/octet-stream", body,
		    headers, 2);
}

static void serve(
    struct service *service, struct request *req, unsigned shard, const struct tlog_file *file)
{
	/* Asked before the file is read, which is then the one that the checkpoint covers. */
	const char *cached = cache_control(service, shard, file);
	struct slice path = req->params[2];
	char text[TLOG_PATH_MAX];
	struct buf body;
	int r;

	memcpy(text, path.ptr, path.len);
	text[path.len] = '\0';
	buf_init(&body, TLOG_BUNDLE_MAX);
	r = logs_read(service->logs, shard, text, &body);
	if (r == 0)
		reply_file(req, path, buf_slice(&body), cached);
	else if (is_absence(r))
		reply_no_file(req);
	else
		reply_failure(req, r);
	buf_release(&body);
}

void log_file(void *app, struct request *req)
{
	struct service *service = app_service(app, req);
	struct tlog_file file;
	unsigned shard;

	if (!service)
		return;
	if (!service->logs || app_shard(service, req->params[1], &shard) < 0 ||
	    req->params[2].len >= TLOG_PATH_MAX || !tlog_path_is_valid(req->params[2], &file))
		reply_no_file(req);
	else
		serve(service, req, shard, &file);
}
