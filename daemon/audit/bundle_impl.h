/* What bundle.c, bundle_place.c and bundle_sums.c share. For no one else. */
#ifndef TALLYD_AUDIT_BUNDLE_IMPL_H
#define TALLYD_AUDIT_BUNDLE_IMPL_H

#include <limits.h>
#include <stddef.h>

#include "audit/bundle.h"

#define BUNDLE_SUMS      "SHA256SUMS"
#define BUNDLE_SUMS_NOTE "SHA256SUMS.note"
#define BUNDLE_AUDIT     "audit.jsonl" /* in a bundle for auditors, and in no other */
#define BUNDLE_HEADERS   "_headers" /* for the host, which may keep it to itself: not summed up */

struct bundle {
	const struct bundle_options *options;
	char dir[PATH_MAX];    /* absolute */
	char parent[PATH_MAX]; /* of both */
	char stage[PATH_MAX];
	int parent_fd, stage_fd; /* -1: not open */
	bool replaces;           /* an earlier bundle is there */
	bool finished;
	uint64_t files, bytes;
};

/* "<path>: <what is wrong>." */
__attribute__((format(printf, 3, 4))) int bundle_fail(
    int error, char ret_why[BUNDLE_WHY_MAX], const char *format, ...);
/* The directory with everything in it; whatever fails stays. */
void bundle_remove_tree(const char *path);

/* bundle_place.c: bundle->dir, parent, stage; and whether `dir` may be replaced. */
int bundle_find_place(struct bundle *bundle, char ret_why[BUNDLE_WHY_MAX]);

/* bundle_sums.c */
struct bundle_list { /* plain files below a directory, sorted by path as bytes */
	char **paths;
	size_t n, cap;
};
void bundle_list_release(struct bundle_list *list);
/* 0; -EINVAL: something is neither file nor directory, and *ret_list tells nothing; -errno. */
int bundle_list_files(const char *dir, struct bundle_list *ret_list);

#endif
