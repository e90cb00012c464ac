/* crypto/keyring: made once, kept, private, told apart by the last byte of the id, and what a
 * broken directory is answered with. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/encode.h"
#include "crypto/digest.h"
#include "crypto/keyring.h"
#include "crypto/note.h"
#include "crypto/privacypass.h"

static char root[64], keys[80];
static char why[KEYRING_WHY_MAX];

static int make_root(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof(root), "/tmp/keyring-test-XXXXXX");
	if (mkdtemp(root) == NULL)
		return 1;
	(void)snprintf(keys, sizeof(keys), "%s/keys", root);
	why[0] = '\0';
	return 0;
}

static int drop_root(void **state)
{
	(void)state;
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf -- %s", root);
	return system(command);
}

static char *at(const char *file)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", keys, file);
	return path;
}

static unsigned mode_of(const char *file)
{
	struct stat st;

	assert_int_equal(stat(at(file), &st), 0);
	return st.st_mode & 07777;
}

static void makes_and_loads(void **state)
{
	(void)state;
	bool made = false;
	struct keyring_public public, again;
	struct blindrsa_private *private = NULL;
	uint8_t signature[BLINDRSA_BYTES], digest[32];

	assert_int_equal(keyring_generate(keys, "kai~rehearsal", &made, why), 0);
	assert_true(made);
	assert_int_equal(mode_of(""), 0700);
	assert_int_equal(mode_of("kai~rehearsal"), 0700);
	assert_int_equal(mode_of("kai~rehearsal/token.private.pem"), 0600);
	assert_int_equal(mode_of("kai~rehearsal/log.private.pem"), 0600);
	assert_int_equal(mode_of("kai~rehearsal/salt.key"), 0600);
	assert_int_equal(mode_of("kai~rehearsal/token.public.pem"), 0644);
	assert_int_equal(mode_of("kai~rehearsal/log.public.pem"), 0644);

	assert_int_equal(keyring_load_public(keys, "kai~rehearsal", &public, why), 0);
	pp_key_id(public.token, digest);
	assert_memory_equal(public.token_key_id, digest, 32);
	sha256(slice_make(public.log_key, 32), digest);
	assert_memory_equal(public.log_key_fingerprint, digest, 32);
	sha256_parts(
	    (struct slice[]){slice_text("tallyd salt key v1\n"), slice_make(public.salt, 32)}, 2,
	    digest);
	assert_memory_equal(public.salt_fingerprint, digest, 32);

	assert_int_equal(keyring_load_token_private(keys, "kai~rehearsal", &private, why), 0);
	assert_int_equal(blindrsa_sign_message(private, slice_text("x"), signature), 0);
	assert_true(blindrsa_verify(
	    public.token, slice_text("x"), slice_make(signature, sizeof(signature))));
	blindrsa_private_free(private);

	/* a second time nothing is made, and all is as it was */
	assert_int_equal(keyring_generate(keys, "kai~rehearsal", &made, why), 0);
	assert_false(made);
	assert_int_equal(keyring_load_public(keys, "kai~rehearsal", &again, why), 0);
	assert_memory_equal(public.token_key_id, again.token_key_id, 32);
	assert_memory_equal(public.log_key, again.log_key, 32);
	assert_memory_equal(public.salt, again.salt, 32);
	keyring_public_release(&public);
	keyring_public_release(&again);
}

/* A lost public half is derived again; a salt key lost is another one, and says so by its print. */
static void makes_what_is_missing(void **state)
{
	(void)state;
	bool made = false;
	struct keyring_public before, after;

	assert_int_equal(keyring_generate(keys, "kai", &made, why), 0);
	assert_int_equal(keyring_load_public(keys, "kai", &before, why), 0);
	assert_int_equal(unlink(at("kai/token.public.pem")), 0);
	assert_int_equal(unlink(at("kai/log.public.pem")), 0);
	assert_int_equal(keyring_load_public(keys, "kai", &after, why), -ENOENT);
	assert_non_null(strstr(why, "token.public.pem"));
	assert_non_null(strstr(why, "tallyctl keygen"));
	assert_int_equal(keyring_generate(keys, "kai", &made, why), 0);
	assert_true(made);
	assert_int_equal(keyring_load_public(keys, "kai", &after, why), 0);
	assert_memory_equal(before.token_key_id, after.token_key_id, 32);
	assert_memory_equal(before.log_key, after.log_key, 32);
	keyring_public_release(&after);

	assert_int_equal(unlink(at("kai/salt.key")), 0);
	assert_int_equal(keyring_generate(keys, "kai", &made, why), 0);
	assert_int_equal(keyring_load_public(keys, "kai", &after, why), 0);
	assert_memory_not_equal(before.salt_fingerprint, after.salt_fingerprint, 32);
	keyring_public_release(&before);
	keyring_public_release(&after);

	/* a worker without the private half is not given another key */
	assert_int_equal(unlink(at("kai/token.private.pem")), 0);
	assert_int_equal(keyring_generate(keys, "kai", &made, why), 0);
	assert_false(made);
	assert_int_equal(access(at("kai/token.private.pem"), F_OK), -1);
}

/* The keys of named tokens and of results: pairs that belong together, fingerprints as documented.
 */
static void pairs_belong_together(void **state)
{
	(void)state;
	bool made = false;
	struct keyring_public public;
	struct jws_key *private = NULL;
	json_t *claims = json_pack("{s:s}", "sub", "x"), *read = NULL;
	uint8_t seed[32], raw[32], digest[32];
	char *token;

	assert_int_equal(keyring_generate(keys, "kai", &made, why), 0);
	assert_int_equal(mode_of("kai/bearer.private.pem"), 0600);
	assert_int_equal(mode_of("kai/result.private.pem"), 0600);
	assert_int_equal(mode_of("kai/bearer.public.pem"), 0644);
	assert_int_equal(mode_of("kai/result.public.pem"), 0644);
	assert_int_equal(keyring_load_public(keys, "kai", &public, why), 0);

	assert_int_equal(keyring_load_bearer_private(keys, "kai", &private, why), 0);
	token = jws_sign(private, claims);
	assert_non_null(token);
	assert_int_equal(jws_verify(public.bearer, slice_text(token), &read), 0);
	assert_true(json_equal(claims, read));
	assert_int_equal(keyring_load_result_private(keys, "kai", seed, why), 0);
	assert_int_equal(note_public(seed, raw), 0);
	assert_memory_equal(raw, public.result_key, 32);
	sha256(slice_make(raw, 32), digest);
	assert_memory_equal(digest, public.result_fingerprint, 32);
	assert_memory_not_equal(public.result_key, public.log_key, 32);
	assert_int_equal(keyring_load_log_private(keys, "kai", seed, why), 0);
	assert_int_equal(note_public(seed, raw), 0);
	assert_memory_equal(raw, public.log_key, 32);

	/* the SPKI of a P-256 key has 91 bytes: 26 that say so, and the point */
	{
		char command[400], text[200] = "", hex[65] = "";
		FILE *pipe;
		(void)snprintf(command, sizeof(command),
		    "openssl pkey -pubin -in %s -outform DER | sha256sum",
		    at("kai/bearer.public.pem"));
		pipe = popen(command, "r");
		assert_non_null(pipe);
		assert_non_null(fgets(text, sizeof(text), pipe));
		assert_int_equal(pclose(pipe), 0);
		(void)hex_encode(public.bearer_fingerprint, 32, hex);
		assert_memory_equal(text, hex, 64);
	}
	free(token);
	json_decref(claims);
	json_decref(read);
	jws_key_free(private);
	keyring_public_release(&public);
}

/* A run that was ended in the middle is completed by the next, and what there is stays. */
static void completes_what_was_begun(void **state)
{
	(void)state;
	const char *const newer[] = {"kai/bearer.private.pem", "kai/bearer.public.pem",
	    "kai/result.private.pem", "kai/result.public.pem", "kai/salt.key"};
	bool made = false;
	struct keyring_public before, after;

	assert_int_equal(keyring_generate(keys, "kai", &made, why), 0);
	assert_int_equal(keyring_load_public(keys, "kai", &before, why), 0);
	for (size_t i = 0; i < 5; i++) /* the salt key is made last */
		assert_int_equal(unlink(at(newer[i])), 0);
	assert_int_equal(keyring_load_public(keys, "kai", &after, why), -ENOENT);
	assert_non_null(strstr(why, "salt.key"));
	assert_non_null(strstr(why, "tallyctl keygen"));
	assert_int_equal(keyring_generate(keys, "kai", &made, why), 0);
	assert_true(made);
	assert_int_equal(keyring_load_public(keys, "kai", &after, why), 0);
	assert_memory_equal(before.token_key_id, after.token_key_id, 32);
	assert_memory_equal(before.log_key, after.log_key, 32);
	assert_memory_not_equal(before.bearer_fingerprint, after.bearer_fingerprint, 32);
	assert_memory_not_equal(before.result_key, after.result_key, 32);
	keyring_public_release(&before);

	/* a public half that was lost is derived again */
	assert_int_equal(unlink(at(newer[1])), 0);
	assert_int_equal(unlink(at(newer[3])), 0);
	assert_int_equal(keyring_generate(keys, "kai", &made, why), 0);
	assert_int_equal(keyring_load_public(keys, "kai", &before, why), 0);
	assert_memory_equal(before.bearer_fingerprint, after.bearer_fingerprint, 32);
	assert_memory_equal(before.result_key, after.result_key, 32);
	keyring_public_release(&before);
	keyring_public_release(&after);
}

/* Of a round that had all its keys a lost one is not made anew: the backup has it. */
static void makes_no_second_key(void **state)
{
	static const struct {
		const char *private, *public;
	} pairs[] = {{"kai/token.private.pem", "kai/token.public.pem"},
	    {"kai/log.private.pem", "kai/log.public.pem"},
	    {"kai/bearer.private.pem", "kai/bearer.public.pem"},
	    {"kai/result.private.pem", "kai/result.public.pem"}};
	const char *names[KEYRING_PRIVATE];
	struct keyring_public public;
	uint8_t seed[32];
	bool made;

	(void)state;
	assert_int_equal(keyring_generate(keys, "kai", &made, why), 0);
	assert_int_equal(keyring_absent(keys, "kai", names), 0);
	for (size_t i = 4;
	     i-- > 0;) { /* the last ones stay gone: the first that is gone is named */
		assert_int_equal(unlink(at(pairs[i].private)), 0);
		assert_int_equal(keyring_absent(keys, "kai", names), 4 - i);
		assert_string_equal(names[0], pairs[i].private + strlen("kai/"));
		if (i == 3) {
			assert_int_equal(
			    keyring_load_result_private(keys, "kai", seed, why), -ENOENT);
			assert_non_null(strstr(why, "kai/result.private.pem"));
			assert_non_null(strstr(why, "from the backup"));
			assert_null(strstr(why, "keygen"));
			assert_int_equal(keyring_generate(keys, "kai", &made, why), 0);
			assert_false(made); /* another host may have it */
		}
		assert_int_equal(unlink(at(pairs[i].public)), 0);
		assert_int_equal(keyring_load_public(keys, "kai", &public, why), -ENOENT);
		assert_non_null(strstr(why, "from the backup"));
		assert_int_equal(keyring_generate(keys, "kai", &made, why), -ENOKEY);
		assert_non_null(strstr(why, pairs[i].private));
		assert_non_null(strstr(why, "from the backup"));
		assert_int_equal(access(at(pairs[i].private), F_OK), -1);
		assert_int_equal(access(at(pairs[i].public), F_OK), -1);
	}
}

static void refuses_open_secrets(void **state)
{
	(void)state;
	const char *const files[] = {"kai/salt.key", "kai/token.private.pem",
	    "kai/bearer.private.pem", "kai/result.private.pem", "kai/log.private.pem"};
	const mode_t modes[] = {0640, 0604, 0660, 0644, 0610};
	struct keyring_public public;
	struct blindrsa_private *private = NULL;
	struct jws_key *bearer = NULL;
	uint8_t seed[32];
	bool made;

	assert_int_equal(keyring_generate(keys, "kai", &made, why), 0);
	for (size_t f = 0; f < 5; f++) {
		for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
			assert_int_equal(chmod(at(files[f]), modes[m]), 0);
			assert_int_equal(
			    f == 0   ? keyring_load_public(keys, "kai", &public, why)
			    : f == 1 ? keyring_load_token_private(keys, "kai", &private, why)
			    : f == 2 ? keyring_load_bearer_private(keys, "kai", &bearer, why)
			    : f == 3 ? keyring_load_result_private(keys, "kai", seed, why)
				     : keyring_load_log_private(keys, "kai", seed, why),
			    -EPERM);
			assert_non_null(strstr(why, files[f]));
			assert_non_null(strstr(why, "chmod 600"));
		}
		assert_int_equal(chmod(at(files[f]), 0600), 0);
	}
	assert_int_equal(chmod(at("kai"), 0750), 0);
	assert_int_equal(keyring_generate(keys, "kai", &made, why), -EPERM);
	assert_non_null(strstr(why, "chmod 700"));
}

static void write_text(const char *file, const char *text)
{
	int fd = open(at(file), O_WRONLY | O_TRUNC | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(close(fd), 0);
}

static void names_damage(void **state)
{
	(void)state;
	const char *const files[] = {"kai/token.public.pem", "kai/log.public.pem", "kai/salt.key",
	    "kai/bearer.public.pem", "kai/result.public.pem"};
	struct keyring_public public;
	bool made;

	assert_int_equal(keyring_generate(keys, "kai", &made, why), 0);
	{
		uint8_t seed[32];
		write_text("kai/log.private.pem", "not a key");
		assert_int_equal(keyring_load_log_private(keys, "kai", seed, why), -EINVAL);
		assert_non_null(strstr(why, "kai/log.private.pem"));
		assert_int_equal(unlink(at("kai/log.private.pem")), 0);
		assert_int_equal(keyring_load_log_private(keys, "kai", seed, why), -ENOENT);
	}
	for (size_t i = sizeof(files) / sizeof(files[0]); i-- > 0;) {
		write_text(files[i], "not a key");
		assert_int_equal(keyring_load_public(keys, "kai", &public, why), -EINVAL);
		assert_non_null(strstr(why, files[i]));
	}
	/* damage is never repaired over: the file stays for whoever restores it */
	assert_int_equal(keyring_generate(keys, "kai", &made, why), 0);
	assert_false(made);
}

/* Many rounds: all last bytes differ. With 24 keys of chance alone two would agree in 2 of 3 runs.
 */
static void last_bytes_differ(void **state)
{
	(void)state;
	bool taken[256] = {false};
	bool made;

	for (int i = 0; i < 24; i++) {
		struct keyring_public public;
		char round[16];
		(void)snprintf(round, sizeof(round), "r%d", i);
		assert_int_equal(keyring_generate(keys, round, &made, why), 0);
		assert_int_equal(keyring_load_public(keys, round, &public, why), 0);
		assert_false(taken[public.token_key_id[31]]);
		taken[public.token_key_id[31]] = true;
		keyring_public_release(&public);
	}
}

/* What an interrupted run leaves is neither taken for a key nor in the way. */
static void survives_interruption(void **state)
{
	(void)state;
	struct keyring_public public;
	char temporary[64];
	bool made;

	assert_int_equal(mkdir(keys, 0700), 0);
	assert_int_equal(mkdir(at("kai"), 0700), 0);
	(void)snprintf(
	    temporary, sizeof(temporary), "kai/.token.private.pem.%ld.new", (long)getpid());
	write_text(temporary, "half a k");
	write_text("a stray file", "x");
	assert_int_equal(mkdir(at("without-keys"), 0700), 0);
	assert_int_equal(keyring_generate(keys, "kai", &made, why), 0);
	assert_int_equal(keyring_load_public(keys, "kai", &public, why), 0);
	assert_int_equal(access(at(temporary), F_OK), -1);
	keyring_public_release(&public);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(makes_and_loads, make_root, drop_root),
	    cmocka_unit_test_setup_teardown(makes_what_is_missing, make_root, drop_root),
	    cmocka_unit_test_setup_teardown(pairs_belong_together, make_root, drop_root),
	    cmocka_unit_test_setup_teardown(completes_what_was_begun, make_root, drop_root),
	    cmocka_unit_test_setup_teardown(makes_no_second_key, make_root, drop_root),
	    cmocka_unit_test_setup_teardown(refuses_open_secrets, make_root, drop_root),
	    cmocka_unit_test_setup_teardown(names_damage, make_root, drop_root),
	    cmocka_unit_test_setup_teardown(last_bytes_differ, make_root, drop_root),
	    cmocka_unit_test_setup_teardown(survives_interruption, make_root, drop_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
