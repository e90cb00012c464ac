/* What the files of verify share: the state of one verification, how files are read and findings
 * noted. verify.c has the order of the checks. A check notes what it finds and goes on with what
 * can still be known; it stops for good only on verify->error. */
#ifndef TALLYD_AUDIT_VERIFY_IMPL_H
#define TALLYD_AUDIT_VERIFY_IMPL_H

#include <stdbool.h>

#include "audit/retally.h"
#include "audit/verify.h"
#include "base/buf.h"
#include "base/encode.h"
#include "config/round.h"
#include "crypto/checkpoint.h"
#include "crypto/digest.h"
#include "crypto/note.h"
#include "tlog/files.h"

#define VERIFY_PATH_MAX    300 /* of a file in the bundle */
#define VERIFY_PARTS_MAX   16  /* of such a path: names of directories, and the file's */
#define VERIFY_SUMS_MAX    (128u << 20)
#define VERIFY_NOTE_MAX    (64u << 10)
#define VERIFY_JSON_MAX    (32u << 20)
#define VERIFY_RESULTS_MAX 10000
#define VERIFY_VALUES_MAX  250000 /* '[', '{' and ',' of one JSON, outside of texts */
/* A bundle of openings: ballots of every entry, with the longest ids. */
#define VERIFY_OPENINGS_MAX                                                                        \
	(TLOG_WIDTH *                                                                              \
	    (2 + SPENT_SIZE + SALT_SIZE + 16 + CONTEST_ENTRIES_MAX * (CONTEST_ID_MAX + 16)))
#define VERIFY_REST_MAX (1ull << 30) /* bytes of a file of which only the hash is wanted */

/* For "%.*s": a stranger's text, cut where it is long. */
#define VERIFY_TEXT(text) (int)((text).len < 120 ? (text).len : 120), (text).ptr

struct verify_file { /* a line of SHA256SUMS */
	struct slice path;
	uint8_t hash[SHA256_SIZE];
	bool there, hashed;
};

struct verify_result { /* one version */
	char sha256[HEX_SIZE(SHA256_SIZE)];
	json_t *document; /* NULL: not read */
	bool recorded;    /* the audit log has it */
};

struct verify_log { /* one epoch of one shard's log */
	unsigned shard;
	uint64_t epoch;
	char dir[VERIFY_PATH_MAX]; /* "log/kai/0/epoch-2" */
	char origin[ORIGIN_MAX + 32];
	bool known; /* the checkpoint is there and signed, or: */
	bool empty; /* the epoch ended before anything was sealed: no checkpoint, 0 entries */
	struct checkpoint checkpoint;
};

enum { VERIFY_DIRS = 4 }; /* directories kept open */

struct verify {
	const struct verify_options *options;
	struct verification *out;
	unsigned part; /* of enum verify_part: what is being looked at */
	int error;     /* -errno that ends it all; and of which file */
	char error_path[VERIFY_PATH_MAX];

	/* reading (verify_files.c) */
	int dir;
	struct buf bytes; /* of the file read last */
	struct {
		char path[VERIFY_PATH_MAX];
		int fd; /* -1: free */
	} dirs[VERIFY_DIRS];
	unsigned next_dir;
	struct buf sums_text;
	struct verify_file *files; /* sorted by path */
	size_t n_files, done_files;
	uint64_t done_bytes;

	/* who signs (verify_keys.c) */
	char key_name[NOTE_NAME_MAX + 1], log_name[NOTE_NAME_MAX + 1], round[ROUND_NAME_MAX];
	uint8_t result_key[32], log_key[32];
	bool pinned, has_log_key;
	struct contest_fingerprints fingerprints; /* of keys.json; the salt key's of rules.json */

	/* what it is about */
	struct contest *contest; /* NULL: contest.yaml is not to be had */
	char rules_hash[HEX_SIZE(SHA256_SIZE)];
	uint64_t version; /* of the newest result, as SHA256SUMS.note says; 0: not known */
	struct verify_result *results;
	size_t n_results;
	json_t *document;        /* the newest's, borrowed from results; or NULL */
	struct verify_log *logs; /* by shard, then epoch */
	unsigned n_epochs;
	struct retally *retally; /* once the openings have been counted, else NULL */
};

/* ---- verify_report.c ---- */

struct verify_place {
	const char *file; /* NULL: none */
	int64_t shard, index;
	const char *entry;
};
#define VERIFY_AT(path)              ((struct verify_place){(path), -1, -1, NULL})
#define VERIFY_AT_SHARD(path, shard) ((struct verify_place){(path), (shard), -1, NULL})
#define VERIFY_AT_INDEX(path, shard, index)                                                        \
	((struct verify_place){(path), (shard), (int64_t)(index), NULL})

__attribute__((format(printf, 3, 4))) void verify_find(
    struct verify *verify, struct verify_place place, const char *format, ...);
__attribute__((format(printf, 2, 3))) void verify_tell(
    struct verify *verify, const char *format, ...);
__attribute__((format(printf, 2, 3))) void verify_leave(
    struct verify *verify, const char *format, ...);
void verify_checked(struct verify *verify, const char *name, json_t *value); /* taken over */
/* The first error ends it. */
void verify_fail(struct verify *verify, int error, const char *path);
void verify_progress(struct verify *verify, const char *what, uint64_t done, uint64_t total);

/* ---- verify_json.c ---- */

/* What a stranger's JSON says; NULL with error->text: none, or more than VERIFY_VALUES_MAX. */
json_t *verify_load(struct slice text, json_error_t *error);
/* JSON_OBJECT or JSON_ARRAY; else notes it and returns NULL. Notes also what is not canonical
 * (FORMAT.md section 5.1). Whole numbers are integers in it, however they were written. */
json_t *verify_parse(struct verify *verify, const char *path, json_type type, struct slice text);
/* verify_take() and verify_parse(). */
json_t *verify_take_json(struct verify *verify, const char *path, json_type type);
/* Notes where `is` differs from `should`: member by member, the first few. `name` is what it is
 * ("citizen"); NULL for the whole file. Numbers count as they are written. True: the same. */
bool verify_same(struct verify *verify, const char *path, const char *name, const json_t *is,
    const json_t *should);
/* Canonical text; the caller frees it. NULL: memory. */
char *verify_canonical(const json_t *json);

/* ---- verify_walk.c ---- */

/* Every file of the directory against SHA256SUMS, by name. */
void verify_walk(struct verify *verify);

/* ---- verify_files.c ---- */

/* By their bytes, as strcmp(). */
int verify_path_order(struct slice a, struct slice b);
/* The line of SHA256SUMS with this path, or NULL. */
struct verify_file *verify_file_at(struct verify *verify, const char *path);
const struct verify_file *verify_listed(const struct verify *verify, struct slice path);
/* Files whose path begins with `prefix`: *ret_first, and how many follow. */
size_t verify_under(const struct verify *verify, const char *prefix, size_t *ret_first);
/* Notes where the list has no such file, of which nothing but that is asked. */
void verify_want_file(struct verify *verify, const char *path);
/* A listed file's bytes, held against their hash the first time; borrowed until the next call.
 * False: it is not there, too large (more than `max`), or unreadable, and that is noted. */
__attribute__((warn_unused_result)) bool verify_take(
    struct verify *verify, const char *path, size_t max, struct slice *ret_bytes);
/* The same for the two that are not listed; false where there is none. */
__attribute__((warn_unused_result)) bool verify_read(
    struct verify *verify, const char *path, size_t max, struct slice *ret_bytes);
/* What nobody has taken: hashes alone. */
void verify_rest(struct verify *verify);
void verify_files_release(struct verify *verify);

/* ---- verify_sums.c ---- */

/* SHA256SUMS and its note. */
void verify_sums(struct verify *verify);
/* The `n` lines of a text, each ended by LF, without it. */
__attribute__((warn_unused_result)) bool verify_lines(
    struct slice text, size_t n, struct slice *ret);
/* A decimal without leading zeros, of at most 15 digits. */
__attribute__((warn_unused_result)) bool verify_number(struct slice text, uint64_t *ret_number);

/* ---- one file a subject, in the order of the checks ---- */

/* The pinned key, or the bundle's own; -EINVAL or -ENOENT with a sentence. */
__attribute__((warn_unused_result)) int verify_pin(
    struct verify *verify, char ret_why[VERIFY_WHY_MAX]);
void verify_keys(struct verify *verify);    /* keys.json, contest.yaml, rules.json */
void verify_results(struct verify *verify); /* every version and its note */
void verify_logs(struct verify *verify);    /* checkpoints, epochs, trees; openings on the way */
/* The tree of one log: files, hashes, root. `on_entries` (may be NULL) gets each bundle's entries.
 */
typedef void verify_entries_cb(struct verify *verify, const struct verify_log *log, uint64_t first,
    size_t n, const uint8_t (*entries)[TLOG_ENTRY_SIZE]);
void verify_tree(
    struct verify *verify, const struct verify_log *log, verify_entries_cb *on_entries);
/* The bundle of entries with this number. */
void verify_entries_path(
    const struct verify_log *log, uint64_t number, char ret_path[VERIFY_PATH_MAX]);
/* How many entries both logs begin with alike. */
uint64_t verify_common(
    struct verify *verify, const struct verify_log *a, const struct verify_log *b);
void verify_logfiles(struct verify *verify);      /* none that the sizes do not ask for */
void verify_opening_files(struct verify *verify); /* likewise */
/* The log of the last epoch: what was certified. */
struct verify_log *verify_newest_log(const struct verify *verify, unsigned shard);
/* A note of the log, signed by its key: its path and text; false: noted. */
__attribute__((warn_unused_result)) bool verify_log_note(struct verify *verify,
    const struct verify_log *log, const char *name, char ret_path[VERIFY_PATH_MAX],
    struct slice *ret_text);
/* What a new epoch says of the old one, and what was lost between them. */
void verify_statement(
    struct verify *verify, const struct verify_log *old, const struct verify_log *log);
void verify_certified(struct verify *verify); /* checkpoints against every result */
void verify_count_begin(struct verify *verify);
void verify_openings(struct verify *verify, const struct verify_log *log, uint64_t first, size_t n,
    const uint8_t (*entries)[TLOG_ENTRY_SIZE]);
void verify_count(struct verify *verify); /* rows, ballots, issued */
void verify_stage(struct verify *verify); /* metrics, sheets, annex, standing */
void verify_audit(struct verify *verify);
void verify_published(struct verify *verify);

#endif
