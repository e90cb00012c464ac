/* Checks a published bundle: everything that FORMAT.md section 7 lists, from the files and the
 * pinned key alone. No configuration, no Redis, no network. Every byte is taken for hostile: sizes
 * are bounded, nothing outside of the directory is opened, symbolic links are not followed.
 *
 * Time and memory grow with the log: a million ballots want some seconds of one processor, 50 bytes
 * a token (audit/retally.h) and 100 bytes a file; beside that the largest file that is read whole
 * (VERIFY_FILE_MAX). */
#ifndef TALLYD_AUDIT_VERIFY_H
#define TALLYD_AUDIT_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define VERIFY_FINDINGS_MAX 1000 /* kept; all are counted */
#define VERIFY_WHY_MAX      400
#define VERIFY_FILE_MAX     (256u << 20) /* bytes of a file that is read whole */

/* How far it is; `total` 0: not known. Not 0: stop, verify_bundle() gives -EINTR. */
typedef int verify_progress_cb(void *arg, const char *what, uint64_t done, uint64_t total);

struct verify_options {
	/* The result key of the round as a verifier key (crypto/note.h), from elsewhere than the
	 * bundle. NULL: the bundle's own, which proves that its files agree and nothing more. */
	const char *key;
	verify_progress_cb *progress; /* NULL: nobody asks */
	void *arg;
};

struct verify_finding { /* what is not as it should be */
	char *file;     /* path in the bundle, or NULL */
	int64_t shard;  /* -1: of none */
	int64_t index;  /* of the shard's log; -1: of none */
	char *entry;    /* id, or NULL */
	char *why;      /* a sentence: what is, and what should be. UTF-8, may hold anything else */
};

/* What was looked at, for verification.faulty. */
enum verify_part {
	VERIFY_PART_FILES = 1 << 0,
	VERIFY_PART_RESULTS = 1 << 1,
	VERIFY_PART_LOG = 1 << 2,
	VERIFY_PART_COUNT = 1 << 3,
	VERIFY_PART_SHEETS = 1 << 4,
	VERIFY_PART_METRICS = 1 << 5,
	VERIFY_PART_STANDING = 1 << 6,
	VERIFY_PART_AUDIT = 1 << 7,
	VERIFY_PART_PUBLISHED = 1 << 8,
	VERIFY_PART_BASE =
	    1 << 9, /* signatures, keys, rules, results: all else is held against it */
};
#define VERIFY_PARTS_STAGE (VERIFY_PART_SHEETS | VERIFY_PART_METRICS | VERIFY_PART_STANDING)

struct verification {
	struct verify_finding *findings; /* the first ones */
	size_t n_findings;
	uint64_t all_findings;
	unsigned faulty; /* the parts that findings are of: nothing can be said for them */
	/* What was checked, whatever was found in it:
	 *   {"key":verifier key,"pinned":b,"log_name","round","version":n,"files":n,"bytes":n,
	 *    "results":n,"shards":n,"entries":n,"epochs":n,"opened":n,"ballots":n,"superseded":n,
	 *    "issued":n,"panels":n,"sheets":n,"metrics":n,"standing":b,"audit":n,"published":b}
	 * Members that do not apply, or were not reached, are not there. */
	json_t *checked;
	json_t *notes;     /* sentences on what is no fault, and to be known: epochs, losses */
	json_t *unchecked; /* sentences on what the bundle gives no means to check */
};

/* `dir` is an open descriptor of the bundle's directory, borrowed. 0: everything was looked at, and
 * it is verified where there are no findings. Else nothing was decided, with a sentence in ret_why:
 * -EINVAL: the key is none; -ENOENT: there is no bundle; -EFBIG: its SHA256SUMS is longer than is
 * read; -ENOMEM; -errno: a file cannot be read. */
__attribute__((warn_unused_result)) int verify_bundle(int dir, const struct verify_options *options,
    struct verification **ret_verification, char ret_why[VERIFY_WHY_MAX]);

/* For whoever has still to fetch the files: only SHA256SUMS and its note (and, without a pinned
 * key, keys.json) are looked at. As verify_bundle(), and where nothing is found `each` gets every
 * path; what it returns, not 0, is returned. */
typedef int verify_path_cb(void *arg, const char *path);
__attribute__((warn_unused_result)) int verify_list(int dir, const struct verify_options *options,
    verify_path_cb *each, void *arg, struct verification **ret_verification,
    char ret_why[VERIFY_WHY_MAX]);
/* How many bytes a file of this name may have. */
uint64_t verify_file_max(const char *path);

void verification_free(struct verification *verification);

#endif
