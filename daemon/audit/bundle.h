/* A published bundle while it is written (FORMAT.md section 5.1): a tree of files beside its place,
 * summed up and signed at the end, and put in its place in one step. What has no SHA256SUMS.note is
 * no bundle, whatever happened. Does not know what the files say. */
#ifndef TALLYD_AUDIT_BUNDLE_H
#define TALLYD_AUDIT_BUNDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define BUNDLE_PATH_MAX 200 /* of a file, in the bundle */
#define BUNDLE_WHY_MAX  4400

struct bundle;

struct bundle_options {
	const char *dir;      /* where it goes: missing, empty, or an earlier one of its kind */
	const char *round;    /* contest_round() */
	const char *key_name; /* "<log name>/<round>/result": signs the bundle */
	const uint8_t *key;   /* its public half, 32 bytes */
	bool secret;          /* for auditors: nobody but the owner may enter; has audit.jsonl */
};

/* Begins in ".<name>.unfinished" beside `dir`; what an earlier run left there is removed. `options`
 * are borrowed for the life of the bundle. 0; -EEXIST: `dir` is there and none of the three (a
 * bundle for auditors never takes the place of one for everybody, nor the other way round);
 * -EBUSY: another run is at it; -errno; with a sentence in ret_why, as in all of these. */
__attribute__((warn_unused_result)) int bundle_new(
    const struct bundle_options *options, struct bundle **ret_bundle, char ret_why[BUNDLE_WHY_MAX]);
/* Removes what is unfinished. */
void bundle_free(struct bundle *bundle);

/* The unfinished directory: its path, and open. */
const char *bundle_stage(const struct bundle *bundle);
int bundle_fd(const struct bundle *bundle);

/* Writes a file that is not there yet; directories above are made. */
__attribute__((warn_unused_result)) int bundle_put(
    struct bundle *bundle, const char *path, struct slice bytes, char ret_why[BUNDLE_WHY_MAX]);
/* Sums up what is there, signs that, and syncs all of it. `version`: of the newest result. */
__attribute__((warn_unused_result)) int bundle_sign(
    struct bundle *bundle, uint64_t version, const uint8_t seed[32], char ret_why[BUNDLE_WHY_MAX]);
/* After bundle_sign(): puts it in its place, in place of an earlier bundle. */
__attribute__((warn_unused_result)) int bundle_finish(
    struct bundle *bundle, char ret_why[BUNDLE_WHY_MAX]);

/* After bundle_sign(): what SHA256SUMS lists. */
uint64_t bundle_files(const struct bundle *bundle);
uint64_t bundle_bytes(const struct bundle *bundle);

#endif
