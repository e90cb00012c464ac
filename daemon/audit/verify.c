/* The order of the checks. Each is a file of its own; what they share is in verify_impl.h. */
#include "audit/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/verify_impl.h"

void verification_free(struct verification *verification)
{
	if (!verification)
		return;
	for (size_t i = 0; i < verification->n_findings; i++) {
		free(verification->findings[i].file);
		free(verification->findings[i].entry);
		free(verification->findings[i].why);
	}
	free(verification->findings);
	json_decref(verification->checked);
	json_decref(verification->notes);
	json_decref(verification->unchecked);
	free(verification);
}

static struct verification *verification_new(void)
{
	struct verification *verification = calloc(1, sizeof(*verification));

	if (!verification)
		return NULL;
	verification->findings = calloc(VERIFY_FINDINGS_MAX, sizeof(*verification->findings));
	verification->checked = json_object();
	verification->notes = json_array();
	verification->unchecked = json_array();
	if (verification->findings && verification->checked && verification->notes &&
	    verification->unchecked)
		return verification;
	verification_free(verification);
	return NULL;
}

static void release(struct verify *verify)
{
	for (size_t i = 0; i < verify->n_results; i++)
		json_decref(verify->results[i].document);
	free(verify->results);
	free(verify->logs);
	retally_free(verify->retally);
	contest_free(verify->contest);
	verify_files_release(verify);
}

/* FORMAT.md section 7. What a later check rests on was looked at before. */
static void check(struct verify *verify)
{
	static const struct {
		void (*look)(struct verify *verify);
		unsigned part;
	} checks[] = {
	    {verify_walk, VERIFY_PART_FILES},                         /* 1 */
	    {verify_keys, VERIFY_PART_BASE},                          /* 2 */
	    {verify_results, VERIFY_PART_RESULTS | VERIFY_PART_BASE}, /* 3 */
	    {verify_logs, VERIFY_PART_LOG},                           /* 4, openings on the way */
	    {verify_count, VERIFY_PART_COUNT},                        /* 5 */
	    {verify_stage, VERIFY_PARTS_STAGE},                       /* 6 */
	    {verify_audit, VERIFY_PART_AUDIT},                        /* 6 */
	    {verify_published, VERIFY_PART_PUBLISHED},                /* 7 */
	    {verify_rest, VERIFY_PART_FILES}, /* 1: files that nothing else has looked at */
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && verify->error == 0; i++) {
		verify->part = checks[i].part;
		checks[i].look(verify);
	}
	verify_checked(verify, "bytes", json_integer((json_int_t)verify->done_bytes));
}

static int failed(const struct verify *verify, char ret_why[VERIFY_WHY_MAX])
{
	if (verify->error == -ENOMEM || verify->error == -ENOBUFS)
		(void)snprintf(ret_why, VERIFY_WHY_MAX, "memory is short.");
	else if (verify->error == -EFBIG)
		(void)snprintf(ret_why, VERIFY_WHY_MAX,
		    "%s has more than %u MiB, more than is read here: nothing was decided.",
		    verify->error_path, VERIFY_SUMS_MAX >> 20);
	else
		(void)snprintf(ret_why, VERIFY_WHY_MAX, "%s cannot be read: %s.",
		    verify->error_path[0] ? verify->error_path : "the directory",
		    strerror(-verify->error));
	return verify->error;
}

/* Which key to hold it against, and what there is. */
static int run(struct verify *verify, char ret_why[VERIFY_WHY_MAX])
{
	int rc = verify_pin(verify, ret_why);

	if (rc == 0 && verify->error == 0)
		verify_sums(verify);
	if (rc == 0 && verify->error == 0 && !verify->sums_text.data &&
	    verify->out->all_findings > 0) {
		(void)snprintf(ret_why, VERIFY_WHY_MAX,
		    "there is no bundle: no SHA256SUMS, which lists a bundle's files.");
		rc = -ENOENT;
	}
	return verify->error != 0 ? failed(verify, ret_why) : rc;
}

static int begin(struct verify *verify, char ret_why[VERIFY_WHY_MAX])
{
	verify->part = VERIFY_PART_FILES | VERIFY_PART_BASE;
	buf_init(&verify->bytes, VERIFY_FILE_MAX + 1);
	for (unsigned i = 0; i < VERIFY_DIRS; i++)
		verify->dirs[i].fd = -1;
	if (!verify->out)
		verify->error = -ENOMEM;
	return verify->out ? run(verify, ret_why) : failed(verify, ret_why);
}

static int end(struct verify *verify, int rc, struct verification **ret_verification)
{
	release(verify);
	if (rc == 0)
		*ret_verification = verify->out;
	else
		verification_free(verify->out);
	return rc;
}

int verify_bundle(int dir, const struct verify_options *options,
    struct verification **ret_verification, char ret_why[VERIFY_WHY_MAX])
{
	struct verify verify = {.options = options, .out = verification_new(), .dir = dir};
	int rc = begin(&verify, ret_why);

	if (rc == 0)
		check(&verify);
	if (verify.error != 0)
		rc = failed(&verify, ret_why);
	return end(&verify, rc, ret_verification);
}

int verify_list(int dir, const struct verify_options *options, verify_path_cb *each, void *arg,
    struct verification **ret_verification, char ret_why[VERIFY_WHY_MAX])
{
	struct verify verify = {.options = options, .out = verification_new(), .dir = dir};
	int rc = begin(&verify, ret_why);

	for (size_t i = 0; rc == 0 && verify.out->all_findings == 0 && i < verify.n_files; i++) {
		char path[VERIFY_PATH_MAX];

		(void)snprintf(path, sizeof(path), "%.*s", (int)verify.files[i].path.len,
		    verify.files[i].path.ptr);
		rc = each(arg, path);
		if (rc != 0)
			(void)snprintf(ret_why, VERIFY_WHY_MAX, "memory is short.");
	}
	if (rc == 0 && verify.out->all_findings > 0)
		verify_leave(&verify, "everything else: the list of the files is not right");
	return end(&verify, rc, ret_verification);
}
