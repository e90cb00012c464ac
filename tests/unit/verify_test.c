/* audit/verify over bundles that another program makes from FORMAT.md (tests/live/lib/bundle.mjs):
 * what is right is taken; of what is not, every changed byte and every missing one is found, in the
 * right file, also where an operator with the result key signs the list of files anew.
 *   TEST_MUTATIONS=10000   how many changes, of each kind (100)
 *   TEST_SEED=7            which
 *   TALLYD_BUNDLE=DIR TALLYD_BUNDLE_KEY=KEY   changes of another bundle, on a copy of it */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit/verify.h"
#include "base/buf.h"
#include "base/encode.h"
#include "crypto/digest.h"
#include "crypto/note.h"

#define FILES_MAX 4000
#define BYTES_MAX (64 << 20)

static char root[] = "/tmp/tallyd-verify-XXXXXX";

/* ---- a bundle on disk, and in memory ---- */

struct file {
	char *path;
	char *bytes;
	size_t len;
};

struct bundle {
	char dir[200];
	char key[400];
	uint8_t seed[32]; /* of the result key */
	struct file files[FILES_MAX];
	size_t n;
};

static struct bundle bundle; /* large; one at a time */

static void read_file(const char *path, struct file *ret_file)
{
	char full[4096];
	struct buf bytes;
	FILE *file;

	(void)snprintf(full, sizeof(full), "%s/%s", bundle.dir, path);
	buf_init(&bytes, BYTES_MAX);
	file = fopen(full, "re");
	assert_non_null(file);
	for (size_t n = 1; n > 0; bytes.len += n) {
		assert_int_equal(buf_reserve(&bytes, 65536), 0);
		n = fread(bytes.data + bytes.len, 1, 65536, file);
	}
	(void)fclose(file);
	*ret_file = (struct file){strdup(path), bytes.data, bytes.len};
}

static int take(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)ftw;
	if (type == FTW_F && bundle.n < FILES_MAX)
		read_file(path + strlen(bundle.dir) + 1, &bundle.files[bundle.n++]);
	return 0;
}

static int erase(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void write_file(const char *path, const char *bytes, size_t len)
{
	char full[4096];
	FILE *file;

	(void)snprintf(full, sizeof(full), "%s/%s", bundle.dir, path);
	file = fopen(full, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void restore(const struct file *file)
{
	write_file(file->path, file->bytes, file->len);
}

static const struct file *file_at(const char *path)
{
	for (size_t i = 0; i < bundle.n; i++)
		if (strcmp(bundle.files[i].path, path) == 0)
			return &bundle.files[i];
	fail_msg("there is no %s", path);
	return NULL;
}

static void drop_bundle(void)
{
	for (size_t i = 0; i < bundle.n; i++) {
		free(bundle.files[i].path);
		free(bundle.files[i].bytes);
	}
	bundle.n = 0;
	if (bundle.dir[0])
		(void)nftw(bundle.dir, erase, 20, FTW_DEPTH | FTW_PHYS);
}

static void read_line(FILE *file, char *ret_line, size_t cap)
{
	assert_non_null(fgets(ret_line, (int)cap, file));
	ret_line[strcspn(ret_line, "\n")] = '\0';
}

static void make_bundle(const char *options)
{
	char command[800], seed[80];
	size_t len;

	drop_bundle();
	(void)snprintf(bundle.dir, sizeof(bundle.dir), "%s/bundle", root);
	(void)snprintf(command, sizeof(command), "node tests/live/lib/make-bundle.mjs %s '%s'",
	    bundle.dir, options);
	FILE *maker = popen(command, "re"); /* NOLINT(cert-env33-c): our own script */
	assert_non_null(maker);
	read_line(maker, bundle.key, sizeof(bundle.key));
	read_line(maker, seed, sizeof(seed));
	assert_int_equal(hex_decode(slice_text(seed), bundle.seed, 32, &len), 0);
	while (fgets(seed, sizeof(seed), maker))
		;
	assert_int_equal(pclose(maker), 0);
	(void)nftw(bundle.dir, take, 20, FTW_PHYS);
}

/* ---- verifying ---- */

static struct verification *verify(const char *key)
{
	struct verification *verification = NULL;
	const struct verify_options options = {.key = key};
	char why[VERIFY_WHY_MAX] = "";
	int dir = open(bundle.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	assert_true(dir >= 0);
	rc = verify_bundle(dir, &options, &verification, why);
	(void)close(dir);
	if (rc != 0)
		print_error("%s\n", why);
	assert_int_equal(rc, 0);
	return verification;
}

static void print_findings(const struct verification *verification)
{
	for (size_t i = 0; i < verification->n_findings && i < 10; i++)
		print_message("%s: %s\n",
		    verification->findings[i].file ? verification->findings[i].file : "",
		    verification->findings[i].why);
}

static void assert_verified(const char *key)
{
	struct verification *verification = verify(key);

	print_findings(verification);
	assert_int_equal(verification->all_findings, 0);
	verification_free(verification);
}

/* Whether a finding is about this file, or says that another does not agree with it. */
static bool names(const struct verification *verification, const char *path)
{
	for (size_t i = 0; i < verification->n_findings; i++)
		if ((verification->findings[i].file &&
			strcmp(verification->findings[i].file, path) == 0) ||
		    strstr(verification->findings[i].why, path))
			return true;
	return false;
}

static bool is_found(const char *path)
{
	struct verification *verification = verify(bundle.key);
	bool found = verification->all_findings > 0 && names(verification, path);

	if (!found)
		print_findings(verification);
	verification_free(verification);
	return found;
}

/* A finding of this file with these words. */
static bool is_told(const char *path, const char *begin, const char *word)
{
	struct verification *verification = verify(bundle.key);
	bool told = false;

	for (size_t i = 0; i < verification->n_findings && !told; i++)
		told = verification->findings[i].file &&
		       strcmp(verification->findings[i].file, path) == 0 &&
		       strncmp(verification->findings[i].why, begin, strlen(begin)) == 0 &&
		       strstr(verification->findings[i].why, word);
	if (!told)
		print_findings(verification);
	verification_free(verification);
	return told;
}

/* ---- an operator who signs the list anew ---- */

/* Puts a changed file's hash into SHA256SUMS and signs it. */
static void reseal(const char *path, const char *bytes, size_t len)
{
	const struct file *sums = file_at("SHA256SUMS"), *note = file_at("SHA256SUMS.note");
	char *changed = strndup(sums->bytes, sums->len);
	char end[400], hash_hex[HEX_SIZE(32)], text[600], name[NOTE_NAME_MAX + 1];
	uint8_t hash[32], public[32];
	struct buf out;

	(void)snprintf(end, sizeof(end), "  %s\n", path);
	char *at = strstr(changed, end);
	assert_non_null(at);
	sha256(slice_make(bytes, len), hash);
	hex_encode(hash, sizeof(hash), hash_hex);
	memcpy(at - 64, hash_hex, 64);
	sha256(slice_make(changed, sums->len), hash);
	hex_encode(hash, sizeof(hash), hash_hex);
	/* the note's text but for the last hash */
	size_t keep = (size_t)(strstr(note->bytes, "\n\n") - note->bytes) - 64;
	(void)snprintf(text, sizeof(text), "%.*s%s\n", (int)keep, note->bytes, hash_hex);
	assert_int_equal(note_verifier_read(slice_text(bundle.key), name, public), 0);
	buf_init(&out, 4096);
	assert_int_equal(note_sign(slice_text(text), name, bundle.seed, &out), 0);
	write_file("SHA256SUMS", changed, sums->len);
	write_file("SHA256SUMS.note", out.data, out.len);
	buf_release(&out);
	free(changed);
}

static void restore_seal(void)
{
	restore(file_at("SHA256SUMS"));
	restore(file_at("SHA256SUMS.note"));
}

/* ---- random changes ---- */

static unsigned number_of(const char *variable, unsigned fallback)
{
	const char *text = getenv(variable);

	return text ? (unsigned)strtoul(text, NULL, 10) : fallback;
}

static unsigned state;

static unsigned roll(size_t n)
{
	state = state * 1664525U + 1013904223U;
	return (unsigned)(((uint64_t)(state >> 4) * n) >> 28);
}

static void begin_rolling(void)
{
	state = number_of("TEST_SEED", (unsigned)time(NULL));
	print_message("TEST_SEED=%u\n", state);
}

/* One byte of one file becomes another. */
static void change_one(bool sealed)
{
	const struct file *file;
	size_t at;
	char to;

	do
		file = &bundle.files[roll(bundle.n)];
	while (file->len == 0 || strcmp(file->path, "_headers") == 0 || /* the host's */
	       (sealed && strncmp(file->path, "SHA256SUMS", 10) == 0));
	at = roll(file->len);
	to = (char)(file->bytes[at] ^ (1 + (int)roll(255)));
	char *changed = malloc(file->len);
	assert_non_null(changed);
	memcpy(changed, file->bytes, file->len);
	changed[at] = to;
	write_file(file->path, changed, file->len);
	if (sealed)
		reseal(file->path, changed, file->len);
	free(changed);
	if (!is_found(file->path))
		fail_msg("%s: byte %zu changed from %02x to %02x is not found", file->path, at,
		    (unsigned char)file->bytes[at], (unsigned char)to);
	restore(file);
	if (sealed)
		restore_seal();
}

/* A copy of a bundle that somebody else has made. */
static bool take_given(void)
{
	const char *dir = getenv("TALLYD_BUNDLE"), *key = getenv("TALLYD_BUNDLE_KEY");
	char command[2000];

	if (!dir || !key)
		return false;
	drop_bundle();
	(void)snprintf(bundle.dir, sizeof(bundle.dir), "%s/bundle", root);
	(void)snprintf(bundle.key, sizeof(bundle.key), "%s", key);
	(void)snprintf(command, sizeof(command), "cp -r '%s' '%s'", dir, bundle.dir);
	FILE *copy = popen(command, "re"); /* NOLINT(cert-env33-c): given by hand */
	assert_non_null(copy);
	assert_int_equal(pclose(copy), 0);
	(void)nftw(bundle.dir, take, 20, FTW_PHYS);
	return true;
}

static void any_changed_byte_is_found(void **unused)
{
	unsigned n = number_of("TEST_MUTATIONS", 100);

	(void)unused;
	begin_rolling();
	if (!take_given())
		make_bundle("{\"voters\":400,\"versions\":2,\"epochs\":2}");
	assert_verified(bundle.key);
	for (unsigned i = 0; i < n; i++)
		change_one(false);
	assert_verified(bundle.key);
}

/* Files whose every byte has a meaning that the rest of the bundle bears out. */
static bool is_borne_out(const char *path)
{
	static const char *const begins[] = {
	    "SHA256SUMS", "log/", "openings/", "results/", "rules.json"};

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (strncmp(path, begins[i], strlen(begins[i])) == 0)
			return true;
	return false;
}

static void and_under_a_list_that_is_signed_anew(void **unused)
{
	unsigned n = number_of("TEST_MUTATIONS", 100);
	size_t kept = 0;

	(void)unused;
	begin_rolling();
	make_bundle("{\"voters\":400,\"versions\":2,\"epochs\":2}");
	for (size_t i = 0; i < bundle.n; i++) {
		if (is_borne_out(bundle.files[i].path)) {
			bundle.files[kept++] = bundle.files[i];
			continue;
		}
		free(bundle.files[i].path);
		free(bundle.files[i].bytes);
	}
	bundle.n = kept;
	for (unsigned i = 0; i < n; i++)
		change_one(true);
	assert_verified(bundle.key);
}

/* ---- truncations ---- */

static void any_truncation_is_found(void **unused)
{
	(void)unused;
	make_bundle("{\"voters\":3,\"shards\":1}");
	for (size_t i = 0; i < bundle.n; i++) {
		const struct file *file = &bundle.files[i];

		for (size_t len = 0; len < file->len && file->len < 400; len++) {
			write_file(file->path, file->bytes, len);
			if (!is_found(file->path))
				fail_msg("%s: %zu of %zu bytes are not found", file->path, len,
				    file->len);
			/* where the list is signed anew, too; the last line may miss its end */
			if (!is_borne_out(file->path) || strncmp(file->path, "SHA256SUMS", 10) == 0)
				continue;
			reseal(file->path, file->bytes, len);
			if (!is_found(file->path))
				fail_msg("%s: %zu of %zu bytes, signed anew, are not found",
				    file->path, len, file->len);
			restore_seal();
		}
		restore(file);
	}
	assert_verified(bundle.key);
}

/* ---- what is right ---- */

static void verifies_what_is_right(void **unused)
{
	static const char *const options[] = {
	    "{}",
	    "{\"voters\":0}",
	    "{\"voters\":1,\"shards\":1,\"revote\":\"refuse\"}",
	    "{\"voters\":255,\"shards\":1,\"revote\":\"refuse\"}",
	    "{\"voters\":256,\"shards\":1,\"revote\":\"refuse\"}",
	    "{\"voters\":257,\"shards\":1,\"revote\":\"refuse\"}",
	    "{\"form\":\"scores\",\"shards\":3}",
	    "{\"form\":\"ranking\",\"versions\":3}",
	    "{\"epochs\":3,\"lost\":0}",
	    "{\"openings\":\"auditors\"}",
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		make_bundle(options[i]);
		assert_verified(bundle.key);
		assert_verified(NULL);
	}
}

static void says_what_it_looked_at(void **unused)
{
	static const struct {
		const char *name;
		json_int_t n;
	} rows[] = {{"version", 2}, {"results", 2}, {"shards", 2}, {"epochs", 1}, {"ballots", 300},
	    {"issued", 302}};

	(void)unused;
	make_bundle("{\"versions\":2}");
	struct verification *verification = verify(bundle.key);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    json_integer_value(json_object_get(verification->checked, rows[i].name)),
		    rows[i].n);
	const json_t *checked = verification->checked;
	assert_int_equal(json_integer_value(json_object_get(checked, "entries")),
	    json_integer_value(json_object_get(checked, "ballots")) +
		json_integer_value(json_object_get(checked, "superseded")));
	assert_int_equal(json_integer_value(json_object_get(checked, "files")), bundle.n - 2);
	assert_string_equal(json_string_value(json_object_get(checked, "key")), bundle.key);
	assert_true(json_is_true(json_object_get(checked, "pinned")));
	verification_free(verification);
}

/* ---- what is no bundle, no key ---- */

static int status_of(const char *dir, const char *key)
{
	struct verification *verification = NULL;
	const struct verify_options options = {.key = key};
	char why[VERIFY_WHY_MAX] = "";
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = verify_bundle(fd, &options, &verification, why);

	(void)close(fd);
	verification_free(verification);
	assert_true(rc == 0 || strlen(why) > 10);
	return rc;
}

static void refuses_what_is_no_bundle(void **unused)
{
	char empty[200];

	(void)unused;
	make_bundle("{\"voters\":3}");
	(void)snprintf(empty, sizeof(empty), "%s/empty", root);
	assert_int_equal(mkdir(empty, 0700), 0);
	assert_int_equal(status_of(empty, bundle.key), -ENOENT);
	assert_int_equal(status_of(empty, NULL), -ENOENT);
	assert_int_equal(rmdir(empty), 0);
	assert_int_equal(status_of(bundle.dir, "no key"), -EINVAL);
	assert_int_equal(status_of(bundle.dir,
			     "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"),
	    -EINVAL); /* a key, but of no result */
}

/* ---- directories that mean harm ---- */

static void harm(const char *path, void (*make)(const char *full), const char *named)
{
	char full[400];

	(void)snprintf(full, sizeof(full), "%s/%s", bundle.dir, path);
	make(full);
	assert_true(is_found(named));
	assert_int_equal(remove(full), 0);
}

static void make_link(const char *full)
{
	assert_int_equal(symlink("/etc/passwd", full), 0);
}
static void make_pipe(const char *full)
{
	assert_int_equal(mkfifo(full, 0600), 0);
}
static void make_file(const char *full)
{
	int fd = open(full, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	(void)close(fd);
}

/* A listed file in whose place something else stands, or its directory. */
static void put_in_place(const char *path, void (*make)(const char *full))
{
	char full[400], aside[400];

	(void)snprintf(full, sizeof(full), "%s/%s", bundle.dir, path);
	(void)snprintf(aside, sizeof(aside), "%s/aside", root);
	assert_int_equal(rename(full, aside), 0);
	make(full);
	struct verification *verification = verify(bundle.key);
	assert_true(names(verification, path));
	verification_free(verification);
	assert_int_equal(remove(full), 0);
	assert_int_equal(rename(aside, full), 0);
}

static void make_nothing_there(const char *full)
{
	assert_int_equal(symlink("/tmp", full), 0);
}

static void leaves_alone_what_is_no_file_of_the_bundle(void **unused)
{
	(void)unused;
	make_bundle("{\"voters\":3,\"shards\":1}");
	harm("link", make_link, "link");
	harm("log/link", make_link, "log/link");
	harm("pipe", make_pipe, "pipe");
	harm("more", make_file, "more");
	harm("log/kai/0/tile/0/000.p/9", make_file, "log/kai/0/tile/0/000.p/9");
	harm("bad\x01\xff name", make_file, "bad\x01? name");
	put_in_place("rules.json", make_link);
	put_in_place("rules.json", make_pipe);
	put_in_place("log/kai", make_nothing_there);
	put_in_place("results", make_link);
	assert_verified(bundle.key);
}

/* Lists that are signed and mean harm: nothing outside of the directory is read, and nothing ends
 * but in a finding. */
static void distrusts_the_list(void **unused)
{
	static const char *const paths[] = {"../aside", "/etc/passwd", "log//kai", "log/./kai",
	    "log/../../aside", "a\tb", "a\\b", ".", "..", "x/", "SHA256SUMS", "SHA256SUMS.note",
	    ""};

	(void)unused;
	make_bundle("{\"voters\":3,\"shards\":1}");
	const struct file *sums = file_at("SHA256SUMS");
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct buf changed;
		buf_init(&changed, BYTES_MAX);
		assert_int_equal(buf_append(&changed, sums->bytes, sums->len), 0);
		assert_int_equal(
		    buf_printf(&changed,
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  %s\n",
			paths[i]),
		    0);
		write_file("SHA256SUMS", changed.data, changed.len);
		assert_true(is_told("SHA256SUMS", "line ", "is no "));
		buf_release(&changed);
	}
	restore(sums);
	assert_verified(bundle.key);
}

static int set_up(void **unused)
{
	(void)unused;
	return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **unused)
{
	(void)unused;
	drop_bundle();
	return rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verifies_what_is_right),
	    cmocka_unit_test(says_what_it_looked_at),
	    cmocka_unit_test(any_changed_byte_is_found),
	    cmocka_unit_test(and_under_a_list_that_is_signed_anew),
	    cmocka_unit_test(any_truncation_is_found),
	    cmocka_unit_test(refuses_what_is_no_bundle),
	    cmocka_unit_test(leaves_alone_what_is_no_file_of_the_bundle),
	    cmocka_unit_test(distrusts_the_list),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
