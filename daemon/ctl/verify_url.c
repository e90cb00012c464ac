/* First the list of files and its note, which must be right before anything else is asked for; then
 * the files; then the same checks as of a directory. */
#include "ctl/verify_url.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "client/fetch.h"
#include "ctl/ctl.h"
#include "ctl/progress.h"

#define BYTES_MAX (16ull << 30) /* of a whole bundle: some hundred million ballots */

struct visit { /* of one bundle */
	const char *url;
	struct verify_options *options; /* the caller's, with our own progress */
	struct progress *progress;
	char dir[4096];
	int dir_fd, signals;
	sigset_t before; /* signals that were blocked already */
	struct fetch_options fetching;
	struct fetch *fetch;
	struct fetch_file *files;
	size_t n, cap;
};

bool verify_url_is(const char *where)
{
	return strncmp(where, "http://", 7) == 0 || strncmp(where, "https://", 8) == 0;
}

/* ---- a private directory that goes again ---- */

static int erase(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* A signal shall not leave the directory behind: it is read like any other input, and raised again
 * at the end. */
static int hold_signals(struct visit *visit)
{
	sigset_t held;

	(void)sigemptyset(&held);
	(void)sigaddset(&held, SIGINT);
	(void)sigaddset(&held, SIGTERM);
	(void)sigaddset(&held, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &held, &visit->before) != 0)
		return -errno;
	visit->signals = signalfd(-1, &held, SFD_NONBLOCK | SFD_CLOEXEC);
	return visit->signals < 0 ? -errno : 0;
}

static bool is_stopped(const struct visit *visit)
{
	sigset_t pending;

	return sigpending(&pending) == 0 &&
	       (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
		   sigismember(&pending, SIGHUP) == 1) &&
	       visit->signals >= 0;
}

static int make_directory(struct visit *visit)
{
	const char *above = getenv("TMPDIR");
	int n = snprintf(visit->dir, sizeof(visit->dir), "%s/tallyctl-verify-XXXXXX",
	    above && above[0] == '/' ? above : "/tmp");

	if (n < 0 || (size_t)n >= sizeof(visit->dir) || !mkdtemp(visit->dir)) {
		visit->dir[0] = '\0';
		return -errno;
	}
	visit->dir_fd = open(visit->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return visit->dir_fd < 0 ? -errno : 0;
}

/* ---- fetching ---- */

static void on_fetched(void *arg, uint64_t done, uint64_t total)
{
	const struct visit *visit = arg;

	progress_show(visit->progress, "Fetching files", done, total);
}

static int on_checked(void *arg, const char *what, uint64_t done, uint64_t total)
{
	const struct visit *visit = arg;

	progress_show(visit->progress, what, done, total);
	return is_stopped(visit);
}

static int on_path(void *arg, const char *path)
{
	struct visit *visit = arg;

	if (visit->n == visit->cap) {
		size_t cap = visit->cap ? 2 * visit->cap : 1024;
		struct fetch_file *wider = realloc(visit->files, cap * sizeof(*wider));

		if (!wider)
			return -ENOMEM;
		visit->files = wider;
		visit->cap = cap;
	}
	char *copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	visit->files[visit->n++] = (struct fetch_file){.path = copy, .max = verify_file_max(path)};
	return 0;
}

/* The exit status of what fetching gave, told. */
static int told(const struct visit *visit, int rc, const char *why)
{
	progress_end(visit->progress);
	switch (rc) {
	case 0:
		return EX_OK;
	case -EINTR:
		return ctl_fail(EX_TEMPFAIL, "stopped; nothing was decided.");
	case -E2BIG:
		return ctl_fail(EX_DATAERR, "NOT verified: %s", why);
	case -EHOSTUNREACH:
		return ctl_fail(EX_UNAVAILABLE,
		    "%s Nothing was decided: this is the network or the server, not the bundle.",
		    why);
	default:
		return ctl_fail(EX_CANTCREAT, "%s", why);
	}
}

/* The list, what signs it, and what says who could have. */
static int fetch_list(struct visit *visit)
{
	struct fetch_file list = {.path = "SHA256SUMS", .max = verify_file_max("SHA256SUMS")};
	struct fetch_file files[] = {
	    {.path = "SHA256SUMS.note", .max = verify_file_max("SHA256SUMS.note")},
	    {.path = "keys.json", .max = verify_file_max("keys.json")},
	};
	char why[FETCH_WHY_MAX] = "";
	int rc, status = told(visit, fetch_files(visit->fetch, files, 2, why), why);

	if (status != EX_OK)
		return status;
	rc = fetch_files(visit->fetch, &list, 1, why);
	if (rc == -E2BIG) /* a limit of ours, no fault of theirs */
		return ctl_fail(EX_NOINPUT,
		    "%s/SHA256SUMS has more than %" PRIu64
		    " MiB, more than is read here: nothing was decided.",
		    visit->url, list.max >> 20);
	status = told(visit, rc, why);
	if (status == EX_OK && files[0].missing && list.missing)
		return ctl_fail(EX_NOINPUT, "%s: there is no bundle: no SHA256SUMS.", visit->url);
	return status;
}

static int fetch_rest(struct visit *visit)
{
	char why[FETCH_WHY_MAX] = "";

	return told(visit, fetch_files(visit->fetch, visit->files, visit->n, why), why);
}

/* ---- verifying ---- */

static int judged(const struct visit *visit, int rc, const char *why)
{
	progress_end(visit->progress);
	if (rc == 0)
		return EX_OK;
	if (rc == -EINTR)
		return told(visit, rc, why);
	return ctl_fail(rc == -EINVAL ? EX_USAGE : EX_NOINPUT, "%s: %s", visit->url, why);
}

static int check(struct visit *visit, struct verification **ret)
{
	char why[VERIFY_WHY_MAX] = "";
	int status = fetch_list(visit);

	if (status == EX_OK)
		status = judged(visit,
		    verify_list(visit->dir_fd, visit->options, on_path, visit, ret, why), why);
	if (status != EX_OK || (*ret)->all_findings > 0)
		return status; /* whoever made this list is not whom we trust: nothing more is asked
				*/
	verification_free(*ret);
	*ret = NULL;
	status = fetch_rest(visit);
	if (status == EX_OK)
		status = judged(visit, verify_bundle(visit->dir_fd, visit->options, ret, why), why);
	return status;
}

/* ---- the whole ---- */

static int open_visit(struct visit *visit)
{
	int rc = hold_signals(visit);

	if (rc == 0)
		rc = make_directory(visit);
	if (rc != 0)
		return ctl_fail(
		    EX_CANTCREAT, "there is no place for the files (TMPDIR): %s.", strerror(-rc));
	visit->fetching = (struct fetch_options){.base = visit->url,
	    .dir = visit->dir_fd,
	    .bytes_max = BYTES_MAX,
	    .stop_fd = visit->signals,
	    .progress = on_fetched,
	    .arg = visit};
	rc = fetch_new(&visit->fetching, &visit->fetch);
	return rc == 0 ? EX_OK : ctl_fail(EX_OSERR, "transfers cannot begin: %s.", strerror(-rc));
}

static void close_visit(struct visit *visit)
{
	fetch_free(visit->fetch);
	for (size_t i = 0; i < visit->n; i++)
		free((char *)(uintptr_t)visit->files[i].path);
	free(visit->files);
	if (visit->dir_fd >= 0)
		(void)close(visit->dir_fd);
	if (visit->dir[0])
		(void)nftw(visit->dir, erase, 16, FTW_DEPTH | FTW_PHYS);
	if (visit->signals >= 0)
		(void)close(visit->signals);
	(void)sigprocmask(SIG_SETMASK, &visit->before, NULL); /* one that was held comes now */
}

int verify_url(
    const char *url, struct verify_options *options, struct verification **ret_verification)
{
	struct verify_options own = *options;
	struct visit visit = {
	    .url = url, .options = &own, .progress = options->arg, .dir_fd = -1, .signals = -1};
	int status;

	own.progress = on_checked;
	own.arg = &visit;
	(void)sigprocmask(SIG_BLOCK, NULL, &visit.before);
	status = open_visit(&visit);
	if (status == EX_OK)
		status = check(&visit, ret_verification);
	close_visit(&visit);
	return status;
}
